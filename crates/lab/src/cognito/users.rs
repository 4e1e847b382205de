//! Users of the pool, and the password policy.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::POOL_NAME;
use super::refusals::{invalid, not_authorized};
use super::srp::{Identity, Verifier, parse_hex};
use crate::answer::{Refusal, request_id};
use crate::totp;

/// Lifetime of a temporary password in seconds: a week.
const TEMPORARY_PASSWORD: i64 = 7 * 24 * 3600;
/// Failed attempts before the user is locked out.
const MOST_FAILURES: u32 = 5;
/// How long a lockout lasts, in seconds. AWS starts at one second and doubles up to about this value. The lab uses the
/// longest time at once, so that no test depends on timing.
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
    /// No factor yet; the user must set one up at the next sign-in (`MFA_SETUP`).
    Setup,
}

impl Mfa {
    /// The challenge that requests this factor.
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
    /// A company's own provider, over SAML.
    Saml,
    /// Google.
    Google,
}

impl Provider {
    pub(super) const ALL: [Self; 2] = [Self::Saml, Self::Google];

    /// The provider's name in the pool.
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
    /// Creates a user with this name. A name with an `@` is an e-mail address to sign in with, and the user's real name
    /// is a UUID.
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

    /// Sets a permanent password: the user is `CONFIRMED`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets a temporary password: the user is in state `FORCE_CHANGE_PASSWORD`. The password expires after a week.
    #[must_use]
    pub fn temporary_password(mut self, password: impl Into<String>) -> Self {
        self.temporary_password = Some(password.into());
        self
    }

    /// Sets an attribute: `email`, `phone_number`, `custom:license`. E-mail addresses and phone numbers are verified.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Adds the user to a group: one that every lab has, or one added by
    /// [`Cognito::add_group`](super::Cognito::add_group).
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.groups.push(name.into());
        self
    }

    /// Adds a second factor. With several factors, the user chooses one at sign-in.
    #[must_use]
    pub fn mfa(mut self, mfa: Mfa) -> Self {
        self.mfa.push(mfa);
        self
    }

    /// Sets the secret of the authenticator app, in base32. The default is a random secret.
    #[must_use]
    pub fn totp_secret(mut self, secret: impl Into<String>) -> Self {
        self.totp_secret = Some(secret.into());
        self
    }

    /// Sets the identity provider of the user. Such a user has no password, and the provider knows them by the
    /// attribute `email`.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Gives the user a passkey, which the managed login accepts.
    #[must_use]
    pub fn passkey(mut self) -> Self {
        self.passkey = true;
        self
    }

    /// Sets the salt of the password, in hexadecimal, for test vectors.
    #[must_use]
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = Some(salt.into());
        self
    }
}

/// The user that [`Cognito::add_user`](super::Cognito::add_user) added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddedUser {
    /// The user's name in the pool, which challenges give as `USER_ID_FOR_SRP`.
    pub username: String,
    /// The claim `sub`.
    pub sub: String,
    /// The secret of the user's authenticator app, in base32.
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
    /// The time step of the last accepted code. No code is accepted twice.
    pub(super) totp_step: Option<i64>,
    /// The code that ForgotPassword sent, and its end in seconds since the epoch.
    pub(super) reset_code: Option<(String, i64)>,
    pub(super) provider: Option<Provider>,
    pub(super) has_passkey: bool,
    has_password: bool,
    failures: u32,
    locked_until: i64,
}

impl User {
    /// Creates a user. An error names everything that is wrong with the description.
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
            // A random password, which nobody knows.
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

    /// Whether a name belongs to this user: the user's own name, or a verified e-mail address or phone number.
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

    /// Refuses a password attempt while the user is locked out.
    pub(super) fn check_unlocked(&self, now: i64) -> Result<(), Refusal> {
        if self.locked_until > now {
            return Err(not_authorized("Password attempts exceeded"));
        }
        Ok(())
    }

    /// Records a password attempt. A wrong one is refused, and too many lock the user out.
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

    /// Whether the user may sign in with the right password.
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

    /// Sets a password that meets the policy.
    pub(super) fn set_password(&mut self, password: &str) -> Result<(), Refusal> {
        check_policy(password)?;
        self.verifier = Verifier::new(self.identity(), password);
        self.status = Status::Confirmed;
        self.failures = 0;
        self.locked_until = 0;
        Ok(())
    }

    /// Checks that a user may set this attribute together with a new password.
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

/// Checks a password against the default policy of Cognito's user pools.
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
