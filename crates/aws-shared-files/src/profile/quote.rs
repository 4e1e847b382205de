//! Quotes the value of `credential_process` so that all of its readers split it in the same way.
//!
//! botocore uses Python's `shlex` (on Windows its own rules), and the SDKs run `sh -c` (on Windows `cmd.exe /C`). Some of them first cut a value at
//! a `#` or `;` after white space, even in quotes.
//!
//! `cmd.exe /C` removes the first and the last quote of a line that begins with one, unless these two are the only ones, with a blank and nothing
//! special between them. So on Windows the program has its 8.3 name if it would need quotes.

use std::path::Path;
use std::time::Duration;

use context::program;
use diagnostics::push_quoted;
use diagnostics::{Code, Error, Result};

/// How long `cmd.exe` may take to say a path's 8.3 name.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the command line of a program and its arguments.
///
/// # Errors
/// Control characters, and paths that are not Unicode, because a line of the file cannot hold them.
pub(super) fn command_line(exe: &Path, args: &[String]) -> Result<String> {
    let exe = exe
        .to_str()
        .ok_or_else(|| refuse("the program's path is not Unicode"))?;
    if cfg!(windows) {
        return line_of_windows(&short(exe).unwrap_or_else(|| exe.to_owned()), args);
    }
    join(exe, args, push_posix)
}

fn join(exe: &str, args: &[String], push: fn(&mut String, &str) -> Result<()>) -> Result<String> {
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

/// The line of [`command_line`] on Windows.
pub(super) fn line_of_windows(exe: &str, args: &[String]) -> Result<String> {
    let line = join(exe, args, push_windows)?;
    let is_kept =
        line.matches('"').count() == 2 && exe.contains(' ') && !exe.contains(['&', '<', '>', '(', ')', '@', '^', '|']);
    // Without quotes, these end the program's name.
    let is_cut = exe.contains([',', ';', '=']);
    match is_cut || line.starts_with('"') && !is_kept {
        true => Err(refuse("cmd.exe would remove the quotes that the program's path needs")
            .hint("put ecr-auth into a folder whose path has no blanks and no special characters")),
        false => Ok(line),
    }
}

/// Returns a path whose folder has its 8.3 name, which `cmd.exe` knows. `None` if that needs quotes too.
fn short(exe: &str) -> Option<String> {
    let (folder, name) = exe
        .rsplit_once('\\')
        .filter(|_| needs_quotes(exe) && !exe.contains('%'))?;
    let mut command = program::shell(&format!("for %I in (\"{folder}\") do @echo %~sI"));
    let said = program::output(&mut command, None, PATIENCE).ok()?;
    let short = format!("{}\\{name}", said.expose().trim());
    (!needs_quotes(&short) && Path::new(&short).exists()).then_some(short)
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

/// Whether a word needs quotes on Windows.
fn needs_quotes(word: &str) -> bool {
    word.is_empty() || !word.chars().all(|c| (is_plain(c) || "\\~".contains(c)) && c != '%')
}

/// Appends a word in double quotes, which cannot hold double quotes or `cmd.exe`'s variables.
fn push_windows(line: &mut String, word: &str) -> Result<()> {
    if !needs_quotes(word) {
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
