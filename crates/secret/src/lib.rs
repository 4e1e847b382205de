//! A value that must never be shown: a password, a key, a token.
//!
//! Keep every secret in a [`Secret`] from the moment it is read. Nothing prints it by accident: `Debug` says `REDACTED`, there is no
//! `Display`, and the memory is wiped when the value is dropped. [`Secret::expose`] is the only way to the text, so a search for `expose`
//! finds every use.
//!
//! ```
//! use secret::Secret;
//!
//! let token = Secret::new("hunter2");
//! assert_eq!(format!("{token:?}"), "REDACTED");
//! assert_eq!(token.expose(), "hunter2"); // Only where the text is needed.
//! ```
//!
//! [`exposed`] writes a secret into a file that is itself private. [`forbid_core_dumps`] keeps the process's memory out of core dumps.

use std::fmt;

use zeroize::Zeroizing;

/// Text that is a secret: its `Debug` says `REDACTED`, it has no `Display`, and its memory is wiped when dropped.
///
/// [`Secret::expose`] is the one way to the text, so that every use of a secret is found by searching for that word.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a secret of a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text. Pass it only to code that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Keeps the process's memory out of core dumps, and from debuggers of the same user that attach later. Programs that it runs are not affected: the
/// kernel resets this at `execve`.
///
/// Security note: only Linux has such a switch. Elsewhere the system's limit on core files, which is usually 0, has to be enough.
#[cfg(target_os = "linux")]
pub fn forbid_core_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    // If a sandbox forbids the call, the process goes on without it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Does nothing on this system.
#[cfg(not(target_os = "linux"))]
pub fn forbid_core_dumps() {}

/// A secret as plain text in a serialised form, for `#[serde(with = …)]`.
///
/// Security note: the serialised text must itself be a secret, or go into a file that only the user can read.
pub mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Secret;

    /// Writes the text.
    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// Reads the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }

    /// Reads a text that may be missing. An empty one counts as missing.
    pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
    }

    /// Writes a text that may be missing.
    pub fn serialize_optional<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&secret.as_ref().map(Secret::expose), serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "REDACTED");
        assert_eq!(format!("{:#?}", Some(&secret)), "Some(\n    REDACTED,\n)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
