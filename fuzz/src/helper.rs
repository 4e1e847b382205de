//! The requests of clients to the credential helper, in the form that the process gets. The cache holds a token, which
//! only the allowed names may get.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use aws_access::PasswordPath;
use configuration::Config;
use context::{Context, Env, Progress, Verbosity};
use diagnostics::MessageWriter;
use secret::Secret;
use secret_cache::{Cache, FetchedSecret, SecretRequest};
use serde_json::Value;

use super::inputs::in_folder;

const PASSWORD: &str = "the-password-of-eu-west-1";
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const ALIAS: &str = "registry.example.com:5000";
/// A client misinterprets a longer line.
const LINE_LIMIT: usize = 300;

thread_local! {
    static HAS_TOKEN: Cell<bool> = const { Cell::new(false) };
}

/// The input: the action as one letter, and stdin.
pub fn helper(input: &[u8]) {
    let Some((action, stdin)) = input.split_first() else {
        return;
    };
    let action = match action {
        b'g' => "get",
        b's' => "store",
        b'e' => "erase",
        b'l' => "list",
        _ => "version",
    };
    let env = in_folder(environment);
    if !HAS_TOKEN.get() {
        keep_token(&env);
        HAS_TOKEN.set(true);
    }
    let (status, stdout, stderr) = call(action, stdin, env);
    if matches!(action, "erase") || !stderr.is_empty() {
        // The cached token may be gone: an erase removes it, and a failure is stored beside it.
        HAS_TOKEN.set(false);
    }
    let stdout = String::from_utf8(stdout).expect("stdout is text");
    assert!(matches!(status, 0 | 1), "{status}");
    if action == "list" {
        let hosts: BTreeMap<String, String> = serde_json::from_str(&stdout).expect("a list");
        assert!(hosts.keys().all(|host| host.starts_with("https://")));
        return;
    }
    assert!(stdout.lines().count() <= 1, "{stdout:?}");
    if status == 1 {
        assert!(
            stdout.chars().count() <= LINE_LIMIT + 1 && stdout.ends_with('\n'),
            "{stdout:?}"
        );
    }
    assert!(!stdout.trim_end_matches('\n').contains(char::is_control), "{stdout:?}");
    assert!(!String::from_utf8_lossy(&stderr).contains(PASSWORD));
    match (action, status) {
        ("get", 0) => is_for(std::str::from_utf8(stdin).expect("a host is text"), &stdout),
        _ => assert!(!stdout.contains(PASSWORD) || contains(stdin, PASSWORD), "{stdout:?}"),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Checks with a separate parser that only the region's hosts and the alias get the token.
fn is_for(server: &str, answer: &str) {
    let answer: Value = serde_json::from_str(answer).expect("an answer");
    assert_eq!(answer["ServerURL"], server.trim());
    assert_eq!(
        (&answer["Username"], &answer["Secret"]),
        (&Value::from("AWS"), &Value::from(PASSWORD))
    );
    let lower = server.trim().to_ascii_lowercase();
    let name = match lower.split_once("://") {
        Some(("https" | "http" | "docker" | "oci", rest)) => rest,
        Some(_) => panic!("{server:?}"),
        None => lower.as_str(),
    };
    let name = name.split('/').next().unwrap_or_default();
    if name == ALIAS {
        return;
    }
    let host = match name.split_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) => panic!("{server:?}"),
        None => name,
    };
    let (account, rest) = host.strip_suffix('.').unwrap_or(host).split_at(12);
    assert!(account.bytes().all(|b| b.is_ascii_digit()), "{server:?}");
    assert_eq!(rest, ".dkr.ecr.eu-west-1.amazonaws.com", "{server:?}");
}

fn environment(home: &Path) -> Env {
    let config = home.join("ecr-auth.yml");
    if !config.exists() {
        let rule = format!("registries:\n  - match: {ALIAS}\n    registry: {HOST}\n");
        fs::write(&config, rule).expect("a file in our folder");
    }
    let path = |path: &Path| path.to_str().expect("a path of text").to_owned();
    [
        ("HOME", path(home)),
        ("ECR_AUTH_CONFIG", path(&config)),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        ),
        // An invalid CA file makes every call fail before it uses the network.
        ("AWS_CA_BUNDLE", path(&home.join("nothing"))),
    ]
    .into_iter()
    .collect()
}

fn keep_token(env: &Env) {
    let config = Config::load(env, None).expect("our rules");
    let target = config.target(HOST).expect("an ECR host");
    let path = PasswordPath::choose(env, target.registry(), target.identity()).expect("keys are there");
    let cache = Cache::open(Cache::folder(env));
    cache.remove(path.key());
    let request = SecretRequest {
        key: path.key(),
        name: HOST,
        started: SystemTime::now(),
        settings: "",
        deadline: Instant::now() + Duration::from_secs(10),
        progress: &Progress::default(),
    };
    let fetched = FetchedSecret {
        secret: Secret::new(PASSWORD),
        expires_at: SystemTime::now() + Duration::from_secs(43_200),
        renew_at: None,
        name: None,
    };
    cache
        .get(&request, &SystemTime::now, &mut |_| Ok(fetched.clone()))
        .expect("it is kept");
}

fn call(action: &str, mut stdin: &[u8], env: Env) -> (u8, Vec<u8>, Vec<u8>) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let args = ["docker-credential-ecr-auth", action].map(OsString::from);
    let mut context = Context {
        env,
        exe: "/usr/bin/ecr-auth".into(),
        clock: &SystemTime::now,
        stdin: &mut stdin,
        stdout: &mut stdout,
        stdout_is_terminal: false,
        stderr: MessageWriter::new(&mut stderr),
        progress: Progress::default(),
        verbosity: Verbosity::Normal,
        started: SystemTime::now(),
        began: Instant::now(),
    };
    let exit = ecr_auth::run(&args, &mut context);
    (u8::try_from(exit.code()).expect("no command was run"), stdout, stderr)
}
