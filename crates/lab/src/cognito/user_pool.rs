//! The user pool: its app clients, its users, and what is under way.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rsa::BigUint;
use serde::Serialize;

use super::challenges::Session;
use super::input::Input;
use super::refusals::{invalid, not_authorized, not_found};
use super::sign_in::PendingHandshake;
use super::srp::mac;
use super::tokens::Grants;
use super::users::User;
use super::{CLIENT_ID, CLIENT_SECRET, ROTATING_CLIENT_ID, SECRET_CLIENT_ID};
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
}

static CLIENTS: [Client; 3] = [
    Client {
        id: CLIENT_ID,
        secret: None,
        password_flow: true,
        rotates: false,
    },
    Client {
        id: SECRET_CLIENT_ID,
        secret: Some(CLIENT_SECRET),
        password_flow: false,
        rotates: false,
    },
    Client {
        id: ROTATING_CLIENT_ID,
        secret: None,
        password_flow: true,
        rotates: true,
    },
];

impl Client {
    /// The client a call names.
    pub(super) fn of(input: &Input) -> Result<&'static Self, Refusal> {
        let id = input.require("ClientId")?;
        CLIENTS
            .iter()
            .find(|client| client.id == id)
            .ok_or_else(|| not_found(&format!("User pool client {id} does not exist.")))
    }

    /// Checks `SECRET_HASH` for a name: base64 of HMAC-SHA256 of name and client id under the client's secret.
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

    /// Checks `ClientSecret`, which some calls take as it is.
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

/// A group of users.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) role: Option<String>,
    /// The lowest decides on the preferred role.
    pub(super) precedence: u32,
}

/// What was sent to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The user's name in the pool.
    pub username: String,
    /// `SMS` or `EMAIL`.
    pub medium: &'static str,
    /// The address or number.
    pub destination: String,
    /// The code.
    pub code: String,
}

/// Everything of the pool.
#[derive(Debug, Default)]
pub(super) struct UserPool {
    /// By their names in the pool.
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Attributes every user must have in the end.
    pub(super) required: Vec<String>,
    /// By secret block.
    pub(super) handshakes: HashMap<String, PendingHandshake>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) grants: Grants,
    pub(super) messages: Vec<Message>,
    /// The private number of the next handshake, for vectors.
    pub(super) next_b: Option<BigUint>,
}

impl UserPool {
    /// The user a name, an address or a number leads to.
    pub(super) fn user(&mut self, name: &str) -> Option<&mut User> {
        if self.users.contains_key(name) {
            return self.users.get_mut(name);
        }
        self.users.values_mut().find(|user| user.answers_to(name))
    }

    /// The user of that very name.
    pub(super) fn user_named(&mut self, name: &str) -> Result<&mut User, Refusal> {
        self.users
            .get_mut(name)
            .ok_or_else(|| not_authorized("Incorrect username or password."))
    }
}
