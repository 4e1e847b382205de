//! The state of the user pool: its users and groups, their sign-ins, and the messages sent to users.

use std::collections::{BTreeMap, HashMap};

use rsa::BigUint;
use serde::Serialize;

use super::grants::Grants;
use super::login_state::ManagedLogin;
use super::refusals::not_authorized;
use super::remembered::Device;
use super::sessions::{PendingHandshake, Session};
use super::users::{Provider, User};
use crate::answer::Refusal;

/// A group of users.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) role: Option<String>,
    /// The group with the lowest precedence decides the preferred role.
    pub(super) precedence: u32,
}

/// A message sent to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The user's name in the pool.
    pub username: String,
    /// `SMS` or `EMAIL`.
    pub medium: &'static str,
    /// The e-mail address or phone number.
    pub destination: String,
    /// The code.
    pub code: String,
}

/// The state of the user pool.
#[derive(Debug, Default)]
pub(super) struct UserPool {
    /// Users by their names in the pool.
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Attributes that every user must have.
    pub(super) required: Vec<String>,
    /// SRP handshakes under way, by secret block.
    pub(super) handshakes: HashMap<String, PendingHandshake>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) grants: Grants,
    pub(super) messages: Vec<Message>,
    /// Whether the pool remembers devices.
    pub(super) remembers_devices: bool,
    /// Devices by their keys.
    pub(super) devices: HashMap<String, Device>,
    /// The managed login.
    pub(super) login: ManagedLogin,
    /// The private number of the next SRP handshake, for test vectors.
    pub(super) next_b: Option<BigUint>,
}

impl UserPool {
    /// Returns the user with this name, e-mail address or phone number.
    pub(super) fn user(&mut self, name: &str) -> Option<&mut User> {
        if self.users.contains_key(name) {
            return self.users.get_mut(name);
        }
        self.users.values_mut().find(|user| user.answers_to(name))
    }

    /// Returns the user of an identity provider.
    pub(super) fn federated(&mut self, provider: Provider, email: &str) -> Option<&mut User> {
        let is_theirs = |user: &&mut User| {
            user.provider == Some(provider) && user.attributes.get("email").map(String::as_str) == Some(email)
        };
        self.users.values_mut().find(is_theirs)
    }

    /// Returns the user with exactly this name.
    pub(super) fn user_named(&mut self, name: &str) -> Result<&mut User, Refusal> {
        self.users
            .get_mut(name)
            .ok_or_else(|| not_authorized("Incorrect username or password."))
    }
}
