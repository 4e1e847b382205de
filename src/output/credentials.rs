//! AWS credentials, as other programs take them.

use context::variables;
use serde::Serialize;
use zeroize::Zeroizing;

use super::shell::Shell;
use super::text::{dotenv, rfc3339};
use aws_access::SessionCredentials;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The answer of a `credential_process`:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    /// Without it nobody asks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// `--format process`: `credential_process` JSON, one line.
///
/// # Errors
/// An end that no calendar knows.
pub fn credentials_process(credentials: &SessionCredentials) -> Result<Secret> {
    let answer = ProcessDocument {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.as_ref().map(Secret::expose),
        expiration: credentials.expires_at.map(rfc3339).transpose()?,
    };
    let json = serde_json::to_string(&answer)
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the credentials", error))?;
    Ok(Secret::new(json + "\n"))
}

/// The variables that AWS's tools read credentials from; `--format github` writes them to `$GITHUB_ENV`. The region's are
/// there where one is to be told.
pub fn credentials_variables(credentials: &SessionCredentials) -> Vec<(&'static str, Secret)> {
    let mut variables = vec![
        (
            variables::AWS_ACCESS_KEY_ID,
            Secret::new(credentials.access_key_id.as_str()),
        ),
        (variables::AWS_SECRET_ACCESS_KEY, credentials.secret_access_key.clone()),
    ];
    let token = credentials.session_token.clone();
    variables.extend(token.map(|token| (variables::AWS_SESSION_TOKEN, token)));
    if let Some(region) = &credentials.region {
        variables.push((variables::AWS_REGION, Secret::new(region.as_str())));
        variables.push((variables::AWS_DEFAULT_REGION, Secret::new(region.as_str())));
    }
    variables
}

/// `--format env`: lines for a shell to evaluate, which set the variables.
///
/// A long-lived key takes an earlier session's token out: AWS refuses the one with the other.
///
/// # Errors
/// A value that the shell has no quotes for.
pub fn credentials_env(credentials: &SessionCredentials, shell: Shell) -> Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in credentials_variables(credentials) {
        text.push_str(shell.set(name, &value)?.expose());
    }
    if credentials.session_token.is_none() {
        text.push_str(&shell.unset(variables::AWS_SESSION_TOKEN));
    }
    Ok(Secret::new(text.as_str()))
}

/// `--format dotenv`: `NAME=value` lines.
///
/// # Errors
/// A value that not every reader of such files would read alike.
pub fn credentials_dotenv(credentials: &SessionCredentials) -> Result<Secret> {
    dotenv(&credentials_variables(credentials))
}
