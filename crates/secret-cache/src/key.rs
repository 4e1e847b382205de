//! The key of an entry: a hash over everything that was used to fetch the secret. Only a caller with the same values finds the secret.

use std::fmt;

use sha2::{Digest, Sha256};

use secret::Secret;

/// The number of bytes of a SHA-256 digest.
const DIGEST_BYTES: usize = 32;

/// Names one entry: the SHA-256 of a list of named fields, shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// Starts an empty list of fields.
    pub fn builder() -> KeyBuilder {
        KeyBuilder(Sha256::new_with_prefix(b"ecr-auth cache key 1"))
    }

    /// Reads a key in the form that `Display` writes. Any other text is `None`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 2 * DIGEST_BYTES && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes the stem of the entry's file name.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Collects the fields of a [`CacheKey`]. Their order counts.
///
/// Every name and value is hashed after its length, so no two different lists of fields give the same bytes.
#[derive(Clone)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Adds a field that is not secret.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.part(name.as_bytes());
        self.part(value.as_ref());
        self
    }

    /// Adds a field that is a secret.
    ///
    /// Security note: the hash becomes a file name. Give only secrets that cannot be guessed (keys, tokens), never a password that a person chose.
    #[must_use]
    pub fn secret(self, name: &str, value: &Secret) -> Self {
        self.field(name, value.expose())
    }

    /// Returns the key of these fields.
    pub fn build(self) -> CacheKey {
        CacheKey(self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type KeyFields = Vec<(String, String)>;

    fn key(fields: &KeyFields) -> CacheKey {
        fields
            .iter()
            .fold(CacheKey::builder(), |key, (name, value)| key.field(name, value))
            .build()
    }

    #[test]
    fn is_pinned_so_that_an_update_finds_the_entries_of_the_version_before() {
        assert_eq!(
            CacheKey::builder().field("region", "eu-west-1").build().to_string(),
            "a7d572b514c93a34702232c3f8eec2c91c8e096e8208e982982e85d251d30afd"
        );
    }

    #[test]
    fn moving_bytes_between_neighbours_changes_the_key() {
        let pairs = |list: &[(&str, &str)]| {
            list.iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect::<KeyFields>()
        };
        let keys = [
            key(&pairs(&[])),
            key(&pairs(&[("", "")])),
            key(&pairs(&[("a", "bc")])),
            key(&pairs(&[("ab", "c")])),
            key(&pairs(&[("abc", "")])),
            key(&pairs(&[("a", "b"), ("c", "")])),
            key(&pairs(&[("c", ""), ("a", "b")])),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn a_secret_counts_like_a_field_of_the_same_text() {
        let secret = CacheKey::builder().secret("session", &Secret::new("s")).build();
        assert_eq!(secret, CacheKey::builder().field("session", "s").build());
        assert_ne!(secret, CacheKey::builder().secret("session", &Secret::new("t")).build());
    }

    #[test]
    fn parses_only_a_digest_in_lower_case() {
        let key = CacheKey::builder().build();
        assert_eq!(CacheKey::parse(&key.to_string()), Some(key.clone()));
        assert_eq!(CacheKey::parse(&key.to_string().to_uppercase()), None);
        assert_eq!(CacheKey::parse(&key.to_string()[1..]), None);
        assert_eq!(CacheKey::parse(&format!("g{}", &key.to_string()[1..])), None);
    }

    proptest! {
        #[test]
        fn different_fields_never_share_a_key(
            a in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
            b in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..4),
        ) {
            prop_assert_eq!(a == b, key(&a) == key(&b));
        }
    }
}
