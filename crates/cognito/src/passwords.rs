//! Changes a known password, and replaces a forgotten one.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::user::User;
use super::wire::{self, SecretText};
use super::{CallFailure, CognitoCalls, CognitoService};
use secret::Secret;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangePassword {
    access_token: SecretText,
    previous_password: SecretText,
    proposed_password: SecretText,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ForgotPassword<'a> {
    client_id: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_hash: Option<SecretText>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfirmForgotPassword<'a> {
    client_id: &'a str,
    username: &'a str,
    confirmation_code: SecretText,
    password: SecretText,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_hash: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeSent {
    code_delivery_details: Option<CodeDeliveryDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeDeliveryDetails {
    destination: Option<String>,
}

/// Changes the password of a signed-in user. `access_token` is the user's.
///
/// # Errors
/// The old password is wrong, the new one breaks the pool's rules, or Cognito refuses.
pub async fn change(
    user: &User,
    access_token: &Secret,
    before: &Secret,
    new: &Secret,
    calls: &impl CognitoCalls,
) -> Result<(), CallFailure> {
    let request = ChangePassword {
        access_token: access_token.into(),
        previous_password: before.into(),
        proposed_password: new.into(),
    };
    let answer = wire::call::<IgnoredAny>(
        calls,
        CognitoService::UserPool,
        &user.region,
        "ChangePassword",
        &request,
    );
    answer.await.map(drop)
}

/// Sends a code for replacing a forgotten password. Returns where it was sent to, if Cognito tells.
///
/// # Errors
/// Cognito refuses.
pub async fn send_code(user: &User, calls: &impl CognitoCalls) -> Result<Option<String>, CallFailure> {
    let request = ForgotPassword {
        client_id: &user.client_id,
        username: &user.username,
        secret_hash: user.secret_hash(&user.username)?.as_ref().map(SecretText::from),
    };
    let sent: CodeSent = wire::call(
        calls,
        CognitoService::UserPool,
        &user.region,
        "ForgotPassword",
        &request,
    )
    .await?;
    Ok(sent.code_delivery_details.and_then(|details| details.destination))
}

/// Replaces a forgotten password.
///
/// # Errors
/// The code is wrong or too old, the new password breaks the pool's rules, or Cognito refuses.
pub async fn replace(user: &User, code: &Secret, new: &Secret, calls: &impl CognitoCalls) -> Result<(), CallFailure> {
    let request = ConfirmForgotPassword {
        client_id: &user.client_id,
        username: &user.username,
        confirmation_code: code.into(),
        password: new.into(),
        secret_hash: user.secret_hash(&user.username)?.as_ref().map(SecretText::from),
    };
    let answer = wire::call::<IgnoredAny>(
        calls,
        CognitoService::UserPool,
        &user.region,
        "ConfirmForgotPassword",
        &request,
    );
    answer.await.map(drop)
}
