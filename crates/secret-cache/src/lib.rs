//! Secrets on disk, by key: one process fetches a secret, all processes share it. The caller decides what a key means.
//!
//! - A secret is fresh for half of its life, or as long as its fetcher says. Later it is renewed. If renewing fails, it still serves until
//!   it ends.
//! - However many processes ask at once for one key, one fetches. The others wait, and share its failure too
//!   if their settings are the same.
//! - A folder or file that is corrupt, read-only, another user's, or on a full disk never makes a call fail: the secret is fetched as if
//!   there were no cache.
//! - The folder has mode 0700 and its files 0600. A file that others could have read or written is ignored.
//!
//! ```
//! use std::time::{Duration, Instant, SystemTime};
//!
//! use context::Progress;
//! use secret_cache::{Cache, FetchedSecret, CacheKey, SecretRequest};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let cache = Cache::open(Some(folder.path().join("cache")));
//! let key = CacheKey::builder().field("role", "arn:aws:iam::111122223333:role/pull").build();
//! let request = SecretRequest {
//!     key: &key,
//!     name: "registry.example",
//!     started: SystemTime::now(),
//!     settings: "",
//!     deadline: Instant::now() + Duration::from_secs(15),
//!     progress: &Progress::default(),
//! };
//! let mut fetches = 0;
//! for _ in 0..2 {
//!     let cached = cache.get(&request, &SystemTime::now, &mut |_time_left| {
//!         fetches += 1;
//!         let expires_at = SystemTime::now() + Duration::from_secs(3600);
//!         Ok(FetchedSecret { secret: "password".into(), expires_at, renew_at: None, name: None })
//!     });
//!     assert_eq!(cached.unwrap().secret.expose(), "password");
//! }
//! assert_eq!(fetches, 1);
//! ```
//!
//! Modules, from the bottom: `key`, `cached` (what goes in and out), `guard` (who could write a file), `entry` (one file), `folder`,
//! `flight` (one fetches for all), `cache`, `locked_entry` (a secret that its user replaces).

mod cache;
mod cached;
mod entry;
mod flight;
mod folder;
mod guard;
mod key;
mod locked_entry;

pub use cache::Cache;
pub use cached::{CachedSecret, FetchedSecret, SecretLife, SecretRequest};
pub use key::{CacheKey, KeyBuilder};
pub use locked_entry::LockedEntry;

#[cfg(test)]
#[cfg(unix)]
mod tests;
