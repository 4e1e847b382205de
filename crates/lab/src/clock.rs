//! The lab's own clock: real time plus an offset, so that tests make tokens expire without waiting.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

tokio::task_local! {
    /// The clock's error for the call that this task answers, in seconds.
    static SKEW: i64;
}

/// Answers a call with a clock that is wrong by this many seconds.
pub(crate) async fn skewed<T>(seconds: i64, call: impl Future<Output = T>) -> T {
    SKEW.scope(seconds, call).await
}

/// Real time plus an offset that [`Aws::advance`](crate::Aws::advance) moves forward.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicI64,
}

impl Clock {
    /// Moves the clock forward by whole seconds.
    pub(crate) fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Resets the clock to real time.
    pub(crate) fn reset(&self) {
        self.offset.store(0, Ordering::SeqCst);
    }

    /// Returns seconds since the epoch by this clock.
    pub(crate) fn now(&self) -> i64 {
        OffsetDateTime::now_utc()
            .unix_timestamp()
            .saturating_add(self.offset.load(Ordering::SeqCst))
            .saturating_add(SKEW.try_with(|seconds| *seconds).unwrap_or_default())
    }
}

/// Formats a time like SigV4: `20150830T123600Z`.
pub(crate) fn amz_date(seconds: i64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    at(seconds).format(format).unwrap_or_default()
}

/// Reads `20150830T123600Z`; `None` for anything else.
pub(crate) fn parse_amz_date(text: &str) -> Option<i64> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let parsed = time::PrimitiveDateTime::parse(text, format).ok()?;
    Some(parsed.assume_utc().unix_timestamp())
}

/// Formats a time like STS and the credential endpoints: `2015-08-30T12:36:00Z`.
pub(crate) fn iso_date(seconds: i64) -> String {
    at(seconds).format(&Rfc3339).unwrap_or_default()
}

/// Formats a time for the `Date` header: `Sun, 30 Aug 2015 12:36:00 GMT` (RFC 9110, 5.6.7).
pub(crate) fn http_date(seconds: i64) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    at(seconds).format(format).unwrap_or_default()
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_three_formats_of_aws() {
        assert_eq!(amz_date(1_440_938_160), "20150830T123600Z");
        assert_eq!(parse_amz_date("20150830T123600Z"), Some(1_440_938_160));
        assert_eq!(parse_amz_date("2015-08-30T12:36:00Z"), None);
        assert_eq!(iso_date(1_440_938_160), "2015-08-30T12:36:00Z");
        assert_eq!(http_date(1_440_938_160), "Sun, 30 Aug 2015 12:36:00 GMT");
    }
}
