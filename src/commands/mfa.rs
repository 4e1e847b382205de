//! MFA codes of profiles, asked for on the terminal if there is one.

use crate::terminal::Terminal;
use aws_access::identity::{self, IdentityScope};
use aws_access::{Destination, Identity, MfaSessions, ObtainableSecret, SecretPath};
use cognito::Questions;
use context::Context;
use diagnostics::{Code, Error, Result};
use secret::Secret;
use settings::IdentitySettings;

/// Digits of a code.
const DIGITS: usize = 6;

/// The terminal on which codes are asked for, and the sessions that began with them.
pub struct MfaPrompt {
    sessions: MfaSessions,
    terminal: Terminal,
}

impl MfaPrompt {
    /// Returns the user's terminal, and the sessions in the user's cache.
    pub fn new(context: &Context<'_>) -> Self {
        Self {
            sessions: MfaSessions::from_env(&context.env),
            terminal: Terminal::open(""),
        }
    }

    /// Begins the session that the path needs. Without a terminal, it does nothing, and the path's own error has the hint.
    ///
    /// # Errors
    /// The user gives up, the code is invalid or refused by STS, or the errors of [`MfaSessions::begin`].
    pub fn begin<W: ObtainableSecret>(&mut self, path: &mut SecretPath<W>, context: &Context<'_>) -> Result<()> {
        if !self.terminal.is_there() {
            return Ok(());
        }
        path.begin_mfa(&mut self.sessions, context, &mut ask(&mut self.terminal))
    }

    /// Begins the session that is needed to ask STS for the caller's account.
    ///
    /// # Errors
    /// The errors of [`MfaPrompt::begin`].
    pub fn begin_for_caller(
        &mut self,
        region: Option<&str>,
        settings: &IdentitySettings,
        context: &Context<'_>,
    ) -> Result<()> {
        let region = identity::region(region, settings.profile.as_deref(), &context.env)?;
        let Some(region) = region.filter(|_| self.terminal.is_there()) else {
            return Ok(());
        };
        let mut identity = Identity::choose(settings.clone(), &IdentityScope::of_region(&region), &context.env)?;
        let to = Destination::in_region(&region);
        self.sessions
            .begin(&mut identity, to, context, &mut ask(&mut self.terminal))
    }
}

fn ask(terminal: &mut Terminal) -> impl FnMut(&str) -> Result<Secret> {
    |serial| {
        let code = terminal.ask_secret(&format!("Code of the MFA device {serial}: "))?;
        let digits = code.expose().trim();
        if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Secret::new(digits));
        }
        let cause = format!("a code has {DIGITS} digits");
        Err(Error::failed(Code::Mfa, "MFA code", cause).hint("type the digits that the device shows, without blanks"))
    }
}
