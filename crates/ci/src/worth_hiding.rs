//! What of a log is hidden.

use ecr_registry::parse_region;

/// The shortest text to hide, in bytes. Hiding a shorter one, such as `AWS`, ruins more of a log than it protects.
const SHORTEST: usize = 8;

/// Whether hiding a text protects more of a log than it ruins.
pub(crate) fn is_worth_hiding(text: &str) -> bool {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.chars().count() >= SHORTEST && !is_account && parse_region(text).is_err()
}
