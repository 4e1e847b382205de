//! Replaces a file by a new version, unless another program has changed it since it was read.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempPath;

use super::CONFIGURATION_LIMIT;
use super::platform::{self, exchange, is_unsupported, is_version};

/// How an attempt to replace a file ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlaceOutcome {
    /// The new version replaced exactly the version that was read.
    Done,
    /// The new version replaced exactly the version that was read, and is still there unchanged.
    Settled,
    /// Another program changed the file in between. Its version is kept.
    Raced,
    /// As `Raced`, but for a moment our version could be read without the other program's change. A version written on top of ours then lacks the
    /// change.
    Exposed {
        /// The contents that could be read for a moment, and the contents that were hidden.
        hidden: Vec<(Vec<u8>, Vec<u8>)>,
    },
}

/// Places `new` where no file was found.
pub(super) fn create(new: TempPath, target: &Path) -> io::Result<PlaceOutcome> {
    match new.persist_noclobber(target) {
        Ok(()) => Ok(PlaceOutcome::Done),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(PlaceOutcome::Raced),
        Err(error) => Err(error.error),
    }
}

/// The version that was read. Its file must be kept open, so that no other file gets its inode number.
pub(super) struct OldVersion<'a> {
    /// The contents.
    pub text: &'a [u8],
    /// The metadata of the open file.
    pub metadata: &'a fs::Metadata,
}

impl OldVersion<'_> {
    /// Whether the file at this path is the one that was read.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_version(path, self.metadata, self.text)
    }
}

/// The new version. Without reading the file, it tells whether the file at its path is still the new version, unchanged.
pub(super) struct NewVersion {
    /// Kept open, so that no other file gets its inode number.
    file: File,
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing is told by it there"))]
    written: Option<fs::Metadata>,
}

impl NewVersion {
    /// Notes what was just written. The file's modification time gets the nanoseconds of this moment. The system's own times have the resolution of
    /// a tick, in which another program could write the file again with as many bytes.
    pub fn note(file: File) -> io::Result<Self> {
        let now = SystemTime::now();
        let is_set = file.set_modified(now).is_ok();
        let metadata = file.metadata()?;
        // Some file systems only keep seconds.
        let written = (is_set && metadata.modified()? == now).then_some(metadata);
        Ok(Self { file, written })
    }

    /// Flushes the file to the disk.
    pub fn sync(&self) -> io::Result<()> {
        platform::sync(&self.file)
    }

    /// Whether the file at this path is this version, not written since. False in case of doubt.
    #[cfg(unix)]
    pub fn stands_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let of = |it: &fs::Metadata| (it.dev(), it.ino(), it.size(), it.mtime(), it.mtime_nsec());
        match (&self.written, fs::symlink_metadata(path)) {
            (Some(written), Ok(now)) => of(written) == of(&now),
            _ => false,
        }
    }

    #[cfg(not(unix))]
    pub fn stands_at(&self, _: &Path) -> bool {
        false
    }
}

/// Replaces the file that was read by `new`, which holds `text`.
pub(super) fn replace(new: TempPath, target: &Path, old: &OldVersion<'_>, text: &[u8]) -> io::Result<PlaceOutcome> {
    // Most changes by other programs happen while our version is flushed to the disk. They are seen here, before anything was replaced.
    match old.is_at(target) {
        Ok(true) => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => return Ok(PlaceOutcome::Raced),
    }
    match exchange(&new, target) {
        Ok(()) => settle(&new, target, old, text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PlaceOutcome::Raced),
        Err(error) if is_unsupported(&error) => rename(new, target, old.text),
        Err(error) => Err(error),
    }
}

/// Replaces a file that holds `old` by `new`, on systems that cannot exchange two files. A change between the check and the rename is lost.
pub(super) fn rename(new: TempPath, target: &Path, old: &[u8]) -> io::Result<PlaceOutcome> {
    if !holds(target, old)? {
        return Ok(PlaceOutcome::Raced);
    }
    platform::replace(new, target)?;
    Ok(PlaceOutcome::Done)
}

/// Checks what the exchange moved to `aside`. If it is not what was read, another program's change landed just before ours. It is put back, and so
/// on until what comes out is our own version, so that the newest foreign version is kept. During these two system calls, others can see our
/// version without that change.
pub(super) fn settle(aside: &Path, target: &Path, old: &OldVersion<'_>, text: &[u8]) -> io::Result<PlaceOutcome> {
    if old.is_at(aside)? && read(aside)? == old.text {
        return Ok(PlaceOutcome::Done);
    }
    let mut base = old.text.to_owned();
    let mut placed = text.to_owned();
    let mut hidden = Vec::new();
    loop {
        let newest = read(aside)?;
        hidden.push((base, newest.clone()));
        match exchange(aside, target) {
            Ok(()) => {}
            // The other program removed the file. That is its newest version.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(PlaceOutcome::Exposed { hidden }),
            Err(error) => return Err(error),
        }
        if read(aside)? == placed {
            return Ok(PlaceOutcome::Exposed { hidden });
        }
        base = placed;
        placed = newest;
    }
}

/// Removes a file that holds `old`.
pub(super) fn remove(target: &Path, aside: TempPath, old: &[u8]) -> io::Result<PlaceOutcome> {
    if !holds(target, old)? {
        return Ok(PlaceOutcome::Raced);
    }
    match platform::rename(target, &aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(PlaceOutcome::Raced),
        renamed => renamed?,
    }
    if read(&aside)? == old {
        return Ok(PlaceOutcome::Done);
    }
    // Another program's change landed just before. It is put back, unless that program has written again.
    create(aside, target).map(|_| PlaceOutcome::Raced)
}

/// Reads what another program put there, which may not be a regular file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    super::read(path, CONFIGURATION_LIMIT)
}

fn holds(target: &Path, old: &[u8]) -> io::Result<bool> {
    match read(target) {
        Ok(now) => Ok(now == old),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
