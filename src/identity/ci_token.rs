//! The OIDC token of a CI job: where it comes from, recognised by the environment alone.

use crate::error::Error;
use crate::secret::Secret;
use crate::world::Env;

/// Variables that hold the token itself, in the order they are looked at; GitHub comes after the first.
const AFTER_GITHUB: [&str; 2] = ["CIRCLE_OIDC_TOKEN_V2", "BITBUCKET_STEP_OIDC_TOKEN"];
const ANY_CI: &str = "ECR_AUTH_ID_TOKEN";

/// Where this job's token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CiToken {
    /// A variable holds it. It ends with the job, at the latest, and can't be asked for again.
    Variable {
        /// The variable's name.
        name: &'static str,
        /// The token.
        token: Secret,
    },
    /// GitHub Actions: asked for at each use, so that nothing needs to be stored.
    /// <https://docs.github.com/en/actions/reference/security/oidc>
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        request_token: Secret,
    },
}

impl CiToken {
    /// The token of the CI this runs in, if it hands one out.
    pub fn find(env: &Env) -> Option<Self> {
        let variable = |name| {
            let token = Secret::new(env.get(name)?.trim());
            Some(Self::Variable { name, token })
        };
        variable(ANY_CI)
            .or_else(|| Self::github(env))
            .or_else(|| AFTER_GITHUB.into_iter().find_map(variable))
    }

    fn github(env: &Env) -> Option<Self> {
        Some(Self::GitHub {
            url: env.get("ACTIONS_ID_TOKEN_REQUEST_URL")?.to_owned(),
            request_token: Secret::new(env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?),
        })
    }

    /// What tells this job from every other: who holds it may have what the job fetched.
    pub fn key(&self) -> (&'static str, Secret) {
        match self {
            Self::Variable { token, .. } => ("jwt", token.clone()),
            Self::GitHub { request_token, .. } => ("github-request-token", request_token.clone()),
        }
    }
}

/// In a CI that hands out tokens, the missing token is the news, and not the missing keys that `error` tells of.
pub fn missing_or(env: &Env, error: Error) -> Error {
    match is_ci(env) {
        true => missing(env),
        false => error,
    }
}

/// Whether this is a job of a CI that could hand out a token.
fn is_ci(env: &Env) -> bool {
    [
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "BITBUCKET_BUILD_NUMBER",
        "CIRCLECI",
        "JENKINS_URL",
    ]
    .iter()
    .any(|name| env.get(name).is_some())
}

/// There is no token though a role wants one: names the piece that is missing in this CI.
pub fn missing(env: &Env) -> Error {
    let set = |name| env.get(name).is_some();
    let hint = if set("GITHUB_ACTIONS") {
        "give the job `permissions: id-token: write`"
    } else if set("GITLAB_CI") {
        "give the job `id_tokens: ECR_AUTH_ID_TOKEN: aud: sts.amazonaws.com`"
    } else if set("BITBUCKET_BUILD_NUMBER") {
        "give the step `oidc: true`"
    } else if set("CIRCLECI") {
        "give the job a context: CircleCI hands out CIRCLE_OIDC_TOKEN_V2 only then"
    } else if set("JENKINS_URL") {
        "bind an OIDC token credential to ECR_AUTH_ID_TOKEN around this step"
    } else {
        "put the job's OIDC token into ECR_AUTH_ID_TOKEN, or use --source chain"
    };
    Error::failed("no OIDC token", "the role asks for one, and this job has none").hint(hint)
}

/// The session name that says in CloudTrail which job it was: `gha-octo-app-42-1`, cleaned to `[\w+=,.@-]`, at most 64 characters.
pub fn session_name(env: &Env) -> String {
    const BY_CI: [(&str, &str, [&str; 3]); 6] = [
        (
            "GITHUB_RUN_ID",
            "gha",
            ["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"],
        ),
        ("CI_JOB_ID", "gitlab", ["CI_PROJECT_PATH", "CI_JOB_ID", ""]),
        (
            "CIRCLE_BUILD_NUM",
            "circleci",
            ["CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM", ""],
        ),
        (
            "BITBUCKET_BUILD_NUMBER",
            "bitbucket",
            ["BITBUCKET_REPO_SLUG", "BITBUCKET_BUILD_NUMBER", ""],
        ),
        (
            "BUILDKITE_BUILD_NUMBER",
            "buildkite",
            ["BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER", ""],
        ),
        ("BUILD_TAG", "jenkins", ["BUILD_TAG", "", ""]),
    ];
    let Some((_, prefix, parts)) = BY_CI.iter().find(|(mark, ..)| env.get(mark).is_some()) else {
        return "ecr-auth".to_owned();
    };
    let parts = parts.iter().filter_map(|name| env.get(name));
    let name = std::iter::once(*prefix).chain(parts).collect::<Vec<_>>().join("-");
    clean_session_name(&name)
}

/// As STS wants it: other characters become hyphens; where it is too long its end, which holds the numbers, is kept.
pub fn clean_session_name(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let clean: Vec<char> = name.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect();
    match clean.len() {
        0 | 1 => format!("ecr-auth-{}", clean.iter().collect::<String>()),
        length if length > 64 => clean[..4].iter().chain(&clean[length - 60..]).collect(),
        _ => clean.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    const GITHUB: [(&str, &str); 2] = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com/token?v=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request"),
    ];

    #[test]
    fn tokens_are_found_in_their_order() {
        let all = [
            ("ECR_AUTH_ID_TOKEN", "any\n"),
            GITHUB[0],
            GITHUB[1],
            ("CIRCLE_OIDC_TOKEN_V2", "circle"),
            ("BITBUCKET_STEP_OIDC_TOKEN", "bitbucket"),
        ];
        let found = |from: usize| CiToken::find(&env(&all[from..])).map(|token| token.key().1.expose().to_owned());
        assert_eq!(found(0).as_deref(), Some("any"));
        assert_eq!(found(1).as_deref(), Some("request"));
        assert_eq!(found(2).as_deref(), Some("circle"), "half of GitHub's pair is nothing");
        assert_eq!(found(4).as_deref(), Some("bitbucket"));
        assert_eq!(found(5), None);
    }

    #[test]
    fn what_is_missing_is_named_for_each_ci() {
        let hint = |name: &str| missing(&env(&[(name, "true")])).hint_text().unwrap().to_owned();
        assert!(hint("GITHUB_ACTIONS").contains("id-token: write"));
        assert!(hint("GITLAB_CI").contains("id_tokens"));
        assert!(hint("BITBUCKET_BUILD_NUMBER").contains("oidc: true"));
        assert!(hint("OTHER").contains("ECR_AUTH_ID_TOKEN"));
    }

    #[test]
    fn session_names_say_which_job_it_was() {
        let github = [
            ("GITHUB_REPOSITORY", "octo/app"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "1"),
        ];
        assert_eq!(session_name(&env(&github)), "gha-octo-app-42-1");
        assert_eq!(
            session_name(&env(&[("CI_JOB_ID", "7"), ("CI_PROJECT_PATH", "a/b")])),
            "gitlab-a-b-7"
        );
        assert_eq!(session_name(&env(&[])), "ecr-auth");
        let long = clean_session_name(&format!("gha-{}-42-1", "é/".repeat(60)));
        assert_eq!(long.chars().count(), 64);
        assert!(long.starts_with("gha-") && long.ends_with("-42-1"), "{long}");
        assert_eq!(clean_session_name("x"), "ecr-auth-x");
    }
}
