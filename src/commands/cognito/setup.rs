//! `ecr-auth cognito setup`: sets up a user's sign-in for AWS's own tools, with a profile, and for the clients, with the helper.

use std::path::Path;

use clap::Args;
use serde_json::Map;

use crate::commands::hosts;
use crate::commands::setup_plan::{ClientArgs, SetupChanges, SetupPlan, verify, warn_of_globs};
use crate::commands::sign_in::{PoolRoleArgs, SignInArgs, command_line};
use aws_shared_files::profile::HelperProfile;
use configuration::{Config, SetupChange, SetupRule};
use context::Context;
use diagnostics::{Code, Error, Result};
use settings::{CognitoSettings, SignIn, SourceChoice};

/// The default name of the profile that is written.
const PROFILE: &str = "ecr-auth-cognito";

const EXAMPLES: &str = "\
Examples:
  ecr-auth cognito setup --user-pool-id eu-west-1_AbCdEfGhI \\
    --client-id 1h57kf5cpq17m0eml12EXAMPLE --username zoe@example.com \\
    --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012 \\
    111122223333/eu-west-1

`ecr-auth logout` puts back what was there before.";

/// Writes a profile, a rule for each registry and the helper, so that a user pulls with a sign-in to Cognito
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct CognitoSetupArgs {
    /// Registries: a host name, ACCOUNT/REGION or ACCOUNT [default: those that sign in to Cognito already]
    #[arg(value_name = "REGISTRY")]
    registries: Vec<String>,
    /// Fetch one token per registry now
    #[arg(long)]
    verify: bool,
    /// Name of the profile that is written for AWS's own tools [default: ecr-auth-cognito]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Region of registries that are named by their account alone, such as eu-west-1
    #[arg(long)]
    region: Option<String>,
    /// The role that the pool gives.
    #[command(flatten)]
    role: PoolRoleArgs,
    /// Where the helper and its entries go.
    #[command(flatten)]
    clients: ClientArgs,
    /// The pools or the provider, and the user.
    #[command(flatten)]
    sign_in: SignInArgs,
}

/// Writes the profile, the rules with their sign-in, and the helper.
///
/// # Errors
/// The sign-in is invalid, there is no registry, the profile has other credentials, or a configuration cannot be written.
pub(super) fn run(args: &CognitoSetupArgs, config_path: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let config = Config::load(&context.env, config_path)?;
    let settings = settings(args, &config)?;
    let hosts = hosts(args, &config, context)?;
    refuse_to_rebind(&settings, &hosts, &config)?;
    let rules: Vec<SetupRule> = hosts.iter().map(|host| rule(host, None)).collect();
    warn_of_globs(&rules, &config, context);
    let name = args.profile.as_deref().unwrap_or(PROFILE);
    let profile = HelperProfile::new(name, &context.exe, &command_line(&settings, |_| true)?, &context.env)?;
    let changes = SetupChanges {
        hosts: &hosts,
        setup: SetupChange {
            rules,
            cognito: Some(settings.clone()),
            ..SetupChange::default()
        },
        profile: Some(profile),
        ..SetupChanges::default()
    };
    let dry_run = args.clients.dry_run;
    SetupPlan::new(&args.clients, config_path, &config, changes, context)?.carry_out(dry_run, context)?;
    if dry_run {
        return Ok(());
    }
    if args.verify {
        return verify(&hosts, &Config::load(&context.env, config_path)?, context);
    }
    say_what_is_next(&settings, &hosts, context);
    Ok(())
}

/// Refuses other pools while registries use the current ones: there is only one sign-in, so they would use another user.
fn refuse_to_rebind(settings: &CognitoSettings, hosts: &[String], config: &Config) -> Result<()> {
    match config.cognito() {
        Some(known) if !has_same_pools(known, settings) && config.signs_in_beyond(hosts) => Err(other_pools()),
        _ => Ok(()),
    }
}

/// Whether both sign in to the same pools.
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
        "there is a sign-in to other pools already, and a configuration has only one",
    )
    .hint("name another file with --config, or undo the old one first: ecr-auth logout")
}

/// Returns the rule of a host, or of an alias with its registry, for the sign-in.
pub(super) fn rule(host: &str, registry: Option<&str>) -> SetupRule {
    SetupRule {
        host: host.to_owned(),
        registry: registry.map(str::to_owned),
        keys: Map::from_iter([("source".to_owned(), "cognito".into())]),
    }
}

/// Prints the next step. The helper never asks, so a user with a password signs in first.
pub(super) fn say_what_is_next(settings: &CognitoSettings, hosts: &[String], context: &mut Context<'_>) {
    let first = hosts.first().map_or("", String::as_str);
    match settings.sign_in() {
        Ok(SignIn::Provider { .. }) => context.say(&format!("next: docker pull {first}/REPOSITORY")),
        _ => context.say(&format!(
            "next: ecr-auth cognito signs in, once; then docker pull {first}/REPOSITORY"
        )),
    }
}

fn settings(args: &CognitoSetupArgs, config: &Config) -> Result<CognitoSettings> {
    let settings = args.sign_in.settings(config.cognito())?;
    if settings.username.is_none() && settings.provider.is_none() && !settings.browser {
        return Err(
            Error::usage(Code::CognitoSettings, "username", "no user name is given").hint("give --username NAME")
        );
    }
    Ok(settings)
}

/// Returns the named registries or, without any, those that the configuration has for the sign-in.
fn hosts(args: &CognitoSetupArgs, config: &Config, context: &Context<'_>) -> Result<Vec<String>> {
    let named = hosts::named(&args.registries, args.region.as_deref(), None, config, context)?;
    if !named.is_empty() {
        return Ok(named);
    }
    let known: Vec<String> = hosts_of_sign_in(config).map(str::to_owned).collect();
    match known.is_empty() {
        true => Err(Error::usage(Code::NoRegistry, "no registry", "none is named")
            .hint("name the registries that the user may pull from")),
        false => Ok(known),
    }
}

/// Returns the registries that the configuration has for the sign-in to Cognito.
pub(super) fn hosts_of_sign_in(config: &Config) -> impl Iterator<Item = &str> {
    config.exact_hosts().filter(|host| {
        let target = config.target(host);
        target.is_some_and(|target| target.role().source == SourceChoice::Cognito)
    })
}
