//! What callers ask for, and what they get.

use std::time::{Duration, Instant, SystemTime};

use super::key::CacheKey;
use context::Progress;
use secret::Secret;

/// What fetching gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedSecret {
    /// The secret.
    pub secret: Secret,
    /// When it ends, by the clock handed to [`Cache::get`]: who knows that clock to be wrong corrects this.
    pub expires_at: SystemTime,
    /// From when on it is renewed; `None`: after half its life.
    pub renew_at: Option<SystemTime>,
    /// The name that the answer gives to the secret, if the caller could not name it before.
    pub name: Option<String>,
}

/// A secret handed out.
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

/// When a secret was fetched, and until when it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretLife {
    /// When it was fetched.
    pub fetched_at: SystemTime,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct SecretRequest<'a> {
    /// The key of the secret.
    pub key: &'a CacheKey,
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

impl SecretRequest<'_> {
    /// Returns the time until the deadline.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
