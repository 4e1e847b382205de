//! Devices that a user pool remembers.

use serde::{Deserialize, Serialize};

use secret::{Secret, exposed};

/// This machine as a device of a user pool. It is made in one sign-in and used in the next ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The device's key, which is sent with every refresh.
    #[serde(with = "exposed")]
    pub key: Secret,
    /// The key of the device's group, which is part of every proof.
    #[serde(with = "exposed")]
    pub group_key: Secret,
    /// The device's password. `None` for a browser, whose password the managed login keeps.
    #[serde(
        default,
        deserialize_with = "exposed::optional",
        serialize_with = "exposed::serialize_optional"
    )]
    pub password: Option<Secret>,
}
