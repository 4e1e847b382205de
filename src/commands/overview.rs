//! `ecr-auth` without a command: shows the current state, and the next command to type.

use std::fmt::Write;
use std::path::Path;

use crate::doctor::{self, Overview};
use context::Context;
use diagnostics::{Code, Error, Result, inert};

/// Prints the current state, and what to do next.
///
/// # Errors
/// Stdout cannot be written, or a configuration file that is named cannot be used. Other problems are shown, and are not errors.
pub fn run(config: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let overview = doctor::look(config, context);
    let written = context.stdout.write_all(text(&overview).as_bytes());
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write what is here", error))?;
    overview.wrong.map_or(Ok(()), Err)
}

fn text(overview: &Overview) -> String {
    let mut text = format!(
        "ecr-auth {}: Docker login for Amazon ECR that never expires. Here:\n",
        env!("CARGO_PKG_VERSION")
    );
    let width = overview
        .found
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    for (name, finding) in &overview.found {
        let _ = writeln!(text, "  {name:width$}  {}", inert(finding));
    }
    let _ = writeln!(text, "Next: {}", inert(&overview.next.what));
    for line in &overview.next.lines {
        let _ = writeln!(text, "    {}", inert(line));
    }
    text + "All commands: ecr-auth --help\n"
}
