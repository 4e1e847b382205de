//! GitHub's side of OIDC: the address at which a job with `permissions: id-token: write` asks for a token.
//!
//! <https://docs.github.com/en/actions/reference/security/oidc>

use std::collections::HashMap;

use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal, json as json_answer};
use crate::jwt::SigningAlgorithm;
use crate::principals::random_text;
use crate::{Aws, LabError, lock};

/// GitHub's issuer.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Where jobs ask for tokens.
pub(crate) const GITHUB_PATH: &str = "/github/idtoken/";
/// GitHub's tokens live this long, in seconds.
const TOKEN_LIFE: i64 = 300;

/// What a job finds in its environment.
#[derive(Debug, Clone)]
pub struct GithubJob {
    /// The path of `ACTIONS_ID_TOKEN_REQUEST_URL`, with its query, below the lab's HTTP address.
    pub path: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: String,
}

/// The jobs that may ask: subject and request token, by id.
#[derive(Debug, Default)]
pub(crate) struct Jobs(HashMap<String, (String, String)>);

impl Aws {
    /// Starts a job of this subject (`repo:octo/app:ref:refs/heads/main`), and plays GitHub's issuer from now on.
    ///
    /// # Errors
    /// The issuer's key could not be made.
    pub fn add_github_job(&self, subject: &str) -> Result<GithubJob, LabError> {
        if !lock(&self.oidc).issuers.contains_key(GITHUB_ISSUER) {
            self.add_issuer(GITHUB_ISSUER, SigningAlgorithm::ES256)?;
        }
        let (id, request_token) = (random_text(16), random_text(40));
        lock(&self.github)
            .0
            .insert(id.clone(), (subject.into(), request_token.clone()));
        Ok(GithubJob {
            path: format!("{GITHUB_PATH}{id}?api-version=2.0"),
            request_token,
        })
    }

    /// Answers a job that asks for a token.
    pub(crate) fn github_call(&self, uri: &Uri, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let id = uri.path().strip_prefix(GITHUB_PATH).unwrap_or_default();
        let (subject, request_token) = lock(&self.github).0.get(id).cloned().ok_or_else(refused)?;
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        if authorization != Some(format!("Bearer {request_token}").as_str()) {
            return Err(refused());
        }
        let audience = audience(uri.query().unwrap_or_default());
        let claims = self.github_claims(&subject, &audience);
        let token = self
            .sign_jwt(GITHUB_ISSUER, &claims)
            .map_err(|error| Refusal::new(500, "InternalServerError", error.to_string()))?;
        Ok(json_answer(200, &json!({"count": token.len(), "value": token})))
    }

    fn github_claims(&self, subject: &str, audience: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": GITHUB_ISSUER, "sub": subject, "aud": audience,
            "iat": now, "nbf": now - 10, "exp": now + TOKEN_LIFE, "jti": random_text(16),
        })
    }
}

/// Without one that is asked for, the audience is the repository owner's address.
fn audience(query: &str) -> String {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("audience="));
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    asked.map_or_else(|| "https://github.com/octo".to_owned(), decode)
}

fn refused() -> Refusal {
    Refusal::new(401, "Unauthorized", "The request token is not one of a running job")
}
