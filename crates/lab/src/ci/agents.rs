//! Answers to the programs of Buildkite and CircleCI, which request tokens for a running job.

use std::collections::BTreeMap;

use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::buildkite::{self, BUILDKITE_PATH};
use super::circleci::{CIRCLECI_PATH, ROOT_ISSUER};
use super::{Ci, Job};
use crate::answer::{Answer, Refusal, json as json_answer};
use crate::jwt::SigningAlgorithm;
use crate::request::header_text;
use crate::{Aws, LabError, lock};

/// The body of Buildkite's `POST /v3/jobs/<id>/oidc/tokens`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    audience: Option<String>,
    /// Lifetime in seconds; with 0 the API chooses one.
    #[serde(default)]
    lifetime: u32,
    /// Optional claims to add.
    #[serde(default)]
    claims: Vec<String>,
    /// Claims that become session tags.
    #[serde(default)]
    aws_session_tags: Vec<String>,
    /// The claim whose value is the subject.
    #[serde(default)]
    subject_claim: String,
}

/// The request of `circleci run oidc get`.
#[derive(Deserialize)]
struct TaskRequest {
    #[serde(default)]
    claims: CustomClaims,
    #[serde(default)]
    root_issuer: bool,
}

/// The audience is the only claim that a job can choose.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomClaims {
    aud: Option<String>,
}

impl Aws {
    /// Answers Buildkite's agent.
    pub(crate) fn buildkite_call(&self, parts: &Parts, body: &[u8]) -> Result<Answer, Refusal> {
        let path = parts.uri.path().strip_prefix(BUILDKITE_PATH).unwrap_or_default();
        let (id, wanted) = path
            .strip_prefix("v3/jobs/")
            .and_then(|rest| rest.split_once('/'))
            .filter(|_| parts.method == http::Method::POST)
            .ok_or_else(unknown)?;
        let mut job = self.running(Ci::Buildkite, id)?;
        if header_text(&parts.headers, "authorization") != format!("Token {}", job.access_token) {
            return Err(Refusal::new(401, "Unauthorized", "Invalid access token"));
        }
        match wanted {
            "oidc/tokens" => {
                let request: TokenRequest = read(body)?;
                let lifetime = Some(request.lifetime).filter(|&seconds| seconds > 0);
                buildkite::choose_claims(
                    &mut job,
                    &request.claims,
                    &request.aws_session_tags,
                    &request.subject_claim,
                )?;
                self.answer_token(&job, request.audience, lifetime)
            }
            "redactions" => {
                let secrets = match parts.uri.query() {
                    Some("format=json") => read::<BTreeMap<String, String>>(body)?.into_values().collect(),
                    _ => vec![String::from_utf8_lossy(body).trim().to_owned()],
                };
                if let Some(job) = lock(&self.jobs).0.get_mut(id) {
                    job.redactions.extend(secrets);
                }
                Ok(json_answer(201, &json!({})))
            }
            _ => Err(unknown()),
        }
    }

    /// Answers `circleci run oidc get`.
    pub(crate) fn circleci_call(&self, parts: &Parts, body: &[u8]) -> Result<Answer, Refusal> {
        let path = parts.uri.path().strip_prefix(CIRCLECI_PATH).unwrap_or_default();
        let id = path
            .strip_suffix("/oidc")
            .filter(|_| parts.method == http::Method::POST)
            .ok_or_else(unknown)?;
        let mut job = self.running(Ci::Circleci, id)?;
        let request: TaskRequest = read(body)?;
        if request.root_issuer {
            job.issuer = ROOT_ISSUER.into();
            self.ensure_issuer(ROOT_ISSUER, SigningAlgorithm::ES256)
                .map_err(broken)?;
        }
        self.answer_token(&job, request.claims.aud, None)
    }

    fn running(&self, ci: Ci, id: &str) -> Result<Job, Refusal> {
        let job = lock(&self.jobs).0.get(id).cloned();
        let job = job.filter(|job| job.ci == ci).ok_or_else(unknown)?;
        if job.ended {
            return Err(Refusal::new(
                422,
                "UnprocessableEntity",
                "The job does not run any more",
            ));
        }
        Ok(job)
    }

    fn answer_token(&self, job: &Job, audience: Option<String>, lifetime: Option<u32>) -> Result<Answer, Refusal> {
        let audience = audience.as_deref().filter(|audience| !audience.is_empty());
        let lifetime = lifetime.unwrap_or(job.lifetime);
        let token = self.mint(job, audience.unwrap_or(&job.audience).to_owned(), lifetime);
        Ok(json_answer(200, &json!({"token": token.map_err(broken)?})))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|cause| Refusal::new(400, "BadRequest", cause.to_string()))
}

fn broken(error: LabError) -> Refusal {
    Refusal::new(500, "InternalServerError", error.to_string())
}

fn unknown() -> Refusal {
    Refusal::new(404, "NotFound", "No such job, or nothing it could ask for")
}
