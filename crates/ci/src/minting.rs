//! How a job asks for a token: by an HTTP request, which the caller sends, or by a program of the CI system.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::without_secrets;
use context::{Env, program};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The longest time for a program or a command that prints a token.
pub(crate) const PROGRAM_BUDGET: Duration = Duration::from_secs(10);

/// What a CI system's requests for tokens have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestForm {
    /// What the request looks like.
    pub kind: RequestKind,
    /// What the request is for, in errors.
    pub what: &'static str,
    /// Which service is asked, in errors.
    pub asked: &'static str,
    /// The code of errors.
    pub code: Code,
    /// The field of the JSON response that holds the token.
    pub token_field: &'static str,
    /// The name that the bearer token has in the cache's key.
    pub key_field: &'static str,
    /// The cause if a header cannot hold the bearer token.
    pub odd_bearer: &'static str,
    /// The hint for a status other than 200.
    pub refused: &'static str,
    /// The hint for a response without a token.
    pub odd_answer: &'static str,
}

impl RequestForm {
    pub(crate) fn request(&'static self, url: &str, bearer: &Secret, audience: &str) -> TokenRequest {
        let (method, url) = match self.kind {
            RequestKind::GetForAudience => ("GET", with_parameter(url, "audience", audience)),
            RequestKind::Post => ("POST", url.to_owned()),
        };
        let mut headers = vec![
            ("accept", Secret::new("application/json")),
            ("authorization", Secret::new(format!("Bearer {}", bearer.expose()))),
        ];
        if self.kind == RequestKind::Post {
            // Azure refuses a request without a length.
            headers.extend([
                ("content-type", Secret::new("application/json")),
                ("content-length", Secret::new("0")),
            ]);
        }
        TokenRequest {
            form: self,
            method,
            url,
            headers,
        }
    }
}

/// How a system is asked for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A GET request whose parameter `audience` names the audience.
    GetForAudience,
    /// A POST request without a body. The system chooses the audience.
    Post,
}

/// A request whose response holds the token.
#[derive(Debug)]
pub struct TokenRequest {
    /// How errors are worded, and where the response holds the token.
    pub form: &'static RequestForm,
    /// The method: `GET` or `POST`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The headers to send.
    pub headers: Vec<(&'static str, Secret)>,
}

/// Returns a URL with one more parameter in its query.
pub(crate) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{name}={}", percent_encode(value))
}

/// Escapes a part of an address: everything except unreserved characters (RFC 3986, section 2.3).
pub(crate) fn percent_encode(text: &str) -> String {
    const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// A call of a CI system's program that prints a token.
#[derive(Debug)]
pub struct ProgramCall {
    /// The program's name on PATH.
    pub program: &'static str,
    /// The call without its options, in errors.
    pub named: &'static str,
    /// Returns the arguments for an audience, in a job with this environment.
    pub arguments: fn(&str, &Env) -> Vec<String>,
    /// The program keeps the job's secrets in variables whose names begin with this word.
    pub its_own: &'static str,
}

/// A program of this machine that mints tokens.
#[derive(Debug, Clone)]
pub struct TokenProgram {
    path: PathBuf,
    call: &'static ProgramCall,
}

impl TokenProgram {
    /// Returns the program, if it is on PATH.
    pub(crate) fn on_path(call: &'static ProgramCall, env: &Env) -> Option<Self> {
        let path = program::on_path(call.program, env)?;
        Some(Self { path, call })
    }

    /// Runs the program.
    ///
    /// # Errors
    /// The program fails, prints nothing, or does not end in time.
    pub(crate) fn mint(&self, audience: &str, env: &Env, budget: Duration) -> Result<Secret> {
        let named = self.call.named;
        let mut command = without_secrets(&self.path, env, &[self.call.its_own]);
        command.args((self.call.arguments)(audience, env));
        let hint = format!("run it by hand in this job: {named} --help; it has to print a token");
        printed_token(&mut command, named, &hint, PROGRAM_BUDGET.min(budget))
    }
}

/// Two programs are equal if their calls and paths are equal.
impl PartialEq for TokenProgram {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, self.call.named) == (&other.path, other.call.named)
    }
}

impl Eq for TokenProgram {}

/// Returns the token that a command prints.
///
/// # Errors
/// The command fails, prints nothing, or does not end in time.
pub(crate) fn printed_token(command: &mut Command, what: &str, hint: &str, budget: Duration) -> Result<Secret> {
    let printed = program::output(command, None, budget);
    let printed = printed.map_err(|failure| Error::failed(Code::TokenCommand, what, failure).hint(hint))?;
    match printed.expose().trim() {
        "" => Err(Error::failed(Code::TokenCommand, what, "it printed nothing").hint(hint)),
        token => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_encoded() {
        assert_eq!(percent_encode("sts.amazonaws.com"), "sts.amazonaws.com");
        assert_eq!(percent_encode("https://a b/é"), "https%3A%2F%2Fa%20b%2F%C3%A9");
    }
}
