//! Files and folders that are this user's alone: whose they are, who else may read them, and how to open one without being led astray
//! by what else may lie under its name.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::platform::{is_closed, is_closed_file, is_own, remove_file, take_from_others, without_surprises};

/// Reads a file that is ours alone, if it has at most `limit` bytes. Anything else under that name (a folder, a FIFO, a
/// symbolic link, another user's file, one that others may read or write) is an error, and never waited for.
///
/// # Errors
/// The system's, or of kind `PermissionDenied`.
pub fn read_own(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut options = OpenOptions::new();
    let file = without_surprises(options.read(true)).open(path)?;
    let metadata = file.metadata()?;
    if !is_private(&metadata) || metadata.len() > limit as u64 {
        return Err(refused());
    }
    // One byte more than there is, so that the buffer never grows (which would leave copies behind).
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file that is ours alone to lock it or to set its time, creating it if need be. What else lies under its name is put out
/// of the way.
///
/// # Errors
/// The system's.
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

/// Makes sure that a folder is ours, and takes from others what they may do there.
///
/// # Errors
/// The system's; of kind `PermissionDenied` where it is another user's.
pub fn close_folder(folder: &Path) -> io::Result<()> {
    match (is_private_folder(folder)?, is_own(&fs::metadata(folder)?)) {
        (true, _) => Ok(()),
        (false, true) => take_from_others(folder),
        (false, false) => Err(refused()),
    }
}

/// Takes from others what they may do with a file that was just made, where its folder has a say in that.
///
/// # Errors
/// The system's.
pub fn close(made: &Path) -> io::Result<()> {
    take_from_others(made)
}

/// Whether this is a folder of ours that nobody else may look into.
///
/// # Errors
/// The system's.
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
