//! Quotes the value of `credential_process` so that all of its readers split it in the same way.
//!
//! botocore uses Python's `shlex` (on Windows its own rules), and the SDKs run `sh -c` (on Windows `cmd.exe /C`). Some of them first cut a value at
//! a `#` or `;` after white space, even in quotes.

use std::path::Path;

use diagnostics::push_quoted;
use diagnostics::{Code, Error, Result};

/// Returns the command line of a program and its arguments.
///
/// # Errors
/// Control characters, and paths that are not Unicode, because a line of the file cannot hold them.
pub(super) fn command_line(exe: &Path, args: &[String]) -> Result<String> {
    let exe = exe
        .to_str()
        .ok_or_else(|| refuse("the program's path is not Unicode"))?;
    let push = if cfg!(windows) { push_windows } else { push_posix };
    let mut line = String::new();
    for word in std::iter::once(exe).chain(args.iter().map(String::as_str)) {
        if word.chars().any(char::is_control) {
            return Err(refuse("an argument holds a control character"));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        push(&mut line, word)?;
    }
    Ok(line)
}

fn refuse(cause: &str) -> Error {
    Error::usage(Code::ProfileNotWritten, "the profile's credential_process", cause)
        .hint("use plain arguments, or keep such a value in a file where the option takes one")
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c)
}

fn push_posix(line: &mut String, word: &str) -> Result<()> {
    if !word.is_empty() && word.chars().all(is_plain) {
        line.push_str(word);
        return Ok(());
    }
    // The quotes are closed and opened again between white space and a comment's sign, so that the sign does not follow white space.
    let (mut start, mut behind_space) = (0, false);
    for (at, c) in word.char_indices() {
        if behind_space && matches!(c, '#' | ';') {
            push_quoted(line, &word[start..at]);
            start = at;
        }
        behind_space = c.is_whitespace();
    }
    push_quoted(line, &word[start..]);
    Ok(())
}

/// Appends a word in double quotes, which cannot hold double quotes or `cmd.exe`'s variables.
fn push_windows(line: &mut String, word: &str) -> Result<()> {
    if !word.is_empty() && word.chars().all(|c| (is_plain(c) || c == '\\') && c != '%') {
        line.push_str(word);
        return Ok(());
    }
    let has_comment = [" #", " ;"].iter().any(|comment| word.contains(comment));
    if has_comment || word.contains(['"', '%']) || word.ends_with('\\') {
        return Err(refuse("no quotes hold an argument with \", %, # or ; in it on Windows"));
    }
    line.push('"');
    line.push_str(word);
    line.push('"');
    Ok(())
}
