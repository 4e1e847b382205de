//! The undo log: values that were replaced in the user's files, so that a later command can put them back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Notes, StateFolder, WorkFolder};

/// A value that was replaced, and the value that replaced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedValue {
    /// The value before the first write of ours. `None` means that there was no value.
    pub previous: Option<String>,
    /// The values that we wrote: the newest, and the one that it replaced. A process can be killed after it noted the newest value and before it
    /// wrote it, so both count as ours.
    pub written: Vec<String>,
    /// The text that was inserted before and after the value, such as the header of its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<(String, String)>,
}

impl ReplacedValue {
    /// Returns the note for one write: `written` replaced `previous`.
    pub fn new(previous: Option<String>, written: impl Into<String>) -> Self {
        Self {
            previous,
            written: vec![written.into()],
            around: None,
        }
    }

    /// Whether the current value was written by us.
    pub fn is_ours(&self, now: &str) -> bool {
        self.written.iter().any(|written| written == now)
    }

    /// Returns the note for several writes. If this write replaced a value of ours, the value from before the first write is the one to put back.
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

/// The changes of one file.
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
    /// Adds the changes of a later write.
    pub fn merge(&mut self, newer: Self) {
        self.created |= newer.created;
        self.created_folders.extend(newer.created_folders);
        for (name, value) in newer.values {
            let value = value.after(self.values.get(&name));
            self.values.insert(name, value);
        }
    }
}

/// Removes the folders that were made for a file, given outermost first, with the rights for the file's own folder. A folder that holds something
/// else by now is kept, and so is one that never held the file.
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

/// The notes of an undo log about one file.
pub trait UndoRecord: Serialize + DeserializeOwned + Default + PartialEq + Clone {
    /// Whether nothing is left to put back in the file.
    fn is_empty(&self) -> bool;
}

impl UndoRecord for FileUndo {
    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Everything in an undo log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, bound = "R: UndoRecord", expecting = "an object with \"files\"")]
pub struct UndoEntries<R> {
    /// The files that were changed, by their real paths.
    pub files: BTreeMap<PathBuf, R>,
    /// The links that were made, and the former target of each.
    pub links: BTreeMap<PathBuf, Option<PathBuf>>,
    /// Places in another user's notes that are not that user's. They are not trusted.
    #[serde(skip)]
    pub unbelieved: Vec<PathBuf>,
}

impl<R> UndoEntries<R> {
    /// Sets aside notes about places where this user's rights would not be used.
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
    /// Returns the log `<name>.json` in a folder, which need not exist yet.
    pub fn new(state: impl Into<StateFolder>, name: &'static str) -> Self {
        Self(Notes::new(state, name))
    }

    /// Returns the folder of the log.
    pub fn state(&self) -> &StateFolder {
        self.0.state()
    }

    /// Returns the path of the log.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Reads the log. A missing file is an empty log. If root works in another user's home, that user's log is only trusted about places where that
    /// user's rights are used.
    ///
    /// # Errors
    /// The system's error. It has the kind `InvalidData` if the file does not parse.
    pub fn load(&self) -> io::Result<UndoEntries<R>> {
        let (mut entries, user) = self.0.load_with_user()?;
        if let Some(user) = user {
            entries.believe_only(user);
        }
        Ok(entries)
    }

    /// Changes the log under a lock, as [`Notes::change`] does. It drops records with nothing to put back, and records of files whose folder is
    /// gone, because those of CI jobs' temporary folders would pile up.
    ///
    /// # Errors
    /// The system's error.
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
    /// The system's error.
    pub fn change_file(&self, real: &Path, change: &mut dyn FnMut(&mut R)) -> io::Result<()> {
        self.change(&mut |entries| change(entries.files.entry(real.to_owned()).or_default()))
    }

    /// Returns the notes about one file, by its real path.
    ///
    /// # Errors
    /// The errors of [`UndoLog::load`].
    pub fn file(&self, real: &Path) -> io::Result<R> {
        Ok(self.load()?.files.remove(real).unwrap_or_default())
    }
}
