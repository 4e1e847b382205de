//! What there is to do about a user of Cognito who is not signed in.

use context::{Env, variables};
use diagnostics::{Code, Error};
use secret_cache::Cache;
use settings::CognitoSettings;

/// The beginning of the hint to sign in at a terminal.
const AT_A_TERMINAL: &str = "run in a terminal: ";

/// Completes the hint to sign in at a terminal: in a CI job, which has none, it is replaced by one for jobs, and where the cache is off it says that
/// no sign-in is kept.
pub(crate) fn complete_hint(error: Error, settings: &CognitoSettings, env: &Env) -> Error {
    let Some(at_a_terminal) = error.hint_text().filter(|hint| hint.starts_with(AT_A_TERMINAL)) else {
        return error;
    };
    if error.code() != Code::NotSignedIn {
        return error;
    }
    let hint = needing_the_cache(at_a_terminal.to_owned(), env);
    // No job can read the code that this flow sends.
    let is_by_code = !settings.flow.has_password();
    if is_by_code || ci::running_in(env).is_none() {
        return error.hint(hint);
    }
    let name = if settings.username.is_none() {
        " --username NAME"
    } else {
        ""
    };
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let hint = format!(
        "run before it in this job, with the password in ECR_AUTH_COGNITO_PASSWORD: ecr-auth cognito{name} --output {nowhere}"
    );
    error.hint(needing_the_cache(hint, env))
}

/// Puts before the command of a hint what has to be done where the cache, which keeps its result, is off.
pub(crate) fn needing_the_cache(command: String, env: &Env) -> String {
    match Cache::folder(env) {
        Some(_) => command,
        None => format!(
            "the cache is off, so that no session can be kept: unset {} and {}; then, {command}",
            variables::ECR_AUTH_CACHE,
            variables::AWS_ECR_DISABLE_CACHE
        ),
    }
}
