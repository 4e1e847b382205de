//! A folder that files are made, replaced and removed in, with the rights of whom it belongs to.

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
/// Run as root, a path may lead through folders of other users (`sudo` with HOME kept, a job's container), who could lead it
/// elsewhere at any moment. Then the folder is held open, [`WorkFolder::run`] hands in a path that stays true, and the work is done
/// with the rights of whom the way belongs to. Only in a folder of root's own that no link led to it is done as root.
#[derive(Debug)]
pub struct WorkFolder {
    real: PathBuf,
    held: Option<held::HeldFolder>,
}

impl WorkFolder {
    /// The folder at a path. Among folders of our own, nothing is looked at: it need not be there.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_led(path, Leads::Root)
    }

    /// The folder of a file, links followed, and the file's name in it. The folder has to be there, the file need not.
    ///
    /// # Errors
    /// The system's.
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

    /// The folder at a path, which is made where it is missing, and the real paths of the folders that were made, outermost first.
    /// `mode` is theirs.
    ///
    /// # Errors
    /// The system's.
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

    /// The folder at a path, if it belongs to this process's own user. Below another user's folder, too.
    ///
    /// # Errors
    /// The system's; it is not our own.
    pub fn open_own(path: &Path) -> io::Result<Self> {
        let folder = Self::open(path)?;
        match folder.acts_for() {
            None => Ok(folder),
            Some(_) => Err(ErrorKind::PermissionDenied.into()),
        }
    }

    /// The folder with our own rights, whose ever it is: for a file that its owner must not read. Only what is in the folder can be changed
    /// there, as nothing leads on from it. One that another user's link led to is an error.
    ///
    /// # Errors
    /// The system's; the link.
    pub fn open_as_ourselves(path: &Path) -> io::Result<Self> {
        Self::open_led(path, Leads::Nobody)
    }

    /// The folder of a file with our own rights, as [`WorkFolder::open_as_ourselves`], and the file's name in it. The file need not be there.
    /// A path that `is_end` knows, or to which one's own last link leads, is not looked at.
    ///
    /// # Errors
    /// The system's; another user's link.
    pub fn of_output(path: &Path, is_end: fn(&Path) -> bool) -> io::Result<OutputPlace<Self>> {
        Ok(match held::of_output(path, is_end)? {
            OutputPlace::End(path) => OutputPlace::End(path),
            OutputPlace::File((real, held), name) => OutputPlace::File(Self { real, held }, name),
        })
    }

    /// [`WorkFolder::open`] of a folder of our own. Who isn't root has no other rights to take, and is led there by no link of another user's.
    ///
    /// # Errors
    /// The system's; the link.
    pub(super) fn open_unled(path: &Path) -> io::Result<Self> {
        Self::open_led(path, unless_root())
    }

    /// [`WorkFolder::make`], as [`WorkFolder::open_unled`].
    ///
    /// # Errors
    /// The system's; the link.
    pub(super) fn make_unled(path: &Path) -> io::Result<Self> {
        Ok(Self::make_led(path, 0o700, unless_root())?.0)
    }

    fn open_led(path: &Path, leads: Leads) -> io::Result<Self> {
        Ok(held::open(path, leads)?.map_or_else(|| Self::ours(path), Self::held))
    }

    /// [`WorkFolder::open_own`] of a folder that is made for this user alone where it is missing. Those around it are made as
    /// [`WorkFolder::make`] does.
    ///
    /// # Errors
    /// The system's; it is not our own.
    pub fn make_own(path: &Path) -> io::Result<Self> {
        if !held::make_own(path)? {
            builder(0o700).create(path)?;
        }
        Self::open_own(path)
    }

    /// Does some work in the folder. The path that is handed in stays true as long as this value is there.
    ///
    /// # Errors
    /// Those of the work; the rights for it can't be taken.
    pub fn run<T>(&self, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        match &self.held {
            Some(held) => held.run(work),
            None => work(&self.real),
        }
    }

    /// The path for work that needs no other rights than ours.
    pub fn at(&self) -> &Path {
        self.held.as_ref().map_or(&self.real, |held| held.at())
    }

    /// The folder's path, for people and notes.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The user whose rights the work is done with, where they aren't ours.
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

/// The path of what is to be made: the folders that exist resolved, the rest as named.
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

/// Makes folders with all that is missing around them.
fn builder(mode: u32) -> DirBuilder {
    let mut builder = DirBuilder::new();
    set_mode(&mut builder, mode);
    builder.recursive(true);
    builder
}

/// Makes the missing folders of a path, for the user alone (0700), and returns them, outermost first.
///
/// # Errors
/// The system's.
pub fn make_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(WorkFolder::make(folder, 0o700)?.1)
}
