//! A folder in which files are made, replaced and removed, with the rights of its owner.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::platform::{real, set_mode};

#[cfg(target_os = "linux")]
use super::held;
#[cfg(not(target_os = "linux"))]
use super::not_held as held;
use super::way::{Leads, OutputPlace};

/// A folder to work in.
///
/// If root runs it, a path may lead through folders of other users (`sudo` with HOME kept, a job's container), who could redirect it at any moment.
/// The folder is then kept open, [`WorkFolder::run`] passes a path that stays valid, and the work is done with the rights of the user who owns the
/// way. Work is done as root only in root's own folders that no link led to.
#[derive(Debug)]
pub struct WorkFolder {
    real: PathBuf,
    held: Option<held::HeldFolder>,
}

impl WorkFolder {
    /// The mode, before the umask, of a folder that everybody may read.
    pub const SHARED: u32 = 0o777;

    /// Opens the folder at a path. A path through this user's own folders is not checked, and need not exist.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_led(path, Leads::Root)
    }

    /// Opens the folder of a file, following links, and returns the file's name in it. The folder must exist, the file need not.
    ///
    /// # Errors
    /// The system's error.
    pub fn of_file(path: &Path) -> io::Result<(Self, OsString)> {
        if let Some((held, name)) = held::of_file(path)? {
            return Ok((Self::held(held), name));
        }
        let found = match real(path) {
            Ok(found) => found,
            Err(_) => std::path::absolute(path)?,
        };
        match (found.parent(), found.file_name()) {
            (Some(folder), Some(name)) => Ok((Self::ours(folder), name.to_owned())),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// Opens the folder at a path, and makes it if it is missing, with mode `mode`. Also returns the real paths of the folders that were made,
    /// outermost first.
    ///
    /// # Errors
    /// The system's error.
    pub fn make(path: &Path, mode: u32) -> io::Result<(Self, Vec<PathBuf>)> {
        Self::make_led(path, mode, Leads::Root)
    }

    fn make_led(path: &Path, mode: u32, leads: Leads) -> io::Result<(Self, Vec<PathBuf>)> {
        if let Some((held, made)) = held::make(path, mode, leads)? {
            return Ok((Self::held(held), made));
        }
        let real = not_there_yet(path)?;
        let missing = real.ancestors().take_while(|path| !path.exists());
        let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        missing.reverse();
        builder(mode).create(path)?;
        Ok((Self::open_led(path, leads)?, missing))
    }

    /// Opens the folder at a path, if it belongs to this process's user, also below another user's folder.
    ///
    /// # Errors
    /// The system's error, or the folder belongs to another user.
    pub fn open_own(path: &Path) -> io::Result<Self> {
        let folder = Self::open(path)?;
        match folder.acts_for() {
            None => Ok(folder),
            Some(_) => Err(ErrorKind::PermissionDenied.into()),
        }
    }

    /// Opens the folder with the process's own rights, whoever owns it: for a file that the folder's owner must not read. Only files in the folder
    /// can be changed, because no path leads on from it. A folder that another user's link led to is an error.
    ///
    /// # Errors
    /// The system's error, or the error of the link.
    pub fn open_as_ourselves(path: &Path) -> io::Result<Self> {
        Self::open_led(path, Leads::Nobody)
    }

    /// Opens the folder of a file with the process's own rights, as [`WorkFolder::open_as_ourselves`] does, and returns the file's name in it. The
    /// file need not exist. If the path, or the target of this user's own last link, is one that `is_end` accepts, it is not opened.
    ///
    /// # Errors
    /// The system's error, or the error of another user's link.
    pub fn of_output(path: &Path, is_end: fn(&Path) -> bool) -> io::Result<OutputPlace<Self>> {
        Ok(match held::of_output(path, is_end)? {
            OutputPlace::End(path) => OutputPlace::End(path),
            OutputPlace::File((real, held), name) => OutputPlace::File(Self { real, held }, name),
        })
    }

    /// Opens a folder of this user, as [`WorkFolder::open`] does. Unless the user is root, another user's links are not followed.
    ///
    /// # Errors
    /// The system's error, or the error of the link.
    pub(super) fn open_unled(path: &Path) -> io::Result<Self> {
        Self::open_led(path, unless_root())
    }

    /// Makes a folder, as [`WorkFolder::make`] does, with the checks of [`WorkFolder::open_unled`].
    ///
    /// # Errors
    /// The system's error, or the error of the link.
    pub(super) fn make_unled(path: &Path) -> io::Result<Self> {
        Ok(Self::make_led(path, 0o700, unless_root())?.0)
    }

    fn open_led(path: &Path, leads: Leads) -> io::Result<Self> {
        Ok(held::open(path, leads)?.map_or_else(|| Self::ours(path), Self::held))
    }

    /// Opens a folder of this user, as [`WorkFolder::open_own`] does. A missing one is made for this user alone, and its parents as by
    /// [`WorkFolder::make`].
    ///
    /// # Errors
    /// The system's error, or the folder belongs to another user.
    pub fn make_own(path: &Path) -> io::Result<Self> {
        if !held::make_own(path)? {
            builder(0o700).create(path)?;
        }
        Self::open_own(path)
    }

    /// Runs some work in the folder. The path that it gets stays valid as long as this value exists.
    ///
    /// # Errors
    /// The errors of the work, or the rights for it cannot be taken.
    pub fn run<T>(&self, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        match &self.held {
            Some(held) => held.run(work),
            None => work(&self.real),
        }
    }

    /// Returns the path for work that needs no other rights than the process's own.
    pub fn at(&self) -> &Path {
        self.held.as_ref().map_or(&self.real, |held| held.at())
    }

    /// Returns the folder's real path, for messages and notes.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// Returns the user whose rights are used, if they are not the process's own.
    pub fn acts_for(&self) -> Option<u32> {
        self.held.as_ref()?.acts_for()
    }

    fn ours(path: &Path) -> Self {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        Self {
            real: path.to_owned(),
            held: None,
        }
    }

    fn held(held: held::HeldFolder) -> Self {
        Self {
            real: held.real().to_owned(),
            held: Some(held),
        }
    }
}

#[cfg(unix)]
fn unless_root() -> Leads {
    match rustix::process::geteuid().is_root() {
        true => Leads::Root,
        false => Leads::Nobody,
    }
}

#[cfg(not(unix))]
fn unless_root() -> Leads {
    Leads::Nobody
}

/// Returns the path of something that is to be made: existing folders are resolved, the rest is kept.
pub(super) fn not_there_yet(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut rest = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(mut found) = real(ancestor) {
            found.extend(rest.iter().rev());
            return Ok(found);
        }
        rest.extend(ancestor.file_name().map(OsString::from));
    }
    Ok(path)
}

/// Returns a builder that also makes missing parents.
fn builder(mode: u32) -> DirBuilder {
    let mut builder = DirBuilder::new();
    set_mode(&mut builder, mode);
    builder.recursive(true);
    builder
}

/// Makes the missing folders of a path, for the user alone (0700), and returns them, outermost first.
///
/// # Errors
/// The system's error.
pub fn make_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(WorkFolder::make(folder, 0o700)?.1)
}
