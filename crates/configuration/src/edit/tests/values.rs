//! Values read back as what they are.

use proptest::prelude::*;
use rstest::rstest;

use super::render::{Quote, Style};
use super::*;

#[rstest]
#[case(ROLE, ROLE)]
#[case(HOST, HOST)]
#[case("ci-push", "ci-push")]
#[case("*.dkr.ecr.*.amazonaws.com", "'*.dkr.ecr.*.amazonaws.com'")]
#[case("123456789012", "'123456789012'")]
#[case("0x1F", "'0x1F'")]
#[case("1e5", "'1e5'")]
#[case("2024-01-01", "'2024-01-01'")]
#[case("Yes", "'Yes'")]
#[case("null", "'null'")]
#[case("~", "'~'")]
#[case("", "''")]
#[case("a:", "'a:'")]
#[case("a: b", "'a: b'")]
#[case("it's # one", "'it''s # one'")]
#[case("a\nb\u{85}", "\"a\\nb\\U00000085\"")]
#[case("-x", "'-x'")]
#[case("=", "'='")]
fn texts_are_quoted_where_they_have_to_be(#[case] value: &str, #[case] expected: &str) {
    assert_eq!(render::text(value, Quote::Single), expected);
}

#[test]
fn quotes_are_those_of_the_file() {
    let before = "registries:\n  - match: \"public.ecr.aws\"\n";
    let edit = rule(HOST, &[("role-arn", text(ROLE)), ("session-name", text("a \"b\""))]);
    let after = format!("{before}  - match: {HOST}\n    role-arn: {ROLE}\n    session-name: \"a \\\"b\\\"\"\n");
    golden(before, &[edit], &after);
}

#[test]
fn lists_take_lines_of_their_own() {
    let chain = Value::List(vec!["role/a".into(), "012345678901".into()]);
    let edit = rule(
        HOST,
        &[
            ("role-arn", text(ROLE)),
            ("chain", chain),
            ("duration", Value::Number(900)),
        ],
    );
    let before = format!("registries:\n  - match: {HOST}\n    chain: [x] # roles\n    optional: true\n");
    let after = format!(
        "registries:\n  - match: {HOST}\n    role-arn: {ROLE}\n    duration: 900\n    chain:\n      - role/a\n      - '012345678901' # roles\n    optional: true\n"
    );
    golden(&before, &[edit], &after);
}

/// Texts that are hard on YAML: pieces of its own syntax beside anything at all.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ":", " ", "#", "'", "\"", "-", "?", "*", "&", "!", "|", ">", "%", "@", "`", "{", "}", "[", "]", ",", "\n",
        "\t", "\\", "~", "true", "No", "null", ".inf", "0x", "1", "1_0", "e", "E5", "+", ".", "a", "é", "\u{2028}",
        "\u{7f}", "=", "<<", "---",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        "[0-9a-fxo_.:eE+-]{1,8}",
        "[a-zA-Z]{1,5}",
    ]
}

fn read<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    // As the file is read: a text that reads as a number or a boolean is refused.
    let options = serde_saphyr::options! { strict_booleans: true, no_schema: true };
    serde_saphyr::from_str_with_options(yaml, options).unwrap_or_else(|error| panic!("{yaml:?}: {error}"))
}

proptest! {
    #[test]
    fn texts_read_back(value in texts(), is_double: bool) {
        let quote = if is_double { Quote::Double } else { Quote::Single };
        let yaml = format!("key: {}\n", render::text(&value, quote));
        let back: BTreeMap<String, String> = read(&yaml);
        prop_assert_eq!(&back["key"], &value);
        let flow = format!("[{}, x]", render::inline(&Value::List(vec![value.clone()]), quote));
        let back: (Vec<String>, String) = read(&flow);
        prop_assert_eq!(&back.0[0], &value);
    }

    #[test]
    fn lists_and_maps_read_back(values in prop::collection::vec(texts(), 0..4), column in 0usize..5) {
        let style = Style { newline: "\n", quote: Quote::Single };
        let yaml = format!("{:column$}{}", "", render::member("key", &Value::List(values.clone()), column, style));
        let back: BTreeMap<String, Vec<String>> = read(&yaml);
        prop_assert_eq!(&back["key"], &values);
        let map: BTreeMap<String, String> = values.into_iter().enumerate().map(|(at, v)| (format!("{at}{v}"), v)).collect();
        let value = Value::Map(map.clone().into_iter().collect());
        let yaml = format!("{:column$}{}", "", render::member("key", &value, column, style));
        let back: BTreeMap<String, BTreeMap<String, String>> = read(&yaml);
        prop_assert_eq!(&back["key"], &map);
    }
}
