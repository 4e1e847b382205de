//! `ecr-auth logout`: undoes what `setup` and `login` wrote.

use std::path::{Path, PathBuf};

use clap::Args;

use super::hosts;
use super::sign_out::{sign_out, sign_out_in_browser};
use configuration::{Config, SETUP_VARIABLE, SetupFile};
use secret_cache::Cache;

use aws_shared_files::profile;
use client_config::{
    Client, ClientUndoEntries, ClientUndoLog, DropIn, FileRecord, Kind, RestoreOutcome, chosen, real_path, shown,
};
use context::{Context, Env};
use diagnostics::Result;
use private_files::StateFolder;

const EXAMPLES: &str = "\
Examples:
  ecr-auth logout
  ecr-auth logout 111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// Takes back what setup and login wrote, and forgets the cached tokens
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct LogoutArgs {
    /// Registries: a host name, ACCOUNT/REGION, ACCOUNT, or `public` [default: all]
    #[arg(value_name = "REGISTRY")]
    pub registries: Vec<String>,
    /// Region of registries that are named by their account alone, such as eu-west-1
    #[arg(long)]
    pub region: Option<String>,
    /// Whose configuration to restore [default: all]
    #[arg(long, value_enum)]
    pub client: Option<Client>,
    /// Docker's configuration folder [default: $DOCKER_CONFIG, else ~/.docker]
    #[arg(long, value_name = "DIR")]
    pub docker_config: Option<PathBuf>,
    /// Remove the helper that setup installed, also from a folder for all users, such as /usr/local/bin
    #[arg(long)]
    pub remove_helper: bool,
    /// Sign out of Cognito's managed login in the browser too
    #[arg(long, conflicts_with = "registries")]
    pub browser: bool,
}

/// Undoes what `setup` and `login` wrote and removes the cached tokens, for the named registries or, without any, for all.
///
/// # Errors
/// A registry is invalid, or a configuration cannot be written.
pub fn run(args: &LogoutArgs, config: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let known = Config::load_if_there(&context.env, config)?;
    let hosts = hosts::named(
        &args.registries,
        args.region.as_deref(),
        known.default_profile(),
        &known,
        context,
    )?;
    let cache = Cache::from_env(&context.env);
    // This comes first, while there is time: even if something hangs later, these tokens are revoked.
    let logins = match hosts.is_empty() {
        true => sign_out(&cache, context),
        false => Vec::new(),
    };
    let restored = restore(args, &hosts, context);
    let rules = take_back_rules(config, &known, &hosts, context);
    let fallback = match hosts.is_empty() {
        true => take_back_fallback(args, config, context),
        false => Ok(()),
    };
    forget(&hosts, &cache, &context.env);
    if args.browser {
        // This comes last, because people and browsers are slow.
        sign_out_in_browser(&logins, context);
    }
    restored.and(rules).and(fallback)
}

/// Removes the cached tokens of these hosts. Without hosts, removes all of them, and ecr-auth's empty folders.
fn forget(hosts: &[String], cache: &Cache, env: &Env) {
    for host in hosts {
        cache.remove_named(host);
    }
    if !hosts.is_empty() {
        return;
    }
    cache.clear();
    if Cache::folder(env) == env.cache_folder() {
        cache.remove_if_unused();
    }
    if let Some(state) = StateFolder::from_env(env) {
        // A folder that still holds something is kept.
        let _ = state.remove_if_unused();
    }
}

/// Puts back what `setup` replaced and removes the passwords that `login` stored, for these exact hosts or, without any, for all. Only the files
/// that the flags and the environment name are changed, because a job must not undo what another job set up elsewhere. The helper's link is removed
/// when no file needs it any more.
fn restore(args: &LogoutArgs, hosts: &[String], context: &mut Context<'_>) -> Result<()> {
    let client = Some(args.client.unwrap_or(Client::All));
    let files = client_config::config_files(client, args.docker_config.as_deref(), &context.env)?;
    let record = client_config::undo_log(&context.env);
    let remembered = load(record.as_ref(), context);
    let mut outcome = Ok(());
    for file in &files {
        match client_config::restore(file, hosts, record.as_ref(), &remembered, &context.env) {
            Ok(mut restored) => {
                report(file, &restored, context);
                outcome = restored
                    .failed
                    .drain(..)
                    .fold(outcome, |outcome, error| outcome.and(Err(error)));
            }
            // The other files are restored all the same.
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    if hosts.is_empty() && chosen(client, &context.env).any(|kind| kind == Kind::Podman) {
        match DropIn::take_back(&context.env, record.as_ref()) {
            Ok(Some(path)) => context.say(&format!("podman: {} removed", shown(&path, &context.env))),
            Ok(None) => {}
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    if let Some(record) = &record {
        remove_links(record, args.remove_helper, context);
    }
    outcome
}

/// Removes the fallback store from `setup.json`, unless a docker configuration still asks the helper for every registry. For a job's `setup.json`,
/// only the configurations in its own environment count.
fn take_back_fallback(args: &LogoutArgs, config: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let Ok(file) = SetupFile::in_force(&context.env, config) else {
        return Ok(());
    };
    let own = client_config::config_files(Some(Client::All), args.docker_config.as_deref(), &context.env)?;
    let own: Vec<PathBuf> = own.iter().filter_map(|file| real_path(&file.path).ok()).collect();
    let counts = |path: &PathBuf| context.env.get(SETUP_VARIABLE).is_none() || own.contains(path);
    let left = client_config::undo_log(&context.env).and_then(|record| record.load().ok());
    let mut left = left.unwrap_or_default().files.into_iter();
    if left.any(|(path, file)| file.creds_store.is_some() && counts(&path)) {
        return Ok(());
    }
    let taken = file.take_back_fallback(&context.env)?;
    if taken.fallback {
        let path = shown(file.path(), &context.env);
        context.say(&format!(
            "configuration: the store of other registries taken out of {path}"
        ));
    }
    Ok(())
}

/// Removes the rules of `setup.json` that no client's configuration needs any more.
fn take_back_rules(path: Option<&Path>, config: &Config, hosts: &[String], context: &mut Context<'_>) -> Result<()> {
    let record = client_config::undo_log(&context.env);
    let left = record.and_then(|record| record.load().ok()).unwrap_or_default();
    let needs = |file: &FileRecord, host: &str| file.creds_store.is_some() || file.cred_helpers.contains_key(host);
    let is_needed = |host: &str| left.files.values().any(|file| needs(file, host));
    let is_named = |host: &str| hosts.is_empty() || hosts.iter().any(|named| named == host);
    let Ok(file) = SetupFile::in_force(&context.env, path) else {
        return take_back_profiles(context);
    };
    let taken = file.take_back(&context.env, config, &|host| is_named(host) && !is_needed(host))?;
    let path = shown(file.path(), &context.env);
    for host in &taken.hosts {
        context.say(&format!("configuration: the rule of {host} taken back in {path}"));
    }
    if taken.cognito {
        context.say(&format!("configuration: the sign-in to Cognito taken back in {path}"));
    }
    if taken.removed {
        context.say(&format!(
            "configuration: {path} removed, it was made by setup and is empty"
        ));
    }
    // The profile was written for the same sign-in, and is removed with it.
    match taken.keeps_cognito || !(hosts.is_empty() || taken.cognito) {
        true => Ok(()),
        false => take_back_profiles(context),
    }
}

fn take_back_profiles(context: &mut Context<'_>) -> Result<()> {
    let Some(log) = profile::undo_log(&context.env) else {
        return Ok(());
    };
    for taken in profile::take_back(&log, &context.env)? {
        let path = shown(&taken.path, &context.env);
        let removed = if taken.removed {
            ", and the file, which is empty"
        } else {
            ""
        };
        context.say(&format!("profile {} taken back in {path}{removed}", taken.name));
    }
    Ok(())
}

fn load(record: Option<&ClientUndoLog>, context: &mut Context<'_>) -> ClientUndoEntries {
    match record.map(|record| (record, record.load())) {
        None => ClientUndoEntries::default(),
        Some((_, Ok(remembered))) => remembered,
        Some((record, Err(error))) => {
            let path = record.path();
            context.say(&format!(
                "warning: cannot read {}, so nothing is put back, only removed: {error}",
                path.display()
            ));
            ClientUndoEntries::default()
        }
    }
}

fn remove_links(record: &ClientUndoLog, from_all: bool, context: &mut Context<'_>) {
    let left = record.load().unwrap_or_default();
    for path in &left.unbelieved {
        context.say(&format!(
            "warning: {} stays as it is: the notes of it are another user's, in {}",
            path.display(),
            shown(&record.path(), &context.env)
        ));
    }
    if !left.files.is_empty() {
        for path in left.files.keys() {
            context.say(&format!("still set up: {}", shown(path, &context.env)));
        }
        return;
    }
    let mut stay = Vec::new();
    for (path, previous) in &left.links {
        if !from_all && client_config::is_for_all_users(path, &context.env) {
            context.say(&format!(
                "helper: {} stays, as its folder is for all users; to remove it: ecr-auth logout --remove-helper",
                path.display()
            ));
            stay.push(path);
            continue;
        }
        match client_config::remove_link(path, previous.as_deref()) {
            Ok(true) => context.say(&format!("helper: {} taken back", shown(path, &context.env))),
            Ok(false) => {}
            Err(error) => {
                context.say(&format!("warning: cannot take back {}: {error}", path.display()));
                stay.push(path);
            }
        }
    }
    if !left.links.is_empty()
        && let Err(error) = record.change(&mut |all| all.links.retain(|path, _| stay.contains(&path)))
    {
        context.say(&format!("warning: cannot write {}: {error}", record.path().display()));
    }
}

fn report(file: &client_config::ConfigFile, restored: &RestoreOutcome, context: &mut Context<'_>) {
    let path = shown(&file.path, &context.env);
    let client = file.kind.name();
    for name in &restored.taken_back {
        context.say(&format!("{client}: {name} taken back in {path}"));
    }
    for server in &restored.logins {
        context.say(&format!("{client}: the login to {server} is in {path} now"));
    }
    for password in &restored.passwords {
        let host = &password.host;
        let place = match &password.store {
            Some(store) => format!("the credential store {store}"),
            None => path.clone(),
        };
        context.say(&format!("{client}: the password for {host} taken out of {place}"));
        if password.had_replaced {
            context.say(&format!(
                "warning: {place} had another login for {host} before, which cannot be put back: passwords are never recorded"
            ));
        }
    }
    if restored.removed {
        context.say(&format!("{client}: {path} removed, it was made by us and is empty"));
    }
    if let Some(error) = &restored.not_recorded {
        context.say(&format!(
            "warning: the record of what was replaced cannot be written: {error}"
        ));
    }
}
