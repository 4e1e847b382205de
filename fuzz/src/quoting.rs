//! Words that a shell parses back, and values in `NAME=value` lines.

use aws_access::SessionCredentials;
use context::Env;
use diagnostics::push_quoted;
use ecr_auth::output::{Shell, credentials_dotenv, credentials_env, credentials_process};
use secret::Secret;
use serde_json::Value;

use super::inputs::{is_fit_to_read, parts, text};

/// The input: two words.
pub fn quoting(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [first, second] = parts(input);
    let mut line = String::new();
    push_quoted(&mut line, first);
    line.push(' ');
    push_quoted(&mut line, second);
    assert_eq!(shlex::split(&line), Some(vec![first.to_owned(), second.to_owned()]));

    let credentials = SessionCredentials {
        access_key_id: "ASIA1".to_owned(),
        secret_access_key: Secret::new(first),
        session_token: Some(Secret::new(second)),
        expires_at: None,
        region: None,
    };
    let exports = shlex::split(
        credentials_env(&credentials, Shell::Posix, &Env::default())
            .expect("POSIX has quotes")
            .expose(),
    )
    .expect("a shell reads it");
    let secret = format!("AWS_SECRET_ACCESS_KEY={first}");
    let token = format!("AWS_SESSION_TOKEN={second}");
    assert_eq!(
        exports,
        ["export", "AWS_ACCESS_KEY_ID=ASIA1", "export", &secret, "export", &token]
    );

    match credentials_dotenv(&credentials, &Env::default()) {
        Ok(lines) => {
            let lines: Vec<&str> = lines.expose().lines().collect();
            assert_eq!(lines, ["AWS_ACCESS_KEY_ID=ASIA1", &secret, &token]);
            assert!(
                lines
                    .iter()
                    .all(|line| line.is_ascii() && !line.contains([' ', '\'', '"', '\\', '$', '`', '#']))
            );
        }
        Err(error) => {
            is_fit_to_read(&error);
        }
    }
    let process = credentials_process(&credentials).expect("no time to write");
    assert_eq!(process.expose().trim_end().lines().count(), 1);
    let process: Value = serde_json::from_str(process.expose()).expect("JSON");
    assert_eq!(
        (&process["SecretAccessKey"], &process["SessionToken"]),
        (&Value::from(first), &Value::from(second))
    );
}
