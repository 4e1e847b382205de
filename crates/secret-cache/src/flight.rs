//! One fetch for all processes that ask at once ("single flight").

use std::time::{Duration, SystemTime};

use super::cached::{CachedSecret, FetchedSecret, SecretRequest};
use super::entry::{CacheEntry, EntryAnswer, EntrySecret};
use super::folder::{EntrySlot, Folder};
use super::key::CacheKey;
use diagnostics::Error;
use private_files::{Lock, LockAttempt};

/// The time limit for renewing a secret that is still valid.
const RENEWAL_BUDGET: Duration = Duration::from_secs(3);

/// The time at the end of the caller's limit that is not used for fetching, so that waiting processes with the same limit still get the result. For
/// short limits, a tenth.
const SHARING_MARGIN: Duration = Duration::from_millis(500);

type Fetch<'f> = &'f mut dyn FnMut(Duration) -> Result<FetchedSecret, Error>;

/// One caller's request for the secret.
pub(super) struct SharedFetch<'a> {
    folder: &'a Folder,
    request: &'a SecretRequest<'a>,
    clock: &'a dyn Fn() -> SystemTime,
}

impl<'a> SharedFetch<'a> {
    pub fn new(folder: &'a Folder, request: &'a SecretRequest<'a>, clock: &'a dyn Fn() -> SystemTime) -> Self {
        Self { folder, request, clock }
    }

    /// Looks into the cache, takes the lock if a fetch is needed, and looks again, because the last holder of the lock may have fetched the secret.
    pub fn secret(&self, prepare: &mut dyn FnMut(Duration), fetch: Fetch<'_>) -> Result<CachedSecret, Error> {
        match self.look() {
            EntryAnswer::Serve(held) => Ok(self.hand_out(held)),
            EntryAnswer::Share(error) => Err(error),
            EntryAnswer::Renew(held) => {
                prepare(self.budget().min(RENEWAL_BUDGET));
                match self.folder.try_lock(self.request.key) {
                    LockAttempt::Busy => Ok(held),
                    attempt => self.secret_under_lock(attempt.held(), fetch),
                }
            }
            EntryAnswer::Fetch => {
                prepare(self.budget());
                // A process that holds the lock for so long may hang, so this one fetches by itself.
                let lock = self.wait_for_lock().held();
                self.secret_under_lock(lock, fetch)
            }
        }
    }

    fn wait_for_lock(&self) -> LockAttempt {
        let _wait = self.request.progress.wait("another ecr-auth process is fetching this");
        self.folder.lock_in_time(self.request.key, self.request.deadline)
    }

    /// Returns the secret. `lock` is `None` if there are no locks, or if the lock was not free in time. The secret is then fetched without a lock.
    fn secret_under_lock(&self, lock: Option<Lock>, fetch: Fetch<'_>) -> Result<CachedSecret, Error> {
        let budget = match self.look() {
            EntryAnswer::Serve(held) => {
                drop(lock);
                return Ok(self.hand_out(held));
            }
            EntryAnswer::Share(error) => return Err(error),
            EntryAnswer::Renew(_) => self.budget().min(RENEWAL_BUDGET),
            EntryAnswer::Fetch => self.budget(),
        };
        let slot = self.folder.reserve(self.request.key).ok();
        // If nothing can be kept, the lock is released: the others must not wait in turn for one fetch after another.
        let _lock = lock.filter(|_| slot.is_some());
        match fetch(budget) {
            Ok(fetched) => Ok(self.keep(fetched, slot)),
            Err(error) => self.keep_failure(error, slot),
        }
    }

    fn keep(&self, fetched: FetchedSecret, slot: Option<EntrySlot>) -> CachedSecret {
        let mut entry = self.entry();
        entry.succeed(EntrySecret {
            secret: fetched.secret.clone(),
            fetched_at: (self.clock)(),
            expires_at: fetched.expires_at,
            renew_at: fetched.renew_at,
        });
        entry.remember(fetched.name.as_deref().unwrap_or(self.request.name));
        fill(slot, &entry);
        fetched.into()
    }

    /// Notes the failure for the others. If the old secret is still valid after the fetch, it is returned instead.
    fn keep_failure(&self, error: Error, slot: Option<EntrySlot>) -> Result<CachedSecret, Error> {
        let now = (self.clock)();
        let mut entry = self.entry();
        entry.fail(&error, now, self.request.settings);
        fill(slot, &entry);
        entry.valid(now).ok_or(error)
    }

    fn hand_out(&self, held: CachedSecret) -> CachedSecret {
        remember(self.folder, self.request.key, self.request.name, &self.entry());
        held
    }

    fn look(&self) -> EntryAnswer {
        let entry = self.entry();
        entry.answer((self.clock)(), self.request.started, self.request.settings)
    }

    fn entry(&self) -> CacheEntry {
        let key = self.request.key;
        self.folder.read(key).unwrap_or_else(|| CacheEntry::empty(key))
    }

    fn budget(&self) -> Duration {
        budget(self.request.time_left())
    }
}

/// Returns the part of the caller's time that may be spent on fetching.
fn budget(time_left: Duration) -> Duration {
    time_left - (time_left / 10).min(SHARING_MARGIN)
}

/// Adds a new name to an entry that was just read, unless another process holds its lock.
pub(super) fn remember(folder: &Folder, key: &CacheKey, name: &str, entry: &CacheEntry) {
    if entry.wants(name)
        && let LockAttempt::Held(_lock) = folder.try_lock(key)
        && let Some(mut entry) = folder.read(key)
    {
        entry.remember(name);
        fill(folder.reserve(key).ok(), &entry);
    }
}

/// Writes the entry. A failure to write is ignored.
fn fill(slot: Option<EntrySlot>, entry: &CacheEntry) {
    if let Some(slot) = slot {
        let _ = slot.fill(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_time_is_kept_back_for_those_who_wait() {
        let budget = |millis| budget(Duration::from_millis(millis)).as_millis();
        assert_eq!([15_000, 5_000, 1_000, 0].map(budget), [14_500, 4_500, 900, 0]);
    }
}
