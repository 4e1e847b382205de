//! Sign-ins under way, each with the challenge that it waits for.

use super::srp::Handshake;
use super::users::Mfa;

/// A challenge must be answered within this many seconds: Cognito's default of three minutes.
pub(super) const CHALLENGE_LIFETIME: i64 = 180;

/// The challenge that a session waits for.
#[derive(Debug, Clone)]
pub(super) enum Step {
    NewPassword,
    Totp,
    /// A sent code, as the second factor.
    Code(Mfa, String),
    Select,
    /// The choice of the first factor, in `USER_AUTH`.
    SelectFirst,
    /// A sent code, as the first factor.
    First(Mfa, String),
    /// The proof of a device, with the handshake once it has started.
    Device(Option<Box<DeviceHandshake>>),
    /// The set-up of an authenticator app: its secret once requested, and whether a code was verified.
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

/// The handshake that started with the response to `DEVICE_SRP_AUTH`.
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

/// An SRP handshake that waits for the client's signature.
#[derive(Debug)]
pub(super) struct PendingHandshake {
    pub(super) handshake: Handshake,
    pub(super) client: &'static str,
    /// The user's name in the pool. There may be no such user.
    pub(super) user: String,
    pub(super) expires: i64,
}
