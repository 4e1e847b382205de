//! The uses of entries in a configuration file that several jobs may share. The last use removes the entries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use client_config::{ConfigFile, HELPER};
use context::Env;
use diagnostics::{Code, Error, Result};
use private_files::{Notes, StateFolder};

/// The folders that mark the uses, by the configuration file's real path and the registry's host. Each folder exists as long as its use.
type UsesByConfig = BTreeMap<PathBuf, BTreeMap<String, BTreeSet<PathBuf>>>;

/// The notes in the user's state folder, and the use that is about to begin or end.
#[derive(Debug, Clone)]
pub struct ConfigUses {
    notes: Notes<UsesByConfig>,
    folder: PathBuf,
}

impl ConfigUses {
    /// Returns the uses for the one that `folder` marks. Without a state folder there are no notes.
    pub fn for_folder(folder: &Path, env: &Env) -> Option<Self> {
        Some(Self {
            notes: Notes::new(StateFolder::from_env(env)?, "jobs"),
            folder: folder.to_owned(),
        })
    }

    /// Notes that this use needs the file's entries for these hosts, and writes them. An entry without a note is the user's own, and is kept when
    /// all uses have ended.
    ///
    /// # Errors
    /// The errors of `write`.
    pub fn begin(&self, file: &ConfigFile, hosts: &[String], write: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let real = client_config::real_path(&file.path)?;
        let mut written = None;
        let noted = self.notes.change(&mut |all| {
            // This is read under the lock, because the last use may just have removed the entries.
            let served = match served(file, &real) {
                Ok(served) => served,
                Err(error) => {
                    written = Some(Err(error));
                    return;
                }
            };
            all.retain(|path, _| path.parent().is_some_and(Path::is_dir));
            let uses = all.entry(real.clone()).or_default();
            for host in hosts {
                if uses.contains_key(host) || !served.contains(host) {
                    let users = uses.entry(host.clone()).or_default();
                    users.retain(|user| user.is_dir());
                    users.insert(self.folder.clone());
                }
            }
            written = Some(write());
        });
        match (written, noted) {
            (None, _) => write(),
            (Some(Ok(())), Err(error)) => Err(Error::failed(
                Code::RunnerFiles,
                format!("cannot note who uses {}", file.path.display()),
                error,
            )),
            (Some(written), _) => written,
        }
    }

    /// Ends this use, and passes the hosts that no other use needs to `take_back`, if there are any. Without notes, it passes all of them.
    ///
    /// # Errors
    /// The errors of `take_back`.
    pub fn end(
        &self,
        file: &ConfigFile,
        hosts: &[String],
        take_back: &mut dyn FnMut(&[String]) -> Result<()>,
    ) -> Result<()> {
        let real = client_config::real_path(&file.path)?;
        let mut taken_back = Ok(());
        let mut known = false;
        // If the notes cannot be written, the missing folder also shows that the use has ended.
        let _ = self.notes.change(&mut |all| {
            known = true;
            let Some(uses) = all.get_mut(&real) else { return };
            let mut left = Vec::new();
            for (host, users) in uses.iter_mut() {
                if users.remove(&self.folder) {
                    users.retain(|user| user.is_dir());
                    left.extend(users.is_empty().then(|| host.clone()));
                }
            }
            uses.retain(|host, _| !left.contains(host));
            if uses.is_empty() {
                all.remove(&real);
            }
            if !left.is_empty() {
                taken_back = take_back(&left);
            }
        });
        match known || hosts.is_empty() {
            true => taken_back,
            false => take_back(hosts),
        }
    }
}

/// Returns the hosts that have our helper in the file.
fn served(file: &ConfigFile, real: &Path) -> Result<BTreeSet<String>> {
    let text = client_config::read_text(real)?;
    let settings = client_config::HelperSettings::in_file(file, text.as_deref().unwrap_or_default())?;
    let ours = settings.helpers.into_iter().filter(|(_, helper)| helper == HELPER);
    Ok(ours.map(|(host, _)| host).collect())
}
