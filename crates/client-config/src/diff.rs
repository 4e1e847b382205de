//! What `--dry-run` shows: a unified diff in which no secret of the configuration can be seen.

use std::path::Path;

use super::json::Object;

/// Parts of a configuration whose every text may be a secret: passwords, headers with tokens, proxies with `user:password@`.
const SECRET_SECTIONS: [&str; 3] = ["auths", "HttpHeaders", "proxies"];

/// Members whose text is a secret wherever they stand.
const SECRET_MEMBERS: [&str; 4] = ["auth", "identitytoken", "registrytoken", "password"];

/// The change of a file as a unified diff with three lines of context; `old` is `None` for a file that is not there yet.
///
/// Both texts are valid configurations. Texts in them that may be secrets show as `REDACTED`.
pub fn unified_diff(path: &Path, old: Option<&str>, new: &str) -> String {
    private_files::unified_diff(path, old.map(redacted).as_deref(), &redacted(new))
}

/// The configuration with its secrets blotted out.
fn redacted(text: &str) -> String {
    let Ok(top) = Object::whole(text) else {
        return String::new();
    };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for member in &top.members {
        let key = member.key.as_deref().unwrap_or_default();
        out.push_str(&text[done..member.value_span.start]);
        let everything = is_one_of(key, &SECRET_SECTIONS) || is_one_of(key, &SECRET_MEMBERS);
        push_redacted(&mut out, top.value(member), everything);
        done = member.value_span.end;
    }
    out + &text[done..]
}

/// Go reads keys in any case, so their case says nothing.
fn is_one_of(key: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// Copies a valid JSON value with the texts in it blotted out: all of them, or those of secret members. Keys stay.
fn push_redacted(out: &mut String, value: &str, everything: bool) {
    let mut rest = value;
    let mut key = String::new();
    while let Some(start) = rest.find('"') {
        let end = start + string_length(&rest[start..]);
        let literal = &rest[start..end];
        out.push_str(&rest[..start]);
        rest = &rest[end..];
        if rest.trim_start().starts_with(':') {
            out.push_str(literal);
            key = serde_json::from_str(literal).unwrap_or_default();
        } else if everything || is_one_of(&key, &SECRET_MEMBERS) {
            out.push_str("\"REDACTED\"");
        } else {
            out.push_str(literal);
        }
    }
    out.push_str(rest);
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
