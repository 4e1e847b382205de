//! The time of a sign-in, as Cognito wants it signed.

use std::time::SystemTime;

use aws_smithy_types::date_time::{DateTime, Format};

use crate::error::{Error, Result};

/// `EEE MMM d HH:mm:ss UTC yyyy`, English, without a leading zero on the day: what Cognito compares its own clock with.
///
/// # Errors
/// A time that no calendar knows.
pub fn timestamp(at: SystemTime) -> Result<String> {
    let odd =
        || Error::failed("the time of the sign-in", "no calendar knows it").hint("set this machine's clock right");
    let http = DateTime::from(at).fmt(Format::HttpDate).map_err(|_| odd())?;
    // Sun, 06 Nov 1994 08:49:37 GMT
    match http
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()[..]
    {
        [weekday, day, month, year, time, "GMT"] => {
            let day = day.trim_start_matches('0');
            Ok(format!("{weekday} {month} {day} {time} UTC {year}"))
        }
        _ => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> String {
        timestamp(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn as_cognito_wants_it() {
        assert_eq!(at(784_111_777), "Sun Nov 6 08:49:37 UTC 1994");
        assert_eq!(at(0), "Thu Jan 1 00:00:00 UTC 1970");
        // The seconds stay whole, whatever the fraction.
        let fraction = UNIX_EPOCH + Duration::from_millis(1_709_164_799_999);
        assert_eq!(timestamp(fraction).unwrap(), "Wed Feb 28 23:59:59 UTC 2024");
        assert_eq!(at(1_709_164_800), "Thu Feb 29 00:00:00 UTC 2024");
        assert_eq!(at(1_735_689_599), "Tue Dec 31 23:59:59 UTC 2024");
    }
}
