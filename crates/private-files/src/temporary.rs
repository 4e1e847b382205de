//! The files that new versions are written to before they are placed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::own_file::close;
use super::platform::{AliveMark, is_abandoned, mark_alive, private, private_folder};

/// The most tries to make a file that another process finds first.
const TRIES: usize = 100;

/// Makes a file for its owner alone, whose name begins with `prefix`. Dropping it removes it.
///
/// # Errors
/// The system's error, without the file's random name, which `tempfile` would add.
pub fn temporary(prefix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    let mut options = File::options();
    private(options.read(true).write(true).create_new(true));
    // `tempfile_in` is not used, because its errors keep the path and lose the system's error number.
    tempfile::Builder::new()
        .prefix(prefix)
        .make_in(folder, |path| options.open(path))
}

/// Makes a folder for its owner alone, whose name begins with `prefix`. Dropping it removes it.
///
/// # Errors
/// The system's error.
pub fn temporary_folder(prefix: &str, parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    private_folder(builder.prefix(prefix));
    let folder = builder.tempdir_in(parent)?;
    close(folder.path())?;
    Ok(folder)
}

/// Makes a temporary file in a folder whose writers take no lock. If this process is killed, the next call removes the file. Keep the returned
/// mark, which shows that this process is alive, until the file is placed.
///
/// # Errors
/// The errors of [`temporary`].
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

/// Removes what killed processes left behind. Call it under the lock that every writer takes, so that no living process owns such a file.
pub fn remove_leftovers(prefix: &str, folder: &Path) {
    for path in leftovers(prefix, folder) {
        // A file that cannot be removed does no harm. The next call tries again.
        let _ = fs::remove_file(path);
    }
}

fn leftovers(prefix: &str, folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix));
    ours.map(|entry| entry.path())
}
