//! A secret that its user replaces: read and written under one lock.

use std::time::{Instant, SystemTime};

use super::cache::Cache;
use super::cached::{CachedSecret, FetchedSecret};
use super::entry::{CacheEntry, EntrySecret};
use super::folder::Folder;
use super::key::CacheKey;
use private_files::Lock;

/// One key's entry, and the lock on it.
#[derive(Debug)]
pub struct LockedEntry<'a> {
    folder: &'a Folder,
    key: &'a CacheKey,
    /// `None` if there are no locks, or the lock was not free in time.
    _lock: Option<Lock>,
}

impl Cache {
    /// Takes the lock of `key`. It waits during half of the time until the deadline, and then goes on without the lock, because its holder may
    /// hang. Returns `None` if nothing can be kept: without a cache, or in a folder of another user.
    pub fn hold<'a>(&'a self, key: &'a CacheKey, deadline: Instant) -> Option<LockedEntry<'a>> {
        let folder = self.folder.as_ref().filter(|folder| folder.prepare().is_ok())?;
        Some(LockedEntry {
            folder,
            key,
            _lock: folder.lock_in_time(key, deadline).held(),
        })
    }
}

impl LockedEntry<'_> {
    /// Returns the secret, if it has not ended.
    pub fn secret(&self, now: SystemTime) -> Option<CachedSecret> {
        self.folder.read(self.key)?.valid(now)
    }

    /// Replaces the secret in one step. Returns false if the file cannot be written.
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

    /// Removes the secret.
    pub fn forget(&self) {
        self.folder.remove(self.key);
    }
}
