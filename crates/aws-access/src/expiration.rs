//! The end of credentials, in the forms that different programs write.

use std::time::SystemTime;

use aws_smithy_types::date_time::{DateTime, Format};

/// Reads a time with a zone, in forms that the AWS CLI takes from programs: RFC 3339, and its relatives in ISO 8601.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let time = numeric(text.trim())?;
    let time = DateTime::from_str(&time, Format::DateTimeWithOffset).ok()?;
    time.try_into().ok()
}

/// Reads a form of ISO 8601, and returns it in that of RFC 3339. Seconds, colons and hyphens may be missing, and a blank may be in place of the `T`.
fn numeric(text: &str) -> Option<String> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let is_clock = |c: char| c.is_ascii_digit() || ":.,".contains(c);
    let rest = rest.trim_start();
    let (time, zone) = rest.split_at(rest.find(|c| !is_clock(c))?);
    Some(format!("{}T{}{}", day(date)?, clock(time)?, offset(zone.trim_start())?))
}

/// Returns `2026-12-28` for that or `20261228`.
fn day(text: &str) -> Option<String> {
    match digits(text, 8..=8) {
        Some(text) => Some(format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])),
        None => {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let year = digits(year, 4..=4)?;
            Some(format!("{year}-{}-{}", two_digits(month)?, two_digits(day)?))
        }
    }
}

/// Returns `21:00:00` for that, `210000`, `21:00`, `2100` or `21`. Seconds may have a fraction.
fn clock(text: &str) -> Option<String> {
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(digits(fraction, 1..=100)?)),
        None => (text, None),
    };
    let parts: Vec<&str> = match digits(whole, 2..=6).filter(|whole| whole.len() % 2 == 0) {
        Some(whole) => (0..whole.len()).step_by(2).map(|at| &whole[at..at + 2]).collect(),
        None => whole.split(':').collect(),
    };
    let parts = parts.into_iter().map(two_digits).collect::<Option<Vec<_>>>()?;
    // Nine digits are nanoseconds, and more have no effect.
    let fraction = fraction.map(|digits| format!(".{}", &digits[..digits.len().min(9)]));
    match (&parts[..], fraction) {
        ([hour, minute, second], fraction) => Some(format!("{hour}:{minute}:{second}{}", fraction.unwrap_or_default())),
        ([hour, minute], None) => Some(format!("{hour}:{minute}:00")),
        ([hour], None) => Some(format!("{hour}:00:00")),
        _ => None,
    }
}

/// Returns `+00:00` for that, `+0000`, `+00`, `Z`, `UTC` or `GMT`.
fn offset(text: &str) -> Option<String> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some("+00:00".to_owned());
    }
    let sign = text.chars().next().filter(|sign| "+-".contains(*sign))?;
    let rest = &text[1..];
    let (hours, minutes) = match (digits(rest, 2..=4), rest.split_once(':')) {
        (None, Some((hours, minutes))) => (hours, digits(minutes, 2..=2)?),
        (Some(rest), _) if rest.len() != 3 => rest.split_at(2),
        _ => return None,
    };
    let minutes = if minutes.is_empty() { "00" } else { minutes };
    Some(format!("{sign}{}:{minutes}", two_digits(hours)?))
}

/// Returns a text that is so many digits.
fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<&str> {
    (count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Returns one or two digits as two.
fn two_digits(text: &str) -> Option<String> {
    Some(format!("{:0>2}", digits(text, 1..=2)?))
}

/// Returns a time as the AWS CLI writes it, RFC 3339 in UTC and whole seconds: `2026-01-02T03:04:05Z`. It is rounded down, so that renewal is early
/// rather than late. `None` for a year that has more than four digits.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    let whole = DateTime::from_secs(DateTime::from(time).secs());
    whole.fmt(Format::DateTime).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_programs_write_them() {
        let expected = parse("2026-12-28T21:00:00Z").unwrap();
        for same in [
            "2026-12-28T21:00:00UTC",
            "2026-12-28T21:00:00+00:00",
            "2026-12-28T22:30:00+01:30",
            "2026-12-28 21:00:00Z",
            "2026-12-28  22:30:00+01:30",
            "2026-12-28 21:00:00 UTC",
            "2026-12-28T21:00:00+0000",
            "2026-12-28T14:00:00-0700",
            "2026-12-28T21:00:00+00",
            "2026-12-28T14:00:00 -7:00",
            "2026-12-28T21:00:00 GMT",
            "2026-12-28T21:00Z",
            "2026-12-28T21z",
            "20261228T210000Z",
            "20261228T2100+00",
            "2026-12-28T21:00:00,0Z",
            "2026-12-28T21:00:00.00000000000000Z",
            " 2026-12-28T21:00:00Z\n",
        ] {
            assert_eq!(parse(same), Some(expected), "{same}");
        }
        assert!(parse("2026-12-28T21:00:00.123456Z").is_some());
    }

    #[test]
    fn what_is_no_time() {
        for none in [
            "soon",
            "",
            " ",
            "T",
            "2026-12-28",
            "2026-12-28T21:00:00",
            "2026-12-28T21:00:00 EST",
            "2026-12-28T21:00:00 GMT+3",
            "2026-12-28T21:00:00+000",
            "2026-12-28T21:00:00Z Z",
            "2026-13-28T21:00:00Z",
            "2026-02-30T21:00:00Z",
            "2026-12-28T25:00:00Z",
            "2026-12-28T21.5Z",
            "2026-12-28T210Z",
            "26-12-28T21:00:00Z",
            "20261228",
            "2026/12/28 21:00:00Z",
            "1798491600",
            "Mon, 28 Dec 2026",
            "Mon, 28 Dec 2026 21:00:00 GMT",
            "28 Dec 2026 21:00:00",
            "\u{e9}\u{e9}T21:00:00Z",
            "2026-12-28T21:00:00\u{2212}07:00",
        ] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_time_is_written_in_whole_seconds() {
        let time = parse("2026-11-28T21:00:00.987Z").unwrap();
        assert_eq!(rfc3339(time).as_deref(), Some("2026-11-28T21:00:00Z"));
    }
}
