//! Finds the members of a JSON object in its text.
//!
//! serde_json parses (strictly: no comments, no trailing commas) and returns slices of its input, whose addresses are the positions. Syntax-tree
//! crates that preserve formatting accept JSON with comments, which docker refuses, and insert in quadratic time.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::credential::go_text;
use private_files::{bytes_of_text, has_stand_in};

/// Why a text cannot be edited, ending in `at line L column C`. It quotes nothing from the text, which may hold passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// Returns the error at a byte offset of the text. The column counts characters.
    pub(super) fn at(text: &str, offset: usize, what: &str) -> Self {
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self(format!("{what} at line {line} column {column}"))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One `"key": value` of an object, and its position in the text.
pub(super) struct Member {
    /// The key, decoded.
    pub key: String,
    /// The key with its quotes.
    pub key_span: Range<usize>,
    /// The value.
    pub value_span: Range<usize>,
}

/// An object, and the positions of its members in the whole text.
pub(super) struct Object<'a> {
    /// The whole text, of which the object may be a part.
    pub text: &'a str,
    /// The object, braces included.
    pub span: Range<usize>,
    /// Its members, in the order of the text.
    pub members: Vec<Member>,
}

impl<'a> Object<'a> {
    /// Returns the object at the start of the text. Like Go's `json.Decoder`, docker reads the first value of a file and ignores the rest.
    pub fn first(text: &'a str) -> Result<Self, Malformed> {
        if text.starts_with('\u{feff}') {
            // For such a file, docker reports "invalid character 'ï' looking for beginning of value".
            return Err(Malformed::at(text, 0, "a byte order mark, which docker cannot read,"));
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let first: Option<serde_json::Result<&RawValue>> = values.next();
        let raw = first.unwrap_or_else(|| serde_json::from_str(text));
        let raw = raw.map_err(|error| Malformed(error.to_string()))?;
        let span = span_in(text, raw.get());
        Self::at(text, span, "not an object")
    }

    /// Refuses text after the object, as Go's `json.Unmarshal` does.
    pub fn nothing_after(&self) -> Result<(), Malformed> {
        let rest = &self.text[self.span.end..];
        match rest.trim_start() {
            "" => Ok(()),
            more => {
                let offset = self.text.len() - more.len();
                Err(Malformed::at(self.text, offset, "something after the configuration"))
            }
        }
    }

    /// Returns the object at this position of a valid JSON text. `otherwise` is the error message if it is not an object.
    pub fn at(text: &'a str, span: Range<usize>, otherwise: &str) -> Result<Self, Malformed> {
        let own = &text[span.clone()];
        if !own.starts_with('{') {
            return Err(Malformed::at(text, span.start, otherwise));
        }
        let Pairs(pairs) = serde_json::from_str(own).map_err(|_| Malformed::at(text, span.start, otherwise))?;
        let members = pairs
            .into_iter()
            .map(|(key, value)| Member {
                key: decoded(key.get()).unwrap_or_default(),
                key_span: span_in(text, key.get()),
                value_span: span_in(text, value.get()),
            })
            .collect();
        Ok(Self { text, span, members })
    }

    /// Returns a member's value unchanged.
    pub fn value(&self, member: &Member) -> &'a str {
        &self.text[member.value_span.clone()]
    }
}

/// Returns the text of a JSON string, or `None` for anything else. As in Go, a lone surrogate becomes U+FFFD, and so does each byte that is not UTF-8.
pub(super) fn decoded(json: &str) -> Option<String> {
    match has_stand_in(json) {
        true => decoded_text(&go_text(&bytes_of_text(json))),
        false => decoded_text(json),
    }
}

fn decoded_text(json: &str) -> Option<String> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                // serde_json writes a surrogate as three bytes, starting with this one.
                if chunk.invalid() == [0xed] {
                    text.push('\u{fffd}');
                }
            }
            Ok(text)
        }
    }

    serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes).ok()
}

/// Returns the position of a slice in the text.
fn span_in(text: &str, slice: &str) -> Range<usize> {
    let start = slice.as_ptr().addr() - text.as_ptr().addr();
    start..start + slice.len()
}

/// An object's members as slices of the text, duplicates included.
struct Pairs<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}
