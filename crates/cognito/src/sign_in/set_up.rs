//! Sets up an authenticator at the first sign-in (`MFA_SETUP`).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::{CallFailure, CognitoCalls, SigningIn, TRIES, odd};
use crate::wire::{ReceivedSecret, SecretText};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The issuer that the authenticator shows beside the code.
const ISSUER: &str = "Cognito";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssociateSoftwareToken {
    session: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssociateSoftwareTokenResponse {
    secret_code: ReceivedSecret,
    session: Option<ReceivedSecret>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VerifySoftwareToken {
    session: Option<SecretText>,
    user_code: SecretText,
    friendly_device_name: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VerifySoftwareTokenResponse {
    status: String,
    session: Option<ReceivedSecret>,
}

impl<C: CognitoCalls> SigningIn<'_, C> {
    /// Shows the authenticator's key on the terminal, and checks that its codes are right.
    pub(super) async fn set_up(
        &self,
        kinds: &[String],
        session: Option<ReceivedSecret>,
        answers: &mut Answers<'_>,
    ) -> Result<Option<ReceivedSecret>, CallFailure> {
        if !kinds.iter().any(|kind| kind == "SOFTWARE_TOKEN_MFA") {
            let kinds = kinds.join(", ");
            return Err(Error::failed(Code::CognitoRefuses, "sign-in", format!("the user pool wants a second factor set up, one of: {kinds}"))
                .hint("only an authenticator can be set up here: ask the owner of the user pool to allow it, or to set the other one up")
                .into());
        }
        let text = |session: Option<ReceivedSecret>| session.map(|session| SecretText(session.0));
        let request = AssociateSoftwareToken { session: text(session) };
        let associated: AssociateSoftwareTokenResponse = self.call("AssociateSoftwareToken", &request).await?;
        let uri = uri(&self.user.username, &associated.secret_code.0);
        answers.tell("Add this key to an authenticator (Google Authenticator, 1Password, Authy, …):")?;
        answers.tell(&format!("  {}", associated.secret_code.0.expose()))?;
        answers.tell(&format!("  {}", uri.expose()))?;
        let session = text(associated.session);
        let mut tries = 1;
        loop {
            match self
                .verify(answers.typed_code("Code it shows: ")?, session.clone())
                .await
            {
                Err(CallFailure::Refused(refusal)) if answers.another_may_help(&refusal) && tries < TRIES => {
                    answers.once_more(&refusal)?;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    async fn verify(&self, code: Secret, session: Option<SecretText>) -> Result<Option<ReceivedSecret>, CallFailure> {
        let request = VerifySoftwareToken {
            user_code: SecretText(code),
            session,
            friendly_device_name: "ecr-auth",
        };
        let verified: VerifySoftwareTokenResponse = self.call("VerifySoftwareToken", &request).await?;
        match verified.status.as_str() {
            "SUCCESS" => Ok(verified.session),
            _ => Err(odd("the authenticator's code was neither accepted nor refused").into()),
        }
    }
}

/// Returns the key as a URI: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>
fn uri(username: &str, key: &Secret) -> Secret {
    let username = utf8_percent_encode(username, NON_ALPHANUMERIC);
    Secret::new(format!(
        "otpauth://totp/{ISSUER}:{username}?secret={}&issuer={ISSUER}",
        key.expose()
    ))
}
