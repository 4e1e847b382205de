//! The folder of the cache: which files it holds, and how they are read, replaced and removed.
//!
//! `<key>.json` is an entry, `<key>.lock` the lock on it, `.new-…` an entry that is being written, and the age of `.pruned`
//! says when spent entries were last looked for. Nothing else in the folder is ever touched.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::entry::{CacheEntry, MAX_BYTES};
use super::guard;
use super::key::CacheKey;
use super::lock::{Lock, LockAttempt};

const ENTRY: &str = ".json";
const LOCK: &str = ".lock";
const NEW: &str = ".new-";
const PRUNED: &str = ".pruned";

/// Spent entries are looked for once in this time, and a file left half-written by a killed process is removed after it.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// What is reserved on the disk for an entry that is still unknown, in bytes: a long password and all names.
const RESERVED: usize = 16 * 1024;

/// The folder of the cache. It need not exist.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether there is anything at its path.
    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Makes sure that the folder is there, ours, and closed to others.
    pub fn prepare(&self) -> io::Result<()> {
        guard::prepare_folder(&self.0, is_ours)
    }

    /// The entry of `key`; `None` for anything but a well-formed one that is ours alone, in a folder that is ours alone.
    pub fn read(&self, key: &CacheKey) -> Option<CacheEntry> {
        if !guard::is_prepared(&self.0) {
            return None;
        }
        let bytes = guard::read_private(&self.path(key, ENTRY), MAX_BYTES).ok()?;
        CacheEntry::decode(key, &bytes)
    }

    /// Takes a place on the disk for an entry of `key`, before it is known what it will hold. An error says that nothing can be
    /// kept here: the folder is read-only, the disk is full, or a folder lies where the entry should.
    pub fn reserve(&self, key: &CacheKey) -> io::Result<EntrySlot> {
        let path = self.path(key, ENTRY);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove_dir(&path)?;
        }
        let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(&self.0)?;
        file.write_all(&[b' '; RESERVED])?;
        Ok(EntrySlot { file, path })
    }

    /// Where the lock of `key` lies.
    pub fn lock_path(&self, key: &CacheKey) -> PathBuf {
        self.path(key, LOCK)
    }

    /// Removes the entry of `key`. Its lock should be held, so that nobody writes back what was read before.
    pub fn remove(&self, key: &CacheKey) {
        let _ = fs::remove_file(self.path(key, ENTRY));
    }

    /// The keys of all entries, those with only a lock included.
    pub fn keys(&self) -> BTreeSet<CacheKey> {
        self.names().iter().filter_map(|name| key_of(name)).collect()
    }

    /// Removes what nobody needs any more: spent entries with their locks, and files that killed processes were writing. Does
    /// so once an hour at most; an entry that another process is working on is left for the next time.
    pub fn prune(&self, now: SystemTime) {
        if !is_older(&self.0.join(PRUNED), now) || self.mark_pruned(now).is_err() {
            return;
        }
        for key in self.keys() {
            self.prune_entry(&key, now);
        }
        for name in self.names().iter().filter(|name| name.starts_with(NEW)) {
            let path = self.0.join(name);
            if is_older(&path, now) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn prune_entry(&self, key: &CacheKey, now: SystemTime) {
        if let LockAttempt::Held(lock) = Lock::try_take(&self.lock_path(key))
            && self.read(key).is_none_or(|entry| entry.is_spent(now))
        {
            self.remove(key);
            lock.remove();
        }
    }

    fn mark_pruned(&self, now: SystemTime) -> io::Result<()> {
        guard::open_private(&self.0.join(PRUNED))?.set_modified(now)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    fn path(&self, key: &CacheKey, suffix: &str) -> PathBuf {
        self.0.join(format!("{key}{suffix}"))
    }
}

/// A place on the disk for an entry. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct EntrySlot {
    file: NamedTempFile,
    path: PathBuf,
}

impl EntrySlot {
    /// Puts the entry in its place, in one step.
    ///
    /// It isn't forced to the disk: what a power failure leaves is at worst a file that doesn't parse, and is ignored.
    pub fn fill(mut self, entry: &CacheEntry) -> io::Result<()> {
        let bytes = entry.encode().ok_or(io::ErrorKind::InvalidData)?;
        self.file.rewind()?;
        self.file.write_all(&bytes)?;
        self.file.as_file().set_len(bytes.len() as u64)?;
        self.file.persist(self.path)?;
        Ok(())
    }
}

/// Whether a file of this name is the cache's own.
fn is_ours(name: &str) -> bool {
    key_of(name).is_some() || name.starts_with(NEW) || name == PRUNED
}

fn key_of(name: &str) -> Option<CacheKey> {
    let stem = name.strip_suffix(ENTRY).or_else(|| name.strip_suffix(LOCK))?;
    CacheKey::parse(stem)
}

/// Whether a file was last changed an hour ago or more, or isn't there. One from an hour ahead counts too: the clock was set
/// back. (One from just ahead was changed after we looked at the clock.)
fn is_older(path: &Path, now: SystemTime) -> bool {
    let Ok(modified) = fs::symlink_metadata(path).and_then(|metadata| metadata.modified()) else {
        return true;
    };
    let apart = now.duration_since(modified).unwrap_or_else(|ahead| ahead.duration());
    apart >= PRUNE_EVERY
}
