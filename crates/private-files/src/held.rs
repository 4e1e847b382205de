//! Folders that root holds open, because other users could lead their paths elsewhere.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::rights::Rights;
use super::walk::{Walk, with};

/// A folder that is held open, and the rights for what is done in it.
#[derive(Debug)]
pub(super) struct HeldFolder {
    _folder: OwnedFd,
    at: PathBuf,
    real: PathBuf,
    rights: Option<Rights>,
    is_led: bool,
}

impl HeldFolder {
    pub fn into_ours(self) -> io::Result<Self> {
        match self.is_led {
            true => Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "another user's link leads to its folder",
            )),
            false => Ok(Self { rights: None, ..self }),
        }
    }

    pub fn run<T>(&self, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        with(self.rights, || work(&self.at))
    }

    pub fn at(&self) -> &Path {
        &self.at
    }

    pub fn real(&self) -> &Path {
        &self.real
    }

    pub fn acts_for(&self) -> Option<u32> {
        self.rights.map(Rights::user)
    }
}

impl From<Walk> for HeldFolder {
    fn from(walk: Walk) -> Self {
        Self {
            at: PathBuf::from(format!("/proc/self/fd/{}", walk.folder.as_raw_fd())),
            rights: walk.rights(),
            is_led: walk.is_led(),
            real: walk.real,
            _folder: walk.folder,
        }
    }
}

/// `None`, here as below: nobody else could lead the path elsewhere.
pub(super) fn open(path: &Path) -> io::Result<Option<HeldFolder>> {
    let Some(walk) = among_strangers(path)? else {
        return Ok(None);
    };
    match (walk.missing.is_empty(), &walk.file) {
        (true, None) => Ok(Some(walk.into())),
        (false, _) => Err(ErrorKind::NotFound.into()),
        (_, Some(_)) => Err(ErrorKind::NotADirectory.into()),
    }
}

pub(super) fn of_file(path: &Path) -> io::Result<Option<(HeldFolder, OsString)>> {
    let Some(mut walk) = among_strangers(path)? else {
        return Ok(None);
    };
    let name = match walk.missing.len() {
        0 => walk.file.take().ok_or(ErrorKind::IsADirectory)?,
        1 => walk.missing.remove(0).unwrap_or_default(),
        _ => return Err(ErrorKind::NotFound.into()),
    };
    Ok(Some((walk.into(), name)))
}

pub(super) fn make(path: &Path, mode: u32) -> io::Result<Option<(HeldFolder, Vec<PathBuf>)>> {
    let Some(mut walk) = among_strangers(path)? else {
        return Ok(None);
    };
    let made = walk.make(mode)?;
    match walk.file {
        Some(_) => Err(ErrorKind::NotADirectory.into()),
        None => Ok(Some((walk.into(), made))),
    }
}

/// Makes a folder of root's own among those of another user. False: it is not among those of another user.
pub(super) fn make_own(path: &Path) -> io::Result<bool> {
    let (Some(around), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(false);
    };
    let Some(mut walk) = among_strangers(around)? else {
        return Ok(false);
    };
    walk.make(0o700)?;
    if walk.is_led() || walk.file.is_some() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    walk.make_one(name, 0o700, None).map(|_| true)
}

/// The way of root to a path, where somebody else could lead it.
fn among_strangers(path: &Path) -> io::Result<Option<Walk>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let walk = Walk::to(path)?;
    Ok(walk.is_among_strangers().then_some(walk))
}
