//! Which files hold the clients' configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::client::{Client, Kind};
use context::Env;
use diagnostics::Result;

/// A client's configuration file, which need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Whose format it has.
    pub kind: Kind,
    /// Where it is; a symlink is not resolved.
    pub path: PathBuf,
}

/// The files of the chosen clients. Without a choice: docker's, and those of every other client that is on PATH.
///
/// `docker_config` is docker's folder (default: `$DOCKER_CONFIG`, else `~/.docker`).
pub fn config_files(client: Option<Client>, docker_config: Option<&Path>, env: &Env) -> Result<Vec<ConfigFile>> {
    let is_chosen = |kind: Kind| match client {
        Some(Client::All) => true,
        Some(Client::Only(only)) => kind == only,
        None => kind == Kind::Docker || kind.descriptor().is_installed(env),
    };
    let mut files = Vec::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| is_chosen(*kind)) {
        let paths = (kind.descriptor().written_files)(docker_config, env)?;
        files.extend(paths.into_iter().map(|path| ConfigFile { kind, path }));
    }
    Ok(files)
}

/// A path as people write it: `~` for the user's home. A home that is `/`, or no absolute path, stands for itself.
pub fn shown(path: &Path, env: &Env) -> String {
    let home = env.home().filter(|home| home.is_absolute() && home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}
