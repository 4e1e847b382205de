//! Words of a command line that a person copies into a shell.

use diagnostics::inert;

/// Quotes a word for a shell.
pub(super) fn in_shell(word: &str) -> String {
    let word = inert(word);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c) || (cfg!(windows) && c == '\\');
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
