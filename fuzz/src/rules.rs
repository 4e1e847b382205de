//! `ecr-auth.yml`: reading it, writing a rule into it, and taking that back.

use std::fs;
use std::path::Path;

use configuration::{Config, RuleEdit, Value, take_back, write};
use context::Env;
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
    let edit = RuleEdit {
        match_: name.to_owned(),
        registry: None,
        keys: keys(role, external_id, tag),
    };
    let saved = write(&env, Some(&path), None, std::slice::from_ref(&edit));
    let after = fs::read_to_string(&path).expect("text");
    match saved {
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(after, file, "a refused edit changes nothing: {error}");
        }
        Ok(saved) => {
            assert_eq!(saved.changed, after != file);
            means_what_it_meant(&before, &Config::parse(&after, &path).expect("it was written"), &edit);
            let again = write(&env, Some(&path), None, std::slice::from_ref(&edit)).expect("it was written before");
            assert!(!again.changed);
            take_back(&env, Some(&path), &|_| true).expect("it was written");
            assert_eq!(fs::read_to_string(&path).unwrap_or_default(), file);
        }
    }
}

fn keys(role: &str, external_id: &str, tag: &str) -> Vec<(&'static str, Value)> {
    let mut keys = vec![("role-arn", Value::Text(role.to_owned()))];
    if !external_id.is_empty() {
        keys.push(("external-id", Value::Text(external_id.to_owned())));
    }
    if !tag.is_empty() {
        keys.push(("tag", Value::Map(vec![("team".to_owned(), tag.to_owned())])));
    }
    keys
}

fn environment(home: &Path) -> Env {
    [("HOME", home.to_str().expect("a path of text"))].into_iter().collect()
}

/// The registry of the rule has the role; every other one has what it had.
fn means_what_it_meant(before: &Config, after: &Config, edit: &RuleEdit) {
    let role = |config: &Config, host: &str| -> Option<(Option<String>, RoleSettings, bool)> {
        let target = config.target(host)?;
        Some((
            target.profile().map(str::to_owned),
            target.role().clone(),
            target.is_optional(),
        ))
    };
    for host in HOSTS.into_iter().chain(before.exact_hosts()) {
        let same = role(before, host) == role(after, host);
        assert!(same || is_meant(edit, host), "the rule of {host} changed");
    }
    if !edit.match_.contains('*')
        && let Some(Value::Text(arn)) = edit.keys.first().map(|(_, value)| value)
    {
        let (profile, settings, _) = role(after, &edit.match_).expect("its rule is there");
        assert_eq!((profile, settings.role_arn.as_deref()), (None, Some(arn.as_str())));
    }
}

fn is_meant(edit: &RuleEdit, host: &str) -> bool {
    use ecr_registry::{HostPattern, Registry};

    let Ok(pattern) = HostPattern::parse(&edit.match_) else {
        return false;
    };
    pattern.exact() == Some(host) || Registry::parse(host).is_some_and(|registry| pattern.matches(&registry))
}
