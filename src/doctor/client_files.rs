//! The configuration files of the clients on this machine, and what they say of ecr-auth.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::helper;
use super::report::Check;
use client_config::{
    CREDS_STORE, ConfigFile, DropIn, EntryForAll, HELPER, HelperSettings, Kind, config_files, read_text, real_path,
    shown,
};
use configuration::Config;
use context::Env;
use diagnostics::Result;
use ecr_registry::Registry;

/// A client's configuration file, and its helper settings.
#[derive(Debug)]
pub struct ClientFile {
    /// The client whose format it has.
    pub kind: Kind,
    /// The path, which need not exist.
    pub path: PathBuf,
    /// The contents.
    pub state: ClientFileState,
    /// The setting that makes one of our helpers answer for every registry, and its file.
    pub for_all: Option<(&'static str, PathBuf)>,
}

/// The contents of a configuration file.
#[derive(Debug)]
pub enum ClientFileState {
    /// The settings. Empty if there is no file.
    Read(HelperSettings),
    /// The file cannot be read, for this reason.
    Odd(String),
}

impl ClientFile {
    /// Returns the registries that have one of our helpers.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let helpers = self.settings().into_iter().flat_map(|settings| &settings.helpers);
        helpers
            .filter(|(_, name)| helper::is_ours(name))
            .map(|(host, _)| host.as_str())
    }

    /// Whether one of our helpers is asked for every registry.
    pub fn is_store(&self) -> bool {
        self.for_all.is_some()
    }

    fn store(&self) -> Option<&str> {
        let store = self.settings().and_then(|settings| settings.store.as_deref());
        store.filter(|_| self.kind.descriptor().has_store)
    }

    /// Whether one of our helpers is used at all.
    pub fn serves(&self) -> bool {
        self.is_store() || self.hosts().next().is_some()
    }

    /// Whether the file names our helper by its own name, not by amazon-ecr-credential-helper's.
    pub fn names_us(&self) -> bool {
        // Podman's drop-in uses no other name of ours.
        let has_drop_in = self.is_store() && self.kind.descriptor().entry_for_all == EntryForAll::DropIn;
        has_drop_in
            || self.settings().is_some_and(|settings| {
                let mut names = settings.helpers.values().chain(&settings.store);
                names.any(|name| name == HELPER)
            })
    }

    fn settings(&self) -> Option<&HelperSettings> {
        match &self.state {
            ClientFileState::Read(settings) => Some(settings),
            ClientFileState::Odd(_) => None,
        }
    }
}

/// The command that makes ecr-auth serve every registry.
pub const SETUP_ALL: &str = "ecr-auth setup --all";

/// Docker's file in which `setup --all` made ecr-auth the store, and something else changed that, as Docker Desktop does when it starts.
#[derive(Debug)]
pub struct LostStore {
    /// The file.
    pub path: PathBuf,
    now: Option<String>,
}

impl LostStore {
    /// Finds out whether docker has another store now, or none.
    pub fn find(config: &Config, files: &[ClientFile], env: &Env) -> Option<Self> {
        config.fallback()?;
        let file = files.iter().find(|file| file.kind == Kind::Docker)?;
        let settings = file.settings().filter(|_| !file.is_store())?;
        // It may have been done for another folder, which DOCKER_CONFIG named then.
        let recorded = client_config::undo_log(env)?.load().ok()?.files;
        let own = real_path(&file.path).ok()?;
        recorded.get(&own).filter(|record| record.creds_store.is_some())?;
        Some(Self {
            path: file.path.clone(),
            now: settings.store.clone(),
        })
    }

    /// Returns what changed. `place` follows the setting's name.
    pub fn told(&self, place: &str) -> String {
        let now = match &self.now {
            Some(store) => format!("it is {store:?}"),
            None => "it is not set".to_owned(),
        };
        format!("{CREDS_STORE}{place} is no longer ecr-auth: {now}")
    }

    /// Returns the check of it.
    pub fn check(&self, env: &Env) -> Check {
        let told = self.told(&format!(" in {}", shown(&self.path, env)));
        let finding = format!("{told}, so docker does not ask ecr-auth for every registry");
        Check::warn("fallback", finding, format!("run: {SETUP_ALL}"))
    }
}

/// Returns the configuration files of the clients on this machine.
///
/// # Errors
/// There is no home folder.
pub fn files(env: &Env) -> Result<Vec<ClientFile>> {
    let files = config_files(None, None, env)?;
    let read = |file: ConfigFile| ClientFile {
        kind: file.kind,
        state: state_of(file.kind, &file.path),
        path: file.path,
        for_all: None,
    };
    let mut files: Vec<ClientFile> = files.into_iter().map(read).collect();
    let drop_in = DropIn::in_force(env).ok().flatten();
    let is_docker = |file: &&ClientFile| file.kind == Kind::Docker && file.store().is_some_and(helper::is_ours);
    let of_docker = files.iter().find(is_docker).map(|file| file.path.clone());
    for file in &mut files {
        let own = file.store().is_some_and(helper::is_ours).then(|| file.path.clone());
        file.for_all = match file.kind.descriptor().entry_for_all {
            EntryForAll::CredsStore => own.map(|path| (CREDS_STORE, path)),
            EntryForAll::Docker => own.or_else(|| of_docker.clone()).map(|path| (CREDS_STORE, path)),
            EntryForAll::DropIn => drop_in.clone().map(|path| ("credential-helpers", path)),
        };
    }
    Ok(files)
}

pub(super) fn state_of(kind: Kind, path: &Path) -> ClientFileState {
    let text = match read_text(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => return ClientFileState::Odd(error.cause().to_owned()),
    };
    match HelperSettings::used_by(kind, &text) {
        Ok(settings) => ClientFileState::Read(settings),
        Err(malformed) => ClientFileState::Odd(malformed.to_string()),
    }
}

/// Returns the registries for which clients ask one of our helpers. A doctor without arguments checks these.
pub fn configured_hosts(env: &Env) -> Vec<String> {
    let files = files(env).unwrap_or_default();
    let hosts: BTreeSet<&str> = files.iter().flat_map(ClientFile::hosts).collect();
    hosts.into_iter().map(str::to_owned).collect()
}

/// Returns the registries of ECR that a file of a client, or `DOCKER_AUTH_CONFIG`, has a password for.
pub fn password_hosts(env: &Env) -> Vec<String> {
    let keys = client_config::password_keys(env);
    let registries = keys.iter().filter_map(|key| Registry::parse(key));
    registries.map(|registry| registry.host().to_owned()).collect()
}
