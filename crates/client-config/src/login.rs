//! Stores passwords for `login`, in the place where the client's own `login` would store them.

use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::auths::{AuthEdit, AuthsEditor};
use super::client::Kind;
use super::credential::auth_text;
use super::edit::{CREDS_STORE, ConfigEdit, HELPER, HelperSettings};
use super::empty_parts::EmptyParts;
use super::files::ConfigFile;
use super::record::{ClientUndoLog, FileRecord, LoginRecord};
use super::replace::{EditOutcome, read_text, real_path, update_private};
use super::store::CredentialStore;
use context::{Env, NO_HOME};
use diagnostics::Result;
use ecr_registry::USERNAME;
use secret::Secret;

/// The name of another helper for ECR. ecr-auth may be installed under this name too.
pub(super) const OTHER_HELPER: &str = "ecr-login";

/// A registry's password.
#[derive(Debug, Clone, Copy)]
pub struct RegistryLogin<'a> {
    /// The registry's exact host name.
    pub host: &'a str,
    /// The password of the user `AWS`.
    pub password: &'a Secret,
}

/// Where a password was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordPlace {
    /// The file's own `auths`.
    File,
    /// The credential store of this name.
    Store(String),
    /// Not stored: ecr-auth itself, under this name, is the registry's helper.
    Helper(String),
}

/// The result for one password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLogin {
    /// The registry.
    pub host: String,
    /// Where the password was stored.
    pub place: PasswordPlace,
    /// Whether it replaced a password or token that was not ours. `logout` cannot put that back.
    pub replaced: bool,
}

/// The result of [`store`].
#[derive(Debug, Default)]
pub struct StoreOutcome {
    /// One result for each password, in their order.
    pub logins: Vec<StoredLogin>,
    /// Why the stored passwords could not be recorded, if so. `logout` then leaves them.
    pub not_recorded: Option<io::Error>,
}

/// Stores passwords where the client of this file looks for them: in the credential store that the file names for the registry (`credHelpers`, else
/// `credsStore` if the client knows it), else in the file itself, which then only its owner can read.
///
/// What is stored is recorded first, without secrets, so that `logout` can undo a run that was killed. Stores are looked up on the PATH of `env`,
/// and run in it.
///
/// # Errors
/// A file cannot be read, edited or written, or a credential store is missing or fails. All stores are looked up before anything is stored.
pub fn store(
    file: &ConfigFile,
    logins: &[RegistryLogin<'_>],
    record: Option<&ClientUndoLog>,
    env: &Env,
) -> Result<StoreOutcome> {
    let text = read_text(&real_path(&file.path)?)?;
    let settings = HelperSettings::in_file(file, text.as_deref().unwrap_or_default())?;
    let mut keeper = PasswordKeeper::for_file(file, record)?;
    let mut places = Vec::new();
    for login in logins {
        places.push(PasswordDestination::for_host(login.host, &settings, file.kind, env)?);
    }
    let to_file = logins.iter().zip(&places);
    let to_file = to_file.filter_map(|(login, place)| matches!(place, PasswordDestination::File).then_some(login));
    let replaced_in_file = keeper.put_into_file(&to_file.collect::<Vec<_>>())?;
    let mut stored = StoreOutcome::default();
    for (login, place) in logins.iter().zip(places) {
        let replaced = match &place {
            PasswordDestination::File => replaced_in_file.iter().any(|host| host == login.host),
            PasswordDestination::Store(store) => keeper.put_into_store(login, store)?,
            PasswordDestination::Helper(_) => false,
        };
        stored.logins.push(StoredLogin {
            host: login.host.to_owned(),
            place: place.into(),
            replaced,
        });
    }
    stored.not_recorded = keeper.not_recorded;
    Ok(stored)
}

/// Returns the id of a credential's record: the SHA-256 of its `auth`, in hexadecimal digits. ECR's passwords are too long to be guessed.
pub(super) fn hash(auth: &Secret) -> String {
    let digest = Sha256::digest(auth.expose().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place for a registry's password.
enum PasswordDestination<'a> {
    File,
    Store(CredentialStore<'a>),
    Helper(String),
}

impl<'a> PasswordDestination<'a> {
    fn for_host(host: &str, settings: &HelperSettings, kind: Kind, env: &'a Env) -> Result<Self> {
        let helper = settings.helpers.get(host).map(|name| (name, "credHelpers"));
        let default = || settings.store.as_ref().map(|name| (name, CREDS_STORE));
        let store = helper.or_else(|| default().filter(|_| kind.descriptor().has_store));
        // An empty name is docker's way to exclude a registry from the store.
        let Some((name, setting)) = store.filter(|(name, _)| !name.is_empty()) else {
            return Ok(Self::File);
        };
        let store = CredentialStore::find(name, setting, env)?;
        Ok(match name.as_str() {
            HELPER => Self::Helper(name.clone()),
            OTHER_HELPER if store.is_ourselves()? => Self::Helper(name.clone()),
            _ => Self::Store(store),
        })
    }
}

impl From<PasswordDestination<'_>> for PasswordPlace {
    fn from(destination: PasswordDestination<'_>) -> Self {
        match destination {
            PasswordDestination::File => Self::File,
            PasswordDestination::Store(store) => Self::Store(store.name().to_owned()),
            PasswordDestination::Helper(name) => Self::Helper(name),
        }
    }
}

/// A password to store, and what it would replace.
struct PendingPassword {
    host: String,
    store: Option<String>,
    /// The hash of the password to store.
    new: String,
    /// The hash of the current password.
    standing: Option<String>,
    /// Whether the current entry has a token, which cannot be ours.
    has_token: bool,
    /// Whether `auths` has an entry, even an empty one.
    has_entry: bool,
}

impl PendingPassword {
    fn is_ours(&self, known: Option<&LoginRecord>) -> bool {
        let standing = |hash: &String| known.is_some_and(|known| known.hashes.contains(hash));
        !self.has_token && self.standing.as_ref().is_some_and(standing)
    }

    /// Whether a secret is replaced that is not ours.
    fn is_replaced(&self, known: Option<&LoginRecord>) -> bool {
        (self.has_token || self.standing.is_some()) && !self.is_ours(known)
    }

    fn record(&self, known: Option<&LoginRecord>) -> LoginRecord {
        let (host, store) = (self.host.clone(), self.store.clone());
        match (known, &self.standing) {
            (Some(known), Some(standing)) if self.is_ours(Some(known)) => LoginRecord {
                hashes: vec![standing.clone(), self.new.clone()],
                ..known.clone()
            },
            _ => LoginRecord {
                host,
                store,
                hashes: vec![self.new.clone()],
                had_entry: self.has_entry && self.standing.is_none() && !self.has_token,
                replaced: self.is_replaced(None),
            },
        }
    }
}

/// Stores passwords for one file, and records them.
struct PasswordKeeper<'a> {
    file: &'a ConfigFile,
    real: PathBuf,
    record: Option<&'a ClientUndoLog>,
    not_recorded: Option<io::Error>,
}

impl<'a> PasswordKeeper<'a> {
    fn for_file(file: &'a ConfigFile, record: Option<&'a ClientUndoLog>) -> Result<Self> {
        Ok(Self {
            file,
            real: real_path(&file.path)?,
            record,
            not_recorded: None,
        })
    }

    /// Stores passwords in the file's `auths`. Returns the registries where it replaced a secret that was not ours.
    fn put_into_file(&mut self, logins: &[&RegistryLogin<'_>]) -> Result<Vec<String>> {
        if logins.is_empty() {
            return Ok(Vec::new());
        }
        let mut edit = ConfigEdit::default();
        for login in logins {
            let auth = auth_text(USERNAME, login.password);
            edit.auths.insert(login.host.to_owned(), AuthEdit::Set(auth));
        }
        let mut replaced = Vec::new();
        let file = self.file;
        let state = self.record.map(ClientUndoLog::state);
        let updated = update_private(&file.path, state, &mut |old| {
            let text = old.unwrap_or_default();
            let new = edit.apply(text).map_err(|malformed| malformed.in_file(file))?;
            if new == text {
                return Ok(EditOutcome::Unchanged);
            }
            let auths = AuthsEditor::read(text).map_err(|malformed| malformed.in_file(file))?;
            let found = found_in(&auths, &edit).map_err(|malformed| malformed.in_file(file))?;
            let changes = FileRecord {
                created: old.is_none(),
                empty: EmptyParts::of_file(file, old, &["auths"])?,
                created_auths: !auths.is_there(),
                ..FileRecord::default()
            };
            replaced = self.remember(&changes, &found);
            Ok(EditOutcome::Text(new))
        })?;
        if !updated.folders.is_empty() {
            let changes = FileRecord {
                created_folders: updated.folders,
                ..FileRecord::default()
            };
            self.remember(&changes, &[]);
        }
        Ok(replaced)
    }

    /// Stores a password in a credential store. Returns whether it replaced one that was not ours.
    fn put_into_store(&mut self, login: &RegistryLogin<'_>, store: &CredentialStore<'_>) -> Result<bool> {
        // Some stores take a password without asking, but need a person to show one (pass, with its passphrase).
        let standing = store.get(login.host).ok().flatten();
        let standing = standing.map(|found| hash(&auth_text(&found.username, &found.secret)));
        let new = hash(&auth_text(USERNAME, login.password));
        if standing.as_ref() == Some(&new) {
            return Ok(false);
        }
        let found = PendingPassword {
            host: login.host.to_owned(),
            store: Some(store.name().to_owned()),
            new,
            standing,
            has_token: false,
            has_entry: false,
        };
        let replaced = self.remember(&FileRecord::default(), &[found]);
        store.store(login.host, USERNAME, login.password)?;
        Ok(!replaced.is_empty())
    }

    /// Records the passwords to store. Returns the registries where a secret is replaced that is not ours.
    fn remember(&mut self, changes: &FileRecord, found: &[PendingPassword]) -> Vec<String> {
        let replaced = |known: &FileRecord| -> Vec<String> {
            let found = found.iter();
            let lost = found.filter(|found| found.is_replaced(known.login(&found.host, found.store.as_deref())));
            lost.map(|found| found.host.clone()).collect()
        };
        let mut lost = replaced(&FileRecord::default());
        let real = &self.real;
        let recorded = match self.record {
            Some(record) => record.change(&mut |all| {
                let known = all.files.entry(real.clone()).or_default();
                lost = replaced(known);
                let logins = found.iter();
                let logins = logins.map(|found| found.record(known.login(&found.host, found.store.as_deref())));
                let logins = logins.collect();
                known.merge(FileRecord {
                    logins,
                    ..changes.clone()
                });
            }),
            None => Err(io::Error::new(io::ErrorKind::NotFound, NO_HOME)),
        };
        if let Err(error) = recorded {
            self.not_recorded = Some(error);
        }
        lost
    }
}

/// Returns what the passwords of an edit would replace. Passwords that are already there are left out.
fn found_in(auths: &AuthsEditor<'_>, edit: &ConfigEdit) -> Result<Vec<PendingPassword>, super::Malformed> {
    let mut all = Vec::new();
    for (host, edit) in &edit.auths {
        let AuthEdit::Set(new) = edit else { continue };
        let entry = auths.entry(host)?;
        let has_entry = entry.is_some();
        let entry = entry.unwrap_or_default();
        if entry.auth.as_ref() == Some(new) && !entry.has_token {
            continue;
        }
        all.push(PendingPassword {
            host: host.clone(),
            store: None,
            new: hash(new),
            standing: entry.auth.as_ref().map(hash),
            has_token: entry.has_token,
            has_entry,
        });
    }
    Ok(all)
}
