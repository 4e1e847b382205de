//! GetAuthorizationToken of Amazon ECR and Amazon ECR Public.
//!
//! It is called without registry ids: they are deprecated, and a token opens every registry of the region that its principal may use. For the same
//! reason, the response's `proxyEndpoint` is not compared with the host.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::client::Aws;
use crate::endpoint::{Endpoint, Service};
use crate::failure::ODD_ANSWER_HINT;
use crate::identity::CredentialSource;
use diagnostics::{Code, Error, Result};
use ecr_registry::{Registry, USERNAME};
use secret::Secret;

const OPERATION: &str = "GetAuthorizationToken";

/// An authorization token of a registry.
#[derive(Debug, Clone)]
pub struct AuthorizationToken {
    /// The password for the user name `AWS`.
    pub password: Secret,
    /// When the token ends, by this machine's clock.
    pub expires_at: SystemTime,
    /// When the token has to be renewed, if that is before half its life: a user of Cognito may have been signed out by then.
    pub renew_at: Option<SystemTime>,
    /// The host of the caller's own registry, if the service returns it.
    pub own_host: Option<String>,
}

impl Aws<'_> {
    /// Asks for an authorization token that opens this registry.
    ///
    /// # Errors
    /// There are no credentials, AWS denies the call, the network fails, or the response holds no usable token.
    pub async fn authorization_token(&self, registry: &Registry, endpoint: &Endpoint) -> Result<AuthorizationToken> {
        let (service, what) = names(registry);
        let credentials = self.credentials(registry.into()).await?;
        let session_end = credentials.expiry();
        let config = self.signed_settings(credentials, registry.region(), endpoint);
        let (token, expires_at, own) = match service {
            Service::EcrPublic => {
                let mut builder = aws_sdk_ecrpublic::config::Builder::from(&config);
                builder.set_endpoint_url(endpoint.url.clone());
                let client = aws_sdk_ecrpublic::Client::from_conf(builder.build());
                let answer = client.get_authorization_token().send().await;
                let answer = answer.map_err(|error| self.call_failed(&what, OPERATION, error))?;
                let data = answer.authorization_data;
                data.map(|data| (data.authorization_token, data.expires_at, None))
            }
            _ => {
                let mut builder = aws_sdk_ecr::config::Builder::from(&config);
                builder.set_endpoint_url(endpoint.url.clone());
                let client = aws_sdk_ecr::Client::from_conf(builder.build());
                let answer = client.get_authorization_token().send().await;
                let answer = answer.map_err(|error| self.call_failed(&what, OPERATION, error))?;
                let data = answer.authorization_data.unwrap_or_default().into_iter().next();
                data.map(|data| (data.authorization_token, data.expires_at, data.proxy_endpoint))
            }
        }
        .unwrap_or_default();
        let token = token.map(Secret::new);
        let own = own.and_then(|endpoint| Registry::parse(&endpoint));
        let own = own.map(|own| own.host().to_owned());
        self.read_token(token, expires_at)
            .map(|token| AuthorizationToken {
                own_host: own,
                renew_at: self.renew_at(token.expires_at, session_end),
                ..token
            })
            .map_err(|cause| Error::failed(Code::OddAnswer, format!("{what} {OPERATION}"), cause).hint(ODD_ANSWER_HINT))
    }

    /// Returns when a token for a user of Cognito has to be renewed: at the end of the session that fetched it. Cognito is then asked whether the
    /// user may still have one.
    fn renew_at(&self, expires_at: SystemTime, session_end: Option<SystemTime>) -> Option<SystemTime> {
        let CredentialSource::Cognito(_) = &self.identity.source else {
            return None;
        };
        let now = SystemTime::now();
        let half = now + expires_at.duration_since(now).unwrap_or_default() / 2;
        Some(session_end.map_or(half, |end| end.min(half)))
    }

    fn read_token(
        &self,
        token: Option<Secret>,
        expires_at: Option<DateTime>,
    ) -> Result<AuthorizationToken, &'static str> {
        let token = token.filter(|token| !token.expose().is_empty());
        let token = token.ok_or("the answer holds no token")?;
        let expires_at = expires_at.ok_or("the answer doesn't say when the token ends")?;
        let expires_at = SystemTime::try_from(expires_at).map_err(|_| "the end of the token is not a time")?;
        Ok(AuthorizationToken {
            password: password(&token)?,
            expires_at: self.observer.clock.to_ours(expires_at),
            renew_at: None,
            own_host: None,
        })
    }
}

fn names(registry: &Registry) -> (Service, String) {
    let service = match registry.is_public() {
        true => Service::EcrPublic,
        false => Service::Ecr,
    };
    (service, format!("{} ({})", service.name(), registry.region()))
}

/// Padding is optional for readers (RFC 4648, section 3.2). botocore and Go's helpers do the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the password of `base64("AWS:<password>")`.
fn password(token: &Secret) -> Result<Secret, &'static str> {
    let decoded = BASE64
        .decode(token.expose().trim())
        .map(Zeroizing::new)
        .map_err(|_| "the token is not base64")?;
    let text = std::str::from_utf8(&decoded).map_err(|_| "the token is not text")?;
    let (user, password) = text
        .split_once(':')
        .ok_or("the token has no colon between user and password")?;
    match (user, password) {
        (USERNAME, "") => Err("the token's password is empty"),
        (USERNAME, password) if password.chars().any(char::is_control) => Err("the token's password is not one line"),
        (USERNAME, password) => Ok(Secret::new(password)),
        _ => Err("the token is for another user than AWS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plain: &[u8]) -> Result<String, &'static str> {
        let token = base64::engine::general_purpose::STANDARD.encode(plain);
        password(&Secret::new(token)).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_password_is_what_follows_the_first_colon() {
        assert_eq!(read(b"AWS:pass:word="), Ok("pass:word=".to_owned()));
        assert_eq!(
            password(&Secret::new("QVdTOng")).map(|s| s.expose().to_owned()),
            Ok("x".to_owned())
        );
        assert_eq!(
            password(&Secret::new("QVdTOnh5\n")).map(|s| s.expose().to_owned()),
            Ok("xy".to_owned())
        );
    }

    #[test]
    fn odd_tokens_are_errors() {
        assert_eq!(read(b"AWS"), Err("the token has no colon between user and password"));
        assert_eq!(read(b"AWS:"), Err("the token's password is empty"));
        assert_eq!(read(b"root:x"), Err("the token is for another user than AWS"));
        assert_eq!(read(b"AWS:a\nb"), Err("the token's password is not one line"));
        assert_eq!(read(b"AWS:\xff"), Err("the token is not text"));
        assert_eq!(password(&Secret::new("QVdT*")), Err("the token is not base64"));
    }
}
