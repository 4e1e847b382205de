//! What `--output FILE` leads to: one of the caller's own streams, or a file of the user's own.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use context::Context;
use private_files::{WorkFolder, is_own, is_own_or_roots, temporary_among_others};
use secret::Secret;

/// As many links as the system follows.
const LINKS: usize = 40;

/// Where a result goes.
#[derive(Debug, PartialEq, Eq)]
pub enum OutputDestination {
    /// `/dev/stdout`.
    Stdout,
    /// `/dev/stderr`.
    Stderr,
    /// `/dev/null`.
    Nowhere,
    /// `/dev/fd/N`, which the caller has opened.
    Stream(PathBuf),
    /// A regular file of the user's own, or none yet.
    File(PathBuf),
}

impl OutputDestination {
    /// Looks where a path leads. The user's own links are followed; somebody else's could lead to any file of the user's.
    ///
    /// # Errors
    /// Something stands there that is not the user's own file.
    pub fn at(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            if let Some(stream) = Self::named(&path) {
                return Ok(stream);
            }
            let found = match fs::symlink_metadata(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(path)),
                Err(error) => return Err(error),
            };
            if !found.is_symlink() {
                return check(&found).map(|()| Self::File(path));
            }
            if !is_own(&found) {
                return Err(io::Error::other("it is another user's link"));
            }
            let target = fs::read_link(&path)?;
            path = folder_of(&path).join(target);
        }
        Err(ErrorKind::QuotaExceeded.into())
    }

    fn named(path: &Path) -> Option<Self> {
        match path.to_str()? {
            "/dev/stdout" => Some(Self::Stdout),
            "/dev/stderr" => Some(Self::Stderr),
            "/dev/null" => Some(Self::Nowhere),
            text => {
                let number = text
                    .strip_prefix("/dev/fd/")
                    .or_else(|| text.strip_prefix("/proc/self/fd/"))?;
                let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| Self::Stream(path.to_owned()))
            }
        }
    }

    /// Whether people would see there what is written.
    pub fn is_terminal(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Stdout => context.stdout_is_terminal,
            Self::Stderr => io::stderr().is_terminal(),
            Self::Stream(path) => path
                .metadata()
                .is_ok_and(|found| is_device(&found) && open(path).is_ok_and(|file| file.is_terminal())),
            Self::Nowhere | Self::File(_) => false,
        }
    }

    /// Writes the result there.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, result: &Secret, context: &mut Context<'_>) -> io::Result<()> {
        let text = result.expose().as_bytes();
        match self {
            Self::Stdout => context.stdout.write_all(text).and_then(|()| context.stdout.flush()),
            Self::Stderr => context.stderr.result(text),
            Self::Nowhere => Ok(()),
            Self::Stream(path) => open(path)?.write_all(text),
            Self::File(path) => replace(path, text),
        }
    }
}

/// A file that is private from its first byte takes the place of what is there.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
    let folder = folder_of(path);
    if goes_by_a_strangers_link(folder)? {
        return Err(io::Error::other("another user's link leads to its folder"));
    }
    WorkFolder::open_as_ourselves(folder)?.run(|at| {
        let target = at.join(name);
        match fs::symlink_metadata(&target) {
            Ok(found) => check(&found)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let prefix = format!(".{}.ecr-auth-", name.to_string_lossy());
        let (mut file, _alive) = temporary_among_others(&prefix, at)?;
        private_files::close(file.path())?;
        file.as_file_mut().write_all(text)?;
        file.as_file().sync_all()?;
        private_files::replace(file.into_temp_path(), &target)
    })
}

/// Whether one of the links on the way to a folder is another user's, also behind a link of the user's own.
fn goes_by_a_strangers_link(folder: &Path) -> io::Result<bool> {
    let mut way = std::path::absolute(folder)?;
    for _ in 0..LINKS {
        let link = way
            .ancestors()
            .filter(|part| part.is_symlink())
            .last()
            .map(Path::to_owned);
        let Some(link) = link else { return Ok(false) };
        if !is_own_or_roots(&link.symlink_metadata()?) {
            return Ok(true);
        }
        let mut next = folder_of(&link).join(fs::read_link(&link)?);
        next.extend(way.strip_prefix(&link).into_iter().flatten());
        way = next;
    }
    Err(ErrorKind::QuotaExceeded.into())
}

fn check(found: &Metadata) -> io::Result<()> {
    match () {
        () if found.is_dir() => Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder")),
        () if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        () if !is_own(found) => Err(io::Error::other("it is another user's file")),
        () => Ok(()),
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// At its end: what the caller has written to a file before stays. A pipe that nobody reads any more is an error, and not waited for.
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
