//! What one file of the cache holds, and what it is worth at a given time.
//!
//! The file is one JSON object; times are milliseconds since 1970-01-01 UTC:
//! ```json
//! {"version":1,"key":"<64 hex digits>","names":["<host>"],
//!  "token":{"secret":"<password>","fetched_at":1700000000000,"expires_at":1700043200000,"renew_at":1700042900000},
//!  "failure":{"at":1700000000000,"code":"EA0301","usage":false,"what":"…","cause":"…","hint":"…"}}
//! ```
//! `token` is the last one fetched, `failure` how fetching failed since then; either may be `null`. Without `renew_at` a token is
//! renewed after half its life.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::cached::{CachedSecret, SecretLife};
use super::key::CacheKey;
use diagnostics::{Code, Error, Exit};
use secret::{self, Secret};

/// The version of the file's format. A file of another version is ignored, and replaced by the next fetch.
const VERSION: u32 = 1;

/// Longest file that is read, in bytes. ECR's passwords have 2 to 5 KiB.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// How many names an entry remembers, and how long one may be (a DNS name has at most 253 characters, a port five more).
const MAX_NAMES: usize = 100;
const MAX_NAME_BYTES: usize = 300;

/// A token counts as ended this long before it does, because the client still has to use it: at most, and for short lives
/// this share of the life.
const END_MARGIN: Duration = Duration::from_secs(5);
const SHARE_OF_LIFE: u32 = 12;

/// How far ahead of our clock another process's clock may have been (a home folder shared between machines): at most, and
/// for short lives `SHARE_OF_LIFE`. What comes from further in the future was written before the clock was set back;
/// when it ends can't be told, so it isn't used.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// After a failed renewal, the token that is still valid is served this long before renewing is tried again.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);

/// Who started at most this long after a failure shares it. "At once" takes a moment: two cores need about a second to
/// start 300 processes, and a refusal comes back in milliseconds. Short enough that a person who mends the cause and
/// tries again is not told of the old failure.
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
    /// `None`: after half its life.
    #[serde(with = "optional_millis", default, skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<SystemTime>,
}

/// How the last fetch failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecordedFailure {
    #[serde(with = "millis")]
    at: SystemTime,
    code: Code,
    usage: bool,
    what: String,
    cause: String,
    hint: Option<String>,
}

/// A failure that another version wrote, with a code we don't know or none, costs nobody the token beside it.
fn known_failure<'de, D: Deserializer<'de>>(from: D) -> Result<Option<RecordedFailure>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// What an entry has for a caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EntryAnswer {
    /// This secret, with nothing else to do.
    Serve(CachedSecret),
    /// This secret, if it can't be renewed.
    Renew(CachedSecret),
    /// The failure of the one who asked for all.
    Share(Error),
    /// Nothing: fetch.
    Fetch,
}

impl CacheEntry {
    /// An entry with nothing in it.
    pub fn empty(key: &CacheKey) -> Self {
        Self {
            version: VERSION,
            key: key.to_string(),
            names: Vec::new(),
            token: None,
            failure: None,
        }
    }

    /// Reads the file of `key`. `None` for whatever is not an entry of this version and key.
    pub fn decode(key: &CacheKey, bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.version == VERSION && entry.key == key.as_str()).then_some(entry)
    }

    /// The bytes of the file; `None` where they could not be read again (too long, or a time before 1970).
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Room for all of it, so that no copy of the secret is left behind where the buffer grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        serde_json::to_writer(&mut *bytes, self).ok()?;
        (bytes.len() <= MAX_BYTES).then_some(bytes)
    }

    /// What this entry has at `now` for a caller whose process started at `started`.
    pub fn answer(&self, now: SystemTime, started: SystemTime) -> EntryAnswer {
        let failure = self.failure.as_ref();
        match self.token.as_ref().map(|token| (token, token.standing(now))) {
            Some((token, Freshness::Fresh)) => EntryAnswer::Serve(token.held()),
            Some((token, Freshness::Valid)) if failure.is_some_and(|f| f.pauses_renewal(now)) => {
                EntryAnswer::Serve(token.held())
            }
            Some((token, Freshness::Valid)) => EntryAnswer::Renew(token.held()),
            Some((_, Freshness::Ended)) | None => failure
                .filter(|f| f.is_shared_with(started, now))
                .map_or(EntryAnswer::Fetch, |f| EntryAnswer::Share(f.error())),
        }
    }

    /// The secret, if it need not be renewed yet.
    pub fn fresh(&self, now: SystemTime) -> Option<CachedSecret> {
        let token = self.token.as_ref()?;
        (token.standing(now) == Freshness::Fresh).then(|| token.held())
    }

    /// The secret, if it has not ended.
    pub fn valid(&self, now: SystemTime) -> Option<CachedSecret> {
        let token = self.token.as_ref()?;
        (token.standing(now) != Freshness::Ended).then(|| token.held())
    }

    /// The life of the secret, if there is one.
    pub fn life(&self) -> Option<SecretLife> {
        self.token.as_ref().map(|token| SecretLife {
            fetched_at: token.fetched_at,
            expires_at: token.expires_at,
        })
    }

    /// Whether nothing in this entry will be of use to anybody.
    pub fn is_spent(&self, now: SystemTime) -> bool {
        let shared = |f: &RecordedFailure| f.is_shared_with(now, now);
        self.valid(now).is_none() && !self.failure.as_ref().is_some_and(shared)
    }

    /// Whether a failure is all there is.
    pub fn has_only_failed(&self, now: SystemTime) -> bool {
        self.failure.is_some() && self.valid(now).is_none()
    }

    /// Puts in a new token; the failure before it is over.
    pub fn succeed(&mut self, token: EntrySecret) {
        self.token = Some(token);
        self.failure = None;
    }

    /// Notes how fetching failed at `at`. The token stays, because it may still be valid; but not if the sign-in is over that it came of.
    pub fn fail(&mut self, error: &Error, at: SystemTime) {
        if error.code().ends_the_sign_in() {
            self.token = None;
        }
        self.failure = Some(RecordedFailure::new(error, at));
    }

    /// The names the secret was handed out under.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a name is worth adding: it isn't empty, known or overlong, and the list isn't full.
    pub fn wants(&self, name: &str) -> bool {
        let is_known = self.names.iter().any(|known| known == name);
        !is_known && !name.is_empty() && name.len() <= MAX_NAME_BYTES && self.names.len() < MAX_NAMES
    }

    /// Adds a name, if it is wanted.
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

    /// How much of its life passes before it is renewed.
    fn fresh_for(&self, life: Duration) -> Duration {
        let renew_after = |at: SystemTime| at.duration_since(self.fetched_at).unwrap_or_default();
        self.renew_at.map_or(life / 2, renew_after)
    }
}

impl RecordedFailure {
    fn new(error: &Error, at: SystemTime) -> Self {
        let (what, cause, hint) = error.templates();
        Self {
            at,
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

    fn is_shared_with(&self, started: SystemTime, now: SystemTime) -> bool {
        self.is_past(now) && started.duration_since(self.at).unwrap_or_default() <= SHARED_FAILURE
    }

    /// A failure from the future was written before the clock was set back: it would hold until the clock has caught up.
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

/// The same, where there may be none.
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
