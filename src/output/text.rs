//! Parts that several formats share.

use std::time::SystemTime;

use zeroize::Zeroizing;

use diagnostics::{Code, Error, Result, push_quoted};
use secret::Secret;

/// Returns the end of credentials for a result: RFC 3339, in UTC and whole seconds.
///
/// # Errors
/// The time has no such form.
pub fn rfc3339(time: SystemTime) -> Result<String> {
    let odd = || {
        Error::failed(
            Code::ResultNotWritten,
            "cannot write when the credentials end",
            "the year is too large",
        )
    };
    aws_access::rfc3339(time).ok_or_else(odd)
}

/// Returns `NAME=value` lines that docker's `--env-file`, docker compose, GitLab's `artifacts:reports:dotenv` and a shell's `.` read in the same
/// way. There are no quotes, because GitLab and `--env-file` keep them as part of the value, and no comments or empty lines, because GitLab refuses
/// them. GitLab and compose replace `$NAME` in values.
///
/// # Errors
/// A value has characters other than those of base64 and region names, which some reader would read differently.
pub(super) fn dotenv<N: AsRef<str>>(variables: &[(N, Secret)]) -> Result<Secret> {
    let mut text = String::new();
    for (name, value) in variables {
        let (name, value) = (name.as_ref(), value.expose());
        if !value.chars().all(is_plain) {
            let cause = format!("{name} holds characters that its readers understand in different ways");
            return Err(
                Error::failed(Code::ResultNotWritten, "cannot write the dotenv file", cause)
                    .hint("use --format json, or another one"),
            );
        }
        for part in [name, "=", value, "\n"] {
            text.push_str(part);
        }
    }
    Ok(Secret::new(text))
}

/// Returns a secret as it is written in JSON, without the surrounding quotes.
pub fn json_text(secret: &Secret) -> Secret {
    let text = Zeroizing::new(serde_json::to_string(secret.expose()).unwrap_or_default());
    Secret::new(inside_of(&text, '"'))
}

/// Returns a secret as it is written in a POSIX shell's line, without the surrounding quotes.
pub(super) fn shell_text(secret: &Secret) -> Secret {
    let mut text = Zeroizing::new(String::new());
    push_quoted(&mut text, secret.expose());
    Secret::new(inside_of(&text, '\''))
}

fn inside_of(text: &str, quote: char) -> &str {
    let inside = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inside.unwrap_or(text)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=-_.,:@".contains(c)
}
