//! Secrets made known to the CI, so that it hides them in its log.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::github::{CommandFile, GITHUB};
use crate::worth_hiding::is_worth_hiding;
use crate::{Masking, running_in};
use context::{Context, Env};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The variables that may name a proxy with its password.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// Returns the texts to hide of a registry password: the password, and the base64 of `AWS:` + password, which is in Docker's `config.json` and in
/// the header of every request to the registry.
pub fn of_password(password: &Secret) -> [Secret; 2] {
    let plain = Zeroizing::new(format!("AWS:{}", password.expose()));
    [password.clone(), Secret::new(STANDARD.encode(plain.as_bytes()))]
}

/// Returns the texts to hide of AWS credentials: the secret key and the session token. The access key's id is not secret, and people search logs
/// for it.
pub fn of_credentials(secret_access_key: &Secret, session_token: Option<&Secret>) -> Vec<Secret> {
    let secrets = std::iter::once(secret_access_key).chain(session_token);
    secrets.cloned().collect()
}

/// Returns the texts to hide of the proxies that the environment names: `user:password`, both as written and decoded.
pub fn of_proxies(env: &Env) -> Vec<Secret> {
    let urls = PROXIES.iter().filter_map(|name| env.get(name));
    urls.filter_map(user_and_password)
        .flat_map(|written| {
            let decoded = percent_decode_str(written).decode_utf8_lossy();
            [Secret::new(written), Secret::new(decoded)]
        })
        .collect()
}

/// Returns the `user:password` of a URL. It ends at the last '@', because a password may hold unescaped characters.
fn user_and_password(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('@')?;
    let userinfo = before.split_once("://").map_or(before, |(_, userinfo)| userinfo);
    userinfo.contains(':').then_some(userinfo)
}

/// Checks that the CI can hide secrets in its log, before there are any. Does nothing outside a CI, and in a CI that cannot hide what a job gets
/// while it runs.
///
/// # Errors
/// The CI cannot read stderr, because it is closed or redirected, or the CI's program that takes secrets is missing.
pub fn check_masks(context: &Context<'_>) -> Result<()> {
    match running_in(&context.env).map(|ci| ci.masking) {
        None | Some(Masking::None) => Ok(()),
        Some(Masking::Commands(_)) => context.stderr.why_unheard().map_or(Ok(()), |why| Err(not_hidden(why))),
        Some(Masking::Program { find, .. }) => find(&context.env),
    }
}

/// Returns how the log's owner hides secrets. Where only GitHub's files for a step are known, as behind `env -i`, the log is GitHub's all the same.
fn masking(env: &Env) -> Masking {
    let has_file = || {
        [CommandFile::Output, CommandFile::Env]
            .iter()
            .any(|file| env.get(file.variable()).is_some())
    };
    let ci = running_in(env).or_else(|| has_file().then_some(&GITHUB));
    ci.map_or(Masking::None, |ci| ci.masking)
}

/// Makes the CI hide these secrets from now on, if it can. Call this before anything else is written.
///
/// The CI learns each secret once. Secrets that would ruin the log are left out: anything shorter than 8 characters, a region, an
/// account id.
///
/// # Errors
/// The errors of [`check_masks`], or the CI does not take a secret. The secrets must then not be handed on.
pub fn mask(secrets: &[Secret], context: &mut Context<'_>) -> Result<()> {
    let secrets = worth_hiding(secrets);
    if secrets.is_empty() {
        return Ok(());
    }
    check_masks(context)?;
    match masking(&context.env) {
        Masking::None => Ok(()),
        // All commands are written at once, so that no other line comes between them.
        Masking::Commands(add_commands) => {
            let written = context.stderr.commands(commands(&secrets, add_commands).expose());
            written.map_err(not_hidden)
        }
        Masking::Program { hide, .. } => hide(&secrets, &context.env),
    }
}

fn commands(secrets: &[&Secret], add_commands: fn(&str, &mut String)) -> Secret {
    let mut commands = String::new();
    for secret in secrets {
        add_commands(secret.expose(), &mut commands);
    }
    Secret::new(commands)
}

fn worth_hiding(secrets: &[Secret]) -> Vec<&Secret> {
    let mut found: Vec<&Secret> = Vec::new();
    for secret in secrets {
        if is_worth_hiding(secret.expose()) && !found.contains(&secret) {
            found.push(secret);
        }
    }
    found
}

fn not_hidden(cause: impl fmt::Display) -> Error {
    Error::failed(Code::NotHidden, "cannot hide the secrets in the CI's log", cause)
        .hint("leave stderr as the CI hands it to the step: the CI reads there what it has to hide")
}
