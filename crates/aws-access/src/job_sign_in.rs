//! What a CI job does about a user of Cognito who is not signed in.

use context::Env;
use diagnostics::{Code, Error};
use settings::CognitoSettings;

/// In a CI job, which has no terminal, replaces the hint to sign in at a terminal by one for jobs.
pub(crate) fn explain_in_job(error: Error, settings: &CognitoSettings, env: &Env) -> Error {
    let is_about_terminal = error
        .hint_text()
        .is_some_and(|hint| hint.starts_with("run in a terminal: "));
    // No job can read the code that this flow sends.
    let is_by_code = !settings.flow.has_password();
    if error.code() != Code::NotSignedIn || !is_about_terminal || is_by_code || ci::running_in(env).is_none() {
        return error;
    }
    let name = if settings.username.is_none() {
        " --username NAME"
    } else {
        ""
    };
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    error.hint(format!(
        "run before it in this job, with the password in ECR_AUTH_COGNITO_PASSWORD: ecr-auth cognito{name} --output {nowhere}"
    ))
}
