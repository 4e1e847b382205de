//! Reads the file: when it may be missing, and the errors if it cannot be read.

use std::io::{self, ErrorKind};
use std::path::Path;

use diagnostics::{Code, Error, Result, one_line};

/// The largest file that is read, in bytes. A larger file is not a list of registries.
pub(super) const LONGEST: usize = 1024 * 1024;

/// Returns the text of the file, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let bytes = match private_files::read(path, LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(unreadable(path, error).hint("name the file in it"));
        }
        Err(error) => {
            let hint = private_files::way_out(&error);
            return Err(unreadable(path, error).hint(hint));
        }
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| not_utf8(path, &error))
}

/// Whether this user may not even check if the file exists, such as with `HOME=/root` for another user in a container.
pub(super) fn is_out_of_sight(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Whether nothing exists there, not even a link to a missing file.
pub(super) fn is_missing(path: &Path) -> bool {
    let is_nowhere = |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    path.symlink_metadata().is_err_and(|error| is_nowhere(&error))
}

/// Returns the error for a missing file that was named.
pub(super) fn missing(path: &Path) -> Error {
    unreadable(path, "there is no such file")
        .hint("it was named by --config or ECR_AUTH_CONFIG: correct the path, or leave it out")
}

fn unreadable(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::usage(
        Code::ConfigNotReadable,
        format!("cannot read {}", one_line(&path.display().to_string())),
        cause,
    )
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = valid.iter().filter(|&&b| b == b'\n').count() + 1;
    let last = valid.rsplit(|&b| b == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(last).chars().count() + 1;
    at(
        Code::ConfigSyntax,
        path,
        line as u64,
        column as u64,
        "this is not UTF-8",
    )
    .hint("save the file as UTF-8")
}

/// Returns an error at a line and a column of the file, both counted from 1.
pub(super) fn at(code: Code, path: &Path, line: u64, column: u64, cause: impl std::fmt::Display) -> Error {
    Error::usage(
        code,
        format!("{}:{line}:{column}", one_line(&path.display().to_string())),
        cause,
    )
}
