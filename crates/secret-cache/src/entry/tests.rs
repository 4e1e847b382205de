use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use diagnostics::Code;

const HOUR: u64 = 3600;
const SETTINGS: &str = "as here";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn key() -> CacheKey {
    CacheKey::builder().field("region", "eu-west-1").build()
}

fn denial() -> Error {
    Error::failed(Code::TokenDenied, "cannot get a token", "denied").hint("ask for the right")
}

/// An entry with a token that was fetched at 1000 s.
fn entry(life: u64) -> CacheEntry {
    let mut entry = CacheEntry::empty(&key());
    entry.succeed(EntrySecret {
        secret: Secret::new("password"),
        fetched_at: at(1000),
        expires_at: at(1000 + life),
        renew_at: None,
    });
    entry
}

fn failed(entry: &CacheEntry, when: SystemTime) -> CacheEntry {
    let mut entry = entry.clone();
    entry.fail(&denial(), when, SETTINGS);
    entry
}

/// The secret that [`entry`] hands out.
fn held(life: u64) -> CachedSecret {
    CachedSecret {
        secret: Secret::new("password"),
        expires_at: at(1000 + life),
    }
}

fn serve(life: u64) -> EntryAnswer {
    EntryAnswer::Serve(held(life))
}

fn renew(life: u64) -> EntryAnswer {
    EntryAnswer::Renew(held(life))
}

#[rstest]
#[case::just_fetched(12 * HOUR, 1000, serve(12 * HOUR))]
#[case::before_half(12 * HOUR, 1000 + 6 * HOUR - 1, serve(12 * HOUR))]
#[case::at_half(12 * HOUR, 1000 + 6 * HOUR, renew(12 * HOUR))]
#[case::before_the_margin(12 * HOUR, 1000 + 12 * HOUR - 6, renew(12 * HOUR))]
#[case::within_the_margin(12 * HOUR, 1000 + 12 * HOUR - 5, EntryAnswer::Fetch)]
#[case::long_ended(12 * HOUR, 1000 + 100 * HOUR, EntryAnswer::Fetch)]
#[case::short_life_before_the_margin(12, 1000 + 10, renew(12))]
#[case::short_life_within_the_margin(12, 1000 + 11, EntryAnswer::Fetch)]
#[case::no_life(0, 1000, EntryAnswer::Fetch)]
#[case::clock_a_minute_back(12 * HOUR, 1000 - 60, serve(12 * HOUR))]
#[case::clock_further_back(12 * HOUR, 1000 - 61, EntryAnswer::Fetch)]
#[case::short_life_clock_back(120, 1000 - 10, serve(120))]
#[case::short_life_clock_further_back(120, 1000 - 11, EntryAnswer::Fetch)]
fn a_token_is_fresh_then_valid_then_expired(#[case] life: u64, #[case] now: u64, #[case] expected: EntryAnswer) {
    let entry = entry(life);
    assert_eq!(entry.fresh(at(now)).is_some(), expected == serve(life));
    assert_eq!(entry.valid(at(now)).is_some(), expected != EntryAnswer::Fetch);
    assert_eq!(entry.is_spent(at(now)), expected == EntryAnswer::Fetch);
    assert_eq!(entry.answer(at(now), at(now), SETTINGS), expected);
}

#[test]
fn a_token_that_ends_before_it_was_fetched_is_invalid() {
    let mut entry = CacheEntry::empty(&key());
    entry.succeed(EntrySecret {
        secret: Secret::new("password"),
        fetched_at: at(1000),
        expires_at: at(999),
        renew_at: None,
    });
    assert_eq!(entry.answer(at(900), at(900), SETTINGS), EntryAnswer::Fetch);
}

#[rstest]
#[case::just_failed(0, serve(12 * HOUR))]
#[case::a_minute_less_one(59, serve(12 * HOUR))]
#[case::a_minute(60, renew(12 * HOUR))]
fn a_failed_renewal_is_not_tried_again_for_a_minute(#[case] later: u64, #[case] expected: EntryAnswer) {
    let failed_at = 1000 + 7 * HOUR;
    let entry = failed(&entry(12 * HOUR), at(failed_at));
    assert_eq!(
        entry.answer(at(failed_at + later), at(failed_at + later), SETTINGS),
        expected
    );
}

#[test]
fn a_failed_renewal_from_the_future_does_not_stop_renewing() {
    let failed_at = 1000 + 7 * HOUR;
    let entry = failed(&entry(12 * HOUR), at(failed_at));
    assert_eq!(entry.answer(at(failed_at - 2), at(0), SETTINGS), serve(12 * HOUR));
    assert_eq!(entry.answer(at(failed_at - 3), at(0), SETTINGS), renew(12 * HOUR));
}

#[rstest]
#[case::started_long_before(100, true)]
#[case::started_when_it_failed(1000, true)]
#[case::started_two_seconds_later(1002, true)]
#[case::started_later(1003, false)]
fn a_failure_is_shared_with_concurrent_gets(#[case] started: u64, #[case] is_shared: bool) {
    let entry = failed(&CacheEntry::empty(&key()), at(1000));
    let expected = if is_shared {
        EntryAnswer::Share(denial())
    } else {
        EntryAnswer::Fetch
    };
    assert_eq!(entry.answer(at(1010), at(started), SETTINGS), expected);
}

#[test]
fn a_failure_is_not_shared_with_other_settings() {
    let entry = failed(&CacheEntry::empty(&key()), at(1000));
    assert_eq!(entry.answer(at(1000), at(1000), "another proxy"), EntryAnswer::Fetch);
}

#[test]
fn a_failure_from_the_future_is_not_shared() {
    let entry = failed(&CacheEntry::empty(&key()), at(1000));
    assert_eq!(entry.answer(at(998), at(998), SETTINGS), EntryAnswer::Share(denial()));
    assert_eq!(entry.answer(at(997), at(997), SETTINGS), EntryAnswer::Fetch);
}

#[test]
fn a_failure_keeps_what_it_said() {
    let wrong = Error::usage(Code::TokenDenied, "what", "cause");
    let mut entry = CacheEntry::empty(&key());
    entry.fail(&wrong, at(0), SETTINGS);
    assert_eq!(entry.answer(at(0), at(0), SETTINGS), EntryAnswer::Share(wrong));
}

#[test]
fn success_ends_a_failure() {
    let ended = entry(10).token.unwrap();
    let mut entry = failed(&CacheEntry::empty(&key()), at(1000));
    entry.succeed(ended);
    assert_eq!(entry.answer(at(1010), at(1000), SETTINGS), EntryAnswer::Fetch);
}

#[test]
fn a_failure_without_a_secret_ends_with_its_sharing() {
    let entry = failed(&CacheEntry::empty(&key()), at(1000));
    assert!(!entry.is_spent(at(1002)));
    assert!(entry.is_spent(at(1003)));
    assert!(CacheEntry::empty(&key()).is_spent(at(0)));
}

#[test]
fn stores_each_name_once_up_to_a_limit() {
    let mut entry = CacheEntry::empty(&key());
    let overlong = "x".repeat(MAX_NAME_BYTES + 1);
    for name in ["a", "a", &overlong, &overlong[1..]] {
        entry.remember(name);
    }
    assert_eq!(entry.names(), ["a", &overlong[1..]]);
    for i in 2..=MAX_NAMES {
        entry.remember(&format!("host-{i}"));
    }
    assert_eq!(entry.names().len(), MAX_NAMES);
}

#[test]
fn a_long_password_and_all_names_have_room() {
    let mut entry = entry(HOUR);
    entry.token.as_mut().unwrap().secret = Secret::new("x".repeat(64 * 1024));
    for i in 0..MAX_NAMES {
        entry.remember(&format!("{i:0MAX_NAME_BYTES$}"));
    }
    assert_eq!(CacheEntry::decode(&key(), &entry.encode().unwrap()), Some(entry));
}

#[test]
fn the_format_is_pinned() {
    let mut entry = failed(&entry(HOUR), at(2000));
    entry.remember("host");
    let expected = concat!(
        r#"{"version":1,"key":"KEY","names":["host"],"#,
        r#""token":{"secret":"password","fetched_at":1700001000000,"expires_at":1700004600000},"#,
        r#""failure":{"at":1700002000000,"settings":"as here","code":"EA0601","usage":false,"what":"cannot get a token","cause":"denied","hint":"ask for the right"}}"#,
    );
    let expected = expected.replace("KEY", key().as_str());
    assert_eq!(std::str::from_utf8(&entry.encode().unwrap()).unwrap(), expected);
}

#[test]
fn neither_debug_form_shows_the_secret() {
    assert!(!format!("{:?}", entry(1)).contains("password"));
    assert!(!format!("{:?}", serve(12 * HOUR)).contains("password"));
}

#[test]
fn an_entry_that_is_too_long_or_out_of_time_is_not_written() {
    let with = |secret: String, fetched_at| {
        let mut entry = CacheEntry::empty(&key());
        entry.succeed(EntrySecret {
            secret: Secret::new(secret),
            fetched_at,
            expires_at: at(0),
            renew_at: None,
        });
        entry
    };
    let overhead = with(String::new(), at(0)).encode().unwrap().len();
    assert!(with("x".repeat(MAX_BYTES - overhead), at(0)).encode().is_some());
    assert!(with("x".repeat(MAX_BYTES - overhead + 1), at(0)).encode().is_none());
    assert!(
        with(String::new(), UNIX_EPOCH - Duration::from_secs(1))
            .encode()
            .is_none()
    );
}

#[rstest]
#[case::null("null")]
#[case::nothing("")]
#[case::array("[]")]
#[case::empty_object("{}")]
#[case::no_json("garbage")]
#[case::only_a_version(r#"{"version":1}"#)]
fn what_is_no_entry_is_ignored(#[case] text: &str) {
    assert_eq!(CacheEntry::decode(&key(), text.as_bytes()), None);
}

#[rstest]
#[case::another_version(r#""version":1"#, r#""version":2"#)]
#[case::negative_time("1700001000000", "-1")]
#[case::huge_time("1700001000000", "1e400")]
#[case::text_for_time("1700001000000", r#""yesterday""#)]
#[case::number_for_secret(r#""password""#, "5")]
#[case::no_names("[]", "null")]
#[case::another_key(r#""key":""#, r#""key":"0"#)]
fn what_is_not_quite_an_entry_is_ignored(#[case] part: &str, #[case] other: &str) {
    let bytes = entry(HOUR).encode().unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(CacheEntry::decode(&key(), text.as_bytes()), Some(entry(HOUR)));
    let changed = text.replacen(part, other, 1);
    assert_ne!(changed, text);
    assert_eq!(CacheEntry::decode(&key(), changed.as_bytes()), None);
}

#[test]
fn an_entry_under_another_key_is_ignored() {
    let bytes = entry(HOUR).encode().unwrap();
    assert_eq!(CacheEntry::decode(&CacheKey::builder().build(), &bytes), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        secret in ".*", names in prop::collection::vec(".{0,40}", 0..5),
        fetched in 0..u64::from(u32::MAX), life in any::<u32>(), failure in prop::option::of((".*", ".*", 0..u64::from(u32::MAX))),
        renew in prop::option::of(0..u64::from(u32::MAX)),
    ) {
        let fetched_at = UNIX_EPOCH + Duration::from_millis(fetched);
        let mut entry = CacheEntry::empty(&key());
        entry.succeed(EntrySecret {
            secret: Secret::new(secret),
            fetched_at,
            expires_at: fetched_at + Duration::from_millis(life.into()),
            renew_at: renew.map(|at| UNIX_EPOCH + Duration::from_millis(at)),
        });
        for name in &names {
            entry.remember(name);
        }
        if let Some((what, cause, when)) = failure {
            entry.fail(&Error::usage(Code::TokenDenied, what, cause), UNIX_EPOCH + Duration::from_millis(when), SETTINGS);
        }
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(CacheEntry::decode(&key(), &bytes), Some(entry));
    }

    #[test]
    fn what_was_cut_off_is_ignored(cut in 0usize..200) {
        let bytes = entry(HOUR).encode().unwrap();
        prop_assert_eq!(CacheEntry::decode(&key(), &bytes[..cut.min(bytes.len() - 1)]), None);
    }

    #[test]
    fn garbage_is_ignored(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(CacheEntry::decode(&key(), &bytes), None);
    }

    #[test]
    fn no_time_on_disk_or_clock_panics_or_revives_the_dead(
        fetched in any::<u64>(), expires in any::<u64>(), failed in any::<u64>(), now in any::<u32>(),
    ) {
        let text = format!(
            r#"{{"version":1,"key":"{}","names":[],"token":{{"secret":"s","fetched_at":{fetched},"expires_at":{expires}}},
            "failure":{{"at":{failed},"settings":"as here","usage":true,"what":"","cause":"","hint":null}}}}"#,
            key()
        );
        let now = UNIX_EPOCH + Duration::from_secs(now.into());
        if let Some(entry) = CacheEntry::decode(&key(), text.as_bytes()) {
            let ended = entry.token.as_ref().unwrap().expires_at <= now;
            prop_assert!(!ended || entry.valid(now).is_none());
            entry.answer(now, now, SETTINGS);
            entry.is_spent(now);
        }
    }
}

#[rstest]
#[case::of_a_later_version(r#""code":"EA0601","#, r#""code":"EA9999","#)]
#[case::of_an_earlier_version(r#""code":"EA0601","#, "")]
fn an_unknown_failure_of_another_version_keeps_the_token(#[case] ours: &str, #[case] theirs: &str) {
    let encoded = failed(&entry(12 * HOUR), at(2000)).encode().unwrap();
    let written = String::from_utf8(encoded.to_vec()).unwrap();
    assert!(written.contains(ours), "{written}");
    let read = CacheEntry::decode(&key(), written.replace(ours, theirs).as_bytes()).unwrap();
    assert_eq!(read, entry(12 * HOUR));
}
