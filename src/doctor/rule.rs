//! The configuration file that is used, and the rule in it.

use std::path::Path;

use super::report::Check;
use client_config::shown;
use configuration::{Config, RegistryTarget};
use context::Env;
use diagnostics::Error;
use ecr_registry::why_not_ecr;

/// Returns the error for a host that is neither ECR's nor an alias.
pub fn unknown(host: &str) -> Error {
    let why = why_not_ecr(host);
    Error::usage(why.code, format!("{host} is not an ECR registry"), why.cause).hint(format!(
        "{}; a name of one's own needs a rule in ecr-auth.yml",
        why.hint
    ))
}

/// Returns the check of the rule that applies, with its identity settings.
pub fn check(target: &RegistryTarget<'_>, host: &str, config: &Config, named: Option<&Path>, env: &Env) -> Check {
    let people = configuration::path(env, named).filter(|path| path.exists());
    let setup = config.place(host).and_then(|place| place.setup);
    let Some(path) = setup.or(people.as_deref()) else {
        return Check::pass("configuration", "there is no ecr-auth.yml: AWS's settings alone decide");
    };
    let file = shown(path, env);
    let finding = match config.place(host) {
        Some(_) => {
            let rule = config.glob_for(host).unwrap_or(host);
            format!("{file}: the rule of {rule} holds{}", says(target, host))
        }
        None => format!("{file}: no rule names {host}{}", says(target, host)),
    };
    Check::pass("configuration", finding)
}

/// Returns the rule's registry, profile and role, after a colon. Empty if it has none of them.
pub fn says(target: &RegistryTarget<'_>, host: &str) -> String {
    let registry = target.registry().host();
    let mut said = Vec::new();
    if registry != host {
        said.push(format!("registry {registry}"));
    }
    said.extend(target.profile().map(|profile| format!("profile {profile}")));
    let role = target.role();
    said.extend(role.role_arn.as_ref().map(|role| format!("role {role}")));
    said.extend(role.chain.iter().map(|role| format!("then {role}")));
    match said.is_empty() {
        true => String::new(),
        false => format!(": {}", said.join(", ")),
    }
}

/// Returns the private names in it.
pub fn names(target: &RegistryTarget<'_>) -> Vec<String> {
    let role = target.role();
    let named = target.profile().map(str::to_owned).into_iter();
    named.chain(role.role_arn.clone()).chain(role.chain.clone()).collect()
}
