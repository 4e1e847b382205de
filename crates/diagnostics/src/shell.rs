//! Words of commands that people copy into a shell.

/// Returns a word for a shell of this system: as it is, or in quotes if it needs some.
pub fn shell_word(word: &str) -> String {
    match cfg!(windows) {
        true => windows_word(word),
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

/// Returns a word for cmd and PowerShell: as it is, or in double quotes, which both read. (To PowerShell, a comma makes a list, and `@` at the
/// beginning a variable's parts.) Where PowerShell would replace something between double quotes, the word is in its single quotes, which cmd does
/// not know.
fn windows_word(word: &str) -> String {
    match () {
        () if word.contains(['"', '$', '`']) => format!("'{}'", word.replace('\'', "''")),
        () if is_plain(&word.replace('\\', "/")) && !word.contains(',') && !word.starts_with('@') => word.to_owned(),
        () => format!("\"{word}\""),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_as_its_shell_reads_it() {
        for (word, posix, windows) in [
            ("a-b_c=d:e+f./1", "a-b_c=d:e+f./1", "a-b_c=d:e+f./1"),
            ("a,b", "a,b", "\"a,b\""),
            ("@a", "@a", "\"@a\""),
            ("a@sha256:0", "a@sha256:0", "a@sha256:0"),
            ("", "''", "\"\""),
            ("a b", "'a b'", "\"a b\""),
            (r"C:\a\b", r"'C:\a\b'", r"C:\a\b"),
            (r"C:\a b", r"'C:\a b'", "\"C:\\a b\""),
            ("it's", r"'it'\''s'", "\"it's\""),
            ("$a'`b`\"", "'$a'\\''`b`\"'", "'$a''`b`\"'"),
        ] {
            assert_eq!(
                (posix_word(word), windows_word(word)),
                (posix.to_owned(), windows.to_owned())
            );
        }
    }
}
