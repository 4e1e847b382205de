//! Random texts for keys, tokens and ids.

use rand::Rng;
use rand::distr::Alphanumeric;

/// Random letters and digits.
pub(crate) fn random_text(length: usize) -> String {
    rand::rng()
        .sample_iter(&Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

/// Random capitals and digits, as in AWS's ids.
pub(crate) fn random_upper(length: usize) -> String {
    random_text(length).to_ascii_uppercase()
}
