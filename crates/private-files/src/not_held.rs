//! On systems where threads have no rights of their own, root does no work in other users' folders.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::platform::{is_own, is_own_or_roots};
use super::way::{FolderReached, LINKS, Leads, OutputPlace};

/// A type without values.
#[derive(Debug)]
pub(super) struct HeldFolder(Infallible);

impl HeldFolder {
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

pub(super) fn open(path: &Path, leads: Leads) -> io::Result<Option<HeldFolder>> {
    match leads {
        Leads::Root => refuse_among_strangers(path)?,
        Leads::Nobody => refuse_strangers_links(path)?,
    }
    Ok(None)
}

pub(super) fn of_file(path: &Path) -> io::Result<Option<(HeldFolder, OsString)>> {
    refuse_among_strangers(path).map(|()| None)
}

/// Finds where a path leads. The user's own links are followed. A link of another user is refused, because it could lead to any file.
pub(super) fn of_output(path: &Path, is_end: fn(&Path) -> bool) -> io::Result<OutputPlace<FolderReached<HeldFolder>>> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if is_end(&path) {
            return Ok(OutputPlace::End(path));
        }
        let Some(name) = path.file_name() else {
            return Err(ErrorKind::IsADirectory.into());
        };
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_symlink() => {}
            Ok(found) if !is_own(&found) => return Err(strangers_link()),
            Ok(_) => {
                path = folder_of(&path).join(fs::read_link(&path)?);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        refuse_strangers_links(folder_of(&path))?;
        return Ok(OutputPlace::File((folder_of(&path).to_owned(), None), name.to_owned()));
    }
    Err(too_many_links())
}

pub(super) fn make(path: &Path, _: u32, leads: Leads) -> io::Result<Option<(HeldFolder, Vec<PathBuf>)>> {
    open(path, leads).map(|_| None)
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
            ErrorKind::PermissionDenied,
            "it is in another user's folder: run this as that user, without sudo",
        )),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_among_strangers(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Refuses another user's link anywhere on the way, also after the user's own links.
fn refuse_strangers_links(path: &Path) -> io::Result<()> {
    let mut way = std::path::absolute(path)?;
    for _ in 0..LINKS {
        let links = way.ancestors().filter(|part| part.is_symlink());
        let Some(link) = links.last().map(Path::to_owned) else {
            return Ok(());
        };
        if !is_own_or_roots(&link.symlink_metadata()?) {
            return Err(strangers_link());
        }
        let mut next = folder_of(&link).join(fs::read_link(&link)?);
        next.extend(way.strip_prefix(&link).into_iter().flatten());
        way = next;
    }
    Err(too_many_links())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn too_many_links() -> io::Error {
    io::Error::other("it leads through too many links")
}

fn strangers_link() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "another user's link leads there")
}
