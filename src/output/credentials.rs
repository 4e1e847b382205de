//! AWS credentials in the formats of other programs.

use context::{Env, variables};
use serde::Serialize;
use zeroize::Zeroizing;

use super::shell::Shell;
use super::text::{dotenv, rfc3339};
use aws_access::SessionCredentials;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The output of a `credential_process`:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    /// Without it, SDKs do not ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// Returns the credentials for `--format process`: `credential_process` JSON in one line.
///
/// # Errors
/// The end is not a valid date.
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

/// Returns the variables from which AWS's tools read credentials. `--format github` writes them to `$GITHUB_ENV`. The region's variables are only
/// there if the session has a region.
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

/// The variable in which the AWS CLI exports the end of credentials. After that time, boto3 refuses whatever keys are set beside it.
pub const END_OF_CREDENTIALS: &str = "AWS_CREDENTIAL_EXPIRATION";

/// Returns the credentials for `--format env`: lines that set the variables in a shell with this environment.
///
/// A long-lived key removes an earlier session's token, because AWS refuses the two together. What is left of other credentials, and would spoil
/// these, is removed.
///
/// # Errors
/// The shell cannot quote a value.
pub fn credentials_env(credentials: &SessionCredentials, shell: Shell, env: &Env) -> Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in credentials_variables(credentials) {
        text.push_str(shell.set(name, &value)?.expose());
    }
    if credentials.session_token.is_none() {
        text.push_str(&shell.unset(variables::AWS_SESSION_TOKEN));
    }
    for name in [variables::AWS_SECURITY_TOKEN, END_OF_CREDENTIALS] {
        if env.get(name).is_some() {
            text.push_str(&shell.unset(name));
        }
    }
    Ok(Secret::new(text.as_str()))
}

/// Returns the credentials for `--format dotenv`: `NAME=value` lines.
///
/// # Errors
/// Readers of such files would read a value differently.
pub fn credentials_dotenv(credentials: &SessionCredentials) -> Result<Secret> {
    dotenv(&credentials_variables(credentials))
}
