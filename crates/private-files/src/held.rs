//! Folders that root keeps open, because other users could redirect their paths.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::rights::Rights;
use super::walk::{Walk, with};
use super::way::{FolderReached, Leads, OutputPlace};

/// An open folder, and the rights with which to work in it.
#[derive(Debug)]
pub(super) struct HeldFolder {
    _folder: OwnedFd,
    at: PathBuf,
    real: PathBuf,
    rights: Option<Rights>,
}

impl HeldFolder {
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
            real: walk.real,
            _folder: walk.folder,
        }
    }
}

/// Opens a folder. Here and below, `None` means that no other user could redirect the path.
pub(super) fn open(path: &Path, leads: Leads) -> io::Result<Option<HeldFolder>> {
    let Some(walk) = among_strangers(path, leads)? else {
        return Ok(None);
    };
    match (walk.missing.is_empty(), &walk.file) {
        (true, None) => Ok(Some(walk.into())),
        (false, _) => Err(ErrorKind::NotFound.into()),
        (_, Some(_)) => Err(ErrorKind::NotADirectory.into()),
    }
}

pub(super) fn of_file(path: &Path) -> io::Result<Option<(HeldFolder, OsString)>> {
    let Some(mut walk) = among_strangers(path, Leads::Root)? else {
        return Ok(None);
    };
    let name = file_of(&mut walk)?;
    Ok(Some((walk.into(), name)))
}

/// Returns where a path leads, which no other user may redirect.
pub(super) fn of_output(path: &Path, is_end: fn(&Path) -> bool) -> io::Result<OutputPlace<FolderReached<HeldFolder>>> {
    let mut walk = Walk::to_end(path, Leads::Nobody, is_end)?;
    if let Some(end) = walk.end.take() {
        return Ok(OutputPlace::End(end));
    }
    let name = file_of(&mut walk)?;
    let real = walk.real.clone();
    let held = walk.is_among_strangers().then(|| walk.into());
    Ok(OutputPlace::File((real, held), name))
}

fn file_of(walk: &mut Walk) -> io::Result<OsString> {
    match walk.missing.len() {
        0 => walk.file.take().ok_or(ErrorKind::IsADirectory.into()),
        1 => Ok(walk.missing.remove(0).unwrap_or_default()),
        _ => Err(ErrorKind::NotFound.into()),
    }
}

pub(super) fn make(path: &Path, mode: u32, leads: Leads) -> io::Result<Option<(HeldFolder, Vec<PathBuf>)>> {
    let Some(mut walk) = among_strangers(path, leads)? else {
        return Ok(None);
    };
    let made = walk.make(mode)?;
    match walk.file {
        Some(_) => Err(ErrorKind::NotADirectory.into()),
        None => Ok(Some((walk.into(), made))),
    }
}

/// Makes a folder of root's own among the folders of another user. Returns false if it is not among those of another user.
pub(super) fn make_own(path: &Path) -> io::Result<bool> {
    let (Some(around), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(false);
    };
    let Some(mut walk) = among_strangers(around, Leads::Root)? else {
        return Ok(false);
    };
    walk.make(0o700)?;
    if walk.is_led() || walk.file.is_some() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    walk.make_one(name, 0o700, None).map(|_| true)
}

/// Returns the way to a path, if another user could redirect it.
fn among_strangers(path: &Path, leads: Leads) -> io::Result<Option<Walk>> {
    // Only root can take other rights.
    if leads == Leads::Root && !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let walk = Walk::to(path, leads)?;
    Ok(walk.is_among_strangers().then_some(walk))
}
