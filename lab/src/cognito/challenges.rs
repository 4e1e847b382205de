//! What comes after the password: RespondToAuthChallenge, its sessions, and setting up an authenticator app.

use rand::Rng;
use serde_json::{Map as JsonMap, Value, json};

use super::input::{Input, Map};
use super::refusals::{constraint, invalid, not_authorized};
use super::tokens::Issued;
use super::totp;
use super::user_pool::{Client, Message, UserPool};
use super::users::{Mfa, Status, User};
use crate::answer::Refusal;
use crate::principals::random_text;

/// A challenge must be answered within so many seconds: Cognito's default of three minutes.
pub(super) const CHALLENGE_LIFETIME: i64 = 180;
/// Wrong codes a session takes.
const MOST_WRONG_CODES: u32 = 5;
const CHALLENGES: &str = "[SMS_MFA, EMAIL_OTP, SOFTWARE_TOKEN_MFA, SELECT_MFA_TYPE, MFA_SETUP, PASSWORD_VERIFIER, CUSTOM_CHALLENGE, SELECT_CHALLENGE, DEVICE_SRP_AUTH, DEVICE_PASSWORD_VERIFIER, ADMIN_NO_SRP_AUTH, NEW_PASSWORD_REQUIRED]";

/// What a step of a sign-in leads to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The next challenge: the answer's members.
    Challenge(Value),
    /// The end: tokens, still to be signed.
    SignedIn(Box<Issued>),
}

impl Outcome {
    pub(super) fn challenge(name: &str, session: Option<String>, parameters: Value) -> Self {
        let mut answer = json!({"ChallengeName": name, "ChallengeParameters": parameters});
        if let Some(session) = session {
            answer["Session"] = session.into();
        }
        Self::Challenge(answer)
    }
}

/// What a session waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    NewPassword,
    Totp,
    /// A code that was sent.
    Code(Mfa, String),
    Select,
    /// The secret once it was asked for, and whether a code of it was shown.
    Setup {
        secret: Option<String>,
        verified: bool,
    },
}

impl Step {
    fn challenge(&self) -> &'static str {
        match self {
            Self::NewPassword => "NEW_PASSWORD_REQUIRED",
            Self::Totp => Mfa::Totp.challenge(),
            Self::Code(mfa, _) => mfa.challenge(),
            Self::Select => "SELECT_MFA_TYPE",
            Self::Setup { .. } => Mfa::Setup.challenge(),
        }
    }
}

/// A sign-in between two challenges.
#[derive(Debug, Clone)]
pub(super) struct Session {
    user: String,
    client: &'static str,
    step: Step,
    expires: i64,
    used: bool,
    wrong_codes: u32,
}

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
            Step::Totp | Step::Code(..) => {
                self.check_code(token, &session, responses, now)?;
                self.signed_in(client, user, now)?
            }
        };
        if let Some(session) = self.sessions.get_mut(token) {
            session.used = true;
        }
        Ok(outcome)
    }

    /// A session that is good.
    fn session(&mut self, token: &str, now: i64) -> Result<&mut Session, Refusal> {
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

    fn open(&mut self, client: &Client, user: &str, step: Step, now: i64) -> String {
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

    /// What follows a right password.
    pub(super) fn after_password(&mut self, client: &'static Client, name: &str, now: i64) -> Result<Outcome, Refusal> {
        if self.user_named(name)?.status != Status::ForceChangePassword {
            return self.second_factor(client, name, now);
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
        // The attributes count only with a password that is taken.
        user.set_password(password)?;
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        user.attributes.extend(given);
        self.second_factor(client, name, now)
    }

    fn second_factor(&mut self, client: &'static Client, name: &str, now: i64) -> Result<Outcome, Refusal> {
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

    fn selected(
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

    /// Sends a code to a user: the code, and the destination as it is shown.
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

    /// A wrong code may be followed by another one in the same session, a few times.
    fn check_code(&mut self, token: &str, session: &Session, responses: Map<'_>, now: i64) -> Result<(), Refusal> {
        let given = responses.require(&format!("{}_CODE", session.step.challenge()))?;
        let user = self.user_named(&session.user)?;
        let checked = match &session.step {
            Step::Code(_, code) if code == given => Ok(()),
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

    /// AssociateSoftwareToken, within the session of an `MFA_SETUP`.
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

    /// VerifySoftwareToken, within the session that AssociateSoftwareToken gave.
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

    /// The session after one that was used; its time goes on.
    fn follow(&mut self, session: Session) -> String {
        let token = random_text(700);
        self.sessions.insert(token.clone(), Session { used: false, ..session });
        token
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

/// Takes a code of the user's app, once.
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

pub(super) fn mismatch(message: &str) -> Refusal {
    Refusal::new(400, "CodeMismatchException", message)
}

/// `a***@e***`, `+*******1234`.
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
