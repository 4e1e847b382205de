//! CircleCI: a variable holds a token for the organisation, and `circleci run oidc get` requests more from the task.
//!
//! <https://circleci.com/docs/openid-connect-tokens/>, <https://circleci.com/docs/oidc-tokens-with-custom-claims/>

use serde_json::json;

use super::{COMMIT, Described, JobSpec, uuid_of};

/// The issuer of tokens that are requested with `--root-issuer`. Other tokens have the organisation's issuer below it.
pub(super) const ROOT_ISSUER: &str = "https://oidc.circleci.com";

/// Where CircleCI's tasks request tokens: below this path is `<id>/oidc`.
pub(crate) const CIRCLECI_PATH: &str = "/circleci/tasks/";

pub(super) fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let organization = uuid_of("circleci-organization", owner);
    let project_id = uuid_of("circleci-project", &format!("{owner}/{project}"));
    let user = uuid_of("circleci-user", "octocat");
    let (origin, reference) = (format!("github.com/{owner}/{project}"), format!("refs/heads/{branch}"));
    let claims = json!({
        "oidc.circleci.com/context-ids": [uuid_of("circleci-context", "aws")],
        "oidc.circleci.com/job-id": id,
        "oidc.circleci.com/org-id": organization,
        "oidc.circleci.com/project-id": project_id,
        "oidc.circleci.com/pipeline-definition-id": uuid_of("circleci-pipeline", project),
        "oidc.circleci.com/ssh-rerun": false,
        "oidc.circleci.com/vcs-origin": origin,
        "oidc.circleci.com/vcs-ref": reference,
    });
    let variables = vec![
        ("CIRCLECI", "true".into()),
        ("CIRCLE_BUILD_NUM", number.to_string()),
        ("CIRCLE_BRANCH", branch.clone()),
        ("CIRCLE_JOB", "build".into()),
        ("CIRCLE_ORGANIZATION_ID", organization.clone()),
        ("CIRCLE_PROJECT_ID", project_id.clone()),
        ("CIRCLE_PROJECT_USERNAME", owner.clone()),
        ("CIRCLE_PROJECT_REPONAME", project.clone()),
        ("CIRCLE_SHA1", COMMIT.into()),
        ("CIRCLE_WORKFLOW_ID", uuid_of("circleci-workflow", &number.to_string())),
        // The variables that the lab's `circleci` reads, in place of the real task's own socket.
        ("LAB_CIRCLECI_TASK", format!("{lab}{CIRCLECI_PATH}{id}")),
    ];
    let subject =
        format!("org/{organization}/project/{project_id}/user/{user}/vcs-origin/{origin}/vcs-ref/{reference}");
    Described {
        issuer: spec
            .issuer
            .clone()
            .unwrap_or_else(|| format!("{ROOT_ISSUER}/org/{organization}")),
        subject: spec.subject_or(subject),
        audience: spec.audience_or(&organization),
        lifetime: 3600,
        claims,
        variables,
    }
}

/// The subject of `CIRCLE_OIDC_TOKEN`, which does not name the repository or branch.
pub(super) fn first_version(subject: &str) -> &str {
    subject.split("/vcs-origin/").next().unwrap_or(subject)
}
