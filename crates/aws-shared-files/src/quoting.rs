//! Quotes words for a POSIX shell.

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
