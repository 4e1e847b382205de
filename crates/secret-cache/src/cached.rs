//! The requests to the cache and their results.

use std::time::{Duration, Instant, SystemTime};

use super::key::CacheKey;
use context::Progress;
use secret::Secret;

/// The result of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedSecret {
    /// The secret.
    pub secret: Secret,
    /// When the secret ends, by the clock given to [`Cache::get`]. The fetcher corrects it if it knows that this clock is wrong.
    pub expires_at: SystemTime,
    /// When the secret has to be renewed. `None` means after half its life.
    pub renew_at: Option<SystemTime>,
    /// The name that the response gives to the secret, if the caller did not know it before.
    pub name: Option<String>,
}

/// A secret from the cache or from a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSecret {
    /// The secret.
    pub secret: Secret,
    /// When it ends, see [`FetchedSecret::expires_at`].
    pub expires_at: SystemTime,
}

impl From<FetchedSecret> for CachedSecret {
    fn from(fetched: FetchedSecret) -> Self {
        Self {
            secret: fetched.secret,
            expires_at: fetched.expires_at,
        }
    }
}

/// When a secret was fetched, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretLife {
    /// When it was fetched.
    pub fetched_at: SystemTime,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// A request for a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretRequest<'a> {
    /// The key of the secret.
    pub key: &'a CacheKey,
    /// The name under which it is requested (a host). The entry remembers it for [`Cache::entries`].
    pub name: &'a str,
    /// When this process started. A process that started before another's fetch failed, or within two seconds after, shares the failure. A later
    /// process fetches.
    pub started: SystemTime,
    /// A digest of the settings that decide how the secret can be fetched and do not belong to its key. A process with others fetches: they may be the
    /// remedy for the failure.
    pub settings: &'a str,
    /// When the caller gives up waiting.
    pub deadline: Instant,
    /// Shows that another process is being waited for.
    pub progress: &'a Progress,
}

impl SecretRequest<'_> {
    /// Returns the time until the deadline.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
