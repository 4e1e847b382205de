//! Finds the registries that a command is about.

use super::identity::IdentityArgs;
use super::mfa::MfaPrompt;
use aws_access::{identity, own_registry};
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error, Result};
use ecr_registry::split_arguments;

/// Returns the hosts named on the command line, each once. Empty if none is named. AWS's files, which may be broken, are read only if a region is
/// needed.
///
/// # Errors
/// A registry is invalid.
pub fn named(
    registries: &[String],
    region: Option<&str>,
    profile: Option<&str>,
    config: &Config,
    context: &Context<'_>,
) -> Result<Vec<String>> {
    let mut hosts = Vec::new();
    if registries.is_empty() {
        return Ok(hosts);
    }
    let region = identity::region(region, profile, &context.env)?;
    for name in registries.iter().flat_map(|text| split_arguments(text)) {
        let host = config.host_named(name, region.as_deref())?;
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    match hosts.is_empty() {
        true => Err(Error::usage(Code::NoRegistry, "no registry", "the argument is empty")
            .hint("name a registry, or leave the argument out for the caller's own")),
        false => Ok(hosts),
    }
}

/// Returns the hosts named on the command line. Without any, returns those that the configuration names exactly, else the registry of the
/// identity's own account. `mfa` asks for the code that the identity needs.
///
/// # Errors
/// A registry is invalid, or there are no credentials to ask STS for the account.
pub fn named_or_own(
    registries: &[String],
    args: &IdentityArgs,
    config: &Config,
    mfa: Option<&mut MfaPrompt>,
    context: &mut Context<'_>,
) -> Result<Vec<String>> {
    let region = args.region();
    let named = named(registries, region, args.profile_or_default(config), config, context)?;
    if !named.is_empty() {
        return Ok(named);
    }
    let configured: Vec<String> = config.exact_hosts().map(str::to_owned).collect();
    if !configured.is_empty() {
        return Ok(configured);
    }
    let settings = args.own_identity(config)?;
    if let Some(mfa) = mfa {
        mfa.begin_for_caller(region, &settings, context)?;
    }
    let own = own_registry(region, settings, context)?;
    context.say(&format!("registry: {own}, the caller's own"));
    Ok(vec![own.host().to_owned()])
}
