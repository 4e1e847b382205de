//! The files that new versions are written into before they take their place.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::own_file::close_folder;
use super::platform::{AliveMark, is_abandoned, mark_alive, private, private_folder};

/// How often a file is made anew because somebody else found it first.
const TRIES: usize = 100;

/// Makes a file for its owner alone, whose name begins with `prefix`. It is gone when it is dropped.
///
/// # Errors
/// The system's word alone: the file's random name, which `tempfile` adds, tells people nothing.
pub fn temporary(prefix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    let mut options = File::options();
    private(options.read(true).write(true).create_new(true));
    // Not `tempfile_in`, whose errors keep the path and lose the system's number.
    tempfile::Builder::new()
        .prefix(prefix)
        .make_in(folder, |path| options.open(path))
}

/// Makes a folder for its owner alone, whose name begins with `prefix`. It is gone when it is dropped.
///
/// # Errors
/// The system's.
pub fn temporary_folder(prefix: &str, parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    private_folder(builder.prefix(prefix));
    let folder = builder.tempdir_in(parent)?;
    close_folder(folder.path())?;
    Ok(folder)
}

/// [`temporary`], in a folder whose writers take no lock: should this process be killed, the next one that makes such a file removes
/// it. The mark says that its maker is alive, and is to be kept until the file has its place.
///
/// # Errors
/// Those of [`temporary`].
pub fn temporary_among_others(prefix: &str, folder: &Path) -> io::Result<(NamedTempFile, AliveMark)> {
    for path in leftovers(prefix, folder) {
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        if is_file && is_abandoned(&path) {
            let _ = fs::remove_file(path);
        }
    }
    for _ in 0..TRIES {
        let made = temporary(prefix, folder)?;
        if let Some(alive) = mark_alive(made.path())? {
            return Ok((made, alive));
        }
    }
    Err(io::Error::new(
        ErrorKind::ResourceBusy,
        "other programs lock every file that is created there",
    ))
}

/// Removes what killed runs left behind. To be called under the lock that every writer takes: nobody alive owns such a file then.
pub fn remove_leftovers(prefix: &str, folder: &Path) {
    for path in leftovers(prefix, folder) {
        // One that cannot be removed does no harm: it is looked for again next time.
        let _ = fs::remove_file(path);
    }
}

fn leftovers(prefix: &str, folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix));
    ours.map(|entry| entry.path())
}
