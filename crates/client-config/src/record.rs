//! What `setup` and `login` replaced, so that `logout` can put it back: a file of our own in the user's state folder, without secrets.

use std::collections::BTreeMap;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use private_files::Notes;

/// A value that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// What was there before; `None`: nothing.
    pub previous: Option<String>,
    /// What we wrote: only while this stands is the previous value put back.
    pub written: String,
}

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
    pub cred_helpers: BTreeMap<String, Previous>,
    /// `credsStore`.
    pub creds_store: Option<Previous>,
    /// Whether its `auths` was made by us.
    pub created_auths: bool,
    /// Passwords in it and in the credential stores that it names: one a registry and place.
    pub logins: Vec<LoginRecord>,
}

impl FileRecord {
    /// Adds what a further change replaced. What is remembered already was there first, and stays.
    pub fn merge(&mut self, newer: Self) {
        if self.is_empty() {
            *self = newer;
            return;
        }
        self.created |= newer.created;
        self.created_helpers |= newer.created_helpers;
        self.created_folders.extend(newer.created_folders);
        for (host, previous) in newer.cred_helpers {
            self.cred_helpers.entry(host).or_insert(previous);
        }
        self.creds_store = self.creds_store.take().or(newer.creds_store);
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

    /// Whether nothing of ours is left in the file.
    pub fn is_empty(&self) -> bool {
        self.cred_helpers.is_empty() && self.creds_store.is_none() && self.logins.is_empty()
    }
}

impl LoginRecord {
    fn is_in_place_of(&self, other: &Self) -> bool {
        self.host == other.host && self.store == other.store
    }
}

/// Everything that `setup` and `login` did and `logout` has not taken back yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// By the configuration file's real path.
    pub files: BTreeMap<PathBuf, FileRecord>,
    /// The links to the helper that were made, and where a link of that name led before.
    pub links: BTreeMap<PathBuf, Option<PathBuf>>,
}

/// The record on disk: `setup.json` in the state folder.
#[derive(Debug, Clone)]
pub struct Record(Notes<Remembered>);

impl Record {
    /// The record in this state folder, which need not exist yet.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self(Notes::new(folder, "setup"))
    }

    /// Where the record is.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// What is remembered; no file is nothing. One that does not parse is an error of kind `InvalidData`.
    pub fn load(&self) -> io::Result<Remembered> {
        self.0.load()
    }

    /// Changes what is remembered, see [`Notes::change`].
    pub fn change(&self, change: &mut dyn FnMut(&mut Remembered)) -> io::Result<()> {
        self.0.change(&mut |all| {
            change(all);
            // What was written to temporary folders of CI jobs would pile up here.
            let folder_exists = |path: &Path| path.parent().is_some_and(Path::is_dir);
            all.files
                .retain(|path, record| !record.is_empty() && folder_exists(path));
        })
    }
}
