//! The record of a remembered device.

use super::srp::Verifier;

/// A remembered device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) group_key: String,
    /// The verifier that ConfirmDevice sent.
    pub(super) verifier: Option<Verifier>,
    /// Whether the pool accepts refresh tokens of sign-ins on this device.
    pub(super) is_confirmed: bool,
}
