//! The post step: undoes what is still exactly as the main step wrote it, and removes the secrets in the job's folder. Failures are warnings,
//! because a job must not fail in its clean-up.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::docker_config::LINKED;
use super::job::JobFolder;
use super::undo::Undo;
use super::uses::ConfigUses;
use ci::github::{self, AnnotationLevel};
use client_config::{ConfigFile, shown};
use configuration::{Config, SetupChange, SetupFile};
use context::{Context, variables};
use diagnostics::{Code, Error, Result};
use private_files::{ReplacedValue, WorkFolder};
use secret::Secret;

/// Undoes what the main step did.
pub fn run(context: &mut Context<'_>) {
    let Some(undo) = Undo::from_env(&context.env) else {
        context.say("nothing was done, so there is nothing to undo");
        return;
    };
    if !undo.cleanup {
        context.say("cleanup: false: everything stays as it is");
        return;
    }
    let mut warnings: Vec<Error> = undo
        .files
        .iter()
        .filter_map(|file| end_use(file, &undo, context).err())
        .collect();
    warnings.extend(reset_variables(&undo, context).err());
    match JobFolder::at(&undo.job) {
        Ok(Some(job)) => {
            warnings.extend(take_back_rules(&undo, context).err());
            warnings.extend(remove_secrets(&job, &undo).err());
        }
        Ok(None) => {}
        Err(error) => warnings.push(failed(&undo.job, error)),
    }
    for warning in warnings {
        super::annotate(AnnotationLevel::Warning, &warning, context);
    }
}

/// Removes the entries from a client's configuration, except those that another job still uses.
fn end_use(file: &ConfigFile, undo: &Undo, context: &mut Context<'_>) -> Result<()> {
    let uses = ConfigUses::for_folder(&undo.use_folder, &context.env);
    let mut restore = |hosts: &[String]| restore(file, hosts, context);
    match uses {
        Some(uses) => uses.end(file, &undo.hosts, &mut restore),
        None if undo.hosts.is_empty() => Ok(()),
        None => restore(&undo.hosts),
    }
}

fn restore(file: &ConfigFile, hosts: &[String], context: &mut Context<'_>) -> Result<()> {
    let record = client_config::undo_log(&context.env);
    let remembered = record
        .as_ref()
        .and_then(|record| record.load().ok())
        .unwrap_or_default();
    let restored = client_config::restore(file, hosts, record.as_ref(), &remembered, &context.env)?;
    let (client, path) = (file.kind.name(), shown(&file.path, &context.env));
    for host in &restored.taken_back {
        context.say(&format!("{client}: {host} taken back in {path}"));
    }
    for password in &restored.passwords {
        context.say(&format!("{client}: the password for {} taken out", password.host));
    }
    restored.failed.into_iter().next().map_or(Ok(()), Err)
}

/// Removes this use's rules from the job's file, and puts back those that they replaced.
fn take_back_rules(undo: &Undo, context: &Context<'_>) -> Result<()> {
    let Some(path) = undo.rules.as_deref().filter(|path| path.exists()) else {
        return Ok(());
    };
    let is_ours = |host: &str| undo.hosts.iter().any(|known| known == host);
    let setup = SetupFile::of_job(path.to_owned());
    setup.take_back(&context.env, &Config::default(), &is_ours)?;
    let before = SetupChange {
        rules: undo.replaced_rules.clone(),
        ..SetupChange::default()
    };
    setup.write(&context.env, &Config::default(), &before).map(drop)
}

/// Restores variables for later post steps, such as docker's own logout.
fn reset_variables(undo: &Undo, context: &Context<'_>) -> Result<()> {
    let env = &context.env;
    let stands = |(name, value): &(&String, &ReplacedValue)| value.is_ours(env.get(name).unwrap_or_default());
    let before = |value: &ReplacedValue| Secret::new(value.previous.as_deref().unwrap_or_default());
    let replaced = undo.variables.iter().filter(stands);
    let mut variables: Vec<(&str, Secret)> = replaced.map(|(name, value)| (name.as_str(), before(value))).collect();
    if undo.access_key_id.is_some() && undo.access_key_id.as_deref() == env.get(variables::AWS_ACCESS_KEY_ID) {
        let keys = [
            variables::AWS_ACCESS_KEY_ID,
            variables::AWS_SECRET_ACCESS_KEY,
            variables::AWS_SESSION_TOKEN,
        ];
        variables.extend(keys.map(|name| (name, Secret::default())));
    }
    match variables.is_empty() {
        true => Ok(()),
        false => github::write(env, github::CommandFile::Env, &variables),
    }
}

/// Removes the secrets, but not the folder, because other steps' variables may name it.
fn remove_secrets(job: &JobFolder, undo: &Undo) -> Result<()> {
    let removed = gone(&undo.use_folder, |path| fs::remove_dir_all(path));
    let removed = match undo.made_job {
        true => removed
            .and(gone(&job.cache(), |path| fs::remove_dir_all(path)))
            .and(gone(&job.aws_config(), |path| fs::remove_file(path)))
            .and(gone(&job.docker().join("config.json"), |path| fs::remove_file(path)))
            .and(gone(&job.podman(), |path| fs::remove_file(path))),
        false => removed,
    };
    // Where they are copies, there are keys among them.
    let copies = LINKED.iter().filter(|_| cfg!(not(unix)) && undo.made_job);
    let remove_copy = |path: &Path| fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
    let removed = copies.fold(removed, |removed, name| {
        removed.and(gone(&job.docker().join(name), remove_copy))
    });
    removed.map_err(|error| failed(&undo.job, error))
}

/// Removes something that need not exist, with the rights for its folder.
fn gone(path: &Path, remove: fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    match WorkFolder::open(folder).and_then(|folder| folder.run(|at| remove(&at.join(name)))) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(job: &Path, error: io::Error) -> Error {
    Error::failed(
        Code::RunnerFiles,
        format!("cannot remove the secrets in {}", job.display()),
        error,
    )
    .hint("remove the folder by hand; the runner does so itself before its next job")
}
