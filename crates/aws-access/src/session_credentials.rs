//! The credentials of a session, and their form in the cache.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde::{Deserialize, Serialize};

use diagnostics::{Code, Error, Result};
use secret::Secret;
use secret_cache::FetchedSecret;

/// How long before its end a session is renewed. A short session is renewed at half its life.
pub(crate) const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// Credentials of an AWS session, or of a user's long-lived key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    /// `AKIA…` or `ASIA…`. It names the key and is not secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Sent with every request of a session. A long-lived key has none.
    pub session_token: Option<Secret>,
    /// When the session ends, by this machine's clock. A long-lived key never ends.
    pub expires_at: Option<SystemTime>,
    /// The region to use the credentials in, if one is to be returned.
    pub region: Option<String>,
}

impl From<&Credentials> for SessionCredentials {
    fn from(credentials: &Credentials) -> Self {
        Self {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Secret::new(credentials.secret_access_key()),
            session_token: credentials.session_token().map(Secret::new),
            expires_at: credentials.expiry(),
            region: None,
        }
    }
}

/// A session in the form of the cache.
#[derive(Serialize, Deserialize)]
struct CachedSession {
    access_key_id: String,
    #[serde(with = "secret::exposed")]
    secret_access_key: Secret,
    #[serde(
        default,
        deserialize_with = "secret::exposed::optional",
        serialize_with = "secret::exposed::serialize_optional"
    )]
    session_token: Option<Secret>,
    /// Seconds since 1970-01-01 UTC.
    expires_at: u64,
}

impl SessionCredentials {
    /// Returns the session in the form of the cache.
    ///
    /// # Errors
    /// The session has no end, or ends before 1970.
    pub(crate) fn to_cache(&self, now: SystemTime) -> Result<FetchedSecret> {
        let odd = |cause: &str| Error::failed(Code::OddAnswer, "AWS STS", cause);
        let expires_at = self.expires_at.ok_or_else(|| odd("the session has no end"))?;
        let since = expires_at.duration_since(UNIX_EPOCH);
        let text = serde_json::to_string(&CachedSession {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: self.session_token.clone(),
            expires_at: since.map_err(|_| odd("the session ended before 1970"))?.as_secs(),
        });
        let life = expires_at.duration_since(now).unwrap_or_default();
        Ok(FetchedSecret {
            secret: text
                .map(Secret::new)
                .map_err(|error| Error::failed(Code::OddAnswer, "the session", error))?,
            expires_at,
            renew_at: expires_at.checked_sub(RENEWAL.min(life / 2)),
            name: None,
        })
    }

    /// Returns a session from the cache, without its region.
    ///
    /// # Errors
    /// The cached text is not a session.
    pub(crate) fn from_cache(secret: &Secret) -> Result<Self> {
        let cached: CachedSession = serde_json::from_str(secret.expose()).map_err(|_| {
            Error::failed(Code::NotReadable, "the cached session", "it can't be read").hint("run: ecr-auth logout")
        })?;
        Ok(Self {
            access_key_id: cached.access_key_id,
            secret_access_key: cached.secret_access_key,
            session_token: cached.session_token,
            expires_at: Some(UNIX_EPOCH + Duration::from_secs(cached.expires_at)),
            region: None,
        })
    }

    /// Returns the session in the form of AWS's SDK.
    pub(crate) fn to_sdk(&self) -> Credentials {
        Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose(),
            self.session_token.as_ref().map(|token| token.expose().to_owned()),
            self.expires_at,
            "session",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `credential_process` may give a key that has an end but no session token.
    #[test]
    fn a_session_comes_out_of_the_cache_as_it_went_in() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for session_token in [None, Some(Secret::new("t"))] {
            let session = SessionCredentials {
                access_key_id: "ASIA1".into(),
                secret_access_key: Secret::new("s"),
                session_token,
                expires_at: Some(now + Duration::from_secs(3600)),
                region: None,
            };
            let kept = session.to_cache(now).unwrap();
            assert_eq!(SessionCredentials::from_cache(&kept.secret).unwrap(), session);
        }
    }

    #[test]
    fn a_session_is_renewed_five_minutes_before_its_end_or_after_half_its_life() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let renewed = |life: u64| {
            let credentials = SessionCredentials {
                access_key_id: "ASIA1".into(),
                secret_access_key: Secret::new("s"),
                session_token: None,
                expires_at: Some(now + Duration::from_secs(life)),
                region: None,
            };
            credentials
                .to_cache(now)
                .unwrap()
                .renew_at
                .unwrap()
                .duration_since(now)
                .unwrap()
                .as_secs()
        };
        assert_eq!(renewed(3600), 3300);
        assert_eq!(renewed(900), 600);
        assert_eq!(renewed(60), 30);
    }
}
