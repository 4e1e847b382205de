//! Reading the file without ever blocking on it or filling the memory with it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Result, one_line};

/// No list of registries comes near; what is larger is another file by mistake.
const LONGEST: u64 = 1024 * 1024;

/// The text of the file; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let kind = file.metadata().map_err(|error| unreadable(path, error))?.file_type();
    if kind.is_dir() {
        return Err(unreadable(path, "it is a folder").hint("name the file in it"));
    }
    if !kind.is_file() {
        return Err(unreadable(path, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable(path, "it is larger than 1 MiB"));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| not_utf8(path, &error))
}

/// Whether this user may not even know if the file is there: `HOME=/root` for somebody else in a container.
pub(super) fn is_out_of_sight(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Whether nothing is there, not even a link that leads nowhere.
pub(super) fn is_missing(path: &Path) -> bool {
    let is_nowhere = |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    path.symlink_metadata().is_err_and(|error| is_nowhere(&error))
}

/// The error for a file that was named and isn't there.
pub(super) fn missing(path: &Path) -> Error {
    unreadable(path, "there is no such file")
        .hint("it was named by --config or ECR_AUTH_CONFIG: correct the path, or leave it out")
}

/// Without waiting for the other end, should this be a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn unreadable(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::usage(format!("cannot read {}", one_line(&path.display().to_string())), cause)
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = valid.iter().filter(|&&b| b == b'\n').count() + 1;
    let last = valid.rsplit(|&b| b == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(last).chars().count() + 1;
    at(path, line as u64, column as u64, "this is not UTF-8").hint("save the file as UTF-8")
}

/// An error in the file, at a line and a column, both from 1.
pub(super) fn at(path: &Path, line: u64, column: u64, cause: impl std::fmt::Display) -> Error {
    Error::usage(
        format!("{}:{line}:{column}", one_line(&path.display().to_string())),
        cause,
    )
}
