//! AWS credentials as they are handed on: to another program, to the environment, to a file.

use std::time::SystemTime;

use crate::secret::Secret;

/// Credentials of an AWS session, or of a user's long-lived key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    /// `AKIA…` or `ASIA…`: names the key, and is no secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Goes with every request of a session; a long-lived key has none.
    pub session_token: Option<Secret>,
    /// When the session ends, by this machine's clock; a long-lived key never does.
    pub expires_at: Option<SystemTime>,
    /// The region to use them in, where one is to be told.
    pub region: Option<String>,
}
