//! Files and folders of this user alone: who owns them, who else may read them, and how to open them safely, whatever lies at their path.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::platform::{
    close_made, is_closed, is_closed_file, is_own, remove_file, take_from_others, without_surprises,
};

/// Reads a file of this user alone that has at most `limit` bytes. Anything else at that path is an error without waiting: a folder, a FIFO, a
/// symbolic link, another user's file, or a file that others may read or write.
///
/// # Errors
/// The system's error, or one of kind `PermissionDenied`.
pub fn read_own(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut options = OpenOptions::new();
    let file = without_surprises(options.read(true)).open(path)?;
    let metadata = file.metadata()?;
    if !is_private(&metadata) || metadata.len() > limit as u64 {
        return Err(refused());
    }
    // The buffer has one more byte than the file, because a buffer that grows would leave copies of a secret in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file of this user alone, to lock it or to set its time. Creates a missing file. Moves away anything else at its path.
///
/// # Errors
/// The system's error.
pub fn open_own(path: &Path) -> io::Result<File> {
    open_or_create(path).or_else(|error| match fs::symlink_metadata(path) {
        Ok(metadata) if !is_private(&metadata) => remove_file(path).and_then(|()| open_or_create(path)),
        _ => Err(error),
    })
}

fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = without_surprises(&mut options).open(path)?;
    if is_private(&file.metadata()?) {
        Ok(file)
    } else {
        Err(refused())
    }
}

/// Checks that a folder belongs to this user, and removes the access of others.
///
/// # Errors
/// The system's error. It has the kind `PermissionDenied` if the folder is another user's.
pub fn close_folder(folder: &Path) -> io::Result<()> {
    match (is_private_folder(folder)?, is_own(&fs::metadata(folder)?)) {
        (true, _) => Ok(()),
        (false, true) => take_from_others(folder),
        (false, false) => Err(refused()),
    }
}

/// Removes the access of others to a new file or folder, on systems where it inherits access from the folder around it.
///
/// # Errors
/// The system's error.
pub fn close(made: &Path) -> io::Result<()> {
    close_made(made)
}

/// Whether this is a folder of this user that no other user may look into.
///
/// # Errors
/// The system's error.
pub fn is_private_folder(folder: &Path) -> io::Result<bool> {
    let found = fs::metadata(folder)?;
    Ok(found.is_dir() && is_own(&found) && is_closed(folder, &found)?)
}

fn is_private(file: &Metadata) -> bool {
    file.is_file() && is_own(file) && is_closed_file(file)
}

fn refused() -> io::Error {
    ErrorKind::PermissionDenied.into()
}
