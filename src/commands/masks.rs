//! The masks of what is handed over: the CI's log hides each secret before anything else is written, or nothing is handed over.

use clap::Args;

use context::Context;
use diagnostics::{Error, Result};
use secret::Secret;

/// Whether secrets are handed over where the CI's log can't hide them.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct MaskArgs {
    /// Print secrets although this CI's log cannot hide them: stderr is closed or redirected, or Buildkite's agent is missing
    #[arg(long)]
    pub unmasked: bool,
}

impl MaskArgs {
    /// Makes no demands where the caller takes stdout itself, as a `credential_process` is called: maybe with stderr closed.
    #[must_use]
    pub fn or_taken_by_the_caller(self, is_taken: bool) -> Self {
        Self {
            unmasked: self.unmasked || is_taken,
        }
    }

    /// Makes sure that the CI's log can be made to hide secrets, before there are any.
    ///
    /// # Errors
    /// As [`ci::check_masks`].
    pub fn check(self, context: &Context<'_>) -> Result<()> {
        match ci::check_masks(context) {
            Err(error) if !self.unmasked => Err(with_way_out(error)),
            _ => Ok(()),
        }
    }

    /// Has the CI's log hide secrets as [`hide`] does.
    ///
    /// # Errors
    /// As [`hide`], unless secrets are handed over all the same.
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

/// Has the CI's log hide secrets, and the passwords of proxies with them: before anything else is written.
///
/// # Errors
/// As [`ci::mask`].
pub fn hide(mut secrets: Vec<Secret>, context: &mut Context<'_>) -> Result<()> {
    secrets.extend(ci::of_proxies(&context.env));
    ci::mask(&secrets, context)
}

fn with_way_out(error: Error) -> Error {
    let way_out = "or give --unmasked if no part of the result can reach the log";
    let hint = error.hint_text().map(|hint| format!("{hint}, {way_out}"));
    error.hint(hint.unwrap_or_else(|| way_out.to_owned()))
}
