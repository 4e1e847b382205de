//! The cache as its callers see it.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::cached::{CachedSecret, FetchedSecret, SecretLife, SecretRequest};
use super::flight::{self, SharedFetch};
use super::folder::Folder;
use super::key::CacheKey;
use context::{Env, variables};
use diagnostics::Error;
use private_files::LockAttempt;

/// How long [`Cache::remove`] and [`Cache::clear`] wait for one who is just fetching, at most.
pub(super) const REMOVE_WAIT: Duration = Duration::from_secs(1);

/// A cache of secrets, or none.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(super) folder: Option<Folder>,
    /// Nothing is waited for after that, but by [`Cache::get`], which has a deadline of its own.
    deadline: Option<Instant>,
}

impl Cache {
    /// The cache in this folder, which is created when something is to be kept; `None` is no cache: all is fetched.
    pub fn open(folder: Option<PathBuf>) -> Self {
        Self {
            folder: folder.map(Folder::new),
            deadline: None,
        }
    }

    /// The cache of [`Cache::folder`]. Nothing is waited for once the command's time is over.
    pub fn from_env(env: &Env) -> Self {
        Self {
            deadline: Some(env.deadline()),
            ..Self::open(Self::folder(env))
        }
    }

    /// Where the environment puts the cache: `ECR_AUTH_CACHE_DIR`, else `AWS_ECR_CACHE_DIR` (a leading `~/` is the home folder),
    /// else `ecr-auth` in the user's cache folder. `None` if it is switched off (`ECR_AUTH_CACHE=off`,
    /// `AWS_ECR_DISABLE_CACHE` not empty) or there is no home folder.
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
            // As the Go helper has it: nobody expands it where the variable is set in a YAML file.
            Some(folder) => match folder.strip_prefix("~") {
                Ok(below) => env.home().map(|home| home.join(below)),
                Err(_) => Some(folder),
            },
            None => env.cache_folder(),
        }
    }

    /// The secret of `key`, if it is fresh: reads one file, waits for nothing.
    ///
    /// Where it is `None`, [`Cache::get`] says more.
    pub fn warm(&self, key: &CacheKey, name: &str, now: SystemTime) -> Option<CachedSecret> {
        let folder = self.folder.as_ref()?;
        let entry = folder.read(key)?;
        let held = entry.fresh(now)?;
        flight::remember(folder, key, name, &entry);
        Some(held)
    }

    /// The secret of `key`, if it has not ended. Like [`Cache::life`] it leaves no trace.
    pub fn valid(&self, key: &CacheKey, now: SystemTime) -> Option<CachedSecret> {
        self.folder.as_ref()?.read(key)?.valid(now)
    }

    /// The life of the secret of `key`, if there is one, ended or not. Unlike [`Cache::warm`] it leaves no trace.
    pub fn life(&self, key: &CacheKey) -> Option<SecretLife> {
        self.folder.as_ref()?.read(key)?.life()
    }

    /// The secret of a key: from the cache, or from `fetch`, which is told how long it may take.
    ///
    /// # Errors
    /// The failure of `fetch`, or that of the process that asked for all. Never for reasons of the cache: a lock that another process has for half
    /// of the time is not waited for any longer.
    pub fn get(
        &self,
        request: &SecretRequest<'_>,
        clock: &dyn Fn() -> SystemTime,
        fetch: &mut dyn FnMut(Duration) -> Result<FetchedSecret, Error>,
    ) -> Result<CachedSecret, Error> {
        self.get_prepared(request, clock, &mut |_| {}, fetch)
    }

    /// The secret of a key, as [`Cache::get`]. If there is something to fetch, `prepare` is called before any lock of this key is taken:
    /// it does what takes locks of its own. Without a cache folder nothing is prepared.
    ///
    /// # Errors
    /// As [`Cache::get`].
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

    /// Forgets the secret of `key`, and how fetching it failed.
    pub fn remove(&self, key: &CacheKey) {
        if let Some(folder) = self.existing() {
            forget(folder, key, self.remove_deadline());
        }
    }

    /// Forgets every secret that was handed out under `name`, whoever it was fetched for.
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

    /// Forgets how fetching failed, wherever there is nothing else to forget: for who has just mended the cause.
    pub fn forget_failures(&self, now: SystemTime) {
        let Some(folder) = self.existing() else { return };
        let deadline = self.remove_deadline();
        for key in folder.keys() {
            if folder.read(&key).is_some_and(|entry| entry.has_only_failed(now)) {
                forget(folder, &key, deadline);
            }
        }
    }

    /// The key (as text) and the names of every secret that is valid now.
    pub fn entries(&self, now: SystemTime) -> Vec<(String, Vec<String>)> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let valid = |key: CacheKey| {
            let entry = folder.read(&key).filter(|entry| entry.valid(now).is_some())?;
            Some((key.to_string(), entry.names().to_vec()))
        };
        folder.keys().into_iter().filter_map(valid).collect()
    }

    /// The names of the secret of `key`, if it is valid now.
    pub fn names(&self, key: &CacheKey, now: SystemTime) -> Vec<String> {
        let entry = self.folder.as_ref().and_then(|folder| folder.read(key));
        let valid = entry.filter(|entry| entry.valid(now).is_some());
        valid.map_or_else(Vec::new, |entry| entry.names().to_vec())
    }

    /// Every secret that is valid now and was kept under `name`.
    pub fn named(&self, name: &str, now: SystemTime) -> Vec<CachedSecret> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let entries = folder.keys().into_iter().filter_map(|key| folder.read(&key));
        let named = entries.filter(|entry| entry.names().iter().any(|known| known == name));
        named.filter_map(|entry| entry.valid(now)).collect()
    }

    /// Whether this very text was kept under `key` with [`Cache::keep_text`]. Nobody but this user can have kept it.
    pub fn holds_text(&self, key: &CacheKey, text: &str) -> bool {
        let folder = self.folder.as_ref();
        folder.is_some_and(|folder| folder.holds_text(key, text.as_bytes()))
    }

    /// Keeps a text that is no secret under `key`, in the place of the one before, for 30 days at most. That it can't be kept is no error.
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

    /// Removes the folder if no secret is left in it. What is fetched meanwhile is not kept, then.
    pub fn remove_if_unused(&self) {
        if let Some(folder) = self.existing() {
            // Where something is left, it stays.
            let _ = folder.remove_if_unused();
        }
    }

    pub(super) fn remove_deadline(&self) -> Instant {
        let after_a_wait = Instant::now() + REMOVE_WAIT;
        self.deadline
            .map_or(after_a_wait, |deadline| deadline.min(after_a_wait))
    }

    /// The folder, if there is one to remove something from.
    fn existing(&self) -> Option<&Folder> {
        let folder = self.folder.as_ref()?;
        (folder.exists() && folder.prepare().is_ok()).then_some(folder)
    }
}

/// Removes an entry under its lock, so that nobody writes back what was read before. One who is still fetching when the wait
/// ends will write what is newer than this call.
fn forget(folder: &Folder, key: &CacheKey, deadline: Instant) {
    let lock = folder.lock(key, deadline);
    folder.remove(key);
    if let LockAttempt::Held(lock) = lock {
        lock.remove();
    }
}
