//! A long file that was found valid: the rules of one server alone mean the same as the whole file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::*;
use crate::CheckedTexts;
use crate::checked::parse_for;
use crate::rule_lines::RuleLines;
use crate::server::Server;
use settings::CognitoSettings;

/// Texts that are kept in memory, and how often one was there.
#[derive(Default)]
struct InMemory {
    texts: RefCell<BTreeMap<PathBuf, String>>,
    found: RefCell<usize>,
}

impl CheckedTexts for InMemory {
    fn holds(&self, file: &Path, text: &str) -> bool {
        let holds = self.texts.borrow().get(file).is_some_and(|kept| kept == text);
        *self.found.borrow_mut() += usize::from(holds);
        holds
    }

    fn keep(&self, file: &Path, text: &str) {
        self.texts.borrow_mut().insert(file.to_owned(), text.to_owned());
    }
}

impl InMemory {
    fn is_kept(&self) -> bool {
        !self.texts.borrow().is_empty()
    }
}

/// A text that is long enough to be read by its lines.
fn long(text: &str) -> String {
    format!("{text}{}", "# and so on\n".repeat(200))
}

fn host(number: u64) -> String {
    format!("{number:012}.dkr.ecr.eu-west-1.amazonaws.com")
}

fn ask(text: &str, server: &str, path: &Path, checked: &InMemory) -> Result<Config> {
    parse_for(&Server::parse(server), text, path, None, checked)
}

/// What a caller learns of a server.
fn learned<'a>(config: &'a Config, server: &str) -> impl PartialEq + std::fmt::Debug + use<'a> {
    (
        config.target(server),
        config.place(server).and_then(|place| place.line),
        config.line_naming(server),
        config.has_rule(server),
        config.glob_for(server).map(str::to_owned),
        config.line_of_cognito(),
        config.defaults(),
    )
}

#[test]
fn the_rules_of_others_are_not_parsed_again() {
    let text = long(&format!(
        "registries:\n- match: {}\n  profile: a\n# between\n- match: '{}' # the second\n  profile: b\ndefaults:\n  region: eu-west-1\n",
        host(1),
        host(2)
    ));
    let only = |server: &str| RuleLines::find(&text).only(&Server::parse(server));
    assert_eq!(
        only(&host(2)),
        text.replacen(&format!("- match: {}\n  profile: a\n# between\n", host(1)), "\n\n\n", 1)
    );
    let first = text.replacen(
        &format!("- match: '{}' # the second\n  profile: b\n", host(2)),
        "\n\n",
        1,
    );
    assert_eq!(only(&host(1)), first);
    assert_eq!(only("ghcr.io"), first);
}

#[test]
fn a_text_is_believed_only_as_it_was_found_right() {
    let checked = InMemory::default();
    let path = Path::new("/etc/ecr-auth.yml");
    let text = long(&format!(
        "registries:\n  - match: {}\n  - match: {}\n",
        host(1),
        host(2)
    ));
    assert!(ask(&text, &host(1), path, &checked).is_ok());
    assert!(checked.is_kept());
    let broken = text.replacen("  - match: 000000000002", "  - profil: x\n    match: 000000000002", 1);
    let error = ask(&broken, &host(1), path, &checked).unwrap_err();
    assert_eq!(error.what(), "/etc/ecr-auth.yml:3:5");
    assert_eq!(*checked.found.borrow(), 0);
    assert_eq!(error, parse(&broken).unwrap_err());
    // The one before is still as it was.
    assert!(ask(&text, &host(1), path, &checked).is_ok());
    assert_eq!(*checked.found.borrow(), 1);
}

#[test]
fn a_short_text_is_parsed_whole_and_not_kept() {
    let checked = InMemory::default();
    ask(ALL_KEYS, ECR, Path::new("/etc/ecr-auth.yml"), &checked).unwrap();
    assert!(!checked.is_kept());
}

/// The file of a policy may go after the text was found right: then the whole parse says where it is wanted.
#[test]
fn a_policy_is_read_when_it_is_used() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ecr-auth.yml");
    let policy = folder.path().join("policy.json");
    fs::write(&policy, r#"{"Version": "2012-10-17"}"#).unwrap();
    let text = long(&format!(
        "registries:\n  - match: {}\n    role-arn: a\n    policy: '@policy.json'\n  - match: {}\n",
        host(1),
        host(2)
    ));
    let checked = InMemory::default();
    ask(&text, &host(1), &path, &checked).unwrap();
    fs::write(&policy, r#"{"Version": "2012-10-18"}"#).unwrap();
    let config = ask(&text, &host(1), &path, &checked).unwrap();
    let policy_now = config.target(&host(1)).unwrap().role().policy.clone();
    assert!(policy_now.unwrap().contains("2012-10-18"));
    fs::remove_file(&policy).unwrap();
    let error = ask(&text, &host(1), &path, &checked).unwrap_err();
    assert_eq!(error, Config::parse(&text, &path).unwrap_err());
    assert!(error.what().ends_with("ecr-auth.yml:4:13"), "{}", error.what());
}

#[rstest]
#[case::other_key_first("registries:\n  - profile: a\n    match: 000000000001.dkr.ecr.eu-west-1.amazonaws.com\n")]
#[case::in_brackets("registries: [{match: 000000000001.dkr.ecr.eu-west-1.amazonaws.com, profile: a}]\n")]
#[case::own_line("registries:\n  -\n    match: 000000000001.dkr.ecr.eu-west-1.amazonaws.com\n")]
#[case::anchor(
    "registries:\n  - match: 000000000001.dkr.ecr.eu-west-1.amazonaws.com\n    profile: &a b\n  - match: 000000000002.dkr.ecr.eu-west-1.amazonaws.com\n    profile: *a\n"
)]
#[case::none("defaults:\n  profile: a\n")]
fn a_text_that_is_laid_out_otherwise_is_parsed_whole_each_time(#[case] text: &str) {
    let checked = InMemory::default();
    ask(&long(text), &host(1), Path::new("/etc/ecr-auth.yml"), &checked).unwrap();
    assert!(!checked.is_kept());
}

/// It may be gone the next time.
#[test]
fn a_text_that_needs_the_sign_in_of_setup_json_is_parsed_whole_each_time() {
    let text = long(&format!("registries:\n  - match: {}\n    source: cognito\n", host(1)));
    let setup = CognitoSettings {
        identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
        provider: Some("accounts.example.com".into()),
        id_token_file: Some("/token".into()),
        ..CognitoSettings::default()
    };
    let checked = InMemory::default();
    let path = Path::new("/etc/ecr-auth.yml");
    parse_for(&Server::parse(&host(1)), &text, path, Some(&setup), &checked).unwrap();
    assert!(!checked.is_kept());
}

/// A rule, in one of several layouts.
fn yaml_rule(column: usize, name: &str, alias: bool, number: usize, layout: usize) -> String {
    let (dash, keys) = (" ".repeat(column), " ".repeat(column + 2));
    let name = match layout % 3 {
        0 if !name.contains('*') => name.to_owned(),
        1 => format!("\"{name}\""),
        _ => format!("'{name}'"),
    };
    let registry = match alias {
        true => format!("{keys}registry: {}\n", host(7)),
        false => String::new(),
    };
    let rest = match layout {
        0 | 1 => format!("{keys}profile: p{number}\n"),
        2 => format!("{keys}role-arn: r{number}\n{keys}tag:\n{keys}  - match: x\n").replace("- match", "match"),
        3 => format!("\n{dash}# - match: {}\n{keys}optional: true\n\n", host(1)),
        4 => format!("{keys}role-arn: r{number}\n{keys}policy: |\n{keys}  {{\"a\":\n{keys}  - match: 1}}\n"),
        5 => format!("{keys}token-command: [mint, '{number}']\n"),
        _ => format!("{keys}chain:\n{keys}- match\n{keys}role-arn: r{number}\n"),
    };
    format!(
        "{dash}- match:{}{name} # {number}\n{registry}{rest}",
        " ".repeat(1 + layout % 2)
    )
}

proptest! {
    /// Whatever the rules say, and in whatever layout: one server's rules alone say of it what the whole file says.
    #[test]
    fn one_server_is_told_what_the_whole_file_says(
        rules in prop::collection::btree_map(0u64..12, (0usize..4, 0usize..7), 1..8),
        column in 0usize..4,
        defaults in 0usize..4,
        windows in any::<bool>(),
        asked in 0u64..12,
    ) {
        let mut text = String::from("# ours\nregistries:\n");
        for (number, (kind, layout)) in &rules {
            let name = match kind {
                0 | 1 => host(*number),
                2 => format!("{number:012}.dkr.ecr.*.amazonaws.com"),
                _ => format!("r{number}.example.com:5000"),
            };
            text += &yaml_rule(column, &name, *kind == 3, *number as usize, *layout);
        }
        let rest = "defaults:\n  region: eu-west-2\n";
        text = match defaults {
            0 => text,
            1 => format!("{text}{rest}"),
            2 => format!("{rest}{text}"),
            _ => format!("{text}\n# the sign-in\ncognito:\n  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n  provider: a.example.com\n  id-token-file: token\n{rest}"),
        };
        let mut text = long(&text);
        if windows {
            text = text.replace('\n', "\r\n");
        }
        let path = Path::new("/etc/ecr-auth.yml");
        let Ok(whole) = Config::parse(&text, path) else { return Err(TestCaseError::reject("not right")) };
        let checked = InMemory::default();
        prop_assert_eq!(&ask(&text, "", path, &checked).unwrap(), &whole);
        prop_assert!(checked.is_kept(), "{}", text);
        let servers = [host(asked), format!("r{asked}.example.com:5000"), format!("{asked:012}.dkr.ecr.us-east-1.amazonaws.com"), "ghcr.io".to_owned()];
        for server in servers {
            let alone = ask(&text, &server, path, &checked).unwrap();
            prop_assert_eq!(learned(&alone, &server), learned(&whole, &server), "{}\n{}", server, text);
            prop_assert!(alone.rules.len() <= whole.rules.len());
        }
        prop_assert_eq!(*checked.found.borrow(), 4);
    }

    /// Whatever the text: what is kept says the same of each server as the whole parse.
    #[test]
    fn any_text_is_told_as_the_whole_parse_tells_it(lines in prop::collection::vec(0usize..16, 0..24)) {
        const LINES: [&str; 16] = [
            "registries:\n", "  - match: 000000000001.dkr.ecr.eu-west-1.amazonaws.com\n", "  - match: '*.dkr.ecr.eu-west-1.amazonaws.com'\n",
            "- match: 000000000002.dkr.ecr.eu-west-1.amazonaws.com\n", "    profile: a\n", "  profile: b\n", "defaults:\n", "\n", "# - match: x\n",
            "  - profile: c\n    match: public.ecr.aws\n", "    policy: |\n", "      - match: z\n", "    session-name: \"a\n", " b\"\n", "...\n", "    role-arn: r\n",
        ];
        let text = long(&lines.iter().map(|line| LINES[*line]).collect::<String>());
        let path = Path::new("/etc/ecr-auth.yml");
        let Ok(whole) = Config::parse(&text, path) else { return Ok(()) };
        let checked = InMemory::default();
        for server in [host(1), host(2), host(3), "public.ecr.aws".to_owned(), String::new()] {
            for _ in 0..2 {
                let alone = ask(&text, &server, path, &checked).unwrap();
                prop_assert_eq!(learned(&alone, &server), learned(&whole, &server), "{}", text);
            }
        }
    }
}
