//! A secret that its user replaces: read and written under one lock, which is held in between.

use std::time::{Instant, SystemTime};

use super::cache::Cache;
use super::cached::{CachedSecret, FetchedSecret};
use super::entry::{CacheEntry, EntrySecret};
use super::folder::Folder;
use super::key::CacheKey;
use diagnostics::Error;
use private_files::{Lock, LockAttempt};

/// One key's entry, and the lock on it.
#[derive(Debug)]
pub struct LockedEntry<'a> {
    folder: &'a Folder,
    key: &'a CacheKey,
    /// `None` where there are no locks.
    _lock: Option<Lock>,
}

impl Cache {
    /// Takes the lock of `key`, waiting for it. `None` where nothing can be kept: no cache, or a folder that isn't ours.
    ///
    /// # Errors
    /// Another process still held it at the deadline.
    pub fn hold<'a>(&'a self, key: &'a CacheKey, deadline: Instant) -> Result<Option<LockedEntry<'a>>, Error> {
        let Some(folder) = self.0.as_ref().filter(|folder| folder.prepare().is_ok()) else {
            return Ok(None);
        };
        match folder.lock(key, deadline) {
            LockAttempt::Busy => Err(super::flight::waited_in_vain()),
            attempt => Ok(Some(LockedEntry {
                folder,
                key,
                _lock: attempt.held(),
            })),
        }
    }
}

impl LockedEntry<'_> {
    /// The secret, if it has not ended.
    pub fn secret(&self, now: SystemTime) -> Option<CachedSecret> {
        self.folder.read(self.key)?.valid(now)
    }

    /// Puts a secret in the place of the one before, in one step. False where the disk won't take it.
    pub fn keep(&self, fetched: FetchedSecret, name: &str, now: SystemTime) -> bool {
        let mut entry = CacheEntry::empty(self.key);
        entry.succeed(EntrySecret {
            secret: fetched.secret,
            fetched_at: now,
            expires_at: fetched.expires_at,
            renew_at: fetched.renew_at,
        });
        entry.remember(name);
        let slot = self.folder.reserve(self.key);
        slot.and_then(|slot| slot.fill(&entry)).is_ok()
    }

    /// Forgets it.
    pub fn forget(&self) {
        self.folder.remove(self.key);
    }
}
