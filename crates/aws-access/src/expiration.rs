//! The end of credentials, in the forms that different programs write.

use std::time::SystemTime;

use aws_smithy_types::date_time::{DateTime, Format};

/// Reads a time: RFC 3339 with any offset, or the form of older AWS CLIs, which ends in `UTC`. RFC 3339 allows a blank for the `T`, and the
/// AWS CLI takes it.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let utc = text.strip_suffix("UTC").map(|time| format!("{}Z", time.trim_end()));
    let time = utc.as_deref().unwrap_or(text).replacen(' ', "T", 1);
    let time = DateTime::from_str(&time, Format::DateTimeWithOffset).ok()?;
    time.try_into().ok()
}

/// Writes a time as the AWS CLI does: RFC 3339 in whole seconds of UTC.
pub(crate) fn text(time: SystemTime) -> String {
    let whole = DateTime::from_secs(DateTime::from(time).secs());
    whole.fmt(Format::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_programs_write_them() {
        let expected = parse("2026-11-28T21:00:00Z").unwrap();
        for same in [
            "2026-11-28T21:00:00UTC",
            "2026-11-28T21:00:00+00:00",
            "2026-11-28T22:30:00+01:30",
            "2026-11-28 21:00:00Z",
            "2026-11-28 22:30:00+01:30",
            "2026-11-28 21:00:00 UTC",
        ] {
            assert_eq!(parse(same), Some(expected), "{same}");
        }
        assert!(parse("2026-11-28T21:00:00.123456Z").is_some());
        for none in ["soon", "", " ", "2026-11-28  21:00:00Z", "2026-11-28"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_time_is_written_in_whole_seconds() {
        let time = parse("2026-11-28T21:00:00.987Z").unwrap();
        assert_eq!(text(time), "2026-11-28T21:00:00Z");
    }
}
