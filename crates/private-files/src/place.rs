//! Putting a new version of a file in the place of the one that was read, unless somebody else was faster.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempPath;

use super::CONFIGURATION_LIMIT;
use super::platform::{self, exchange, is_unsupported, is_version};

/// How an attempt to place a new version ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlaceOutcome {
    /// The new version took the place of exactly what was read.
    Done,
    /// The new version took the place of exactly what was read, and is still there, as it was written.
    Settled,
    /// Somebody else changed the file in between: their version stands.
    Raced,
    /// So they did, but for a moment ours, without their change, could be read: what is then written on top of ours lacks it.
    Exposed {
        /// What could be read in the place, and what they had put there.
        hidden: Vec<(Vec<u8>, Vec<u8>)>,
    },
}

/// Places `new` as a file that was not there when it was looked for.
pub(super) fn create(new: TempPath, target: &Path) -> io::Result<PlaceOutcome> {
    match new.persist_noclobber(target) {
        Ok(()) => Ok(PlaceOutcome::Done),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(PlaceOutcome::Raced),
        Err(error) => Err(error.error),
    }
}

/// The version that was read. Its file has to be kept open, so that no later file gets its number.
pub(super) struct OldVersion<'a> {
    /// What it held.
    pub text: &'a [u8],
    /// Of the open file.
    pub metadata: &'a fs::Metadata,
}

impl OldVersion<'_> {
    /// Whether this path is that very file.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_version(path, self.metadata, self.text)
    }
}

/// The new version, by which a look at its place tells whether it is there, and as it was written, without reading it.
pub(super) struct NewVersion {
    /// Kept open, so that no later file gets its number.
    file: File,
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing is told by it there"))]
    written: Option<fs::Metadata>,
}

impl NewVersion {
    /// Notes what was just written. Its time of change gets the nanoseconds of this moment: the system's own times are those of its last
    /// tick, in which somebody else could write the file again, and with as many bytes.
    pub fn note(file: File) -> io::Result<Self> {
        let now = SystemTime::now();
        let is_set = file.set_modified(now).is_ok();
        let metadata = file.metadata()?;
        // Some file systems keep seconds alone.
        let written = (is_set && metadata.modified()? == now).then_some(metadata);
        Ok(Self { file, written })
    }

    /// Forces it to the disk.
    pub fn sync(&self) -> io::Result<()> {
        platform::sync(&self.file)
    }

    /// Whether this path is that very file, and nobody has written it since. Where there is any doubt: no.
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

/// Places `new`, which holds `text`, over the file that was read.
pub(super) fn replace(new: TempPath, target: &Path, old: &OldVersion<'_>, text: &[u8]) -> io::Result<PlaceOutcome> {
    // Most other writers land while ours is being written to the disk: seen here, nothing needs to be taken back.
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

/// Places `new` over a file that holds `old`, where files cannot be exchanged: what lands between the look and the rename is lost.
pub(super) fn rename(new: TempPath, target: &Path, old: &[u8]) -> io::Result<PlaceOutcome> {
    if !holds(target, old)? {
        return Ok(PlaceOutcome::Raced);
    }
    platform::replace(new, target)?;
    Ok(PlaceOutcome::Done)
}

/// After the exchange `aside` holds what stood in the place. If that is not what was read, somebody's change landed just
/// before ours: it is put back, and so on until what comes out is what we had put in ourselves, so that the newest foreign
/// version stands. Until then (two system calls) others can see our version without that change.
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
            // They took the file away: that is their newest version.
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

/// Takes away a file that holds `old`.
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
    // Somebody's change landed just before: back with it, unless they have written yet another one.
    create(aside, target).map(|_| PlaceOutcome::Raced)
}

/// What somebody put there meanwhile need not be a file.
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
