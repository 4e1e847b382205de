//! Reads files that others may have put there: it never waits for a pipe, and never fills the memory.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::platform::without_waiting;
use super::work_folder::WorkFolder;
use secret::Secret;

/// The largest configuration file that is read: 16 MiB. Thousands of registries fit into one.
pub const CONFIGURATION_LIMIT: usize = 16 << 20;

/// The largest token file that is read: 64 KiB. STS takes 20,000 characters, and the kubelet's tokens have 1 to 2 KiB.
pub const TOKEN_LIMIT: usize = 64 << 10;

/// Whether a path is that of the null device, which users name to have no file: `/dev/null`, and on Windows `NUL`. Git Bash turns the first into
/// the second.
///
/// ```
/// use private_files::is_null_device;
///
/// assert!(is_null_device("/dev/null".as_ref()));
/// assert_eq!(is_null_device("nul".as_ref()), cfg!(windows));
/// assert!(!is_null_device("null".as_ref()));
/// ```
pub fn is_null_device(path: &Path) -> bool {
    let is_nul = |text: &str| text.strip_prefix(r"\\.\").unwrap_or(text).eq_ignore_ascii_case("nul");
    path == Path::new("/dev/null") || cfg!(windows) && path.to_str().is_some_and(is_nul)
}

/// Opens a regular file for reading, following links. A folder, a pipe, a device or a socket is an error at once.
///
/// # Errors
/// The system's error, or the kind of file that is there instead.
pub fn open(path: &Path) -> io::Result<File> {
    // On some devices, opening alone has effects.
    check_kind(&fs::metadata(path)?)?;
    let file = without_waiting(OpenOptions::new().read(true)).open(path)?;
    // The open file is checked too, because the path may lead to another one by now.
    check_kind(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file for appending, with the rights for its folder. Anything else is an error at once.
///
/// # Errors
/// The system's error, or the kind of file that is there instead.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    let (folder, name) = WorkFolder::of_file(path)?;
    folder.run(|at| {
        let path = at.join(name);
        check_kind(&fs::metadata(&path)?)?;
        let file = without_waiting(OpenOptions::new().read(true).append(true)).open(path)?;
        check_kind(&file.metadata()?)?;
        Ok(file)
    })
}

/// Returns the bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// The errors of [`open`], or one of kind `FileTooLarge`.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    contents(&open(path)?, limit)
}

/// Reads a file whose text is shown elsewhere, with the rights for its folder, so that another user's link cannot make root reveal its files.
///
/// # Errors
/// The errors of [`read`].
pub fn read_as_owner(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let (folder, name) = WorkFolder::of_file(path)?;
    folder.run(|at| read(&at.join(name), limit))
}

/// Reads a file as text.
///
/// # Errors
/// The errors of [`read`], or one of kind `InvalidData` if it is not UTF-8.
pub fn read_utf8(path: &Path, limit: usize) -> io::Result<String> {
    utf8(read(path, limit)?)
}

/// Reads a file as a secret. No copy of it stays in memory.
///
/// # Errors
/// The errors of [`read_utf8`].
pub fn read_secret(path: &Path, limit: usize) -> io::Result<Secret> {
    let bytes = Zeroizing::new(read(path, limit)?);
    let text = str::from_utf8(&bytes).map_err(|_| not_utf8())?;
    Ok(Secret::new(text))
}

/// Returns the hint for a file that cannot be read.
pub fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => "run as its owner, or make it readable for this user",
        ErrorKind::ResourceBusy => "close the program that has it open, and try again",
        ErrorKind::NotADirectory if cfg!(windows) => {
            "a part of the path is a file, not a folder: correct the path, or the USERPROFILE that it begins with"
        }
        ErrorKind::NotADirectory => {
            "a part of the path is a file, not a folder: correct the path, or the HOME that it begins with"
        }
        _ => "fix it, or move it away: it was not changed",
    }
}

/// Returns the rest of an open file, if it has at most `limit` bytes.
pub(super) fn contents(file: &File, limit: usize) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // The buffer has one more byte than the file, because a buffer that grows would leave copies of a secret in memory.
    let mut bytes = Vec::with_capacity(size.min(limit) + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > limit {
        true => Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is larger than {}", shown(limit)),
        )),
        false => Ok(bytes),
    }
}

pub(super) fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| not_utf8())
}

fn not_utf8() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text")
}

fn shown(limit: usize) -> String {
    match limit >> 20 {
        0 => format!("{} KiB", limit >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is not a regular file")),
    }
}
