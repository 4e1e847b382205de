//! Session tags, and their inheritance by chained sessions.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use std::collections::HashSet;

use super::parameters::{Parameters, check};
use super::{constraint, invalid_parameter};
use crate::answer::Refusal;
use crate::session_tags::SessionTags;

const MOST_TAGS: usize = 50;
const ALPHABET: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]";

/// Returns the tags of a new session: the request's tags in addition to those that the caller's session passes on.
pub(super) fn session_tags(parameters: &Parameters, caller: &SessionTags) -> Result<SessionTags, Refusal> {
    let mut session = caller.passed_on();
    let inherited: HashSet<String> = session.transitive.iter().cloned().collect();
    let asked = tags(parameters)?;
    if asked.iter().any(|(key, _)| inherited.contains(&key.to_lowercase())) {
        return Err(invalid_parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        ));
    }
    session.tags.extend(asked);
    let known: HashSet<String> = session.tags.keys().map(|key| key.to_lowercase()).collect();
    for key in transitive_keys(parameters)? {
        if !known.contains(&key.to_lowercase()) {
            return Err(invalid_parameter(
                "The specified transitive tag key must be included in the requested tags.",
            ));
        }
        session.transitive.insert(key.to_lowercase());
    }
    Ok(session)
}

fn tags(parameters: &Parameters) -> Result<Vec<(String, String)>, Refusal> {
    let keys: Vec<_> = parameters.members("Tags", ".Key").collect();
    if keys.len() > MOST_TAGS {
        return Err(too_many("tags"));
    }
    let mut seen = HashSet::new();
    let mut tags = Vec::new();
    let values = parameters.members("Tags", ".Value");
    for (index, (key, value)) in keys.into_iter().zip(values).enumerate() {
        let at = |part: &str| format!("tags.{}.member.{part}", index + 1);
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        check_key(key, &at("key"))?;
        check(value, &at("value"), 0..=256, &format!("{ALPHABET}*"), allowed)?;
        if !seen.insert(key.to_lowercase()) {
            return Err(invalid_parameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

fn transitive_keys(parameters: &Parameters) -> Result<Vec<&str>, Refusal> {
    let keys: Vec<&str> = parameters.members("TransitiveTagKeys", "").flatten().collect();
    if keys.len() > MOST_TAGS {
        return Err(too_many("transitiveTagKeys"));
    }
    for (index, key) in keys.iter().enumerate() {
        check_key(key, &format!("transitiveTagKeys.{}.member", index + 1))?;
    }
    Ok(keys)
}

fn check_key(key: &str, name: &str) -> Result<(), Refusal> {
    check(key, name, 1..=128, &format!("{ALPHABET}+"), allowed)?;
    if key.to_lowercase().starts_with("aws:") {
        return Err(invalid_parameter(
            "aws: prefixed tag key names are not allowed for external use.",
        ));
    }
    Ok(())
}

/// Whether a tag may have this character: letters, separators and numbers of any script, and a few signs. Rust's white
/// space includes control characters, which are not separators in Unicode.
fn allowed(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn too_many(name: &str) -> Refusal {
    constraint("[…]", name, &format!("have length less than or equal to {MOST_TAGS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str, caller: &SessionTags) -> Result<SessionTags, String> {
        session_tags(&Parameters::read(form), caller).map_err(|refusal| refusal.message)
    }

    fn tag(index: usize, key: &str, value: &str) -> String {
        format!("Tags.member.{index}.Key={key}&Tags.member.{index}.Value={value}&")
    }

    #[test]
    fn only_transitive_tags_pass_on_and_they_stay_so() {
        let form = tag(1, "team", "a") + &tag(2, "Cost", "b") + "TransitiveTagKeys.member.1=COST";
        let first = read(&form, &SessionTags::default()).unwrap();
        assert_eq!(first.tags.len(), 2);
        let second = read(&tag(1, "team", "c"), &first).unwrap();
        assert_eq!((&*second.tags["Cost"], &*second.tags["team"]), ("b", "c"));
        let third = read("", &second).unwrap();
        assert_eq!(third.tags.keys().collect::<Vec<_>>(), ["Cost"]);
        assert!(read(&tag(1, "cost", "x"), &third).unwrap_err().contains("conflicts"));
        read("TransitiveTagKeys.member.1=cost", &third).unwrap();
        assert!(
            read("TransitiveTagKeys.member.1=team", &third)
                .unwrap_err()
                .contains("must be included")
        );
    }

    #[test]
    fn keys_and_values_keep_to_their_bounds() {
        let long = |count: usize| "é".repeat(count);
        for (key, value, wanted) in [
            (long(128), long(256), None),
            ("a b_.:/=%2B-@9".into(), String::new(), None),
            (String::new(), "v".into(), Some("greater than or equal to 1")),
            (long(129), "v".into(), Some("less than or equal to 128")),
            ("k".into(), long(257), Some("less than or equal to 256")),
            ("k%0A".into(), "v".into(), Some("pattern")),
            ("k".into(), "a%2Cb".into(), Some("pattern")),
            ("AWS:team".into(), "v".into(), Some("not allowed for external use")),
        ] {
            let said = read(&tag(1, &key, &value), &SessionTags::default()).err();
            match wanted {
                None => assert_eq!(said, None),
                Some(wanted) => assert!(said.as_ref().unwrap().contains(wanted), "{wanted}: {said:?}"),
            }
        }
        let twice = tag(1, "Team", "a") + &tag(2, "team", "b");
        assert!(read(&twice, &SessionTags::default()).unwrap_err().contains("Duplicate"));
        let many: String = (1..=51).map(|index| tag(index, &format!("k{index}"), "v")).collect();
        assert!(
            read(&many, &SessionTags::default())
                .unwrap_err()
                .contains("equal to 50")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_form_is_read_without_panic(form in "((Tags|TransitiveTagKeys)\\.member\\.[0-9]{1,2}(\\.(Key|Value))?=.{0,4}&?){0,8}") {
            let _ = read(&form, &SessionTags::default());
        }

        #[test]
        fn a_chain_passes_on_what_is_transitive_and_nothing_else(
            keys in proptest::collection::btree_set("[a-z]{1,4}", 0..8),
            transitive in proptest::collection::vec(proptest::bool::ANY, 8),
        ) {
            let chosen: Vec<&String> = keys.iter().zip(&transitive).filter(|(_, wanted)| **wanted).map(|(key, _)| key).collect();
            let tags: String = keys.iter().enumerate().map(|(index, key)| tag(index + 1, key, "v")).collect();
            let named: String = chosen
                .iter()
                .enumerate()
                .map(|(index, key)| format!("TransitiveTagKeys.member.{}={key}&", index + 1))
                .collect();
            let first = read(&(tags + &named), &SessionTags::default()).unwrap();
            proptest::prop_assert_eq!(first.tags.len(), keys.len());
            let third = read("", &read("", &first).unwrap()).unwrap();
            proptest::prop_assert_eq!(third.tags.keys().collect::<Vec<_>>(), chosen);
        }
    }
}
