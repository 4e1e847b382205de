//! `assume … -- COMMAND`: runs a command with the credentials in its environment, and without variables that lead to others.

use std::ffi::OsString;
use std::process::Command;

use crate::output;
use aws_access::SessionCredentials;
use context::{Context, program, variables};
use diagnostics::{Code, Error, Exit, Result};

/// Variables that lead AWS's tools to other credentials and are not secret. They are removed together with [`ci::secret_variables`].
const LEADS_TO_OTHERS: [&str; 9] = [
    variables::AWS_SHARED_CREDENTIALS_FILE,
    variables::AWS_LOGIN_CACHE_DIRECTORY,
    // Read by early AWS tools.
    "AWS_CREDENTIAL_FILE",
    variables::AWS_PROFILE,
    variables::AWS_DEFAULT_PROFILE,
    variables::AWS_ROLE_ARN,
    variables::AWS_ROLE_SESSION_NAME,
    variables::AWS_WEB_IDENTITY_TOKEN_FILE,
    output::END_OF_CREDENTIALS,
];

/// The prefixes of variables with a container's credentials, or the key of one of AWS's services.
const BEGINNINGS: [&str; 2] = ["AWS_CONTAINER_", "AWS_BEARER_TOKEN_"];

/// Runs a command. If the system can, this process becomes the command, so that signals, exit status and process id are the command's own.
///
/// # Errors
/// None. A command that cannot be run gives exit status 126 or 127, as in a shell.
pub fn run(
    line: &[OsString],
    credentials: &SessionCredentials,
    token_env: Option<&str>,
    context: &mut Context<'_>,
) -> Result<Exit> {
    let Some((name, args)) = line.split_first() else {
        return Ok(Exit::Done);
    };
    let mut command = Command::new(name);
    command.args(args);
    let names = context.env.vars().map(|(name, _)| name);
    let begun = names.filter(|name| BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)));
    ci::remove_secrets(&mut command, &context.env);
    for name in LEADS_TO_OTHERS.into_iter().chain(begun).chain(token_env) {
        command.env_remove(name);
    }
    for (name, value) in output::credentials_variables(credentials, &context.env) {
        match value {
            Some(value) => command.env(name, value.expose()),
            None => command.env_remove(name),
        };
    }
    match become_it(&mut command) {
        Ok(exit) => Ok(exit),
        Err(error) => {
            let status = if error.kind() == std::io::ErrorKind::NotFound {
                127
            } else {
                126
            };
            let what = format!("cannot run {}", name.to_string_lossy());
            let mut failed = Error::failed(Code::Command, what, error);
            if let Some(file) = program::batch_file(&name.to_string_lossy(), &context.env) {
                failed = failed.hint(format!(
                    "it is a batch file: name it with its ending, {}",
                    file.display()
                ));
            }
            failed.report(&mut context.stderr);
            Ok(Exit::OfCommand(status))
        }
    }
}

#[cfg(unix)]
fn become_it(command: &mut Command) -> std::io::Result<Exit> {
    use std::os::unix::process::CommandExt;

    Err(command.exec())
}

/// Runs the command until it ends. The console sends Ctrl-C to both processes, and the command decides what it means: this process goes on as long
/// as it listens.
#[cfg(not(unix))]
fn become_it(command: &mut Command) -> std::io::Result<Exit> {
    use tokio::signal::windows::{ctrl_break, ctrl_c};

    let _listens = (ctrl_c(), ctrl_break());
    let status = command.status()?;
    Ok(Exit::OfCommand(status.code().unwrap_or(1)))
}
