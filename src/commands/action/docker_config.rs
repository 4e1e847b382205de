//! Chooses docker's configuration folder for the job, and copies it for this job if it has to be isolated.
//!
//! Podman, Buildah and Skopeo read only `$REGISTRY_AUTH_FILE` if it is set, else only `$DOCKER_CONFIG/config.json` if that is set:
//! <https://github.com/containers/common/blob/main/pkg/auth/auth.go>.

#[cfg(not(unix))]
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::inputs::DockerConfigChoice;
use super::job::{JobFolder, copy_private};
use client_config::{Client, ConfigEdit, ConfigFile, EditOutcome, HelperSettings, Kind};
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use private_files::{StateFolder, WorkFolder};

/// The files that docker reads in its configuration folder beside `config.json`: contexts, plug-ins, the keys of content trust, and certificates
/// for the engine.
pub(super) const LINKED: [&str; 6] = ["contexts", "cli-plugins", "trust", "ca.pem", "cert.pem", "key.pem"];

/// The configuration folder that docker uses from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerFolder {
    /// The folder.
    pub folder: PathBuf,
    /// The variables that tell later steps.
    pub variables: Vec<(&'static str, PathBuf)>,
    /// Whether `DOCKER_CONFIG` names the folder.
    is_named: bool,
}

impl DockerFolder {
    /// Returns the clients' configuration files. `env` must have the variables already.
    ///
    /// # Errors
    /// There is no home.
    pub fn files(&self, env: &Env) -> Result<Vec<ConfigFile>> {
        let client =
            (self.is_named && env.get(variables::REGISTRY_AUTH_FILE).is_none()).then_some(Client::Only(Kind::Docker));
        client_config::config_files(client, Some(&self.folder), env)
    }
}

/// Finds the folder, and makes it if it has to be the job's own.
///
/// # Errors
/// There is no home, or the configuration cannot be copied.
pub fn prepare(choice: &DockerConfigChoice, job: &JobFolder, env: &Env) -> Result<DockerFolder> {
    let current = current(env)?;
    let isolated = match choice {
        DockerConfigChoice::Isolated => true,
        DockerConfigChoice::Auto => env.get(variables::RUNNER_ENVIRONMENT) == Some("self-hosted"),
        DockerConfigChoice::Shared => false,
        DockerConfigChoice::Folder(folder) => {
            return Ok(DockerFolder {
                variables: vec![(variables::DOCKER_CONFIG, folder.clone())],
                folder: folder.clone(),
                is_named: true,
            });
        }
    };
    if !isolated || current == job.docker() {
        return Ok(DockerFolder {
            is_named: current == job.docker(),
            folder: current,
            variables: Vec::new(),
        });
    }
    isolate(&current, &job.docker())?;
    let mut variables = vec![(variables::DOCKER_CONFIG, job.docker())];
    if env.get(variables::BUILDX_CONFIG).is_none() {
        // Buildx finds earlier builders there, and new ones outlive this job's folder, as without isolation.
        variables.push((variables::BUILDX_CONFIG, current.join("buildx")));
    }
    if let Some(logins) = podman_logins(env)? {
        copy_private(&logins, &job.podman())?;
        variables.push((variables::REGISTRY_AUTH_FILE, job.podman()));
    }
    Ok(DockerFolder {
        folder: job.docker(),
        variables,
        is_named: true,
    })
}

/// Excludes registries from the credential store of a copied configuration. A password in that store would be used by all jobs of this user, and
/// hide the next job's. An empty helper's name is docker's way to exclude a registry.
///
/// # Errors
/// The file cannot be read, edited or written.
pub fn keep_out_of_store(file: &ConfigFile, hosts: &[String], env: &Env) -> Result<()> {
    let state = StateFolder::from_env(env);
    client_config::update(&file.path, state.as_ref(), &mut |text| {
        let old = text.unwrap_or_default();
        let settings = HelperSettings::in_file(file, old)?;
        if settings.store.is_none() {
            return Ok(EditOutcome::Unchanged);
        }
        let excepted = hosts.iter().filter(|host| !settings.helpers.contains_key(*host));
        let edit = ConfigEdit {
            helpers: excepted.map(|host| (host.clone(), Some(String::new()))).collect(),
            ..ConfigEdit::default()
        };
        let new = edit.apply(old).map_err(|malformed| malformed.in_file(file))?;
        Ok(match new == old {
            true => EditOutcome::Unchanged,
            false => EditOutcome::Text(new),
        })
    })
    .map(drop)
}

/// Returns podman's own file, which it would read first, if the file exists. Without it, podman uses docker's.
fn podman_logins(env: &Env) -> Result<Option<PathBuf>> {
    let files = client_config::config_files(Some(Client::Only(Kind::Podman)), None, env)?;
    Ok(files.into_iter().map(|file| file.path).rfind(|path| path.is_file()))
}

/// Returns `$DOCKER_CONFIG`, or `~/.docker`.
fn current(env: &Env) -> Result<PathBuf> {
    let files = client_config::config_files(Some(Client::Only(Kind::Docker)), None, env)?;
    let folder = files.first().and_then(|file| file.path.parent());
    std::path::absolute(folder.unwrap_or(Path::new("")))
        .map_err(|error| Error::failed(Code::RunnerFiles, "cannot find docker's configuration folder", error))
}

/// Copies a configuration. If the job has a copy already, from an earlier use of the action, nothing is overwritten.
fn isolate(from: &Path, to: &Path) -> Result<()> {
    let failed = |error| {
        Error::failed(
            Code::RunnerFiles,
            format!("cannot isolate docker's configuration in {}", to.display()),
            error,
        )
    };
    let (folder, _) = WorkFolder::make(to, 0o700).map_err(failed)?;
    let config = to.join("config.json");
    if !config.exists() {
        copy_private(&from.join("config.json"), &config)?;
    }
    for name in LINKED {
        let target = from.join(name);
        if target.exists() {
            match folder.run(|at| link_to(&target, &at.join(name))) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link_to(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Copies the file, because links need a privilege on Windows.
#[cfg(not(unix))]
fn link_to(target: &Path, link: &Path) -> io::Result<()> {
    if !target.is_dir() {
        return fs::copy(target, link).map(drop);
    }
    fs::create_dir(link)?;
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        link_to(&entry.path(), &link.join(entry.file_name()))?;
    }
    Ok(())
}
