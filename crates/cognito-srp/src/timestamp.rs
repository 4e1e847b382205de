//! The time of a sign-in, in the form that Cognito requires.

use std::time::{SystemTime, UNIX_EPOCH};

/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// The year starts in March, so that a leap day is its last day.
const MONTHS: [&str; 12] = [
    "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
];
const DAYS_OF_400_YEARS: u64 = 146_097;
/// The days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// Returns `EEE MMM d HH:mm:ss UTC yyyy` in English, without a leading zero on the day. Cognito compares it with its own clock. A time before 1970
/// counts as the start of 1970.
pub fn timestamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let weekday = WEEKDAYS[(days % 7) as usize];
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday} {month} {day} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

/// Returns the date this many days after 1970-01-01: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn date(days: u64) -> (u64, &'static str, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let is_next_year = u64::from(month >= 10);
    (era * 400 + year + is_next_year, MONTHS[month as usize], of_month)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> String {
        timestamp(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn as_cognito_wants_it() {
        assert_eq!(at(784_111_777), "Sun Nov 6 08:49:37 UTC 1994");
        assert_eq!(at(0), "Thu Jan 1 00:00:00 UTC 1970");
        assert_eq!(at(1_709_164_799), "Wed Feb 28 23:59:59 UTC 2024");
        assert_eq!(at(1_709_164_800), "Thu Feb 29 00:00:00 UTC 2024");
        assert_eq!(at(1_735_689_599), "Tue Dec 31 23:59:59 UTC 2024");
        assert_eq!(at(4_107_542_400), "Mon Mar 1 00:00:00 UTC 2100");
        // The fraction does not change the seconds.
        let fraction = UNIX_EPOCH + Duration::from_millis(1_709_164_799_999);
        assert_eq!(timestamp(fraction), at(1_709_164_799));
    }
}
