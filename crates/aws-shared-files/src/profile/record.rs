//! What was written into AWS's `config` file, so that it can be taken out again: notes in the user's state folder, without secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::edit::Set;
use private_files::Notes;

/// The notes of the profiles.
#[derive(Debug, Clone)]
pub struct Record(Notes<BTreeMap<PathBuf, OfFile>>);

/// What is noted of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OfFile {
    /// Whether it was made by us.
    pub created: bool,
    /// Folders made for it, outermost first.
    pub created_folders: Vec<PathBuf>,
    /// Our profiles, by name.
    pub profiles: BTreeMap<String, OfProfile>,
}

/// What is noted of one profile, as [`Set`] has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfProfile {
    pub line: String,
    pub inserted: String,
    pub previous: Option<String>,
}

impl Record {
    /// The record in this folder, which need not exist yet.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self(Notes::new(folder, "profiles"))
    }

    /// What is noted of a file. Notes that can't be read say nothing, and are replaced.
    pub(super) fn of_file(&self, real: &Path) -> Option<OfFile> {
        self.0.load().ok()?.remove(real)
    }

    pub(super) fn note(&self, real: &Path, name: &str, set: &Set, created: bool) -> io::Result<()> {
        self.0.change(&mut |all| {
            let file = all.entry(real.to_owned()).or_default();
            file.created |= created;
            let earlier = file.profiles.get(name);
            // Ours in the place of ours: what was there before the first one counts.
            let first = earlier.filter(|earlier| set.previous.as_ref() == Some(&earlier.line));
            let noted = match first {
                Some(first) => OfProfile {
                    line: set.line.clone(),
                    inserted: first.inserted.replacen(&first.line, &set.line, 1),
                    previous: first.previous.clone(),
                },
                None => OfProfile {
                    line: set.line.clone(),
                    inserted: set.inserted.clone(),
                    previous: set.previous.clone(),
                },
            };
            file.profiles.insert(name.to_owned(), noted);
        })
    }

    pub(super) fn note_folders(&self, real: &Path, folders: &[PathBuf]) -> io::Result<()> {
        self.0.change(&mut |all| {
            let file = all.entry(real.to_owned()).or_default();
            file.created_folders = folders.to_owned();
        })
    }

    pub(super) fn forget(&self, real: &Path) -> io::Result<()> {
        self.0.change(&mut |all| {
            all.remove(real);
        })
    }
}
