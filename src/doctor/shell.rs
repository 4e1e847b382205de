//! Words of a command line that a person copies into a shell.

use diagnostics::one_line;

/// Quotes a word for a shell.
pub(super) fn in_shell(word: &str) -> String {
    let word = one_line(word);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c) || (cfg!(windows) && c == '\\');
    match word.chars().all(is_plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
