//! Notes of our own in the user's state folder: small JSON files without secrets.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read::{CONFIGURATION_LIMIT, read};
use super::temporary::{remove_leftovers, temporary};
use crate::{adopt, make_folders};

/// One file of notes, all of which together are a `T`. No file is `T::default()`.
#[derive(Debug, Clone)]
pub struct Notes<T> {
    folder: PathBuf,
    name: &'static str,
    holds: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned + Default + PartialEq + Clone> Notes<T> {
    /// The notes `<name>.json` in this folder, which need not exist yet.
    pub fn new(folder: PathBuf, name: &'static str) -> Self {
        Self {
            folder,
            name,
            holds: PhantomData,
        }
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    /// What they say.
    ///
    /// # Errors
    /// The system's; of kind `InvalidData` where they don't parse.
    pub fn load(&self) -> io::Result<T> {
        match read(&self.path(), CONFIGURATION_LIMIT) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(error),
        }
    }

    /// Changes what they say, under a lock. Notes that don't parse are replaced: they could not be used anyway. Once nothing is
    /// left to say, nothing is left on disk.
    ///
    /// # Errors
    /// The system's.
    pub fn change(&self, change: &mut dyn FnMut(&mut T)) -> io::Result<()> {
        make_folders(&self.folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join(format!("{}.lock", self.name)))?;
        adopt(&lock, &self.folder);
        lock.lock()?;
        let prefix = format!(".{}.json.", self.name);
        remove_leftovers(&prefix, &self.folder);
        let before = match self.load() {
            Err(error) if error.kind() != ErrorKind::InvalidData => return Err(error),
            loaded => loaded.unwrap_or_default(),
        };
        let mut after = before.clone();
        change(&mut after);
        if after == T::default() {
            return remove_if_there(&self.path());
        }
        if after == before {
            return Ok(());
        }
        let mut new = temporary(&prefix, &self.folder)?;
        adopt(new.as_file(), &self.folder);
        new.as_file_mut().write_all(&serde_json::to_vec_pretty(&after)?)?;
        new.as_file().sync_all()?;
        new.persist(self.path()).map_err(|error| error.error)?;
        Ok(())
    }
}

fn remove_if_there(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
