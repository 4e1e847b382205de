//! What rules say of roles, and what of it comes from the defaults.

use super::*;
use settings::{SourceChoice, TokenPlace};

const EVERY_KEY: &str = "\
registries:
  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    role-arn: arn:aws:iam::111122223333:role/ci
    chain: [arn:aws:iam::444455556666:role/push]
    audience: ours
    session-name: build
    duration: 900
    external-id: x
    policy: '{\"Version\": \"2012-10-17\"}'
    policy-arn: [arn:aws:iam::aws:policy/ReadOnlyAccess]
    tag: {Team: build}
    transitive-tag: [Team]
    token-file: tokens/ci
    source: oidc
    region: eu-central-1
";

#[test]
fn every_key_of_a_rule() {
    let config = parse(EVERY_KEY).unwrap();
    let target = config.target(ECR).unwrap();
    let some = |text: &str| Some(text.to_owned());
    let expected = RoleSettings {
        role_arn: some("arn:aws:iam::111122223333:role/ci"),
        chain: vec!["arn:aws:iam::444455556666:role/push".into()],
        audience: some("ours"),
        session_name: some("build"),
        duration: Some(900),
        external_id: some("x"),
        policy: some("{\"Version\": \"2012-10-17\"}"),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        tags: vec![("Team".into(), "build".into())],
        transitive_tags: vec!["Team".into()],
        token: Some(TokenPlace::File("/etc/tokens/ci".into())),
        source: SourceChoice::Oidc,
        region: some("eu-central-1"),
        ..RoleSettings::default()
    };
    assert_eq!(*target.role(), expected);
}

#[test]
fn the_defaults_may_say_the_same() {
    let (_, keys) = EVERY_KEY.split_once("amazonaws.com\n").unwrap();
    let config = parse(&format!("defaults:\n{keys}")).unwrap();
    assert_eq!(
        config.target(ECR).unwrap().role(),
        parse(EVERY_KEY).unwrap().target(ECR).unwrap().role()
    );
}

#[test]
fn a_role_or_profile_of_its_own_takes_the_place_of_the_roles_of_the_defaults() {
    let with = |line: &str| {
        let text = format!(
            "registries:\n- match: {ECR}\n  {line}\ndefaults:\n  role-arn: first\n  chain: [second]\n  audience: a\n"
        );
        let config = parse(&text).unwrap();
        config.target(ECR).unwrap().role().clone()
    };
    let own = with("role-arn: mine");
    assert_eq!((own.role_arn.as_deref(), own.chain.len()), (Some("mine"), 0));
    assert_eq!(own.audience.as_deref(), Some("a"));
    assert_eq!(with("profile: mine").role_arn, None);
    let defaults = with("optional: true");
    assert_eq!((defaults.role_arn.as_deref(), defaults.chain.len()), (Some("first"), 1));
}

#[rstest]
#[case("profile: a\n  token-env: B", "\"profile\" and \"token-env\" are in one rule")]
#[case("token-file: a\n  token-env: B", "\"token-file\" and \"token-env\" are in one rule")]
#[case("policy: '@nowhere.json'", "cannot read /etc/nowhere.json")]
#[case("region: nowhere", "\"region\": ")]
#[case("chain: one", "expected a list")]
#[case("tag: [a]", "expected keys with values")]
#[case("source: vault", "vault")]
fn what_cannot_be(#[case] line: &str, #[case] error: &str) {
    let found = parse(&format!("registries:\n- match: {ECR}\n  {line}\n")).unwrap_err();
    assert_eq!(found.exit(), Exit::Usage);
    assert!(found.to_string().contains(error), "{found}");
}
