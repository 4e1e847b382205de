//! The undo log: what was replaced in files of the user's, so that a later command can put it back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Notes, StateFolder, WorkFolder};

/// A value that was replaced, and what was written in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedValue {
    /// The value before the first write of ours. `None` means that there was no value.
    pub previous: Option<String>,
    /// What we wrote: the newest value, and the value of ours that the newest one replaced. A run can be killed after it noted
    /// the newest value and before it wrote it, so both count as ours.
    pub written: Vec<String>,
    /// The text that was inserted before and after the value, such as the header of its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<(String, String)>,
}

impl ReplacedValue {
    /// The note for one write: `previous` was there, and `written` takes its place.
    pub fn new(previous: Option<String>, written: impl Into<String>) -> Self {
        Self {
            previous,
            written: vec![written.into()],
            around: None,
        }
    }

    /// Whether a value that is found now was written by us.
    pub fn is_ours(&self, now: &str) -> bool {
        self.written.iter().any(|written| written == now)
    }

    /// The note for several writes: if this write replaced a value of ours, the value from before the first write stays the
    /// one to put back.
    #[must_use]
    pub fn after(self, earlier: Option<&Self>) -> Self {
        let (Some(earlier), Some(replaced)) = (earlier, &self.previous) else {
            return self;
        };
        if !earlier.is_ours(replaced) {
            return self;
        }
        let mut written = self.written;
        if !written.contains(replaced) {
            written.push(replaced.clone());
        }
        Self {
            previous: earlier.previous.clone(),
            written,
            around: earlier.around.clone(),
        }
    }
}

/// What was changed in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FileUndo {
    /// Whether we made the file.
    pub created: bool,
    /// The folders that were made for the file, outermost first.
    pub created_folders: Vec<PathBuf>,
    /// The values that were replaced, by their names.
    pub values: BTreeMap<String, ReplacedValue>,
}

impl FileUndo {
    /// Adds what a further write changed.
    pub fn merge(&mut self, newer: Self) {
        self.created |= newer.created;
        self.created_folders.extend(newer.created_folders);
        for (name, value) in newer.values {
            let value = value.after(self.values.get(&name));
            self.values.insert(name, value);
        }
    }
}

/// Removes the folders that were made for a file, given outermost first, with the rights for the file's own folder. A folder that holds
/// something else by now stays, and so does one that the file was never in.
pub fn remove_made_folders(folders: &[PathBuf], file: &Path) {
    let rights = |folder: Option<&Path>| WorkFolder::open(folder?).ok();
    let Some(rights_there) = rights(file.parent()).map(|folder| folder.acts_for()) else {
        return;
    };
    for made in folders.iter().rev().filter(|made| file.starts_with(made)) {
        if let (Some(around), Some(name)) = (rights(made.parent()), made.file_name())
            && around.acts_for() == rights_there
        {
            let _ = around.run(|at| fs::remove_dir(at.join(name)));
        }
    }
}

/// What an undo log notes of one file.
pub trait UndoRecord: Serialize + DeserializeOwned + Default + PartialEq + Clone {
    /// Whether nothing is left to put back in the file.
    fn is_empty(&self) -> bool;
}

impl UndoRecord for FileUndo {
    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Everything that an undo log notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, bound = "R: UndoRecord", expecting = "an object with \"files\"")]
pub struct UndoEntries<R> {
    /// The files that were changed, by their real paths.
    pub files: BTreeMap<PathBuf, R>,
    /// The links that were made, and where a link of the same name led before.
    pub links: BTreeMap<PathBuf, Option<PathBuf>>,
    /// What another user's notes say of places that are not theirs: it is not believed.
    #[serde(skip)]
    pub unbelieved: Vec<PathBuf>,
}

impl<R> UndoEntries<R> {
    /// Puts aside what is noted of places where this user's rights would not be taken.
    fn believe_only(&mut self, user: u32) {
        let is_theirs = |path: &PathBuf| {
            let folder = path.parent().map(WorkFolder::open);
            folder.is_some_and(|folder| folder.is_ok_and(|folder| folder.acts_for() == Some(user)))
        };
        let files = self
            .files
            .extract_if(.., |path, _| !is_theirs(path))
            .map(|(path, _)| path);
        self.unbelieved.extend(files);
        let links = self
            .links
            .extract_if(.., |path, _| !is_theirs(path))
            .map(|(path, _)| path);
        self.unbelieved.extend(links);
    }
}

impl<R> Default for UndoEntries<R> {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            unbelieved: Vec::new(),
        }
    }
}

/// An undo log on disk: a small JSON file without secrets in the user's state folder.
#[derive(Debug, Clone)]
pub struct UndoLog<R = FileUndo>(Notes<UndoEntries<R>>);

impl<R: UndoRecord> UndoLog<R> {
    /// The log `<name>.json` in a folder, which need not exist yet.
    pub fn new(state: impl Into<StateFolder>, name: &'static str) -> Self {
        Self(Notes::new(state, name))
    }

    /// The folder that the log is in.
    pub fn state(&self) -> &StateFolder {
        self.0.state()
    }

    /// The path of the log.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Reads the log. A missing file is an empty log. The log of another user, whose home root works in, is believed only about places
    /// where that user's rights are taken.
    ///
    /// # Errors
    /// The system's; of kind `InvalidData` if the file does not parse.
    pub fn load(&self) -> io::Result<UndoEntries<R>> {
        let (mut entries, user) = self.0.load_with_user()?;
        if let Some(user) = user {
            entries.believe_only(user);
        }
        Ok(entries)
    }

    /// Changes the log under a lock, as [`Notes::change`] does. Records with nothing to put back are dropped, and so are records
    /// of files whose folder is gone: those of temporary folders of CI jobs would pile up.
    ///
    /// # Errors
    /// The system's.
    pub fn change(&self, change: &mut dyn FnMut(&mut UndoEntries<R>)) -> io::Result<()> {
        self.0.change(&mut |entries| {
            change(entries);
            let folder_exists = |path: &Path| path.parent().is_some_and(Path::is_dir);
            entries
                .files
                .retain(|path, record| !record.is_empty() && folder_exists(path));
        })
    }

    /// Changes the record of one file, as [`UndoLog::change`] does.
    ///
    /// # Errors
    /// The system's.
    pub fn change_file(&self, real: &Path, change: &mut dyn FnMut(&mut R)) -> io::Result<()> {
        self.change(&mut |entries| change(entries.files.entry(real.to_owned()).or_default()))
    }

    /// What is noted of one file, by its real path.
    ///
    /// # Errors
    /// Those of [`UndoLog::load`].
    pub fn file(&self, real: &Path) -> io::Result<R> {
        Ok(self.load()?.files.remove(real).unwrap_or_default())
    }
}
