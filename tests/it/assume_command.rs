//! `assume -- COMMAND`: the credentials around one command.

use std::io::{BufRead, BufReader};

use lab::Ci;

use crate::assume::Session;
use crate::harness::{Machine, Outcome, binary, with_links};
use crate::jobs::in_job;
use crate::lab_machine::{lab, machine};

/// What `assume -- COMMAND` comes to.
fn with_command(machine: &Machine, command: &[&str], stdin: &str) -> Outcome {
    machine.call(&binary(), &[&["assume", "--"], command].concat(), stdin)
}

#[test]
fn a_command_has_the_credentials_and_nothing_that_leads_to_others() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Github);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let taken_out = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_OF_TOMORROW",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_SECURITY_TOKEN",
        "BITBUCKET_STEP_OIDC_TOKEN",
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "BUILDKITE_AGENT_JOB_API_TOKEN",
        "CIRCLE_OIDC_TOKEN",
        "CIRCLE_OIDC_TOKEN_V2",
        "ECR_AUTH_COGNITO_CLIENT_SECRET",
        "ECR_AUTH_COGNITO_PASSWORD",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
        "CI_JOB_JWT_V2",
        "OF_NO_KNOWN_NAME",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "MY_TOKEN",
    ];
    let kept = [
        ("KEPT", "yes"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("CI_JOB_TOKEN", "eyJ.a.b"),
        ("GITHUB_TOKEN", "ghs_x"),
    ];
    let mut machine = crate::jobs::ci_machine(&lab, &job).with_all(kept);
    for name in &taken_out[..23] {
        machine = machine.with(
            name,
            if *name == "CI_JOB_JWT_V2" {
                "not read"
            } else {
                "eyJ.a.b"
            },
        );
    }
    let token = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let gitlab = crate::jobs::ci_role(&lab, &token, lab::ACCOUNT, "gitlab");
    let machine = machine.with("MY_TOKEN", &token.environment["ECR_AUTH_ID_TOKEN"]);
    let environment = |args: &[&str]| {
        let outcome = machine.run(&[&["assume"], args, &["--", "env"]].concat());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.stdout
    };
    let variable = |environment: &str, name: &str| {
        let found = environment
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        found.map(str::to_owned)
    };
    let flags = [
        "--role-arn",
        &gitlab,
        "--token-env",
        "MY_TOKEN",
        "--region",
        "eu-west-1",
    ];
    let seen = environment(&flags);
    for name in taken_out {
        assert_eq!(variable(&seen, name), None, "{name}");
    }
    for (name, value) in kept {
        assert_eq!(variable(&seen, name).as_deref(), Some(value));
    }
    assert_eq!(variable(&seen, "AWS_REGION").as_deref(), Some("eu-west-1"));
    let session = Session::read(&machine.run(&[&["assume"], &flags[..]].concat()).stdout);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", session.id),
        ("AWS_SECRET_ACCESS_KEY", session.key),
        ("AWS_SESSION_TOKEN", session.token),
    ] {
        assert_eq!(variable(&seen, name), Some(value));
    }
    let seen = environment(&["--role-arn", &role, "--source", "oidc"]);
    assert_eq!(variable(&seen, "AWS_REGION"), None, "none was named");
}

/// `assume -- $COMMAND`, where the variable is empty, must not print the credentials.
#[test]
fn a_command_line_that_ends_before_its_command_prints_nothing() {
    let lab = lab();
    let outcome = machine(&lab).run(&["assume", "--"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let told = "error: --: the command to run with the credentials is missing [EA0002]\nhint: ";
    assert!(outcome.stderr.starts_with(told), "{outcome:?}");
    let outcome = with_command(&machine(&lab), &["echo", "--"], "");
    assert!(outcome.stderr.starts_with("error: no role: "), "{outcome:?}");
}

#[test]
fn a_command_is_what_the_process_becomes() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    with_command(&machine, &["sh", "-c", "cat; echo err >&2; exit 42"], "fed").is(42, "fed", "err\n");
    with_command(&machine, &["echo", "-v", "--format", "env", "--", "x"], "").prints("-v --format env -- x\n");
    let missing = with_command(&machine, &["no-such-program"], "");
    assert_eq!((missing.status, missing.stdout.as_str()), (127, ""));
    assert_eq!(
        missing.stderr,
        with_links("error: cannot run no-such-program: No such file or directory (os error 2) [EA0904]\n")
    );
    let plain = machine.write("plain", "#!/bin/sh\n").display().to_string();
    assert_eq!(with_command(&machine, &[&plain], "").status, 126);
    let killed = with_command(&machine, &["sh", "-c", "kill -9 $$"], "");
    assert_eq!(killed.status, -1, "a signal ended it");
}

#[test]
fn a_signal_reaches_the_command() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let script = "import signal, sys\n\
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n\
        print('ready', flush=True)\n\
        while True: signal.pause()";
    let mut process = machine.start(&["assume", "--", "/usr/bin/python3", "-c", script]);
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let id = rustix::process::Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(7));
}
