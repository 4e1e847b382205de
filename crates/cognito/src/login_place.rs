//! The managed login at which a user signed in with the browser.

use serde::{Deserialize, Serialize};

/// The managed login that a user signed in at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginPlace {
    /// Its host.
    pub domain: String,
    /// The port of this machine to which it sends browsers back.
    pub port: u16,
}
