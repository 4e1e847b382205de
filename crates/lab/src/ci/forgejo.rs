//! Forgejo Actions with `enable-openid-connect: true`, and Gitea Actions with `permissions: id-token: write`. As with
//! GitHub, a job requests tokens from its own server.
//!
//! <https://forgejo.org/docs/latest/user/actions/security-openid-connect/>

use http::Method;
use http::request::Parts;
use serde_json::json;

use super::github::asked_audience;
use super::{COMMIT, Ci, Described, JobSpec};
use crate::answer::{Answer, Refusal, json as json_answer};
use crate::request::header_text;
use crate::{Aws, lock};

/// Where jobs request tokens: below this path is `<id>/idtoken`.
pub(super) const PATH: &str = "/api/actions/_apis/pipelines/workflows/";

pub(super) fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let (repository, reference) = (format!("{owner}/{project}"), format!("refs/heads/{branch}"));
    let mut variables = vec![
        // Both set the variable that identifies GitHub, and Forgejo also sets the one that identifies Gitea.
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITEA_ACTIONS", "true".into()),
        ("GITHUB_REPOSITORY", repository.clone()),
        ("GITHUB_REPOSITORY_OWNER", owner.clone()),
        ("GITHUB_RUN_ID", number.to_string()),
        ("GITHUB_RUN_ATTEMPT", "1".into()),
        ("GITHUB_SERVER_URL", "https://git.example.com".into()),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            format!("{lab}{PATH}{id}/idtoken?placeholder=true"),
        ),
    ];
    if spec.ci == Ci::Forgejo {
        variables.extend([
            ("FORGEJO_ACTIONS", "true".into()),
            ("FORGEJO_REPOSITORY", repository.clone()),
            ("FORGEJO_RUN_ID", number.to_string()),
            ("FORGEJO_RUN_ATTEMPT", "1".into()),
        ]);
    }
    let claims = json!({
        "actor": "octocat", "actor_id": "1", "event_name": "push", "ref": reference, "ref_type": "branch",
        "ref_protected": "false", "repository": repository, "repository_id": "74", "repository_owner": owner,
        "repository_owner_id": "65", "run_id": number.to_string(), "run_number": "7", "run_attempt": "1", "sha": COMMIT,
        "workflow": "ci.yml",
    });
    Described {
        issuer: spec
            .issuer
            .clone()
            .unwrap_or_else(|| "https://git.example.com/api/actions".into()),
        subject: spec.subject_or(format!("repo:{repository}:ref:{reference}")),
        audience: spec.audience_or(&format!("https://git.example.com/{owner}")),
        lifetime: 300,
        claims,
        variables,
    }
}

impl Aws {
    /// Answers a job that requests a token.
    pub(super) fn forgejo_call(&self, parts: &Parts) -> Result<Answer, Refusal> {
        let refused = || Refusal::new(401, "Unauthorized", "The request token is not one of a running job");
        let path = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
        let id = path.strip_suffix("/idtoken").filter(|_| parts.method == Method::GET);
        let id = id.ok_or_else(|| Refusal::new(404, "NotFound", "No such address"))?;
        let job = lock(&self.jobs).0.get(id).cloned().ok_or_else(refused)?;
        let known = header_text(&parts.headers, "authorization") == format!("Bearer {}", job.access_token);
        if !matches!(job.ci, Ci::Forgejo | Ci::Gitea) || !known || job.ended {
            return Err(refused());
        }
        let audience = asked_audience(parts.uri.query().unwrap_or_default());
        let token = self
            .mint(&job, audience.unwrap_or_else(|| job.audience.clone()), job.lifetime)
            .map_err(|error| Refusal::new(500, "InternalServerError", error.to_string()))?;
        Ok(json_answer(200, &json!({"value": token})))
    }
}
