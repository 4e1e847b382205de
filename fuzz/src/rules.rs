//! `ecr-auth.yml`: parsing it, and adding and removing a rule in setup's separate file.

use std::fs;
use std::path::Path;

use configuration::{Config, SetupChange, SetupFile, SetupRule};
use context::Env;
use serde_json::{Map, json};
use settings::RoleSettings;

use super::inputs::{in_folder, is_fit_to_read, parts, text};

/// Hosts whose rules are compared.
const HOSTS: [&str; 4] = [
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    "444455556666.dkr-ecr.eu-central-1.on.aws",
    "public.ecr.aws",
];

/// The input: a file, the `match` of a rule, its role, an external id, a tag's value.
pub fn rules(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [file, name, role, external_id, tag] = parts(input);
    let path = in_folder(|folder| folder.join("rules").join("ecr-auth.yml"));
    let before = match Config::parse(file, &path) {
        Ok(config) => config,
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(error.exit().code(), 2);
            return;
        }
    };
    for host in before.exact_hosts() {
        assert!(before.target(host).is_some(), "{host}");
    }
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in ours");
    fs::write(&path, file).expect("a file in our folder");
    let env = in_folder(environment);
    let setup = SetupFile::in_force(&env, Some(&path)).expect("it is named");
    let _ = fs::remove_file(setup.path());
    let rule = SetupRule {
        host: name.to_owned(),
        registry: None,
        keys: keys(role, external_id, tag),
    };
    let change = SetupChange {
        rules: vec![rule],
        ..SetupChange::default()
    };
    match setup.write(&env, &before, &change) {
        Err(error) => {
            is_fit_to_read(&error);
            assert!(!setup.path().exists(), "a refused change changes nothing: {error}");
        }
        Ok(written) => {
            assert!(written.changed);
            let after = Config::load(&env, Some(&path)).expect("it was written");
            means_what_it_meant(&before, &after, name, role);
            assert!(
                !setup
                    .write(&env, &after, &change)
                    .expect("it was written before")
                    .changed
            );
            assert!(
                setup
                    .take_back(&env, &after, &|_| true)
                    .expect("it was written")
                    .removed
            );
        }
    }
    assert_eq!(fs::read_to_string(&path).expect("text"), file, "the file of people");
}

fn keys(role: &str, external_id: &str, tag: &str) -> Map<String, serde_json::Value> {
    let mut keys = Map::from_iter([("role-arn".to_owned(), json!(role))]);
    if !external_id.is_empty() {
        keys.insert("external-id".to_owned(), json!(external_id));
    }
    if !tag.is_empty() {
        keys.insert("tag".to_owned(), json!({"team": tag}));
    }
    keys
}

fn environment(home: &Path) -> Env {
    [("HOME", home.to_str().expect("a path of text"))].into_iter().collect()
}

/// Checks that the rule's registry has the role, and that all other registries keep their settings.
fn means_what_it_meant(before: &Config, after: &Config, name: &str, role: &str) {
    let said = |config: &Config, host: &str| -> Option<(Option<String>, RoleSettings, bool)> {
        let target = config.target(host)?;
        Some((
            target.profile().map(str::to_owned),
            target.role().clone(),
            target.is_optional(),
        ))
    };
    for host in HOSTS.into_iter().chain(before.exact_hosts()) {
        assert!(
            host == name || said(before, host) == said(after, host),
            "the rule of {host} changed"
        );
    }
    let (profile, settings, _) = said(after, name).expect("its rule is there");
    assert_eq!((profile, settings.role_arn.as_deref()), (None, Some(role)));
}
