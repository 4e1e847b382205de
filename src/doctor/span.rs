//! Spans of time, as people say them.

use std::time::Duration;

/// Returns a rounded duration for messages.
pub(super) fn roughly(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    let (one, unit) = match seconds {
        seconds if seconds < 2 * MINUTE => (1, "second"),
        seconds if seconds < 2 * HOUR => (MINUTE, "minute"),
        seconds if seconds < 2 * DAY => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    let count = (seconds + one / 2) / one;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded() {
        for (seconds, shown) in [
            (0.4, "0 seconds"),
            (1.0, "1 second"),
            (119.4, "119 seconds"),
            (3599.6, "60 minutes"),
            (43_199.0, "12 hours"),
            (259_200.0, "3 days"),
        ] {
            assert_eq!(roughly(Duration::from_secs_f64(seconds)), shown);
        }
    }
}
