//! Cognito's error responses.

use crate::answer::Refusal;

pub(super) fn not_authorized(message: &str) -> Refusal {
    Refusal::new(400, "NotAuthorizedException", message)
}

pub(super) fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message)
}

pub(super) fn not_found(message: &str) -> Refusal {
    Refusal::new(400, "ResourceNotFoundException", message)
}

/// The error for a wrong code.
pub(super) fn mismatch(message: &str) -> Refusal {
    Refusal::new(400, "CodeMismatchException", message)
}

/// The error for an invalid value of a member of the request.
pub(super) fn constraint(value: &str, name: &str, rule: &str) -> Refusal {
    invalid(&format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {rule}"
    ))
}
