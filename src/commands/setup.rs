//! `ecr-auth setup`: installs the helper and writes it into Docker's and Podman's configuration.

mod cognito;
mod plan;
mod vendor;

use std::path::{Path, PathBuf};

use clap::Args;

use super::hosts;
use super::identity::IdentityArgs;
use super::sign_in::SignInArgs;
use crate::doctor;
use aws_access::identity::Scope;
use aws_access::{Identity, NamedPath, PasswordPath};
use client_config::{Client, shown};
use configuration::{Config, RuleEdit, Target};
use context::World;
use diagnostics::{Code, Error, Result};
use plan::{Changes, Plan};
use secret_cache::{Cache, Held};
use settings::IdentitySettings;

const EXAMPLES: &str = "\
Examples:
  ecr-auth setup 111122223333.dkr.ecr.eu-west-1.amazonaws.com
  ecr-auth setup 111122223333/eu-west-1 public
  ecr-auth setup --region eu-west-1 --dry-run
  ecr-auth setup --role-arn arn:aws:iam::111122223333:role/ci-push 111122223333/eu-west-1
  ecr-auth setup --creds-store --client docker
  ecr-auth setup --cognito --user-pool-id eu-west-1_AbCdEfGhI \\
    --client-id 1h57kf5cpq17m0eml12EXAMPLE --username zoe@example.com \\
    --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012 111122223333/eu-west-1
  ecr-auth setup --from vendor.yml --username zoe@example.com

`ecr-auth logout` puts back what was there before.";

/// Installs the helper and writes it into Docker's and Podman's configuration
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct SetupArgs {
    /// Registries: a host name, ACCOUNT/REGION, ACCOUNT, or `public` [default: those of ecr-auth.yml, else the caller's own; with --role-arn or the like always the latter]
    #[arg(value_name = "REGISTRY")]
    pub registries: Vec<String>,
    /// Serve every registry (docker's credsStore) instead of single ones
    #[arg(long)]
    pub creds_store: bool,
    /// With --creds-store: take another store's place
    #[arg(long)]
    pub force: bool,
    /// Whose configuration to write [default: docker, and podman where podman, buildah or skopeo is installed]
    #[arg(long, value_enum)]
    pub client: Option<Client>,
    /// Docker's configuration folder [default: $DOCKER_CONFIG, else ~/.docker]
    #[arg(long, value_name = "DIR")]
    pub docker_config: Option<PathBuf>,
    /// Show the change as a diff and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Fetch one token per registry now, to see that it works
    #[arg(long)]
    pub verify: bool,
    /// Folder for the helper's link [default: the binary's own if on PATH and writable, else /usr/local/bin or ~/.local/bin]
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
    /// Let a user sign in to Cognito: writes a profile (--profile) and a rule for each registry, too; --role-arn, --duration and --policy are then said of that
    #[arg(long)]
    pub cognito: bool,
    /// Take registries and Cognito's pools from a file that somebody else wrote; shows the change and asks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cognito", "registries", "creds_store", "verify"])]
    pub from: Option<PathBuf>,
    /// With --from: don't ask
    #[arg(long, requires = "from")]
    pub yes: bool,
    /// How a user signs in to Cognito
    #[command(flatten)]
    pub sign_in: SignInArgs,
    /// Whose AWS credentials
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// Installs the helper, writes it into the clients' configuration, and with `--verify` fetches a token for each registry.
///
/// # Errors
/// A registry that can't be told, a configuration that can't be written, a token that can't be had.
pub fn run(args: &SetupArgs, config_path: Option<&Path>, world: &mut World<'_>) -> Result<()> {
    if let Some(file) = &args.from {
        return vendor::run(args, file, config_path, world);
    }
    if args.cognito {
        return cognito::run(args, config_path, world);
    }
    if args.sign_in.is_given() {
        return Err(Error::usage(
            Code::Options,
            "setup",
            "how a user signs in to Cognito is said, and not that one does",
        )
        .hint("add --cognito"));
    }
    let config = match args.identity.is_given() {
        true => Config::load_if_there(&world.env, config_path)?,
        false => Config::load(&world.env, config_path)?,
    };
    // Registries that only the configuration names have identities of their own, whose place this one must not take unasked.
    let unasked = args.registries.is_empty() && args.identity.is_given();
    let known = if unasked { &Config::default() } else { &config };
    let hosts = match args.creds_store {
        true => store_hosts(args, known, world)?,
        false => hosts::named_or_own(&args.registries, &args.identity, known, world)?,
    };
    let rules = rules(args, &hosts, &config)?;
    warn_of_globs(&rules, &config, world);
    let changes = Changes {
        hosts: &hosts,
        rules: &rules,
        ..Changes::default()
    };
    configure(args, config_path, changes, world)?;
    if !args.identity.is_given() {
        tell_rules(&args.registries, &hosts, &config, config_path, world);
    }
    if args.verify && !args.dry_run {
        verify(&hosts, &Config::load(&world.env, config_path)?, world)?;
    }
    Ok(())
}

/// A rule for each registry, if the flags say anything of an identity. That it can be is told before anything is written.
fn rules(args: &SetupArgs, hosts: &[String], config: &Config) -> Result<Vec<RuleEdit>> {
    if !args.identity.is_given() {
        return Ok(Vec::new());
    }
    if hosts.is_empty() {
        return Err(Error::usage(
            Code::Options,
            "setup",
            "whose credentials these are can only be said of registries",
        )
        .hint("name the registries, or write `defaults:` into ecr-auth.yml"));
    }
    let keys = args.identity.to_keys()?;
    for host in hosts {
        if let Some(target) = config.target(host) {
            let settings = args.identity.identity(&IdentitySettings::default())?;
            Identity::check(&settings, &Scope::from(target.registry()))?;
        }
    }
    let rule = |host: &String| RuleEdit {
        match_: host.clone(),
        registry: None,
        keys: keys.clone(),
    };
    Ok(hosts.iter().map(rule).collect())
}

/// Who names a registry once more may have forgotten what it was given before: that still holds.
fn tell_rules(named: &[String], hosts: &[String], config: &Config, path: Option<&Path>, world: &mut World<'_>) {
    let Some(file) = configuration::path(&world.env, path).filter(|_| !named.is_empty()) else {
        return;
    };
    for host in hosts.iter().filter(|host| config.has_rule(host)) {
        let Some(target) = config.target(host) else { continue };
        let said = doctor::says(&target, host);
        if !said.is_empty() {
            world.say(&format!(
                "ecr-auth: the rule of {host} in {} holds{said}",
                shown(&file, &world.env)
            ));
        }
    }
}

/// A store serves every registry: those named beside it are for clients that know no store, and none need be.
fn store_hosts(args: &SetupArgs, config: &Config, world: &World<'_>) -> Result<Vec<String>> {
    let named = hosts::named(&args.registries, args.identity.region.as_deref(), config, world)?;
    match named.is_empty() {
        true => Ok(config.exact_hosts().map(str::to_owned).collect()),
        false => Ok(named),
    }
}

/// Asks AWS anew for each registry, so that what is wrong shows now and not in the middle of a build.
fn verify(hosts: &[String], config: &Config, world: &mut World<'_>) -> Result<()> {
    let mut failed = 0;
    for (host, answer) in verified(hosts, config, world)? {
        match answer {
            Ok(_) => world.say(&format!("verified: {host} gives out tokens")),
            Err(error) => {
                failed += 1;
                error.report(world.stderr);
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Error::failed(
            Code::NotVerified,
            "not verified",
            format!("no token for {failed} of {} registries", hosts.len()),
        )
        .hint("the configuration is written; mend what stands above and run it again, or take it back with ecr-auth logout")),
    }
}

/// What AWS says to each registry that there is a way to, and to the others why there is none.
fn verified<'h>(hosts: &'h [String], config: &Config, world: &mut World<'_>) -> Result<Vec<(&'h str, Result<Held>)>> {
    let cache = Cache::open(Cache::folder(&world.env));
    let targets = hosts
        .iter()
        .filter_map(|host| Some((host.as_str(), config.target(host)?)));
    let path = |target: Target<'_>| PasswordPath::choose(&world.env, target.registry(), target.identity());
    let paths: Vec<_> = targets.map(|(host, target)| (host, path(target))).collect();
    let ready = paths
        .iter()
        .filter_map(|(name, path)| Some((*name, path.as_ref().ok()?)));
    let named: Vec<NamedPath<'_>> = ready.map(|(name, path)| NamedPath { path, name }).collect();
    for it in &named {
        cache.remove(it.path.key());
    }
    let mut answers = aws_access::passwords(&named, &cache, world)?.into_iter();
    let answer = |path: &Result<PasswordPath>| match path {
        Ok(_) => answers.next(),
        Err(error) => Some(Err(error.clone())),
    };
    let answered: Vec<_> = paths.iter().map(|(_, path)| path).map(answer).collect();
    let answered = paths.iter().zip(answered);
    Ok(answered
        .filter_map(|((host, _), answer)| Some((*host, answer?)))
        .collect())
}

/// Writes the helper into the clients' configuration for these exact hosts, or shows what would be written.
fn configure(args: &SetupArgs, config_path: Option<&Path>, changes: Changes<'_>, world: &mut World<'_>) -> Result<()> {
    let plan = Plan::new(args, config_path, changes, world)?;
    match args.dry_run {
        true => plan.show(world),
        false => plan.write(world),
    }
}

/// A rule of one host stands in front of a glob's and takes nothing over from it.
fn warn_of_globs(rules: &[RuleEdit], config: &Config, world: &mut World<'_>) {
    for rule in rules {
        if let Some(glob) = config.glob_for(&rule.match_) {
            world.say(&format!(
                "warning: for {} the rule of {glob} holds no longer, nor its `optional` and policies: a rule of its own stands in front of it",
                rule.match_
            ));
        }
    }
}
