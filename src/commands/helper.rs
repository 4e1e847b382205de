//! The Docker credential-helper protocol: `get`, `store`, `erase`, `list`, `version`.
//!
//! Clients read only stdout. Its line is often all that users see about a failed pull.
//! <https://github.com/docker/docker-credential-helpers>

mod list;
mod once;
mod store_request;

use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::fallback::{self, ClientRequest, StoreReply};
use crate::pull::{self, PullAnswer};
use client_config::{HELPER_NAMES, NOT_FOUND, StoredCredential};
use configuration::{Config, FallbackStore, RegistryTarget};
use context::{Context, Progress, variables};
use diagnostics::{Code, Error, Exit, Result, inert, one_line};
use ecr_registry::{Registry, USERNAME, server_name, why_not_ecr};
use once::tell_once;
use secret::Secret;
use secret_cache::Cache;
use store_request::StoreRequest;

/// The message of docker's own helpers.
const NO_SERVER: &str = "no credentials server URL";
/// The longest line about a failure, in characters.
const LINE_LIMIT: usize = 300;
/// The part of a needed hint that a long cause leaves, in characters: enough for what a CI's job lacks.
const HINT_START: usize = 80;
/// The largest input of a client, in bytes.
const INPUT_LIMIT: u64 = 64 * 1024;

/// Runs one action of the protocol. `config` is the configuration file, if the command line names one.
pub fn run(action: &str, config: Option<&Path>, context: &mut Context<'_>) -> Exit {
    // Its stderr is often the client's, which may be a terminal. On success, nothing is written there.
    context.progress = Progress::default();
    let answer = match action {
        "get" => get(config, context),
        "store" => store(config, context),
        "erase" => erase(config, context),
        "list" => Ok(HelperReply::Line(to_json(&list::servers(config, context)))),
        "version" | "--version" | "-V" => Ok(HelperReply::Line(version())),
        other => {
            let error = Error::usage(
                Code::HelperCall,
                "credential helper",
                format!("there is no action `{other}`"),
            );
            error
                .hint("clients call it with get, store, erase, list or version")
                .report(&mut context.stderr);
            return Exit::Usage;
        }
    };
    let (line, exit) = match answer {
        Ok(HelperReply::Answered(exit)) => return exit,
        Ok(HelperReply::Line(line)) => (line, Exit::Done),
        // Some clients show it where a CI reads.
        Err(line) => (inert(&line), Exit::Failed),
    };
    if line.is_empty() {
        return exit;
    }
    match writeln!(context.stdout, "{line}").and_then(|()| context.stdout.flush()) {
        Ok(()) => exit,
        Err(error) => {
            Error::failed(Code::ResultNotWritten, "cannot write the answer", error).report(&mut context.stderr);
            Exit::Failed
        }
    }
}

fn version() -> String {
    format!("{} {}", HELPER_NAMES[0], env!("CARGO_PKG_VERSION"))
}

/// The reply to a client.
enum HelperReply {
    /// This line on stdout. Empty for no line.
    Line(String),
    /// The fallback store's program has answered.
    Answered(Exit),
}

impl HelperReply {
    fn nothing() -> Self {
        Self::Line(String::new())
    }
}

/// The text for stdout, for exit status 0 or 1.
type HelperAnswer = Result<HelperReply, String>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HelperCredentials<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl HelperCredentials<'_> {
    fn reply(&self) -> HelperReply {
        HelperReply::Line(to_json(self))
    }
}

fn get(config: Option<&Path>, context: &mut Context<'_>) -> HelperAnswer {
    let input = input(context)?;
    let server = server_in(&input)?;
    let loaded = pull::load_config(server, config, context);
    match pull::answer(server, &name_of(server), config, loaded, context, pull::by_rule) {
        Ok(PullAnswer::Password(held)) => Ok(HelperCredentials {
            server_url: server,
            username: USERNAME,
            secret: held.secret.expose(),
        }
        .reply()),
        Ok(PullAnswer::NotOurs(Some(fallback))) => {
            ask_fallback(&fallback, &ClientRequest::Get, server, &input, context)
        }
        Ok(PullAnswer::NotOurs(None)) => Err(NOT_FOUND.to_owned()),
        Ok(PullAnswer::WithoutPassword(why)) => {
            tell_once(&format!("{server} {why}"), context, |context| {
                drop(context.stderr.line(&why))
            });
            Err(NOT_FOUND.to_owned())
        }
        Err(error) => Err(failed(server, &error, context)),
    }
}

/// Asks the fallback store.
fn ask_fallback(
    store: &FallbackStore,
    request: &ClientRequest,
    server: &str,
    input: &Secret,
    context: &mut Context<'_>,
) -> HelperAnswer {
    match fallback::ask(store, request, server, input, context) {
        Ok(StoreReply::Answered(exit)) => Ok(HelperReply::Answered(exit)),
        Ok(StoreReply::Done) => Ok(HelperReply::nothing()),
        Ok(StoreReply::Credential(None)) => Err(NOT_FOUND.to_owned()),
        Ok(StoreReply::Credential(Some(found))) => Ok(HelperCredentials {
            server_url: server,
            username: &found.username,
            secret: found.secret.expose(),
        }
        .reply()),
        Err(error) => Err(line_of(server, &error)),
    }
}

/// Handles `store`, which `docker login` calls. A password for an ECR registry is accepted but not kept, because ecr-auth fetches its own.
fn store(config: Option<&Path>, context: &mut Context<'_>) -> HelperAnswer {
    let input = input(context)?;
    let stored = StoreRequest::read(input.expose()).map_err(|_| {
        told(
            "ecr-auth: store: the input is not a JSON object with a ServerURL",
            Code::HelperCall,
            None,
        )
    })?;
    let server = match stored.server_url.trim_ascii() {
        "" => return Err(NO_SERVER.to_owned()),
        server => server,
    };
    let config = match pull::load_config(server, config, context) {
        Ok(config) => config,
        // It is accepted and not kept, even if the configuration is broken.
        Err(_) if Registry::parse(server).is_some() => return Ok(HelperReply::nothing()),
        Err(error) => return Err(failed(server, &error, context)),
    };
    if let Some(target) = config.target(server) {
        tell_if_foreign(&target, &name_of(server), &stored.secret, context);
        return Ok(HelperReply::nothing());
    }
    if let Some(fallback) = config.fallback_for(server) {
        let credential = StoredCredential {
            username: stored.username,
            secret: stored.secret,
        };
        return ask_fallback(fallback, &ClientRequest::Store(credential), server, &input, context);
    }
    // Users of amazon-ecr-credential-helper set this for plugins that store other registries' passwords and must not fail.
    if context.env.is_true(variables::AWS_ECR_IGNORE_CREDS_STORAGE) {
        return Ok(HelperReply::nothing());
    }
    let why = why_not_ecr(server);
    let line = format!("ecr-auth: {} is not an ECR registry: {}", name_of(server), why.cause);
    Err(told(&line, why.code, Some(&why.hint)))
}

/// Prints a line if a user signs in with another password, because pulls will not use it.
fn tell_if_foreign(target: &RegistryTarget<'_>, name: &str, password: &Secret, context: &mut Context<'_>) {
    if password.expose().is_empty() {
        return;
    }
    let cache = Cache::from_env(&context.env);
    let path = pull::by_rule(target, context).map(|(path, _)| path);
    let of_key = path
        .as_ref()
        .ok()
        .and_then(|path| cache.valid(path.key(), context.now()));
    let known = of_key.into_iter().chain(cache.named(name, context.now()));
    if known.into_iter().any(|held| held.secret == *password) {
        return;
    }
    let who = match path {
        Ok(path) => format!("ecr-auth signs in with {}", path.identity().source),
        Err(error) => format!("ecr-auth signs in by itself, which fails now: {error}"),
    };
    let _ = context
        .stderr
        .line(&format!("ecr-auth: {name}: this password is not kept; {who}"));
}

/// Removes cached tokens for the host, of every identity.
fn erase(config: Option<&Path>, context: &mut Context<'_>) -> HelperAnswer {
    let input = input(context)?;
    let server = server_in(&input)?;
    let name = name_of(server);
    let config = match pull::load_config(server, config, context) {
        Ok(config) => config,
        Err(_) if Registry::parse(server).is_some() => Config::default(),
        Err(error) => return Err(failed(server, &error, context)),
    };
    let cache = Cache::from_env(&context.env);
    match (config.target(server), config.fallback_for(server)) {
        (Some(target), _) => {
            if let Ok((path, _)) = pull::by_rule(&target, context) {
                cache.remove(path.key());
            }
        }
        (None, Some(fallback)) => return ask_fallback(fallback, &ClientRequest::Erase, server, &input, context),
        (None, None) => {}
    }
    cache.remove_named(&name);
    Ok(HelperReply::nothing())
}

/// Returns the server string, without surrounding ASCII white space. Other blanks cannot be part of a name of ours.
fn server_in(input: &Secret) -> Result<&str, String> {
    match input.expose().trim_ascii() {
        "" => Err(NO_SERVER.to_owned()),
        server => Ok(server),
    }
}

/// Reads the client's input. It is a secret, because `store` brings a password.
fn input(context: &mut Context<'_>) -> Result<Secret, String> {
    let mut text = String::new();
    match context.stdin.take(INPUT_LIMIT + 1).read_to_string(&mut text) {
        Ok(read) if read as u64 <= INPUT_LIMIT => Ok(Secret::new(text)),
        Ok(_) => Err(told(
            "ecr-auth: the input is longer than 64 KiB",
            Code::HelperCall,
            None,
        )),
        Err(error) => Err(told(
            &format!("ecr-auth: cannot read the input: {error}"),
            Code::HelperCall,
            None,
        )),
    }
}

/// Returns the one line about a failure for the client, and prints the whole error on stderr.
fn failed(server: &str, error: &Error, context: &mut Context<'_>) -> String {
    let failure = format!("{server} {error}");
    tell_once(&failure, context, |context| error.report(&mut context.stderr));
    line_of(server, error)
}

fn line_of(server: &str, error: &Error) -> String {
    let line = format!("ecr-auth: {}: {}: {}", name_of(server), error.what(), error.cause());
    told(&line, error.code(), error.hint_text())
}

/// Returns the line with its code, and with the hint if it fits. If the line is too long, the cause is shortened, also to no less than the start of a
/// hint that the code needs.
fn told(line: &str, code: Code, hint: Option<&str>) -> String {
    let shown = format!(" [{code}]");
    let (line, room) = (one_line(line), LINE_LIMIT - shown.len());
    let hint = hint.map(|hint| format!("; {}", one_line(hint)));
    let is_kept = |hint: &String| code.needs_its_hint() || line.chars().count() + hint.chars().count() <= room;
    let hint = hint.filter(is_kept).unwrap_or_default();
    let line = within(&line, room - hint.chars().count().min(HINT_START));
    let hint = within(&hint, room - line.chars().count());
    line + &shown + &hint
}

/// Returns a text of at most this many characters.
fn within(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit.saturating_sub(1)) {
        Some((at, _)) if text.chars().count() > limit => format!("{}…", &text[..at]),
        _ => text.to_owned(),
    }
}

/// Returns the host of a server, with its port if it has one.
fn name_of(server: &str) -> String {
    server_name(server).unwrap_or_else(|| one_line(server).chars().take(100).collect())
}

fn to_json(value: &impl Serialize) -> String {
    // Serialising text keys and values cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_at_most_300_characters() {
        let told = |line: &str, hint| told(line, Code::Options, hint);
        let line = told(&"é".repeat(300), None);
        assert_eq!(line.chars().count(), 300);
        assert!(line.ends_with("é… [EA0002]"));
        let full = "é".repeat(291);
        assert_eq!(told(&full, Some("hint")), format!("{full} [EA0002]"));
        assert_eq!(told("two\nlines", Some("hint")), "two lines [EA0002]; hint");
    }

    #[test]
    fn a_long_cause_leaves_room_for_a_hint_that_is_needed() {
        let told = |line: usize, hint: usize| told(&"é".repeat(line), Code::NoToken, Some(&"h".repeat(hint)));
        let full = |line: usize, hint: usize| format!("{} [EA0201]; {}", "é".repeat(line), "h".repeat(hint));
        assert_eq!(told(285, 4), full(285, 4));
        assert_eq!(told(286, 4), format!("{}… [EA0201]; hhhh", "é".repeat(284)));
        assert_eq!(told(100, 189), full(100, 189));
        assert_eq!(told(100, 190), format!("{}…", full(100, 188)));
        assert_eq!(told(210, 100), format!("{}…", full(210, 78)));
        let both = told(300, 300);
        assert_eq!(both.chars().count(), 300);
        assert!(both.contains("é… [EA0201]; hhh") && both.ends_with("h…"), "{both}");
    }
}
