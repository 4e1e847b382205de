//! Second factors: the choice of one, sent codes, authenticator apps and their set-up.

use rand::Rng;
use serde_json::{Map as JsonMap, Value, json};

use super::clients::Client;
use super::input::{Input, Map};
use super::outcome::Outcome;
use super::refusals::{invalid, mismatch, not_authorized};
use super::sessions::{Session, Step};
use super::user_pool::{Message, UserPool};
use super::users::{Mfa, User};
use crate::answer::Refusal;
use crate::totp;

/// How many wrong codes a session accepts before it ends.
const MOST_WRONG_CODES: u32 = 5;

impl UserPool {
    pub(super) fn second_factor(&mut self, client: &'static Client, name: &str, now: i64) -> Result<Outcome, Refusal> {
        let factors = self.user_named(name)?.mfa.clone();
        match factors.as_slice() {
            [] => self.signed_in(client, name, now),
            [only] => self.ask_for(client, name, *only, now),
            several => {
                let choices: Vec<&str> = several.iter().map(|mfa| mfa.challenge()).collect();
                let parameters = json!({"USER_ID_FOR_SRP": name, "MFAS_CAN_CHOOSE": json!(choices).to_string()});
                let session = self.open(client, name, Step::Select, now);
                Ok(Outcome::challenge("SELECT_MFA_TYPE", Some(session), parameters))
            }
        }
    }

    pub(super) fn selected(
        &mut self,
        client: &'static Client,
        name: &str,
        responses: Map<'_>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let answer = responses.require("ANSWER")?;
        let factors = self.user_named(name)?.mfa.clone();
        let chosen = factors.into_iter().find(|mfa| mfa.challenge() == answer);
        let chosen = chosen.ok_or_else(|| invalid("Invalid MFA selection."))?;
        self.ask_for(client, name, chosen, now)
    }

    fn ask_for(&mut self, client: &'static Client, name: &str, mfa: Mfa, now: i64) -> Result<Outcome, Refusal> {
        let mut parameters = JsonMap::new();
        parameters.insert("USER_ID_FOR_SRP".into(), name.into());
        let step = match mfa {
            Mfa::Totp => Step::Totp,
            Mfa::Setup => {
                parameters.insert("MFAS_CAN_SETUP".into(), r#"["SOFTWARE_TOKEN_MFA"]"#.into());
                Step::Setup {
                    secret: None,
                    verified: false,
                }
            }
            Mfa::Sms | Mfa::Email => {
                let medium = if mfa == Mfa::Sms { "SMS" } else { "EMAIL" };
                let (code, shown) = self.send_code(name, medium)?;
                parameters.insert("CODE_DELIVERY_DELIVERY_MEDIUM".into(), medium.into());
                parameters.insert("CODE_DELIVERY_DESTINATION".into(), shown.into());
                Step::Code(mfa, code)
            }
        };
        let session = self.open(client, name, step, now);
        Ok(Outcome::challenge(
            mfa.challenge(),
            Some(session),
            Value::Object(parameters),
        ))
    }

    /// Sends a code to a user. Returns the code and the masked destination.
    pub(super) fn send_code(&mut self, name: &str, medium: &'static str) -> Result<(String, String), Refusal> {
        let attribute = if medium == "SMS" { "phone_number" } else { "email" };
        let destination = self.user_named(name)?.attributes.get(attribute).cloned();
        let destination =
            destination.ok_or_else(|| invalid(&format!("User does not have delivery config set to {medium}")))?;
        let digits = if medium == "SMS" { 6 } else { 8 };
        let mut rng = rand::rng();
        let code: String = (0..digits)
            .map(|_| char::from(b'0' + rng.random_range(0..10)))
            .collect();
        let shown = masked(&destination);
        self.messages.push(Message {
            username: name.into(),
            medium,
            destination,
            code: code.clone(),
        });
        Ok((code, shown))
    }

    /// Checks a code. After a wrong code, a few more attempts are possible in the same session.
    pub(super) fn check_code(
        &mut self,
        token: &str,
        session: &Session,
        responses: Map<'_>,
        now: i64,
    ) -> Result<(), Refusal> {
        let given = responses.require(&format!("{}_CODE", session.step.challenge()))?;
        let user = self.user_named(&session.user)?;
        let checked = match &session.step {
            Step::Code(_, code) | Step::First(_, code) if code == given => Ok(()),
            Step::Totp => take_totp(user, given, now),
            _ => Err(mismatch("Invalid code or auth state for the user.")),
        };
        if checked.is_err()
            && let Some(session) = self.sessions.get_mut(token)
        {
            session.wrong_codes += 1;
            session.used = session.wrong_codes >= MOST_WRONG_CODES;
        }
        checked
    }

    /// Answers AssociateSoftwareToken within the session of an `MFA_SETUP`.
    pub(super) fn associate(&mut self, input: &Input, now: i64) -> Result<Value, Refusal> {
        let token = setup_token(input)?;
        let session = self.session(token, now)?;
        if !matches!(session.step, Step::Setup { .. }) {
            return Err(not_authorized("Invalid session for the user."));
        }
        session.used = true;
        let mut next = session.clone();
        let secret = totp::new_secret();
        next.step = Step::Setup {
            secret: Some(secret.clone()),
            verified: false,
        };
        Ok(json!({"SecretCode": secret, "Session": self.follow(next)}))
    }

    /// Answers VerifySoftwareToken within the session that AssociateSoftwareToken gave.
    pub(super) fn verify_token(&mut self, input: &Input, now: i64) -> Result<Value, Refusal> {
        let code = input.require("UserCode")?;
        let token = setup_token(input)?;
        let session = self.session(token, now)?;
        let Step::Setup {
            secret: Some(secret), ..
        } = session.step.clone()
        else {
            return Err(not_authorized("Invalid session for the user."));
        };
        let step = totp::step_of(&secret, code, now);
        let step = step.ok_or_else(|| Refusal::new(400, "EnableSoftwareTokenMFAException", "Code mismatch"))?;
        session.used = true;
        let mut next = session.clone();
        next.step = Step::Setup {
            secret: Some(secret),
            verified: true,
        };
        self.user_named(&next.user)?.totp_step = Some(step);
        Ok(json!({"Status": "SUCCESS", "Session": self.follow(next)}))
    }
}

fn setup_token(input: &Input) -> Result<&str, Refusal> {
    match (input.text("Session")?, input.text("AccessToken")?) {
        (Some(token), None) => Ok(token),
        (Some(_), Some(_)) => Err(invalid("Only one of Session and AccessToken may be given")),
        _ => Err(invalid(
            "The lab sets up authenticator apps at the sign-in only: Session is missing",
        )),
    }
}

/// Checks a code of the user's app. Each code is accepted once.
fn take_totp(user: &mut User, code: &str, now: i64) -> Result<(), Refusal> {
    let secret = user.totp_secret.clone().unwrap_or_default();
    let step = totp::step_of(&secret, code, now).ok_or_else(|| mismatch("Invalid code received for user"))?;
    if user.totp_step.is_some_and(|last| step <= last) {
        let message = "Your software token has already been used once.";
        return Err(Refusal::new(400, "ExpiredCodeException", message));
    }
    user.totp_step = Some(step);
    Ok(())
}

/// Masks an e-mail address (`a***@e***`) or a phone number (`+*******1234`).
fn masked(destination: &str) -> String {
    match destination.split_once('@') {
        Some((name, domain)) => {
            let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
            format!("{}***@{}***", first(name), first(domain))
        }
        None => {
            let digits: Vec<char> = destination.trim_start_matches('+').chars().collect();
            let hidden = digits.len().saturating_sub(4);
            let last: String = digits[hidden..].iter().collect();
            format!("+{}{last}", "*".repeat(hidden))
        }
    }
}
