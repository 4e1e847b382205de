//! What the pool knows of a device.

use super::srp::Verifier;

/// A device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) group_key: String,
    /// What ConfirmDevice brought.
    pub(super) verifier: Option<Verifier>,
    /// Whether refresh tokens of sign-ins on it count.
    pub(super) is_confirmed: bool,
}
