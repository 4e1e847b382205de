//! The one list of variables that hold a job's secrets, and the two ways to keep them from another program.

use std::path::Path;
use std::process::Command;

use crate::ALL;
use context::Env;

/// Secrets of AWS and Cognito. Those of the CI systems come from their descriptors.
const OF_AWS_AND_COGNITO: [&str; 7] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "ECR_AUTH_COGNITO_CLIENT_SECRET",
    "ECR_AUTH_COGNITO_PASSWORD",
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

/// Takes the [`secret_variables`] out of what the user's own command line inherits. It may need a token of another name.
pub fn remove_secrets(command: &mut Command) {
    for name in secret_variables() {
        command.env_remove(name);
    }
}

/// Three parts, the first of which begins as every JSON object does in base64 (RFC 7519, section 3).
fn is_jwt(text: &str) -> bool {
    text.trim().starts_with("eyJ") && text.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_the_users_own_gets_no_secrets_but_its_own() {
        let mut variables: Vec<_> = secret_variables().map(|name| (name, "s3cret")).collect();
        variables.extend([("OF_A_RULE", " eyJhbGciOiJub25lIn0.e30.x\n"), ("PLAIN", "eyJhbGci")]);
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
        remove_secrets(&mut command);
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
