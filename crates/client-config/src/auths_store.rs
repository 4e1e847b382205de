//! Docker's own `auths` as a credential store: does what docker does without a `credsStore`, for a helper in between.
//!
//! Docker empties an entry of `auths` once a store has taken its password. New logins are therefore kept in ecr-auth's own file, in the same form,
//! until `logout` writes them back into `auths`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::auths::{AuthEdit, AuthsEditor, converted};
use super::client::Kind;
use super::credential::StoredCredential;
use super::edit::{ConfigEdit, Malformed};
use super::replace::{EditOutcome, read_text, real_path, update, update_private};
use context::{Env, no_home};
use diagnostics::{Code, Error, Result};
use private_files::{StateFolder, remove_made_folders};

/// The folder of the new logins, below the state folder.
const LOGINS: &str = "logins";

/// The clients' names for Docker Hub: docker asks for the first, podman for the second.
const DOCKER_HUB: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// The `auths` of one docker configuration, and the file with later logins.
#[derive(Debug, Clone)]
pub struct AuthsStore {
    /// The real path of the configuration.
    config: PathBuf,
    /// The name of the file with the new logins.
    name: String,
    state: StateFolder,
}

impl AuthsStore {
    /// Returns the store of a configuration. Its new logins are in the user's state folder.
    ///
    /// # Errors
    /// The user has no home, or the configuration cannot be found.
    pub fn for_config(config: &Path, env: &Env) -> Result<Self> {
        let state = StateFolder::from_env(env);
        let state = state.ok_or_else(|| no_home("cannot tell where the logins of other registries are"))?;
        let config = real_path(config)?;
        let digest = Sha256::digest(config.as_os_str().as_encoded_bytes());
        let digits: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            config,
            name: format!("{digits}.json"),
            state,
        })
    }

    /// Returns the file of the new logins, which need not exist.
    pub fn logins_file(&self) -> PathBuf {
        self.state.path().join(LOGINS).join(&self.name)
    }

    /// Returns the folder of the configuration. The new logins must belong to the folder's owner.
    fn beside(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("/"))
    }

    /// Reads the file of new logins and returns what `read` finds in it. `None` if there is no such file, or if another user could have written it.
    fn with_logins<T>(&self, read: impl FnOnce(&AuthsEditor<'_>) -> Result<T, Malformed>) -> Result<Option<T>> {
        let failed = |cause: &dyn std::fmt::Display| {
            let what = format!("cannot read {}", self.logins_file().display());
            Error::failed(Code::NotReadable, what, cause)
                .hint("check who owns the file and its folder; ecr-auth keeps new logins there")
        };
        let bytes = self.state.read_private(LOGINS, &self.name, self.beside());
        let bytes = match bytes {
            // The logins of another user are not trusted, and are ignored.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            bytes => bytes.map_err(|error| failed(&error))?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|error| failed(&error))?;
        let found = AuthsEditor::read(text).and_then(|auths| read(&auths));
        found.map(Some).map_err(|error| malformed(&self.logins_file(), &error))
    }

    /// Returns the credential for a server, as docker finds it: by its exact key, else by a key with the same host. New logins come first.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn get(&self, server: &str) -> Result<Option<StoredCredential>> {
        match self.with_logins(|auths| find(auths, server))?.flatten() {
            Some(found) => Ok(Some(found)),
            None => Ok(with_auths(&self.config, |auths| find(auths, server))?.flatten()),
        }
    }

    /// Keeps a credential.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn store(&self, server: &str, credential: &StoredCredential) -> Result<()> {
        let edit = AuthEdit::of_credential(credential);
        self.edit_logins(server, &edit)
    }

    /// Removes the credential of exactly this key. From docker's own file it is removed only if that is the file that docker reads here. Docker
    /// removes it from any other file itself.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn erase(&self, server: &str, env: &Env) -> Result<()> {
        self.edit_logins(server, &AuthEdit::Remove)?;
        let files = (Kind::Docker.descriptor().written_files)(None, env)?;
        // The path is used as docker uses it, so that the rights of users who could redirect it apply.
        let is_it = |file: &&PathBuf| real_path(file).is_ok_and(|file| file == self.config);
        files
            .iter()
            .find(is_it)
            .map_or(Ok(()), |file| self.forget_in(file, server))
    }

    /// Returns the user name for each server with a credential.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn list(&self) -> Result<BTreeMap<String, String>> {
        let mut all = with_auths(&self.config, credentials)?.unwrap_or_default();
        all.extend(self.logins()?);
        Ok(all
            .into_iter()
            .map(|(server, found)| (server, found.username))
            .collect())
    }

    /// Returns the new logins.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn logins(&self) -> Result<BTreeMap<String, StoredCredential>> {
        Ok(self.with_logins(credentials)?.unwrap_or_default())
    }

    /// Removes the new logins.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn clear(&self) -> Result<()> {
        self.update_logins(&mut |old| {
            Ok(match old {
                Some(_) => EditOutcome::Remove,
                None => EditOutcome::Unchanged,
            })
        })
    }

    fn edit_logins(&self, server: &str, edit: &AuthEdit) -> Result<()> {
        let edit = of_one(server, edit);
        self.update_logins(&mut |old| {
            let text = old.unwrap_or_default();
            let new = edit
                .apply(text)
                .map_err(|error| malformed(&self.logins_file(), &error))?;
            Ok(match new == text {
                true => EditOutcome::Unchanged,
                false if new.trim() == "{}" => EditOutcome::Remove,
                false => EditOutcome::Text(new),
            })
        })
    }

    /// Changes the file of the new logins. The folder is removed with its last file: other configurations may have theirs there.
    fn update_logins(&self, edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>) -> Result<()> {
        let file = self.logins_file();
        let made = self.state.make_private(LOGINS, self.beside());
        made.map_err(|error| {
            Error::failed(Code::NotWritable, format!("cannot write {}", file.display()), error)
                .hint("check who owns the folder; ecr-auth keeps new logins there")
        })?;
        update_private(&file, Some(&self.state), edit)?;
        if let (false, Some(folder)) = (file.exists(), file.parent()) {
            remove_made_folders(&[folder.to_owned()], &file);
        }
        Ok(())
    }

    fn forget_in(&self, config: &Path, server: &str) -> Result<()> {
        // Like docker, this leaves an empty `auths`.
        let edit = ConfigEdit {
            drop_empty_auths: false,
            ..of_one(server, &AuthEdit::Remove)
        };
        update(config, Some(&self.state), &mut |old| {
            let Some(text) = old else {
                return Ok(EditOutcome::Unchanged);
            };
            let new = edit.apply(text).map_err(|error| malformed(config, &error))?;
            Ok(match new == text {
                true => EditOutcome::Unchanged,
                false => EditOutcome::Text(new),
            })
        })?;
        Ok(())
    }
}

fn of_one(server: &str, edit: &AuthEdit) -> ConfigEdit {
    ConfigEdit {
        auths: BTreeMap::from([(server.to_owned(), edit.clone())]),
        drop_empty_auths: true,
        ..ConfigEdit::default()
    }
}

/// Reads something of a file's `auths`. Returns `None` if there is no file.
fn with_auths<T>(path: &Path, read: impl FnOnce(&AuthsEditor<'_>) -> Result<T, Malformed>) -> Result<Option<T>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let found = AuthsEditor::read(&text).and_then(|auths| read(&auths));
    found.map(Some).map_err(|error| malformed(path, &error))
}

fn malformed(path: &Path, error: &Malformed) -> Error {
    Error::failed(Code::ClientConfig, format!("cannot read {}", path.display()), error)
        .hint("fix the file at that place, or move it away")
}

/// Finds a key as `ConvertToHostname` of docker/cli does: `https://HOST/v1/` is a key of HOST.
fn find(auths: &AuthsEditor<'_>, server: &str) -> Result<Option<StoredCredential>, Malformed> {
    let is_hub = |host: &str| DOCKER_HUB.contains(&host);
    let same_host = |key: &&str| converted(key) == server;
    let same_hub = |key: &&str| is_hub(converted(key)) && is_hub(converted(server));
    let exact = auths.keys().find(|key| *key == server);
    let key = exact
        .or_else(|| auths.keys().find(same_host))
        .or_else(|| auths.keys().find(same_hub));
    key.map_or(Ok(None), |key| auths.credential(key))
}

fn credentials(auths: &AuthsEditor<'_>) -> Result<BTreeMap<String, StoredCredential>, Malformed> {
    let all = auths.credentials()?.into_iter();
    Ok(all.filter_map(|(key, found)| Some((key.to_owned(), found?))).collect())
}
