//! Devices that a user pool remembers.

use serde::{Deserialize, Serialize};

use secret::{Secret, exposed};

/// This machine, as a user pool knows it: made in one sign-in, and shown in the next ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its key, which goes with every refresh.
    #[serde(with = "exposed")]
    pub key: Secret,
    /// The key of its group, which is part of every proof.
    #[serde(with = "exposed")]
    pub group_key: Secret,
    /// Its password. The managed login keeps the one of a browser to itself.
    #[serde(
        default,
        deserialize_with = "exposed::optional",
        serialize_with = "exposed::serialize_optional"
    )]
    pub password: Option<Secret>,
}
