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

/// Returns the variables from which AWS's tools read credentials, for a program with this environment. A variable without a value must be removed:
/// it belongs to other credentials. The region's variables are only there if the session has a region.
///
/// `AWS_SESSION_TOKEN` is always there, because AWS refuses a long-lived key together with another session's token. The variables that AWS's tools
/// read beside these are only there if the environment has them.
pub fn credentials_variables(credentials: &SessionCredentials, env: &Env) -> Vec<(&'static str, Option<Secret>)> {
    let mut variables = vec![
        (
            variables::AWS_ACCESS_KEY_ID,
            Some(Secret::new(credentials.access_key_id.as_str())),
        ),
        (
            variables::AWS_SECRET_ACCESS_KEY,
            Some(credentials.secret_access_key.clone()),
        ),
        (variables::AWS_SESSION_TOKEN, credentials.session_token.clone()),
    ];
    if let Some(region) = &credentials.region {
        for name in [variables::AWS_REGION, variables::AWS_DEFAULT_REGION] {
            variables.push((name, Some(Secret::new(region.as_str()))));
        }
    }
    let others = [variables::AWS_SECURITY_TOKEN, END_OF_CREDENTIALS];
    let left = others.into_iter().filter(|name| env.get(name).is_some());
    variables.extend(left.map(|name| (name, None)));
    variables
}

/// Returns [`credentials_variables`] for a file that can set variables, but cannot remove them. A variable that must be removed is empty, which
/// AWS's tools read like an absent one.
pub fn credentials_assignments(credentials: &SessionCredentials, env: &Env) -> Vec<(&'static str, Secret)> {
    let variables = credentials_variables(credentials, env).into_iter();
    variables
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect()
}

/// The variable in which the AWS CLI exports the end of credentials. After that time, boto3 refuses whatever keys are set beside it.
pub const END_OF_CREDENTIALS: &str = "AWS_CREDENTIAL_EXPIRATION";

/// Returns the credentials for `--format env`: lines that set or remove the variables in a shell with this environment.
///
/// # Errors
/// The shell cannot quote a value.
pub fn credentials_env(credentials: &SessionCredentials, shell: Shell, env: &Env) -> Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in credentials_variables(credentials, env) {
        match value {
            Some(value) => text.push_str(shell.set(name, &value)?.expose()),
            None => text.push_str(&shell.unset(name)),
        }
    }
    Ok(Secret::new(text.as_str()))
}

/// Returns the credentials for `--format dotenv`: `NAME=value` lines. Readers add them to an environment that may hold other credentials.
///
/// # Errors
/// Readers of such files would read a value differently.
pub fn credentials_dotenv(credentials: &SessionCredentials, env: &Env) -> Result<Secret> {
    dotenv(&credentials_assignments(credentials, env))
}
