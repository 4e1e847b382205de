//! The CI's OIDC token: the one that the job has or, if the CI can mint tokens, a new one.

use std::fmt;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::HttpConnector;
use serde_json::{Map, Value};

use crate::client::{Aws, attempt_limit};
use crate::identity::RolePlan;
use crate::net::{NO_ANSWER, connection_code, plain_request, reach_hint, read_body, refuse_plain_http, root_cause};
use ci::{CiToken, FetchedToken, RequestForm, TokenRequest, WantedAudience};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The first pause before a CI is asked for a token again. Each further pause is longer by this much.
const TOKEN_PAUSE: Duration = Duration::from_millis(300);
const NETWORK_HINT: &str = "check the network of the runner, HTTPS_PROXY and NO_PROXY";

impl Aws<'_> {
    /// Returns the current token of a plan.
    ///
    /// # Errors
    /// The token cannot be read, or the CI gives none.
    pub(crate) async fn ci_token(&self, token: &CiToken, plan: &RolePlan) -> Result<Secret> {
        let audience = WantedAudience {
            name: &plan.audience,
            is_named: plan.settings.audience.is_some(),
        };
        // A program blocks this thread, so it gets the time that is left as its limit.
        let left = self.deadline.saturating_duration_since(Instant::now());
        let token = match token.fetch(audience, self.env, left)? {
            FetchedToken::Token(token) => token,
            FetchedToken::Request(request) => self.requested_token(&request).await?,
        };
        // A second one, of another attempt, is as good.
        let _ = plan.minted.set(token.clone());
        Ok(token)
    }

    async fn requested_token(&self, request: &TokenRequest) -> Result<Secret> {
        let answer = tokio::time::timeout(self.time_left(), self.token_attempts(request)).await;
        answer.unwrap_or_else(|_| Err(self.ci_is_silent(request.form)))
    }

    async fn token_attempts(&self, request: &TokenRequest) -> Result<Secret> {
        let mut attempt = 1;
        loop {
            let asked = self.answered_token(request);
            let answer = tokio::time::timeout(attempt_limit(self.budget), asked).await;
            let answer = answer.unwrap_or_else(|_| Err((self.ci_is_silent(request.form), true)));
            match answer {
                Err((_, true)) if attempt < self.retry.max_attempts() => {
                    // The pause is doubled at random, so that many jobs that failed at once do not ask again at once.
                    let pause = TOKEN_PAUSE * attempt;
                    tokio::time::sleep(pause + pause.mul_f64(fastrand::f64())).await;
                    attempt += 1;
                }
                done => return done.map_err(|(error, _)| error),
            }
        }
    }

    /// Sends the request once. A failure says whether another attempt may help.
    async fn answered_token(&self, asked: &TokenRequest) -> Result<Secret, (Error, bool)> {
        let (form, url) = (asked.form, &asked.url);
        self.observer.last_request.asks(url);
        refuse_plain_http(url, self.env).map_err(|error| (error, false))?;
        let mut request =
            plain_request(asked.method, url, &[]).map_err(|error| (self.ci_failed(form, root_cause(&error)), false))?;
        for (name, value) in &asked.headers {
            let added = request.headers_mut().try_append(*name, value.expose().to_owned());
            added.map_err(|_| (Error::failed(form.code, form.what, form.odd_bearer), false))?;
        }
        let answer = self.connections.transport.call(request).await;
        let answer = answer.map_err(|error| {
            let cause = root_cause(&error);
            let family = connection_code(&cause);
            let hint = reach_hint(&error, url, NETWORK_HINT);
            (self.ci_failed(form, cause).with_code(family).hint(hint), true)
        })?;
        let status = answer.status().as_u16();
        if status != 200 {
            let error = self.ci_failed(form, format!("the answer is HTTP status {status}"));
            return Err((error.hint(form.refused), status >= 500));
        }
        let odd = |cause: String| self.ci_failed(form, format!("the answer is not what {} sends: {cause}", form.asked));
        let body = read_body(answer).await;
        let body = body.map_err(|error| (odd(root_cause(&*error)), true))?;
        token_in(&body, form.token_field)
            .ok_or_else(|| (odd("it holds no token".to_owned()).hint(form.odd_answer), false))
    }

    fn ci_is_silent(&self, form: &RequestForm) -> Error {
        self.ci_failed(form, NO_ANSWER)
            .with_code(Code::Timeout)
            .hint(NETWORK_HINT)
    }

    fn ci_failed(&self, form: &RequestForm, cause: impl fmt::Display) -> Error {
        Error::failed(form.code, form.what, self.observer.last_request.at(cause))
    }
}

fn token_in(body: &Secret, field: &str) -> Option<Secret> {
    let mut answer: Map<String, Value> = serde_json::from_str(body.expose()).ok()?;
    match answer.remove(field)? {
        Value::String(token) => Some(Secret::new(token)),
        _ => None,
    }
}
