//! What a web identity token says about its bearer, read without checking it: AWS checks it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use secret::Secret;

/// The claims of a JWT (RFC 7519, section 4.1) that say whose token it is. They stay the same when the token is renewed.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject.
    pub sub: String,
    /// The audience: a text or a list of texts.
    #[serde(default)]
    pub aud: Value,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub exp: Option<f64>,
    /// When it was issued, in the same way.
    pub iat: Option<f64>,
}

impl Claims {
    /// Reads the claims of a token. Returns `None` if it is not a JWT with an issuer and a subject.
    pub fn from_jwt(jwt: &str) -> Option<Self> {
        let mut parts = jwt.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// When the token ends, if it says so.
    pub fn ends_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(self.exp?).ok()?)
    }

    /// The audience, for people: one, or several with commas between them.
    pub fn audience(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match &self.aud {
            Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(", "),
            one => text(one),
        }
    }
}

/// What identifies the bearer of the token in this file, as [`identity_of`] has it. A file that can't be read identifies nobody: the
/// caller's fetch will say why.
pub fn identity_in(token_file: &Path) -> Secret {
    let token = private_files::read_secret(token_file, private_files::TOKEN_LIMIT);
    token.map(|token| identity_of(&token)).unwrap_or_default()
}

/// What identifies the bearer of a token: issuer, subject and audience where it is a JWT, else the whole of it.
pub fn identity_of(token: &Secret) -> Secret {
    match Claims::from_jwt(token.expose().trim()) {
        Some(claims) => Secret::new(format!("{:?} {:?} {}", claims.iss, claims.sub, claims.aud)),
        None => token.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    fn identity(content: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        identity_in(file.path()).expose().to_owned()
    }

    #[test]
    fn renewed_tokens_of_one_bearer_are_one_identity() {
        let first = identity(&jwt(r#"{"iss":"i","sub":"s","aud":["a"],"exp":1}"#));
        let second = identity(&(jwt(r#"{"iss":"i","sub":"s","aud":["a"],"exp":2}"#) + "\n"));
        assert_eq!(first, second);
        for other in [
            r#"{"iss":"i","sub":"t","aud":["a"]}"#,
            r#"{"iss":"j","sub":"s","aud":["a"]}"#,
            r#"{"iss":"i","sub":"s","aud":["b"]}"#,
        ] {
            assert_ne!(identity(&jwt(other)), first);
        }
    }

    #[test]
    fn what_is_no_jwt_counts_whole() {
        assert_eq!(identity("opaque"), "opaque");
        assert_eq!(identity("a.!.c"), "a.!.c");
    }
}
