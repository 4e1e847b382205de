//! The way to a folder or file through folders of other users.
//!
//! Each part of a path is opened below the one before, never through a link: a link is read, and its parts are followed one by one. So it is known
//! which users could redirect the way, and the folder that was reached stays open, whatever happens to its path.
//!
//! A stranger is any user other than root and the walking user. Root follows a stranger's links, and takes the stranger's rights there. A walker
//! who cannot or must not take other rights does not follow a stranger's links.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::{Uid, geteuid};

use super::rights::Rights;
use super::way::{LINKS, Leads};

/// A path that was followed, as far as it exists.
pub(super) struct Walk {
    /// The folder that was reached.
    pub folder: OwnedFd,
    /// Its path without links.
    pub real: PathBuf,
    /// The file in it that the path names, if it names a file.
    pub file: Option<OsString>,
    /// The parts that do not exist yet.
    pub missing: VecDeque<OsString>,
    /// The user who walks.
    walker: Uid,
    /// Whether a stranger's link is followed.
    leads: Leads,
    /// Whether the walk stops at this path, before a link of that name is read.
    is_end: fn(&Path) -> bool,
    /// The path at which the walk stopped.
    pub end: Option<PathBuf>,
    /// The owner of the root folder, who could redirect every path. In a user namespace, that is an unknown user.
    top: u32,
    /// The stranger who owns a part of the way.
    stranger: Option<u32>,
    /// Whether other users can replace something in a folder on the way.
    is_shared: bool,
    /// Whether a link was followed from a stranger's folder.
    is_led: bool,
    /// Whether the folder belongs to the walker.
    is_own: bool,
    links: usize,
    /// The number of parts that are left after the newest link.
    behind_link: usize,
}

impl Walk {
    /// Follows a path as far as it exists. A link to a missing file is an error if a stranger could have made it.
    pub fn to(path: &Path, leads: Leads) -> io::Result<Self> {
        Self::to_end(path, leads, |_| false)
    }

    /// Follows a path, but stops at it or at the target of a last link if that is an end.
    pub fn to_end(path: &Path, leads: Leads, is_end: fn(&Path) -> bool) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let root = open(CWD, OsStr::new("/"))?;
        let walker = geteuid();
        let stat = fstat(&root)?;
        let mut walk = Self {
            walker,
            leads: if walker.is_root() { leads } else { Leads::Nobody },
            is_end,
            end: None,
            top: stat.st_uid,
            is_own: true,
            real: PathBuf::from("/"),
            file: None,
            missing: VecDeque::new(),
            stranger: None,
            is_shared: false,
            is_led: false,
            links: 0,
            behind_link: usize::MAX,
            folder: root,
        };
        walk.look_at(&stat)?;
        let path = std::path::absolute(path)?;
        match is_end(&path) {
            true => walk.end = Some(path),
            false => walk.go(names(&path))?,
        }
        Ok(walk)
    }

    /// Whether a stranger could have redirected the way.
    pub fn is_among_strangers(&self) -> bool {
        self.stranger.is_some() || self.is_shared
    }

    /// Whether another user's link could have led here, or a link was followed among another user's folders.
    pub fn is_led(&self) -> bool {
        self.is_led
    }

    /// Returns the rights for making and changing files in the folder, or `None` for the walker's own. Root uses its own rights only in its own
    /// folders, and only if no link led to them.
    pub fn rights(&self) -> Option<Rights> {
        let is_theirs = !self.is_own || self.is_led;
        let stranger = self.stranger.filter(|_| is_theirs && self.leads == Leads::Root);
        stranger.map(Rights::for_user)
    }

    /// Makes the missing folders of the way, and returns their paths.
    pub fn make(&mut self, mode: u32) -> io::Result<Vec<PathBuf>> {
        let mut made = Vec::new();
        while let Some(name) = self.missing.pop_front() {
            let rights = self.rights();
            if self.make_one(&name, mode, rights)? {
                made.push(self.real.join(&name));
            }
            let rest = std::mem::take(&mut self.missing);
            self.go(std::iter::once(name).chain(rest).collect())?;
        }
        Ok(made)
    }

    /// Makes a folder in the one that was reached. Returns false if it exists already.
    pub fn make_one(&self, name: &OsStr, mode: u32, rights: Option<Rights>) -> io::Result<bool> {
        let make = || match mkdirat(&self.folder, name, Mode::from_raw_mode(mode)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        };
        with(rights, make)
    }

    /// Follows further parts below the folder.
    fn go(&mut self, mut names: VecDeque<OsString>) -> io::Result<()> {
        self.behind_link = usize::MAX;
        while let Some(name) = names.pop_front() {
            if name == ".." {
                self.folder = open(self.folder.as_fd(), &name)?;
                self.real.pop();
                // A stranger could choose where `..` leads.
                self.is_led |= self.is_among_strangers();
                self.look_at(&fstat(&self.folder)?)?;
                continue;
            }
            let found = match open(self.folder.as_fd(), &name) {
                Ok(found) => found,
                Err(Errno::NOENT) if names.len() < self.behind_link => {
                    names.push_front(name);
                    self.missing = names;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let stat = fstat(&found)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => self.follow(&found, &stat, &mut names)?,
                FileType::Directory => {
                    self.folder = found;
                    self.real.push(&name);
                    self.look_at(&stat)?;
                }
                _ if names.is_empty() => self.file = Some(name),
                _ => return Err(ErrorKind::NotADirectory.into()),
            }
        }
        Ok(())
    }

    fn follow(&mut self, link: &OwnedFd, stat: &Stat, names: &mut VecDeque<OsString>) -> io::Result<()> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Errno::LOOP.into());
        }
        if self.leads == Leads::Root {
            self.behind_link = names.len();
        }
        self.meet(stat)?;
        self.is_led |= self.is_among_strangers();
        if self.is_led && self.leads == Leads::Nobody && !self.is_own_link(stat) {
            return Err(strangers_link());
        }
        let target = PathBuf::from(OsString::from_vec(readlinkat(link, "", Vec::new())?.into_bytes()));
        if names.is_empty() && (self.is_end)(&self.real.join(&target)) {
            self.end = Some(self.real.join(&target));
            return Ok(());
        }
        if target.is_absolute() {
            self.folder = open(CWD, OsStr::new("/"))?;
            self.real = PathBuf::from("/");
            self.look_at(&fstat(&self.folder)?)?;
        }
        for name in self::names(&target).into_iter().rev() {
            names.push_front(name);
        }
        Ok(())
    }

    /// Whether an ordinary user may follow a link that lies behind another user's folder: it belongs to this user, root or the owner of the root
    /// folder, and it is in a folder of this user.
    fn is_own_link(&self, link: &Stat) -> bool {
        let owners = [self.walker.as_raw(), 0, self.top];
        !self.walker.is_root() && self.is_own && owners.contains(&link.st_uid)
    }

    fn look_at(&mut self, folder: &Stat) -> io::Result<()> {
        let mode = Mode::from_raw_mode(folder.st_mode);
        // A group may be the walker's alone. What one of its members puts there is recognised by its owner.
        let others = match self.walker.is_root() {
            true => Mode::WGRP | Mode::WOTH,
            false => Mode::WOTH,
        };
        self.is_shared |= mode.intersects(others) && !mode.contains(Mode::SVTX);
        self.is_own = folder.st_uid == self.walker.as_raw();
        self.meet(folder)
    }

    /// Notes a stranger. For root, a second stranger is an error: each of the two could redirect the way to the other's files.
    fn meet(&mut self, part: &Stat) -> io::Result<()> {
        let owner = part.st_uid;
        let is_known = owner == 0 || owner == self.walker.as_raw() || self.stranger == Some(owner);
        let is_trusted = match self.walker.is_root() {
            true => !is_known && !Rights::can_be_taken(owner),
            false => owner == self.top,
        };
        match self.stranger {
            _ if is_known || is_trusted => {}
            Some(known) if self.leads == Leads::Root => return Err(two_strangers(known, owner)),
            _ => self.stranger = Some(owner),
        }
        Ok(())
    }
}

fn two_strangers(one: u32, other: u32) -> io::Error {
    io::Error::new(
        ErrorKind::PermissionDenied,
        format!("the way there leads through folders or links of two other users ({one} and {other})"),
    )
}

fn strangers_link() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "another user's link leads there")
}

/// Runs some work with these rights, or with the process's own for `None`.
pub(super) fn with<T>(rights: Option<Rights>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match rights {
        Some(rights) => rights.run(work),
        None => work(),
    }
}

/// Opens what lies there, of any kind, without reading it or waiting for it.
fn open(folder: impl AsFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    openat(
        folder,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}
