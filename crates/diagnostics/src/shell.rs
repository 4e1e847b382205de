//! Words of commands that people copy into a shell.

/// Returns a word for a shell of this system: as it is, or in quotes if it needs some. cmd and PowerShell know no escape in double quotes that both
/// read, so a double quote in a word stays as it is on Windows.
pub fn shell_word(word: &str) -> String {
    match cfg!(windows) {
        true if is_plain(&word.replace('\\', "/")) => word.to_owned(),
        true => format!("\"{word}\""),
        false => posix_word(word),
    }
}

/// Returns a word for a POSIX shell: as it is, or in quotes if it needs some.
pub fn posix_word(word: &str) -> String {
    if is_plain(word) {
        return word.to_owned();
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

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_@+=:,./-".contains(c))
}
