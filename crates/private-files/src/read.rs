//! Reading a file that somebody else put there, whatever it is: never waiting for a pipe's other end, never filling the memory.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::platform::without_waiting;
use super::work_folder::WorkFolder;
use secret::Secret;

/// Largest configuration file that is read, of whatever program: 16 MiB. Thousands of registries fit into one.
pub const CONFIGURATION_LIMIT: usize = 16 << 20;

/// Largest file with a token that is read: 64 KiB. STS takes 20,000 characters, and the kubelet's tokens have 1 to 2 KiB.
pub const TOKEN_LIMIT: usize = 64 << 10;

/// Opens a regular file for reading, links followed. A folder, a pipe, a device or a socket is an error; none is waited for.
///
/// # Errors
/// The system's, or what stands there instead.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening alone has effects on some devices.
    check_kind(&fs::metadata(path)?)?;
    let file = without_waiting(OpenOptions::new().read(true)).open(path)?;
    // Of the open file: what the path leads to may be another one by now.
    check_kind(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file to write at its end, with the rights for its folder. What is none is an error, and not waited for.
///
/// # Errors
/// The system's, or what stands there instead.
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

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// Those of [`open`]; of kind `FileTooLarge` where there are more.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    contents(&open(path)?, limit)
}

/// [`read`] of a file whose text goes elsewhere: with the rights for its folder, so that no link of another user's brings root's files
/// to that user.
///
/// # Errors
/// Those of [`read`].
pub fn read_as_owner(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let (folder, name) = WorkFolder::of_file(path)?;
    folder.run(|at| read(&at.join(name), limit))
}

/// [`read`], as text.
///
/// # Errors
/// Those of [`read`]; of kind `InvalidData` where it is not UTF-8.
pub fn read_utf8(path: &Path, limit: usize) -> io::Result<String> {
    utf8(read(path, limit)?)
}

/// [`read_utf8`] of a secret. No copy of it stays in memory.
///
/// # Errors
/// Those of [`read_utf8`].
pub fn read_secret(path: &Path, limit: usize) -> io::Result<Secret> {
    let bytes = Zeroizing::new(read(path, limit)?);
    let text = str::from_utf8(&bytes).map_err(|_| not_utf8())?;
    Ok(Secret::new(text))
}

/// What to do about a file that cannot be read.
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

/// What is left to read of an open file, if that are at most `limit` bytes.
pub(super) fn contents(file: &File, limit: usize) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // One byte more than there is, so that the buffer never grows (which would leave copies of a secret behind).
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
