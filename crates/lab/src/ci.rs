//! The CI systems the lab plays: their issuers, a job's environment, and where a running job asks for more tokens.
//!
//! Each has a file of its own that tells what its jobs look like; what is common (signing, ends, the table of jobs) is here.
//! GitLab signs with RS256, as all of them do in the world; the others here with ES256, whose keys are made at once.

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
    /// GitHub Actions: a job asks for its tokens.
    Github,
    /// Forgejo Actions: a job asks for its tokens.
    Forgejo,
    /// Gitea Actions: a job asks for its tokens.
    Gitea,
    /// Azure Pipelines: a job asks for its tokens, for one service connection.
    Azure,
    /// GitLab's `id_tokens:`: one token for the whole job, in a variable.
    Gitlab,
    /// CircleCI: a token in a variable, more by `circleci run oidc get`.
    Circleci,
    /// Bitbucket Pipelines: one token for the step, in a variable.
    Bitbucket,
    /// Buildkite: tokens by `buildkite-agent oidc request-token`.
    Buildkite,
    /// Jenkins with the oidc-provider plugin: one token for the build, in a variable or a file.
    Jenkins,
}

impl Ci {
    /// All of them.
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

/// Where running jobs ask for tokens.
pub(crate) struct TokenApi {
    /// How its paths begin.
    path: &'static str,
    /// The service that its calls count for.
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
    /// The one whose paths begin as this one.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        TOKEN_APIS.iter().find(|api| path.starts_with(api.path))
    }

    /// How a call of this path is named in counts.
    pub(crate) fn operation(&self, path: &str) -> &'static str {
        match path.ends_with("/redactions") {
            true => "Redaction",
            false => self.operation,
        }
    }
}

/// Variables of a job that hold a secret.
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

/// A job that runs.
#[derive(Clone, Serialize)]
pub struct CiJob {
    /// By which the lab knows it.
    pub id: String,
    /// Where it runs.
    pub ci: Ci,
    /// `iss` of its tokens: what an IAM OIDC provider is made for.
    pub issuer: String,
    /// `sub` of its tokens.
    pub subject: String,
    /// `aud` of its tokens, where no other is asked for.
    pub audience: String,
    /// Its environment, as far as the CI sets it.
    pub environment: BTreeMap<String, String>,
    /// The folder of the CI's programs (`buildkite-agent`, `circleci`), for its `PATH`.
    pub programs: PathBuf,
}

impl CiJob {
    /// The values of its environment that are secret.
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

/// Where the lab itself is found, once it listens.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) http_url: String,
    pub(crate) programs: PathBuf,
}

/// What a CI says of a job, before there is a token.
struct Described {
    issuer: String,
    subject: String,
    audience: String,
    /// Of its tokens, in seconds.
    lifetime: u32,
    /// Beside `iss`, `sub`, `aud` and the times.
    claims: Value,
    /// Beside those with a token in them.
    variables: Vec<(&'static str, String)>,
}

/// A job as the lab keeps it.
#[derive(Debug, Clone)]
struct Job {
    ci: Ci,
    issuer: String,
    subject: String,
    audience: String,
    /// Of its tokens, in seconds.
    lifetime: u32,
    claims: Map<String, Value>,
    /// What the job shows when it asks for a token.
    access_token: String,
    /// By the lab's clock.
    started: i64,
    ended: bool,
    redactions: Vec<String>,
}

/// All jobs, by id.
#[derive(Debug, Default)]
pub(crate) struct Jobs(HashMap<String, Job>);

impl Jobs {
    /// What lets each job ask for its token.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.0.values().map(|job| job.access_token.clone()).collect()
    }
}

impl Aws {
    /// Starts a job, and plays its issuer from now on.
    ///
    /// # Errors
    /// The issuer's key could not be made, or the token's file not written.
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

    /// What a Buildkite job told its agent to redact from the log, in order.
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

    /// The variables (of Jenkins, where asked for, the file) by which the job has a token from its start, or may ask for one.
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

    /// Signs a token of a job: its times are the lab's.
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

/// The UUID of something that has a name: the same at every start, so that trust policies can be written beforehand.
fn uuid_of(kind: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:{name}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}
