//! The CI's OIDC token: taken from where it lies, or asked for now where the CI can mint one.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::client::{Aws, attempt_limit};
use crate::identity::RolePlan;
use crate::net::{BODY_LIMIT, NO_ANSWER, connection_code, reach_hint, refuse_plain_http, root_cause};
use ci::CiToken;
use context::program;
use diagnostics::{Code, Error, Result};
use oidc_token::{Claims, read_token_file};
use secret::Secret;

/// How often GitHub is asked for a token, in all.
const TOKEN_ATTEMPTS: u32 = 3;
const TOKEN_PAUSE: Duration = Duration::from_millis(300);
const WHAT_TOKEN: &str = "GitHub's OIDC token";
const NETWORK_HINT: &str = "check the network of the runner, HTTPS_PROXY and NO_PROXY";
const ODD_ANSWER_HINT: &str = "this isn't how GitHub answers: look at the proxy and at ACTIONS_ID_TOKEN_REQUEST_URL, and who answers in GitHub's place";

/// A token that ends sooner than this is asked for anew where the CI can.
const ABOUT_TO_END: Duration = Duration::from_secs(60);

/// What a CI's own program may take, at most.
const PROGRAM_BUDGET: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct GithubAnswer {
    value: String,
}

impl Aws<'_> {
    /// The token of a plan, as it is now.
    ///
    /// # Errors
    /// It can't be read, or the CI hands none out.
    pub(crate) async fn ci_token(&self, token: &CiToken, plan: &RolePlan) -> Result<Secret> {
        match token {
            CiToken::Text { token, .. } | CiToken::ServiceAccount(token) => Ok(token.clone()),
            CiToken::File(path) => read_token_file(path),
            CiToken::GitHub { url, request_token } => self.github(url, request_token, &plan.audience).await,
            CiToken::CircleCi { token, program } => match (program, circleci_audience(token, plan)) {
                (Some(program), Some(audience)) => self.circleci(program, &audience),
                _ => Ok(token.clone()),
            },
            CiToken::Buildkite { program, .. } => self.buildkite(program, &plan.audience),
        }
    }

    async fn github(&self, url: &str, request_token: &Secret, audience: &str) -> Result<Secret> {
        let answer = tokio::time::timeout(self.time_left(), self.github_attempts(url, request_token, audience)).await;
        answer.unwrap_or_else(|_| Err(self.github_is_silent()))
    }

    async fn github_attempts(&self, url: &str, request_token: &Secret, audience: &str) -> Result<Secret> {
        let mut attempt = 1;
        loop {
            let asked = self.github_token(url, request_token, audience);
            let answer = tokio::time::timeout(attempt_limit(self.budget), asked).await;
            let answer = answer.unwrap_or_else(|_| Err((self.github_is_silent(), true)));
            match answer {
                Err((_, true)) if attempt < TOKEN_ATTEMPTS => {
                    // Up to twice as long, so that many jobs that failed at once don't ask again at once.
                    let pause = TOKEN_PAUSE * attempt;
                    tokio::time::sleep(pause + pause.mul_f64(fastrand::f64())).await;
                    attempt += 1;
                }
                done => return done.map_err(|(error, _)| error),
            }
        }
    }

    /// One request to GitHub; a failure says whether another may help.
    async fn github_token(&self, url: &str, request_token: &Secret, audience: &str) -> Result<Secret, (Error, bool)> {
        self.observer.last_request.asks(url);
        refuse_plain_http(url, self.env).map_err(|error| (error, false))?;
        let separator = if url.contains('?') { '&' } else { '?' };
        let audience: String = percent_encode(audience);
        let mut request = HttpRequest::new(SdkBody::empty());
        let bearer = format!("Bearer {}", request_token.expose());
        let accept = request.headers_mut().try_append("accept", "application/json");
        let authorize = request.headers_mut().try_append("authorization", bearer);
        request
            .set_uri(format!("{url}{separator}audience={audience}"))
            .map_err(|error| (self.github_failed(root_cause(&error)), false))?;
        if accept.is_err() || authorize.is_err() {
            return Err((
                Error::failed(
                    Code::GithubToken,
                    WHAT_TOKEN,
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN is no token",
                ),
                false,
            ));
        }
        let answer = self.transport.to(url).call(request).await;
        let answer = answer.map_err(|error| {
            let cause = root_cause(&error);
            let family = connection_code(&cause);
            let hint = reach_hint(&error, url, NETWORK_HINT);
            (self.github_failed(cause).of(family).hint(hint), true)
        })?;
        let status = answer.status().as_u16();
        if status != 200 {
            let error = self.github_failed(format!("the answer is HTTP status {status}"));
            let hint = "the request token ends with the job, about 6 hours after its start; run the job again";
            return Err((error.hint(hint), status >= 500));
        }
        let body = http_body_util::Limited::new(answer.into_body(), BODY_LIMIT)
            .collect()
            .await;
        let odd = |cause: String| self.github_failed(format!("the answer is not what GitHub sends: {cause}"));
        let body = body.map_err(|error| (odd(root_cause(&*error)), true))?.to_bytes();
        serde_json::from_slice::<GithubAnswer>(&body)
            .map(|answer| Secret::new(answer.value))
            .map_err(|_| (odd("it holds no token".to_owned()).hint(ODD_ANSWER_HINT), false))
    }

    fn github_is_silent(&self) -> Error {
        self.github_failed(NO_ANSWER).of(Code::Timeout).hint(NETWORK_HINT)
    }

    fn github_failed(&self, cause: impl fmt::Display) -> Error {
        Error::failed(Code::GithubToken, WHAT_TOKEN, self.observer.last_request.at(cause))
    }

    /// <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>
    fn circleci(&self, program: &Path, audience: &str) -> Result<Secret> {
        let claims = json!({ "aud": audience }).to_string();
        let mut command = program::without_secrets(program, self.env, &["CIRCLE"]);
        self.printed(
            command.args(["run", "oidc", "get", "--claims", &claims]),
            "circleci run oidc get",
        )
    }

    /// <https://buildkite.com/docs/agent/v3/cli-oidc>
    fn buildkite(&self, program: &Path, audience: &str) -> Result<Secret> {
        let mut command = program::without_secrets(program, self.env, &["BUILDKITE"]);
        self.printed(
            command.args(["oidc", "request-token", "--audience", audience]),
            "buildkite-agent oidc request-token",
        )
    }

    /// What a CI's program prints. It is waited for here and now, so it has to keep to our time itself.
    fn printed(&self, command: &mut Command, what: &str) -> Result<Secret> {
        let hint = || format!("run it by hand in this job: {what} --help; it has to print a token");
        let left = self.deadline.saturating_duration_since(Instant::now());
        let token = program::output(command, None, PROGRAM_BUDGET.min(left));
        let token = token.map_err(|failure| Error::failed(Code::TokenCommand, what, failure).hint(hint()))?;
        match token.expose().trim() {
            "" => Err(Error::failed(Code::TokenCommand, what, "it printed nothing").hint(hint())),
            token => Ok(Secret::new(token)),
        }
    }
}

/// The audience to ask CircleCI for, where the token in the variable will not do: another one is wanted, or it is about to end.
/// CircleCI's own is the organisation.
fn circleci_audience(token: &Secret, plan: &RolePlan) -> Option<String> {
    let claims = Claims::of(token.expose())?;
    let wanted = plan.settings.audience.clone().unwrap_or_else(|| claims.audience());
    let ends_soon = claims
        .ends_at()
        .is_some_and(|end| end < SystemTime::now() + ABOUT_TO_END);
    (ends_soon || wanted != claims.audience()).then_some(wanted)
}

/// For a query's value: everything but unreserved characters (RFC 3986, section 2.3).
fn percent_encode(text: &str) -> String {
    const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, &RESERVED).to_string()
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
