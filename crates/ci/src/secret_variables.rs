//! The one list of variables that hold a job's secrets, and the two ways to keep them from another program.

use std::collections::BTreeMap;
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
    // AWS's older SDKs also read these names.
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

/// Whether a value holds a JWT: alone, in quotes, after `Bearer`, as a value of a JSON object (the response of a token server), or one of these in
/// base64.
fn is_jwt(value: &str) -> bool {
    is_unwrapped_jwt(value) || in_base64(value).is_some_and(|value| is_unwrapped_jwt(&value))
}

fn is_unwrapped_jwt(value: &str) -> bool {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    match serde_json::from_str::<BTreeMap<String, serde_json::Value>>(value) {
        Ok(object) => object.values().filter_map(serde_json::Value::as_str).any(is_token),
        Err(_) => is_token(value),
    }
}

/// Whether a text is a JWT: three parts, or five for an encrypted token, of which the first is a JSON object in base64 (RFC 7519, section 3). A
/// header's name and its scheme may come first.
fn is_token(text: &str) -> bool {
    let is_scheme = |word: &&str| ["authorization:", "bearer"].contains(&word.to_ascii_lowercase().as_str());
    let mut words = text.split_whitespace().skip_while(is_scheme);
    let (Some(token), None) = (words.next(), words.next()) else {
        return false;
    };
    let parts: Vec<&str> = token.split('.').collect();
    matches!(parts.len(), 3 | 5) && (parts[0].starts_with("eyJ") || is_object_in_base64(parts[0]))
}

fn is_object_in_base64(text: &str) -> bool {
    in_base64(text).is_some_and(|text| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&text).is_ok())
}

/// Decodes base64 of either alphabet, with or without line breaks.
fn in_base64(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
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
            ("IN_A_WHOLE_HEADER", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.x"),
            ("IN_AN_ANSWER", r#"{"count": 1, "value": "eyJhbGciOiJub25lIn0.e30.x"}"#),
            ("IN_BASE64", "ZXlKaGJHY2lPaUp1YjI1bEluMC5l\nMzAueA=="),
            ("PLAIN", "eyJhbGci"),
            (
                "PLAIN_OBJECT",
                r#"{"auths": {"ghcr.io": {"identitytoken": "eyJhbGciOiJub25lIn0.e30.x"}}}"#,
            ),
            ("PLAIN_VERSION", "1.2.3"),
        ]);
        let env: Env = variables.into_iter().collect();
        let with = |its_own: &[&str]| {
            let command = without_secrets(Path::new("/usr/bin/env"), &env, its_own);
            let names = command.get_envs().map(|(name, _)| name.to_owned());
            names.collect::<Vec<_>>()
        };
        let plain = ["PLAIN", "PLAIN_OBJECT", "PLAIN_VERSION"];
        assert_eq!(with(&[]), plain);
        assert_eq!(
            with(&["CIRCLE_"]),
            [&["CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"][..], &plain].concat()
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
