//! `SECRET_HASH`, by which an app client proves that it knows its secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use diagnostics::{Code, Error, Result};
use secret::Secret;

/// base64(HMAC-SHA256(client secret, user name ‖ client id)):
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash>.
///
/// After the first call, the user name must be the real one, not an alias.
///
/// # Errors
/// The errors of [`hmac_sha256`].
pub fn secret_hash(client_secret: &Secret, username: &str, client_id: &str) -> Result<Secret> {
    let parts = [username.as_bytes(), client_id.as_bytes()];
    let hash = hmac_sha256(client_secret.expose().as_bytes(), &parts)?;
    Ok(Secret::new(STANDARD.encode(hash)))
}

/// Returns the HMAC-SHA256 over all parts.
///
/// # Errors
/// In practice none: HMAC takes keys of any length (RFC 2104), but the crate's type can fail.
pub(super) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.map_err(|error| Error::failed(Code::System, "HMAC", error))?;
    for part in parts {
        mac.update(part);
    }
    Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_openssl() {
        // printf 'usernameclientid' | openssl dgst -sha256 -hmac secret -binary | base64
        let hash = secret_hash(&Secret::new("secret"), "username", "clientid").unwrap();
        assert_eq!(hash.expose(), "nHX60UMb/IiDNDmIUm5R+B7D6ufsjd4QNse0tO7D9w8=");
    }
}
