//! Sign-ins under way: what each of them waits for.

use super::srp::Handshake;
use super::users::Mfa;

/// A challenge must be answered within so many seconds: Cognito's default of three minutes.
pub(super) const CHALLENGE_LIFETIME: i64 = 180;

/// What a session waits for.
#[derive(Debug, Clone)]
pub(super) enum Step {
    NewPassword,
    Totp,
    /// A code that was sent.
    Code(Mfa, String),
    Select,
    /// How to begin, in `USER_AUTH`.
    SelectFirst,
    /// A code that was sent to begin with.
    First(Mfa, String),
    /// A proof of the device, and what was sent for it.
    Device(Option<Box<DeviceHandshake>>),
    /// The secret once it was asked for, and whether a code of it was shown.
    Setup {
        secret: Option<String>,
        verified: bool,
    },
}

impl Step {
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::NewPassword => "NEW_PASSWORD_REQUIRED",
            Self::Totp => Mfa::Totp.challenge(),
            Self::Code(mfa, _) => mfa.challenge(),
            Self::Select => "SELECT_MFA_TYPE",
            Self::SelectFirst => "SELECT_CHALLENGE",
            Self::First(Mfa::Sms, _) => "SMS_OTP",
            Self::First(..) => "EMAIL_OTP",
            Self::Device(None) => "DEVICE_SRP_AUTH",
            Self::Device(Some(_)) => "DEVICE_PASSWORD_VERIFIER",
            Self::Setup { .. } => Mfa::Setup.challenge(),
        }
    }
}

/// The answer to `DEVICE_SRP_AUTH` that a session waits for.
#[derive(Debug, Clone)]
pub(super) struct DeviceHandshake {
    pub(super) handshake: Handshake,
    pub(super) block: String,
    pub(super) device: String,
}

/// A sign-in between two challenges.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) client: &'static str,
    pub(super) step: Step,
    pub(super) expires: i64,
    pub(super) used: bool,
    pub(super) wrong_codes: u32,
}

/// A sign-in that waits for the client's signature.
#[derive(Debug)]
pub(super) struct PendingHandshake {
    pub(super) handshake: Handshake,
    pub(super) client: &'static str,
    /// The user's name in the pool; there need not be such a user.
    pub(super) user: String,
    pub(super) expires: i64,
}
