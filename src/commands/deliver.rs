//! Secrets on their way out: to stdout or into a file of the user's alone.

use std::fs::{Metadata, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use context::Context;
use diagnostics::{Code, Error, Result};
use private_files::temporary_among_others;
use secret::Secret;

/// Where a result that holds secrets goes.
#[derive(Debug, Clone, Default, Args)]
pub struct DeliveryArgs {
    /// Write the result to this file (mode 0600) instead of stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print secrets even to a terminal
    #[arg(long)]
    pub show_secret: bool,
}

impl DeliveryArgs {
    /// Refuses to show a secret on a terminal, before anything is fetched. A pipe is the caller's.
    ///
    /// # Errors
    /// A usage error.
    pub fn check(&self, context: &Context<'_>) -> Result<()> {
        let is_shown = match &self.output {
            Some(path) => is_terminal(path),
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
        .hint("send it through a pipe, write it with --output FILE, or say --show-secret"))
    }

    /// Hands the result over.
    ///
    /// # Errors
    /// It can't be written.
    pub fn deliver(&self, result: &Secret, context: &mut Context<'_>) -> Result<()> {
        let Some(path) = &self.output else {
            let written = context.stdout.write_all(result.expose().as_bytes());
            return written
                .and_then(|()| context.stdout.flush())
                .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the result", error));
        };
        write_private(path, result).map_err(|error| {
            Error::failed(
                Code::for_write_error(&error),
                format!("cannot write {}", path.display()),
                error,
            )
            .hint("check that its folder is there and that this user may write to it")
        })?;
        context.say(&format!("written: {}", path.display()));
        Ok(())
    }
}

/// Whether this leads to a terminal: `/dev/stdout`, `/dev/tty`. A pipe is not opened, which would wait for its other end.
fn is_terminal(path: &Path) -> bool {
    let is_regular_or_pipe = |found: &Metadata| found.is_file() || is_pipe(found);
    match path.metadata() {
        Ok(found) if !is_regular_or_pipe(&found) => OpenOptions::new()
            .write(true)
            .open(path)
            .is_ok_and(|file| file.is_terminal()),
        _ => false,
    }
}

#[cfg(unix)]
fn is_pipe(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    found.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

/// A regular file is replaced by one that is private from its first byte; what is no regular file (a pipe, `/dev/fd/3`) is the
/// caller's, and is written to.
fn write_private(path: &Path, result: &Secret) -> std::io::Result<()> {
    let text = result.expose().as_bytes();
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text);
    }
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let (mut file, _alive) = temporary_among_others(&format!(".{name}.ecr-auth-"), folder.unwrap_or(Path::new(".")))?;
    file.as_file_mut().write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(real)?;
    Ok(())
}
