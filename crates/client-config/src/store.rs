//! Credential stores: the programs in which docker and podman keep passwords, `docker-credential-<name>`.
//!
//! The protocol is docker's (github.com/docker/docker-credential-helpers): the action is the only argument. Everything else, including the
//! password, goes through stdin and stdout, never through an argument or the environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::credential::StoredCredential;
use super::edit::HELPER;
use super::helper_name::{PREFIX, helper_meant};
use context::Env;
use context::program::{self, ProgramFailure};
use diagnostics::{Code, Error, Result, one_line};
use secret::Secret;

/// The time limit of a store for one action.
const DEADLINE: Duration = Duration::from_secs(10);

/// The most characters of a store's message that are shown.
const SHOWN_LIMIT: usize = 300;

/// A store's message is not shown if it holds a piece of a secret of this length, in bytes.
const PIECE: usize = 12;

/// A credential helper's answer if it has nothing for a registry, on stdout and with exit status 1. docker and podman compare the whole line, and
/// then go on without credentials.
pub const NOT_FOUND: &str = "credentials not found in native keychain";

/// The message of Windows Credential Manager about a password longer than 2,560 bytes, such as ECR's (error 1783 of Windows).
/// <https://learn.microsoft.com/en-us/windows/win32/api/wincred/ns-wincred-credentialw>
const TOO_LONG: &str = "stub received bad data";
const TOO_LONG_HINT: &str = "Windows Credential Manager takes no password longer than 2,560 bytes, and ECR's are longer. ecr-auth setup needs \
    no stored password: docker then asks ecr-auth whenever it needs one";

/// The input of a store.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoreInput<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// A credential store's program.
#[derive(Debug, Clone)]
pub struct CredentialStore<'a> {
    name: String,
    program: PathBuf,
    env: &'a Env,
    deadline: Duration,
}

impl<'a> CredentialStore<'a> {
    /// Looks for the program in absolute folders of PATH, so that a checkout cannot bring one. `named_by` is the setting that names the store, such
    /// as `credsStore`.
    pub fn find(name: &str, named_by: &str, env: &'a Env) -> Result<Self> {
        let failed = |cause: String| {
            Error::failed(
                Code::StoreFailed,
                format!("cannot use the credential store {name:?} of {named_by}"),
                cause,
            )
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(
                failed("a store's name has letters, digits, '-', '_' and '.' alone".to_owned())
                    .hint(did_you_mean(name, || {
                        "it is the end of a program's name: pass for docker-credential-pass".to_owned()
                    })),
            );
        }
        let file = format!("{PREFIX}{name}");
        match program::on_path(&file, env) {
            Some(program) => Ok(Self {
                name: name.to_owned(),
                program,
                env,
                deadline: DEADLINE,
            }),
            None => Err(failed(format!("{file} is not on PATH")).hint(did_you_mean(name, || {
                format!("install it, or take it out of {named_by}")
            }))),
        }
    }

    /// Changes the time limit from ten seconds.
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the store's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store's program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Whether the program is an ecr-auth under another helper's name, as a link or a copy.
    pub fn is_ourselves(&self) -> Result<bool> {
        // Under a name that is not one of the helper's, ecr-auth does not know `version`.
        if std::env::current_exe().is_ok_and(|exe| is_same_program(&exe, &self.program)) {
            return Ok(true);
        }
        let answer = self.run("version", "", &[])?;
        Ok(answer.succeeded && answer.stdout.starts_with(&format!("docker-credential-{HELPER} ")))
    }

    /// Stores a password for a registry.
    pub fn store(&self, host: &str, username: &str, password: &Secret) -> Result<()> {
        let request = StoreInput {
            server_url: host,
            username,
            secret: password.expose(),
        };
        let failed = |cause: &str| self.failed("store a password", host, cause);
        let request = serde_json::to_string(&request).map_err(|error| failed(&error.to_string()))?;
        let answer = self.run("store", request, &[password])?;
        match answer.succeeded {
            true => Ok(()),
            false if answer.words.contains(TOO_LONG) => Err(failed(&answer.words).hint(TOO_LONG_HINT)),
            false => Err(failed(&answer.words)),
        }
    }

    /// Returns the store's credential for a registry.
    pub fn get(&self, host: &str) -> Result<Option<StoredCredential>> {
        let answer = self.run("get", host, &[])?;
        let failed = |error| Err(self.failed("get the password", host, error));
        if !answer.succeeded {
            return match answer.stdout.trim() == NOT_FOUND {
                true => Ok(None),
                false => failed(&answer.words),
            };
        }
        // The parser's own message would quote the credential.
        serde_json::from_str(&answer.stdout)
            .map_or_else(|_| failed("its answer is not a credential"), |found| Ok(Some(found)))
    }

    /// Removes the password for a registry from the store.
    pub fn erase(&self, host: &str) -> Result<()> {
        let answer = self.run("erase", host, &[])?;
        match answer.succeeded || answer.stdout.trim() == NOT_FOUND {
            true => Ok(()),
            false => Err(self.failed("erase the password", host, &answer.words)),
        }
    }

    fn failed(&self, what: &str, host: &str, cause: &str) -> Error {
        let program = self.program.display();
        Error::failed(
            Code::StoreFailed,
            format!("docker-credential-{} cannot {what} for {host}", self.name),
            cause,
        )
        .hint(format!("see whether it works by itself: {program} list"))
    }

    fn run(&self, action: &str, input: impl Into<Secret>, secrets: &[&Secret]) -> Result<StoreOutput> {
        let what = format!("docker-credential-{} {action}", self.name);
        let mut command = ci::without_secrets(&self.program, self.env, &[]);
        let ended = program::run(command.arg(action), Some(&input.into()), self.deadline);
        let ended = ended.map_err(|failure| match failure {
            ProgramFailure::TookTooLong(_) => Error::failed(
                Code::StoreFailed,
                &what,
                format!("no answer within {} s", self.deadline.as_secs()),
            )
            .hint("unlock it, or use another store: it may be waiting for a person"),
            failure => Error::failed(Code::StoreFailed, &what, failure),
        })?;
        let (stdout, stderr) = (text(&ended.stdout), text(&ended.stderr));
        Ok(StoreOutput {
            succeeded: ended.status.success(),
            words: words(&stdout, &stderr, ended.status, secrets),
            stdout,
        })
    }
}

/// Returns the hint for a name that is not a program's.
fn did_you_mean(name: &str, otherwise: impl Fn() -> String) -> String {
    helper_meant(name).map_or_else(otherwise, |meant| {
        format!("did you mean {meant}? Clients put {PREFIX} in front of the name by themselves")
    })
}

/// Whether two paths are the same file, or files with the same bytes.
fn is_same_program(one: &Path, other: &Path) -> bool {
    let size = |path: &Path| fs::metadata(path).map(|found| found.len()).ok();
    let real = |path: &Path| private_files::real(path).ok();
    let is_one = real(one).is_some() && real(one) == real(other);
    is_one || size(one) == size(other) && fs::read(one).ok() == fs::read(other).ok()
}

/// The result of running a store.
struct StoreOutput {
    succeeded: bool,
    stdout: Zeroizing<String>,
    /// The store's message, in one line without secrets.
    words: String,
}

fn text(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

/// Returns the store's message. Stores print errors on stdout, some on stderr. A message that holds a piece of a secret, or looks like one, is not
/// shown.
fn words(out: &str, err: &str, status: ExitStatus, secrets: &[&Secret]) -> String {
    let said = [out, err].into_iter().map(one_line).find(|said| !said.is_empty());
    let Some(said) = said else {
        return format!("it ended with {status} and said nothing");
    };
    let shown: String = said.chars().take(SHOWN_LIMIT).collect();
    if said.contains("Secret") || secrets.iter().any(|secret| holds_piece(&shown, secret)) {
        return format!("it ended with {status}; what it said is not shown, as it may hold the password");
    }
    shown
}

fn holds_piece(text: &str, secret: &Secret) -> bool {
    let secret = secret.expose().as_bytes();
    let mut pieces = secret.windows(PIECE.min(secret.len()).max(1));
    pieces.any(|piece| text.as_bytes().windows(piece.len()).any(|window| window == piece))
}
