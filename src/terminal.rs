//! The user's terminal. Questions go only there, whatever stdin and stdout are connected to.

use std::io::{IsTerminal, Write};

use cognito::Questions;
use diagnostics::{Code, Error, Result, inert};
use secret::Secret;

#[cfg(unix)]
#[path = "terminal/unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "terminal/windows.rs"]
mod system;

/// The longest answer, in characters.
const LONGEST: usize = 4096;

/// The controlling terminal, if there is one.
#[derive(Debug)]
pub struct Terminal {
    device: Option<system::Device>,
    /// The hint if there is no terminal.
    hint: String,
}

impl Terminal {
    /// Opens the controlling terminal, if a person can be expected to see a question: stderr is a terminal, or both stdin and stdout are. The caller
    /// of a `credential_process` reads stdout and stderr and shows nothing, and an invisible question would wait forever.
    pub fn open(hint: impl Into<String>) -> Self {
        let is_run_by_hand = || std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let is_seen = std::io::stderr().is_terminal() || is_run_by_hand();
        let device = is_seen.then(system::Device::open).flatten();
        // Git Bash's terminal is not a console.
        let hint = match cfg!(windows) && is_seen && device.is_none() {
            true => "write winpty before the command, or use PowerShell".to_owned(),
            false => hint.into(),
        };
        Self { device, hint }
    }

    /// Whether there is a terminal.
    pub fn is_there(&self) -> bool {
        self.device.is_some()
    }

    fn device(&mut self, question: &str) -> Result<&mut system::Device> {
        // The question without its explanation.
        let what = question.split(" (").next().unwrap_or_default();
        let what = what.trim().trim_end_matches(':').to_lowercase();
        let hint = self.hint.clone();
        let device = self.device.as_mut();
        device.ok_or_else(|| {
            Error::failed(
                Code::NoTerminal,
                "no terminal",
                format!("it is needed to ask for: {what}"),
            )
            .hint(hint)
        })
    }

    /// Asks for a yes: `y` or `yes`. Any other answer is a no, and so is giving up.
    ///
    /// # Errors
    /// There is no terminal, or it fails.
    pub fn confirm(&mut self, question: &str) -> Result<bool> {
        let line = self.line(&format!("{question} [y/N]: "), true)?;
        let is_yes = |line: Secret| {
            let answer = line.expose().trim();
            ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
        };
        Ok(line.is_some_and(is_yes))
    }

    fn answer(&mut self, question: &str, is_shown: bool) -> Result<Secret> {
        match self.line(question, is_shown)? {
            None => Err(Error::failed(Code::NoTerminal, "sign-in", "given up")),
            Some(line) if line.expose().is_empty() => {
                Err(Error::failed(Code::NoTerminal, "sign-in", "the answer is empty"))
            }
            Some(line) => Ok(line),
        }
    }

    /// Returns the typed line without its end, or `None` if the user gives up.
    fn line(&mut self, question: &str, is_shown: bool) -> Result<Option<Secret>> {
        let device = self.device(question)?;
        let failed = |error: std::io::Error| Error::failed(Code::NoTerminal, "terminal", error);
        // Part of the question may come from a server.
        let line = device.read_line(&inert(question), is_shown, LONGEST).map_err(failed)?;
        Ok(line.map(|line| Secret::new(line.expose().trim_end_matches(['\r', '\n']))))
    }
}

impl Questions for Terminal {
    fn ask(&mut self, question: &str) -> Result<String> {
        let answer = self.answer(question, true)?;
        Ok(answer.expose().to_owned())
    }

    fn ask_secret(&mut self, question: &str) -> Result<Secret> {
        self.answer(question, false)
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let device = self.device("an answer")?;
        writeln!(device, "{}", inert(line)).map_err(|error| Error::failed(Code::NoTerminal, "terminal", error))
    }
}
