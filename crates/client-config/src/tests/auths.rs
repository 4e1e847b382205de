//! Edits of `auths`: a host's password changes, and every other byte stays.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::edit::{any_value, laid_out};
use crate::auths::AuthsEditor;
use crate::json::Object;
use crate::{AuthEdit, ConfigEdit};
use secret::Secret;

fn set(host: &str, auth: &str) -> ConfigEdit {
    ConfigEdit {
        auths: [(host.to_owned(), AuthEdit::Set(Secret::new(auth)))].into(),
        ..ConfigEdit::default()
    }
}

fn clear(host: &str, keep_empty: bool, drop_empty_auths: bool) -> ConfigEdit {
    ConfigEdit {
        auths: [(host.to_owned(), AuthEdit::Clear { keep_empty })].into(),
        drop_empty_auths,
        ..ConfigEdit::default()
    }
}

#[rstest]
#[case::new_file("", "{\n\t\"auths\": {\n\t\t\"h\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t}\n\t}\n}")]
#[case::beside_others(
    "{\n  \"auths\": {\n    \"g\": {\n      \"auth\": \"Z2c=\"\n    }\n  },\n  \"a\": 1.0\n}\n",
    "{\n  \"auths\": {\n    \"g\": {\n      \"auth\": \"Z2c=\"\n    },\n    \"h\": {\n      \"auth\": \"eDp5\"\n    }\n  },\n  \"a\": 1.0\n}\n"
)]
#[case::empty(r#"{"auths":{}}"#, r#"{"auths":{"h":{"auth":"eDp5"}}}"#)]
#[case::null(r#"{"auths":null,"a":1}"#, r#"{"auths":{"h":{"auth":"eDp5"}},"a":1}"#)]
#[case::another_case(r#"{"Auths":{"h":{"AUTH":"b"}}}"#, r#"{"Auths":{"h":{"AUTH":"eDp5"}}}"#)]
#[case::empty_entry(r#"{"auths":{"h":{}}}"#, r#"{"auths":{"h":{"auth":"eDp5"}}}"#)]
#[case::null_entry(r#"{"auths":{"h":null}}"#, r#"{"auths":{"h":{"auth":"eDp5"}}}"#)]
#[case::other_members_stay(
    r#"{"auths":{"h":{"email" :"e", "auth":"b", "x":[1, 2]}}}"#,
    r#"{"auths":{"h":{"email" :"e", "auth":"eDp5", "x":[1, 2]}}}"#
)]
#[case::tokens_go(
    r#"{"auths":{"h":{"identitytoken":"t","auth":"b","RegistryToken":"u"}}}"#,
    r#"{"auths":{"h":{"auth":"eDp5"}}}"#
)]
#[case::a_token_alone(r#"{"auths":{"h":{"identitytoken":"t"}}}"#, r#"{"auths":{"h":{"auth":"eDp5"}}}"#)]
#[case::already_so(
    r#"{ "auths" :{ "\u0068": {"auth" : "eDp5" }} }"#,
    r#"{ "auths" :{ "\u0068": {"auth" : "eDp5" }} }"#
)]
#[case::two_auths(
    r#"{"auths":{"h":{"auth":"a"}},"AUTHS":{"g":{}}}"#,
    r#"{"auths":{"h":{"auth":"eDp5"}},"AUTHS":{"g":{}}}"#
)]
#[case::twice(
    r#"{"auths":{"h":{"auth":"a"},"h":{}}}"#,
    r#"{"auths":{"h":{"auth":"a"},"h":{"auth":"eDp5"}}}"#
)]
#[case::two_in_an_entry(
    r#"{"auths":{"h":{"auth":"a","Auth":"b"}}}"#,
    r#"{"auths":{"h":{"auth":"a","Auth":"eDp5"}}}"#
)]
#[case::two_tokens(
    r#"{"auths":{"h":{"auth":"eDp5","identitytoken":"t","IdentityToken":"t"}}}"#,
    r#"{"auths":{"h":{"auth":"eDp5"}}}"#
)]
fn sets_a_password(#[case] before: &str, #[case] after: &str) {
    assert_eq!(set("h", "eDp5").apply(before).unwrap(), after);
}

#[rstest]
#[case::entry_of_ours(
    r#"{"auths":{"g":{"auth":"Z2c="}, "h":{"auth":"b"}}}"#,
    false,
    r#"{"auths":{"g":{"auth":"Z2c="}}}"#
)]
#[case::entry_that_was_there(
    r#"{"auths":{"g":{"auth":"Z2c="}, "h":{"auth":"b"}}}"#,
    true,
    r#"{"auths":{"g":{"auth":"Z2c="}, "h":{}}}"#
)]
#[case::entry_with_more(
    r#"{"auths":{"h":{"email":"e","auth":"b"}}}"#,
    false,
    r#"{"auths":{"h":{"email":"e"}}}"#
)]
#[case::auths_of_ours(r#"{"auths":{"h":{"auth":"b"}},"a":1}"#, false, r#"{"a":1}"#)]
#[case::no_entry(r#"{"auths":{"g":{}}}"#, false, r#"{"auths":{"g":{}}}"#)]
#[case::no_password(
    r#"{"auths":{"h":{"email":"e"},"i":null}}"#,
    false,
    r#"{"auths":{"h":{"email":"e"},"i":null}}"#
)]
#[case::null_entry(r#"{"auths":{"h":null}}"#, false, r#"{"auths":{"h":null}}"#)]
#[case::nothing("{}", false, "{}")]
fn clears_a_password(#[case] before: &str, #[case] keep_empty: bool, #[case] after: &str) {
    assert_eq!(clear("h", keep_empty, true).apply(before).unwrap(), after);
}

#[test]
fn an_existing_auths_stays() {
    let edit = clear("h", false, false);
    assert_eq!(
        edit.apply(r#"{"auths":{"h":{"auth":"b"}}}"#).unwrap(),
        r#"{"auths":{}}"#
    );
}

#[rstest]
#[case::list("{\"auths\":[]}", "auths that is not an object at line 1 column 10")]
#[case::entry_is_text(
    "{\"auths\":{\"h\":\"hunter2\"}}",
    "an entry of auths that is not an object at line 1 column 15"
)]
#[case::auth_is_number(
    "{\"auths\":{\"h\":{\"auth\":7}}}",
    "a member of an entry of auths that is not a string at line 1 column 23"
)]
fn refuses_with_a_place(#[case] text: &str, #[case] cause: &str) {
    assert_eq!(set("h", "eDp5").apply(text).unwrap_err().to_string(), cause);
}

#[test]
fn broken_auths_do_not_affect_other_edits() {
    let text = r#"{"auths":[],"credHelpers":{}}"#;
    let edit = ConfigEdit {
        helpers: [("h".to_owned(), Some("ecr-auth".to_owned()))].into(),
        ..ConfigEdit::default()
    };
    assert_eq!(
        edit.apply(text).unwrap(),
        r#"{"auths":[],"credHelpers":{"h":"ecr-auth"}}"#
    );
}

#[test]
fn reads_what_is_there() {
    let text = r#"{"auths":{"e":{},"n":null,"b":{"auth":""},"a":{"auth":"eDp5"},
        "t":{"auth":"eDp5","identitytoken":"t"},"r":{"registrytoken":"t"},"o":{"registrytoken":""}}}"#;
    let auths = AuthsEditor::read(text).unwrap();
    let read = |host| {
        let entry = auths.entry(host).unwrap()?;
        Some((entry.auth.map(|auth| auth.expose().to_owned()), entry.has_token))
    };
    let password = || Some("eDp5".to_owned());
    assert_eq!(read("nowhere"), None);
    for host in ["e", "n", "b", "o"] {
        assert_eq!(read(host), Some((None, false)), "{host}");
    }
    assert_eq!(read("a"), Some((password(), false)));
    assert_eq!(read("t"), Some((password(), true)));
    assert_eq!(read("r"), Some((None, true)));
    assert!(auths.is_there() && !AuthsEditor::read("").unwrap().is_there());
}

fn any_entry() -> impl Strategy<Value = Value> {
    let members = (
        prop::option::of("[a-z]{0,4}"),
        prop::option::of("[a-z]{0,4}"),
        prop::option::of("[a-z]{0,4}"),
        prop::collection::btree_map(".{0,6}", any_value(), 0..3),
    );
    let entry = members.prop_map(|(auth, identity, registry, others)| {
        let mut entry: Map<String, Value> = others.into_iter().collect();
        entry.retain(|key, _| !["auth", "identitytoken", "registrytoken"].contains(&key.to_ascii_lowercase().as_str()));
        let known = [("auth", auth), ("identitytoken", identity), ("registrytoken", registry)];
        for (name, value) in known {
            entry.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        Value::Object(entry)
    });
    prop_oneof![5 => entry, 1 => Just(Value::Null), 1 => Just(json!({}))]
}

fn any_config() -> impl Strategy<Value = (Value, String)> {
    let auths = prop::option::of(prop::collection::btree_map("[a-f]", any_entry(), 0..5));
    let others = prop::collection::btree_map(".{0,6}", any_value(), 0..4);
    let layout = prop::sample::select(vec![None, Some("\t"), Some("  "), Some("")]);
    (auths, others, layout, any::<bool>()).prop_map(|(auths, others, layout, crlf)| {
        let mut top: Map<String, Value> = others.into_iter().collect();
        top.retain(|key, _| {
            let known = ["auths", "credhelpers", "credsstore"];
            !known.contains(&key.to_ascii_lowercase().as_str())
        });
        top.extend(auths.map(|auths| ("auths".to_owned(), json!(auths))));
        let value = Value::Object(top);
        let text = laid_out(&value, layout) + "\n";
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        (value, text)
    })
}

fn any_edit() -> impl Strategy<Value = AuthEdit> {
    prop_oneof![
        "[A-Za-z0-9+/]{1,8}".prop_map(|auth| AuthEdit::Set(Secret::new(auth))),
        any::<bool>().prop_map(|keep_empty| AuthEdit::Clear { keep_empty }),
    ]
}

/// The edit of the parsed value, which the edit of the text must match.
fn edit_value(top: &mut Map<String, Value>, edits: &BTreeMap<String, AuthEdit>) {
    let sets = edits.values().any(|edit| matches!(edit, AuthEdit::Set(_)));
    if sets && !top.contains_key("auths") {
        top.insert("auths".into(), json!({}));
    }
    let Some(auths) = top.get_mut("auths").and_then(Value::as_object_mut) else {
        return;
    };
    for (host, edit) in edits {
        let entry = auths.get(host).and_then(Value::as_object).cloned();
        match (edit, entry) {
            (AuthEdit::Set(auth), entry) => {
                let mut entry = entry.unwrap_or_default();
                entry.retain(|key, _| key != "identitytoken" && key != "registrytoken");
                entry.insert("auth".into(), json!(auth.expose()));
                auths.insert(host.clone(), Value::Object(entry));
            }
            (AuthEdit::Clear { keep_empty }, Some(mut entry)) if entry.contains_key("auth") => {
                entry.remove("auth");
                match entry.is_empty() && !keep_empty {
                    true => drop(auths.remove(host)),
                    false => drop(auths.insert(host.clone(), Value::Object(entry))),
                }
            }
            _ => {}
        }
    }
}

/// Returns the entries of `auths` with their text.
fn entries(text: &str) -> BTreeMap<String, String> {
    let top = Object::first(text).unwrap();
    let auths = top.members.iter().find(|member| member.key == "auths");
    let Some(auths) = auths else { return BTreeMap::new() };
    let auths = Object::at(text, auths.value_span.clone(), "").unwrap();
    let members = auths.members.iter();
    members
        .map(|member| (member.key.clone(), auths.value(member).to_owned()))
        .collect()
}

proptest! {
    #[test]
    fn editing_the_text_is_editing_the_value(
        (value, text) in any_config(),
        auths in prop::collection::btree_map("[a-i]", any_edit(), 0..5),
    ) {
        let edit = ConfigEdit { auths: auths.clone(), ..ConfigEdit::default() };
        let edited = edit.apply(&text).unwrap();
        let mut expected = value;
        edit_value(expected.as_object_mut().unwrap(), &auths);
        prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), expected);
        prop_assert_eq!(edit.apply(&edited).unwrap(), edited.clone());
        let after = entries(&edited);
        for (host, entry) in entries(&text) {
            if !auths.contains_key(&host) {
                prop_assert_eq!(after.get(&host), Some(&entry));
            }
        }
    }

    #[test]
    fn taking_out_gives_the_original_bytes((value, text) in any_config(), had_entry in any::<bool>()) {
        let text = match had_entry {
            // Docker leaves this beside a credential store.
            true => {
                let mut value = value.clone();
                let top = value.as_object_mut().unwrap();
                let auths = top.entry("auths").or_insert_with(|| json!({}));
                auths.as_object_mut().unwrap().insert("new.1".into(), json!({}));
                laid_out(&value, Some("\t"))
            }
            false => text,
        };
        let had_auths = had_entry || value.get("auths").is_some();
        let edited = set("new.1", "eDp5").apply(&text).unwrap();
        prop_assert_ne!(&edited, &text);
        prop_assert_eq!(clear("new.1", had_entry, !had_auths).apply(&edited).unwrap(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]\",: auths\\\\1\n]{0,40}") {
        let _ = set("h", "eDp5").apply(&text);
        let _ = clear("h", false, true).apply(&text);
    }
}
