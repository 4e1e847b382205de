//! Credentials from IAM Identity Center: the session that `aws sso login` began, renewed as long as possible.
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Aws;
use crate::endpoint::Service;
use crate::expiration;
use crate::identity::SsoSettings;
use crate::kept_session::sso_session_file;
use crate::session_credentials::RENEWAL;
use crate::sign_in::sso_endpoint;
use context::variables;
use diagnostics::{Code, Error, Mention, Result, shell_word};
use private_files::{EditOutcome, Encoding, FileFormat};
use secret::Secret;

/// The file is the AWS CLI's, which takes no lock, so nothing is merged.
const JSON: FileFormat = FileFormat {
    encoding: Encoding::Utf8,
    merge: |_, _, _| None,
    blank: "{}",
    elsewhere: Mention::new(variables::HOME),
};

/// The session as the AWS CLI keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SsoSession {
    #[serde(with = "secret::exposed")]
    access_token: Secret,
    expires_at: String,
    client_id: Option<String>,
    #[serde(
        default,
        deserialize_with = "secret::exposed::optional",
        serialize_with = "secret::exposed::serialize_optional"
    )]
    client_secret: Option<Secret>,
    #[serde(
        default,
        deserialize_with = "secret::exposed::optional",
        serialize_with = "secret::exposed::serialize_optional"
    )]
    refresh_token: Option<Secret>,
    registration_expires_at: Option<String>,
    /// All other fields, which are kept.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Aws<'_> {
    /// Returns the credentials of an account and a permission set.
    ///
    /// # Errors
    /// No user is signed in, the session has ended, or the portal refuses.
    pub(crate) async fn sso(&self, profile: &str, sso: &SsoSettings) -> Result<Credentials> {
        let hint = format!("run: aws sso login --profile {}", shell_word(profile));
        let failed = |code, cause: String| Error::failed(code, format!("profile {profile}"), cause).hint(&hint);
        let file = sso_session_file(sso, self.env)
            .ok_or_else(|| failed(Code::NoHome, "this user has no home folder".to_owned()))?;
        let text = private_files::read_secret(&file, private_files::TOKEN_LIMIT).map_err(|error| {
            let cause = match error.kind() {
                std::io::ErrorKind::NotFound => "nobody is signed in".to_owned(),
                _ => format!("nobody is signed in: {}: {error}", file.display()),
            };
            failed(Code::NobodySignedIn, cause)
        })?;
        let odd = |what: &str| failed(Code::NobodySignedIn, format!("{what} in {}", file.display()));
        let mut session: SsoSession = serde_json::from_str(text.expose()).map_err(|_| odd("there is no session"))?;
        let ends_at = expiration::parse(&session.expires_at).ok_or_else(|| odd("expiresAt is not a time"))?;
        let now = SystemTime::now();
        if ends_at <= now + RENEWAL && !self.renew(sso, &mut session, &file, now).await && ends_at <= now {
            return Err(failed(Code::NobodySignedIn, "the SSO session has ended".to_owned()));
        }
        let answer = self.portal(sso)?.get_role_credentials();
        let answer = answer
            .account_id(&sso.account_id)
            .role_name(&sso.role_name)
            .access_token(session.access_token.expose())
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let is_ended = error
                .as_service_error()
                .is_some_and(|error| error.is_unauthorized_exception());
            let error = self.call_failed(
                &format!("profile {profile}: IAM Identity Center"),
                "GetRoleCredentials",
                error,
            );
            match is_ended {
                true => error.with_code(Code::NobodySignedIn).hint(&hint),
                false => error,
            }
        })?;
        let found = answer
            .role_credentials
            .ok_or_else(|| failed(Code::OddAnswer, "the answer holds no credentials".to_owned()))?;
        let ends_at = u64::try_from(found.expiration)
            .ok()
            .map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
        Ok(Credentials::new(
            found.access_key_id.unwrap_or_default(),
            found.secret_access_key.unwrap_or_default(),
            found.session_token.filter(|token| !token.is_empty()),
            ends_at.map(|ends_at| self.observer.clock.to_ours(ends_at)),
            "sso",
        ))
    }

    fn portal(&self, sso: &SsoSettings) -> Result<aws_sdk_sso::Client> {
        let endpoint = sso_endpoint(Service::Sso, sso, self.env, self.identity)?;
        let mut settings = aws_sdk_sso::config::Builder::from(&self.settings(&sso.region, &endpoint));
        settings.set_endpoint_url(endpoint.url);
        Ok(aws_sdk_sso::Client::from_conf(settings.build()))
    }

    /// Renews a session that has a refresh token, and keeps it for the AWS CLI too. Returns whether it was renewed. If not, a session that is still
    /// valid can be used.
    async fn renew(&self, sso: &SsoSettings, session: &mut SsoSession, file: &Path, now: SystemTime) -> bool {
        let registered = session.registration_expires_at.as_deref().and_then(expiration::parse);
        let (Some(id), Some(secret), Some(refresh)) =
            (&session.client_id, &session.client_secret, &session.refresh_token)
        else {
            return false;
        };
        if sso.session.is_none() || registered.is_none_or(|ends_at| ends_at <= now) {
            return false;
        }
        let Ok(endpoint) = sso_endpoint(Service::SsoOidc, sso, self.env, self.identity) else {
            return false;
        };
        let mut settings = aws_sdk_ssooidc::config::Builder::from(&self.settings(&sso.region, &endpoint));
        settings.set_endpoint_url(endpoint.url);
        let call = aws_sdk_ssooidc::Client::from_conf(settings.build()).create_token();
        let call = call
            .grant_type("refresh_token")
            .client_id(id)
            .client_secret(secret.expose());
        let Ok(answer) = call.refresh_token(refresh.expose()).send().await else {
            return false;
        };
        let Some(token) = answer.access_token else { return false };
        let life = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
        session.access_token = Secret::new(token);
        session.expires_at = expiration::rfc3339(now + life).unwrap_or_default();
        session.refresh_token = answer
            .refresh_token
            .map(Secret::new)
            .or_else(|| session.refresh_token.take());
        keep_session(file, &session);
        true
    }
}

/// Writes a renewed session into the AWS CLI's file. A failure is ignored, because the session can be used now all the same.
/// No lock is waited for, because the AWS CLI takes none either.
pub(crate) fn keep_session(file: &Path, session: &impl Serialize) {
    let Ok(text) = serde_json::to_string(session) else {
        return;
    };
    let _ = private_files::update_private(file, &JSON, None, &mut |now| {
        Ok(if now == Some(&text) {
            EditOutcome::Unchanged
        } else {
            EditOutcome::Text(text.clone())
        })
    });
}
