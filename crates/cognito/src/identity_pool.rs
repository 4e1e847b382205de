//! An identity pool: gives AWS credentials of its role for the token of a provider that it knows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::wire::{self, ODD_ANSWER_HINT, Parameters, ReceivedSecret};
use super::{CallFailure, CognitoCalls, CognitoService};
use diagnostics::{Code, Error, Result};
use secret::Secret;
use settings::CognitoSettings;

/// A provider, as the pool's key for it, and one of the provider's tokens.
#[derive(Debug, Clone)]
pub struct ProviderLogin {
    /// The key, such as `cognito-idp.<region>.amazonaws.com/<pool>` or `accounts.google.com`.
    pub key: String,
    /// The ID token of a user pool. Some other providers use an access token.
    pub token: Secret,
}

/// Credentials of the pool's role for the user.
#[derive(Debug)]
pub struct PoolCredentials {
    /// The key's id.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Sent with every request.
    pub session_token: Secret,
    /// When the credentials end, by the server's clock.
    pub expires_at: SystemTime,
}

/// The identity pool's own token, which STS takes in the classic flow.
#[derive(Debug)]
pub struct OpenIdToken(pub Secret);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetId<'a> {
    identity_pool_id: &'a str,
    logins: Parameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetIdResponse {
    identity_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct IdentityRequest<'a> {
    identity_id: &'a str,
    logins: Parameters,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_role_arn: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsAnswer {
    credentials: Option<CredentialsField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsField {
    access_key_id: String,
    secret_key: ReceivedSecret,
    session_token: ReceivedSecret,
    /// Seconds since 1970-01-01 UTC.
    expiration: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TokenAnswer {
    token: ReceivedSecret,
}

impl ProviderLogin {
    fn map(&self) -> Parameters {
        Parameters::from([(self.key.clone(), (&self.token).into())])
    }
}

/// Returns the credentials of the enhanced flow: the pool chooses the role, or gives the requested one if its rules allow it. The session lives an
/// hour.
///
/// # Errors
/// Cognito refuses, or the response cannot be used.
pub async fn credentials(
    calls: &impl CognitoCalls,
    settings: &CognitoSettings,
    login: &ProviderLogin,
) -> Result<PoolCredentials, CallFailure> {
    const OPERATION: &str = "GetCredentialsForIdentity";
    let identity = identity(calls, settings, login).await?;
    let request = IdentityRequest {
        identity_id: &identity,
        logins: login.map(),
        custom_role_arn: settings.role_arn.as_deref(),
    };
    let region = settings.identity_pool_region();
    let answer: CredentialsAnswer =
        wire::call(calls, CognitoService::IdentityPool, region, OPERATION, &request).await?;
    let odd = |cause: &str| {
        Error::failed(Code::OddAnswer, format!("Amazon Cognito {OPERATION}"), cause).hint(ODD_ANSWER_HINT)
    };
    let found = answer
        .credentials
        .ok_or_else(|| odd("the answer holds no credentials"))?;
    let life = Duration::try_from_secs_f64(found.expiration).ok();
    let expires_at = life.and_then(|life| UNIX_EPOCH.checked_add(life));
    Ok(PoolCredentials {
        access_key_id: found.access_key_id,
        secret_access_key: found.secret_key.0,
        session_token: found.session_token.0,
        expires_at: expires_at.ok_or_else(|| odd("the end of the session is not a time"))?,
    })
}

/// Runs the first half of the classic flow: returns a token that STS turns into a session of a role that trusts the pool.
///
/// # Errors
/// The errors of [`credentials`].
pub async fn open_id_token(
    calls: &impl CognitoCalls,
    settings: &CognitoSettings,
    login: &ProviderLogin,
) -> Result<OpenIdToken, CallFailure> {
    let identity = identity(calls, settings, login).await?;
    let request = IdentityRequest {
        identity_id: &identity,
        logins: login.map(),
        custom_role_arn: None,
    };
    let region = settings.identity_pool_region();
    let answer: TokenAnswer =
        wire::call(calls, CognitoService::IdentityPool, region, "GetOpenIdToken", &request).await?;
    Ok(OpenIdToken(answer.token.0))
}

async fn identity(
    calls: &impl CognitoCalls,
    settings: &CognitoSettings,
    login: &ProviderLogin,
) -> Result<String, CallFailure> {
    let request = GetId {
        identity_pool_id: &settings.identity_pool_id,
        logins: login.map(),
    };
    let region = settings.identity_pool_region();
    let identity: GetIdResponse = wire::call(calls, CognitoService::IdentityPool, region, "GetId", &request).await?;
    Ok(identity.identity_id)
}
