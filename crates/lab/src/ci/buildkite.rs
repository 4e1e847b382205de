//! Buildkite: the agent asks for a job's tokens, with the job's access token.
//!
//! <https://buildkite.com/docs/pipelines/security/oidc>

use serde_json::json;

use super::{COMMIT, Described, JobSpec, uuid_of};

/// Where Buildkite's agent API stands: below it `v3/jobs/<id>/oidc/tokens`, and for the lab's agent `…/redactions`.
pub(crate) const BUILDKITE_PATH: &str = "/buildkite/";

pub(super) fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let agent = uuid_of("buildkite-agent", owner);
    let claims = json!({
        "organization_slug": owner, "organization_id": uuid_of("buildkite-organization", owner),
        "pipeline_slug": project, "pipeline_id": uuid_of("buildkite-pipeline", project),
        "build_number": number, "build_branch": branch, "build_tag": null, "build_commit": COMMIT,
        "build_source": "webhook", "step_key": "build", "job_id": id, "agent_id": agent,
        "runner_environment": "self-hosted",
    });
    let variables = vec![
        ("BUILDKITE", "true".into()),
        ("BUILDKITE_AGENT_ENDPOINT", format!("{lab}{BUILDKITE_PATH}v3")),
        ("BUILDKITE_AGENT_ID", agent.clone()),
        // What the lab's agent asks, in place of the agent's own socket.
        (
            "BUILDKITE_AGENT_JOB_API_SOCKET",
            format!("{lab}{BUILDKITE_PATH}v3/jobs/{id}"),
        ),
        ("BUILDKITE_BRANCH", branch.clone()),
        ("BUILDKITE_BUILD_ID", uuid_of("buildkite-build", &number.to_string())),
        ("BUILDKITE_BUILD_NUMBER", number.to_string()),
        ("BUILDKITE_COMMIT", COMMIT.into()),
        ("BUILDKITE_JOB_ID", id.into()),
        ("BUILDKITE_ORGANIZATION_SLUG", owner.clone()),
        ("BUILDKITE_PIPELINE_SLUG", project.clone()),
        ("BUILDKITE_STEP_KEY", "build".into()),
    ];
    let subject = format!("organization:{owner}:pipeline:{project}:ref:refs/heads/{branch}:commit:{COMMIT}:step:build");
    Described {
        issuer: spec
            .issuer
            .clone()
            .unwrap_or_else(|| "https://agent.buildkite.com".into()),
        subject: spec.subject_or(subject),
        audience: spec.audience_or(&format!("https://buildkite.com/{owner}")),
        lifetime: 300,
        claims,
        variables,
    }
}
