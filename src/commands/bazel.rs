//! `ecr-auth get`: Bazel's credential-helper protocol, which other tools that fetch images by HTTP use too.
//! <https://github.com/EngFlow/credential-helper-spec>

use std::io::Read;
use std::path::Path;

use base64::Engine;
use serde::{Deserialize, Serialize};

use crate::output::rfc3339;
use crate::pull::{self, PullAnswer};
use context::{Context, Progress};
use diagnostics::{Code, Error, Exit, Result};
use secret::Secret;
use secret_cache::CachedSecret;

/// The largest request, in bytes.
const INPUT_LIMIT: u64 = 64 * 1024;
const SCHEME: &str = "https://";

/// The client's request. The specification may add fields.
#[derive(Deserialize)]
struct UriRequest {
    uri: String,
}

/// The response: headers for requests to the address.
#[derive(Serialize, Default)]
struct HeadersResponse<'a> {
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Headers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<[&'a str; 1]>,
}

/// Answers one request: with the header for an ECR registry or an alias, or without a header for any other address. A failure is one line on
/// stderr, because the client shows it among its own lines.
pub fn run(config: Option<&Path>, context: &mut Context<'_>) -> Exit {
    context.progress = Progress::default();
    match answer(config, context).and_then(|line| write(&line, context)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = context.stderr.line(&format!("ecr-auth: {}", error.in_one_line()));
            Exit::Failed
        }
    }
}

fn write(line: &Secret, context: &mut Context<'_>) -> Result<()> {
    let written = writeln!(context.stdout, "{}", line.expose());
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the answer", error))
}

fn answer(config: Option<&Path>, context: &mut Context<'_>) -> Result<Secret> {
    let request = request(context)?;
    let Some(host) = host(&request.uri) else {
        return Ok(without_headers());
    };
    let loaded = pull::load_config(host, config, context);
    let answered = pull::answer(host, host, config, loaded, context, pull::by_rule);
    let answered = answered.map_err(|error| {
        let what = format!("{host}: {}", error.what());
        error.about(what)
    })?;
    match answered {
        PullAnswer::Password(held) => with_password(&held),
        PullAnswer::NotOurs(_) => Ok(without_headers()),
        PullAnswer::WithoutPassword(why) => {
            let _ = context.stderr.line(&why);
            Ok(without_headers())
        }
    }
}

fn request(context: &mut Context<'_>) -> Result<UriRequest> {
    let odd = |cause: &str| Error::failed(Code::HelperCall, "the request", cause);
    let mut text = String::new();
    let read = context.stdin.take(INPUT_LIMIT + 1).read_to_string(&mut text);
    let read = read.map_err(|error| odd(&error.to_string()))?;
    if read as u64 > INPUT_LIMIT {
        return Err(odd("it is longer than 64 KiB"));
    }
    serde_json::from_str(&text)
        .map_err(|_| odd("it is not a JSON object with a text uri; for docker's protocol, use: ecr-auth helper get"))
}

/// Returns the host of an https address, with its port if it has one. A password must not be sent over a plain connection.
fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_at_checked(SCHEME.len())?;
    let authority = rest.split(['/', '?', '#']).next()?;
    (scheme.eq_ignore_ascii_case(SCHEME) && !authority.contains('@')).then_some(authority)
}

fn without_headers() -> Secret {
    to_json(&HeadersResponse::default())
}

fn with_password(held: &CachedSecret) -> Result<Secret> {
    let login = Secret::new(format!("AWS:{}", held.secret.expose()));
    let encoded = Secret::new(base64::engine::general_purpose::STANDARD.encode(login.expose()));
    let header = Secret::new(format!("Basic {}", encoded.expose()));
    let headers = Headers {
        authorization: Some([header.expose()]),
    };
    let expires = Some(rfc3339(held.expires_at)?);
    Ok(to_json(&HeadersResponse { headers, expires }))
}

fn to_json(response: &HeadersResponse<'_>) -> Secret {
    // Serialising text keys and values cannot fail.
    Secret::new(serde_json::to_string(response).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address() {
        for (uri, wanted) in [
            ("https://a.example/v2/", Some("a.example")),
            ("HTTPS://a.example:5000?x", Some("a.example:5000")),
            ("https://a.example", Some("a.example")),
            ("https://b.example#@a.example", Some("b.example")),
            ("https://a.example@b.example/", None),
            ("http://a.example/", None),
            ("a.example", None),
            ("", None),
        ] {
            assert_eq!(host(uri), wanted, "{uri}");
        }
    }
}
