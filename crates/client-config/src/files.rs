//! Which files hold the clients' configuration.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use context::Env;
use diagnostics::{Code, Error, Mention, Result};

/// The clients whose configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// docker: config.json
    Docker,
    /// podman, buildah and skopeo: auth.json
    Podman,
    /// both
    All,
}

/// Whose format a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker's `config.json`.
    Docker,
    /// The `auth.json` of podman, buildah and skopeo, which know `credHelpers` but no `credsStore`.
    Podman,
}

impl Kind {
    /// The client's name, as people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// A client's configuration file, which need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Whose format it has.
    pub kind: Kind,
    /// Where it is; a symlink is not resolved.
    pub path: PathBuf,
}

/// The files of the chosen clients. Without a choice: docker's, and podman's where podman, buildah or skopeo is on PATH.
///
/// `docker_config` is docker's folder (default: `$DOCKER_CONFIG`, else `~/.docker`).
pub fn config_files(client: Option<Client>, docker_config: Option<&Path>, env: &Env) -> Result<Vec<ConfigFile>> {
    let podman = match client {
        Some(client) => client != Client::Docker,
        None => ["podman", "buildah", "skopeo"].iter().any(|name| is_on_path(name, env)),
    };
    let mut files = Vec::new();
    if client != Some(Client::Podman) {
        let path = docker_file(docker_config, env)?;
        files.push(ConfigFile {
            kind: Kind::Docker,
            path,
        });
    }
    if podman {
        files.extend(podman_files(env)?.into_iter().map(|path| ConfigFile {
            kind: Kind::Podman,
            path,
        }));
    }
    Ok(files)
}

/// A path as people write it: `~` for the user's home.
pub fn shown(path: &Path, env: &Env) -> String {
    match env
        .home()
        .and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned))
    {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}

fn docker_file(docker_config: Option<&Path>, env: &Env) -> Result<PathBuf> {
    let folder = match docker_config {
        Some(folder) => folder.to_owned(),
        None => match env.path("DOCKER_CONFIG") {
            Some(folder) => folder,
            None => home(env)?.join(".docker"),
        },
    };
    Ok(folder.join("config.json"))
}

/// containers-auth.json(5): the runtime file is read first, then the one in the configuration folder. The runtime folder is
/// in memory and goes at logout, so the lasting file is written too.
fn podman_files(env: &Env) -> Result<Vec<PathBuf>> {
    if let Some(file) = env.path("REGISTRY_AUTH_FILE") {
        return Ok(vec![file]);
    }
    let file = Path::new("containers/auth.json");
    if cfg!(any(windows, target_os = "macos")) {
        return Ok(vec![home(env)?.join(".config").join(file)]);
    }
    let config = match env.path("XDG_CONFIG_HOME") {
        Some(folder) => folder,
        None => home(env)?.join(".config"),
    };
    let mut files = vec![config.join(file)];
    files.extend(podman_runtime_file(env));
    Ok(files)
}

/// The file in the runtime folder, where there is such a folder; without `XDG_RUNTIME_DIR` podman looks in /run/containers/UID.
fn podman_runtime_file(env: &Env) -> Option<PathBuf> {
    match env.path("XDG_RUNTIME_DIR") {
        Some(folder) => folder.is_dir().then(|| folder.join("containers/auth.json")),
        None => lasting_runtime_file().filter(|file| file.exists()),
    }
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

fn home(env: &Env) -> Result<PathBuf> {
    env.home().ok_or_else(|| {
        Error::usage(
            Code::NoHome,
            "cannot find the client's configuration",
            "HOME is not set",
        )
        .hint(format!(
            "set HOME, or name docker's folder with {}",
            Mention::new("docker-config")
        ))
    })
}

fn is_on_path(name: &str, env: &Env) -> bool {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    env.search_path().iter().any(|folder| folder.join(&file).is_file())
}
