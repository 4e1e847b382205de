//! The contents of one file of the cache, and what they mean at a given time.
//!
//! The file is one JSON object; times are milliseconds since 1970-01-01 UTC:
//! ```json
//! {"version":1,"key":"<64 hex digits>","names":["<host>"],
//!  "token":{"secret":"<password>","fetched_at":1700000000000,"expires_at":1700043200000,"renew_at":1700042900000},
//!  "failure":{"at":1700000000000,"settings":"<digest>","code":"EA0301","usage":false,"what":"…","cause":"…","hint":"…"}}
//! ```
//! `token` is the last one fetched, `failure` the last failure since then. Either may be `null`. Without `renew_at`, a token is renewed after half
//! its life.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::cached::{CachedSecret, SecretLife};
use super::key::CacheKey;
use diagnostics::{Code, Error, Exit};
use secret::{self, Secret};

/// The version of the file's format. A file of another version is ignored, and replaced by the next fetch.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes. ECR's passwords have 2 to 5 KiB.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// The most names of an entry, and the longest name (a DNS name has at most 253 characters, a port five more).
const MAX_NAMES: usize = 100;
const MAX_NAME_BYTES: usize = 300;

/// A token counts as ended this long before its end, because the client still has to use it. For short lives, the limit is `SHARE_OF_LIFE`.
const END_MARGIN: Duration = Duration::from_secs(5);
const SHARE_OF_LIFE: u32 = 12;

/// How far another process's clock may have been ahead of ours (a home folder shared between machines). For short lives, the limit is
/// `SHARE_OF_LIFE`. A time further in the future was written before the clock was set back. The end of such a token is unknown, so it is not used.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// After a failed renewal, a token that is still valid is used this long before the next try.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);

/// A process with the same settings that started at most this long after a failure shares it. Processes started "at once" need a moment: two cores take about a second to
/// start 300, and a refusal comes back in milliseconds. It is short enough that a person who fixes the cause and tries again does not get the old
/// failure.
const SHARED_FAILURE: Duration = Duration::from_secs(2);

/// One entry of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CacheEntry {
    version: u32,
    key: String,
    names: Vec<String>,
    token: Option<EntrySecret>,
    #[serde(deserialize_with = "known_failure")]
    failure: Option<RecordedFailure>,
}

/// A secret and its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntrySecret {
    #[serde(with = "secret::exposed")]
    pub secret: Secret,
    #[serde(with = "millis")]
    pub fetched_at: SystemTime,
    #[serde(with = "millis")]
    pub expires_at: SystemTime,
    /// When it is renewed. `None` means after half its life.
    #[serde(with = "optional_millis", default, skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<SystemTime>,
}

/// How the last fetch failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecordedFailure {
    #[serde(with = "millis")]
    at: SystemTime,
    /// [`SecretRequest::settings`](super::SecretRequest::settings) of the process that failed.
    settings: String,
    code: Code,
    usage: bool,
    what: String,
    cause: String,
    hint: Option<String>,
}

/// Reads a failure. One with an unknown code, written by another version, is dropped, and the token beside it is kept.
fn known_failure<'de, D: Deserializer<'de>>(from: D) -> Result<Option<RecordedFailure>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// The result of looking up an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EntryAnswer {
    /// Use this secret.
    Serve(CachedSecret),
    /// Renew this secret. Use it if that fails.
    Renew(CachedSecret),
    /// Return the failure of the process that fetched for all.
    Share(Error),
    /// Fetch the secret.
    Fetch,
}

impl CacheEntry {
    /// Returns an entry with nothing in it.
    pub fn empty(key: &CacheKey) -> Self {
        Self {
            version: VERSION,
            key: key.to_string(),
            names: Vec::new(),
            token: None,
            failure: None,
        }
    }

    /// Reads the file of `key`. Returns `None` for anything that is not an entry of this version and key.
    pub fn decode(key: &CacheKey, bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.version == VERSION && entry.key == key.as_str()).then_some(entry)
    }

    /// Returns the bytes of the file. `None` if they could not be read again (too long, or a time before 1970).
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        // The buffer has room for everything, because a buffer that grows would leave copies of the secret in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        serde_json::to_writer(&mut *bytes, self).ok()?;
        (bytes.len() <= MAX_BYTES).then_some(bytes)
    }

    /// Returns what this entry means at `now` for a process with these settings that started at `started`.
    pub fn answer(&self, now: SystemTime, started: SystemTime, settings: &str) -> EntryAnswer {
        let failure = self.failure.as_ref();
        match self.token.as_ref().map(|token| (token, token.standing(now))) {
            Some((token, Freshness::Fresh)) => EntryAnswer::Serve(token.held()),
            Some((token, Freshness::Valid)) if failure.is_some_and(|f| f.pauses_renewal(now)) => {
                EntryAnswer::Serve(token.held())
            }
            Some((token, Freshness::Valid)) => EntryAnswer::Renew(token.held()),
            Some((_, Freshness::Ended)) | None => failure
                .filter(|f| f.settings == settings && f.is_recent(started, now))
                .map_or(EntryAnswer::Fetch, |f| EntryAnswer::Share(f.error())),
        }
    }

    /// Returns the secret, if it need not be renewed yet.
    pub fn fresh(&self, now: SystemTime) -> Option<CachedSecret> {
        let token = self.token.as_ref()?;
        (token.standing(now) == Freshness::Fresh).then(|| token.held())
    }

    /// Returns the secret, if it has not ended.
    pub fn valid(&self, now: SystemTime) -> Option<CachedSecret> {
        let token = self.token.as_ref()?;
        (token.standing(now) != Freshness::Ended).then(|| token.held())
    }

    /// Returns the life of the secret, if there is one.
    pub fn life(&self) -> Option<SecretLife> {
        self.token.as_ref().map(|token| SecretLife {
            fetched_at: token.fetched_at,
            expires_at: token.expires_at,
        })
    }

    /// Whether nothing in this entry can be used any more.
    pub fn is_spent(&self, now: SystemTime) -> bool {
        let recent = |f: &RecordedFailure| f.is_recent(now, now);
        self.valid(now).is_none() && !self.failure.as_ref().is_some_and(recent)
    }

    /// Whether the entry holds only a failure.
    pub fn has_only_failed(&self, now: SystemTime) -> bool {
        self.failure.is_some() && self.valid(now).is_none()
    }

    /// Sets a new token, and removes the last failure.
    pub fn succeed(&mut self, token: EntrySecret) {
        self.token = Some(token);
        self.failure = None;
    }

    /// Notes a failure at `at` of a process with these settings. A token that may still be valid is kept, unless the sign-in that it came from is over.
    pub fn fail(&mut self, error: &Error, at: SystemTime, settings: &str) {
        if error.code().ends_the_sign_in() {
            self.token = None;
        }
        self.failure = Some(RecordedFailure::new(error, at, settings));
    }

    /// Returns the names under which the secret was given out.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a name should be added: it is not empty, known or too long, and the list is not full.
    pub fn wants(&self, name: &str) -> bool {
        let is_known = self.names.iter().any(|known| known == name);
        !is_known && !name.is_empty() && name.len() <= MAX_NAME_BYTES && self.names.len() < MAX_NAMES
    }

    /// Adds a name, if it should be added.
    pub fn remember(&mut self, name: &str) {
        if self.wants(name) {
            self.names.push(name.to_owned());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Fresh,
    Valid,
    Ended,
}

impl EntrySecret {
    fn held(&self) -> CachedSecret {
        CachedSecret {
            secret: self.secret.clone(),
            expires_at: self.expires_at,
        }
    }

    fn standing(&self, now: SystemTime) -> Freshness {
        let Ok(life) = self.expires_at.duration_since(self.fetched_at) else {
            return Freshness::Ended;
        };
        let share = life / SHARE_OF_LIFE;
        let age = now.duration_since(self.fetched_at);
        match age {
            Err(early) if early.duration() > CLOCK_SKEW.min(share) => Freshness::Ended,
            Ok(age) if age + END_MARGIN.min(share) >= life => Freshness::Ended,
            Ok(age) if age >= self.fresh_for(life) => Freshness::Valid,
            _ => Freshness::Fresh,
        }
    }

    /// Returns how long the secret is used before it is renewed.
    fn fresh_for(&self, life: Duration) -> Duration {
        let renew_after = |at: SystemTime| at.duration_since(self.fetched_at).unwrap_or_default();
        self.renew_at.map_or(life / 2, renew_after)
    }
}

impl RecordedFailure {
    fn new(error: &Error, at: SystemTime, settings: &str) -> Self {
        let (what, cause, hint) = error.templates();
        Self {
            at,
            settings: settings.to_owned(),
            code: error.code(),
            usage: error.exit() == Exit::Usage,
            what: what.to_owned(),
            cause: cause.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    fn error(&self) -> Error {
        let kind = if self.usage { Error::usage } else { Error::failed };
        let error = kind(self.code, self.what.clone(), self.cause.clone());
        match &self.hint {
            Some(hint) => error.hint_lines(hint.lines()),
            None => error,
        }
    }

    fn pauses_renewal(&self, now: SystemTime) -> bool {
        self.is_past(now) && now.duration_since(self.at).unwrap_or_default() < RENEWAL_PAUSE
    }

    /// Whether a process that started at `started` asked at once with the one that failed.
    fn is_recent(&self, started: SystemTime, now: SystemTime) -> bool {
        self.is_past(now) && started.duration_since(self.at).unwrap_or_default() <= SHARED_FAILURE
    }

    /// Whether the failure is in the past. One from the future was written before the clock was set back, and would count until the clock has
    /// caught up.
    fn is_past(&self, now: SystemTime) -> bool {
        self.at.duration_since(now).unwrap_or_default() <= SHARED_FAILURE
    }
}

/// A time as milliseconds since 1970.
mod millis {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).map_err(ser::Error::custom)?;
        serializer.serialize_u64(u64::try_from(since.as_millis()).map_err(ser::Error::custom)?)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let since = Duration::from_millis(u64::deserialize(deserializer)?);
        UNIX_EPOCH
            .checked_add(since)
            .ok_or_else(|| de::Error::custom("a time out of range"))
    }
}

/// A time as milliseconds since 1970, or `null`.
mod optional_millis {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Millis(#[serde(with = "super::millis")] SystemTime);

    pub fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::millis::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Millis>::deserialize(deserializer)?.map(|Millis(time)| time))
    }
}

#[cfg(test)]
mod tests;
