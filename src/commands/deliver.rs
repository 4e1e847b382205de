//! Outputs secrets to stdout or into a file of the user alone.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;

use super::destination::OutputDestination;
use context::Context;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The terminal's path.
const TERMINAL: &str = "/dev/tty";

/// Where a result that holds secrets goes.
#[derive(Debug, Clone, Default, Args)]
pub struct DeliveryArgs {
    /// Write the result to this file (mode 0600) instead of stdout: a new file, or one of yours
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print secrets even to a terminal
    #[arg(long)]
    pub show_secret: bool,
}

impl DeliveryArgs {
    /// Refuses to show a secret on a terminal, or to write to a file that is not the user's own, before anything is fetched.
    ///
    /// # Errors
    /// A usage error, or the kind of file that is there instead.
    pub fn check(&self, context: &Context<'_>) -> Result<()> {
        let is_shown = match &self.output {
            Some(path) if path == Path::new(TERMINAL) => true,
            Some(path) => destination(path)?.is_terminal(context),
            None => context.stdout_is_terminal,
        };
        if !is_shown || self.show_secret {
            return Ok(());
        }
        Err(Error::usage(
            Code::SecretOnTerminal,
            "refused",
            "the result is a secret, and would be shown on this terminal",
        )
        .hint("send it through a pipe, write it with --output FILE, or give --show-secret"))
    }

    /// Returns whether the result goes to the null device, because only the sign-in is wanted.
    pub fn is_discarded(&self) -> bool {
        self.output.as_deref().is_some_and(private_files::is_null_device)
    }

    /// Outputs the result.
    ///
    /// # Errors
    /// The result cannot be written.
    pub fn deliver(&self, result: &Secret, context: &mut Context<'_>) -> Result<()> {
        let Some(path) = &self.output else {
            let written = context.stdout.write_all(result.expose().as_bytes());
            return written
                .and_then(|()| context.stdout.flush())
                .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the result", error));
        };
        let written = destination(path)?.write(result, context);
        written.map_err(|error| {
            failed(
                path,
                error,
                "check that its folder is there and that this user may write to it",
            )
        })?;
        if path.as_os_str() != "-" {
            context.say(&format!("written: {}", path.display()));
        }
        Ok(())
    }
}

fn destination(path: &Path) -> Result<OutputDestination> {
    OutputDestination::at(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed(
            path,
            io::Error::new(ErrorKind::NotFound, "its folder does not exist"),
            "create the folder first, or name a file in another one",
        ),
        _ => failed(
            path,
            error,
            "name a new file, or one of your own; for a pipe, leave --output out",
        ),
    })
}

fn failed(path: &Path, error: io::Error, hint: &str) -> Error {
    let what = format!("cannot write {}", path.display());
    Error::failed(Code::for_write_error(&error), what, error).hint(hint)
}
