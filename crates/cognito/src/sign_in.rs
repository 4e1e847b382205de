//! Sign-in with a user name and password, challenge by challenge.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html>

mod answers;
mod device_proof;
mod set_up;

use std::collections::BTreeMap;

use cognito_srp::{EXPONENT_BYTES, Ephemeral, PasswordClaim, timestamp};
use zeroize::Zeroizing;

pub use answers::{PresetAnswers, Questions, new_password};

use self::answers::Answers;
use super::device::Device;
use super::identity_pool::ProviderLogin;
use super::login_place::LoginPlace;
use super::user::User;
use super::wire::{
    self, AuthAnswer, InitiateAuth, ODD_ANSWER_HINT, Parameters, ReceivedSecret, RespondToAuthChallenge,
};
use super::{CallFailure, CognitoCalls, CognitoService};
use diagnostics::{Code, Error, Result, mention};
use oidc_token::Claims;
use secret::Secret;
use settings::Flow;

/// How often a person is asked for one answer, if it is wrong.
const TRIES: usize = 3;
/// The most challenges of a sign-in. A server that asks more is not Cognito.
const MOST_CHALLENGES: usize = 10;
/// The codes with which a sign-in may begin.
const CODES: [&str; 2] = ["EMAIL_OTP", "SMS_OTP"];

/// The result of a sign-in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user's real name, not an alias.
    pub username: String,
    /// The token for an identity pool.
    pub id_token: Secret,
    /// The token for the user pool itself, such as to change the password.
    pub access_token: Secret,
    /// The token that gets new tokens without a password.
    pub refresh_token: Option<Secret>,
    /// The device of the sign-in, in a user pool that remembers devices.
    pub device: Option<Device>,
    /// The managed login, if the user signed in there.
    pub login_place: Option<LoginPlace>,
}

impl SignedIn {
    /// Returns the login for an identity pool: the ID token, and the user pool as its issuer.
    pub fn login(&self, user: &User) -> ProviderLogin {
        let issuer = Claims::from_jwt(self.id_token.expose()).map(|claims| claims.iss);
        let issuer =
            issuer.unwrap_or_else(|| format!("https://cognito-idp.{}.amazonaws.com/{}", user.region, user.pool));
        ProviderLogin {
            key: issuer.trim_start_matches("https://").to_owned(),
            token: self.id_token.clone(),
        }
    }
}

/// Signs in. Asks for every answer that is not known, and again if it was wrong, in the same session. `device` is that of an earlier sign-in, which
/// may make the second factor unnecessary.
///
/// # Errors
/// Cognito refuses, a question cannot be asked, or a challenge is not supported.
pub async fn sign_in(
    user: &User,
    flow: Flow,
    given: PresetAnswers,
    device: Option<Device>,
    calls: &impl CognitoCalls,
    questions: &mut dyn Questions,
) -> Result<SignedIn> {
    let mut answers = Answers::new(given, questions);
    let sign_in = |device| SigningIn {
        user,
        username: user.username.clone(),
        device,
        calls,
    };
    let has_device = device.is_some();
    match sign_in(device).run(flow, &mut answers).await {
        // The user pool has forgotten the device. The sign-in makes a new one.
        Err(CallFailure::Refused(refusal)) if has_device && refusal.is_unknown_device() => {
            sign_in(None).run(flow, &mut answers).await.map_err(Error::from)
        }
        done => done.map_err(Error::from),
    }
}

struct SigningIn<'a, C> {
    user: &'a User,
    /// The name as given, and the real one after the first call.
    username: String,
    device: Option<Device>,
    calls: &'a C,
}

/// A challenge that waits for its answer.
struct PendingChallenge<'a> {
    name: &'a str,
    challenge: &'a Challenge,
    session: Option<ReceivedSecret>,
}

type Challenge = BTreeMap<String, String>;

impl<C: CognitoCalls> SigningIn<'_, C> {
    async fn run(mut self, flow: Flow, answers: &mut Answers<'_>) -> Result<SignedIn, CallFailure> {
        // The password is asked for before the first call, because Cognito waits only a few seconds for its proof.
        let mut answer = match flow {
            Flow::Srp => {
                let password = answers.password(&self.user.username)?;
                self.by_proof(&password).await?
            }
            Flow::UserPassword => {
                let password = answers.password(&self.user.username)?;
                self.by_password(&password).await?
            }
            Flow::EmailOtp => self.by_code(answers).await?,
        };
        for _ in 0..MOST_CHALLENGES {
            if let Some(result) = answer.authentication_result {
                return self.signed_in(result).await;
            }
            let name = answer
                .challenge_name
                .ok_or_else(|| odd("it holds neither tokens nor a challenge"))?;
            let challenge = answer.challenge_parameters.unwrap_or_default();
            self.learn_name(&challenge);
            if name == "DEVICE_SRP_AUTH" && self.has_device_password() {
                answer = self.by_device(answer.session).await?;
                continue;
            }
            let mut step = PendingChallenge {
                name: &name,
                challenge: &challenge,
                session: answer.session,
            };
            answer = self.step(&mut step, answers).await?;
        }
        Err(odd("challenge follows challenge without an end").into())
    }

    /// Answers one challenge, until the answer is right.
    async fn step(
        &self,
        step: &mut PendingChallenge<'_>,
        answers: &mut Answers<'_>,
    ) -> Result<AuthAnswer, CallFailure> {
        if step.name == "MFA_SETUP" {
            step.session = self
                .set_up(&list(step.challenge, "MFAS_CAN_SETUP"), step.session.take(), answers)
                .await?;
        }
        let mut tries = 1;
        loop {
            match self.answer(step, answers).await {
                Err(CallFailure::Refused(refusal)) if answers.another_may_help(&refusal) && tries < TRIES => {
                    answers.once_more(&refusal)?;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Signs in by `USER_SRP_AUTH`. Nothing is asked between the challenge and its answer.
    async fn by_proof(&mut self, password: &Secret) -> Result<AuthAnswer, CallFailure> {
        let ephemeral = ephemeral()?;
        let mut parameters = self.parameters()?;
        parameters.insert("SRP_A".to_owned(), ephemeral.public().as_str().into());
        let answer = self.initiate("USER_SRP_AUTH", parameters).await?;
        if answer.challenge_name.as_deref() != Some("PASSWORD_VERIFIER") {
            return Ok(answer);
        }
        let challenge = answer.challenge_parameters.unwrap_or_default();
        self.learn_name(&challenge);
        let whose = (self.user.pool_name(), self.username.as_str());
        let responses = self.proof(&ephemeral, whose, password, &challenge)?;
        self.respond("PASSWORD_VERIFIER", responses, answer.session).await
    }

    /// Returns the proof of a password: of a user in a pool, or of a device in a group.
    fn proof(
        &self,
        ephemeral: &Ephemeral,
        (pool_name, user_id): (&str, &str),
        password: &Secret,
        challenge: &Challenge,
    ) -> Result<Parameters> {
        let field = |name: &str| challenge.get(name).map(String::as_str).unwrap_or_default();
        let timestamp = timestamp(self.calls.server_time());
        let claim = PasswordClaim {
            pool_name,
            user_id,
            password: password.expose(),
            salt: field("SALT"),
            server_public: field("SRP_B"),
            secret_block: field("SECRET_BLOCK"),
            timestamp: &timestamp,
        };
        let signature = ephemeral.sign(&claim).map_err(|error| odd(&error.to_string()))?;
        let responses = [
            ("PASSWORD_CLAIM_SECRET_BLOCK", field("SECRET_BLOCK")),
            ("PASSWORD_CLAIM_SIGNATURE", signature.as_str()),
            ("TIMESTAMP", &timestamp),
        ];
        let responses = responses.map(|(name, value)| (name.to_owned(), value.into()));
        Ok(responses.into())
    }

    /// Signs in by `USER_PASSWORD_AUTH`, which sends the password itself.
    async fn by_password(&self, password: &Secret) -> Result<AuthAnswer, CallFailure> {
        let mut parameters = self.parameters()?;
        parameters.insert("PASSWORD".to_owned(), password.into());
        self.initiate("USER_PASSWORD_AUTH", parameters).await
    }

    /// Signs in by `USER_AUTH`, with a code from Cognito instead of the password.
    async fn by_code(&mut self, answers: &mut Answers<'_>) -> Result<AuthAnswer, CallFailure> {
        let mut parameters = self.parameters()?;
        parameters.insert("PREFERRED_CHALLENGE".to_owned(), CODES[0].into());
        let answer = self.initiate("USER_AUTH", parameters).await?;
        if answer.challenge_name.as_deref() != Some("SELECT_CHALLENGE") {
            return Ok(answer);
        }
        self.learn_name(&answer.challenge_parameters.unwrap_or_default());
        let offered = answer.available_challenges.unwrap_or_default();
        let mut codes = offered.iter().filter(|name| CODES.contains(&name.as_str()));
        let kind = match (codes.next(), codes.next()) {
            (Some(only), None) => only.clone(),
            (Some(first), Some(second)) => answers.kind_of_code(&[first.clone(), second.clone()])?,
            (None, _) => return Err(no_code(&offered).into()),
        };
        let responses = Parameters::from([("ANSWER".to_owned(), kind.as_str().into())]);
        self.respond("SELECT_CHALLENGE", responses, answer.session).await
    }

    async fn answer(&self, step: &PendingChallenge<'_>, answers: &mut Answers<'_>) -> Result<AuthAnswer, CallFailure> {
        let (name, challenge, session) = (step.name, step.challenge, step.session.clone());
        match name {
            "NEW_PASSWORD_REQUIRED" => {
                let new = answers.new_password()?;
                let mut responses = Parameters::from([("NEW_PASSWORD".to_owned(), (&new).into())]);
                for attribute in required_attributes(challenge) {
                    let value = answers.attribute(&attribute)?;
                    responses.insert(format!("userAttributes.{attribute}"), value.as_str().into());
                }
                self.respond(name, responses, session).await
            }
            "SOFTWARE_TOKEN_MFA" | "SMS_MFA" | "EMAIL_OTP" | "SMS_OTP" => {
                let code = answers.code(name, challenge)?;
                let responses = Parameters::from([(format!("{name}_CODE"), (&code).into())]);
                self.respond(name, responses, session).await
            }
            "SELECT_MFA_TYPE" => {
                let kind = answers.kind_of_code(&list(challenge, "MFAS_CAN_CHOOSE"))?;
                let responses = Parameters::from([("ANSWER".to_owned(), kind.as_str().into())]);
                self.respond(name, responses, session).await
            }
            "MFA_SETUP" => self.respond(name, Parameters::new(), session).await,
            other => Err(Error::failed(
                Code::CognitoRefuses,
                "sign-in",
                format!("Cognito asks for {other}, which can't be answered here"),
            )
            .hint("ask the owner of the user pool for a sign-in by password, and by authenticator, SMS or e-mail code")
            .into()),
        }
    }

    /// Returns `USERNAME`, and the parameters that identify the client and the device.
    fn parameters(&self) -> Result<Parameters> {
        let mut parameters = self.user.parameters(&self.username)?;
        if let Some(device) = &self.device {
            parameters.insert("DEVICE_KEY".to_owned(), (&device.key).into());
        }
        Ok(parameters)
    }

    async fn initiate(&self, flow: &'static str, parameters: Parameters) -> Result<AuthAnswer, CallFailure> {
        let request = InitiateAuth {
            auth_flow: flow,
            auth_parameters: parameters,
            client_id: &self.user.client_id,
        };
        self.call("InitiateAuth", &request).await
    }

    async fn respond(
        &self,
        challenge: &str,
        responses: Parameters,
        session: Option<ReceivedSecret>,
    ) -> Result<AuthAnswer, CallFailure> {
        let mut parameters = self.parameters()?;
        parameters.extend(responses);
        let request = RespondToAuthChallenge {
            challenge_name: challenge,
            challenge_responses: parameters,
            client_id: &self.user.client_id,
            session: session.map(|session| (&session.0).into()),
        };
        self.call("RespondToAuthChallenge", &request).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        request: &impl serde::Serialize,
    ) -> Result<T, CallFailure> {
        wire::call(
            self.calls,
            CognitoService::UserPool,
            &self.user.region,
            operation,
            request,
        )
        .await
    }

    /// Learns the real name, because an alias only works in the first call.
    fn learn_name(&mut self, challenge: &Challenge) {
        let real = challenge.get("USER_ID_FOR_SRP").or_else(|| challenge.get("USERNAME"));
        if let Some(name) = real {
            self.username.clone_from(name);
        }
    }

    async fn signed_in(self, result: wire::AuthenticationResult) -> Result<SignedIn, CallFailure> {
        let (Some(id_token), Some(access_token)) = (result.id_token, result.access_token) else {
            return Err(odd("it holds no tokens").into());
        };
        let device = match result.new_device_metadata {
            Some(metadata) => Some(self.confirm(metadata, &access_token.0).await?),
            None => self.device,
        };
        Ok(SignedIn {
            username: self.username,
            id_token: id_token.0,
            access_token: access_token.0,
            refresh_token: result.refresh_token.map(|token| token.0),
            device,
            login_place: None,
        })
    }
}

/// Returns a new secret exponent for this sign-in.
fn ephemeral() -> Result<Ephemeral> {
    let mut exponent = Zeroizing::new([0; EXPONENT_BYTES]);
    getrandom::fill(&mut *exponent)
        .map_err(|error| Error::failed(Code::System, "no random number from the system", error))?;
    Ok(Ephemeral::new(&exponent))
}

/// Returns the error for a user who may not sign in with a code.
fn no_code(offered: &[String]) -> Error {
    let cause = match offered {
        [] => "the user pool sends this user no code to sign in with".to_owned(),
        offered => format!(
            "the user pool sends this user no code to sign in with, and offers: {}",
            offered.join(", ")
        ),
    };
    Error::failed(Code::Flow, "sign-in", cause).hint(concat!(
        "sign in with a password (",
        mention!("flow", "srp"),
        ") or in the browser (",
        mention!("browser"),
        "), or ask the owner of the user pool to verify your e-mail address"
    ))
}

/// Returns the attributes that the pool requires of a new user and that are missing.
fn required_attributes(challenge: &Challenge) -> Vec<String> {
    let names = list(challenge, "requiredAttributes").into_iter();
    let short = |name: String| name.strip_prefix("userAttributes.").map_or(name.clone(), str::to_owned);
    names.map(short).collect()
}

/// Returns a list from a challenge's parameters, where Cognito puts JSON lists as text.
fn list(challenge: &Challenge, name: &str) -> Vec<String> {
    let text = challenge.get(name).map(String::as_str).unwrap_or("[]");
    serde_json::from_str(text).unwrap_or_default()
}

fn odd(cause: &str) -> Error {
    Error::failed(Code::OddAnswer, "Amazon Cognito's answer", cause).hint(ODD_ANSWER_HINT)
}

#[cfg(test)]
mod tests;
