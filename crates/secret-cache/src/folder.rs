//! The folder of the cache: which files it holds, and how they are read, replaced and removed.
//!
//! `<key>.json` is an entry, `<key>.lock` the lock on it, `<key>.text` a text that is no secret, `.new-…` a file that is being written, and
//! the age of `.pruned` says when spent entries were last looked for. Nothing else in the folder is ever touched.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use private_files::{Lock, LockAttempt, WorkFolder, open_own, read_own, remove_file, replace, temporary};
use tempfile::NamedTempFile;

use super::entry::{CacheEntry, MAX_BYTES};
use super::guard;
use super::key::CacheKey;

const ENTRY: &str = ".json";
const LOCK: &str = ".lock";
const TEXT: &str = ".text";
const NEW: &str = ".new-";
const PRUNED: &str = ".pruned";

/// Spent entries are looked for once in this time, and a file left half-written by a killed process is removed after it.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// How long a text is kept. One that is used again after that is kept again.
const TEXTS_LAST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The bytes that are reserved on the disk for an entry before it is known: a long password and all names.
const RESERVED: usize = 16 * 1024;

/// The folder of the cache. It need not exist.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// The folder, once it was opened. Root may find it among another user's folders.
    found: Arc<OnceLock<WorkFolder>>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        let found = Arc::default();
        Self { path, found }
    }

    /// Whether anything exists at its path.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Checks that the folder exists, belongs to this user, and is closed to others. Makes and closes it if needed.
    pub fn prepare(&self) -> io::Result<()> {
        if !self.path.exists() {
            WorkFolder::make_own(&self.path)?;
        }
        guard::prepare_folder(self.at()?, is_ours)
    }

    /// Returns a path of the folder that no other user can redirect.
    fn at(&self) -> io::Result<&Path> {
        if let Some(found) = self.found.get() {
            return Ok(found.at());
        }
        let found = WorkFolder::open_own(&self.path)?;
        Ok(self.found.get_or_init(|| found).at())
    }

    /// Returns the entry of `key`. `None` unless the entry is well formed, and it and the folder belong to this user alone.
    pub fn read(&self, key: &CacheKey) -> Option<CacheEntry> {
        if !guard::is_prepared(self.at().ok()?) {
            return None;
        }
        let bytes = read_own(&self.path(key, ENTRY).ok()?, MAX_BYTES).ok()?;
        CacheEntry::decode(key, &bytes)
    }

    /// Whether exactly this text was kept under `key`, in a file and a folder of this user alone.
    pub fn holds_text(&self, key: &CacheKey, text: &[u8]) -> bool {
        let path = self.at().ok().filter(|at| guard::is_prepared(at));
        let kept = path.and_then(|_| read_own(&self.path(key, TEXT).ok()?, text.len()).ok());
        kept.is_some_and(|kept| kept[..] == *text)
    }

    /// Keeps a text under `key`, replacing an earlier one in one step.
    pub fn keep_text(&self, key: &CacheKey, text: &[u8]) -> io::Result<()> {
        let mut file = temporary(NEW, self.at()?)?;
        file.write_all(text)?;
        replace(file.into_temp_path(), &self.path(key, TEXT)?)
    }

    /// Removes all texts that were kept before a time. `None` removes all texts.
    pub fn remove_texts(&self, before: Option<SystemTime>) {
        let Ok(at) = self.at() else { return };
        for name in self.names().iter().filter(|name| is_text(name)) {
            let path = at.join(name);
            if before.is_none_or(|before| modified(&path).is_none_or(|kept| kept < before)) {
                let _ = remove_file(&path);
            }
        }
    }

    /// Reserves space on the disk for an entry of `key`, before its contents are known. An error says that nothing can be kept here: the folder is
    /// read-only, the disk is full, or the entry's path is a folder.
    pub fn reserve(&self, key: &CacheKey) -> io::Result<EntrySlot> {
        let path = self.path(key, ENTRY)?;
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove_dir(&path)?;
        }
        let mut file = temporary(NEW, self.at()?)?;
        file.write_all(&[b' '; RESERVED])?;
        Ok(EntrySlot { file, path })
    }

    /// Takes the lock of `key` if it is free.
    pub fn try_lock(&self, key: &CacheKey) -> LockAttempt {
        let path = self.path(key, LOCK);
        path.map_or(LockAttempt::Unavailable, |path| Lock::try_take(&path))
    }

    /// Takes the lock of `key`. Waits for it until `deadline`.
    pub fn lock(&self, key: &CacheKey, deadline: Instant) -> LockAttempt {
        let path = self.path(key, LOCK);
        path.map_or(LockAttempt::Unavailable, |path| Lock::take(&path, deadline))
    }

    /// Takes the lock of `key`. Waits for it during half of the time until `deadline`, so that the caller has time to go on without it.
    pub fn lock_in_time(&self, key: &CacheKey, deadline: Instant) -> LockAttempt {
        let now = Instant::now();
        self.lock(key, now + deadline.saturating_duration_since(now) / 2)
    }

    /// Removes the entry of `key`. The caller should hold its lock, so that no process writes back what it read before.
    pub fn remove(&self, key: &CacheKey) {
        let _ = self.path(key, ENTRY).and_then(|path| remove_file(&path));
    }

    /// Returns the keys of all entries, including those with only a lock.
    pub fn keys(&self) -> BTreeSet<CacheKey> {
        self.names().iter().filter_map(|name| key_of(name)).collect()
    }

    /// Removes what is no longer needed: spent entries with their locks, and unfinished files of killed processes. It does this once an hour at
    /// most, and skips entries that another process has locked.
    pub fn prune(&self, now: SystemTime) {
        let Ok(at) = self.at() else { return };
        if !is_older(&at.join(PRUNED), now) || self.mark_pruned(now).is_err() {
            return;
        }
        for key in self.keys() {
            self.prune_entry(&key, now);
        }
        self.remove_texts(now.checked_sub(TEXTS_LAST));
        for name in self.names().iter().filter(|name| name.starts_with(NEW)) {
            let path = at.join(name);
            if is_older(&path, now) {
                let _ = remove_file(&path);
            }
        }
    }

    /// Removes the folder, if it holds neither an entry nor a lock.
    pub fn remove_if_unused(&self) -> io::Result<()> {
        let (Some(around), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(());
        };
        if self.names() == [PRUNED] {
            remove_file(&self.at()?.join(PRUNED))?;
        }
        WorkFolder::open_as_ourselves(around)?.run(|at| fs::remove_dir(at.join(name)))
    }

    fn prune_entry(&self, key: &CacheKey, now: SystemTime) {
        if let LockAttempt::Held(lock) = self.try_lock(key)
            && self.read(key).is_none_or(|entry| entry.is_spent(now))
        {
            self.remove(key);
            lock.remove();
        }
    }

    fn mark_pruned(&self, now: SystemTime) -> io::Result<()> {
        open_own(&self.at()?.join(PRUNED))?.set_modified(now)
    }

    fn names(&self) -> Vec<String> {
        let entries = self.at().and_then(fs::read_dir).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    fn path(&self, key: &CacheKey, suffix: &str) -> io::Result<PathBuf> {
        Ok(self.at()?.join(format!("{key}{suffix}")))
    }
}

/// Reserved space on the disk for an entry. Dropping it releases the space.
#[derive(Debug)]
pub(super) struct EntrySlot {
    file: NamedTempFile,
    path: PathBuf,
}

impl EntrySlot {
    /// Places the entry in one step.
    ///
    /// It is not flushed to the disk: after a power failure there is at worst a file that does not parse, which is ignored.
    pub fn fill(mut self, entry: &CacheEntry) -> io::Result<()> {
        let bytes = entry.encode().ok_or(io::ErrorKind::InvalidData)?;
        self.file.rewind()?;
        self.file.write_all(&bytes)?;
        self.file.as_file().set_len(bytes.len() as u64)?;
        replace(self.file.into_temp_path(), &self.path)
    }
}

/// Whether a file of this name belongs to the cache.
fn is_ours(name: &str) -> bool {
    key_of(name).is_some() || is_text(name) || name.starts_with(NEW) || name == PRUNED
}

fn is_text(name: &str) -> bool {
    name.strip_suffix(TEXT)
        .is_some_and(|stem| CacheKey::parse(stem).is_some())
}

fn key_of(name: &str) -> Option<CacheKey> {
    let stem = name.strip_suffix(ENTRY).or_else(|| name.strip_suffix(LOCK))?;
    CacheKey::parse(stem)
}

/// Whether a file was last changed an hour ago or more, or does not exist. A file from an hour ahead counts too, because the clock was set back. (A
/// file from slightly ahead was changed after we read the clock.)
fn is_older(path: &Path, now: SystemTime) -> bool {
    let Some(modified) = modified(path) else {
        return true;
    };
    let apart = now.duration_since(modified).unwrap_or_else(|ahead| ahead.duration());
    apart >= PRUNE_EVERY
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok()
}
