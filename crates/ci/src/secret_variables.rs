//! The one list of variables that hold a job's secrets, and the two ways to keep them from another program.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ALL;
use context::Env;

/// Secrets of AWS and Cognito. Those of the CI systems come from their descriptors.
const OF_AWS_AND_COGNITO: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    // The names that AWS's older SDKs read too.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "ECR_AUTH_COGNITO_CLIENT_SECRET",
    "ECR_AUTH_COGNITO_PASSWORD",
];

/// Access tokens to a CI's own service, which may be JWTs. They open nothing of AWS's, and a user's command may need them.
const TO_THE_CI: [&str; 6] = [
    "ACTIONS_RUNTIME_TOKEN",
    "CI_JOB_TOKEN",
    "FORGEJO_TOKEN",
    "GH_TOKEN",
    "GITEA_TOKEN",
    "GITHUB_TOKEN",
];

/// Returns every variable that holds one of the job's secrets, or leads to one.
pub fn secret_variables() -> impl Iterator<Item = &'static str> {
    let of_ci = ALL.into_iter().flat_map(|ci| ci.secrets).map(|(name, _)| *name);
    OF_AWS_AND_COGNITO.into_iter().chain(of_ci)
}

/// Returns a command for a program that is not the user's own command line. The program gets the job's environment without the
/// [`secret_variables`] and without OIDC tokens, whatever variable they are in. It keeps the variables whose names begin with one of
/// `its_own`.
pub fn without_secrets(program: &Path, env: &Env, its_own: &[&str]) -> Command {
    let is_its_own = |name: &str| its_own.iter().any(|start| name.starts_with(start));
    let is_secret = |name: &str, value: &str| secret_variables().any(|secret| secret == name) || is_jwt(value);
    let variables = env.vars();
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(variables.filter(|(name, value)| is_its_own(name) || !is_secret(name, value)));
    command
}

/// Takes the [`secret_variables`], and OIDC tokens in variables of any name, out of what the user's own command line inherits. It keeps
/// the tokens with which jobs talk to their CI.
pub fn remove_secrets(command: &mut Command, env: &Env) {
    secret_variables().for_each(|name| {
        command.env_remove(name);
    });
    for (name, value) in env.vars() {
        if is_jwt(value) && !TO_THE_CI.contains(&name) {
            command.env_remove(name);
        }
    }
}

/// Whether a text is a JWT, in quotes or as the `Bearer` of a header or not: three parts, or five of one that is encrypted, the first of
/// which is a JSON object in base64 (RFC 7519, section 3).
fn is_jwt(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let (scheme, token) = text.split_once(char::is_whitespace).unwrap_or(("Bearer", text));
    let parts: Vec<&str> = token.trim_start().split('.').collect();
    let header = parts[0];
    matches!(parts.len(), 3 | 5)
        && scheme.eq_ignore_ascii_case("Bearer")
        && (header.starts_with("eyJ") || is_object_in_base64(header))
}

fn is_object_in_base64(text: &str) -> bool {
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let decoded = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&decoded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_the_users_own_gets_no_secrets_but_its_own() {
        let mut variables: Vec<_> = secret_variables().map(|name| (name, "s3cret")).collect();
        variables.extend([
            ("OF_A_RULE", " eyJhbGciOiJub25lIn0.e30.x\n"),
            ("IN_A_HEADER", "bearer eyJhbGciOiJub25lIn0.e30."),
            ("IN_QUOTES", "\"eyJhbGciOiJub25lIn0.e30.x\""),
            ("ENCRYPTED", "eyJhbGciOiJkaXIifQ..x.x.x"),
            ("WITH_A_BLANK", "eyAiYWxnIjogIm5vbmUiIH0.e30.x"),
            ("PLAIN", "eyJhbGci"),
        ]);
        let env: Env = variables.into_iter().collect();
        let with = |its_own: &[&str]| {
            let command = without_secrets(Path::new("/usr/bin/env"), &env, its_own);
            let names = command.get_envs().map(|(name, _)| name.to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(with(&[]), ["PLAIN"]);
        assert_eq!(
            with(&["CIRCLE_"]),
            ["CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2", "PLAIN"]
        );
    }

    #[test]
    fn a_users_command_keeps_the_tokens_to_its_ci() {
        let jwt = "eyJhbGciOiJub25lIn0.e30.x";
        let env: Env = [("CI_JOB_TOKEN", jwt), ("MY_ID_TOKEN", jwt)].into_iter().collect();
        let mut command = Command::new("program");
        remove_secrets(&mut command, &env);
        let is_removed = |name: &str| command.get_envs().any(|(removed, _)| removed == name);
        assert_eq!((is_removed("CI_JOB_TOKEN"), is_removed("MY_ID_TOKEN")), (false, true));
    }

    #[test]
    fn both_ways_keep_the_same_variables_from_a_program() {
        let everything: Vec<_> = secret_variables().collect();
        for ci in ALL {
            for (name, _) in ci.secrets {
                assert!(everything.contains(name), "{name} of {}", ci.name);
            }
        }
        let env: Env = everything.iter().map(|name| (*name, "s3cret")).collect();
        assert_eq!(without_secrets(Path::new("program"), &env, &[]).get_envs().count(), 0);
        let mut command = Command::new("program");
        remove_secrets(&mut command, &env);
        let mut removed: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_str().unwrap(), value))
            .collect();
        removed.sort_unstable();
        let mut expected: Vec<_> = everything.into_iter().map(|name| (name, None)).collect();
        expected.sort_unstable();
        assert_eq!(removed, expected);
    }
}
