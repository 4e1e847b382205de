//! Places where the secrets of a user of Cognito must not be: old and new passwords, the app client's secret, the refresh token, and what they
//! fetch. Every secret is marked, and strace shows where it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use cognito::RefreshTokenStore;
use lab::cognito::{CLIENT_SECRET, IDENTITY_POOL_ID, SECRET_CLIENT_ID, USER_POOL_ID, UserSpec};
use lab::{Fault, Lab, Service};
use rstest::rstest;
use secret_cache::Cache;

use crate::cognito::forget_sessions;
use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::lab;
use crate::trace::{Secrets, Trace};

const PASSWORD: &str = "Correct-horse-battery-1";
const NEW_PASSWORD: &str = "Wrong-donkey-accumulator-2";

/// Returns a user, her machine with the vendor's ids, and files with her secrets. Debugging is on.
fn marked(lab: &Lab) -> (Machine, Secrets) {
    lab.cognito()
        .add_user(UserSpec::new("maria").password(PASSWORD))
        .unwrap();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("ECR_AUTH_LOG", "debug");
    for (name, secret) in [
        ("password", PASSWORD),
        ("new-password", NEW_PASSWORD),
        ("client-secret", CLIENT_SECRET),
    ] {
        let file = machine.write(name, secret);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let secret_file = machine.home().join("client-secret").display().to_string();
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {SECRET_CLIENT_ID}\n  identity-pool-id: {IDENTITY_POOL_ID}\n  \
             username: maria\n  client-secret-file: {secret_file}\nregistries:\n  - match: {HOST}\n    source: cognito\n"
        ),
    );
    let mut secrets = Secrets::default();
    secrets.mark([PASSWORD, NEW_PASSWORD, CLIENT_SECRET]);
    (machine, secrets)
}

fn mark_kept(machine: &Machine, secrets: &mut Secrets) {
    for kept in RefreshTokenStore::all(&Cache::open(Cache::folder(&machine.env())), SystemTime::now()) {
        secrets.mark([kept.refresh_token.expose()]);
    }
}

fn mark_credentials(printed: &str, secrets: &mut Secrets) {
    let printed: serde_json::Value = serde_json::from_str(printed).unwrap();
    for name in ["SecretAccessKey", "SessionToken"] {
        secrets.mark([printed[name].as_str().unwrap()]);
    }
}

/// Arguments (`~` is the home), whether tokens are made old first, and whether the result is a secret.
type Command = (&'static [&'static str], bool, bool);

const SIGN_IN: &[&str] = &["-vv", "cognito", "--password-file", "~/password"];
const CHANGE: &[&str] = &[
    "-vv",
    "cognito",
    "change-password",
    "--password-file",
    "~/password",
    "--new-password-file",
    "~/new-password",
];

const COMMANDS: &[Command] = &[
    (SIGN_IN, false, true),
    (&["-vv", "cognito"], true, true),
    (&["helper", "get"], true, true),
    (&["-vv", "assume", "--source", "cognito"], true, true),
    (&["-vv", "login", "--client", "docker", HOST], true, false),
    (&["-vv", "doctor", HOST], true, false),
    (CHANGE, true, false),
    (
        &["-vv", "cognito", "--password-command", "cat ~/new-password"],
        true,
        true,
    ),
    (&["-vv", "logout"], false, false),
];

fn run(machine: &Machine, args: &[&str]) -> (Vec<String>, Outcome, Trace) {
    let home = machine.home().display().to_string();
    let args: Vec<String> = args.iter().map(|arg| arg.replace('~', &home)).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (outcome, trace) = Trace::of(machine, &words, HOST);
    (args, outcome, trace)
}

#[test]
fn a_users_secrets_stay_in_their_files() {
    let lab = lab();
    let (machine, mut secrets) = marked(&lab);
    let mut runs = Vec::new();
    for (args, is_anew, is_secret) in COMMANDS {
        if *is_anew {
            forget_sessions(&machine);
        }
        let (args, outcome, trace) = run(&machine, args);
        // Doctor finds no docker here.
        assert!(
            outcome.status == 0 || args.contains(&"doctor".to_owned()),
            "{args:?}: {outcome:?}"
        );
        mark_kept(&machine, &mut secrets);
        if args.contains(&"cognito".to_owned()) && *is_secret {
            mark_credentials(&outcome.stdout, &mut secrets);
        }
        runs.push((args, is_secret, outcome, trace));
    }
    for (args, is_secret, outcome, trace) in &runs {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        secrets.assert_unsaid(&outcome.stderr, &args);
        if !**is_secret {
            secrets.assert_unsaid(&outcome.stdout, &args);
        }
        trace.assert_programs_have_no_secrets(&secrets, &[]);
        trace.assert_files_are_private(&secrets, &machine);
    }
    secrets.assert_files_keep(&machine);
}

/// Each case makes a command fail in one way.
#[rstest]
#[case::sign_in(SIGN_IN, Service::CognitoIdp, Fault::Garbage)]
#[case::refused(SIGN_IN, Service::CognitoIdp, refusal())]
#[case::no_credentials(SIGN_IN, Service::CognitoIdentity, Fault::Truncated)]
#[case::change(CHANGE, Service::CognitoIdp, Fault::Reset)]
#[case::get(&["helper", "get"], Service::CognitoIdp, Fault::Truncated)]
#[case::denied(&["helper", "get"], Service::Ecr, Fault::Throttle)]
#[case::assume(&["-vv", "assume", "--source", "cognito"], Service::CognitoIdentity, Fault::Garbage)]
#[case::login(&["-vv", "login", "--format", "json", HOST], Service::CognitoIdentity, refusal())]
#[case::doctor(&["-vv", "doctor", HOST], Service::CognitoIdp, Fault::Garbage)]
fn nor_do_failures_tell_them(#[case] args: &[&str], #[case] service: Service, #[case] fault: Fault) {
    let lab = lab();
    let (machine, mut secrets) = marked(&lab);
    let machine = machine.with("AWS_MAX_ATTEMPTS", "1");
    let (_, signed_in, _) = run(&machine, SIGN_IN);
    mark_credentials(&signed_in.stdout, &mut secrets);
    mark_kept(&machine, &mut secrets);
    forget_sessions(&machine);
    lab.fail(service, fault);
    let (args, outcome, trace) = run(&machine, args);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(outcome.status, 1, "{args:?}: {outcome:?}");
    secrets.assert_unsaid(&outcome.stdout, &args);
    secrets.assert_unsaid(&outcome.stderr, &args);
    trace.assert_programs_have_no_secrets(&secrets, &[]);
    trace.assert_files_are_private(&secrets, &machine);
    secrets.assert_files_keep(&machine);
}

/// Cognito's error for a wrong password or an ended sign-in.
fn refusal() -> Fault {
    Fault::Error {
        status: 400,
        code: "NotAuthorizedException".to_owned(),
        message: "no".to_owned(),
    }
}
