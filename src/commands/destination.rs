//! The target of `--output FILE`: one of the caller's own streams, or a file of the user's own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use context::Context;
use private_files::{OutputPlace, WorkFolder, is_own, temporary_among_others};
use secret::Secret;

/// The target of a result.
#[derive(Debug)]
pub enum OutputDestination {
    /// `/dev/stdout`, or `-`.
    Stdout,
    /// `/dev/stderr`.
    Stderr,
    /// `/dev/null`, or `NUL` on Windows.
    Nowhere,
    /// `/dev/fd/N`, which the caller opened.
    Stream(PathBuf),
    /// A regular file of the user's own in this folder, which need not exist yet.
    File(WorkFolder, OsString),
}

impl OutputDestination {
    /// Finds where a path leads. `-` is stdout. The user's own links are followed. Another user's link is refused, because it could lead to any file.
    ///
    /// # Errors
    /// Something other than the user's own file is there.
    pub fn at(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        match WorkFolder::of_output(path, |path| Self::named(path).is_some())? {
            OutputPlace::End(path) => Self::named(&path).ok_or(ErrorKind::NotFound.into()),
            OutputPlace::File(folder, name) => {
                folder.run(|at| check(at, &name))?;
                Ok(Self::File(folder, name))
            }
        }
    }

    fn named(path: &Path) -> Option<Self> {
        if private_files::is_null_device(path) {
            return Some(Self::Nowhere);
        }
        match path.to_str()? {
            "/dev/stdout" => Some(Self::Stdout),
            "/dev/stderr" => Some(Self::Stderr),
            text => {
                let number = text
                    .strip_prefix("/dev/fd/")
                    .or_else(|| text.strip_prefix("/proc/self/fd/"))?;
                let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| Self::Stream(path.to_owned()))
            }
        }
    }

    /// Whether a terminal would show the result.
    pub fn is_terminal(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Stdout => context.stdout_is_terminal,
            Self::Stderr => io::stderr().is_terminal(),
            Self::Stream(path) => path
                .metadata()
                .is_ok_and(|found| is_device(&found) && open(path).is_ok_and(|file| file.is_terminal())),
            Self::Nowhere | Self::File(..) => false,
        }
    }

    /// Writes the result.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(&self, result: &Secret, context: &mut Context<'_>) -> io::Result<()> {
        let text = result.expose().as_bytes();
        match self {
            Self::Stdout => context.stdout.write_all(text).and_then(|()| context.stdout.flush()),
            Self::Stderr => context.stderr.result(text),
            Self::Nowhere => Ok(()),
            Self::Stream(path) => open(path)?.write_all(text),
            Self::File(folder, name) => folder.run(|at| replace(at, name, text)),
        }
    }
}

/// Replaces the file by one that is private from the start.
fn replace(folder: &Path, name: &OsStr, text: &[u8]) -> io::Result<()> {
    let prefix = format!(".{}.ecr-auth-", name.to_string_lossy());
    let (mut file, _alive) = temporary_among_others(&prefix, folder)?;
    private_files::close(file.path())?;
    file.as_file_mut().write_all(text)?;
    private_files::sync(file.as_file())?;
    check(folder, name)?;
    private_files::replace(file.into_temp_path(), &folder.join(name))
}

/// Checks that a file at this path, if there is one, is the user's own.
fn check(folder: &Path, name: &OsStr) -> io::Result<()> {
    let found = match fs::symlink_metadata(folder.join(name)) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match () {
        () if found.is_dir() => Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder")),
        () if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        () if !is_own(&found) => Err(io::Error::other("it is another user's file")),
        () => Ok(()),
    }
}

/// Opens a stream for appending, so that a file keeps what the caller wrote before. A pipe without a reader is an error at once.
#[cfg(unix)]
fn open(stream: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().append(true).custom_flags(flags).open(stream)?;
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(stream: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(stream)
}

#[cfg(unix)]
fn is_device(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    found.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_device(_: &Metadata) -> bool {
    false
}
