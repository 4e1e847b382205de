//! The JSON of the calls to Cognito that are used here.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html>,
//! <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CallFailure, CognitoCalls, CognitoService};
use diagnostics::{Code, Error};
use secret::{Secret, exposed};

/// Calls an operation. The request is serialised as JSON.
pub(super) async fn call<T: DeserializeOwned>(
    calls: &impl CognitoCalls,
    service: CognitoService,
    region: &str,
    operation: &'static str,
    request: &impl Serialize,
) -> Result<T, CallFailure> {
    let odd = |error| Error::failed(Code::OddAnswer, format!("Amazon Cognito {operation}"), error);
    let request = serde_json::to_string(request)
        .map(Secret::new)
        .map_err(|error| odd(error.to_string()))?;
    let answer = calls.call(service, region, operation, request).await?;
    serde_json::from_str(answer.expose()).map_err(|error| {
        // The parser's own message is not shown, because it may quote the response.
        let place = format!("the answer is not what Cognito sends (column {})", error.column());
        CallFailure::Failed(odd(place).hint(ODD_ANSWER_HINT))
    })
}

/// The hint for a response that is not Cognito's.
pub(super) const ODD_ANSWER_HINT: &str =
    "this isn't how Cognito answers: check the proxy and AWS_ENDPOINT_URL, and which server answers";

/// A secret that is serialised as JSON text.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct SecretText(#[serde(with = "exposed")] pub Secret);

impl From<&Secret> for SecretText {
    fn from(secret: &Secret) -> Self {
        Self(secret.clone())
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Names with their values, for `AuthParameters`, `ChallengeResponses` and `Logins`.
pub(super) type Parameters = BTreeMap<String, SecretText>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitiateAuth<'a> {
    pub auth_flow: &'static str,
    pub auth_parameters: Parameters,
    pub client_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RespondToAuthChallenge<'a> {
    pub challenge_name: &'a str,
    pub challenge_responses: Parameters,
    pub client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SecretText>,
}

/// The response to both calls: tokens, or the next challenge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthAnswer {
    pub authentication_result: Option<AuthenticationResult>,
    pub challenge_name: Option<String>,
    pub challenge_parameters: Option<BTreeMap<String, String>>,
    pub session: Option<ReceivedSecret>,
    /// The first challenges that the user may choose, with `SELECT_CHALLENGE`.
    pub available_challenges: Option<Vec<String>>,
}

/// A secret in a response.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct ReceivedSecret(#[serde(with = "exposed")] pub Secret);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthenticationResult {
    pub id_token: Option<ReceivedSecret>,
    pub access_token: Option<ReceivedSecret>,
    pub refresh_token: Option<ReceivedSecret>,
    pub new_device_metadata: Option<NewDeviceMetadata>,
}

/// A new device that the user pool wants confirmed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewDeviceMetadata {
    pub device_key: String,
    pub device_group_key: String,
}
