//! The environment variables of CI systems, for the reference in docs/configuration.md.

/// A CI system's variable.
#[derive(Debug, Clone, Copy)]
pub struct CiVariable {
    /// The variable's name.
    pub name: &'static str,
    /// What ecr-auth does with the variable.
    pub what: &'static str,
}

const fn variable(name: &'static str, what: &'static str, _default: &'static str) -> CiVariable {
    CiVariable { name, what }
}

/// The variables of all CI systems.
pub const OF_CI: &[CiVariable] = &[
    variable("GITHUB_ACTIONS", "`true`: GitHub Actions", ""),
    variable(
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "where a job asks GitHub for its OIDC token",
        "",
    ),
    variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "what it shows there", ""),
    variable("GITHUB_ENV", "the file that takes variables for later steps", ""),
    variable("GITHUB_OUTPUT", "the file that takes a step's outputs", ""),
    variable("GITHUB_REPOSITORY", "names the session", ""),
    variable("GITHUB_RUN_ID", "names the session", ""),
    variable("GITHUB_RUN_ATTEMPT", "names the session", ""),
    variable("GITLAB_CI", "GitLab CI", ""),
    variable("CI_JOB_ID", "names the session", ""),
    variable("CI_PROJECT_PATH", "names the session", ""),
    variable("CIRCLECI", "CircleCI", ""),
    variable("CIRCLE_OIDC_TOKEN_V2", "the job's OIDC token", ""),
    variable("CIRCLE_BUILD_NUM", "names the session", ""),
    variable("CIRCLE_PROJECT_REPONAME", "names the session", ""),
    variable("BITBUCKET_STEP_OIDC_TOKEN", "the step's OIDC token", ""),
    variable("BITBUCKET_BUILD_NUMBER", "Bitbucket Pipelines; names the session", ""),
    variable("BITBUCKET_REPO_SLUG", "names the session", ""),
    variable("BUILDKITE", "Buildkite", ""),
    variable(
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "lets `buildkite-agent` ask for the job's OIDC token",
        "",
    ),
    variable("BUILDKITE_JOB_ID", "the job, to which a cached token is tied", ""),
    variable(
        "BUILDKITE_AGENT_JOB_API_SOCKET",
        "lets `buildkite-agent` hide secrets in the log",
        "",
    ),
    variable("BUILDKITE_AGENT_JOB_API_TOKEN", "the same", ""),
    variable("BUILDKITE_BUILD_NUMBER", "names the session", ""),
    variable("BUILDKITE_PIPELINE_SLUG", "names the session", ""),
    variable("JENKINS_URL", "Jenkins", ""),
    variable("BUILD_TAG", "names the session", ""),
    variable("TF_BUILD", "Azure Pipelines", ""),
    variable("DRONE", "Drone", ""),
    variable("CI", "`woodpecker`: Woodpecker", ""),
    variable("GITHUB_ACTOR", "`doctor --redact` hides it", ""),
    variable("GITHUB_REPOSITORY_OWNER", "`doctor --redact` hides it", ""),
    variable("GITLAB_USER_LOGIN", "`doctor --redact` hides it", ""),
    variable("JOB_NAME", "`doctor --redact` hides it", ""),
    variable("BUILDKITE_ORGANIZATION_SLUG", "`doctor --redact` hides it", ""),
];
