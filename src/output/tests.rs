use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use aws_access::SessionCredentials;
use context::Env;
use secret::Secret;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

fn end() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_767_323_045_999)
}

fn credentials() -> SessionCredentials {
    SessionCredentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: Secret::new("wJalr/K7+dE="),
        session_token: Some(Secret::new("FwoG//tok+en==")),
        expires_at: Some(end()),
        region: None,
    }
}

fn password(host: &str) -> RegistryPassword {
    RegistryPassword {
        host: host.into(),
        password: Secret::new("eyJwYXls+/="),
        expires_at: end(),
    }
}

fn parsed(json: &Secret) -> Value {
    serde_json::from_str(json.expose()).unwrap()
}

#[test]
fn process_is_what_credential_process_asks_for() {
    assert_eq!(
        credentials_process(&credentials()).unwrap().expose(),
        "{\"Version\":1,\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"wJalr/K7+dE=\",\
         \"SessionToken\":\"FwoG//tok+en==\",\"Expiration\":\"2026-01-02T03:04:05Z\"}\n"
    );
    let long_lived = SessionCredentials {
        session_token: None,
        expires_at: None,
        ..credentials()
    };
    assert_eq!(
        parsed(&credentials_process(&long_lived).unwrap()),
        json!({"Version": 1, "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "wJalr/K7+dE="})
    );
}

#[test]
fn dotenv_has_no_quotes_and_nothing_but_variables() {
    let mut credentials = credentials();
    credentials.region = Some("eu-west-1".into());
    assert_eq!(
        credentials_dotenv(&credentials, &Env::default()).unwrap().expose(),
        "AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=wJalr/K7+dE=\nAWS_SESSION_TOKEN=FwoG//tok+en==\n\
         AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n"
    );
}

#[test]
fn dotenv_refuses_what_its_readers_read_differently() {
    for odd in ["a b", "a$b", "a#b", "a'b", "a\\b", "a\nb", "ä"] {
        let mut credentials = credentials();
        credentials.secret_access_key = Secret::new(odd);
        let error = credentials_dotenv(&credentials, &Env::default()).unwrap_err();
        assert!(error.cause().starts_with("AWS_SECRET_ACCESS_KEY holds"), "{error}");
        assert!(!error.to_string().contains(odd));
    }
}

#[test]
fn a_long_lived_key_takes_the_token_of_a_session_out() {
    let long_lived = SessionCredentials {
        session_token: None,
        ..credentials()
    };
    let text = credentials_env(&long_lived, Shell::Posix, &Env::default()).unwrap();
    let (_, values) = sourced(text.expose(), ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"]);
    assert_eq!(values, ["ASIAEXAMPLE", "unset"]);
}

#[test]
fn each_shell_has_lines_of_its_own() {
    let odd = SessionCredentials {
        secret_access_key: Secret::new("a'b\\c\u{2019}d"),
        session_token: None,
        ..credentials()
    };
    let lines = |shell| {
        credentials_env(&odd, shell, &Env::default())
            .unwrap()
            .expose()
            .to_owned()
    };
    assert_eq!(
        lines(Shell::Fish),
        "set -gx AWS_ACCESS_KEY_ID 'ASIAEXAMPLE'\nset -gx AWS_SECRET_ACCESS_KEY 'a\\'b\\\\c\u{2019}d'\nset -e AWS_SESSION_TOKEN\n"
    );
    assert_eq!(
        lines(Shell::Powershell),
        "$env:AWS_ACCESS_KEY_ID = 'ASIAEXAMPLE'\n$env:AWS_SECRET_ACCESS_KEY = 'a''b\\c\u{2019}\u{2019}d'\n$env:AWS_SESSION_TOKEN = $null\n"
    );
    assert_eq!(
        credentials_env(&credentials(), Shell::Cmd, &Env::default())
            .unwrap()
            .expose(),
        "set \"AWS_ACCESS_KEY_ID=ASIAEXAMPLE\"\nset \"AWS_SECRET_ACCESS_KEY=wJalr/K7+dE=\"\nset \"AWS_SESSION_TOKEN=FwoG//tok+en==\"\n"
    );
    assert!(lines(Shell::Cmd).ends_with("set \"AWS_SESSION_TOKEN=\"\n"));
}

#[test]
fn cmd_is_refused_what_it_has_no_quotes_for() {
    for odd in ["a%b", "a\"b", "a!b", "a^b", "a\nb", "a\rb"] {
        let mut credentials = credentials();
        credentials.session_token = Some(Secret::new(odd));
        let error = credentials_env(&credentials, Shell::Cmd, &Env::default()).unwrap_err();
        assert!(error.cause().starts_with("AWS_SESSION_TOKEN holds"), "{error}");
        assert!(!error.to_string().contains(odd));
    }
}

#[test]
fn a_mask_is_the_text_between_the_quotes() {
    let secret = Secret::new("a'b\\c");
    let masks = [Shell::Posix, Shell::Fish, Shell::Powershell, Shell::Cmd].map(|shell| shell.text(&secret));
    assert_eq!(
        masks.each_ref().map(Secret::expose),
        ["a'\\''b\\c", "a\\'b\\\\c", "a''b\\c", "a'b\\c"]
    );
}

#[test]
fn json_lists_registries_in_their_order() {
    let passwords = [password("b.example.com:5000"), password(HOST)];
    let entry = |host: &str| json!({"registry": host, "username": "AWS", "password": "eyJwYXls+/=", "expiresAt": "2026-01-02T03:04:05Z"});
    assert_eq!(
        parsed(&passwords_json(&passwords).unwrap()),
        json!({"registries": [entry("b.example.com:5000"), entry(HOST)]})
    );
}

#[test]
fn a_bare_password_is_a_line() {
    assert_eq!(bare_password(&password(HOST)).expose(), "eyJwYXls+/=\n");
}

#[test]
fn outputs_have_the_names_of_amazon_ecr_login() {
    let outputs = passwords_outputs(&[password(HOST)]);
    let outputs: Vec<_> = outputs
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(
        outputs,
        [
            ("docker_username_111122223333_dkr_ecr_eu_west_1_amazonaws_com", "AWS"),
            (
                "docker_password_111122223333_dkr_ecr_eu_west_1_amazonaws_com",
                "eyJwYXls+/="
            ),
        ]
    );
    assert_eq!(
        passwords_dotenv(&[password("registry.example.com:5000")])
            .unwrap()
            .expose(),
        "DOCKER_USERNAME_REGISTRY_EXAMPLE_COM_5000=AWS\nDOCKER_PASSWORD_REGISTRY_EXAMPLE_COM_5000=eyJwYXls+/=\n"
    );
}

#[test]
fn two_hosts_never_share_a_name() {
    let error = check_names(&["a-b.example.com".into(), "a.b.example.com".into()]).unwrap_err();
    assert_eq!(
        error.cause(),
        "a-b.example.com and a.b.example.com both become a_b_example_com"
    );
}

#[test]
fn a_pull_secret_holds_dockers_configuration() {
    let name = SecretName::new("ecr", Some("build")).unwrap();
    let secret = parsed(&k8s_secret(&[password(HOST)], &name).unwrap());
    assert_eq!(secret["metadata"], json!({"name": "ecr", "namespace": "build"}));
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    let config = STANDARD
        .decode(secret["data"][".dockerconfigjson"].as_str().unwrap())
        .unwrap();
    let auth = STANDARD.encode("AWS:eyJwYXls+/=");
    assert_eq!(
        serde_json::from_slice::<Value>(&config).unwrap(),
        json!({"auths": {HOST: {"username": "AWS", "password": "eyJwYXls+/=", "auth": auth}}})
    );
    let without = SecretName::new("ecr", None).unwrap();
    let secret = parsed(&k8s_secret(&[], &without).unwrap());
    assert_eq!(secret["metadata"], json!({"name": "ecr"}));
}

#[test]
fn names_are_those_that_kubernetes_takes() {
    let long = "a".repeat(254);
    for wrong in ["", "A", "a_b", "-a", "a-", ".a", "a..b", "a b", "ä", &long] {
        assert_eq!(SecretName::new(wrong, None).unwrap_err().exit().code(), 2, "{wrong}");
    }
    let long = "a".repeat(64);
    for wrong in ["", "a.b", "-a", &long] {
        assert_eq!(
            SecretName::new("a", Some(wrong)).unwrap_err().exit().code(),
            2,
            "{wrong}"
        );
    }
    for right in ["a", "0", "a-b.c-d", &long, &"a".repeat(253)] {
        assert!(SecretName::new(right, Some("kube-system")).is_ok(), "{right}");
    }
}

/// What a shell that evaluates the text has in these variables then: its stderr, and the values (`unset`: none). The shell's
/// environment held a session's token before.
fn sourced<const N: usize>(text: &str, names: [&str; N]) -> (String, Vec<String>) {
    let mut script = String::from("eval \"$1\"\n");
    for name in names {
        script.push_str(&format!("printf '%s\\0' \"${{{name}-unset}}\"\n"));
    }
    let output = Command::new("sh")
        .args(["-c", &script, "sh", text])
        .env_clear()
        .env("AWS_SESSION_TOKEN", "earlier")
        .output()
        .unwrap();
    let values = String::from_utf8(output.stdout).unwrap();
    let values = values.split_terminator('\0').map(str::to_owned).collect();
    (String::from_utf8(output.stderr).unwrap(), values)
}

/// The secret key and the session token of a fish that reads the text from a pipe.
fn sourced_by_fish(text: &str) -> String {
    let script = r#"source; printf '%s\0' "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN""#;
    let home = tempfile::tempdir().unwrap();
    let output = assert_cmd::Command::new("fish")
        .args(["--no-config", "-c", script])
        .env_clear()
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .write_stdin(text)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shell_reads_back_what_was_written(key in "[^\0]{0,40}", token in "['\"$`\\\\ \n!*~#;&|a]{0,40}") {
        let credentials = SessionCredentials {
            secret_access_key: Secret::new(key.as_str()),
            session_token: Some(Secret::new(token.as_str())),
            ..credentials()
        };
        let text = credentials_env(&credentials, Shell::Posix, &Env::default()).unwrap();
        let (stderr, values) = sourced(text.expose(), ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
        prop_assert_eq!(stderr, "");
        prop_assert_eq!(values, [key, token]);
    }

    #[test]
    fn fish_reads_back_what_was_written(key in "[^\0\r\n]{0,40}", token in "['\"$`\\\\ \n!*~#;&|a]{0,40}") {
        let credentials = SessionCredentials {
            secret_access_key: Secret::new(key.as_str()),
            session_token: Some(Secret::new(token.as_str())),
            ..credentials()
        };
        let text = credentials_env(&credentials, Shell::Fish, &Env::default()).unwrap();
        prop_assert_eq!(sourced_by_fish(text.expose()), format!("{key}\0{token}\0"));
    }

    #[test]
    fn a_shell_reads_dotenv_as_it_stands(key in "[A-Za-z0-9+/]{40}", token in "[A-Za-z0-9+/]{1,80}={0,2}") {
        let credentials = SessionCredentials {
            secret_access_key: Secret::new(key.as_str()),
            session_token: Some(Secret::new(token.as_str())),
            ..credentials()
        };
        let text = credentials_dotenv(&credentials, &Env::default()).unwrap();
        let (stderr, values) = sourced(text.expose(), ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
        prop_assert_eq!(stderr, "");
        prop_assert_eq!(&values, &[key.clone(), token.clone()]);
        // As GitLab does it: the first '=' ends the name, blanks around both go, and no line is anything else.
        let gitlab: Vec<_> = text.expose().lines().map(|line| line.split_once('=').unwrap()).collect();
        prop_assert_eq!(&gitlab[1..], &[("AWS_SECRET_ACCESS_KEY", key.trim()), ("AWS_SESSION_TOKEN", token.trim())]);
    }
}
