//! `ecr-auth setup`: installs the helper and writes it into Docker's and Podman's configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::hosts;
use super::identity::IdentityArgs;
use crate::cache::Cache;
use crate::config::{self, Config, RuleEdit, Saved};

use crate::docker::{self, Client, Configured, Link, LinkPlan, Record, Wish, shown};
use crate::error::{Error, Result};
use crate::identity::{RolePlan, RoleSettings, Scope};
use crate::token::Plan;
use crate::world::World;

const EXAMPLES: &str = "\
Examples:
  ecr-auth setup 111122223333.dkr.ecr.eu-west-1.amazonaws.com
  ecr-auth setup 111122223333/eu-west-1 public
  ecr-auth setup --region eu-west-1 --dry-run
  ecr-auth setup --role-arn arn:aws:iam::111122223333:role/ci-push 111122223333/eu-west-1
  ecr-auth setup --creds-store --client docker

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
    /// Whose AWS credentials
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// Installs the helper, writes it into the clients' configuration, and with `--verify` fetches a token for each registry.
///
/// # Errors
/// A registry that can't be told, a configuration that can't be written, a token that can't be had.
pub fn run(args: &SetupArgs, config_path: Option<&Path>, world: &mut World<'_>) -> Result<()> {
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
    configure(args, config_path, &hosts, &rules, world)?;
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
        return Err(
            Error::usage("setup", "whose credentials these are can only be said of registries")
                .hint("name the registries, or write `defaults:` into ecr-auth.yml"),
        );
    }
    let keys = args.identity.to_keys()?;
    for host in hosts {
        if let Some(target) = config.target(host) {
            let settings = args.identity.settings(&RoleSettings::default())?;
            RolePlan::check(&settings, &Scope::from(target.registry()))?;
        }
    }
    let rule = |host: &String| RuleEdit {
        match_: host.clone(),
        registry: None,
        keys: keys.clone(),
    };
    Ok(hosts.iter().map(rule).collect())
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
    let cache = Cache::open(Cache::folder(&world.env));
    let mut asked = BTreeSet::new();
    let mut failed = 0;
    for host in hosts {
        let Some(target) = config.target(host) else { continue };
        let fetched = Plan::new(&world.env, &target).and_then(|plan| {
            if asked.insert(plan.key().to_string()) {
                cache.remove(plan.key());
            }
            plan.password(&cache, host, Instant::now(), world)
        });
        match fetched {
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
            "not verified",
            format!("no token for {failed} of {} registries", hosts.len()),
        )
        .hint("the configuration is written; mend what stands above and run it again, or take it back with ecr-auth logout")),
    }
}

/// Writes the helper into the clients' configuration for these exact hosts. Everything is looked at before anything is
/// written; the link comes first, so that no client is sent to a helper that is not there.
fn configure(
    args: &SetupArgs,
    config_path: Option<&Path>,
    hosts: &[String],
    rules: &[RuleEdit],
    world: &mut World<'_>,
) -> Result<()> {
    let wish = Wish {
        hosts,
        store: args.creds_store,
        force: args.force,
    };
    let files = docker::config_files(args.client, args.docker_config.as_deref(), &world.env)?;
    let mut diffs = Vec::new();
    if !rules.is_empty() {
        diffs.push(config::preview(&world.env, config_path, None, rules)?);
    }
    for file in &files {
        diffs.push(wish.preview(file)?);
    }
    let link = docker::helper_link(&world.exe, args.bin_dir.as_deref(), &world.env)?;
    if args.dry_run {
        return show(&diffs, &link, world);
    }
    let record = world.env.state_folder().map(Record::in_folder);
    install(&link, record.as_ref(), world)?;
    if !rules.is_empty() {
        let saved = config::write(&world.env, config_path, None, rules)?;
        report_rules(rules, &saved, world);
    }
    for file in &files {
        let configured = wish.configure(file, record.as_ref())?;
        report(&wish, file, &configured, world);
    }
    Ok(())
}

fn show(diffs: &[String], link: &LinkPlan, world: &mut World<'_>) -> Result<()> {
    let diff = diffs.concat();
    let written = world
        .stdout
        .write_all(diff.as_bytes())
        .and_then(|()| world.stdout.flush());
    written.map_err(|error| Error::failed("cannot show the change", error))?;
    if link.link != Link::Stands {
        world.say(&format!("helper: would be linked as {}", link.path.display()));
    }
    if diff.is_empty() {
        world.say("nothing to change in the configuration");
    }
    Ok(())
}

fn install(link: &LinkPlan, record: Option<&Record>, world: &mut World<'_>) -> Result<()> {
    let before = match &link.link {
        Link::Stands => None,
        Link::Missing => Some(None),
        Link::Other(target) => Some(Some(target.clone())),
    };
    if let (Some(before), Some(record)) = (&before, record) {
        // A state folder that cannot be written is reported with the configuration that could not be recorded.
        let _ = record.change(&mut |all| {
            all.links.entry(link.path.clone()).or_insert_with(|| before.clone());
        });
    }
    link.make()?;
    let already = if before.is_none() { "already " } else { "" };
    world.say(&format!(
        "helper: {already}installed as {}",
        shown(&link.path, &world.env)
    ));
    if let (false, Some(folder)) = (link.on_path, link.path.parent()) {
        world.say(&format!(
            "warning: {} is not on PATH, so clients will not find the helper",
            folder.display()
        ));
        world.say(&format!(
            "hint: add this line to your shell's profile: export PATH=\"{}:$PATH\"",
            folder.display()
        ));
    }
    Ok(())
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

fn report_rules(rules: &[RuleEdit], saved: &Saved, world: &mut World<'_>) {
    let already = if saved.changed { "" } else { "already " };
    let what = match rules.len() {
        1 => "the identity of 1 registry".to_owned(),
        count => format!("the identity of {count} registries"),
    };
    world.say(&format!(
        "ecr-auth: {what} {already}in {}",
        shown(&saved.path, &world.env)
    ));
    for name in &saved.replaced {
        world.say(&format!(
            "ecr-auth: the rule of {name} said something else, which logout puts back"
        ));
    }
    if let Some(error) = &saved.not_recorded {
        world.say(&format!(
            "warning: what was replaced cannot be recorded, so logout will leave the rules: {error}"
        ));
    }
}

fn report(wish: &Wish<'_>, file: &docker::ConfigFile, configured: &Configured, world: &mut World<'_>) {
    let client = file.kind.name();
    if wish.store && !wish.is_store_of(file.kind) {
        world.say(&format!(
            "{client}: knows no credsStore, so only the named registries are served"
        ));
    }
    let what = match wish.hosts.len() {
        _ if wish.is_store_of(file.kind) => "every registry (credsStore)".to_owned(),
        1 => "1 registry".to_owned(),
        count => format!("{count} registries"),
    };
    let already = if configured.changed { "" } else { "already " };
    world.say(&format!(
        "{client}: {what} {already}in {}",
        shown(&file.path, &world.env)
    ));
    for (name, before) in &configured.replaced {
        world.say(&format!("{client}: {name} had {before:?}, which logout puts back"));
    }
    if let Some(error) = &configured.not_recorded {
        world.say(&format!(
            "warning: what was replaced cannot be recorded, so logout will only remove: {error}"
        ));
    }
}
