//! The name of a role's session, by which CloudTrail shows the job behind a call.

use crate::ALL;
use context::Env;

/// The session's name outside a CI.
const DEFAULT: &str = "ecr-auth";

/// Returns `AWS_ROLE_SESSION_NAME` or, if it is not set, a name made from the job.
pub fn from_env(env: &Env) -> String {
    env.get("AWS_ROLE_SESSION_NAME").map_or_else(|| of_job(env), clean)
}

/// Returns a session name that identifies the job in CloudTrail, such as `gha-octo-app-42-1`: cleaned to `[\w+=,.@-]`, at most 64 characters.
fn of_job(env: &Env) -> String {
    let sessions = ALL.into_iter().filter_map(|ci| ci.session);
    let Some(session) = sessions.into_iter().find(|session| env.get(session.set).is_some()) else {
        return DEFAULT.to_owned();
    };
    let prefix = Some(session.prefix).filter(|prefix| !prefix.is_empty());
    let words = session.words.iter().filter_map(|name| env.get(name));
    let name = prefix.into_iter().chain(words).collect::<Vec<_>>().join("-");
    clean(&name)
}

/// Returns a name that STS accepts. Other characters become hyphens. A name that is too long keeps its end, which holds the numbers.
pub fn clean(name: &str) -> String {
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

    fn of(vars: &[(&str, &str)]) -> String {
        of_job(&vars.iter().copied().collect())
    }

    #[test]
    fn session_names_say_which_job_it_was() {
        let github = [
            ("GITHUB_REPOSITORY", "octo/app"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "1"),
        ];
        assert_eq!(of(&github), "gha-octo-app-42-1");
        assert_eq!(of(&[("CI_JOB_ID", "7"), ("CI_PROJECT_PATH", "a/b")]), "gitlab-a-b-7");
        assert_eq!(
            of(&[("CIRCLE_BUILD_NUM", "7"), ("CIRCLE_PROJECT_REPONAME", "app")]),
            "circleci-app-7"
        );
        assert_eq!(
            of(&[("BITBUCKET_BUILD_NUMBER", "7"), ("BITBUCKET_REPO_SLUG", "app")]),
            "bitbucket-app-7"
        );
        assert_eq!(
            of(&[("BUILDKITE_BUILD_NUMBER", "7"), ("BUILDKITE_PIPELINE_SLUG", "app")]),
            "buildkite-app-7"
        );
        assert_eq!(of(&[("BUILD_TAG", "jenkins-a-7")]), "jenkins-a-7");
        assert_eq!(of(&[]), DEFAULT);
    }

    #[test]
    fn session_names_are_cleaned() {
        let long = clean(&format!("gha-{}-42-1", "é/".repeat(60)));
        assert_eq!(long.chars().count(), 64);
        assert!(long.starts_with("gha-") && long.ends_with("-42-1"), "{long}");
        assert_eq!(clean("x"), "ecr-auth-x");
        assert_eq!(clean("a b/c"), "a-b-c");
    }
}
