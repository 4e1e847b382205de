//! GitHub Actions: a job with `permissions: id-token: write` requests its tokens from a URL, until the job ends.
//!
//! <https://docs.github.com/en/actions/reference/security/oidc>

use http::{HeaderMap, Uri};
use serde_json::json;

use super::{COMMIT, Ci, Described, JobSpec};
use crate::answer::{Answer, Refusal, json as json_answer};
use crate::jwt::GITHUB_ISSUER;
use crate::request::header_text;
use crate::{Aws, LabError, lock};

/// Where jobs request tokens.
pub(crate) const GITHUB_PATH: &str = "/github/idtoken/";
/// Lifetime of the request token in seconds: the longest time that a hosted job may take.
const LONGEST_JOB: i64 = 6 * 3600;

/// The values of a job's environment that it needs to request tokens.
#[derive(Debug, Clone)]
pub struct GithubJob {
    /// The id of the job in the lab.
    pub id: String,
    /// The path of `ACTIONS_ID_TOKEN_REQUEST_URL`, with its query, below the lab's HTTP address.
    pub path: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: String,
}

pub(super) fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let (repository, reference) = (format!("{owner}/{project}"), format!("refs/heads/{branch}"));
    let workflow = format!("{repository}/.github/workflows/ci.yml@{reference}");
    let called = spec.workflow.as_ref().unwrap_or(&workflow);
    let repository_id = spec.repository_id.as_deref().unwrap_or("74");
    let variables = vec![
        ("GITHUB_ACTIONS", "true".into()),
        ("GITHUB_REPOSITORY", repository.clone()),
        ("GITHUB_REPOSITORY_OWNER", owner.clone()),
        ("GITHUB_RUN_ID", number.to_string()),
        ("GITHUB_RUN_NUMBER", "7".into()),
        ("GITHUB_RUN_ATTEMPT", "1".into()),
        ("GITHUB_WORKFLOW", "ci".into()),
        ("GITHUB_JOB", "build".into()),
        ("GITHUB_REF", reference.clone()),
        ("GITHUB_REF_NAME", branch.clone()),
        ("GITHUB_SHA", COMMIT.into()),
        ("GITHUB_ACTOR", "octocat".into()),
        ("GITHUB_EVENT_NAME", "push".into()),
        ("GITHUB_SERVER_URL", "https://github.com".into()),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{lab}{}", path(id))),
    ];
    let mut claims = json!({
        "actor": "octocat", "actor_id": "583231", "base_ref": "", "head_ref": "", "event_name": "push",
        "job_workflow_ref": called, "job_workflow_sha": COMMIT, "workflow": "ci", "workflow_ref": workflow,
        "workflow_sha": COMMIT, "ref": reference, "ref_type": "branch", "ref_protected": "false",
        "repository": repository, "repository_id": repository_id, "repository_owner": owner, "repository_owner_id": "65",
        "repository_visibility": "private", "run_id": number.to_string(), "run_number": "7", "run_attempt": "1",
        "runner_environment": "github-hosted", "sha": COMMIT, "check_run_id": "9001", "enterprise_id": "7",
    });
    let mut subject = format!("repo:{repository}:ref:{reference}");
    if let Some(environment) = &spec.environment {
        claims["environment"] = environment.as_str().into();
        subject = format!("repo:{repository}:environment:{environment}");
    }
    Described {
        issuer: spec.issuer.clone().unwrap_or_else(|| GITHUB_ISSUER.into()),
        subject: spec.subject_or(subject),
        // The default audience is the URL of the repository's owner.
        audience: spec.audience_or(&format!("https://github.com/{owner}")),
        lifetime: 300,
        claims,
        variables,
    }
}

fn path(id: &str) -> String {
    format!("{GITHUB_PATH}{id}?api-version=2.0")
}

impl Aws {
    /// Starts a job with this subject (`repo:octo/app:ref:refs/heads/main`). From now on the lab plays GitHub's issuer.
    ///
    /// # Errors
    /// The issuer's key could not be generated.
    pub fn add_github_job(&self, subject: &str) -> Result<GithubJob, LabError> {
        let mut spec = JobSpec::new(Ci::Github).subject(subject);
        let named = subject.split(':').nth(1).and_then(|name| name.split_once('/'));
        if let Some((owner, project)) = named {
            spec = spec.project(owner, project);
        }
        if let Some((_, branch)) = subject.split_once(":ref:refs/heads/") {
            spec = spec.branch(branch);
        }
        let mut job = self.start_job(&spec)?;
        let request_token = job.environment.remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
        Ok(GithubJob {
            path: path(&job.id),
            id: job.id,
            request_token: request_token.unwrap_or_default(),
        })
    }

    /// Answers a job that requests a token.
    pub(crate) fn github_call(&self, uri: &Uri, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let id = uri.path().strip_prefix(GITHUB_PATH).unwrap_or_default();
        let job = lock(&self.jobs).0.get(id).cloned().ok_or_else(refused)?;
        let known = header_text(headers, "authorization") == format!("Bearer {}", job.access_token);
        let ended = job.ended || self.now() >= job.started + LONGEST_JOB;
        if job.ci != Ci::Github || !known || ended {
            return Err(refused());
        }
        let audience = asked_audience(uri.query().unwrap_or_default());
        let token = self
            .mint(
                &job,
                audience.as_deref().unwrap_or(&job.audience).to_owned(),
                job.lifetime,
            )
            .map_err(|error| Refusal::new(500, "InternalServerError", error.to_string()))?;
        Ok(json_answer(200, &json!({"count": token.len(), "value": token})))
    }
}

pub(super) fn asked_audience(query: &str) -> Option<String> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("audience="))?;
    let decoded = percent_encoding::percent_decode_str(asked).decode_utf8_lossy();
    Some(decoded.into_owned())
}

fn refused() -> Refusal {
    Refusal::new(401, "Unauthorized", "The request token is not one of a running job")
}
