//! `ecr-auth setup`: installs the helper and writes it into the clients' configuration.

use std::path::Path;

use clap::Args;

use super::hosts;
use super::identity::IdentityArgs;
use super::setup_plan::{ClientArgs, SetupChanges, SetupPlan, verify, warn_of_globs};
use super::setup_warnings;
use crate::doctor;
use client_config::shown;
use configuration::{Config, SetupChange, SetupRule};
use context::{Context, Env};
use diagnostics::{Code, Error, Result};

const EXAMPLES: &str = "\
Examples:
  ecr-auth setup --all                                       every ECR registry
  ecr-auth setup 111122223333/eu-west-1 public               these registries
  ecr-auth setup --role-arn ci-push 111122223333/eu-west-1   with a role
  ecr-auth setup --dry-run 111122223333/eu-west-1            shows the change

`ecr-auth logout` restores what was there before.";

/// The help template with the examples before the flags.
const EXAMPLES_FIRST: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// Installs the credential helper and adds it to docker's, podman's and helm's configuration
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct SetupArgs {
    /// Registries: a host name, ACCOUNT/REGION, ACCOUNT, or `public` [default: those of ecr-auth.yml, else your account's; with --role-arn or the like always your account's]
    #[arg(value_name = "REGISTRY")]
    pub registries: Vec<String>,
    /// Serve every ECR registry; all other registries work as before
    #[arg(long)]
    pub all: bool,
    /// Fetch one token per registry now
    #[arg(long)]
    pub verify: bool,
    /// Where the helper and its entries go.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// Whose AWS credentials
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// Installs the helper, writes it into the clients' configuration, and with `--verify` fetches a token for each registry.
///
/// # Errors
/// A registry is invalid, a configuration cannot be written, or a token cannot be fetched.
pub fn run(args: &SetupArgs, config_path: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    args.identity.check()?;
    let config = Config::load(&context.env, config_path)?;
    // Registries that only the configuration names have their own identities, which this one must not replace unasked.
    let unasked = args.registries.is_empty() && args.identity.is_given();
    let known = if unasked { &Config::default() } else { &config };
    let hosts = match args.all {
        true => hosts_beside_all(args, known, context)?,
        false => hosts::named_or_own(&args.registries, &args.identity, known, None, context)?,
    };
    let rules = rules(args, &hosts, &config, config_path, &context.env)?;
    warn_of_globs(&rules, &config, context);
    let changes = SetupChanges {
        hosts: &hosts,
        all: args.all,
        setup: SetupChange {
            rules,
            ..SetupChange::default()
        },
        profile: None,
    };
    let dry_run = args.clients.dry_run;
    let plan = SetupPlan::new(&args.clients, config_path, &config, changes, context)?;
    plan.carry_out(dry_run, context)?;
    if !args.identity.is_given() {
        tell_rules(&args.registries, &hosts, &config, config_path, context);
    }
    if dry_run {
        let planned = plan.config(config_path, &context.env)?;
        setup_warnings::warn_of_identities(&hosts, args.all, &planned, context);
        return Ok(());
    }
    let config = Config::load(&context.env, config_path)?;
    setup_warnings::warn(&hosts, args.all, &config, !args.verify, context);
    if args.verify {
        let hosts = match hosts.is_empty() {
            true => hosts::named_or_own(&[], &args.identity, &config, None, context)?,
            false => hosts,
        };
        verify(&hosts, &config, context)?;
    }
    Ok(())
}

/// Returns a rule for each registry, if the flags name an identity. They are checked before anything is written. Beside `--all`, a rule without
/// settings keeps the name of each registry, for clients that ask what there is.
fn rules(
    args: &SetupArgs,
    hosts: &[String],
    config: &Config,
    path: Option<&Path>,
    env: &Env,
) -> Result<Vec<SetupRule>> {
    if !args.identity.is_given() {
        // Where a rule holds already, it stays the one that counts.
        let new = hosts.iter().filter(|host| args.all && config.place(host).is_none());
        return new.map(|host| args.identity.rule(host, config)).collect();
    }
    if hosts.is_empty() {
        let file = configuration::path(env, path).map_or_else(|| "ecr-auth.yml".to_owned(), |path| shown(&path, env));
        let (what, line) = match args.identity.profile() {
            Some(profile) => ("--profile", format!("defaults: {{profile: {profile}}}")),
            None => ("this identity", "defaults: {role-arn: ROLE}".to_owned()),
        };
        let cause = format!("{what} needs the names of the registries");
        return Err(Error::usage(Code::Options, "setup --all", cause).hint(format!(
            "name them; or, for all registries, write `{line}` into {file}, and leave out the flag"
        )));
    }
    hosts.iter().map(|host| args.identity.rule(host, config)).collect()
}

/// Says which rules still apply to registries that are named again.
fn tell_rules(named: &[String], hosts: &[String], config: &Config, path: Option<&Path>, context: &mut Context<'_>) {
    let Some(people) = configuration::path(&context.env, path).filter(|_| !named.is_empty()) else {
        return;
    };
    for host in hosts {
        let (Some(target), Some(place)) = (config.target(host), config.place(host)) else {
            continue;
        };
        let said = doctor::says(&target, host);
        if !said.is_empty() {
            let file = shown(place.setup.unwrap_or(&people), &context.env);
            context.say(&format!("ecr-auth: the rule of {host} in {file} holds{said}"));
        }
    }
}

/// Returns the registries that are named beside `--all`: they get rules, and replace other helpers' entries.
fn hosts_beside_all(args: &SetupArgs, config: &Config, context: &Context<'_>) -> Result<Vec<String>> {
    let identity = &args.identity;
    let profile = identity.profile_or_default(config);
    let named = hosts::named(&args.registries, identity.region(), profile, config, context)?;
    match named.is_empty() {
        true => Ok(config.exact_hosts().map(str::to_owned).collect()),
        false => Ok(named),
    }
}
