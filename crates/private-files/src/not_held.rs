//! Where threads have no rights of their own, root does nothing among other users' folders.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// There is none.
#[derive(Debug)]
pub(super) struct HeldFolder(Infallible);

impl HeldFolder {
    pub fn into_ours(self) -> io::Result<Self> {
        match self.0 {}
    }

    pub fn run<T>(&self, _: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        match self.0 {}
    }

    pub fn at(&self) -> &Path {
        match self.0 {}
    }

    pub fn real(&self) -> &Path {
        match self.0 {}
    }

    pub fn acts_for(&self) -> Option<u32> {
        match self.0 {}
    }
}

pub(super) fn open(path: &Path) -> io::Result<Option<HeldFolder>> {
    refuse_among_strangers(path).map(|()| None)
}

pub(super) fn of_file(path: &Path) -> io::Result<Option<(HeldFolder, OsString)>> {
    refuse_among_strangers(path).map(|()| None)
}

pub(super) fn make(path: &Path, _: u32) -> io::Result<Option<(HeldFolder, Vec<PathBuf>)>> {
    refuse_among_strangers(path).map(|()| None)
}

pub(super) fn make_own(path: &Path) -> io::Result<bool> {
    refuse_among_strangers(path).map(|()| false)
}

#[cfg(unix)]
fn refuse_among_strangers(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    let is_strangers = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.uid() != 0);
    let path = std::path::absolute(path)?;
    match rustix::process::geteuid().is_root() && path.ancestors().any(is_strangers) {
        true => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is among another user's folders: run this as that user, without sudo",
        )),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_among_strangers(_: &Path) -> io::Result<()> {
    Ok(())
}
