//! The files that new versions are written into before they take their place.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::read;

/// How often a file is made anew because somebody else found it first.
const TRIES: usize = 100;

/// Makes a file for its owner alone, whose name begins with `prefix`. It is gone when it is dropped.
///
/// # Errors
/// The system's word alone: the file's random name, which `tempfile` adds, tells people nothing.
pub fn temporary(prefix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Not `tempfile_in`, whose errors keep the path and lose the system's number.
    tempfile::Builder::new()
        .prefix(prefix)
        .make_in(folder, |path| options.open(path))
}

/// [`temporary`], in a folder whose writers take no lock: should this process be killed, the next one that makes such a file removes
/// it. The second file says that its maker is alive, and is to be kept until the first one has its place.
///
/// # Errors
/// Those of [`temporary`].
pub fn temporary_among_others(prefix: &str, folder: &Path) -> io::Result<(NamedTempFile, File)> {
    for path in leftovers(prefix, folder) {
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        if is_file && read::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }
    for _ in 0..TRIES {
        let made = temporary(prefix, folder)?;
        // Open for reading only: a program that is being made can be run as soon as nobody has it open for writing.
        match File::open(made.path()) {
            Ok(alive) => match alive.try_lock() {
                // Somebody took it for one that was left behind.
                Err(TryLockError::WouldBlock) => {}
                Ok(()) if !made.path().exists() => {}
                // Where there are no locks (NFS), the others can't lock it either.
                _ => return Ok((made, alive)),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        ErrorKind::ResourceBusy,
        "others lock every file that is made there",
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
