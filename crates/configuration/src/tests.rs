use proptest::prelude::*;
use rstest::rstest;

use super::*;
use diagnostics::Exit;

mod checked;
mod cognito;
mod files;
mod roles;
mod schema;
mod setup;
mod vendor;

const ECR: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

const ALL_KEYS: &str = "\
registries:
  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    profile: ci
  - match: '*.dkr.ecr.eu-*.amazonaws.com' # a glob
    optional: true
  - match: Registry.example.com:5000
    registry: 111122223333.dkr.ecr-fips.us-east-1.amazonaws.com
    profile: \"partner\"
    optional: false
  - match: public.ecr.aws
defaults:
  profile: everyday
";

fn parse(text: &str) -> Result<Config> {
    Config::parse(text, Path::new("/etc/ecr-auth.yml"))
}

#[rstest]
#[case(ECR, ECR, Some("ci"), false)]
#[case(
    "https://111122223333.DKR.ecr.eu-west-1.amazonaws.com:443/v2/",
    ECR,
    Some("ci"),
    false
)]
#[case(
    "111122223333.dkr.ecr.eu-north-1.amazonaws.com",
    "111122223333.dkr.ecr.eu-north-1.amazonaws.com",
    Some("everyday"),
    true
)]
#[case(
    "https://REGISTRY.example.com:5000/v2/",
    "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
    Some("partner"),
    false
)]
#[case("public.ecr.aws", "public.ecr.aws", Some("everyday"), true)]
#[case(
    "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    Some("everyday"),
    false
)]
fn targets(#[case] server: &str, #[case] host: &str, #[case] profile: Option<&str>, #[case] optional: bool) {
    let config = parse(ALL_KEYS).unwrap();
    let target = config.target(server).unwrap();
    assert_eq!(target.registry().host(), host);
    assert_eq!(target.profile(), profile);
    assert_eq!(target.is_optional(), optional);
}

#[rstest]
#[case("registry.example.com")]
#[case("registry.example.com:5001")]
#[case("sub.registry.example.com:5000")]
#[case("registry.example.com:5000.example.org")]
#[case("user@registry.example.com:5000")]
#[case("docker.io")]
#[case("")]
fn not_ours(#[case] server: &str) {
    assert_eq!(parse(ALL_KEYS).unwrap().target(server), None);
}

#[test]
fn first_match_wins() {
    let text = "registries:\n- {match: '*.dkr.ecr.*.amazonaws.com', profile: a}\n- {match: ECR, profile: b}\n";
    let config = parse(&text.replace("ECR", ECR)).unwrap();
    assert_eq!(config.target(ECR).unwrap().profile(), Some("a"));
}

#[test]
fn no_rules_still_know_ecr() {
    let config = Config::default();
    let target = config.target(ECR).unwrap();
    assert_eq!((target.profile(), target.is_optional()), (None, false));
    assert!(config.target("public.ecr.aws").unwrap().is_optional());
    assert_eq!(config.exact_hosts().count(), 0);
}

#[test]
fn exact_hosts_leave_globs_out() {
    let config = parse(ALL_KEYS).unwrap();
    let hosts: Vec<&str> = config.exact_hosts().collect();
    assert_eq!(hosts, [ECR, "registry.example.com:5000", "public.ecr.aws"]);
}

#[rstest]
#[case::empty("")]
#[case::comment("# nothing\n")]
#[case::byte_order_mark("\u{feff}registries: []\n")]
#[case::line_ends("registries:\r\ndefaults:\r\n")]
#[case::document_start("---\n")]
fn nothing_said(#[case] text: &str) {
    assert_eq!(parse(text).unwrap(), Config::default());
}

#[rstest]
#[case(
    "registry:\n",
    "1:1: unknown key \"registry\"",
    "did you mean \"registries\"? Allowed here: registries, defaults, cognito"
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  Profile: x\n",
    "3:3: unknown key \"Profile\"",
    "did you mean \"profile\""
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  zone: x\n",
    "3:3: unknown key \"zone\"",
    "allowed here: match, registry, role-arn, chain, audience, "
)]
#[case(
    "defaults:\n  source: odic\n",
    "2:11: unknown value \"odic\"",
    "did you mean \"oidc\"? Allowed here: auto, oidc, chain, cognito"
)]
#[case(
    "defaults:\n  region: eu_west_1\n",
    "\"eu_west_1\" is not an AWS region",
    "did you mean eu-west-1?"
)]
#[case(
    "defaults:\n  match: x\n",
    "2:10: unknown key \"match\"",
    "\"defaults\" apply to every registry"
)]
#[case(
    "registries: []\r\nregistries: []\r\n",
    "2:1: the key \"registries\" appears twice",
    ""
)]
#[case("registries:\n- match: a\n  match: b\n", "3:3: the key \"match\" appears twice", "")]
#[case(
    "registries:\n- match: public.ecr.aws\n- match: Public.ECR.aws\n",
    "3:10: this \"match\" is in an earlier rule",
    "first match wins"
)]
#[case("registries:\n- profile: x\n", "2:3: the key \"match\" is missing", "")]
#[case("registries: 3\n", "1:13: expected a list", "")]
#[case("registries: {}\n", "1:13: expected a list", "")]
#[case("registries:\n- public.ecr.aws\n", "2:3: expected keys with values", "")]
#[case("defaults: []\n", "1:11: expected keys with values", "")]
#[case("[1]\n", "1:1: expected keys with values", "")]
#[case("defaults:\n  profile: 012345678901\n", "2:12: expected a text", "quotes")]
#[case("defaults:\n  profile: true\n", "2:12: expected a text", "quotes")]
#[case("defaults:\n  profile: [a]\n", "2:12: expected a text", "")]
#[case("defaults:\n  profile: {a: b}\n", "2:12: expected a text", "")]
#[case("defaults:\n  profile:\n", "2:10: a value is missing", "")]
#[case("defaults:\n  profile: ' '\n", "2:12: \"profile\" is empty", "")]
#[case(
    "registries:\n- match: public.ecr.aws\n  optional: yes\n",
    "3:3: expected true or false",
    ""
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  optional: 'true'\n",
    "3:3: expected true or false",
    ""
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  optional: 1\n",
    "3:3: expected true or false",
    ""
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  optional:\n",
    "3:3: expected true or false",
    ""
)]
#[case("registries: []\n---\n{}\n", "3:1: a second document", "")]
#[case(
    "registries:\n- match: *.dkr.ecr.eu-west-1.amazonaws.com\n",
    "2:10: an unquoted text that begins with * is a YAML alias",
    "in quotes: match: '*."
)]
#[case("registries:\n- !rule\n  match: x\n", "3:3: unsupported tag", "")]
#[case("!rules registries: []\n", "1:", "")]
#[case("registries: ]\n", "1:", "")]
// Values that cannot be.
#[case(
    "registries:\n- match: '*'\n",
    "2:10: \"match\" must have the form of ECR's names",
    ""
)]
#[case(
    "registries:\n- match: a/b\n",
    "2:10: \"match\" must be the name of a host alone",
    ""
)]
#[case(
    "registries:\n- match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com:443\n",
    "2:10: \"match\" must be written without port",
    ""
)]
#[case(
    "registries:\n- match: r.example.com\n",
    "2:10: r.example.com is not an ECR host",
    "registry: <the ECR host>"
)]
#[case(
    "registries:\n- match: 11122223333.dkr.ecr.eu-west-1.amazonaws.com\n",
    "has 11 digits instead of 12",
    "registry: <the ECR host>"
)]
#[case(
    "registries:\n- match: r.example.com\n  registry: s.example.com\n",
    "3:13: \"registry\" is not an ECR host",
    "ECR's hosts are"
)]
#[case(
    "registries:\n- match: r.example.com\n  registry: https://public.ecr.aws\n",
    "3:13: \"registry\" must be a host name alone",
    "write public.ecr.aws"
)]
#[case(
    "registries:\n- match: public.ecr.aws\n  registry: public.ecr.aws\n",
    "3:13: \"registry\" is for names that are not ECR's own",
    "leave it out"
)]
fn mistakes(#[case] text: &str, #[case] error: &str, #[case] hint: &str) {
    let found = parse(text).unwrap_err();
    assert_eq!(found.exit(), Exit::Usage);
    let shown = found.to_string();
    assert!(shown.starts_with("/etc/ecr-auth.yml:"), "{shown}");
    assert!(shown.contains(error), "{shown}");
    let shown = found.hint_text().unwrap_or_default();
    assert!(shown.contains(hint), "{shown}");
}

#[rstest]
#[case::nesting("[".repeat(100_000), "recursion limit")]
#[case::aliases(format!("registries: [&a {{match: {ECR}}}{}]", ", *a".repeat(5_000)), "too large")]
#[case::entries(format!("registries: [{}]", "{match: a},".repeat(60_000)), "too large")]
fn floods_are_refused(#[case] text: String, #[case] error: &str) {
    let shown = parse(&text).unwrap_err().to_string();
    assert!(shown.contains(error), "{shown}");
}

#[test]
fn thousands_of_rules_are_fine() {
    let rules: String = (0..10_000)
        .map(|n| format!("- {{match: {n:012}.dkr.ecr.eu-west-1.amazonaws.com}}\n"))
        .collect();
    assert_eq!(
        parse(&format!("registries:\n{rules}")).unwrap().exact_hosts().count(),
        10_000
    );
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert_eq!(error.exit(), Exit::Usage);
        }
    }

    /// One line cut, doubled or replaced: whatever comes of it, errors stand at a line of the file.
    #[test]
    fn edits_keep_their_line_numbers(line in 0usize..12, edit in prop_oneof![Just(""), Just("  x: y"), Just("- match: *"), Just("\t'")]) {
        let mut lines: Vec<&str> = ALL_KEYS.lines().collect();
        lines[line] = edit;
        if let Err(error) = parse(&lines.join("\n")) {
            let shown = error.to_string();
            let number: usize = shown.split(':').nth(1).unwrap().parse().unwrap();
            prop_assert!((1..=lines.len() + 1).contains(&number), "{}", shown);
        }
    }

    /// What is not named in the file is never taken for an alias.
    #[test]
    fn aliases_are_exact(server in "(https://)?(x|registry\\.example\\.com)(:5000|:443)?(/v2/|\\.|\\.org|@x)?") {
        let config = parse(ALL_KEYS).unwrap();
        let bare = server.strip_prefix("https://").unwrap_or(&server);
        let expected = bare == "registry.example.com:5000" || bare == "registry.example.com:5000/v2/";
        prop_assert_eq!(config.target(&server).is_some(), expected);
    }
}
