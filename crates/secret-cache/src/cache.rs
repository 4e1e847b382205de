//! The cache's public interface.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::cached::{CachedSecret, FetchedSecret, SecretLife, SecretRequest};
use super::flight::{self, SharedFetch};
use super::folder::Folder;
use super::key::CacheKey;
use context::{Env, variables};
use diagnostics::Error;
use private_files::LockAttempt;

/// The longest time that [`Cache::remove`] and [`Cache::clear`] wait for a process that is fetching.
pub(super) const REMOVE_WAIT: Duration = Duration::from_secs(1);

/// A cache of secrets, which may be switched off.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(super) folder: Option<Folder>,
    /// After this time nothing waits, except [`Cache::get`], which has its own deadline.
    deadline: Option<Instant>,
}

impl Cache {
    /// Returns the cache in this folder, which is created when something is kept. `None` switches the cache off: every secret is then fetched.
    pub fn open(folder: Option<PathBuf>) -> Self {
        Self {
            folder: folder.map(Folder::new),
            deadline: None,
        }
    }

    /// Returns the cache in [`Cache::folder`]. It waits for nothing once the command's time is over.
    pub fn from_env(env: &Env) -> Self {
        Self {
            deadline: Some(env.deadline()),
            ..Self::open(Self::folder(env))
        }
    }

    /// Returns the folder that the environment gives the cache: `ECR_AUTH_CACHE_DIR`, else `AWS_ECR_CACHE_DIR` (a leading `~/` is the home folder),
    /// else `ecr-auth` in the user's cache folder. `None` if the cache is switched off (`ECR_AUTH_CACHE=off`, or a non-empty
    /// `AWS_ECR_DISABLE_CACHE`) or there is no home folder.
    pub fn folder(env: &Env) -> Option<PathBuf> {
        let is_off = env
            .get(variables::ECR_AUTH_CACHE)
            .is_some_and(|v| v.eq_ignore_ascii_case("off"));
        if is_off || env.get(variables::AWS_ECR_DISABLE_CACHE).is_some() {
            return None;
        }
        let named = env
            .path(variables::ECR_AUTH_CACHE_DIR)
            .or_else(|| env.path(variables::AWS_ECR_CACHE_DIR));
        match named {
            // As in the Go helper: a variable set in a YAML file is not expanded by a shell.
            Some(folder) => match folder.strip_prefix("~") {
                Ok(below) => env.home().map(|home| home.join(below)),
                Err(_) => Some(folder),
            },
            None => env.cache_folder(),
        }
    }

    /// Returns the secret of `key`, if it is fresh. Reads one file and waits for nothing.
    ///
    /// If it returns `None`, [`Cache::get`] fetches the secret or returns the reason.
    pub fn warm(&self, key: &CacheKey, name: &str, now: SystemTime) -> Option<CachedSecret> {
        let folder = self.folder.as_ref()?;
        let entry = folder.read(key)?;
        let held = entry.fresh(now)?;
        flight::remember(folder, key, name, &entry);
        Some(held)
    }

    /// Returns the secret of `key`, if it has not ended. It leaves no trace in the cache.
    pub fn valid(&self, key: &CacheKey, now: SystemTime) -> Option<CachedSecret> {
        self.folder.as_ref()?.read(key)?.valid(now)
    }

    /// Returns the life of the secret of `key`, if there is one, ended or not. It leaves no trace in the cache.
    pub fn life(&self, key: &CacheKey) -> Option<SecretLife> {
        self.folder.as_ref()?.read(key)?.life()
    }

    /// Returns the secret of a key, from the cache or from `fetch`, whose argument is its time limit.
    ///
    /// # Errors
    /// The failure of `fetch`, of this process or of the one that fetched for all. The cache itself never causes an error: a lock of another
    /// process is waited for during half of the time at most.
    pub fn get(
        &self,
        request: &SecretRequest<'_>,
        clock: &dyn Fn() -> SystemTime,
        fetch: &mut dyn FnMut(Duration) -> Result<FetchedSecret, Error>,
    ) -> Result<CachedSecret, Error> {
        self.get_prepared(request, clock, &mut |_| {}, fetch)
    }

    /// Returns the secret of a key, as [`Cache::get`] does. Before a fetch takes this key's lock, it calls `prepare`, which may take other locks.
    /// Without a cache folder, `prepare` is not called.
    ///
    /// # Errors
    /// The errors of [`Cache::get`].
    pub fn get_prepared(
        &self,
        request: &SecretRequest<'_>,
        clock: &dyn Fn() -> SystemTime,
        prepare: &mut dyn FnMut(Duration),
        fetch: &mut dyn FnMut(Duration) -> Result<FetchedSecret, Error>,
    ) -> Result<CachedSecret, Error> {
        match &self.folder {
            Some(folder) if folder.prepare().is_ok() => {
                let result = SharedFetch::new(folder, request, clock).secret(prepare, fetch);
                folder.prune(clock());
                result
            }
            _ => fetch(request.time_left()).map(CachedSecret::from),
        }
    }

    /// Forgets the secret of `key` and its last failure.
    pub fn remove(&self, key: &CacheKey) {
        if let Some(folder) = self.existing() {
            forget(folder, key, self.remove_deadline());
        }
    }

    /// Forgets every secret that was given out under `name`, of every identity.
    pub fn remove_named(&self, name: &str) {
        let Some(folder) = self.existing() else { return };
        let deadline = self.remove_deadline();
        for key in folder.keys() {
            let is_named = folder
                .read(&key)
                .is_some_and(|entry| entry.names().iter().any(|n| n == name));
            if is_named {
                forget(folder, &key, deadline);
            }
        }
    }

    /// Forgets all failures, so that a user who has just fixed the cause gets a new try.
    pub fn forget_failures(&self, now: SystemTime) {
        let Some(folder) = self.existing() else { return };
        let deadline = self.remove_deadline();
        for key in folder.keys() {
            if folder.read(&key).is_some_and(|entry| entry.has_only_failed(now)) {
                forget(folder, &key, deadline);
            }
        }
    }

    /// Returns the key (as text) and the names of every secret that is valid now.
    pub fn entries(&self, now: SystemTime) -> Vec<(String, Vec<String>)> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let valid = |key: CacheKey| {
            let entry = folder.read(&key).filter(|entry| entry.valid(now).is_some())?;
            Some((key.to_string(), entry.names().to_vec()))
        };
        folder.keys().into_iter().filter_map(valid).collect()
    }

    /// Returns the names of the secret of `key`, if it is valid now.
    pub fn names(&self, key: &CacheKey, now: SystemTime) -> Vec<String> {
        let entry = self.folder.as_ref().and_then(|folder| folder.read(key));
        let valid = entry.filter(|entry| entry.valid(now).is_some());
        valid.map_or_else(Vec::new, |entry| entry.names().to_vec())
    }

    /// Returns every secret that is valid now and was kept under `name`.
    pub fn named(&self, name: &str, now: SystemTime) -> Vec<CachedSecret> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let entries = folder.keys().into_iter().filter_map(|key| folder.read(&key));
        let named = entries.filter(|entry| entry.names().iter().any(|known| known == name));
        named.filter_map(|entry| entry.valid(now)).collect()
    }

    /// Whether exactly this text was kept under `key` with [`Cache::keep_text`]. Only this user can have kept it.
    pub fn holds_text(&self, key: &CacheKey, text: &str) -> bool {
        let folder = self.folder.as_ref();
        folder.is_some_and(|folder| folder.holds_text(key, text.as_bytes()))
    }

    /// Keeps a text that is not secret under `key`, for at most 30 days. It replaces an earlier one. Failures are ignored.
    pub fn keep_text(&self, key: &CacheKey, text: &str) {
        if let Some(folder) = &self.folder
            && folder.prepare().is_ok()
        {
            let _ = folder.keep_text(key, text.as_bytes());
        }
    }

    /// Forgets all secrets and texts.
    pub fn clear(&self) {
        if let Some(folder) = self.existing() {
            folder.remove_texts(None);
            let deadline = self.remove_deadline();
            for key in folder.keys() {
                forget(folder, &key, deadline);
            }
        }
    }

    /// Removes the folder if it holds no secret. A secret that is being fetched at that moment is not kept.
    pub fn remove_if_unused(&self) {
        if let Some(folder) = self.existing() {
            // A folder that still holds something is kept.
            let _ = folder.remove_if_unused();
        }
    }

    pub(super) fn remove_deadline(&self) -> Instant {
        let after_a_wait = Instant::now() + REMOVE_WAIT;
        self.deadline
            .map_or(after_a_wait, |deadline| deadline.min(after_a_wait))
    }

    /// Returns the folder, if there is one to remove something from.
    fn existing(&self) -> Option<&Folder> {
        let folder = self.folder.as_ref()?;
        (folder.exists() && folder.prepare().is_ok()).then_some(folder)
    }
}

/// Removes an entry under its lock, so that no process writes back what it read before. A process that is still fetching when the wait ends writes
/// an entry that is newer than this call.
fn forget(folder: &Folder, key: &CacheKey, deadline: Instant) {
    let lock = folder.lock(key, deadline);
    folder.remove(key);
    if let LockAttempt::Held(lock) = lock {
        lock.remove();
    }
}
