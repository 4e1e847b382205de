//! What the managed login holds: who is signed in there, codes, and what was asked of it.

use std::collections::{BTreeMap, HashMap};

use super::clients::Client;

/// What the managed login holds.
#[derive(Debug, Default)]
pub(super) struct ManagedLogin {
    /// The addresses that each app client may send users back to, by the client's id.
    pub(super) callbacks: BTreeMap<String, Vec<String>>,
    /// Browsers that are signed in, by the cookie's value: the user's name in the pool.
    pub(super) browsers: HashMap<String, String>,
    /// Codes that were given out.
    pub(super) codes: HashMap<String, Code>,
    /// What identity providers were asked, by `RelayState`.
    pub(super) relays: HashMap<String, AuthorizationRequest>,
    /// Scripted browsers: every request for the login page is signed in as this user at once.
    pub(super) signs_in_as: Option<String>,
}

/// A code, and what it was given out for.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) user: String,
    pub(super) client: &'static Client,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) scope: String,
    pub(super) expires: i64,
    /// The sign-in that it was traded for.
    pub(super) origin: Option<String>,
}

/// What an app wants of the managed login.
#[derive(Debug, Clone)]
pub(super) struct AuthorizationRequest {
    pub(super) client: &'static Client,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) challenge: Option<String>,
    /// All of it, as a query.
    pub(super) query: String,
}
