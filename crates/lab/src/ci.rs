//! The CI systems that the lab plays: their issuers, the environment of a job, and the endpoints that issue tokens to a
//! running job.
//!
//! Each CI has a module that defines what its jobs look like. This module has the common parts: signing, ends, and the
//! table of jobs.
//! The real CIs all sign with RS256. In the lab only GitLab does; the others use ES256, whose keys are generated
//! without delay.

mod agents;
mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod forgejo;
mod github;
mod gitlab;
mod jenkins;
pub(crate) mod programs;
mod spec;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;

use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{Answer, Refusal, request_id};
use crate::hosts::Service;
use crate::jwt::SigningAlgorithm;
use crate::random::random_text;
use crate::{Aws, LabError, lock};

pub use github::GithubJob;
pub use spec::JobSpec;

/// A CI system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ci {
    /// GitHub Actions: a running job requests its tokens.
    Github,
    /// Forgejo Actions: a running job requests its tokens.
    Forgejo,
    /// Gitea Actions: a running job requests its tokens.
    Gitea,
    /// Azure Pipelines: a running job requests its tokens, each for one service connection.
    Azure,
    /// GitLab's `id_tokens:`: one token for the whole job, in a variable.
    Gitlab,
    /// CircleCI: one token in a variable, and more from `circleci run oidc get`.
    Circleci,
    /// Bitbucket Pipelines: one token for the step, in a variable.
    Bitbucket,
    /// Buildkite: tokens from `buildkite-agent oidc request-token`.
    Buildkite,
    /// Jenkins with the oidc-provider plugin: one token for the build, in a variable or a file.
    Jenkins,
}

impl Ci {
    /// All CI systems that the lab plays.
    pub const ALL: [Self; 9] = [
        Self::Github,
        Self::Forgejo,
        Self::Gitea,
        Self::Azure,
        Self::Gitlab,
        Self::Circleci,
        Self::Bitbucket,
        Self::Buildkite,
        Self::Jenkins,
    ];
}

/// The endpoints where running jobs request tokens.
pub(crate) struct TokenApi {
    /// The prefix of the endpoint's paths.
    path: &'static str,
    /// The service under which its calls are counted.
    pub(crate) service: Service,
    operation: &'static str,
    pub(crate) answer: fn(&Aws, &Parts, &[u8]) -> Result<Answer, Refusal>,
}

static TOKEN_APIS: [TokenApi; 5] = [
    TokenApi {
        path: github::GITHUB_PATH,
        service: Service::Github,
        operation: "IdToken",
        answer: |aws, parts, _| aws.github_call(&parts.uri, &parts.headers),
    },
    TokenApi {
        path: buildkite::BUILDKITE_PATH,
        service: Service::Buildkite,
        operation: "OidcToken",
        answer: Aws::buildkite_call,
    },
    TokenApi {
        path: circleci::CIRCLECI_PATH,
        service: Service::Circleci,
        operation: "OidcToken",
        answer: Aws::circleci_call,
    },
    TokenApi {
        path: forgejo::PATH,
        service: Service::Ci,
        operation: "OidcToken",
        answer: |aws, parts, _| aws.forgejo_call(parts),
    },
    TokenApi {
        path: azure::PATH,
        service: Service::Ci,
        operation: "OidcToken",
        answer: |aws, parts, _| aws.azure_call(parts),
    },
];

impl TokenApi {
    /// The endpoint whose prefix this path has.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        TOKEN_APIS.iter().find(|api| path.starts_with(api.path))
    }

    /// The name of a call of this path in counts.
    pub(crate) fn operation(&self, path: &str) -> &'static str {
        match path.ends_with("/redactions") {
            true => "Redaction",
            false => self.operation,
        }
    }
}

/// Variables of a job whose values are secret.
const SECRETS: [&str; 8] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "BUILDKITE_AGENT_JOB_API_TOKEN",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "ECR_AUTH_ID_TOKEN",
    "SYSTEM_ACCESSTOKEN",
];
/// The commit that every job builds.
const COMMIT: &str = "9f3182061f1e2cca4702c368cbc039b7dc9d4485";

/// A running job.
#[derive(Clone, Serialize)]
pub struct CiJob {
    /// The id of the job in the lab.
    pub id: String,
    /// The CI that runs it.
    pub ci: Ci,
    /// `iss` of its tokens, for which an IAM OIDC provider is created.
    pub issuer: String,
    /// `sub` of its tokens.
    pub subject: String,
    /// `aud` of its tokens if the job requests no other audience.
    pub audience: String,
    /// The variables that the CI sets.
    pub environment: BTreeMap<String, String>,
    /// The folder of the CI's programs (`buildkite-agent`, `circleci`), for the job's `PATH`.
    pub programs: PathBuf,
}

impl CiJob {
    /// Returns the secret values of the job's environment.
    pub fn secrets(&self) -> Vec<&str> {
        let secret = SECRETS.iter().filter_map(|&name| self.environment.get(name));
        secret.map(String::as_str).collect()
    }
}

impl fmt::Debug for CiJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CiJob")
            .field("id", &self.id)
            .field("ci", &self.ci)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The lab's HTTP address and its folder of CI programs, for the environment of jobs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) http_url: String,
    pub(crate) programs: PathBuf,
}

/// The description of a job before it has a token.
struct Described {
    issuer: String,
    subject: String,
    audience: String,
    /// Lifetime of its tokens, in seconds.
    lifetime: u32,
    /// Claims other than `iss`, `sub`, `aud` and the times.
    claims: Value,
    /// Variables other than those that contain a token.
    variables: Vec<(&'static str, String)>,
}

/// The record of a job in the lab.
#[derive(Debug, Clone)]
struct Job {
    ci: Ci,
    issuer: String,
    subject: String,
    audience: String,
    /// Lifetime of its tokens, in seconds.
    lifetime: u32,
    claims: Map<String, Value>,
    /// The secret that the job sends to request a token.
    access_token: String,
    /// When the job started, in seconds since the epoch by the lab's clock.
    started: i64,
    ended: bool,
    redactions: Vec<String>,
}

/// All jobs, by id.
#[derive(Debug, Default)]
pub(crate) struct Jobs(HashMap<String, Job>);

impl Jobs {
    /// Returns the secrets that jobs send to request their tokens.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.0.values().map(|job| job.access_token.clone()).collect()
    }
}

impl Aws {
    /// Starts a job. From now on the lab plays its issuer.
    ///
    /// # Errors
    /// The issuer's key could not be generated, or the token's file not written.
    pub fn start_job(&self, spec: &JobSpec) -> Result<CiJob, LabError> {
        let site = self
            .site
            .get()
            .ok_or_else(|| LabError::new("cannot start a job", "the lab does not listen yet"))?;
        let id = request_id();
        let Described {
            issuer,
            subject,
            audience,
            lifetime,
            claims,
            variables,
        } = describe(spec, &id, &site.http_url);
        let claims = claims.as_object().cloned().unwrap_or_default();
        let job = Job {
            ci: spec.ci,
            lifetime: spec.lifetime.unwrap_or(lifetime),
            access_token: random_text(40),
            started: self.now(),
            ended: false,
            redactions: Vec::new(),
            issuer,
            subject,
            audience,
            claims,
        };
        self.play(&job)?;
        let mut environment = BTreeMap::from([("CI".to_owned(), "true".to_owned())]);
        let variables = variables.into_iter().chain(self.token_variables(spec, &job)?);
        environment.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        let running = CiJob {
            id: id.clone(),
            ci: job.ci,
            issuer: job.issuer.clone(),
            subject: job.subject.clone(),
            audience: job.audience.clone(),
            environment,
            programs: site.programs.clone(),
        };
        lock(&self.jobs).0.insert(id, job);
        Ok(running)
    }

    /// Ends a job: it gets no more tokens. Its existing tokens stay valid. Returns false if there is no such job.
    pub fn end_job(&self, id: &str) -> bool {
        let mut jobs = lock(&self.jobs);
        jobs.0.get_mut(id).map(|job| job.ended = true).is_some()
    }

    /// Returns what a Buildkite job told its agent to redact from the log, in order.
    pub fn redactions(&self, id: &str) -> Vec<String> {
        let jobs = lock(&self.jobs);
        jobs.0.get(id).map(|job| job.redactions.clone()).unwrap_or_default()
    }

    fn play(&self, job: &Job) -> Result<(), LabError> {
        let algorithm = match job.ci {
            Ci::Gitlab => SigningAlgorithm::RS256,
            _ => SigningAlgorithm::ES256,
        };
        self.ensure_issuer(&job.issuer, algorithm)
    }

    /// Returns the variables that hold the job's first token or let the job request one. For Jenkins this writes the
    /// token's file if the job asks for a file.
    fn token_variables(&self, spec: &JobSpec, job: &Job) -> Result<Vec<(&'static str, String)>, LabError> {
        let token = || match &spec.audiences[..] {
            [] => self.mint(job, job.audience.as_str(), job.lifetime),
            several => self.mint(job, several.to_vec(), job.lifetime),
        };
        Ok(match job.ci {
            Ci::Github | Ci::Forgejo | Ci::Gitea => {
                vec![("ACTIONS_ID_TOKEN_REQUEST_TOKEN", job.access_token.clone())]
            }
            Ci::Azure => vec![("SYSTEM_ACCESSTOKEN", job.access_token.clone())],
            Ci::Buildkite => vec![
                ("BUILDKITE_AGENT_ACCESS_TOKEN", job.access_token.clone()),
                ("BUILDKITE_AGENT_JOB_API_TOKEN", job.access_token.clone()),
            ],
            Ci::Bitbucket => vec![("BITBUCKET_STEP_OIDC_TOKEN", token()?)],
            Ci::Gitlab => vec![("ECR_AUTH_ID_TOKEN", token()?)],
            Ci::Circleci => {
                let first = Job {
                    subject: circleci::first_version(&job.subject).to_owned(),
                    ..job.clone()
                };
                vec![
                    (
                        "CIRCLE_OIDC_TOKEN",
                        self.mint(&first, job.audience.as_str(), job.lifetime)?,
                    ),
                    ("CIRCLE_OIDC_TOKEN_V2", token()?),
                ]
            }
            Ci::Jenkins => vec![jenkins::bind(token()?, spec.token_file.as_deref())?],
        })
    }

    /// Signs a token of a job. Its times come from the lab's clock.
    fn mint(&self, job: &Job, audience: impl Into<Value>, lifetime: u32) -> Result<String, LabError> {
        let now = self.now();
        let mut claims = job.claims.clone();
        let standard = json!({
            "iss": job.issuer, "sub": job.subject, "aud": audience.into(), "jti": request_id(),
            "iat": now, "nbf": now - 5, "exp": now + i64::from(lifetime),
        });
        claims.extend(standard.as_object().cloned().unwrap_or_default());
        self.sign_jwt(&job.issuer, &Value::Object(claims))
    }
}

fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    match spec.ci {
        Ci::Github => github::describe(spec, id, lab),
        Ci::Forgejo | Ci::Gitea => forgejo::describe(spec, id, lab),
        Ci::Azure => azure::describe(spec, id, lab),
        Ci::Gitlab => gitlab::describe(spec),
        Ci::Circleci => circleci::describe(spec, id, lab),
        Ci::Bitbucket => bitbucket::describe(spec),
        Ci::Buildkite => buildkite::describe(spec, id, lab),
        Ci::Jenkins => jenkins::describe(spec),
    }
}

/// Returns the UUID that belongs to a name. It is the same at every start, so that trust policies can be written
/// beforehand.
fn uuid_of(kind: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:{name}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}
