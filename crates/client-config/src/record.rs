//! The record of what `setup` and `login` replaced, so that `logout` can put it back: a file in the user's state folder, without secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::edit::HELPER;
use super::empty_parts::EmptyParts;
use context::Env;
use private_files::{ReplacedValue, StateFolder, UndoEntries, UndoLog, UndoRecord};

/// A password that `login` stored for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginRecord {
    /// The registry.
    pub host: String,
    /// The credential store that has it. `None` for the file's own `auths`.
    pub store: Option<String>,
    /// The SHA-256 of the passwords that we stored, in hexadecimal digits: the newest, and the one that it replaced, because a run may be killed
    /// between recording and writing. The password is only removed while it is one of these.
    pub hashes: Vec<String>,
    /// Whether `auths` had an entry for the registry without a password. The entry is kept when ours is removed.
    pub had_entry: bool,
    /// Whether a password or token that was not ours was replaced. It cannot be put back, because secrets are not recorded.
    pub replaced: bool,
}

/// The changes of one configuration file.
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
    /// How the parts were written that held nothing.
    #[serde(skip_serializing_if = "EmptyParts::is_none")]
    pub empty: EmptyParts,
    /// The replaced `credsStore`.
    pub creds_store: Option<ReplacedValue>,
    /// The store that docker used by itself if no `credsStore` was set, such as `osxkeychain`. Without `creds_store`, it was written as `credsStore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_store: Option<String>,
    /// If the file is the drop-in, the SHA-256 of its text, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_in: Option<String>,
    /// Whether its `auths` was made by us.
    pub created_auths: bool,
    /// Passwords in the file and in its credential stores: one for each registry and place.
    pub logins: Vec<LoginRecord>,
}

impl FileRecord {
    /// Adds the changes of a later run.
    pub fn merge(&mut self, newer: Self) {
        if self.is_empty() {
            *self = newer;
            return;
        }
        if !self.created {
            self.empty.merge(newer.empty);
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

    /// Returns the password that was stored for the registry in this place.
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

/// Everything that `setup` and `login` did and `logout` has not undone yet.
pub type ClientUndoEntries = UndoEntries<FileRecord>;

/// The undo log of the clients' files.
pub type ClientUndoLog = UndoLog<FileRecord>;

/// Returns the undo log of the clients' files, `setup.json` in the user's state folder. `None` if the user has no home.
pub fn undo_log(env: &Env) -> Option<ClientUndoLog> {
    Some(ClientUndoLog::new(StateFolder::from_env(env)?, "setup"))
}

/// Returns the registries for which `setup` wrote ecr-auth into a client's file.
pub fn set_up_hosts(env: &Env) -> BTreeSet<String> {
    let entries = undo_log(env).and_then(|log| log.load().ok());
    let records = entries.into_iter().flat_map(|entries| entries.files.into_values());
    let helpers = records.flat_map(|record| record.cred_helpers);
    let ours = helpers.filter(|(_, value)| value.is_ours(HELPER));
    ours.map(|(host, _)| host).collect()
}
