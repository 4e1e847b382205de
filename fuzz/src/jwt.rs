//! The claims of a token.

use std::fs;
use std::time::{Duration, SystemTime};

use aws_access::identity::ChainSource;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc_token::Claims;
use serde_json::Value;

use super::inputs::{in_folder, parts, text};

/// The input: the claims, a signature, and whether the claims are already a whole token.
pub fn jwt(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [payload, signature, whole] = parts(input);
    let token = match whole {
        "" => format!("e30.{}.{signature}", URL_SAFE_NO_PAD.encode(payload)),
        _ => input.to_owned(),
    };
    let Some(claims) = Claims::from_jwt(&token) else {
        assert_eq!(identity(&token), token.trim(), "what is not a JWT counts whole");
        return;
    };
    let middle = token.split('.').nth(1).expect("three parts");
    let read = URL_SAFE_NO_PAD.decode(middle).expect("base64");
    // Only one of the two parsers accepts numbers beyond f64 and escapes that are not text.
    if let Ok(read) = serde_json::from_slice::<Value>(&read) {
        assert_eq!(read["iss"], Value::from(claims.iss.as_str()));
        assert_eq!(read["sub"], Value::from(claims.sub.as_str()));
        assert_eq!(read.get("aud").unwrap_or(&Value::Null), &claims.aud);
    }
    let _ = claims.audience();
    if let Some(end) = claims.ends_at() {
        assert!(end >= SystemTime::UNIX_EPOCH && end.checked_sub(Duration::from_secs(1)).is_some());
    }
    // A forged signature or another claim gives another key in the cache.
    let other = format!("e30.{}.Zm9yZ2Vk", middle);
    assert!(identity(&token) != identity(&other) || token == other);
    let changed = serde_json::json!({ "iss": claims.iss, "sub": format!("{}x", claims.sub), "aud": claims.aud });
    let changed = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(changed.to_string()));
    assert_ne!(identity(&token), identity(&changed));
}

/// Returns the part of the cache's key that comes from a token in a file.
fn identity(token: &str) -> String {
    let token_file = in_folder(|folder| folder.join("token"));
    fs::write(&token_file, token).expect("a file in our folder");
    let source = ChainSource::WebIdentity {
        role_arn: String::new(),
        token_file,
        session_name: String::new(),
    };
    let mut fields = source.key_fields();
    fields
        .pop()
        .expect("the claims are the last field")
        .1
        .expose()
        .to_owned()
}
