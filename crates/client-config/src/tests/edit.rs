//! The edit of a configuration: the requested values change, and every other byte stays.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::{ConfigEdit, HelperSettings, unified_diff};

fn set(hosts: &[&str]) -> ConfigEdit {
    ConfigEdit {
        helpers: hosts
            .iter()
            .map(|host| (host.to_string(), Some("ecr-auth".into())))
            .collect(),
        ..ConfigEdit::default()
    }
}

fn unset(hosts: &[&str]) -> ConfigEdit {
    ConfigEdit {
        helpers: hosts.iter().map(|host| (host.to_string(), None)).collect(),
        drop_empty_helpers: true,
        ..ConfigEdit::default()
    }
}

#[rstest]
#[case::new_file("", "{\n\t\"credHelpers\": {\n\t\t\"h\": \"ecr-auth\"\n\t}\n}")]
#[case::empty_with_newline("{}\n", "{\n\t\"credHelpers\": {\n\t\t\"h\": \"ecr-auth\"\n\t}\n}\n")]
#[case::tabs(
    "{\n\t\"a\": 1\n}",
    "{\n\t\"a\": 1,\n\t\"credHelpers\": {\n\t\t\"h\": \"ecr-auth\"\n\t}\n}"
)]
#[case::two(
    "{\n  \"a\": 1\n}\n",
    "{\n  \"a\": 1,\n  \"credHelpers\": {\n    \"h\": \"ecr-auth\"\n  }\n}\n"
)]
#[case::four(
    "{\n    \"a\": 1\n}",
    "{\n    \"a\": 1,\n    \"credHelpers\": {\n        \"h\": \"ecr-auth\"\n    }\n}"
)]
#[case::crlf(
    "{\r\n\t\"a\": 1\r\n}\r\n",
    "{\r\n\t\"a\": 1,\r\n\t\"credHelpers\": {\r\n\t\t\"h\": \"ecr-auth\"\r\n\t}\r\n}\r\n"
)]
#[case::compact(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"credHelpers":{"h":"ecr-auth"}}"#)]
#[case::one_line(r#"{"a": 1, "b": 2}"#, r#"{"a": 1, "b": 2, "credHelpers": {"h": "ecr-auth"}}"#)]
#[case::one_line_one_member(r#"{"a": 1}"#, r#"{"a": 1, "credHelpers": {"h": "ecr-auth"}}"#)]
#[case::padded(r#"{ "a": 1 }"#, r#"{ "a": 1, "credHelpers": { "h": "ecr-auth" } }"#)]
#[case::numbers(
    "{\"x\": [1.0e5, 1E400, -0.0]}",
    "{\"x\": [1.0e5, 1E400, -0.0], \"credHelpers\": {\"h\": \"ecr-auth\"}}"
)]
#[case::escapes(
    r#"{"\u0061":"\ud800","b":"\/"}"#,
    r#"{"\u0061":"\ud800","b":"\/","credHelpers":{"h":"ecr-auth"}}"#
)]
#[case::existing_helpers(
    "{\n\t\"credHelpers\": {\n\t\t\"z\": \"gcloud\"\n\t},\n\t\"a\": 1\n}",
    "{\n\t\"credHelpers\": {\n\t\t\"z\": \"gcloud\",\n\t\t\"h\": \"ecr-auth\"\n\t},\n\t\"a\": 1\n}"
)]
#[case::other_helper(r#"{"credHelpers":{"h":"ecr-login"}}"#, r#"{"credHelpers":{"h":"ecr-auth"}}"#)]
#[case::empty_helpers(
    "{\n  \"credHelpers\": {}\n}",
    "{\n  \"credHelpers\": {\n    \"h\": \"ecr-auth\"\n  }\n}"
)]
#[case::null_helpers(r#"{"credHelpers":null}"#, r#"{"credHelpers":{"h":"ecr-auth"}}"#)]
#[case::key_in_another_case(r#"{"CredHelpers":{}}"#, r#"{"CredHelpers":{"h":"ecr-auth"}}"#)]
#[case::null("null", "{\n\t\"credHelpers\": {\n\t\t\"h\": \"ecr-auth\"\n\t}\n}")]
#[case::brace_too_many("{\"a\": 1}\n}\n", "{\"a\": 1, \"credHelpers\": {\"h\": \"ecr-auth\"}}\n}\n")]
#[case::two_documents(
    r#"{"a":1}{"credHelpers":{"h":"x"}}"#,
    r#"{"a":1,"credHelpers":{"h":"ecr-auth"}}{"credHelpers":{"h":"x"}}"#
)]
#[case::words_after("{\"a\":1} hunter2", "{\"a\":1,\"credHelpers\":{\"h\":\"ecr-auth\"}} hunter2")]
#[case::two_helpers(
    r#"{"credHelpers":{"a":"x"},"credhelpers":{"b":"y"}}"#,
    r#"{"credHelpers":{"a":"x"},"credhelpers":{"b":"y","h":"ecr-auth"}}"#
)]
#[case::in_the_first_of_two(
    r#"{"credHelpers":{"h":"x"},"credHelpers":{"b":"y"}}"#,
    r#"{"credHelpers":{"h":"ecr-auth"},"credHelpers":{"b":"y"}}"#
)]
#[case::forgotten_by_null(
    r#"{"credHelpers":{"h":"x"},"credHelpers":null}"#,
    r#"{"credHelpers":{"h":"x"},"credHelpers":{"h":"ecr-auth"}}"#
)]
#[case::twice(
    r#"{"credHelpers":{"h":"x","h":"y"}}"#,
    r#"{"credHelpers":{"h":"x","h":"ecr-auth"}}"#
)]
#[case::already_so(
    r#"{ "credHelpers" :{"\u0068" : "ecr-auth"} } "#,
    r#"{ "credHelpers" :{"\u0068" : "ecr-auth"} } "#
)]
fn adds_a_helper(#[case] before: &str, #[case] after: &str) {
    assert_eq!(set(&["h"]).apply(before).unwrap(), after);
}

#[rstest]
#[case::only(
    "{\n\t\"a\": 1,\n\t\"credHelpers\": {\n\t\t\"h\": \"ecr-auth\"\n\t}\n}",
    "{\n\t\"a\": 1\n}"
)]
#[case::first(r#"{"credHelpers":{"h":"ecr-auth", "i":"x"}}"#, r#"{"credHelpers":{"i":"x"}}"#)]
#[case::middle(
    r#"{"credHelpers":{"g":"x",  "h":"ecr-auth", "i":"x"}}"#,
    r#"{"credHelpers":{"g":"x", "i":"x"}}"#
)]
#[case::last(r#"{"credHelpers":{"g":"x" , "h":"ecr-auth" }}"#, r#"{"credHelpers":{"g":"x" }}"#)]
#[case::everything("{\"credHelpers\":{\"h\":\"ecr-auth\"}}\n", "{}\n")]
#[case::not_there(r#"{"a":1}"#, r#"{"a":1}"#)]
#[case::everywhere(
    r#"{"credHelpers":{"h":"x"},"a":1,"credHelpers":{"h":"x","g":"y","h":"z"}}"#,
    r#"{"a":1,"credHelpers":{"g":"y"}}"#
)]
#[case::two_documents(
    r#"{"credHelpers":{"h":"x"}} {"credHelpers":{"h":"x"}}"#,
    r#"{} {"credHelpers":{"h":"x"}}"#
)]
fn removes_a_helper(#[case] before: &str, #[case] after: &str) {
    assert_eq!(unset(&["h"]).apply(before).unwrap(), after);
}

#[test]
fn an_empty_object_of_others_stays() {
    let edit = ConfigEdit {
        drop_empty_helpers: false,
        ..unset(&["h"])
    };
    assert_eq!(
        edit.apply(r#"{"credHelpers":{"h":"ecr-auth"}}"#).unwrap(),
        r#"{"credHelpers":{}}"#
    );
}

#[rstest]
#[case(r#"{"a":1}"#, Some("ecr-auth"), r#"{"a":1,"credsStore":"ecr-auth"}"#)]
#[case(
    r#"{"credsStore":"desktop", "a":1}"#,
    Some("ecr-auth"),
    r#"{"credsStore":"ecr-auth", "a":1}"#
)]
#[case(r#"{"credsStore":"ecr-auth", "a":1}"#, None, r#"{"a":1}"#)]
#[case(r#"{"credsStore":null}"#, Some("desktop"), r#"{"credsStore":"desktop"}"#)]
#[case(
    r#"{"credsStore":"a","CREDSSTORE":null}"#,
    Some("desktop"),
    r#"{"credsStore":"a","CREDSSTORE":"desktop"}"#
)]
#[case(r#"{"credsStore":"a","CREDSSTORE":"b"}"#, None, "{}")]
fn changes_the_store(#[case] before: &str, #[case] store: Option<&str>, #[case] after: &str) {
    let edit = ConfigEdit {
        store: Some(store.map(str::to_owned)),
        ..ConfigEdit::default()
    };
    assert_eq!(edit.apply(before).unwrap(), after);
}

#[rstest]
#[case::syntax("{\n  \"a\": ?\n}", "expected value at line 2 column 8")]
#[case::comment("{ // x\n}", "key must be a string at line 1 column 3")]
#[case::trailing_comma("{\"a\":1,}", "key must be a string at line 1 column 8")]
#[case::cut_off("{\"a\":", "EOF while parsing a value at line 1 column 5")]
#[case::list(" []", "not an object at line 1 column 2")]
#[case::text("\"hunter2\"", "not an object at line 1 column 1")]
#[case::byte_order_mark("\u{feff}{}", "a byte order mark, which docker cannot read, at line 1 column 1")]
#[case::helpers_list("{\n\"credHelpers\": []}", "credHelpers that is not an object at line 2 column 16")]
#[case::number(
    "{\"credHelpers\":{\"h\":1}}",
    "a helper's name that is not a string at line 1 column 21"
)]
fn refuses_with_a_place(#[case] text: &str, #[case] cause: &str) {
    assert_eq!(set(&["h"]).apply(text).unwrap_err().to_string(), cause);
}

#[test]
fn reads_what_is_there() {
    let settings = HelperSettings::read(r#"{"credHelpers":{"h":"x","n":null},"credsStore":"s"}"#).unwrap();
    assert_eq!(
        settings.helpers,
        BTreeMap::from([("h", "x"), ("n", "")].map(|(host, name)| (host.to_owned(), name.to_owned())))
    );
    assert_eq!(settings.store.as_deref(), Some("s"));
    assert!(settings.has_helpers);
    assert_eq!(HelperSettings::read("").unwrap(), HelperSettings::default());
}

/// Measured with docker 28.2 and podman 4.3, which use Go's encoding/json.
#[rstest]
#[case::another_object(r#"{"credHelpers":{"a":"x"},"CredHelpers":{"b":"y"}}"#, &[("a", "x"), ("b", "y")])]
#[case::the_last_counts(r#"{"credHelpers":{"a":"x","a":"y"}}"#, &[("a", "y")])]
#[case::null_forgets(r#"{"credHelpers":{"a":"x"},"credHelpers":null,"credHelpers":{"b":"y"}}"#, &[("b", "y")])]
#[case::lone_surrogate(r#"{"credHelpers":{"a\ud800":"\udc00x\ud83d\ude00"}}"#, &[("a\u{fffd}", "\u{fffd}x\u{1f600}")])]
#[case::something_after(r#"{"credHelpers":{"a":"x"}} } hunter2"#, &[("a", "x")])]
fn reads_what_docker_reads(#[case] text: &str, #[case] helpers: &[(&str, &str)]) {
    let read = HelperSettings::read(text).unwrap().helpers;
    let read: Vec<(&str, &str)> = read.iter().map(|(host, name)| (host.as_str(), name.as_str())).collect();
    assert_eq!(read, helpers);
}

#[test]
fn the_last_store_that_is_not_null_counts() {
    let text = r#"{"credsStore":"a","credsStore":"b","credsStore":null}"#;
    assert_eq!(HelperSettings::read(text).unwrap().store.as_deref(), Some("b"));
}

#[test]
fn a_diff_shows_no_text_after_the_configuration() {
    let old = "{\n} \n hunter2: {\"hunter3\": hunter4}\nhunter5\n";
    let diff = unified_diff("/c".as_ref(), Some(old), &set(&["h"]).apply(old).unwrap());
    assert!(diff.contains("ecr-auth") && !diff.contains("hunter"), "{diff}");
}

#[test]
fn a_diff_shows_no_secret() {
    let old = concat!(
        "{\n\t\"auths\": {\n\t\t\"h\": {\n\t\t\t\"auth\":\n\"aHVudGVyMg==\", \"x\": \"hunter\\\"3\"\n\t\t}\n\t},\n",
        "\t\"HttpHeaders\": {\"X\": \"token4\"},\n\t\"p\": {\"IdentityToken\": \"token5\", \"shown\": \"v\"},\n",
        "\t\"proxies\": {\"tcp://user:token7@h\": {\"httpProxy\": \"http://user:token6@proxy.example.com\"}},\n",
        "\t\"pins\": [\"hunter5\", 4711, true, null],\n\t\"currentContext\": \"hunter6\"\n}"
    );
    let new = set(&["h"]).apply(old).unwrap();
    let diff = unified_diff("/c.json".as_ref(), Some(old), &new);
    assert!(diff.starts_with("--- /c.json\n+++ /c.json\n@@"), "{diff}");
    assert!(
        diff.contains("+\t\t\"h\": \"ecr-auth\"") && diff.contains("\"tcp://h\":"),
        "{diff}"
    );
    for secret in [
        "aHVudGVy", "hunter", "token4", "token5", "token6", "token7", "4711", "true", "\"v\"",
    ] {
        assert!(!diff.contains(secret), "{diff}");
    }
    let old = r#"{"auths":{"h":{"x":"a\"\\","auth":"s3cret"}}}"#;
    let one_line = unified_diff("/c".as_ref(), Some(old), "{}\n");
    let expected = r#"-{"auths":{"h":{"x":"REDACTED","auth":"REDACTED"}}}"#;
    assert!(one_line.contains(expected), "{one_line}");
}

#[test]
fn a_diff_shows_a_new_file_as_new() {
    let diff = |new| unified_diff("/c".as_ref(), None, new);
    assert_eq!(diff("{}\n"), "--- /dev/null\n+++ /c\n@@ -0,0 +1 @@\n+{}\n");
    let unended = "--- /dev/null\n+++ /c\n@@ -0,0 +1 @@\n+{}\n\\ No newline at end of file\n";
    assert_eq!(diff("{}"), unended);
}

/// Formats a JSON value in one of the common layouts.
pub(super) fn laid_out(value: &Value, indent: Option<&str>) -> String {
    let Some(indent) = indent else { return value.to_string() };
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_config() -> impl Strategy<Value = (Value, String)> {
    let helpers = prop::option::of(prop::collection::btree_map("[a-f]", "[xy]", 0..5));
    let others = prop::collection::btree_map(".{0,6}", any_value(), 0..4);
    let layout = prop::sample::select(vec![None, Some("\t"), Some("  "), Some("    "), Some("")]);
    let ending = prop::sample::select(vec!["", "\n", " \n\n"]);
    (helpers, others, layout, ending, any::<bool>()).prop_map(|(helpers, others, layout, ending, crlf)| {
        let mut top: Map<String, Value> = others.into_iter().collect();
        top.retain(|key, _| !key.eq_ignore_ascii_case("credHelpers") && !key.eq_ignore_ascii_case("credsStore"));
        if let Some(helpers) = helpers {
            top.insert("credHelpers".into(), json!(helpers));
        }
        let value = Value::Object(top);
        let text = laid_out(&value, layout) + ending;
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        (value, text)
    })
}

proptest! {
    #[test]
    fn editing_the_text_is_editing_the_value(
        (value, text) in any_config(),
        changes in prop::collection::btree_map("[a-i]", prop::option::of("[xyz]"), 0..6),
        store in prop::option::of(prop::option::of("[xyz]")),
    ) {
        let edit = ConfigEdit { helpers: changes.clone(), store: store.clone(), ..ConfigEdit::default() };
        let edited: Value = serde_json::from_str(&edit.apply(&text).unwrap()).unwrap();
        let mut expected = value;
        let top = expected.as_object_mut().unwrap();
        if !top.contains_key("credHelpers") && changes.values().any(Option::is_some) {
            top.insert("credHelpers".into(), json!({}));
        }
        if let Some(helpers) = top.get_mut("credHelpers").and_then(Value::as_object_mut) {
            for (host, helper) in changes {
                match helper {
                    Some(helper) => drop(helpers.insert(host, json!(helper))),
                    None => drop(helpers.remove(&host)),
                }
            }
        }
        match store {
            Some(Some(store)) => drop(top.insert("credsStore".into(), json!(store))),
            Some(None) => drop(top.remove("credsStore")),
            None => {}
        }
        prop_assert_eq!(edited, expected);
    }

    #[test]
    fn taking_back_gives_the_original_bytes((value, text) in any_config(), store in any::<bool>()) {
        let had = value.get("credHelpers").is_some();
        let edit = ConfigEdit { store: store.then(|| Some("ecr-auth".into())), ..set(&["new.1", "new.2"]) };
        let undo = ConfigEdit { store: store.then_some(None), drop_empty_helpers: !had, ..unset(&["new.1", "new.2"]) };
        let edited = edit.apply(&text).unwrap();
        prop_assert_eq!(edit.apply(&edited).unwrap(), edited.clone());
        let back = undo.apply(&edited).unwrap();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]\",: a\\\\credHlps\n1]{0,40}") {
        let _ = set(&["h"]).apply(&text);
        let _ = unified_diff("/c".as_ref(), Some(&text), "{}");
    }
}
