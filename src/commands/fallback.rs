//! Registries that are neither ECR's nor aliases, if clients ask ecr-auth for every registry: the former store answers.
//!
//! A store's program gets the client's input and environment unchanged, and answers the client itself: its stdout, its stderr and its exit status
//! are ours. It has no time limit, because it may be asking a person.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use client_config::{AuthsStore, CredentialStore, HELPER, StoredCredential, is_helper_name};
use configuration::FallbackStore;
use context::{Context, variables};
use diagnostics::{Code, Error, Exit, Result};
use secret::Secret;

/// The most ecr-auth processes that may have led to the one that asks the store.
const NESTED: usize = 2;

/// A client's request about a server.
#[derive(Debug)]
pub enum ClientRequest {
    /// Return the credential.
    Get,
    /// Store this credential.
    Store(StoredCredential),
    /// Remove the credential.
    Erase,
}

/// The store's reply.
#[derive(Debug)]
pub enum StoreReply {
    /// The store's program answered the client itself, with this exit status.
    Answered(Exit),
    /// The credential, or `None` if there is none.
    Credential(Option<StoredCredential>),
    /// It was done.
    Done,
}

impl ClientRequest {
    fn action(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store(_) => "store",
            Self::Erase => "erase",
        }
    }
}

/// Asks the store. `input` is the client's input.
///
/// # Errors
/// The store's program is missing, cannot be run, or leads back to ecr-auth; or docker's file cannot be read or written.
pub fn ask(
    fallback: &FallbackStore,
    request: &ClientRequest,
    server: &str,
    input: &Secret,
    context: &Context<'_>,
) -> Result<StoreReply> {
    let config = match fallback {
        FallbackStore::Auths(config) => config,
        FallbackStore::Store(name) => {
            let mut command = command(name, request.action(), context)?;
            let status = run(&mut command, input).map_err(|error| cannot_run(name, error))?;
            return Ok(StoreReply::Answered(Exit::OfCommand(code(status))));
        }
    };
    let store = AuthsStore::for_config(config, &context.env)?;
    match request {
        ClientRequest::Get => store.get(server).map(StoreReply::Credential),
        ClientRequest::Store(credential) => store.store(server, credential).map(|()| StoreReply::Done),
        ClientRequest::Erase => store.erase(server, &context.env).map(|()| StoreReply::Done),
    }
}

/// Returns the servers that the store knows, with the user names.
///
/// # Errors
/// The errors of [`ask`], or the store does not print a list.
pub fn list(fallback: &FallbackStore, context: &Context<'_>) -> Result<BTreeMap<String, String>> {
    let name = match fallback {
        FallbackStore::Auths(config) => return AuthsStore::for_config(config, &context.env)?.list(),
        FallbackStore::Store(name) => name,
    };
    let mut command = command(name, "list", context)?;
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| cannot_run(name, error))?;
    let failed = |cause: &str| Error::failed(Code::StoreFailed, format!("docker-credential-{name} list"), cause);
    match output.status.success() {
        true => serde_json::from_slice(&output.stdout)
            .map_err(|_| failed("what it printed is not a list of servers and user names")),
        false => Err(failed(&format!("it ended with {}", output.status))),
    }
}

/// Returns the program with its argument and the client's environment, and a mark for an ecr-auth that the program may run.
fn command(name: &str, action: &str, context: &Context<'_>) -> Result<Command> {
    if context.env.get(variables::ECR_AUTH_IN_FALLBACK).is_some() || is_called_in_circles() {
        let cause = format!("docker-credential-{name} leads back to ecr-auth");
        return Err(
            Error::failed(Code::OtherStore, "cannot ask the store of other registries", cause).hint(
                "run ecr-auth logout, put another store into docker's configuration, and run ecr-auth setup --all",
            ),
        );
    }
    let store = CredentialStore::find(name, "setup.json", &context.env)
        .map_err(|error| error.hint("install it again, or run: ecr-auth logout"))?;
    let mut command = Command::new(store.program());
    command.arg(action).env(variables::ECR_AUTH_IN_FALLBACK, "1");
    Ok(command)
}

/// Whether ecr-auth has been called by itself several times: a store that drops our mark has called us, and would do so again. A few calls are
/// normal, such as from a store that signs in to AWS with a container.
fn is_called_in_circles() -> bool {
    let is_ours = |name: &Path| {
        name.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(HELPER))
    };
    let is_helper = |line: &Vec<String>| match line.split_first() {
        Some((program, args)) => {
            let program = Path::new(program);
            is_helper_name(program) || is_ours(program) && args.iter().any(|arg| arg == "helper")
        }
        None => false,
    };
    context::callers().filter(is_helper).nth(NESTED).is_some()
}

fn run(command: &mut Command, input: &Secret) -> io::Result<ExitStatus> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its whole input reports that by its exit status.
        let _ = stdin.write_all(input.expose().as_bytes());
    }
    child.wait()
}

/// Returns the exit status of a program. A signal counts as in a shell.
#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;

    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

fn cannot_run(name: &str, error: io::Error) -> Error {
    Error::failed(Code::StoreFailed, format!("cannot run docker-credential-{name}"), error)
}
