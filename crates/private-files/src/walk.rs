//! The way to a folder or file, gone by root through folders of other users.
//!
//! Each part of a path is opened below the one before, never through a link: a link is read, and its parts are gone one by one. So it is
//! known who could have led the way, and what was reached stays in hand, whatever becomes of its path.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat};
use rustix::io::Errno;

use super::rights::Rights;

/// As many links as the system follows in one path.
const LINKS: usize = 40;

/// How far the way was gone.
pub(super) struct Walk {
    /// The folder that was reached.
    pub folder: OwnedFd,
    /// Its path without links.
    pub real: PathBuf,
    /// The file in it that the path names, if it names a file.
    pub file: Option<OsString>,
    /// What is not there yet.
    pub missing: VecDeque<OsString>,
    /// The first user but root who owns a part of the way.
    stranger: Option<Rights>,
    /// Whether others can put something into a folder on the way, in the place of what is there.
    is_shared: bool,
    /// Whether a link led on from a folder of theirs.
    is_led: bool,
    /// Whether the folder is root's.
    is_roots: bool,
    links: usize,
    /// How many parts are left once the newest link is gone through.
    behind_link: usize,
}

impl Walk {
    /// Goes to a path, as far as there is something. A link that leads to nothing is an error.
    pub fn to(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let root = open(CWD, OsStr::new("/"))?;
        let mut walk = Self {
            is_roots: true,
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
        walk.look_at(&fstat(&walk.folder)?);
        walk.go(names(&std::path::absolute(path)?))?;
        Ok(walk)
    }

    /// Whether somebody but root could have led the way.
    pub fn is_among_strangers(&self) -> bool {
        self.stranger.is_some() || self.is_shared
    }

    /// Whether somebody else's link could have led here, or was passed among somebody else's folders.
    pub fn is_led(&self) -> bool {
        self.is_led
    }

    /// With whose rights files are made and changed in the folder; `None`: with root's own. Those are for root's own folders alone, and
    /// only where no link led to them.
    pub fn rights(&self) -> Option<Rights> {
        self.stranger.filter(|_| !self.is_roots || self.is_led)
    }

    /// Makes what is missing on the way, and returns the paths of the folders.
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

    /// Makes a folder in the one that was reached. False: it is there already.
    pub fn make_one(&self, name: &OsStr, mode: u32, rights: Option<Rights>) -> io::Result<bool> {
        let make = || match mkdirat(&self.folder, name, Mode::from_raw_mode(mode)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        };
        with(rights, make)
    }

    /// Goes on below the folder.
    fn go(&mut self, mut names: VecDeque<OsString>) -> io::Result<()> {
        self.behind_link = usize::MAX;
        while let Some(name) = names.pop_front() {
            if name == ".." {
                self.folder = open(self.folder.as_fd(), &name)?;
                self.real.pop();
                // Not the way back: who leads from here could choose where it comes out.
                self.is_led |= self.is_among_strangers();
                self.look_at(&fstat(&self.folder)?);
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
                    self.look_at(&stat);
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
        self.behind_link = names.len();
        self.meet(stat);
        self.is_led |= self.is_among_strangers();
        let target = PathBuf::from(OsString::from_vec(readlinkat(link, "", Vec::new())?.into_bytes()));
        if target.is_absolute() {
            self.folder = open(CWD, OsStr::new("/"))?;
            self.real = PathBuf::from("/");
            self.look_at(&fstat(&self.folder)?);
        }
        for name in self::names(&target).into_iter().rev() {
            names.push_front(name);
        }
        Ok(())
    }

    fn look_at(&mut self, folder: &Stat) {
        let mode = Mode::from_raw_mode(folder.st_mode);
        let is_open = mode.intersects(Mode::WGRP | Mode::WOTH) && !mode.contains(Mode::SVTX);
        self.is_shared |= is_open;
        self.is_roots = folder.st_uid == 0;
        self.meet(folder);
    }

    fn meet(&mut self, part: &Stat) {
        if self.stranger.is_none() && part.st_uid != 0 {
            let rights = Rights::of_owner(part.st_uid, part.st_gid);
            self.stranger = rights.can_be_taken().then_some(rights);
        }
    }
}

/// Does some work with rights; `None`: with those that this process has.
pub(super) fn with<T>(rights: Option<Rights>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match rights {
        Some(rights) => rights.run(work),
        None => work(),
    }
}

/// Opens what lies there, whatever it is, without reading it or waiting for it.
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
