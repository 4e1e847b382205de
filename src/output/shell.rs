//! Lines that set environment variables, for each shell.

use clap::ValueEnum;

use super::text::shell_text;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The shell that reads the result of `--format env`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// sh, bash and zsh
    #[default]
    Posix,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// cmd.exe of Windows
    Cmd,
}

/// The characters that PowerShell reads as a single quote: the ASCII one and four typographic ones.
const POWERSHELL_QUOTES: [char; 5] = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];

impl Shell {
    /// Returns the line that sets a variable.
    ///
    /// # Errors
    /// The shell cannot quote the value.
    pub fn set(self, name: &str, value: &Secret) -> Result<Secret> {
        let Some(inside) = self.between_quotes(value) else {
            let cause = format!("{name} holds characters that cmd.exe has no quotes for");
            return Err(
                Error::failed(Code::ResultNotWritten, "cannot write the variables", cause)
                    .hint("use --shell powershell, or another --format"),
            );
        };
        let inside = inside.expose();
        Ok(Secret::new(match self {
            Self::Posix => format!("export {name}='{inside}'\n"),
            Self::Fish => format!("set -gx {name} '{inside}'\n"),
            Self::Powershell => format!("$env:{name} = '{inside}'\n"),
            Self::Cmd => format!("set \"{name}={inside}\"\n"),
        }))
    }

    /// Returns the line that removes a variable, if it is set.
    pub fn unset(self, name: &str) -> String {
        match self {
            Self::Posix => format!("unset {name}\n"),
            Self::Fish => format!("set -e {name}\n"),
            Self::Powershell => format!("$env:{name} = $null\n"),
            Self::Cmd => format!("set \"{name}=\"\n"),
        }
    }

    /// Returns the secret as it is written in this shell's line. A CI has to mask this text too.
    pub fn text(self, secret: &Secret) -> Secret {
        self.between_quotes(secret).unwrap_or_default()
    }

    /// Quotes a secret. Returns `None` if cmd.exe cannot: it reads `%`, `!`, `^` and `"` differently at its prompt and in its files.
    fn between_quotes(self, secret: &Secret) -> Option<Secret> {
        let for_cmd = |c: char| !c.is_control() && !"%!^\"".contains(c);
        match self {
            Self::Posix => Some(shell_text(secret)),
            Self::Fish => Some(escaped(secret, |c| matches!(c, '\'' | '\\').then_some('\\'))),
            Self::Powershell => Some(escaped(secret, |c| POWERSHELL_QUOTES.contains(&c).then_some(c))),
            Self::Cmd => secret.expose().chars().all(for_cmd).then(|| secret.clone()),
        }
    }
}

/// Returns the text with another character before some of its characters.
fn escaped(secret: &Secret, before: impl Fn(char) -> Option<char>) -> Secret {
    let text = secret.expose();
    // The text has room for everything, because a text that grows would leave copies in memory.
    let mut line = String::with_capacity(5 * text.len());
    for c in text.chars() {
        line.extend(before(c));
        line.push(c);
    }
    Secret::new(line)
}
