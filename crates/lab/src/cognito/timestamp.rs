//! `TIMESTAMP` of a sign-in, in the format `EEE MMM d HH:mm:ss z yyyy` in English and UTC.

use time::PrimitiveDateTime;
use time::macros::format_description;

/// Parses a timestamp to seconds since the epoch. `None` for any other format, including a day with a leading zero.
pub(super) fn parse(text: &str) -> Option<i64> {
    let format = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:none] [hour]:[minute]:[second] UTC [year]"
    );
    let time = PrimitiveDateTime::parse(text, format).ok()?;
    // The parser accepts other spellings of a day (` 7`, `07`), but AWS accepts only one.
    (time.format(format).ok()? == text).then(|| time.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_one_way_only() {
        assert_eq!(parse("Tue Sep 7 01:02:03 UTC 2021"), Some(1_630_976_523));
        assert_eq!(parse("Fri Sep 17 01:02:03 UTC 2021"), Some(1_631_840_523));
        for wrong in [
            "Tue Sep 07 01:02:03 UTC 2021",
            "Tue Sep  7 01:02:03 UTC 2021",
            "Tue Sep 7 1:02:03 UTC 2021",
            "Tue Sep 7 01:02:03 GMT 2021",
            "tue Sep 7 01:02:03 UTC 2021",
            "Mon Sep 7 01:02:03 UTC 2021",
            "Di Sep 7 01:02:03 UTC 2021",
            "2021-09-07T01:02:03Z",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_time_is_read_back_from_the_one_way_it_is_written_in(seconds in 0i64..4_000_000_000) {
            let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let (weekday, month) = (time.weekday().to_string(), time.month().to_string());
            let (date, clock) = (time.day(), time.time());
            let text = format!(
                "{} {} {date} {:02}:{:02}:{:02} UTC {}",
                &weekday[..3], &month[..3], clock.hour(), clock.minute(), clock.second(), time.year(),
            );
            proptest::prop_assert_eq!(parse(&text), Some(seconds));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
