//! The cache's behaviour for callers: in one process with its own clock, and in many (`processes`).

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::*;
use crate::cache::REMOVE_WAIT;
use context::{Env, Progress};
use diagnostics::{Code, Error};
use private_files::{Lock, LockAttempt};
use secret::Secret;

mod disturbed;
mod freshness;
mod processes;
mod sharing;
mod tidy;

const HOUR: Duration = Duration::from_secs(3600);
const LIFE: Duration = Duration::from_secs(12 * 3600);
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// Between fork and exec a child also holds its parent's locks. So no test here may start a child while another test in
/// this process relies on its locks being free.
static NO_FORK: RwLock<()> = RwLock::new(());

fn no_fork() -> RwLockReadGuard<'static, ()> {
    NO_FORK.read().unwrap_or_else(PoisonError::into_inner)
}

/// A cache in its own folder, with a clock that only moves on request and a source of secrets that counts its fetches.
struct Scene {
    home: TempDir,
    now: Cell<SystemTime>,
    fetches: Cell<usize>,
    budget: Cell<Duration>,
    fails: Cell<bool>,
    takes: Cell<Duration>,
    renew_after: Cell<Option<Duration>>,
    deadline: Cell<Instant>,
    during_fetch: RefCell<Box<dyn Fn()>>,
    _no_fork: RwLockReadGuard<'static, ()>,
}

impl Scene {
    fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            now: Cell::new(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
            fetches: Cell::new(0),
            budget: Cell::new(Duration::ZERO),
            fails: Cell::new(false),
            takes: Cell::new(Duration::ZERO),
            renew_after: Cell::new(None),
            deadline: Cell::new(Instant::now() + Duration::from_secs(15)),
            during_fetch: RefCell::new(Box::new(|| {})),
            _no_fork: no_fork(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("cache/ecr-auth")
    }

    fn cache(&self) -> Cache {
        Cache::open(Some(self.folder()))
    }

    fn entry_path(&self) -> PathBuf {
        self.folder().join(format!("{}.json", key()))
    }

    fn lock_path(&self) -> PathBuf {
        self.folder().join(format!("{}.lock", key()))
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    fn fail(&self) {
        self.fails.set(true);
    }

    fn get(&self) -> Result<String, Error> {
        self.get_key(&key(), HOST)
    }

    fn get_as(&self, name: &str) -> Result<String, Error> {
        self.get_key(&key(), name)
    }

    fn get_key(&self, key: &CacheKey, name: &str) -> Result<String, Error> {
        let request = SecretRequest {
            key,
            name,
            started: self.now.get(),
            settings: "",
            deadline: self.deadline.get(),
            progress: &Progress::default(),
        };
        let secret = self
            .cache()
            .get(&request, &|| self.now.get(), &mut |budget| self.fetch(budget));
        secret.map(|held| held.secret.expose().to_owned())
    }

    fn fetch(&self, budget: Duration) -> Result<FetchedSecret, Error> {
        self.fetches.set(self.fetches.get() + 1);
        self.budget.set(budget);
        self.pass(self.takes.get());
        (self.during_fetch.borrow())();
        if self.fails.get() {
            return Err(denial());
        }
        Ok(FetchedSecret {
            secret: Secret::new(format!("password {}", self.fetches.get())),
            expires_at: self.now.get() + LIFE,
            renew_at: self.renew_after.get().map(|after| self.now.get() + after),
            name: None,
        })
    }

    fn warm(&self) -> Option<String> {
        let secret = self.cache().warm(&key(), HOST, self.now.get());
        secret.map(|held| held.secret.expose().to_owned())
    }

    fn names(&self) -> Vec<String> {
        self.cache()
            .entries(self.now.get())
            .into_iter()
            .flat_map(|(_, names)| names)
            .collect()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Creates a scene with the entry of one get.
    fn with_entry() -> Self {
        let scene = Self::new();
        assert_eq!(scene.get().unwrap(), "password 1");
        scene
    }

    /// The get after a disturbance must fetch and succeed.
    #[track_caller]
    fn fetches_anew(&self) {
        let before = self.fetches.get();
        assert_eq!(self.warm(), None);
        assert_eq!(self.get().unwrap(), format!("password {}", before + 1));
    }

    /// Then the cache must work again.
    #[track_caller]
    fn is_mended(&self) {
        let fetches = self.fetches.get();
        assert_eq!(self.get().unwrap(), format!("password {fetches}"));
        assert_eq!(self.warm().unwrap(), format!("password {fetches}"));
        assert_eq!(self.fetches.get(), fetches);
    }
}

fn key() -> CacheKey {
    CacheKey::builder().field("region", "eu-west-1").build()
}

fn other_key(i: usize) -> CacheKey {
    CacheKey::builder().field("other", i.to_string()).build()
}

fn denial() -> Error {
    Error::failed(Code::TokenDenied, "cannot get a token", "denied").hint("ask for the right")
}
