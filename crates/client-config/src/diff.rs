//! The diff that `--dry-run` shows. It shows no value that ecr-auth did not write.

use std::path::Path;

use crate::HELPER;
use crate::json::Object;
use diagnostics::without_userinfo;
use private_files::{has_stand_in, is_stand_in};

/// Returns the change of a file as a unified diff with three lines of context. `old` is `None` for a file that does not exist yet.
///
/// Both texts must be valid configurations. Keys are shown, without passwords in addresses. The helper's own name is the only value that is shown.
/// Every other value may be a secret, and shows as `REDACTED`.
pub fn unified_diff(path: &Path, old: Option<&str>, new: &str) -> String {
    let shown = |text| {
        let text = redacted(text);
        match has_stand_in(&text) {
            true => text.replace(is_stand_in, "\u{fffd}"),
            false => text,
        }
    };
    private_files::unified_diff(path, old.map(shown).as_deref(), &shown(new))
}

const REDACTED: &str = "\"REDACTED\"";

/// Returns a configuration with its values redacted, and the text after it too.
fn redacted(text: &str) -> String {
    let end = Object::first(text).map_or(text.len(), |top| top.span.end);
    let after = text[end..].split_inclusive('\n').map(|line| match line.trim() {
        "" => line.to_owned(),
        said => line.replace(said, REDACTED),
    });
    redacted_json(&text[..end]) + &after.collect::<String>()
}

fn redacted_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || is_of_scalar(c)) {
        let length = match rest[start..].starts_with('"') {
            true => string_length(&rest[start..]),
            false => scalar_length(&rest[start..]),
        };
        let literal = &rest[start..start + length];
        out.push_str(&rest[..start]);
        rest = &rest[start + length..];
        match rest.trim_start().starts_with(':') {
            true => out.push_str(&key(literal)),
            false if literal.trim_matches('"') == HELPER => out.push_str(literal),
            false => out.push_str(REDACTED),
        }
    }
    out + rest
}

/// Returns a key without a password. Most keys are registry names, which may be written as addresses.
fn key(literal: &str) -> String {
    match literal.contains('@') {
        true => format!("\"{}\"", without_userinfo(literal.trim_matches('"'))),
        false => literal.to_owned(),
    }
}

/// Whether a character outside of strings is part of a number, `true`, `false` or `null`.
fn is_of_scalar(c: char) -> bool {
    c.is_alphanumeric() || "+-.".contains(c)
}

fn scalar_length(text: &str) -> usize {
    text.find(|c: char| !is_of_scalar(c)).unwrap_or(text.len())
}

/// The length in bytes of the JSON string that the text starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
