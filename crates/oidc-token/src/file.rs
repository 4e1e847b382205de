//! The file that holds an OIDC token.

use std::path::Path;

use diagnostics::{Code, Error, Result};
use secret::Secret;

/// Returns the current token in a file, without the newline at its end. Links, which Kubernetes uses, are followed.
///
/// # Errors
/// The file cannot be read, or is empty.
pub fn read_token_file(path: &Path) -> Result<Secret> {
    let what = || format!("cannot read the token in {}", path.display());
    let text = private_files::read_secret(path, private_files::TOKEN_LIMIT).map_err(|error| {
        Error::failed(Code::TokenFile, what(), error)
            .hint("check that the file is mounted, and that this user may read it")
    })?;
    match text.expose().trim() {
        "" => Err(Error::failed(Code::TokenFile, what(), "the file is empty")
            .hint("look at who writes it: a token has to be in it")),
        token => Ok(Secret::new(token)),
    }
}

/// Returns the text for a cache key of what a token in a file fetched: the whole token, or why there is none, which no other file shares.
pub fn token_key(path: &Path) -> Secret {
    read_token_file(path).unwrap_or_else(|error| Secret::new(error.to_string()))
}
