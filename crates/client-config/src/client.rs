//! The container clients, with one descriptor for each.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};

use context::{Env, variables};
use diagnostics::Result;

/// The program that shares podman's files, but not podman's order of them.
pub(super) const SKOPEO: &str = "skopeo";

/// A client with its own configuration file in the format of Docker's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Docker.
    Docker,
    /// Podman, Buildah and Skopeo, which share one file.
    Podman,
    /// Helm. ORAS can be told to read the same file.
    Helm,
}

/// Where one entry makes a client ask the helper for every registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryForAll {
    /// `credsStore` in the client's own file.
    CredsStore,
    /// `credential-helpers` in a [drop-in](crate::DropIn) of the container tools' `registries.conf`.
    DropIn,
    /// Docker's `credsStore`: the client reads Docker's file after its own.
    Docker,
}

/// How a client reads a file in the form of Docker's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigFormat {
    /// As docker/cli does: only the first JSON value of the file (`json.Decoder`), `username` and `password` beside `auth`, and an empty helper's
    /// name to exclude a host from the store.
    Docker,
    /// As containers/image does: the whole file (`json.Unmarshal`), only `auth` and the identity token of an entry, and an empty helper's name like
    /// the name of any program.
    Containers,
}

/// The properties of a client.
#[derive(Debug)]
pub struct ClientDescriptor {
    /// The client's name, also for `--client`.
    pub name: &'static str,
    /// The text of `--help` about it.
    help: &'static str,
    /// The programs that read its file. Without `--client`, `setup` writes the file if one of them is on PATH.
    programs: &'static [&'static str],
    /// The variable that says where its configuration is.
    pub file_variable: &'static str,
    /// The variable that holds a whole configuration and is read before the files.
    pub text_variable: Option<&'static str>,
    /// Whether it knows `credsStore`. Every client knows `credHelpers`.
    pub has_store: bool,
    /// How the client reads its files.
    pub format: ConfigFormat,
    /// Where `setup --all` writes.
    pub entry_for_all: EntryForAll,
    /// Returns the files to write. The path is the folder that `--docker-config` names.
    pub written_files: fn(Option<&Path>, &Env) -> Result<Vec<PathBuf>>,
    /// Returns the files that the client reads, in its order.
    pub read_files: fn(&Env) -> Result<Vec<PathBuf>>,
}

static DOCKER: ClientDescriptor = ClientDescriptor {
    name: "docker",
    help: "docker: config.json",
    programs: &["docker"],
    file_variable: variables::DOCKER_CONFIG,
    text_variable: Some(variables::DOCKER_AUTH_CONFIG),
    has_store: true,
    format: ConfigFormat::Docker,
    entry_for_all: EntryForAll::CredsStore,
    written_files: docker_files,
    read_files: |env| docker_files(None, env),
};

static PODMAN: ClientDescriptor = ClientDescriptor {
    name: "podman",
    help: "podman, buildah and skopeo: auth.json",
    programs: &["podman", "buildah", SKOPEO],
    file_variable: variables::REGISTRY_AUTH_FILE,
    text_variable: None,
    has_store: false,
    format: ConfigFormat::Containers,
    entry_for_all: EntryForAll::DropIn,
    written_files: |_, env| podman_files(env),
    read_files: podman_files_in_order,
};

static HELM: ClientDescriptor = ClientDescriptor {
    name: "helm",
    help: "helm: registry/config.json",
    programs: &["helm"],
    file_variable: variables::HELM_REGISTRY_CONFIG,
    text_variable: None,
    has_store: true,
    format: ConfigFormat::Docker,
    entry_for_all: EntryForAll::Docker,
    written_files: |_, env| Ok(vec![helm_file(env)?]),
    read_files: |env| Ok([vec![helm_file(env)?], docker_files(None, env)?].concat()),
};

impl Kind {
    /// Every client. Files are written and checked in this order.
    pub const ALL: &[Self] = &[Self::Docker, Self::Podman, Self::Helm];

    /// Returns the properties of the client.
    pub fn descriptor(self) -> &'static ClientDescriptor {
        match self {
            Self::Docker => &DOCKER,
            Self::Podman => &PODMAN,
            Self::Helm => &HELM,
        }
    }

    /// Returns the client's name.
    pub fn name(self) -> &'static str {
        self.descriptor().name
    }
}

impl ClientDescriptor {
    /// Whether one of the client's programs is on PATH.
    pub fn is_installed(&self, env: &Env) -> bool {
        self.programs.iter().any(|name| is_on_path(name, env))
    }

    /// Whether a variable names this client's configuration.
    pub fn is_named(&self, env: &Env) -> bool {
        env.get(self.file_variable).is_some()
    }

    /// Whether the client is used here: one of its programs is on PATH, a variable names its file, or its file exists.
    pub fn is_used(&self, env: &Env) -> bool {
        // A client that uses docker's file is not recognised by that file.
        let of_docker = docker_files(None, env).unwrap_or_default();
        let is_there = |file: &PathBuf| file.exists() && !of_docker.contains(file);
        let has_file = || (self.written_files)(None, env).is_ok_and(|files| files.iter().any(is_there));
        self.is_installed(env) || self.is_named(env) || has_file()
    }
}

/// Returns the clients whose configuration is written: the chosen ones, else Docker and the other clients that are used here.
pub fn chosen(client: Option<Client>, env: &Env) -> impl Iterator<Item = Kind> {
    let is_chosen = move |kind: Kind| match client {
        Some(Client::All) => true,
        Some(Client::Only(only)) => kind == only,
        None => kind == Kind::Docker || kind.descriptor().is_used(env),
    };
    Kind::ALL.iter().copied().filter(move |kind| is_chosen(*kind))
}

/// The clients whose configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// This client alone.
    Only(Kind),
    /// Every client.
    All,
}

/// The values of `--client`.
const CHOICES: &[Client] = &[
    Client::Only(Kind::Docker),
    Client::Only(Kind::Podman),
    Client::Only(Kind::Helm),
    Client::All,
];

impl ValueEnum for Client {
    fn value_variants<'a>() -> &'a [Self] {
        CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Only(kind) => PossibleValue::new(kind.name()).help(kind.descriptor().help),
            Self::All => PossibleValue::new("all").help("all of them"),
        })
    }
}

fn docker_files(docker_config: Option<&Path>, env: &Env) -> Result<Vec<PathBuf>> {
    let folder = match docker_config {
        Some(folder) => folder.to_owned(),
        None => match env.path(variables::DOCKER_CONFIG) {
            Some(folder) => folder,
            None => home(env)?.join(".docker"),
        },
    };
    Ok(vec![folder.join("config.json")])
}

/// Returns the files to write. containers-auth.json(5): the file in the runtime folder is read first, then the one in the configuration folder. The
/// runtime folder is in memory and is removed at logout, so both are written.
fn podman_files(env: &Env) -> Result<Vec<PathBuf>> {
    if let Some(file) = podman_file_alone(env) {
        return Ok(vec![file]);
    }
    own_podman_files(env)
}

fn own_podman_files(env: &Env) -> Result<Vec<PathBuf>> {
    let file = Path::new("containers/auth.json");
    if cfg!(any(windows, target_os = "macos")) {
        return Ok(vec![home(env)?.join(".config").join(file)]);
    }
    let config = match env.path(variables::XDG_CONFIG_HOME) {
        Some(folder) => folder,
        None => home(env)?.join(".config"),
    };
    let mut files = vec![config.join(file)];
    files.extend(podman_runtime_file(env));
    Ok(files)
}

/// Returns the only file that counts, if a variable names it. Podman 5 and Buildah read `$DOCKER_CONFIG/config.json` and nothing else
/// (`GetDefaultAuthFile` of github.com/containers/common). Skopeo reads it after its own files.
fn podman_file_alone(env: &Env) -> Option<PathBuf> {
    let of_docker = || {
        env.path(variables::DOCKER_CONFIG)
            .map(|folder| folder.join("config.json"))
    };
    env.path(variables::REGISTRY_AUTH_FILE).or_else(of_docker)
}

/// Returns the files in Podman's order: first the runtime folder's, then the configuration folder's, and Docker's last.
fn podman_files_in_order(env: &Env) -> Result<Vec<PathBuf>> {
    if let Some(file) = podman_file_alone(env) {
        return Ok(vec![file]);
    }
    let mut files = own_files_in_order(env)?;
    files.extend(env.home().map(|home| home.join(".docker/config.json")));
    Ok(files)
}

fn own_files_in_order(env: &Env) -> Result<Vec<PathBuf>> {
    let mut files = own_podman_files(env)?;
    files.rotate_left(1);
    files.splice(..0, unreadable_runtime_file(env));
    Ok(files)
}

/// Returns the files that skopeo reads, in its order, if it is installed and reads others than podman: with `DOCKER_CONFIG`, skopeo reads its own
/// files first (`getAuthFilePaths` of containers/image), and podman does not read them.
pub(super) fn skopeo_files(env: &Env) -> Option<Vec<PathBuf>> {
    let is_other = env.get(variables::REGISTRY_AUTH_FILE).is_none() && is_on_path(SKOPEO, env);
    let of_docker = podman_file_alone(env).filter(|_| is_other)?;
    Some([own_files_in_order(env).ok()?, vec![of_docker]].concat())
}

/// Returns the file in the runtime folder, if the folder exists. Without `XDG_RUNTIME_DIR`, podman looks in /run/containers/UID.
fn podman_runtime_file(env: &Env) -> Option<PathBuf> {
    match env.path(variables::XDG_RUNTIME_DIR) {
        Some(folder) => folder.is_dir().then(|| folder.join("containers/auth.json")),
        None => lasting_runtime_file().filter(|file| file.exists()),
    }
}

/// Returns the file in /run/containers/UID if this user may not check whether it exists. Podman and skopeo then fail.
fn unreadable_runtime_file(env: &Env) -> Option<PathBuf> {
    let file = lasting_runtime_file().filter(|file| file.try_exists().is_err())?;
    env.path(variables::XDG_RUNTIME_DIR).is_none().then_some(file)
}

#[cfg(target_os = "linux")]
pub(super) fn lasting_runtime_file() -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    Some(PathBuf::from(format!("/run/containers/{user}/auth.json")))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn lasting_runtime_file() -> Option<PathBuf> {
    None
}

/// Returns Helm's file as "helm env" does: from the file's own variable, Helm's folder, else `helm` in the configuration folder.
fn helm_file(env: &Env) -> Result<PathBuf> {
    if let Some(file) = env.path(variables::HELM_REGISTRY_CONFIG) {
        return Ok(file);
    }
    let config = || -> Result<PathBuf> {
        match env.path(variables::XDG_CONFIG_HOME) {
            Some(folder) => Ok(folder),
            None if cfg!(windows) => match env.path(variables::APPDATA) {
                Some(folder) => Ok(folder),
                None => home(env),
            },
            None if cfg!(target_os = "macos") => Ok(home(env)?.join("Library/Preferences")),
            None => Ok(home(env)?.join(".config")),
        }
    };
    let folder = match env.path(variables::HELM_CONFIG_HOME) {
        Some(folder) => folder,
        None => config()?.join("helm"),
    };
    Ok(folder.join("registry/config.json"))
}

fn home(env: &Env) -> Result<PathBuf> {
    env.require_home("cannot find the client's configuration")
}

fn is_on_path(name: &str, env: &Env) -> bool {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    env.search_path().iter().any(|folder| folder.join(&file).is_file())
}
