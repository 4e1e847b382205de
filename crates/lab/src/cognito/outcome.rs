//! The result of a step of a sign-in: the next challenge, or tokens.

use serde_json::{Value, json};

/// The result of a step of a sign-in.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The next challenge, as the members of the response.
    Challenge(Value),
    /// The completed sign-in, with tokens that still have to be signed.
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

/// Claims to sign, with the refresh token.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) id: Value,
    pub(super) access: Value,
    pub(super) refresh: Option<String>,
    /// `NewDeviceMetadata` of a device that the client has to confirm.
    pub(super) new_device: Option<Value>,
}
