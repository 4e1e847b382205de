//! The block `cognito`, and rules that use it.

use super::*;
use settings::{CognitoSettings, Flow, IdentityChoice, IdentityFlow, IdentitySettings, SourceChoice};

const POOLS: &str = "\
cognito:
  user-pool-id: eu-west-1_AbCdEfGhI
  client-id: 1h57kf5cpq17m0eml12EXAMPLE
  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012
";

fn pools() -> CognitoSettings {
    CognitoSettings {
        user_pool_id: Some("eu-west-1_AbCdEfGhI".into()),
        client_id: Some("1h57kf5cpq17m0eml12EXAMPLE".into()),
        identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
        ..CognitoSettings::default()
    }
}

/// What the configuration says of the host, with a rule of these lines.
fn with_rule(lines: &str, rest: &str) -> Result<RoleSettings> {
    let config = parse(&format!("registries:\n- match: {ECR}\n  {lines}\n{rest}"))?;
    Ok(config.target(ECR).unwrap().role().clone())
}

/// The sign-in that role settings choose, if they choose one.
fn sign_in_of(role: &RoleSettings) -> Option<CognitoSettings> {
    match IdentitySettings::from(role.clone()).choice(None) {
        Ok(IdentityChoice::Cognito(settings)) => Some(*settings),
        _ => None,
    }
}

#[test]
fn every_key() {
    let text = format!(
        "{POOLS}  username: zoë@example.com\n  client-secret-file: secret\n  flow: user-password\n  identity-flow: classic\n  \
         role-arn: arn:aws:iam::111122223333:role/pull\n  duration: 900\n  policy: '{{}}'\n  provider: accounts.google.com\n  \
         id-token-file: /run/token\n"
    );
    let expected = CognitoSettings {
        username: Some("zoë@example.com".into()),
        client_secret_file: Some("/etc/secret".into()),
        flow: Flow::UserPassword,
        identity_flow: IdentityFlow::Classic,
        role_arn: Some("arn:aws:iam::111122223333:role/pull".into()),
        duration: Some(900),
        policy: Some("{}".into()),
        provider: Some("accounts.google.com".into()),
        id_token_file: Some("/run/token".into()),
        ..pools()
    };
    let role = with_rule("source: cognito", &text).unwrap();
    assert_eq!(
        (role.source, sign_in_of(&role)),
        (SourceChoice::Cognito, Some(expected))
    );
}

#[test]
fn rules_or_the_defaults_use_it() {
    let sign_in = |lines: &str, rest: &str| with_rule(lines, &format!("{POOLS}{rest}")).unwrap();
    assert_eq!(sign_in_of(&sign_in("source: cognito", "")), Some(pools()));
    assert_eq!(
        sign_in_of(&sign_in("optional: true", "defaults: {source: cognito}")),
        Some(pools())
    );
    // There for a flag that says so, and else unused.
    let unused = sign_in("optional: true", "");
    assert_eq!((sign_in_of(&unused), unused.cognito.is_some()), (None, true));
}

#[test]
fn an_identity_is_one_whole() {
    let role = |lines: &str, defaults: &str| with_rule(lines, &format!("{POOLS}defaults: {defaults}\n")).unwrap();
    // What the defaults say of roles and profiles is not said of who signs in, nor the other way round.
    for defaults in ["{role-arn: x, chain: [y], audience: z}", "{profile: everyday}"] {
        let text = format!("registries:\n- match: {ECR}\n  source: cognito\n{POOLS}defaults: {defaults}\n");
        let config = parse(&text).unwrap();
        let target = config.target(ECR).unwrap();
        assert_eq!(target.profile(), None);
        assert_eq!(sign_in_of(target.role()), Some(pools()));
    }
    for own in ["role-arn: mine", "profile: mine", "source: auto"] {
        assert_eq!(sign_in_of(&role(own, "{source: cognito}")), None, "{own}");
    }
}

#[rstest]
#[case::without_a_block("source: cognito", "", "3:11: \"source: cognito\": nothing says how to sign in")]
#[case::a_role(
    "source: cognito\n  role-arn: x",
    POOLS,
    "3:11: \"role-arn\": it is set together with"
)]
#[case::roles("chain: [x]\n  source: cognito", POOLS, "4:11: \"chain\": it is set together with")]
#[case::a_profile("source: cognito\n  profile: x", POOLS, "4:12: \"profile\" and \"source: cognito\"")]
#[case::a_token(
    "source: cognito\n  token-env: X",
    POOLS,
    "3:11: \"token-env\": it is set together with"
)]
#[case::beside_the_defaults(
    "audience: x",
    &format!("{POOLS}defaults: {{source: cognito}}"),
    "2:10: \"audience\": it is set together with"
)]
fn what_a_rule_cannot_say(#[case] lines: &str, #[case] rest: &str, #[case] error: &str) {
    let found = with_rule(lines, rest).unwrap_err();
    assert_eq!(found.exit(), Exit::Usage);
    assert!(found.to_string().contains(error), "{found}");
    assert!(found.hint_text().is_some());
}

#[rstest]
#[case("user-pool-id: here", "2:17: \"user-pool-id\": it is not the id of a user pool")]
#[case("client-id: a-b", "2:14: \"client-id\": ")]
#[case("identity-pool-id: eu-west-1_AbC", "2:21: \"identity-pool-id\": ")]
#[case("username: \"a\\e[2J\"", "2:13: \"username\": ")]
#[case("password: hunter2", "2:3: unknown key \"password\"")]
#[case("password-command: pass", "2:3: unknown key \"password-command\"")]
#[case("callback-port: 0", "2:3: invalid value")]
#[case("callback-port: 70000", "2:18: ")]
#[case("user-pool-id: eu-west-1_AbC", "2:3: the key \"identity-pool-id\" is missing")]
#[case(
    "identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012",
    "2:3: \"user-pool-id\": it is missing"
)]
#[case("flow: srp\n  flow: srp", "3:3: the key \"flow\" appears twice")]
#[case("flow: custom", "custom")]
fn what_the_block_cannot_say(#[case] lines: &str, #[case] error: &str) {
    let found = parse(&format!("cognito:\n  {lines}\n")).unwrap_err();
    assert_eq!(found.exit(), Exit::Usage);
    assert!(found.to_string().contains(error), "{found}");
}

#[test]
fn the_documented_block_is_right() {
    let page = include_str!("../../../../docs/configuration.md");
    let (_, section) = page.split_once(": `cognito`\n").unwrap();
    let example = section.split("```").nth(1).unwrap().strip_prefix("yaml").unwrap();
    let config = parse(example).unwrap();
    let username = Some("zoe@example.com".to_owned());
    assert_eq!(
        sign_in_of(config.target(ECR).unwrap().role()),
        Some(CognitoSettings { username, ..pools() })
    );
}
