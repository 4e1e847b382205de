//! Errors as Cognito words them.

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

/// A wrong code.
pub(super) fn mismatch(message: &str) -> Refusal {
    Refusal::new(400, "CodeMismatchException", message)
}

/// A value that a member of the request may not have.
pub(super) fn constraint(value: &str, name: &str, rule: &str) -> Refusal {
    invalid(&format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {rule}"
    ))
}
