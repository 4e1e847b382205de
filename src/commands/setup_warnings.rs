//! The warnings of `setup` at its end: why what it wrote will not be used, or will fail.

use crate::doctor;
use aws_access::PasswordPath;
use aws_access::identity;
use configuration::Config;
use context::{Context, variables};
use diagnostics::{Result, shown_hint};
use ecr_registry::of_any_account;
use settings::Surface;

/// The region of registries without a rule, if none is set.
const ANY_REGION: &str = "us-east-1";

/// Warns of passwords that clients use before the helper. `config` is the current configuration. With `identities`, also warns of missing
/// credentials. `--verify` needs no such warning. With `all`, every registry is served, and `hosts` are the registries that rules name.
pub fn warn(hosts: &[String], all: bool, config: &Config, identities: bool, context: &mut Context<'_>) {
    if identities {
        warn_of_identities(hosts, all, config, context);
    }
    let comes_first = [variables::DOCKER_AUTH_CONFIG, variables::DOCKER_CONFIG];
    let mut hosts = match comes_first.iter().any(|name| context.env.get(name).is_some()) {
        // With DOCKER_CONFIG, skopeo reads files first that have no new entries.
        true => hosts.to_vec(),
        // In the files, the new entries come first. Checking costs one read of all files for each host.
        false => Vec::new(),
    };
    if all {
        // Podman reads its passwords before it asks for every registry.
        hosts.extend(doctor::password_hosts(&context.env));
        let fallback = doctor::fallback(config, &context.env);
        if let Some((finding, hint)) = fallback.and_then(|check| Some((check.finding, check.hint?))) {
            tell(&finding, Some(&hint), context);
        }
    }
    hosts.sort_unstable();
    hosts.dedup();
    for host in &hosts {
        for (finding, hint) in doctor::passwords_before_us(host, &context.env, context.now()) {
            tell(&finding, Some(&hint), context);
        }
    }
}

/// Warns once of each identity that cannot be used, for any number of registries. `config` has the new rules, even if they are only planned.
pub fn warn_of_identities(hosts: &[String], all: bool, config: &Config, context: &mut Context<'_>) {
    if all && hosts.is_empty() {
        warn_of_any(config, context);
    }
    let mut seen = Vec::new();
    for host in hosts {
        let Some(target) = config.target(host) else { continue };
        let settings = target.identity();
        if seen.contains(&settings) {
            continue;
        }
        seen.push(settings.clone());
        let path = PasswordPath::choose(&context.env, target.registry(), settings);
        tell_of_identity(host, path, context);
    }
}

/// Warns if registries without a rule have no credentials.
fn warn_of_any(config: &Config, context: &mut Context<'_>) {
    let region = identity::region(None, config.default_profile(), &context.env)
        .ok()
        .flatten();
    let any = region.and_then(|region| of_any_account(&region).ok());
    let Some(registry) = any.or_else(|| of_any_account(ANY_REGION).ok()) else {
        return;
    };
    let settings = config.target(registry.host()).map(|target| target.identity());
    let path = PasswordPath::choose(&context.env, &registry, settings.unwrap_or_default());
    tell_of_identity("registries without a rule", path, context);
}

fn tell_of_identity(whose: &str, path: Result<PasswordPath>, context: &mut Context<'_>) {
    match path {
        Err(error) => {
            let error = Surface::CommandLine.tell(error);
            tell(&format!("{whose}: {error}"), error.hint_text(), context);
        }
        Ok(path) if doctor::is_of_missing_instance(&path.identity().source) => {
            tell(
                &format!("{whose}: {}", doctor::NO_CREDENTIALS),
                Some(doctor::NAME_SOME),
                context,
            );
        }
        Ok(_) => {}
    }
}

fn tell(finding: &str, hint: Option<&str>, context: &mut Context<'_>) {
    context.say(&format!("warning: {finding}"));
    for line in hint.into_iter().flat_map(shown_hint) {
        context.say(&line);
    }
}
