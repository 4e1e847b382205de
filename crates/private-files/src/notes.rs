//! ecr-auth's own notes in the user's state folder: small JSON files without secrets.

use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::platform::{has_trusted_owners, remove_file, replace, sync};
use super::read::{CONFIGURATION_LIMIT, read};
use super::state::StateFolder;
use super::temporary::{remove_leftovers, temporary};
use super::work_folder::WorkFolder;

/// One file of notes, read as a `T`. A missing file is `T::default()`.
#[derive(Debug, Clone)]
pub struct Notes<T> {
    state: StateFolder,
    name: &'static str,
    holds: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned + Default + PartialEq + Clone> Notes<T> {
    /// Returns the notes `<name>.json` in this folder, which need not exist yet.
    pub fn new(state: impl Into<StateFolder>, name: &'static str) -> Self {
        Self {
            state: state.into(),
            name,
            holds: PhantomData,
        }
    }

    /// Returns the folder of the notes.
    pub fn state(&self) -> &StateFolder {
        &self.state
    }

    /// Returns the path of the notes.
    pub fn path(&self) -> PathBuf {
        self.state.path().join(self.file_name())
    }

    /// Reads the notes.
    ///
    /// # Errors
    /// The system's error. It has the kind `InvalidData` if the notes do not parse or another user could have written them.
    pub fn load(&self) -> io::Result<T> {
        self.load_with_user().map(|(notes, _)| notes)
    }

    /// Reads the notes, and returns the user whose notes they are if root works with that user's rights. The folder is opened once, because that
    /// user could replace it at any moment.
    ///
    /// # Errors
    /// The errors of [`Notes::load`].
    pub fn load_with_user(&self) -> io::Result<(T, Option<u32>)> {
        match self.state.open() {
            Ok(folder) => Ok((self.load_from(&folder)?, folder.acts_for())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((T::default(), None)),
            Err(error) => Err(error),
        }
    }

    /// Changes the notes under a lock. Notes that do not parse, or that another user wrote, are replaced, because they cannot be used. Empty notes
    /// are removed from the disk.
    ///
    /// # Errors
    /// The system's error. It has the kind `TimedOut` if another process holds the lock up to the deadline.
    pub fn change(&self, change: &mut dyn FnMut(&mut T)) -> io::Result<()> {
        let _lock = self.state.lock(&format!("{}.lock", self.name))?;
        let folder = self.state.make()?;
        let before = match self.load_from(&folder) {
            Err(error) if error.kind() != ErrorKind::InvalidData => return Err(error),
            loaded => loaded.unwrap_or_default(),
        };
        let mut after = before.clone();
        change(&mut after);
        if after == before && after != T::default() {
            return Ok(());
        }
        folder.run(|at| self.write(at, &after))
    }

    fn load_from(&self, folder: &WorkFolder) -> io::Result<T> {
        match folder.run(|at| read_notes(&at.join(self.file_name()))) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(error),
        }
    }

    fn write(&self, folder: &Path, notes: &T) -> io::Result<()> {
        let path = folder.join(self.file_name());
        let prefix = format!(".{}.", self.file_name());
        remove_leftovers(&prefix, folder);
        if *notes == T::default() {
            return remove_if_there(&path);
        }
        let mut new = temporary(&prefix, folder)?;
        new.as_file_mut().write_all(&serde_json::to_vec_pretty(notes)?)?;
        sync(new.as_file())?;
        replace(new.into_temp_path(), &path)
    }

    fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }
}

/// Reads the notes' file. Refuses one that another user wrote or could have put there.
fn read_notes(path: &Path) -> io::Result<Vec<u8>> {
    match has_trusted_owners(path)? {
        true => read(path, CONFIGURATION_LIMIT),
        false => Err(io::Error::new(
            ErrorKind::InvalidData,
            "another user could have written it",
        )),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
