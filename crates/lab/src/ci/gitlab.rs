//! GitLab's `id_tokens:`: a job has one token, whose lifetime is the job's timeout.
//!
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>

use serde_json::json;

use super::{COMMIT, Described, JobSpec};

pub(super) fn describe(spec: &JobSpec) -> Described {
    let JobSpec {
        owner,
        project,
        branch,
        number,
        ..
    } = spec;
    let server = spec
        .issuer
        .clone()
        .unwrap_or_else(|| "https://gitlab.example.com".into());
    let host = server.trim_start_matches("https://").to_owned();
    let path = format!("{owner}/{project}");
    let timeout = spec.lifetime.unwrap_or(3600);
    let claims = json!({
        "namespace_id": "72", "namespace_path": owner, "project_id": "20", "project_path": path,
        "user_id": "1", "user_login": "octocat", "user_email": "octocat@example.com", "user_access_level": "developer",
        "pipeline_id": "574", "pipeline_source": "push", "job_id": number.to_string(),
        "ref": branch, "ref_type": "branch", "ref_path": format!("refs/heads/{branch}"), "ref_protected": "true",
        "runner_id": 1, "runner_environment": "self-hosted", "sha": COMMIT, "project_visibility": "private",
        "ci_config_ref_uri": format!("{host}/{path}//.gitlab-ci.yml@refs/heads/{branch}"), "ci_config_sha": COMMIT,
    });
    let variables = vec![
        ("GITLAB_CI", "true".into()),
        ("CI_SERVER_URL", server.clone()),
        ("CI_SERVER_HOST", host.split(':').next().unwrap_or_default().into()),
        ("CI_PROJECT_ID", "20".into()),
        ("CI_PROJECT_NAME", project.clone()),
        ("CI_PROJECT_NAMESPACE", owner.clone()),
        ("CI_PROJECT_PATH", path.clone()),
        (
            "CI_PROJECT_PATH_SLUG",
            path.to_lowercase().replace(['/', '.', '_'], "-"),
        ),
        ("CI_PIPELINE_ID", "574".into()),
        ("CI_PIPELINE_SOURCE", "push".into()),
        ("CI_JOB_ID", number.to_string()),
        ("CI_JOB_NAME", "build".into()),
        ("CI_JOB_TIMEOUT", timeout.to_string()),
        ("CI_COMMIT_REF_NAME", branch.clone()),
        ("CI_COMMIT_SHA", COMMIT.into()),
    ];
    Described {
        issuer: server,
        subject: spec.subject_or(format!("project_path:{path}:ref_type:branch:ref:{branch}")),
        audience: spec.audience_or("sts.amazonaws.com"),
        lifetime: timeout,
        claims,
        variables,
    }
}
