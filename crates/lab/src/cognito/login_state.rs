//! The state of the managed login: signed-in browsers, codes, and requests under way.

use std::collections::{BTreeMap, HashMap};

use super::clients::Client;

/// The state of the managed login.
#[derive(Debug, Default)]
pub(super) struct ManagedLogin {
    /// The callback URLs of each app client, by client id.
    pub(super) callbacks: BTreeMap<String, Vec<String>>,
    /// Signed-in browsers: cookie value → the user's name in the pool.
    pub(super) browsers: HashMap<String, String>,
    /// Issued codes.
    pub(super) codes: HashMap<String, Code>,
    /// The requests under way at identity providers, by `RelayState`.
    pub(super) relays: HashMap<String, AuthorizationRequest>,
    /// The user that every request for the login page is signed in as, for scripted browsers.
    pub(super) signs_in_as: Option<String>,
}

/// A code, and the request that it was issued for.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) user: String,
    pub(super) client: &'static Client,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) scope: String,
    pub(super) expires: i64,
    /// `origin_jti` of the sign-in, once the code was used.
    pub(super) origin: Option<String>,
}

/// A request of an app to the managed login.
#[derive(Debug, Clone)]
pub(super) struct AuthorizationRequest {
    pub(super) client: &'static Client,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) challenge: Option<String>,
    /// All parameters of the request, as a query string.
    pub(super) query: String,
}
