//! One fetch for all who ask at once ("single flight").

use std::time::{Duration, SystemTime};

use super::cached::{CachedSecret, FetchedSecret, SecretRequest};
use super::entry::{CacheEntry, EntryAnswer, EntrySecret};
use super::folder::{EntrySlot, Folder};
use super::key::CacheKey;
use diagnostics::Error;
use private_files::{Lock, LockAttempt};

/// What renewing may take while there still is a valid secret to hand out.
const RENEWAL_BUDGET: Duration = Duration::from_secs(3);

/// What is kept back of the caller's time, so that those who wait as long as we do hear how it ended before they give up: this, or a
/// tenth of a short time.
const SHARING_MARGIN: Duration = Duration::from_millis(500);

type Fetch<'f> = &'f mut dyn FnMut(Duration) -> Result<FetchedSecret, Error>;

/// One caller's way to the secret.
pub(super) struct SharedFetch<'a> {
    folder: &'a Folder,
    request: &'a SecretRequest<'a>,
    clock: &'a dyn Fn() -> SystemTime,
}

impl<'a> SharedFetch<'a> {
    pub fn new(folder: &'a Folder, request: &'a SecretRequest<'a>, clock: &'a dyn Fn() -> SystemTime) -> Self {
        Self { folder, request, clock }
    }

    /// Looks, takes the lock if there is something to fetch, and looks again: the one before may have fetched it.
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
                // A process that has it for so long may hang: then this one fetches by itself.
                let lock = self.wait_for_lock().held();
                self.secret_under_lock(lock, fetch)
            }
        }
    }

    fn wait_for_lock(&self) -> LockAttempt {
        let _wait = self.request.progress.wait("another ecr-auth process is fetching this");
        self.folder.lock_in_time(self.request.key, self.request.deadline)
    }

    /// `lock` is `None` where there are no locks, or it is not to be had in time: all that can be done then is to fetch without.
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
        // Where nothing can be kept there is nothing to wait for: the others shall not queue up to fetch one by one.
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

    /// Notes the failure for the others. A secret that is still valid now (fetching took its time) serves on.
    fn keep_failure(&self, error: Error, slot: Option<EntrySlot>) -> Result<CachedSecret, Error> {
        let now = (self.clock)();
        let mut entry = self.entry();
        entry.fail(&error, now);
        fill(slot, &entry);
        entry.valid(now).ok_or(error)
    }

    fn hand_out(&self, held: CachedSecret) -> CachedSecret {
        remember(self.folder, self.request.key, self.request.name, &self.entry());
        held
    }

    fn look(&self) -> EntryAnswer {
        let entry = self.entry();
        entry.answer((self.clock)(), self.request.started)
    }

    fn entry(&self) -> CacheEntry {
        let key = self.request.key;
        self.folder.read(key).unwrap_or_else(|| CacheEntry::empty(key))
    }

    fn budget(&self) -> Duration {
        budget(self.request.time_left())
    }
}

/// What of the caller's time may be spent on fetching.
fn budget(time_left: Duration) -> Duration {
    time_left - (time_left / 10).min(SHARING_MARGIN)
}

/// Adds a name to an entry that was just read, if it is new to it and nobody else is at work there.
pub(super) fn remember(folder: &Folder, key: &CacheKey, name: &str, entry: &CacheEntry) {
    if entry.wants(name)
        && let LockAttempt::Held(_lock) = folder.try_lock(key)
        && let Some(mut entry) = folder.read(key)
    {
        entry.remember(name);
        fill(folder.reserve(key).ok(), &entry);
    }
}

/// Writes the entry; a disk that won't take it is no reason to fail.
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
