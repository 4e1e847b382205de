//! `/oauth2/token` and `/oauth2/revoke`.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::clients::Client;
use super::super::outcome::{Issued, Outcome};
use super::super::user_pool::UserPool;
use super::super::{ISSUER, TOKEN_LIFETIME, internal};
use crate::answer::{self, Answer, Refusal};
use crate::jwt::SigningAlgorithm;
use crate::request::header_text;
use crate::sts::Parameters;
use crate::{Aws, LabError};

fn refused(code: &str) -> Refusal {
    Refusal::new(400, code, "")
}

impl Aws {
    pub(super) fn oauth_tokens(&self, issued: Issued) -> Result<Answer, Refusal> {
        let sign = || -> Result<_, LabError> {
            self.ensure_issuer(ISSUER, SigningAlgorithm::RS256)?;
            let mut body = json!({
                "access_token": self.sign_jwt(ISSUER, &issued.access)?,
                "id_token": self.sign_jwt(ISSUER, &issued.id)?,
                "expires_in": TOKEN_LIFETIME,
                "token_type": "Bearer",
            });
            if let Some(refresh) = issued.refresh {
                body["refresh_token"] = refresh.into();
            }
            Ok(body)
        };
        sign()
            .map(|body| answer::json(200, &body))
            .map_err(|error| internal(&error))
    }
}

/// Authenticates the calling client: by the `Authorization` header or, for a client without a secret, by its id in the
/// form.
fn authenticated(headers: &HeaderMap, form: &Parameters) -> Result<&'static Client, Refusal> {
    let basic = header_text(headers, "authorization").strip_prefix("Basic ");
    let (id, secret) = match basic {
        Some(text) => {
            let text = BASE64_STANDARD.decode(text).map_err(|_| refused("invalid_client"))?;
            let text = String::from_utf8(text).map_err(|_| refused("invalid_client"))?;
            let (id, secret) = text.split_once(':').ok_or_else(|| refused("invalid_client"))?;
            (id.to_owned(), Some(secret.to_owned()))
        }
        None => (form.get("client_id").unwrap_or_default().to_owned(), None),
    };
    let client = Client::named(&id).ok_or_else(|| refused("invalid_client"))?;
    match client.secret == secret.as_deref() && form.get("client_id").is_none_or(|other| other == id) {
        true => Ok(client),
        false => Err(refused("invalid_client")),
    }
}

impl UserPool {
    /// Answers `POST /oauth2/token`.
    pub(super) fn token(&mut self, headers: &HeaderMap, form: &Parameters, now: i64) -> Result<Issued, Refusal> {
        let client = authenticated(headers, form)?;
        let outcome = match form.get("grant_type") {
            Some("authorization_code") => self.trade_code(client, form, now)?,
            Some("refresh_token") => {
                let token = form.get("refresh_token").unwrap_or_default();
                // No device is needed here: the pool remembers the browser's session instead.
                self.refresh(client, token, None, now)
                    .map_err(|_| refused("invalid_grant"))?
            }
            _ => return Err(refused("unsupported_grant_type")),
        };
        match outcome {
            Outcome::SignedIn(issued) => Ok(*issued),
            Outcome::Challenge(_) => Err(refused("invalid_grant")),
        }
    }

    /// Trades a code for tokens. A code is valid once, for the client that requested it, its callback URL, and its PKCE
    /// verifier.
    fn trade_code(&mut self, client: &'static Client, form: &Parameters, now: i64) -> Result<Outcome, Refusal> {
        let invalid = || refused("invalid_grant");
        let text = form.get("code").unwrap_or_default();
        let code = self.login.codes.get(text).cloned().ok_or_else(invalid)?;
        if code.client.id != client.id || form.get("redirect_uri") != Some(&code.redirect_uri) {
            return Err(invalid());
        }
        if let Some(origin) = &code.origin {
            // The code was used before: the tokens of its first use are revoked (RFC 6749, 4.1.2).
            if let Some(grant) = self.grants.known.get_mut(origin) {
                grant.revoked = true;
            }
            return Err(invalid());
        }
        let proved = form
            .get("code_verifier")
            .map(|verifier| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
        if code.expires <= now || proved != code.challenge {
            return Err(invalid());
        }
        let user = self.user_named(&code.user)?;
        user.check_usable(now).map_err(|_| invalid())?;
        let (origin, outcome) = self.browser_signed_in(client, &code.user, &code.scope, now)?;
        if let Some(known) = self.login.codes.get_mut(text) {
            known.origin = Some(origin);
        }
        Ok(outcome)
    }

    /// Answers `POST /oauth2/revoke`.
    pub(super) fn revoke_by_form(&mut self, headers: &HeaderMap, form: &Parameters) -> Result<Answer, Refusal> {
        let client = authenticated(headers, form)?;
        let token = form.get("token").ok_or_else(|| refused("invalid_request"))?;
        if token.starts_with("eyJ") {
            return Err(refused("unsupported_token_type"));
        }
        self.revoke_grant(client, token)
            .map_err(|_| refused("unauthorized_client"))?;
        Ok(answer::text(200, ""))
    }
}
