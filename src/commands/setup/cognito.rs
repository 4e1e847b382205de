//! `setup --cognito`: a user's sign-in for AWS's own tools, by a profile, and for the clients, by the helper.

use std::path::Path;

use super::super::hosts;
use super::super::sign_in::{PoolRole, command_line};
use super::plan::Changes;
use super::{SetupArgs, configure, verify, warn_of_globs};
use aws_shared_files::profile::Profile;
use configuration::{CognitoEdit, Config, RuleEdit, Value};
use context::World;
use diagnostics::{Code, Error, Result};
use settings::table::{self, DURATION, POLICY, ROLE_ARN};
use settings::{CognitoSettings, SignIn, SourceChoice};

/// The name of the profile that is written, if none is given.
const PROFILE: &str = "ecr-auth-cognito";

/// Writes the profile, the rules with the block `cognito`, and the helper.
///
/// # Errors
/// A sign-in that can't be, no registry, a profile that has other credentials, a configuration that can't be written.
pub(super) fn run(args: &SetupArgs, config_path: Option<&Path>, world: &mut World<'_>) -> Result<()> {
    let config = Config::load_if_there(&world.env, config_path)?;
    let settings = settings(args, &config)?;
    let hosts = hosts(args, &config, world)?;
    refuse_to_rebind(&settings, &hosts, &config)?;
    let rules: Vec<RuleEdit> = hosts.iter().map(|host| rule(host, None)).collect();
    warn_of_globs(&rules, &config, world);
    let name = args.identity.profile().unwrap_or(PROFILE);
    let profile = Profile::new(name, &world.exe, &command_line(&settings)?, &world.env)?;
    let changes = Changes {
        hosts: &hosts,
        rules: &rules,
        cognito: Some(CognitoEdit::new(&settings)),
        profile: Some(profile),
    };
    configure(args, config_path, changes, world)?;
    if args.dry_run {
        return Ok(());
    }
    if args.verify {
        return verify(&hosts, &Config::load(&world.env, config_path)?, world);
    }
    say_what_is_next(&settings, &hosts, world);
    Ok(())
}

/// There is one block for a file: with other pools in it, registries that were set up before would be asked for as somebody else.
fn refuse_to_rebind(settings: &CognitoSettings, hosts: &[String], config: &Config) -> Result<()> {
    match config.cognito() {
        Some(known) if !has_same_pools(known, settings) && config.signs_in_beyond(hosts) => Err(other_pools()),
        _ => Ok(()),
    }
}

/// Whether both sign in at the same places.
pub(super) fn has_same_pools(one: &CognitoSettings, other: &CognitoSettings) -> bool {
    one.user_pool_id == other.user_pool_id
        && one.client_id == other.client_id
        && one.identity_pool_id == other.identity_pool_id
        && one.provider == other.provider
}

pub(super) fn other_pools() -> Error {
    Error::usage(
        Code::CognitoSettings,
        "cognito",
        "ecr-auth.yml has a sign-in to other pools already, and there is one for a file",
    )
    .hint("name another file with --config, or take the old one back first: ecr-auth logout")
}

/// The rule of a host, or of an alias with the registry behind it, for who signs in.
pub(super) fn rule(host: &str, registry: Option<&str>) -> RuleEdit {
    RuleEdit {
        match_: host.to_owned(),
        registry: registry.map(str::to_owned),
        keys: vec![("source", Value::Text("cognito".to_owned()))],
    }
}

/// The helper asks nobody: somebody signs in first, if there is a password to sign in with.
pub(super) fn say_what_is_next(settings: &CognitoSettings, hosts: &[String], world: &mut World<'_>) {
    let first = hosts.first().map_or("", String::as_str);
    match settings.sign_in() {
        Ok(SignIn::Provider { .. }) => world.say(&format!("next: docker pull {first}/REPOSITORY")),
        _ => world.say(&format!(
            "next: ecr-auth cognito signs in, once; then docker pull {first}/REPOSITORY"
        )),
    }
}

fn settings(args: &SetupArgs, config: &Config) -> Result<CognitoSettings> {
    let identity = &args.identity;
    let mut others = identity.clone();
    others.0.remove(&[&ROLE_ARN, &DURATION, &POLICY, &table::PROFILE]);
    if others.is_given() {
        return Err(Error::usage(
            Code::Options,
            "setup --cognito",
            "with a sign-in to Cognito nothing is said of tokens and chains of roles",
        )
        .hint(format!(
            "of whose credentials, leave all out but {ROLE_ARN}, {DURATION}, {POLICY} and {}",
            table::PROFILE
        )));
    }
    let role = PoolRole {
        role_arn: identity.role_arn(),
        duration: identity.0.number(&DURATION),
        policy: identity.0.text(&POLICY),
    };
    let settings = args.sign_in.settings(role, config.cognito())?;
    if settings.username.is_none() && settings.provider.is_none() {
        return Err(
            Error::usage(Code::CognitoSettings, "username", "nobody says who signs in").hint("give --username NAME"),
        );
    }
    Ok(settings)
}

/// The registries that are named; without any, those that the configuration has for who signs in.
fn hosts(args: &SetupArgs, config: &Config, world: &World<'_>) -> Result<Vec<String>> {
    let named = hosts::named(&args.registries, args.identity.region(), config, world)?;
    if !named.is_empty() {
        return Ok(named);
    }
    let signs_in = |host: &&str| {
        let target = config.target(host);
        target.is_some_and(|target| target.role().source == SourceChoice::Cognito)
    };
    let known: Vec<String> = config.exact_hosts().filter(signs_in).map(str::to_owned).collect();
    match known.is_empty() {
        true => Err(Error::usage(Code::NoRegistry, "no registry", "none is named")
            .hint("name the registries that the user may pull from")),
        false => Ok(known),
    }
}
