//! The client's input for `store`, read as docker's own helpers read it.
//!
//! They are written in Go, whose decoder ignores the case of keys and uses the last of several values. If it were read differently, a request could
//! name an ECR registry here and another server in the fallback store.

use std::fmt;

use secret::{Secret, exposed};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The credential for a server. Missing fields are empty.
#[derive(Debug, Default)]
pub struct StoreRequest {
    pub server_url: String,
    pub username: String,
    pub secret: Secret,
}

impl StoreRequest {
    /// Reads the first value of a text, as Go's decoder does.
    ///
    /// # Errors
    /// The text is not a JSON object, or one of the values is not text.
    pub fn read(text: &str) -> serde_json::Result<Self> {
        Self::deserialize(&mut serde_json::Deserializer::from_str(text))
    }
}

impl<'de> Deserialize<'de> for StoreRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

/// A secret, or `null`.
#[derive(Deserialize)]
struct SecretText(#[serde(deserialize_with = "exposed::deserialize")] Secret);

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = StoreRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a credential")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<StoreRequest, M::Error> {
        let mut request = StoreRequest::default();
        while let Some(key) = map.next_key::<String>()? {
            match folded(&key).as_str() {
                "serverurl" => replace(&mut request.server_url, map.next_value()?),
                "username" => replace(&mut request.username, map.next_value()?),
                "secret" => replace(
                    &mut request.secret,
                    map.next_value::<Option<SecretText>>()?.map(|text| text.0),
                ),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(request)
    }
}

/// Replaces a field. `null` keeps it.
fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Returns a key in the form that Go compares: in lower case, with the two non-ASCII letters that fold to ASCII.
fn folded(key: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Option<String> {
        StoreRequest::read(text).ok().map(|request| request.server_url)
    }

    #[test]
    fn a_request_is_read_as_go_reads_it() {
        for (text, expected) in [
            (r#"{"ServerURL":"a"}"#, "a"),
            (r#"{"serverurl":"a","SERVERURL":"b"}"#, "b"),
            (r#"{"ServerURL":"a","serverURL":"b"}"#, "b"),
            (r#"{"ServerURL":"a","\u017fERVER\u0055RL":"b"}"#, "b"),
            (r#"{"ServerURL":"a","ServerURL":null}"#, "a"),
            (r#"{"ServerURL":"a"} {"ServerURL":"b"}"#, "a"),
            (r#"{"x":[{"ServerURL":"a"}]}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(server(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            r#"{"ServerURL":1}"#,
            r#"{"ServerURL":"a","SERVERURL":{}}"#,
            "[]",
            "",
            "\"a\"",
            "{",
        ] {
            assert_eq!(server(text), None, "{text}");
        }
        let request = StoreRequest::read(r#"{"SECRET":"x","ſecret":"y","userName":"AWS"}"#).unwrap();
        assert_eq!((request.secret.expose(), request.username.as_str()), ("y", "AWS"));
    }
}
