//! The block `cognito`: written in its place, replaced, and taken back once no rule needs it.

use rstest::rstest;

use super::*;
use diagnostics::Exit;
use settings::CognitoSettings;

/// Blocks as others may have written them.
pub(super) const BLOCKS: [&str; 5] = [
    "",
    "cognito:\n",
    "# who\ncognito: # here\n    # the pools\n    user-pool-id: eu-west-1_Old # ours\n    client-id: old\n\n    flow: user-password\n    \
     identity-pool-id: \"eu-west-1:00000000-abcd-1234-abcd-123456789012\"\n    # end\n",
    "cognito:\n  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n  provider: accounts.google.com\n  id-token-file: t\n",
    "cognito:\n  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n  client-id: abc\n  \
     user-pool-id: eu-west-1_AbCdEfGhI\n  username: zoe\n",
];

pub(super) fn settings() -> CognitoSettings {
    CognitoSettings {
        user_pool_id: Some("eu-west-1_AbCdEfGhI".into()),
        client_id: Some("abc".into()),
        identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
        username: Some("zoe".into()),
        ..CognitoSettings::default()
    }
}

pub(super) fn write(text: Option<&str>, rules: &[RuleEdit]) -> Result<Written> {
    let edit = CognitoEdit::new(&settings());
    super::super::write(text, Path::new("/etc/ecr-auth.yml"), Some(&edit), rules)
}

fn with_cognito(host: &str) -> RuleEdit {
    rule(host, &[("source", text("cognito"))])
}

const BLOCK: &str = "\
cognito:
  user-pool-id: eu-west-1_AbCdEfGhI
  client-id: abc
  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012
  username: zoe
";

#[rstest]
#[case::nothing("", "HEADER\nBLOCKregistries:\n  - match: HOST\n    source: cognito\n")]
#[case::rules(
    "registries:\n- match: public.ecr.aws\n# end\n",
    "registries:\n- match: public.ecr.aws\n- match: HOST\n  source: cognito\nBLOCK# end\n"
)]
#[case::null(
    "cognito: ~\nregistries: []\n",
    "BLOCKregistries:\n  - match: HOST\n    source: cognito\n"
)]
#[case::another(
    "cognito:\n    # mine\n    client-id: old # yes\n    user-pool-id: us-east-1_Old\n    identity-pool-id: us-east-1:12345678-abcd-1234-abcd-123456789012\n    flow: srp\nregistries:\n- match: HOST\n  profile: x\n",
    "cognito:\n    # mine\n    client-id: abc # yes\n    user-pool-id: eu-west-1_AbCdEfGhI\n    identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n    username: zoe\nregistries:\n- match: HOST\n  source: cognito\n"
)]
fn written_and_taken_back(#[case] before: &str, #[case] after: &str) {
    let fill = |text: &str| {
        let text = text.replace("BLOCK", BLOCK).replace("HOST", HOST);
        text.replace("HEADER", HEADER)
    };
    let (before, after) = (fill(before), fill(after));
    let written = write(Some(&before), &[with_cognito(HOST)]).unwrap();
    assert_eq!(written.text, after);
    assert!(write(Some(&after), &[with_cognito(HOST)]).unwrap().is_nothing());
    let restored = restored(&written);
    assert_eq!((restored.text.as_str(), restored.cognito), (before.as_str(), true));
}

#[test]
fn it_stays_as_long_as_a_rule_needs_it() {
    let other = "222233334444.dkr.ecr.us-east-1.amazonaws.com";
    let written = write(None, &[with_cognito(HOST), with_cognito(other)]).unwrap();
    let path = Path::new("x");
    let first = take_back(&written.text, path, &|name| name == HOST, noted(&written)).unwrap();
    assert!(!first.cognito && first.text.contains(BLOCK), "{}", first.text);
    let all = take_back(&first.text, path, &|name| name == other, noted(&written)).unwrap();
    assert_eq!((all.cognito, all.text.as_str()), (true, ""));

    // So does somebody else's rule, and a block that somebody changed.
    let theirs = written
        .text
        .replace(HOST, "333344445555.dkr.ecr.us-east-1.amazonaws.com");
    let restored = take_back(&theirs, path, &|_| true, noted(&written)).unwrap();
    assert_eq!(
        (restored.cognito, restored.names.as_slice()),
        (false, &[other.to_owned()][..])
    );
    let changed = written.text.replace("zoe", "max");
    let restored = take_back(&changed, path, &|_| true, noted(&written)).unwrap();
    assert!(!restored.cognito && restored.text.contains("max"));
}

#[rstest]
#[case::brackets(
    "cognito: {user-pool-id: eu-west-1_Old, client-id: x, identity-pool-id: \"eu-west-1:12345678-abcd-1234-abcd-123456789012\"}\n",
    "what would change is written in brackets"
)]
#[case::anchor(
    "cognito: &c\n  user-pool-id: eu-west-1_Old\n  client-id: x\n  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n",
    "what would change has an anchor"
)]
fn what_cannot_be_edited_is_shown(#[case] text: &str, #[case] cause: &str) {
    let error = write(Some(text), &[]).unwrap_err();
    assert_eq!(error.exit(), Exit::Failed);
    assert!(error.cause().starts_with(cause), "{error}");
    let hint = error.hint_text().unwrap();
    let (_, block) = hint.split_once("\"registries\": ").unwrap();
    Config::parse(block, Path::new("x")).unwrap();
}

#[test]
fn every_setting_is_said() {
    let settings = CognitoSettings {
        client_secret_file: Some("/run/secret".into()),
        flow: settings::Flow::UserPassword,
        identity_flow: settings::IdentityFlow::Classic,
        role_arn: Some("arn:aws:iam::111122223333:role/pull".into()),
        duration: Some(900),
        policy: Some("{\"Version\": \"2012-10-17\"}".into()),
        provider: Some("accounts.google.com".into()),
        id_token_file: Some("/run/token".into()),
        username: Some("1e5".into()),
        ..settings()
    };
    let edit = CognitoEdit::new(&settings);
    let written = super::super::write(None, Path::new("/etc/x"), Some(&edit), &[with_cognito(HOST)]).unwrap();
    let config = Config::parse(&written.text, Path::new("/etc/x")).unwrap();
    let choice = config.target(HOST).unwrap().identity().choice(None);
    assert_eq!(choice, Ok(settings::IdentityChoice::Cognito(Box::new(settings))));
}
