//! What to tell a job that has no token though a role needs one.

use crate::{MissingToken, running_in};
use context::Env;
use diagnostics::{Code, Error};
use settings::table::SOURCE;

/// Returns the error of a missing token if the job's CI gives tokens: the job has none, and `error` is how the credentials failed that
/// were to assume the role in its place. Returns `error` itself outside such a job.
pub fn missing_token_before(env: &Env, error: Error) -> Error {
    if !gives_tokens(env) {
        return error;
    }
    let missing = missing_token(env);
    if error.code() == Code::NoCredentials {
        return missing;
    }
    let (what, cause, _) = error.templates();
    let cause = format!("{}; {what}: {cause}", missing.cause());
    let hint = missing.hint_text().unwrap_or_default();
    let chain = SOURCE.with("chain");
    let told = Error::failed(missing.code(), missing.what(), cause).with_exit(error.exit());
    told.hint(format!(
        "{hint}; or, if the job's other credentials are meant to assume the role, use {chain}"
    ))
}

/// Whether this is a job of a CI system that could give it a token.
pub fn gives_tokens(env: &Env) -> bool {
    of_job(env).is_some()
}

/// Returns the error of a job without a token. The hint names what the job lacks.
pub fn missing_token(env: &Env) -> Error {
    let (code, hint) = match of_job(env) {
        Some(missing) => (missing.code, missing.hint.to_owned()),
        None => {
            let chain = SOURCE.with("chain");
            let hint = format!("put the job's OIDC token into ECR_AUTH_ID_TOKEN, or use {chain}");
            (Code::NoToken, hint)
        }
    };
    Error::failed(code, "no OIDC token", "the role asks for one, and this job has none").hint(hint)
}

fn of_job(env: &Env) -> Option<MissingToken> {
    running_in(env)?.missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_for_each_ci() {
        let hint = |name: &str| {
            let env = [(name, "true")].into_iter().collect();
            missing_token(&env).hint_text().unwrap().to_owned()
        };
        assert!(hint("GITHUB_ACTIONS").contains("id-token: write"));
        assert!(hint("FORGEJO_ACTIONS").contains("enable-openid-connect: true"));
        assert!(hint("GITEA_ACTIONS").contains("id-token: write"));
        assert!(hint("TF_BUILD").contains("SYSTEM_ACCESSTOKEN"));
        assert!(hint("GITLAB_CI").contains("id_tokens"));
        assert!(hint("BITBUCKET_BUILD_NUMBER").contains("oidc: true"));
        assert!(hint("CIRCLECI").contains("context"));
        assert!(hint("BUILDKITE").contains("buildkite-agent"));
        assert!(hint("JENKINS_URL").contains("credential"));
        assert!(hint("OTHER").contains("ECR_AUTH_ID_TOKEN"));
    }
}
