//! The app clients of the user pool, and the checks of their secrets.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::input::Input;
use super::refusals::{invalid, not_authorized, not_found};
use super::srp::mac;
use super::{BROWSER_CLIENT_ID, CLIENT_ID, CLIENT_SECRET, ROTATING_CLIENT_ID, SECRET_CLIENT_ID};
use crate::answer::Refusal;

/// An app client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) id: &'static str,
    pub(super) secret: Option<&'static str>,
    /// Whether `USER_PASSWORD_AUTH` is allowed.
    pub(super) password_flow: bool,
    /// Whether refresh tokens are rotated.
    pub(super) rotates: bool,
    /// Whether `USER_AUTH` is allowed.
    pub(super) choice_flow: bool,
}

static CLIENTS: [Client; 4] = [
    Client {
        id: CLIENT_ID,
        secret: None,
        password_flow: true,
        rotates: false,
        choice_flow: false,
    },
    Client {
        id: SECRET_CLIENT_ID,
        secret: Some(CLIENT_SECRET),
        password_flow: false,
        rotates: false,
        choice_flow: false,
    },
    Client {
        id: ROTATING_CLIENT_ID,
        secret: None,
        password_flow: true,
        rotates: true,
        choice_flow: true,
    },
    Client {
        id: BROWSER_CLIENT_ID,
        secret: None,
        password_flow: false,
        rotates: true,
        choice_flow: true,
    },
];

impl Client {
    /// Returns the client with this id.
    pub(super) fn named(id: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.id == id)
    }

    /// Returns the client that a call names.
    pub(super) fn of(input: &Input) -> Result<&'static Self, Refusal> {
        let id = input.require("ClientId")?;
        Self::named(id).ok_or_else(|| not_found(&format!("User pool client {id} does not exist.")))
    }

    /// Checks the `SECRET_HASH` of a user name: base64 of HMAC-SHA256 of name and client id, keyed with the client's
    /// secret.
    pub(super) fn check_hash(&self, name: &str, hash: Option<&str>) -> Result<(), Refusal> {
        let id = self.id;
        let (secret, hash) = match (self.secret, hash) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                let message = format!("Client {id} is not configured for secret but secret hash was received");
                return Err(invalid(&message));
            }
            (Some(_), None) => {
                let message = format!("Client {id} is configured with secret but SECRET_HASH was not received");
                return Err(not_authorized(&message));
            }
            (Some(secret), Some(hash)) => (secret, hash),
        };
        let wanted = mac(secret.as_bytes(), &[name.as_bytes(), id.as_bytes()]);
        if BASE64_STANDARD.encode(wanted) == hash {
            return Ok(());
        }
        Err(not_authorized(&format!("Unable to verify secret hash for client {id}")))
    }

    /// Checks `ClientSecret`, which some calls send in plain text.
    pub(super) fn check_secret(&self, secret: Option<&str>) -> Result<(), Refusal> {
        if self.secret == secret {
            return Ok(());
        }
        let id = self.id;
        Err(match (self.secret, secret) {
            (None, _) => invalid(&format!(
                "Client {id} is not configured for secret but secret was received"
            )),
            (_, None) => not_authorized(&format!(
                "Client {id} is configured with secret but client secret was not received"
            )),
            _ => not_authorized(&format!("Unable to verify client secret for client {id}")),
        })
    }
}
