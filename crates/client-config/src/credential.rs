//! A credential in the form of a store, and in the form of `auths`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
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

/// `base64.StdEncoding` of Go: padding is required, and the bits after the last byte are ignored.
const GO_STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Why clients cannot read an `auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthFault {
    /// The text is not base64.
    NotBase64,
    /// There is no user name with a colon after it.
    NoUserName,
}

impl AuthFault {
    /// Returns the words for an error message.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotBase64 => "an auth that is not base64",
            Self::NoUserName => "an auth that is not base64 of USER:PASSWORD",
        }
    }
}

/// Returns the user name and password in an `auth`, as `decodeAuth` of docker/cli does: Go skips line breaks, and NUL characters are dropped, which old
/// helpers on Windows left after a password.
pub(super) fn decoded(auth: &Secret) -> Result<StoredCredential, AuthFault> {
    let lines: Zeroizing<String> = auth.expose().split(['\r', '\n']).collect::<String>().into();
    let plain = GO_STANDARD.decode(lines.as_bytes()).map(Zeroizing::new);
    let plain = plain.map_err(|_| AuthFault::NotBase64)?;
    let pair = go_text(&plain);
    match pair.split_once(':') {
        Some((username, password)) if !username.is_empty() => Ok(StoredCredential {
            username: username.to_owned(),
            secret: Secret::new(password.trim_matches('\0')),
        }),
        _ => Err(AuthFault::NoUserName),
    }
}

/// Returns bytes as text. As in Go's JSON, each byte that is not UTF-8 becomes U+FFFD.
pub(super) fn go_text(bytes: &[u8]) -> Zeroizing<String> {
    // With this capacity, no shorter copy of a secret is left in memory.
    let mut text = Zeroizing::new(String::with_capacity(3 * bytes.len()));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}
