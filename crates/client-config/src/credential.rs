//! A credential in the form of a store, and in the form of `auths`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use secret::{Secret, exposed};

/// The user name in a credential store that marks the secret as an identity token.
pub(super) const TOKEN_USER: &str = "<token>";

/// A user name and password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StoredCredential {
    /// The user name.
    pub username: String,
    /// The password.
    #[serde(deserialize_with = "exposed::deserialize")]
    pub secret: Secret,
}

/// A password that a `docker login` left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// When the password ends, if that is known.
    pub ends_at: Option<SystemTime>,
}

impl StoredPassword {
    /// Reads the end of a password of ECR, which is base64 of a JSON object.
    pub fn from_secret(password: &Secret) -> Self {
        #[derive(Deserialize)]
        struct EcrPasswordContent {
            expiration: u64,
        }
        let decoded = STANDARD.decode(password.expose().trim()).map(Zeroizing::new).ok();
        let content = decoded.and_then(|text| serde_json::from_slice::<EcrPasswordContent>(&text).ok());
        let ends_at = content.and_then(|content| UNIX_EPOCH.checked_add(Duration::from_secs(content.expiration)));
        Self { ends_at }
    }
}

/// Returns the `auth` for a user name and password.
pub(super) fn auth_text(username: &str, password: &Secret) -> Secret {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
    Secret::new(STANDARD.encode(pair.as_bytes()))
}

/// Returns the user name and password in an `auth`. Like docker, this drops NUL characters, which old helpers on Windows left after a password.
pub(super) fn decoded(auth: &Secret) -> Option<StoredCredential> {
    let plain = STANDARD.decode(auth.expose()).map(Zeroizing::new).ok()?;
    let (username, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
    let username = (!username.is_empty()).then(|| username.to_owned())?;
    Some(StoredCredential {
        username,
        secret: Secret::new(password.trim_matches('\0')),
    })
}
