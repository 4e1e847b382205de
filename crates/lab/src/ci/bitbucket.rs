//! Bitbucket Pipelines with `oidc: true`: one token for the step.
//!
//! <https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/>

use serde_json::json;

use super::{COMMIT, Described, JobSpec, uuid_of};
use crate::answer::request_id;

pub(super) fn describe(spec: &JobSpec) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let workspace = uuid_of("bitbucket-workspace", owner);
    let full_name = format!("{owner}/{project}");
    // Bitbucket writes UUIDs in braces, in claims and variables alike.
    let repository = format!("{{{}}}", uuid_of("bitbucket-repository", &full_name));
    let (pipeline, step) = (format!("{{{}}}", request_id()), format!("{{{}}}", request_id()));
    let claims = json!({
        "workspaceUuid": format!("{{{workspace}}}"), "repositoryUuid": repository, "pipelineUuid": pipeline,
        "stepUuid": step, "branchName": branch,
    });
    let variables = vec![
        ("BITBUCKET_BUILD_NUMBER", number.to_string()),
        ("BITBUCKET_BRANCH", branch.clone()),
        ("BITBUCKET_COMMIT", COMMIT.into()),
        ("BITBUCKET_PIPELINE_UUID", pipeline),
        ("BITBUCKET_REPO_FULL_NAME", full_name),
        ("BITBUCKET_REPO_SLUG", project.clone()),
        ("BITBUCKET_REPO_UUID", repository.clone()),
        ("BITBUCKET_STEP_UUID", step.clone()),
        ("BITBUCKET_WORKSPACE", owner.clone()),
    ];
    let issuer = format!("https://api.bitbucket.org/2.0/workspaces/{owner}/pipelines-config/identity/oidc");
    Described {
        issuer: spec.issuer.clone().unwrap_or(issuer),
        subject: spec.subject_or(format!("{repository}:{step}")),
        audience: spec.audience_or(&format!("ari:cloud:bitbucket::workspace/{workspace}")),
        lifetime: 3600,
        claims,
        variables,
    }
}
