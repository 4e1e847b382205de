//! The steps after the password: RespondToAuthChallenge, its sessions, and NEW_PASSWORD_REQUIRED.

use serde_json::json;

use super::clients::Client;
use super::input::{Input, Map};
use super::outcome::Outcome;
use super::refusals::{constraint, invalid, not_authorized};
use super::sessions::{CHALLENGE_LIFETIME, Session, Step};
use super::user_pool::UserPool;
use super::users::{Mfa, Status};
use crate::answer::Refusal;
use crate::random::random_text;

const CHALLENGES: &str = "[SMS_MFA, EMAIL_OTP, SMS_OTP, WEB_AUTHN, SOFTWARE_TOKEN_MFA, SELECT_MFA_TYPE, MFA_SETUP, PASSWORD_VERIFIER, CUSTOM_CHALLENGE, SELECT_CHALLENGE, DEVICE_SRP_AUTH, DEVICE_PASSWORD_VERIFIER, ADMIN_NO_SRP_AUTH, NEW_PASSWORD_REQUIRED]";

impl UserPool {
    /// RespondToAuthChallenge.
    pub(super) fn respond(&mut self, input: &Input, now: i64) -> Result<Outcome, Refusal> {
        let name = input.require("ChallengeName")?;
        let client = Client::of(input)?;
        let responses = input.map("ChallengeResponses")?;
        if name == "PASSWORD_VERIFIER" {
            return self.verify_password(client, responses, now);
        }
        if !CHALLENGES[1..CHALLENGES.len() - 1]
            .split(", ")
            .any(|known| known == name)
        {
            let rule = format!("satisfy enum value set: {CHALLENGES}");
            return Err(constraint(&format!("'{name}'"), "challengeName", &rule));
        }
        let user = responses.require("USERNAME")?;
        client.check_hash(user, responses.get("SECRET_HASH"))?;
        let token = input
            .text("Session")?
            .ok_or_else(|| invalid("Missing required parameter Session"))?;
        let session = self.session(token, now)?.clone();
        if session.client != client.id || session.user != user || session.step.challenge() != name {
            return Err(not_authorized("Invalid session for the user."));
        }
        self.user_named(user)?.check_usable(now)?;
        let outcome = match &session.step {
            Step::NewPassword => self.new_password(client, user, responses, now)?,
            Step::Select => self.selected(client, user, responses, now)?,
            Step::Setup { secret, verified } => {
                let secret = secret.as_ref().filter(|_| *verified);
                let secret = secret.ok_or_else(|| invalid("User has not verified software token mfa"))?;
                let user = self.user_named(user)?;
                user.totp_secret = Some(secret.clone());
                user.mfa = vec![Mfa::Totp];
                self.signed_in(client, &session.user, now)?
            }
            Step::SelectFirst => self.selected_first(client, user, responses, now)?,
            Step::Device(None) => self.start_device(client, user, responses, now)?,
            Step::Device(Some(pending)) => self.verify_device(client, user, pending, responses, now)?,
            Step::Totp | Step::Code(..) | Step::First(..) => {
                self.check_code(token, &session, responses, now)?;
                self.signed_in(client, user, now)?
            }
        };
        if let Some(session) = self.sessions.get_mut(token) {
            session.used = true;
        }
        Ok(outcome)
    }

    /// Returns the session of a token. Refuses unknown and expired sessions.
    pub(super) fn session(&mut self, token: &str, now: i64) -> Result<&mut Session, Refusal> {
        let session = self
            .sessions
            .get_mut(token)
            .ok_or_else(|| not_authorized("Invalid session for the user."))?;
        if session.used {
            return Err(not_authorized(
                "Invalid session for the user, session can only be used once.",
            ));
        }
        if session.expires <= now {
            return Err(not_authorized("Invalid session for the user, session is expired."));
        }
        Ok(session)
    }

    pub(super) fn open(&mut self, client: &Client, user: &str, step: Step, now: i64) -> String {
        let token = random_text(700);
        let session = Session {
            user: user.into(),
            client: client.id,
            step,
            expires: now + CHALLENGE_LIFETIME,
            used: false,
            wrong_codes: 0,
        };
        self.sessions.insert(token.clone(), session);
        token
    }

    /// Returns the next step after a correct password.
    pub(super) fn after_password(
        &mut self,
        client: &'static Client,
        name: &str,
        with_device: bool,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        if self.user_named(name)?.status != Status::ForceChangePassword {
            return match with_device {
                // A remembered device replaces the second factor.
                true => Ok(self.ask_for_device(client, name, now)),
                false => self.second_factor(client, name, now),
            };
        }
        let required = self.required.clone();
        let user = self.user_named(name)?;
        let missing: Vec<String> = required
            .iter()
            .filter(|attribute| !user.attributes.contains_key(*attribute))
            .map(|attribute| format!("userAttributes.{attribute}"))
            .collect();
        let parameters = json!({
            "USER_ID_FOR_SRP": name,
            "requiredAttributes": json!(missing).to_string(),
            "userAttributes": json!(user.attributes).to_string(),
        });
        let session = self.open(client, name, Step::NewPassword, now);
        Ok(Outcome::challenge("NEW_PASSWORD_REQUIRED", Some(session), parameters))
    }

    fn new_password(
        &mut self,
        client: &'static Client,
        name: &str,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let password = responses.require("NEW_PASSWORD")?;
        let required = self.required.clone();
        let user = self.user_named(name)?;
        let given: Vec<(&str, &str)> = responses
            .entries()
            .filter_map(|(key, value)| Some((key.strip_prefix("userAttributes.")?, value)))
            .collect();
        for attribute in &required {
            let there = user.attributes.contains_key(attribute) || given.iter().any(|(name, _)| name == attribute);
            if !there {
                return Err(invalid(&format!("Invalid attributes given, {attribute} is missing")));
            }
        }
        for (attribute, value) in &given {
            user.check_attribute(attribute, value)?;
        }
        // The attributes are only set if the password is accepted.
        user.set_password(password)?;
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        user.attributes.extend(given);
        self.second_factor(client, name, now)
    }

    /// Replaces a used session by a new one with the same end.
    pub(super) fn follow(&mut self, session: Session) -> String {
        let token = random_text(700);
        self.sessions.insert(token.clone(), Session { used: false, ..session });
        token
    }
}
