//! What a step of a sign-in leads to: the next challenge, or tokens.

use serde_json::{Value, json};

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

/// Claims to sign, and the refresh token beside them.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) id: Value,
    pub(super) access: Value,
    pub(super) refresh: Option<String>,
    /// `NewDeviceMetadata` of a device that is to be confirmed.
    pub(super) new_device: Option<Value>,
}
