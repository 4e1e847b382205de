//! Finds the files of the clients' configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::client::{Client, Kind, chosen};
use context::Env;
use diagnostics::Result;

/// The place of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigLocation {
    /// In a file.
    File(PathBuf),
    /// In `DOCKER_AUTH_CONFIG`.
    Variable,
}

/// A client's configuration file, which need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Whose format it has.
    pub kind: Kind,
    /// The path. A symlink is not resolved.
    pub path: PathBuf,
}

/// Returns the files of the chosen clients. Without a choice: docker's, and those of every other client that is used here.
///
/// `docker_config` is docker's folder (default: `$DOCKER_CONFIG`, else `~/.docker`). A file that two clients share is listed once.
pub fn config_files(client: Option<Client>, docker_config: Option<&Path>, env: &Env) -> Result<Vec<ConfigFile>> {
    let mut files: Vec<ConfigFile> = Vec::new();
    for kind in chosen(client, env) {
        for path in (kind.descriptor().written_files)(docker_config, env)? {
            if !files.iter().any(|known| known.path == path) {
                files.push(ConfigFile { kind, path });
            }
        }
    }
    Ok(files)
}

/// Returns a path with `~` for the user's home, which PowerShell knows too. A home that is `/` or not an absolute path is not shortened.
pub fn shown(path: &Path, env: &Env) -> String {
    let home = env.home().filter(|home| home.is_absolute() && home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}
