//! Buildkite: the agent requests a job's tokens with the job's access token.
//!
//! <https://buildkite.com/docs/pipelines/security/oidc>

use serde_json::{Map, Value, json};

use super::{COMMIT, Described, Job, JobSpec, uuid_of};
use crate::answer::Refusal;
use crate::jwt::TAGS_CLAIM;

/// The path of Buildkite's agent API. Below it are `v3/jobs/<id>/oidc/tokens`, and `…/redactions` for the lab's agent.
pub(crate) const BUILDKITE_PATH: &str = "/buildkite/";

/// Claims that a token has only on request.
const OPTIONAL: [&str; 2] = ["cluster_id", "cluster_name"];
/// Claims that a job may choose as the subject: those that never change.
const SUBJECTS: [&str; 3] = ["organization_id", "pipeline_id", "cluster_id"];

/// Adds the requested claims to the job's token.
pub(super) fn choose_claims(job: &mut Job, claims: &[String], tags: &[String], subject: &str) -> Result<(), Refusal> {
    let refused =
        |what: &str, name: &str| Refusal::new(422, "UnprocessableEntity", format!("{what} {name} is not supported"));
    let all = job.claims.clone();
    let text = |name: &str| match all.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    if let Some(unknown) = claims.iter().find(|name| text(name).is_none()) {
        return Err(refused("claim", unknown));
    }
    job.claims
        .retain(|name, _| !OPTIONAL.contains(&name.as_str()) || claims.contains(name));
    if !tags.is_empty() {
        let tag = |name: &String| Some((name.clone(), json!([text(name)?])));
        let members: Option<Map<String, Value>> = tags.iter().map(tag).collect();
        let members = members.ok_or_else(|| refused("session tags", &tags.join(", ")))?;
        job.claims.insert(TAGS_CLAIM.into(), json!({"principal_tags": members}));
    }
    if !subject.is_empty() {
        let known = SUBJECTS.contains(&subject).then(|| text(subject)).flatten();
        job.subject = known.ok_or_else(|| refused("subject claim", subject))?;
    }
    Ok(())
}

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
        "runner_environment": "self-hosted", "cluster_id": uuid_of("buildkite-cluster", owner), "cluster_name": "default",
    });
    let variables = vec![
        ("BUILDKITE", "true".into()),
        ("BUILDKITE_AGENT_ENDPOINT", format!("{lab}{BUILDKITE_PATH}v3")),
        ("BUILDKITE_AGENT_ID", agent.clone()),
        // The variables that the lab's agent reads, in place of the real agent's own socket.
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
