//! Users of the pool: what is known of them, and what a password must be like.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::POOL_NAME;
use super::refusals::{invalid, not_authorized};
use super::srp::{Identity, Verifier, parse_hex};
use crate::answer::{Refusal, request_id};
use crate::totp;

/// A temporary password lives so many seconds: a week.
const TEMPORARY_PASSWORD: i64 = 7 * 24 * 3600;
/// Failed attempts before the user is locked out.
const MOST_FAILURES: u32 = 5;
/// AWS begins with a second and doubles it up to about this many; the lab takes the longest at once, so that no test hangs on time.
const LOCKED_OUT: i64 = 15 * 60;

/// A second factor of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mfa {
    /// Codes of an authenticator app (`SOFTWARE_TOKEN_MFA`).
    Totp,
    /// Codes sent to the `phone_number` (`SMS_MFA`).
    Sms,
    /// Codes sent to the `email` (`EMAIL_OTP`).
    Email,
    /// None yet, and one must be set up at the next sign-in (`MFA_SETUP`).
    Setup,
}

impl Mfa {
    /// The challenge that asks for it.
    pub(super) fn challenge(self) -> &'static str {
        match self {
            Self::Totp => "SOFTWARE_TOKEN_MFA",
            Self::Sms => "SMS_MFA",
            Self::Email => "EMAIL_OTP",
            Self::Setup => "MFA_SETUP",
        }
    }
}

/// An identity provider that users of the pool come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A company's own, by SAML.
    Saml,
    /// Google.
    Google,
}

impl Provider {
    pub(super) const ALL: [Self; 2] = [Self::Saml, Self::Google];

    /// Its name in the pool.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Saml => "Northwind",
            Self::Google => "Google",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

/// A user to add with [`Cognito::add_user`](super::Cognito::add_user).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSpec {
    username: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    temporary_password: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    mfa: Vec<Mfa>,
    #[serde(default)]
    totp_secret: Option<String>,
    #[serde(default)]
    salt: Option<String>,
    #[serde(default)]
    provider: Option<Provider>,
    #[serde(default)]
    passkey: bool,
}

impl fmt::Debug for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSpec")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl UserSpec {
    /// A user of that name. With an `@` in it, it is an e-mail address to sign in with, and the user's real name is a UUID.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: None,
            temporary_password: None,
            attributes: BTreeMap::new(),
            groups: Vec::new(),
            mfa: Vec::new(),
            totp_secret: None,
            salt: None,
            provider: None,
            passkey: false,
        }
    }

    /// A password for good: the user is `CONFIRMED`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// A password for the first sign-in: the user is in state `FORCE_CHANGE_PASSWORD`. It ends after a week.
    #[must_use]
    pub fn temporary_password(mut self, password: impl Into<String>) -> Self {
        self.temporary_password = Some(password.into());
        self
    }

    /// An attribute: `email`, `phone_number`, `custom:license`. Addresses and numbers count as verified.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// A group: one of the lab's own or one added by [`Cognito::add_group`](super::Cognito::add_group).
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.groups.push(name.into());
        self
    }

    /// A second factor; with several, the user is asked which.
    #[must_use]
    pub fn mfa(mut self, mfa: Mfa) -> Self {
        self.mfa.push(mfa);
        self
    }

    /// The secret of the authenticator app, in base32; otherwise a random one.
    #[must_use]
    pub fn totp_secret(mut self, secret: impl Into<String>) -> Self {
        self.totp_secret = Some(secret.into());
        self
    }

    /// Where the user comes from: such a user has no password, and is known there by the attribute `email`.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The user has a passkey, which the managed login takes.
    #[must_use]
    pub fn passkey(mut self) -> Self {
        self.passkey = true;
        self
    }

    /// The salt of the password, in hexadecimal: for vectors.
    #[must_use]
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = Some(salt.into());
        self
    }
}

/// What became of a [`UserSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddedUser {
    /// The name in the pool, which challenges give as `USER_ID_FOR_SRP`.
    pub username: String,
    /// The claim `sub`.
    pub sub: String,
    /// Of a user with an authenticator app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp_secret: Option<String>,
}

/// The state of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    ForceChangePassword,
    Confirmed,
    ResetRequired,
}

/// A user of the pool.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) sub: String,
    pub(super) status: Status,
    pub(super) enabled: bool,
    pub(super) verifier: Verifier,
    temporary_until: i64,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) groups: Vec<String>,
    pub(super) mfa: Vec<Mfa>,
    pub(super) totp_secret: Option<String>,
    /// The step of the last code that was taken: none is taken twice.
    pub(super) totp_step: Option<i64>,
    /// Of ForgotPassword: the code and its end.
    pub(super) reset_code: Option<(String, i64)>,
    pub(super) provider: Option<Provider>,
    pub(super) has_passkey: bool,
    has_password: bool,
    failures: u32,
    locked_until: i64,
}

impl User {
    /// Makes a user. Everything that is wrong with the description is said.
    pub(super) fn new(spec: UserSpec, now: i64) -> Result<Self, String> {
        let sub = request_id();
        let by_email = spec.username.contains('@');
        let name = if by_email { sub.clone() } else { spec.username.clone() };
        let mut attributes = spec.attributes;
        if by_email {
            attributes.insert("email".into(), spec.username);
        }
        for (attribute, verified) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
            if attributes.contains_key(attribute) {
                attributes.entry(verified.into()).or_insert_with(|| "true".into());
            }
        }
        let has_password = spec.password.is_some() || spec.temporary_password.is_some();
        let (password, status) = match (spec.password, spec.temporary_password) {
            // A random password.
            (None, None) if spec.provider.is_some() || spec.passkey => (request_id(), Status::Confirmed),
            (Some(password), None) => (password, Status::Confirmed),
            (None, Some(password)) => (password, Status::ForceChangePassword),
            _ => return Err("a user has either a password, a temporary one, a provider or a passkey".into()),
        };
        let identity = Identity {
            pool: POOL_NAME,
            user: &name,
        };
        let verifier = match spec.salt {
            None => Verifier::new(identity, &password),
            Some(salt) => {
                let salt = parse_hex(&salt).ok_or("the salt is not hexadecimal")?;
                Verifier::with_salt(identity, &password, salt)
            }
        };
        let has_app = spec.mfa.contains(&Mfa::Totp);
        Ok(Self {
            verifier,
            name,
            sub,
            status,
            enabled: true,
            temporary_until: now + TEMPORARY_PASSWORD,
            attributes,
            groups: spec.groups,
            mfa: spec.mfa,
            totp_secret: has_app.then(|| spec.totp_secret.unwrap_or_else(totp::new_secret)),
            totp_step: None,
            reset_code: None,
            provider: spec.provider,
            has_passkey: spec.passkey,
            has_password,
            failures: 0,
            locked_until: 0,
        })
    }

    pub(super) fn described(&self) -> AddedUser {
        AddedUser {
            username: self.name.clone(),
            sub: self.sub.clone(),
            totp_secret: self.totp_secret.clone(),
        }
    }

    pub(super) fn has_password(&self) -> bool {
        self.has_password
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            pool: POOL_NAME,
            user: &self.name,
        }
    }

    /// Whether the name leads to this user: its own, or a verified address or number.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        let alias = |attribute: &str| {
            self.attributes.get(attribute).map(String::as_str) == Some(name)
                && self
                    .attributes
                    .get(&format!("{attribute}_verified"))
                    .map(String::as_str)
                    == Some("true")
        };
        self.name == name || alias("email") || alias("phone_number")
    }

    /// Whether the user may try a password.
    pub(super) fn check_unlocked(&self, now: i64) -> Result<(), Refusal> {
        if self.locked_until > now {
            return Err(not_authorized("Password attempts exceeded"));
        }
        Ok(())
    }

    /// Notes how an attempt went; wrong ones are refused, and lock out when there were too many.
    pub(super) fn attempted(&mut self, right: bool, now: i64) -> Result<(), Refusal> {
        self.check_unlocked(now)?;
        if right {
            self.failures = 0;
            return Ok(());
        }
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.locked_until = now + LOCKED_OUT;
        }
        Err(not_authorized("Incorrect username or password."))
    }

    /// Whether somebody who knows the password may sign in.
    pub(super) fn check_usable(&self, now: i64) -> Result<(), Refusal> {
        if !self.enabled {
            return Err(not_authorized("User is disabled."));
        }
        match self.status {
            Status::ResetRequired => Err(Refusal::new(
                400,
                "PasswordResetRequiredException",
                "Password reset required for the user",
            )),
            Status::ForceChangePassword if self.temporary_until <= now => Err(not_authorized(
                "Temporary password has expired and must be reset by an administrator.",
            )),
            _ => Ok(()),
        }
    }

    /// Sets a password that keeps to the policy.
    pub(super) fn set_password(&mut self, password: &str) -> Result<(), Refusal> {
        check_policy(password)?;
        self.verifier = Verifier::new(self.identity(), password);
        self.status = Status::Confirmed;
        self.failures = 0;
        self.locked_until = 0;
        Ok(())
    }

    /// Whether a user may set this attribute with a new password.
    pub(super) fn check_attribute(&self, name: &str, value: &str) -> Result<(), Refusal> {
        if name == "sub" || name.starts_with("cognito:") || value.is_empty() {
            return Err(invalid(&format!("Invalid attributes given, {name} is not valid")));
        }
        if name == "email" && self.attributes.get(name).is_some_and(|present| present != value) {
            return Err(not_authorized("Cannot modify an already provided email"));
        }
        Ok(())
    }
}

/// The policy of the pool: what Cognito begins with.
fn check_policy(password: &str) -> Result<(), Refusal> {
    let has = |wanted: fn(&char) -> bool| password.chars().any(|c| wanted(&c));
    let symbols = |c: &char| "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`=+ ".contains(*c);
    let fault = if password.chars().count() < 8 {
        "Password not long enough"
    } else if !has(char::is_ascii_uppercase) {
        "Password must have uppercase characters"
    } else if !has(char::is_ascii_lowercase) {
        "Password must have lowercase characters"
    } else if !has(char::is_ascii_digit) {
        "Password must have numeric characters"
    } else if !password.chars().any(|c| symbols(&c)) {
        "Password must have symbol characters"
    } else {
        return Ok(());
    };
    let message = format!("Password does not conform to policy: {fault}");
    Err(Refusal::new(400, "InvalidPasswordException", message))
}
