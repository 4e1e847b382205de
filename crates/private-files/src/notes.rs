//! Notes of our own in the user's state folder: small JSON files without secrets.

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

/// One file of notes, all of which together are a `T`. No file is `T::default()`.
#[derive(Debug, Clone)]
pub struct Notes<T> {
    state: StateFolder,
    name: &'static str,
    holds: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned + Default + PartialEq + Clone> Notes<T> {
    /// The notes `<name>.json` in this folder, which need not exist yet.
    pub fn new(state: impl Into<StateFolder>, name: &'static str) -> Self {
        Self {
            state: state.into(),
            name,
            holds: PhantomData,
        }
    }

    /// The folder that they are in.
    pub fn state(&self) -> &StateFolder {
        &self.state
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.state.path().join(self.file_name())
    }

    /// What they say.
    ///
    /// # Errors
    /// The system's; of kind `InvalidData` where they don't parse, or another user could have written them.
    pub fn load(&self) -> io::Result<T> {
        self.load_with_user().map(|(notes, _)| notes)
    }

    /// What they say, and the user whose notes these are, where root works with their rights. Both are of the folder as it was opened
    /// once: that user could put another one in its place at any moment.
    ///
    /// # Errors
    /// As [`Notes::load`].
    pub fn load_with_user(&self) -> io::Result<(T, Option<u32>)> {
        match self.state.open() {
            Ok(folder) => Ok((self.load_from(&folder)?, folder.acts_for())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((T::default(), None)),
            Err(error) => Err(error),
        }
    }

    /// Changes what they say, under a lock. Notes that don't parse, or that another user wrote, are replaced: they could not be used anyway. Once nothing is
    /// left to say, nothing is left on disk.
    ///
    /// # Errors
    /// The system's; of kind `TimedOut` where another process has the lock up to the deadline.
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

/// Notes that somebody else wrote, or could have put there, are not read.
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
