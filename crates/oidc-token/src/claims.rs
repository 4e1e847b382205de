//! The claims of a web identity token. They are read without a check, because AWS checks them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The claims of a JWT (RFC 7519, section 4.1) that identify its owner. They stay the same when the token is renewed.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject.
    pub sub: String,
    /// The audience: a text or a list of texts.
    #[serde(default)]
    pub aud: Value,
    /// When the token ends, in seconds since 1970-01-01 UTC.
    pub exp: Option<f64>,
    /// When the token was issued, in seconds since 1970-01-01 UTC.
    pub iat: Option<f64>,
    /// All other claims.
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Claims {
    /// Reads the claims of a token. Returns `None` if it is not a JWT with an issuer and a subject.
    pub fn from_jwt(jwt: &str) -> Option<Self> {
        let mut parts = jwt.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Returns when the token ends, if it has an end.
    pub fn ends_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(self.exp?).ok()?)
    }

    /// Returns the audience for messages: one, or several separated by commas.
    pub fn audience(&self) -> String {
        self.audiences().join(", ")
    }

    /// Returns all audiences.
    pub fn audiences(&self) -> Vec<&str> {
        match &self.aud {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }

    /// Returns the text of another claim, if the token has it and it is not empty.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.others.get(claim)?.as_str().filter(|text| !text.is_empty())
    }
}
