//! Parses an image's name as docker does.

use std::fmt;

/// An image's name within its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The repository.
    pub repository: String,
    /// A tag, or a digest with its algorithm.
    pub reference: String,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only a digest has a colon.
        let mark = if self.reference.contains(':') { '@' } else { ':' };
        write!(f, "{}{mark}{}", self.repository, self.reference)
    }
}

impl Image {
    /// Parses `repository[:tag][@digest]`. The default tag is `latest`. Returns `None` for an invalid name.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        let reference = digest.or(tag).unwrap_or("latest");
        let is_repository = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        let is_reference = |c: char| c.is_ascii_alphanumeric() || "._-:+".contains(c);
        let is_name = !repository.is_empty()
            && repository.chars().all(is_repository)
            && repository
                .split('/')
                .all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
        (is_name && !reference.is_empty() && reference.chars().all(is_reference)).then(|| Self {
            repository: repository.to_owned(),
            reference: reference.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_read_as_docker_reads_them() {
        let parsed = |text: &str| Image::parse(text).map(|image| (image.repository, image.reference));
        let image = |repository: &str, reference: &str| Some((repository.to_owned(), reference.to_owned()));
        assert_eq!(parsed("app"), image("app", "latest"));
        assert_eq!(parsed("team/app:1.0"), image("team/app", "1.0"));
        assert_eq!(parsed("app@sha256:00ff"), image("app", "sha256:00ff"));
        assert_eq!(parsed("app:1.0@sha256:00ff"), image("app", "sha256:00ff"));
        for wrong in [
            "", ":1", "App", "a//b", "a b", "app:", "app:a b", "../x", "a?b", "app:1#",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
