//! A vendor's file for `cognito import`: only allowed settings are read, whatever the file contains.

use std::fs;
use std::path::Path;

use configuration::{Config, SetupChange, SetupFile, SetupRule, VendorFile, VendorRegistry};
use context::Env;
use ecr_registry::Registry;
use settings::{CognitoSettings, RoleSettings, SourceChoice};

use super::inputs::{in_folder, is_fit_to_read, text};

/// Public registries that everybody uses, and names on this machine or in its network.
const NOBODYS: [&str; 8] = [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "pkg.dev",
    "localhost",
    "local",
    "internal",
];
/// Registries that a vendor's file may not affect unless it names them.
const OTHERS: [&str; 3] = [
    "999988887777.dkr.ecr.eu-west-1.amazonaws.com",
    "public.ecr.aws",
    "docker.io",
];
/// The text of the corpus that is not allowed in errors.
const SECRET: &str = "s3cret";

/// The input: the file.
pub fn vendor(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let file = match VendorFile::parse(input, Path::new("vendor.yml")) {
        Ok(file) => file,
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(error.exit().code(), 2);
            return;
        }
    };
    assert!(!file.registries.is_empty() && file.registries.len() <= 100);
    for registry in &file.registries {
        is_the_vendors(registry);
    }
    let settings = &file.cognito;
    let pools = CognitoSettings {
        user_pool_id: settings.user_pool_id.clone(),
        client_id: settings.client_id.clone(),
        identity_pool_id: settings.identity_pool_id.clone(),
        ..CognitoSettings::default()
    };
    assert_eq!(*settings, pools, "it says more than the pools");
    is_all_that_is_written(&file);
}

/// Checks that the registry is a private registry's full name, or an Internet host name in front of one.
fn is_the_vendors(registry: &VendorRegistry) {
    let host = registry.registry.as_ref().unwrap_or(&registry.name);
    let private = Registry::parse(host).expect("an ECR host");
    assert!(!private.is_public() && private.host() == host, "{host}");
    assert!(!registry.name.contains(['*', '/', ' ', '\n']), "{:?}", registry.name);
    if registry.registry.is_some() {
        let name = registry.name.split(':').next().unwrap_or_default();
        assert!(name.contains('.') && Registry::parse(name).is_none(), "{name}");
        for nobodys in NOBODYS {
            assert!(name != nobodys && !name.ends_with(&format!(".{nobodys}")), "{name}");
        }
        assert!(name.parse::<std::net::IpAddr>().is_err(), "{name}");
    }
}

/// Checks that setup's rules for the file mean the same to every reader, and do not affect other registries.
fn is_all_that_is_written(file: &VendorFile) {
    let env = in_folder(environment);
    let setup = SetupFile::in_force(&env, None).expect("there is a home");
    let _ = fs::remove_file(setup.path());
    let change = SetupChange {
        rules: file.registries.iter().map(rule).collect(),
        cognito: Some(file.cognito.clone()),
        ..SetupChange::default()
    };
    let written = setup.write(&env, &Config::default(), &change);
    assert!(written.expect("it was checked").changed);
    let written = fs::read_to_string(setup.path()).expect("text");
    assert!(!written.contains(SECRET), "{written}");
    // JSON is also YAML, and the keys are the same.
    let again = VendorFile::parse(&written, setup.path()).expect("it was written");
    let mut pairs = [&again, file].map(|file| file.registries.iter().map(by_name).collect::<Vec<_>>());
    pairs.iter_mut().for_each(|registries| registries.sort());
    assert_eq!((&again.cognito, &pairs[0]), (&file.cognito, &pairs[1]));
    let config = Config::load(&env, None).expect("it was written");
    let only_cognito = RoleSettings {
        source: SourceChoice::Cognito,
        cognito: Some(file.cognito.clone()),
        ..RoleSettings::default()
    };
    for registry in &file.registries {
        let target = config.target(&registry.name).expect("its rule is there");
        assert_eq!((target.profile(), target.role()), (None, &only_cognito));
    }
    let is_named = |host: &&&str| file.registries.iter().any(|registry| registry.name == **host);
    for host in OTHERS.iter().filter(|host| !is_named(host)) {
        assert!(!config.has_rule(host), "{host}");
    }
}

fn by_name(registry: &VendorRegistry) -> (String, Option<String>) {
    (registry.name.clone(), registry.registry.clone())
}

fn rule(registry: &VendorRegistry) -> SetupRule {
    SetupRule {
        host: registry.name.clone(),
        registry: registry.registry.clone(),
        keys: [("source".to_owned(), "cognito".into())].into_iter().collect(),
    }
}

fn environment(home: &Path) -> Env {
    let home = home.join("vendor-home");
    [("HOME", home.to_str().expect("a path of text"))].into_iter().collect()
}
