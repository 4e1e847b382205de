//! Words as a POSIX shell reads them.

/// Appends a word in single quotes: what stands between them is left alone by `sh` and by Python's `shlex` alike, which
/// disagree about backslashes in double quotes. A single quote itself stands outside, escaped.
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
