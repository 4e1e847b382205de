//! What `setup` and `login` replaced, so that `logout` can put it back: a file of our own in the user's state folder, without secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use context::Env;
use private_files::{ReplacedValue, StateFolder, UndoEntries, UndoLog, UndoRecord};

/// A password that `login` stored for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginRecord {
    /// The registry.
    pub host: String,
    /// The credential store that has it; `None`: the file's own `auths`.
    pub store: Option<String>,
    /// The SHA-256 of what was stored, in hexadecimal digits: the newest, and the one it took the place of if that was ours too, as a
    /// run may be killed before it has written what it recorded. Only while one of them stands is it taken back.
    pub hashes: Vec<String>,
    /// Whether `auths` had an entry for the registry without a password, which stays when ours is taken out of it.
    pub had_entry: bool,
    /// Whether somebody else's password or token was replaced: gone for good, as no secret is recorded.
    pub replaced: bool,
}

/// What was changed in one configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FileRecord {
    /// Whether the file was made by us.
    pub created: bool,
    /// Whether its `credHelpers` was made by us.
    pub created_helpers: bool,
    /// Folders made for it, outermost first.
    pub created_folders: Vec<PathBuf>,
    /// Members of `credHelpers`, by registry host.
    pub cred_helpers: BTreeMap<String, ReplacedValue>,
    /// Registries whose previous, empty helper was `null`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub null_helpers: BTreeSet<String>,
    /// `credsStore`.
    pub creds_store: Option<ReplacedValue>,
    /// The store that docker used by itself where no `credsStore` was set, such as `osxkeychain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_store: Option<String>,
    /// The SHA-256 of the drop-in that the file is, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_in: Option<String>,
    /// Whether its `auths` was made by us.
    pub created_auths: bool,
    /// Passwords in it and in the credential stores that it names: one a registry and place.
    pub logins: Vec<LoginRecord>,
}

impl FileRecord {
    /// Adds what a further change replaced.
    pub fn merge(&mut self, newer: Self) {
        if self.is_empty() {
            *self = newer;
            return;
        }
        self.created |= newer.created;
        self.created_helpers |= newer.created_helpers;
        self.created_folders.extend(newer.created_folders);
        self.null_helpers.retain(|host| !newer.cred_helpers.contains_key(host));
        self.null_helpers.extend(newer.null_helpers);
        for (host, value) in newer.cred_helpers {
            let value = value.after(self.cred_helpers.get(&host));
            self.cred_helpers.insert(host, value);
        }
        if let Some(value) = newer.creds_store {
            self.creds_store = Some(value.after(self.creds_store.as_ref()));
        }
        self.detected_store = newer.detected_store.or(self.detected_store.take());
        self.drop_in = newer.drop_in.or(self.drop_in.take());
        self.created_auths |= newer.created_auths;
        for login in newer.logins {
            self.logins.retain(|known| !known.is_in_place_of(&login));
            self.logins.push(login);
        }
    }

    /// The password that was stored for the registry in this place.
    pub fn login(&self, host: &str, store: Option<&str>) -> Option<&LoginRecord> {
        let mut logins = self.logins.iter();
        logins.find(|login| login.host == host && login.store.as_deref() == store)
    }
}

impl UndoRecord for FileRecord {
    fn is_empty(&self) -> bool {
        let has_store = self.creds_store.is_some() || self.drop_in.is_some();
        self.cred_helpers.is_empty() && !has_store && self.logins.is_empty()
    }
}

impl LoginRecord {
    fn is_in_place_of(&self, other: &Self) -> bool {
        self.host == other.host && self.store == other.store
    }
}

/// Everything that `setup` and `login` did and `logout` has not taken back yet.
pub type ClientUndoEntries = UndoEntries<FileRecord>;

/// The undo log of the clients' files.
pub type ClientUndoLog = UndoLog<FileRecord>;

/// The undo log of the clients' files, `setup.json` in the user's state folder; `None` if the user has no home.
pub fn undo_log(env: &Env) -> Option<ClientUndoLog> {
    Some(ClientUndoLog::new(StateFolder::from_env(env)?, "setup"))
}
