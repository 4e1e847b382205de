//! Quotes words for a POSIX shell.

/// Returns a word for a command that a person copies into a shell: as it is, or in quotes if it needs some.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if cfg!(windows) {
        return format!("\"{word}\"");
    }
    let mut quoted = String::new();
    push_quoted(&mut quoted, word);
    quoted
}

/// Appends a word in single quotes, in which both `sh` and Python's `shlex` leave all characters alone. (They disagree about backslashes in double
/// quotes.) A single quote itself is written outside, escaped.
pub fn push_quoted(line: &mut String, word: &str) {
    line.push('\'');
    for c in word.chars() {
        match c {
            '\'' => line.push_str(r"'\''"),
            c => line.push(c),
        }
    }
    line.push('\'');
}
