//! Secrets on disk, by key: one process fetches a secret, all processes share it. The caller decides what a key means.
//!
//! - A secret is fresh for half of its life, or as long as its fetcher says. Later it is renewed. If renewing fails, it still serves until
//!   it ends.
//! - However many processes ask at once for one key, one fetches. The others wait, and share its failure too.
//! - A folder or file that is corrupt, read-only, another user's, or on a full disk never makes a call fail: the secret is fetched as if
//!   there were no cache.
//! - The folder has mode 0700 and its files 0600. A file that others could have read or written is ignored.
//!
//! ```
//! use std::time::{Duration, Instant, SystemTime};
//!
//! use context::Progress;
//! use secret_cache::{Cache, Fetched, Key, Request};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let cache = Cache::open(Some(folder.path().join("cache")));
//! let key = Key::builder().field("role", "arn:aws:iam::111122223333:role/pull").build();
//! let request = Request {
//!     key: &key,
//!     name: "registry.example",
//!     started: SystemTime::now(),
//!     deadline: Instant::now() + Duration::from_secs(15),
//!     progress: &Progress::default(),
//! };
//! let mut fetches = 0;
//! for _ in 0..2 {
//!     let cached = cache.get(&request, &SystemTime::now, &mut |_time_left| {
//!         fetches += 1;
//!         let expires_at = SystemTime::now() + Duration::from_secs(3600);
//!         Ok(Fetched { secret: "password".into(), expires_at, renew_at: None })
//!     });
//!     assert_eq!(cached.unwrap().secret.expose(), "password");
//! }
//! assert_eq!(fetches, 1);
//! ```
//!
//! Modules, from the bottom: `key`, `guard` (who could write a file), `lock`, `entry` (one file), `folder`, `flight` (one fetches for all).

mod entry;
mod flight;
mod folder;
mod guard;
mod hold;
mod key;
mod lock;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

pub use self::hold::Hold;
pub use self::key::{Key, KeyBuilder};

use self::flight::Flight;
use self::folder::Folder;
use self::lock::{Attempt, Lock};
use context::{Env, Progress};
use diagnostics::Error;
use secret::Secret;

/// How long [`Cache::remove`] and [`Cache::clear`] wait for one who is just fetching.
const REMOVE_WAIT: Duration = Duration::from_secs(1);

/// A cache of secrets, or none.
#[derive(Debug, Clone)]
pub struct Cache(Option<Folder>);

/// What fetching gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The secret.
    pub secret: Secret,
    /// When it ends, by the clock handed to [`Cache::get`]: who knows that clock to be wrong corrects this.
    pub expires_at: SystemTime,
    /// From when on it is renewed; `None`: after half its life.
    pub renew_at: Option<SystemTime>,
}

/// A secret handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The secret.
    pub secret: Secret,
    /// When it ends, see [`Fetched::expires_at`].
    pub expires_at: SystemTime,
}

impl From<Fetched> for Held {
    fn from(fetched: Fetched) -> Self {
        Self {
            secret: fetched.secret,
            expires_at: fetched.expires_at,
        }
    }
}

/// When a secret was fetched, and until when it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was fetched.
    pub fetched_at: SystemTime,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The key of the secret.
    pub key: &'a Key,
    /// The name it is asked for under (a host). The entry remembers it for [`Cache::entries`].
    pub name: &'a str,
    /// When this process started. Who started before another's fetch failed, or within two seconds after it, shares the
    /// failure; who started later fetches.
    pub started: SystemTime,
    /// When the caller gives up waiting.
    pub deadline: Instant,
    /// Where people see that another process is waited for.
    pub progress: &'a Progress,
}

impl Cache {
    /// The cache in this folder, which is created when something is to be kept; `None` is no cache: all is fetched.
    pub fn open(folder: Option<PathBuf>) -> Self {
        Self(folder.map(Folder::new))
    }

    /// Where the environment puts the cache: `ECR_AUTH_CACHE_DIR`, else `AWS_ECR_CACHE_DIR` (a leading `~/` is the home folder),
    /// else `ecr-auth` in the user's cache folder. `None` if it is switched off (`ECR_AUTH_CACHE=off`,
    /// `AWS_ECR_DISABLE_CACHE` not empty) or there is no home folder.
    pub fn folder(env: &Env) -> Option<PathBuf> {
        let is_off = env.get("ECR_AUTH_CACHE").is_some_and(|v| v.eq_ignore_ascii_case("off"));
        if is_off || env.get("AWS_ECR_DISABLE_CACHE").is_some() {
            return None;
        }
        let named = env.path("ECR_AUTH_CACHE_DIR").or_else(|| env.path("AWS_ECR_CACHE_DIR"));
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
    pub fn warm(&self, key: &Key, name: &str, now: SystemTime) -> Option<Held> {
        let folder = self.0.as_ref()?;
        let entry = folder.read(key)?;
        let held = entry.fresh(now)?;
        flight::remember(folder, key, name, &entry);
        Some(held)
    }

    /// The life of the secret of `key`, if there is one, ended or not. Unlike [`Cache::warm`] it leaves no trace.
    pub fn life(&self, key: &Key) -> Option<Life> {
        self.0.as_ref()?.read(key)?.life()
    }

    /// The secret of a key: from the cache, or from `fetch`, which is told how long it may take.
    ///
    /// # Errors
    /// The failure of `fetch`, or that of the process that asked for all; or the deadline came while another process was
    /// still fetching. Never for reasons of the cache.
    pub fn get(
        &self,
        request: &Request<'_>,
        clock: &dyn Fn() -> SystemTime,
        fetch: &mut dyn FnMut(Duration) -> Result<Fetched, Error>,
    ) -> Result<Held, Error> {
        self.get_prepared(request, clock, &mut |_| {}, fetch)
    }

    /// The secret of a key, as [`Cache::get`]. If there is something to fetch, `prepare` is called before any lock of this key is taken:
    /// it does what takes locks of its own. Without a cache folder nothing is prepared.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn get_prepared(
        &self,
        request: &Request<'_>,
        clock: &dyn Fn() -> SystemTime,
        prepare: &mut dyn FnMut(Duration),
        fetch: &mut dyn FnMut(Duration) -> Result<Fetched, Error>,
    ) -> Result<Held, Error> {
        match &self.0 {
            Some(folder) if folder.prepare().is_ok() => {
                let result = Flight::new(folder, request, clock).secret(prepare, fetch);
                folder.prune(clock());
                result
            }
            _ => fetch(request.time_left()).map(Held::from),
        }
    }

    /// Forgets the secret of `key`, and how fetching it failed.
    pub fn remove(&self, key: &Key) {
        if let Some(folder) = self.existing() {
            forget(folder, key, remove_deadline());
        }
    }

    /// Forgets every secret that was handed out under `name`, whoever it was fetched for.
    pub fn remove_named(&self, name: &str) {
        let Some(folder) = self.existing() else { return };
        let deadline = remove_deadline();
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
        let deadline = remove_deadline();
        for key in folder.keys() {
            if folder.read(&key).is_some_and(|entry| entry.has_only_failed(now)) {
                forget(folder, &key, deadline);
            }
        }
    }

    /// The key (as text) and the names of every secret that is valid now.
    pub fn entries(&self, now: SystemTime) -> Vec<(String, Vec<String>)> {
        let Some(folder) = &self.0 else { return Vec::new() };
        let valid = |key: Key| {
            let entry = folder.read(&key).filter(|entry| entry.valid(now).is_some())?;
            Some((key.to_string(), entry.names().to_vec()))
        };
        folder.keys().into_iter().filter_map(valid).collect()
    }

    /// Every secret that is valid now and was kept under `name`.
    pub fn named(&self, name: &str, now: SystemTime) -> Vec<Held> {
        let Some(folder) = &self.0 else { return Vec::new() };
        let entries = folder.keys().into_iter().filter_map(|key| folder.read(&key));
        let named = entries.filter(|entry| entry.names().iter().any(|known| known == name));
        named.filter_map(|entry| entry.valid(now)).collect()
    }

    /// Forgets all secrets.
    pub fn clear(&self) {
        if let Some(folder) = self.existing() {
            let deadline = remove_deadline();
            for key in folder.keys() {
                forget(folder, &key, deadline);
            }
        }
    }

    /// The folder, if there is one to remove something from.
    fn existing(&self) -> Option<&Folder> {
        let folder = self.0.as_ref()?;
        (folder.exists() && folder.prepare().is_ok()).then_some(folder)
    }
}

impl Request<'_> {
    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn remove_deadline() -> Instant {
    Instant::now() + REMOVE_WAIT
}

/// Removes an entry under its lock, so that nobody writes back what was read before. One who is still fetching when the wait
/// ends will write what is newer than this call.
fn forget(folder: &Folder, key: &Key, deadline: Instant) {
    let lock = Lock::take(&folder.lock_path(key), deadline);
    folder.remove(key);
    if let Attempt::Held(lock) = lock {
        lock.remove();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
