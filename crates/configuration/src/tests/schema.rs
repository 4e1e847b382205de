//! The published schema knows the keys that the code knows, and no others; the documented example is right.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../../../docs/ecr-auth.schema.json");

/// The keys that the code allows where `text` has an unknown one, as its own error lists them.
fn keys_of_the_code(text: &str) -> BTreeSet<String> {
    let error = parse(text).unwrap_err();
    let (_, keys) = error.hint_text().unwrap().split_once(": ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

#[rstest]
#[case("unknown: 0\n", "")]
#[case("registries:\n- unknown: 0\n", "/$defs/rule")]
#[case("defaults:\n  unknown: 0\n", "/properties/defaults")]
#[case("cognito:\n  unknown: 0\n", "/properties/cognito")]
fn same_keys(#[case] text: &str, #[case] place: &str) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let object = schema.pointer(place).unwrap();
    assert_eq!(object["additionalProperties"], false);
    let keys: BTreeSet<String> = object["properties"].as_object().unwrap().keys().cloned().collect();
    let only_in_rules = ["match", "registry"].map(str::to_owned);
    let mut known = keys_of_the_code(text);
    if place == "/properties/defaults" {
        known.retain(|key| !only_in_rules.contains(key));
    }
    assert_eq!(keys, known);
}

#[rstest]
#[case::a_host("match: public.ecr.aws")]
#[case::a_registry("registry: public.ecr.aws")]
fn defaults_are_for_all(#[case] line: &str) {
    let error = parse(&format!("defaults:\n  {line}\n")).unwrap_err();
    assert!(error.to_string().contains("unknown key"), "{error}");
}

#[test]
fn the_documented_example_is_right() {
    let page = include_str!("../../../../docs/configuration.md");
    let example = page.split("```").nth(1).unwrap().strip_prefix("yaml").unwrap();
    let config = parse(example).unwrap();
    assert_eq!(config.target("registry.example.com").unwrap().registry().host(), ECR);
    assert_eq!(config.target(ECR).unwrap().profile(), Some("ci"));
}
