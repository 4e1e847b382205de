//! A role by name: the CI's token or other credentials become a session, and that the next one.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::Builder;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::failure::{self, root_cause};
use super::{Aws, Endpoint, Service};
use crate::error::{Error, Result};
use crate::identity::{Base, CiToken, Claims, RolePlan, Source, missing_token, missing_token_or};
use crate::secret::Secret;

/// How often GitHub is asked for a token, in all.
const TOKEN_ATTEMPTS: u32 = 3;
const TOKEN_PAUSE: Duration = Duration::from_millis(300);
const WHAT_TOKEN: &str = "GitHub's OIDC token";

#[derive(Deserialize)]
struct GithubAnswer {
    value: String,
}

impl Aws<'_> {
    /// Assumes the roles of a plan, one after the other.
    ///
    /// # Errors
    /// No token, a denial (with what the token says of itself), a network that fails.
    pub(super) async fn role(&self, plan: &RolePlan, region: &str) -> Result<Credentials> {
        let (first, rest) = plan.roles.split_first().ok_or_else(|| missing_token(self.env))?;
        let mut session = match &plan.base {
            Base::Token(token) => {
                let token = self.ci_token(token, &plan.audience).await?;
                self.assume_with_token(first, &token, plan, region).await?
            }
            Base::Source(source) => {
                let base = self
                    .credentials_of(source, region)
                    .await
                    .map_err(|error| match source {
                        Source::InstanceMetadata { .. } => missing_token_or(self.env, error),
                        _ => error,
                    })?;
                self.assume(first, base, plan, region).await?
            }
        };
        for role in rest {
            session = self.assume(role, session, plan, region).await?;
        }
        Ok(session)
    }

    /// The CI's token, asked for now where the CI can.
    async fn ci_token(&self, token: &CiToken, audience: &str) -> Result<Secret> {
        match token {
            CiToken::Variable { token, .. } => Ok(token.clone()),
            CiToken::GitHub { url, request_token } => {
                let mut attempt = 1;
                loop {
                    match self.github_token(url, request_token, audience).await {
                        Err((_, true)) if attempt < TOKEN_ATTEMPTS => {
                            tokio::time::sleep(TOKEN_PAUSE * attempt).await;
                            attempt += 1;
                        }
                        done => return done.map_err(|(error, _)| error),
                    }
                }
            }
        }
    }

    /// One request to GitHub; a failure says whether another may help.
    async fn github_token(&self, url: &str, request_token: &Secret, audience: &str) -> Result<Secret, (Error, bool)> {
        let failed = |cause: String| Error::failed(WHAT_TOKEN, cause);
        super::endpoint::refuse_plain_http(url, self.env).map_err(|error| (error, false))?;
        let separator = if url.contains('?') { '&' } else { '?' };
        let audience: String = percent_encode(audience);
        let mut request = HttpRequest::new(SdkBody::empty());
        let bearer = format!("Bearer {}", request_token.expose());
        let accept = request.headers_mut().try_append("accept", "application/json");
        let authorize = request.headers_mut().try_append("authorization", bearer);
        request
            .set_uri(format!("{url}{separator}audience={audience}"))
            .map_err(|error| (failed(root_cause(&error)), false))?;
        if accept.is_err() || authorize.is_err() {
            return Err((failed("ACTIONS_ID_TOKEN_REQUEST_TOKEN is no token".to_owned()), false));
        }
        let connector = super::http::connector(self.env, url).map_err(|error| (error, false))?;
        let answer = connector.call(request).await;
        let answer = answer.map_err(|error| {
            let error = failed(root_cause(&error));
            (
                error.hint("check the network of the runner, HTTPS_PROXY and NO_PROXY"),
                true,
            )
        })?;
        let status = answer.status().as_u16();
        if status != 200 {
            let error = failed(format!("GitHub answers with HTTP status {status}"));
            let hint = "the request token ends with the job, about 6 hours after its start; run the job again";
            return Err((error.hint(hint), status >= 500));
        }
        let body = http_body_util::Limited::new(answer.into_body(), super::http::BODY_LIMIT)
            .collect()
            .await;
        let body = body.map_err(|error| (failed(root_cause(&*error)), true))?.to_bytes();
        serde_json::from_slice::<GithubAnswer>(&body)
            .map(|answer| Secret::new(answer.value))
            .map_err(|_| (failed("GitHub's answer holds no token".to_owned()), false))
    }

    /// Unsigned: the token is what vouches.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
    async fn assume_with_token(
        &self,
        role: &str,
        token: &Secret,
        plan: &RolePlan,
        region: &str,
    ) -> Result<Credentials> {
        let client = self.sts(None, region)?;
        let last = plan.roles.len() == 1;
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(role)
            .role_session_name(&plan.session_name)
            .web_identity_token(token.expose())
            .set_duration_seconds(plan.duration.filter(|_| last).map(|seconds| seconds as i32))
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = failure::of_call(&sts_name(region), "AssumeRoleWithWebIdentity", error);
            explain(error, role, token)
        })?;
        session(answer.credentials)
    }

    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    async fn assume(&self, role: &str, with: Credentials, plan: &RolePlan, region: &str) -> Result<Credentials> {
        super::credentials::check(&with)?;
        let client = self.sts(Some(with), region)?;
        let last = plan.roles.last().is_some_and(|last| last == role);
        let answer = client
            .assume_role()
            .role_arn(role)
            .role_session_name(&plan.session_name)
            .set_external_id(plan.external_id.clone())
            .set_duration_seconds(plan.duration.filter(|_| last).map(|seconds| seconds as i32))
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = failure::of_call(&sts_name(region), "AssumeRole", error);
            error.hint(format!(
                "let the trust policy of {role} name the one who assumes it, with sts:AssumeRole and its external id"
            ))
        })?;
        session(answer.credentials)
    }

    fn sts(&self, credentials: Option<Credentials>, region: &str) -> Result<aws_sdk_sts::Client> {
        let endpoint = Endpoint::of(Service::Sts, self.env, self.identity, false, false)?;
        let mut config: SdkConfig = self.settings(region, &endpoint);
        if let Some(credentials) = credentials {
            let provider = SharedCredentialsProvider::new(credentials);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let mut builder = Builder::from(&config);
        builder.set_endpoint_url(endpoint.url);
        Ok(aws_sdk_sts::Client::from_conf(builder.build()))
    }
}

fn sts_name(region: &str) -> String {
    format!("{} ({region})", Service::Sts.name())
}

fn session(credentials: Option<aws_sdk_sts::types::Credentials>) -> Result<Credentials> {
    let Some(found) = credentials else {
        return Err(
            Error::failed(Service::Sts.name(), "the answer holds no credentials").hint(failure::ODD_ANSWER_HINT)
        );
    };
    let token = Some(found.session_token);
    Ok(Credentials::new(
        found.access_key_id,
        found.secret_access_key,
        token,
        None,
        "role",
    ))
}

/// A denial, with what the token says of itself (never the token) and the condition that would have matched.
fn explain(error: Error, role: &str, token: &Secret) -> Error {
    let cause = error.cause();
    let Some(claims) = Claims::of(token.expose()) else {
        return error.hint("the token is no JWT: look at the variable or credential it comes from");
    };
    let audience = claims
        .aud
        .as_str()
        .map_or_else(|| claims.aud.to_string(), str::to_owned);
    let provider = claims.iss.trim_start_matches("https://").to_owned();
    if cause.starts_with("ExpiredToken") {
        return error.hint("the job's OIDC token has ended: give the job a longer timeout, or sign in earlier");
    }
    if cause.starts_with("AccessDenied") || cause.starts_with("InvalidIdentityToken") {
        return error.hint(format!(
            "the token says iss {}, aud {audience}, sub {}: the trust policy of {role} must name the provider {provider} and match {provider}:aud = {audience} and {provider}:sub = {}",
            claims.iss, claims.sub, claims.sub
        ));
    }
    error
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
