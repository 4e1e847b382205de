//! Masks secrets: the CI's log hides each secret before anything else is written, or nothing is written.

use clap::Args;

use context::Context;
use diagnostics::{Error, Result};
use secret::Secret;

/// Whether secrets are output even if the CI's log cannot hide them.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct MaskArgs {
    /// Print secrets although this CI's log cannot hide them: stderr is closed or redirected, or Buildkite's agent is missing
    #[arg(long)]
    pub unmasked: bool,
}

impl MaskArgs {
    /// Skips the check if the caller reads stdout itself, as with a `credential_process`, whose stderr may be closed.
    #[must_use]
    pub fn or_taken_by_the_caller(self, is_taken: bool) -> Self {
        Self {
            unmasked: self.unmasked || is_taken,
        }
    }

    /// Checks that the CI can hide secrets in its log, before there are any.
    ///
    /// # Errors
    /// The errors of [`ci::check_masks`].
    pub fn check(self, context: &Context<'_>) -> Result<()> {
        match ci::check_masks(context) {
            Err(error) if !self.unmasked => Err(with_way_out(error)),
            _ => Ok(()),
        }
    }

    /// Masks secrets in the CI's log, as [`hide`] does.
    ///
    /// # Errors
    /// The errors of [`hide`], unless `--unmasked` is given.
    pub fn hide(self, secrets: Vec<Secret>, context: &mut Context<'_>) -> Result<()> {
        match hide(secrets, context) {
            Err(error) if self.unmasked => {
                context.say(&format!("warning: {error}"));
                Ok(())
            }
            Err(error) => Err(with_way_out(error)),
            Ok(()) => Ok(()),
        }
    }
}

/// Masks secrets and the passwords of proxies in the CI's log. Call it before anything else is written.
///
/// # Errors
/// The errors of [`ci::mask`].
pub fn hide(mut secrets: Vec<Secret>, context: &mut Context<'_>) -> Result<()> {
    secrets.extend(ci::of_proxies(&context.env));
    ci::mask(&secrets, context)
}

fn with_way_out(error: Error) -> Error {
    let way_out = "or give --unmasked if no part of the result can reach the log";
    let hint = error.hint_text().map(|hint| format!("{hint}, {way_out}"));
    error.hint(hint.unwrap_or_else(|| way_out.to_owned()))
}
