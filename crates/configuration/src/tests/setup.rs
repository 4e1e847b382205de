//! `setup.json`: what it says, beside which file it is, and how commands change it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread;

use proptest::collection::btree_map;
use serde_json::Map;
use tempfile::TempDir;

use super::*;
use crate::setup_file::SetupDocument;
use crate::{SETUP_VARIABLE, SetupChange, SetupFile, SetupRule, SetupWritten};
use diagnostics::{Code, Exit};
use settings::CognitoSettings;

const OTHER: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
const ALIAS: &str = "images.northwind.example:5000";

/// A home whose folders are still to be made.
struct Home {
    folder: TempDir,
    env: Env,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let env = [("HOME", folder.path().to_str().unwrap())].into_iter().collect();
        Self { folder, env }
    }

    fn people(&self, text: &str) -> PathBuf {
        let path = self.env.config_folder().unwrap().join("ecr-auth.yml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn setup(&self) -> PathBuf {
        self.env.config_folder().unwrap().join("setup.json")
    }

    fn load(&self) -> Result<Config> {
        Config::load(&self.env, None)
    }

    fn write(&self, rules: Vec<SetupRule>) -> Result<SetupWritten> {
        self.change(&SetupChange {
            rules,
            ..SetupChange::default()
        })
    }

    fn change(&self, change: &SetupChange) -> Result<SetupWritten> {
        SetupFile::in_force(&self.env, None)?.write(&self.env, &self.load()?, change)
    }

    fn take_back(&self, host: &str) -> crate::SetupTakenBack {
        let config = self.load().unwrap();
        let file = SetupFile::in_force(&self.env, None).unwrap();
        file.take_back(&self.env, &config, &|it| it == host).unwrap()
    }

    fn role(&self, host: &str) -> Option<String> {
        self.load().unwrap().target(host).unwrap().role().role_arn.clone()
    }
}

fn rule(host: &str, key: &str, value: &str) -> SetupRule {
    SetupRule {
        host: host.to_owned(),
        registry: None,
        keys: Map::from_iter([(key.to_owned(), value.into())]),
    }
}

fn role(host: &str, arn: &str) -> SetupRule {
    rule(host, "role-arn", arn)
}

fn pools() -> CognitoSettings {
    CognitoSettings {
        user_pool_id: Some("eu-west-1_AbCdEfGhI".into()),
        client_id: Some("1h57kf5cpq17m0eml12EXAMPLE".into()),
        identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
        ..CognitoSettings::default()
    }
}

#[test]
fn the_file_is_made_and_goes_again() {
    let home = Home::new();
    assert!(home.write(vec![role(ECR, "push")]).unwrap().changed);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(
        (mode(home.setup().parent().unwrap()), mode(&home.setup())),
        (0o700, 0o600)
    );
    assert_eq!(home.role(ECR).as_deref(), Some("push"));
    assert!(!home.write(vec![role(ECR, "push")]).unwrap().changed);

    let taken = home.take_back(ECR);
    assert_eq!((taken.hosts, taken.removed), (vec![ECR.to_owned()], true));
    assert!(!home.folder.path().join(".config").exists());
}

#[test]
fn a_folder_with_something_else_in_it_stays() {
    let home = Home::new();
    home.write(vec![role(ECR, "push")]).unwrap();
    let people = home.people("");
    assert!(home.take_back(ECR).removed);
    assert!(people.exists() && !home.setup().exists());
}

#[test]
fn the_fallback_store_comes_and_goes_beside_the_rules() {
    let home = Home::new();
    home.write(vec![role(ECR, "push")]).unwrap();
    let fallback = FallbackStore::Store("desktop".to_owned());
    let change = SetupChange {
        fallback: Some(fallback.clone()),
        ..SetupChange::default()
    };
    assert!(home.change(&change).unwrap().changed);
    assert!(!home.change(&change).unwrap().changed);
    let text = fs::read_to_string(home.setup()).unwrap();
    assert!(
        text.starts_with("{\n\"fallback\":{\"store\":\"desktop\"},\n\"registries\":[\n{"),
        "{text}"
    );
    // One server's question is answered with it too, and with its rule.
    for host in ["ghcr.io", ECR] {
        let config = Config::load_for(&home.env, None, host, None).unwrap();
        assert_eq!(config.fallback(), Some(&fallback), "{host}");
    }
    assert_eq!(home.role(ECR).as_deref(), Some("push"));

    assert!(!home.take_back(ECR).removed);
    assert_eq!(home.load().unwrap().fallback(), Some(&fallback));
    let taken = SetupFile::in_force(&home.env, None)
        .unwrap()
        .take_back_fallback(&home.env)
        .unwrap();
    assert!(taken.fallback && taken.removed && taken.hosts.is_empty());
    assert!(!home.folder.path().join(".config").exists());
}

/// However a text names an alias of ours, what concerns the alias never reaches the store. Another port is another server.
#[test]
fn a_name_of_ours_in_any_text_has_no_fallback_store() {
    const NAME: &str = "registry.example.com";
    let home = Home::new();
    let change = SetupChange {
        rules: vec![SetupRule {
            host: NAME.to_owned(),
            registry: Some(ECR.to_owned()),
            keys: Map::new(),
        }],
        fallback: Some(FallbackStore::Store("desktop".to_owned())),
        ..SetupChange::default()
    };
    assert!(home.change(&change).unwrap().changed);
    let store = |server: &str| {
        let config = Config::load_for(&home.env, None, server, None).unwrap();
        config.fallback_for(server).is_some()
    };
    for ours in [
        NAME,
        "https://user@registry.example.com",
        "user:x@registry.example.com/v2/",
        "registry.example.com:x",
    ] {
        assert!(!store(ours), "{ours}");
    }
    for other in ["ghcr.io", "registry.example.com:5000", "localhost:5000"] {
        assert!(store(other), "{other}");
    }
}

#[test]
fn the_jobs_fallback_store_comes_before_the_users() {
    let home = Home::new();
    let (user, job) = (home.setup(), home.folder.path().join("job.json"));
    fs::create_dir_all(user.parent().unwrap()).unwrap();
    fs::write(&user, r#"{"fallback": {"auths": "/home/u/.docker/config.json"}}"#).unwrap();
    let file = FallbackStore::Auths("/home/u/.docker/config.json".into());
    assert_eq!(home.load().unwrap().fallback(), Some(&file));
    let mut env = home.env.clone();
    env.set(SETUP_VARIABLE, job.to_str().unwrap());
    assert_eq!(Config::load(&env, None).unwrap().fallback(), Some(&file));
    fs::write(&job, r#"{"fallback": {"store": "pass"}}"#).unwrap();
    let store = FallbackStore::Store("pass".to_owned());
    assert_eq!(Config::load(&env, None).unwrap().fallback(), Some(&store));
    fs::write(&job, r#"{"fallback": "pass"}"#).unwrap();
    let error = Config::load(&env, None).unwrap_err();
    assert_eq!((error.code(), error.exit()), (Code::ConfigSyntax, Exit::Usage));
}

#[test]
fn one_rule_a_line_sorted_by_host() {
    let home = Home::new();
    home.write(vec![role(OTHER, "b"), role(ECR, "a")]).unwrap();
    let mut change = SetupChange {
        rules: vec![rule(ALIAS, "source", "cognito")],
        cognito: Some(pools()),
        ..SetupChange::default()
    };
    change.rules[0].registry = Some(ECR.to_owned());
    home.change(&change).unwrap();
    let expected = format!(
        "{{\n\"cognito\":{{\"client-id\":\"1h57kf5cpq17m0eml12EXAMPLE\",\"identity-pool-id\":\
         \"eu-west-1:12345678-abcd-1234-abcd-123456789012\",\"user-pool-id\":\"eu-west-1_AbCdEfGhI\"}},\n\
         \"registries\":[\n\
         {{\"match\":\"{ECR}\",\"role-arn\":\"a\"}},\n\
         {{\"match\":\"{OTHER}\",\"role-arn\":\"b\"}},\n\
         {{\"match\":\"{ALIAS}\",\"registry\":\"{ECR}\",\"source\":\"cognito\"}}\n]}}\n"
    );
    assert_eq!(fs::read_to_string(home.setup()).unwrap(), expected);
    let config = home.load().unwrap();
    assert_eq!(config.target(ALIAS).unwrap().role().cognito, Some(pools()));
    assert_eq!(config.cognito(), Some(&pools()));
    // An alias whose rule changes stays the alias of its registry.
    home.write(vec![role(ALIAS, "c")]).unwrap();
    assert_eq!(home.load().unwrap().target(ALIAS).unwrap().registry().host(), ECR);
}

#[test]
fn a_later_command_replaces_the_rule_of_an_earlier_one() {
    let home = Home::new();
    home.write(vec![role(ECR, "one"), role(OTHER, "other")]).unwrap();
    let written = home.write(vec![rule(ECR, "profile", "two")]).unwrap();
    let replaced = ReplacedRule {
        before: role(ECR, "one"),
        now: rule(ECR, "profile", "two"),
    };
    assert_eq!((written.changed, written.replaced), (true, vec![replaced]));
    let config = home.load().unwrap();
    let target = config.target(ECR).unwrap();
    assert_eq!(
        (target.profile(), target.role().role_arn.as_deref()),
        (Some("two"), None)
    );
    let taken = home.take_back(ECR);
    assert_eq!((taken.hosts.len(), taken.removed), (1, false));
    assert_eq!(home.role(OTHER).as_deref(), Some("other"));
}

#[test]
fn a_rule_comes_before_globs_and_takes_the_defaults_of_people() {
    let home = Home::new();
    home.people("registries:\n- match: '*.dkr.ecr.*.amazonaws.com'\n  profile: x\ndefaults:\n  external-id: id\n");
    home.write(vec![role(ECR, "push")]).unwrap();
    let config = home.load().unwrap();
    let target = config.target(ECR).unwrap();
    assert_eq!(target.profile(), None);
    assert_eq!(target.role().external_id.as_deref(), Some("id"));
    assert_eq!(config.place(ECR).unwrap().setup, Some(home.setup().as_path()));
    assert_eq!(config.place(OTHER).unwrap().line, Some(2));
}

#[test]
fn people_come_first_where_they_name_the_very_host() {
    let home = Home::new();
    home.write(vec![role(ECR, "push")]).unwrap();
    let people = home.people(&format!(
        "registries:\n- match: public.ecr.aws\n- match: {ECR}\n  role-arn: mine\n"
    ));
    assert_eq!(home.role(ECR).as_deref(), Some("mine"));
    let before = fs::read(home.setup()).unwrap();
    let error = home.write(vec![role(OTHER, "other"), role(ECR, "new")]).unwrap_err();
    assert_eq!((error.exit(), error.code()), (Exit::Usage, Code::RuleByHand));
    assert_eq!(error.what(), format!("{}:3", people.display()));
    assert!(error.cause().contains(ECR) && error.hint_text().unwrap().contains("edit that rule"));
    assert_eq!(fs::read(home.setup()).unwrap(), before);
    // What is taken back is ours all the same.
    assert_eq!(home.take_back(ECR).hosts, [ECR]);
}

#[test]
fn the_sign_in_of_people_comes_first() {
    let home = Home::new();
    let block = "cognito:\n  user-pool-id: eu-west-1_Mine\n  client-id: mine\n  \
                 identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n";
    let people = home.people(&format!("# mine\n{block}"));
    let change = SetupChange {
        rules: vec![rule(ECR, "source", "cognito")],
        cognito: Some(pools()),
        ..SetupChange::default()
    };
    let error = home.change(&change).unwrap_err();
    assert_eq!(
        (error.exit(), error.what()),
        (Exit::Usage, format!("{}:3", people.display()).as_str())
    );
    assert!(!home.setup().exists());
    // A rule of setup signs in by setup's own block, whatever people write later.
    fs::remove_file(&people).unwrap();
    home.change(&change).unwrap();
    home.people(block);
    let config = home.load().unwrap();
    assert_eq!(config.cognito().unwrap().client_id.as_deref(), Some("mine"));
    assert_eq!(config.target(ECR).unwrap().role().cognito, Some(pools()));
}

#[test]
fn a_sign_in_stays_while_a_rule_needs_it() {
    let home = Home::new();
    let change = SetupChange {
        rules: vec![rule(ECR, "source", "cognito"), rule(OTHER, "source", "cognito")],
        cognito: Some(pools()),
        ..SetupChange::default()
    };
    home.change(&change).unwrap();
    let taken = home.take_back(ECR);
    assert!(taken.keeps_cognito && !taken.cognito && !taken.removed);
    home.people(&format!("registries:\n- match: {ECR}\n  source: cognito\n"));
    assert!(home.take_back(OTHER).keeps_cognito, "a rule of people's uses it");
    home.people("");
    assert!(home.take_back("").removed);
    assert_eq!(home.load().unwrap().cognito(), None);
}

#[test]
fn a_job_has_rules_of_its_own_that_come_first() {
    let home = Home::new();
    home.people(&format!("registries:\n- match: {ECR}\n  role-arn: mine\n"));
    home.write(vec![role(OTHER, "setup")]).unwrap();
    let job = home.folder.path().join("job/setup.json");
    let env: Env = [
        ("HOME", home.folder.path().to_str().unwrap()),
        (SETUP_VARIABLE, job.to_str().unwrap()),
    ]
    .into_iter()
    .collect();
    let config = Config::load(&env, None).unwrap();
    let file = SetupFile::in_force(&env, None).unwrap();
    assert_eq!(file.path(), job);
    let change = SetupChange {
        rules: vec![role(ECR, "job")],
        ..SetupChange::default()
    };
    file.write(&env, &config, &change).unwrap();
    let config = Config::load(&env, None).unwrap();
    let role = |host| config.target(host).unwrap().role().role_arn.clone();
    assert_eq!(
        (role(ECR).as_deref(), role(OTHER).as_deref()),
        (Some("job"), Some("setup"))
    );
    assert_eq!(config.place(ECR).unwrap().setup, Some(job.as_path()));
    assert_eq!(
        (home.role(ECR).as_deref(), home.role(OTHER).as_deref()),
        (Some("mine"), Some("setup"))
    );
    assert_eq!(config.exact_hosts().collect::<Vec<_>>(), [ECR, OTHER, ECR]);
}

#[test]
fn setup_json_is_beside_the_file_that_is_named() {
    let home = Home::new();
    let named = home.folder.path().join("below/mine.yml");
    fs::create_dir_all(named.parent().unwrap()).unwrap();
    fs::write(&named, "").unwrap();
    let file = SetupFile::in_force(&home.env, Some(&named)).unwrap();
    assert_eq!(file.path(), named.with_file_name("setup.json"));
    let config = Config::load(&home.env, Some(&named)).unwrap();
    let change = SetupChange {
        rules: vec![role(ECR, "push")],
        ..SetupChange::default()
    };
    file.write(&home.env, &config, &change).unwrap();
    let config = Config::load(&home.env, Some(&named)).unwrap();
    assert_eq!(config.target(ECR).unwrap().role().role_arn.as_deref(), Some("push"));
    assert_eq!(home.role(ECR), None);
}

#[rstest]
#[case::nonsense("{", "setup.json:1:1: EOF while parsing an object", Code::ConfigSyntax)]
#[case::empty("", "setup.json:1:0: EOF while parsing a value", Code::ConfigSyntax)]
#[case::unknown("{\n\"other\": 1}", "setup.json:2:7: unknown field `other`", Code::ConfigSyntax)]
#[case::key(
    "{\"registries\": [{\"match\": \"public.ecr.aws\", \"password\": \"x\"}]}",
    "setup.json: the rule of public.ecr.aws: unknown key \"password\"",
    Code::ConfigKey
)]
#[case::command(
    "{\"registries\": [{\"match\": \"public.ecr.aws\", \"token-command\": \"id\"}]}",
    "setup.json: the rule of public.ecr.aws: expected a list",
    Code::ConfigValue
)]
#[case::glob(
    "{\"registries\": [{\"match\": \"*.dkr.ecr.eu-west-1.amazonaws.com\"}]}",
    "is not the whole name of one registry",
    Code::ConfigValue
)]
#[case::capitals(
    "{\"registries\": [{\"match\": \"Public.ecr.aws\"}]}",
    "in small letters",
    Code::ConfigValue
)]
#[case::two(
    "{\"registries\": [{\"match\": \"public.ecr.aws\", \"profile\": \"a\", \"role-arn\": \"b\"}]}",
    "\"profile\" and \"role-arn\" are in one rule",
    Code::ConfigRule
)]
#[case::sign_in("{\"cognito\": {\"client-id\": \"a\"}}", "setup.json: cognito: ", Code::ConfigValue)]
fn a_file_that_is_wrong_is_named(#[case] text: &str, #[case] said: &str, #[case] code: Code) {
    let home = Home::new();
    home.people("");
    fs::write(home.setup(), text).unwrap();
    for error in [
        home.load().unwrap_err(),
        home.write(vec![role(ECR, "push")]).unwrap_err(),
    ] {
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!((error.exit(), error.code()), (Exit::Usage, code));
    }
    assert_eq!(fs::read_to_string(home.setup()).unwrap(), text);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let home = Home::new();
    home.people("");
    fs::create_dir(home.setup()).unwrap();
    let error = home.load().unwrap_err();
    assert!(error.to_string().contains("setup.json: it is a folder"), "{error}");
}

#[test]
fn what_can_not_be_is_not_written() {
    let home = Home::new();
    for wrong in [
        rule(ECR, "source", "cognito"),
        rule(ECR, "sorce", "oidc"),
        rule("*.dkr.ecr.eu-west-1.amazonaws.com", "profile", "x"),
        rule("registry.example.com", "profile", "x"),
        rule(ECR, "role-arn", " "),
    ] {
        assert_eq!(home.write(vec![wrong]).unwrap_err().exit(), Exit::Usage);
        assert!(!home.setup().exists());
    }
}

#[test]
fn at_the_same_time() {
    let home = Home::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let home = &home;
            scope.spawn(move || {
                let host = format!("11112222333{number}.dkr.ecr.eu-west-1.amazonaws.com");
                home.write(vec![role(&host, "push")]).unwrap();
            });
        }
    });
    assert_eq!(home.load().unwrap().exact_hosts().count(), 8);
}

#[test]
fn where_this_user_cannot_look_nothing_was_written() {
    let home = Home::new();
    home.write(vec![role(ECR, "push")]).unwrap();
    let folder = home.env.config_folder().unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let can_look = folder.join("setup.json").symlink_metadata().is_ok();
    let config = home.load();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    // Root looks everywhere.
    assert!(can_look || config.unwrap() == Config::default());
}

/// The rules of some hosts, as we write them.
fn document(roles: &std::collections::BTreeMap<u64, String>) -> SetupDocument {
    let host = |number| format!("{number:012}.dkr.ecr.eu-west-1.amazonaws.com");
    let store = roles.values().next();
    SetupDocument {
        cognito: None,
        fallback: store.map(|name| FallbackStore::Store(name.clone())),
        registries: roles.iter().map(|(number, arn)| role(&host(number), arn)).collect(),
    }
}

proptest! {
    /// Whatever the rules say, and however somebody laid the file out: one host's rule is what the whole file says of it.
    #[test]
    fn one_host_is_asked_for_as_all_are(
        roles in btree_map(0u64..40, "[ -~äé\u{1f600}\n]{0,12}", 0..12),
        asked in 0u64..40,
        layout in 0usize..4,
    ) {
        let document = document(&roles);
        let path = Path::new("setup.json");
        let written = document.text().unwrap();
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        let text = match layout {
            0 => written,
            1 => value.to_string(),
            2 => serde_json::to_string_pretty(&value).unwrap(),
            _ => format!("\n{written}"),
        };
        let host = format!("{asked:012}.dkr.ecr.eu-west-1.amazonaws.com");
        let find = |document: SetupDocument| document.registries.into_iter().find(|rule| rule.host == host);
        let whole = SetupDocument::parse(&text, path, None).unwrap();
        prop_assert_eq!(&whole, &document);
        let only = SetupDocument::parse(&text, path, Some(&host)).unwrap();
        prop_assert_eq!(&only.fallback, &whole.fallback);
        prop_assert_eq!(find(only), find(whole));
    }

    /// A file that lost its end is an error, not a file without the rules that it lost.
    #[test]
    fn a_file_that_lost_its_end_is_an_error(roles in btree_map(0u64..40, "[a-z]{1,9}", 1..12), lost in 1usize..200) {
        let text = document(&roles).text().unwrap();
        let lost = lost.min(text.len());
        // The last line end says nothing.
        prop_assume!(lost > 1);
        let cut = &text[..text.len() - lost];
        prop_assert!(SetupDocument::parse(cut, Path::new("setup.json"), Some(ECR)).is_err());
    }

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        let _ = SetupDocument::parse(&text, Path::new("setup.json"), Some(ECR));
    }
}
