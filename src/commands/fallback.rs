//! Registries that are not ours, where clients ask us for every registry: the store that was there before answers.
//!
//! A store's program gets the bytes that the client sent, in the environment that the client gave, and answers the client itself:
//! its stdout, its stderr and its exit status are ours. It takes the time it takes, as it may be asking a person.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use client_config::{AuthsStore, CredentialStore, HELPER, StoredCredential, is_helper_name};
use configuration::FallbackStore;
use context::{Context, variables};
use diagnostics::{Code, Error, Exit, Result};
use secret::Secret;

/// How many helpers of ours may have led to the one that asks the store.
const NESTED: usize = 2;

/// What a client wants for a server.
#[derive(Debug)]
pub enum ClientRequest {
    /// The credential.
    Get,
    /// That this one is kept.
    Store(StoredCredential),
    /// That the credential is forgotten.
    Erase,
}

/// What the store has for the client.
#[derive(Debug)]
pub enum StoreReply {
    /// The store's program answered the client itself, and ended like this.
    Answered(Exit),
    /// A credential; `None`: there is none.
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

/// Has the store answer. `input` is what the client sent.
///
/// # Errors
/// The store's program is missing, can't be run, or leads back to us; docker's file can't be read or written.
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

/// The servers that the store knows, with the user names.
///
/// # Errors
/// As [`ask`]; what the store prints is no list.
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

/// The program, with its one argument and the client's own environment, and a mark for an ecr-auth that it may lead back to.
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

/// Whether helpers of ours stand behind each other again and again: a store that doesn't pass our mark on has called us, and would go on.
/// A few do by themselves, such as one that signs in to AWS by a container.
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
        // A program that doesn't read to the end says so by its exit status.
        let _ = stdin.write_all(input.expose().as_bytes());
    }
    child.wait()
}

/// A program that a signal ended counts as a shell counts it.
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
