//! Completed sign-ins: their refresh tokens, with rotation, expiry and revocation.

use std::collections::HashMap;

use super::clients::Client;
use super::refusals::not_authorized;
use crate::answer::Refusal;
use crate::random::random_text;

/// A completed sign-in: its line of refresh tokens, and the access tokens that they gave.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) user: String,
    pub(super) client: &'static str,
    pub(super) auth_time: i64,
    pub(super) expires: i64,
    pub(super) revoked: bool,
    /// The scopes of the access tokens.
    pub(super) scope: String,
    /// The key of its device, in a pool that remembers devices.
    pub(super) device: Option<String>,
}

/// A refresh token: its sign-in, and when another token replaced it.
#[derive(Debug, Clone)]
pub(super) struct RefreshToken {
    /// The claim `origin_jti`.
    pub(super) origin: String,
    pub(super) replaced: Option<i64>,
}

/// All completed sign-ins and their refresh tokens.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// Sign-ins by `origin_jti`.
    pub(super) known: HashMap<String, Grant>,
    pub(super) tokens: HashMap<String, RefreshToken>,
    /// How long a rotated refresh token may be used again, in seconds.
    pub(super) grace: i64,
}

impl Grants {
    /// Returns the sign-in of a refresh token.
    pub(super) fn grant_of(&self, token: &str) -> Option<&Grant> {
        let origin = &self.tokens.get(token)?.origin;
        self.known.get(origin)
    }

    /// Returns the user of a refresh token.
    pub(super) fn user_of(&self, token: &str) -> Option<&str> {
        self.grant_of(token).map(|grant| grant.user.as_str())
    }

    /// Whether the sign-in behind an access token was revoked.
    pub(super) fn is_revoked(&self, origin: &str) -> bool {
        self.known.get(origin).is_none_or(|grant| grant.revoked)
    }

    /// Revokes all sign-ins of a user.
    pub(super) fn revoke_all(&mut self, user: &str) {
        for grant in self.known.values_mut().filter(|grant| grant.user == user) {
            grant.revoked = true;
        }
    }

    /// Expires all refresh tokens of a user.
    pub(super) fn expire_all(&mut self, user: &str) {
        for grant in self.known.values_mut().filter(|grant| grant.user == user) {
            grant.expires = 0;
        }
    }

    /// Adds a refresh token to the sign-in `origin`.
    pub(super) fn new_token(&mut self, origin: &str) -> String {
        let token = random_text(1700);
        let known = RefreshToken {
            origin: origin.into(),
            replaced: None,
        };
        self.tokens.insert(token.clone(), known);
        token
    }

    /// Uses a refresh token. Returns its sign-in and the token that replaces it.
    pub(super) fn take(
        &mut self,
        client: &Client,
        token: &str,
        now: i64,
    ) -> Result<(String, Grant, Option<String>), Refusal> {
        let invalid = || not_authorized("Invalid Refresh Token");
        let RefreshToken { origin, replaced } = self.tokens.get(token).cloned().ok_or_else(invalid)?;
        let grant = self.known.get_mut(&origin).ok_or_else(invalid)?;
        if grant.client != client.id {
            return Err(invalid());
        }
        if grant.revoked {
            return Err(not_authorized("Refresh Token has been revoked"));
        }
        if grant.expires <= now {
            return Err(not_authorized("Refresh Token has expired"));
        }
        if replaced.is_some_and(|at| now >= at + self.grace) {
            // A replaced token came back: somebody may have stolen it, so the whole sign-in is revoked.
            grant.revoked = true;
            let message = "Refresh token has been invalidated by refresh token rotation";
            return Err(Refusal::new(400, "RefreshTokenReuseException", message));
        }
        let grant = grant.clone();
        let next = client.rotates.then(|| self.new_token(&origin));
        if let Some(old) = self.tokens.get_mut(token).filter(|_| next.is_some()) {
            old.replaced.get_or_insert(now);
        }
        Ok((origin, grant, next))
    }
}
