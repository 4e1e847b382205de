//! `assume`: a role's credentials, in every form that other programs take them, and what keeps them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use context::{Context, Progress, Verbosity};
use diagnostics::MessageWriter;
use lab::{Ci, Fault, Lab, Service};
use serde_json::Value;

use crate::harness::{Machine, Outcome, binary, in_command_line, with_links};
use crate::jobs::{WITH_TOKEN, in_job};
use crate::lab_machine::{lab, machine};

/// A session, as `--format process` tells it.
struct Session {
    id: String,
    key: String,
    token: String,
    expiration: String,
}

impl Session {
    fn read(json: &str) -> Self {
        let answer: Value = serde_json::from_str(json).unwrap();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            id: text("AccessKeyId"),
            key: text("SecretAccessKey"),
            token: text("SessionToken"),
            expiration: text("Expiration"),
        }
    }

    fn of(machine: &Machine) -> Self {
        let outcome = machine.run(&["assume"]);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        Self::read(&outcome.stdout)
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn each_format_byte_for_byte_of_one_session() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let machine = machine.with("AWS_REGION", "eu-west-1");
    let Session {
        id,
        key,
        token,
        expiration,
    } = Session::of(&machine);
    machine.run(&["assume", "--format", "process"]).prints(&format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{key}\",\"SessionToken\":\"{token}\",\"Expiration\":\"{expiration}\"}}\n"
    ));
    machine.run(&["assume", "--format", "env"]).prints(&format!(
        "export AWS_ACCESS_KEY_ID='{id}'\nexport AWS_SECRET_ACCESS_KEY='{key}'\nexport AWS_SESSION_TOKEN='{token}'\nexport AWS_REGION='eu-west-1'\nexport AWS_DEFAULT_REGION='eu-west-1'\n"
    ));
    machine.run(&["assume", "--format", "dotenv"]).prints(&format!(
        "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={key}\nAWS_SESSION_TOKEN={token}\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n"
    ));
    assert_eq!(lab.count(WITH_TOKEN), 1, "one session for all of them");
    let call = &lab.session_calls()[0];
    assert!(call.duration.is_none_or(|seconds| seconds == 3600), "{call:?}");
}

#[test]
fn github_has_the_masks_before_the_variables() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let machine = machine.with("HTTPS_PROXY", "http://user:p%40ss-word@127.0.0.1:9");
    let variables = machine.write("github-env", "EARLIER=1");
    let machine = machine.with("GITHUB_ENV", variables.to_str().unwrap());
    let outcome = machine.run(&["assume", "--format", "github"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let written = machine.read("github-env");
    let lines: Vec<&str> = written.lines().collect();
    let (head, delimiter) = lines[1].split_once("<<").unwrap();
    assert_eq!((lines[0], head), ("EARLIER=1", "AWS_ACCESS_KEY_ID"));
    let (key, token) = (lines[5], lines[8]);
    let expected = format!(
        "AWS_SECRET_ACCESS_KEY<<{delimiter}\n{key}\n{delimiter}\nAWS_SESSION_TOKEN<<{delimiter}\n{token}\n{delimiter}\n"
    );
    assert!(written.ends_with(&expected), "{written}");
    let minted = outcome
        .stderr
        .lines()
        .nth(2)
        .and_then(|line| line.strip_prefix("::add-mask::eyJ"));
    let minted = minted.unwrap_or_else(|| panic!("{outcome:?}"));
    assert_eq!(
        outcome.stderr,
        format!(
            "::add-mask::{key}\n::add-mask::{token}\n::add-mask::eyJ{minted}\n::add-mask::user:p%2540ss-word\n::add-mask::user:p@ss-word\nthe job's later steps have the credentials in their environment\n"
        )
    );
}

#[test]
fn without_a_file_to_write_to_nothing_is_fetched() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    machine.run(&["assume", "--format", "github"]).is(
        1,
        "",
        "error: cannot write to $GITHUB_ENV: it is not set: this is not a step of GitHub Actions [EA0902]\n\
         hint: outside GitHub Actions use --format dotenv\n",
    );
    let machine = machine.with("GITHUB_ENV", "/nowhere/env");
    let outcome = machine.run(&["assume", "--format", "github"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let outcome = machine.run(&["assume", "--format", "profile", "--output", "file"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert_eq!((lab.count("github:IdToken"), lab.count(WITH_TOKEN)), (0, 0));
}

#[test]
fn twenty_processes_of_one_job_make_one_call_and_without_a_cache_each_its_own() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    lab.hold(Service::Sts);
    let started: Vec<_> = (0..20).map(|_| machine.start(&["assume"])).collect();
    assert!(lab.wait_for_calls(WITH_TOKEN, 1, crate::lab_machine::PATIENCE));
    lab.release(Service::Sts);
    let ids = started.into_iter().map(|process| {
        let outcome = Outcome::of(&process.wait_with_output().unwrap());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        Session::read(&outcome.stdout).id
    });
    let ids: std::collections::BTreeSet<String> = ids.collect();
    assert_eq!((ids.len(), lab.count(WITH_TOKEN)), (1, 1));
    let off = machine.with("ECR_AUTH_CACHE", "off");
    for _ in 0..2 {
        assert_eq!(off.run(&["assume"]).status, 0);
    }
    assert_eq!(lab.count(WITH_TOKEN), 3);
}

#[test]
fn long_lived_keys_are_handed_on_and_not_kept() {
    let lab = lab();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let (id, secret) = (&lab.admin().id, &lab.admin().secret);
    machine.write(
        ".aws/credentials",
        &format!("[keys]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"),
    );
    machine.run(&["assume", "--profile", "keys"]).prints(&format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}}\n"
    ));
    machine
        .run(&["assume", "--profile", "keys", "--format", "env"])
        .prints(&format!(
            "export AWS_ACCESS_KEY_ID='{id}'\nexport AWS_SECRET_ACCESS_KEY='{secret}'\nunset AWS_SESSION_TOKEN\n"
        ));
    assert!(machine.cache_files().is_empty());
}

/// A command within the test, at the lab's time.
fn at_the_labs_time(lab: &Lab, machine: &Machine, args: &[&str]) -> Outcome {
    let clock = || UNIX_EPOCH + Duration::from_secs(u64::try_from(lab.now()).unwrap());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let exit = {
        let mut context = Context {
            env: machine.env(),
            exe: binary(),
            clock: &clock,
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stdout_is_terminal: false,
            stderr: MessageWriter::new(&mut stderr),
            progress: Progress::default(),
            verbosity: Verbosity::Normal,
            started: clock(),
            began: Instant::now(),
        };
        let args: Vec<_> = ["ecr-auth"].iter().chain(args).map(Into::into).collect();
        ecr_auth::run(&args, &mut context)
    };
    Outcome {
        status: exit.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn a_session_is_renewed_five_minutes_before_its_end_and_serves_until_then_if_that_fails() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let session = |lab: &Lab| {
        let outcome = at_the_labs_time(lab, &machine, &["assume"]);
        (outcome.status == 0).then(|| Session::read(&outcome.stdout).id)
    };
    let first = session(&lab).unwrap();
    lab.advance(Duration::from_secs(54 * 60));
    assert_eq!(session(&lab).as_ref(), Some(&first), "six minutes are left");
    assert_eq!(lab.count(WITH_TOKEN), 1);
    lab.advance(Duration::from_secs(90));
    lab.fail(Service::Sts, Fault::Status { status: 503 });
    assert_eq!(
        session(&lab).as_ref(),
        Some(&first),
        "it is valid for four and a half minutes"
    );
    assert!(lab.count(WITH_TOKEN) > 1, "another one was asked for");
    lab.clear_faults();
    lab.advance(Duration::from_secs(61));
    let second = session(&lab).unwrap();
    assert_ne!(second, first);
    lab.fail(Service::Sts, Fault::Status { status: 503 });
    lab.advance(Duration::from_secs(3601));
    assert_eq!(session(&lab), None, "it ended");
}

#[test]
fn a_failure_is_short_on_stderr_for_those_who_quote_it() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    lab.fail(Service::Sts, Fault::Throttle);
    let machine = machine.with("AWS_MAX_ATTEMPTS", "1");
    for more in [&["--role-arn", "arn:aws:iam::111122223333:role/other"][..], &[]] {
        let outcome = machine.run(&[&["assume"], more].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let starts: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(starts, ["error:", "hint:", "see:"], "{outcome:?}");
        assert!(outcome.stderr.len() < 700, "{outcome:?}");
    }
}

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
    let seen = environment(&[
        "--role-arn",
        &gitlab,
        "--token-env",
        "MY_TOKEN",
        "--region",
        "eu-west-1",
    ]);
    for name in taken_out {
        assert_eq!(variable(&seen, name), None, "{name}");
    }
    for (name, value) in kept {
        assert_eq!(variable(&seen, name).as_deref(), Some(value));
    }
    assert_eq!(variable(&seen, "AWS_REGION").as_deref(), Some("eu-west-1"));
    let session = Session::read(
        &machine
            .run(&[
                "assume",
                "--role-arn",
                &gitlab,
                "--token-env",
                "MY_TOKEN",
                "--region",
                "eu-west-1",
            ])
            .stdout,
    );
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

#[test]
fn each_shell_gets_lines_of_its_own() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    for (shell, line) in [
        ("posix", "export AWS_ACCESS_KEY_ID='"),
        ("fish", "set -gx AWS_ACCESS_KEY_ID '"),
        ("powershell", "$env:AWS_ACCESS_KEY_ID = '"),
        ("cmd", "set \"AWS_ACCESS_KEY_ID="),
    ] {
        let printed = machine.run(&["assume", "--format", "env", "--shell", shell]);
        assert_eq!(printed.status, 0, "{printed:?}");
        assert!(printed.stdout.starts_with(line), "{printed:?}");
    }
    machine.run(&["assume", "--shell", "fish"]).is(
        2,
        "",
        "error: --shell: this format has no lines for a shell [EA0002]\nhint: add --format env\n",
    );
}

/// What a shell may take for its own.
const HARD: &str = r#"it's\"a"$HOME`b`%PATH%\'(c);#&|<>*?~{x}"#;

#[test]
fn shells_read_their_lines_back() {
    let keys = format!("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {HARD}\n");
    let machine = Machine::new();
    machine.write(".aws/credentials", &keys);
    for (shell, arg, program) in [
        (
            "posix",
            "-c",
            "eval \"$LINES_TO_READ\"; printf %s \"$AWS_SECRET_ACCESS_KEY\"",
        ),
        (
            "fish",
            "-Nc",
            "printf %s $LINES_TO_READ | source; printf %s $AWS_SECRET_ACCESS_KEY",
        ),
    ] {
        let printed = machine.run(&["assume", "--profile", "default", "--format", "env", "--shell", shell]);
        assert_eq!(printed.status, 0, "{printed:?}");
        let mut command = Command::new(if shell == "posix" { "sh" } else { shell });
        command.args([arg, program]).env("LINES_TO_READ", printed.stdout);
        let read = command.env("HOME", machine.home()).output().unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), HARD, "{shell}");
    }
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

#[test]
fn an_output_file_is_private_from_its_first_byte() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let printed = machine.run(&["assume"]).stdout;
    let file = machine.write("wide", "something long that was there before");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    symlink(&file, machine.home().join("link")).unwrap();
    for name in ["new", "link", "wide"] {
        let path = machine.home().join(name);
        let outcome = machine.run(&["assume", "--output", path.to_str().unwrap()]);
        outcome.is(0, "", &format!("written: {}\n", path.display()));
        assert_eq!((machine.read(name), mode_of(&path)), (printed.clone(), 0o600), "{name}");
    }
    assert!(fs::symlink_metadata(machine.home().join("link")).unwrap().is_symlink());
    let left: Vec<_> = fs::read_dir(machine.home())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 4, "{left:?}");
    machine
        .run(&["assume", "--output", "relative"])
        .is(0, "", "written: relative\n");
    assert_eq!(fs::read_to_string(machine.path("relative")).unwrap(), printed);

    let line = format!(
        "'{}' assume -q --output /dev/fd/3 3>&1 >/dev/null | cat",
        binary().display()
    );
    machine.call(Path::new("/bin/sh"), &["-c", &line], "").prints(&printed);
    let nowhere = machine.run(&["assume", "--output", "/nowhere/file"]);
    assert_eq!((nowhere.status, nowhere.stdout.as_str()), (1, ""));
}

#[test]
fn a_folder_that_is_missing_is_named_as_the_cause() {
    let lab = lab();
    let outcome = machine(&lab).run(&["assume", "--format", "env", "--output", "/nowhere/at/all"]);
    let told = "error: cannot write /nowhere/at/all: its folder does not exist [EA0801]\nhint: create the folder first";
    assert!(outcome.stderr.starts_with(told), "{outcome:?}");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
}

#[test]
fn a_terminal_is_shown_no_secret_unless_asked_to() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let in_terminal = |args: &str| {
        let line = format!("'{}' assume {args}", binary().display());
        machine.call(Path::new("/usr/bin/script"), &["-qec", &line, "/dev/null"], "")
    };
    for args in [
        "",
        "--format env",
        "--format dotenv",
        "--output /dev/stdout",
        "--output /dev/tty",
    ] {
        let refused = in_terminal(args);
        assert_eq!(refused.status, 2, "{refused:?}");
        assert_eq!(
            refused.stdout,
            with_links(
                "error: refused: the result is a secret, and would be shown on this terminal [EA0009]\r\n\
             hint: send it through a pipe, write it with --output FILE, or give --show-secret\r\n"
            )
        );
    }
    assert_eq!(lab.count(WITH_TOKEN), 0);
    let shown = in_terminal("--show-secret");
    assert_eq!(shown.status, 0, "{shown:?}");
    assert_eq!(shown.stdout.replace('\r', ""), machine.run(&["assume"]).stdout);
    // Output through a pipe does not go to a terminal.
    assert_eq!(in_terminal("| grep -c AccessKeyId").stdout, "1\r\n");
}

#[test]
fn a_profile_that_leads_back_to_us_ends_in_an_error() {
    let lab = lab();
    let role = "arn:aws:iam::111122223333:role/ci";
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let ours = format!("{} assume --role-arn {role}", in_command_line(&binary()));
    machine.write(
        ".aws/config",
        &format!(
            "[profile ci]\ncredential_process = {ours}\n[profile behind]\nrole_arn = {role}\nsource_profile = ci\n"
        ),
    );
    for profile in ["ci", "behind"] {
        let machine = Machine::new()
            .with("HOME", machine.home().to_str().unwrap())
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with("AWS_PROFILE", profile);
        machine.run(&["assume", "--role-arn", role]).is(
            1,
            "",
            &format!(
                "error: profile {profile}: it takes its credentials from ecr-auth assume, and would need the role again for that [EA0306]\n\
                 hint: give the job its OIDC token, or leave the profile out of AWS_PROFILE for this command\n"
            ),
        );
    }
}

#[test]
fn a_profile_that_is_its_own_source_ends_in_an_error() {
    let machine = Machine::new();
    let ours = format!("{} assume --profile ci", in_command_line(&binary()));
    machine.write(".aws/config", &format!("[profile ci]\ncredential_process = {ours}\n"));
    machine.run(&["assume", "--profile", "ci"]).is(
        1,
        "",
        "error: profile ci: it takes its credentials from ecr-auth assume with this same profile [EA0306]\n\
         hint: name the role in its credential_process with --role-arn, and no profile\n",
    );
}

#[test]
fn what_narrows_a_role_is_never_left_out_without_a_word() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let user = lab.admin();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write(
        ".aws/config",
        &format!(
            "[profile user]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            user.id, user.secret
        ),
    );
    let token = machine.write("token", &job.environment["ECR_AUTH_ID_TOKEN"]);
    let pod = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    for only_a_roles in [
        ["--chain", &role],
        ["--policy", "{}"],
        ["--policy-arn", "arn:aws:iam::aws:policy/P"],
    ] {
        let of_profile = machine.run(&[&["assume", "--profile", "user"], &only_a_roles[..]].concat());
        let of_pod = pod.run(&[&["assume"], &only_a_roles[..]].concat());
        for refused in [of_profile, of_pod] {
            assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
            assert!(refused.stderr.contains("it needs a role"), "{refused:?}");
        }
    }
    assert!(lab.calls().log.is_empty());
}

#[test]
fn a_profile_written_in_a_pod_takes_the_pods_token() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let machine = Machine::new();
    let file = machine.write("token", &job.environment["ECR_AUTH_ID_TOKEN"]);
    let file = file.display().to_string();
    let machine = machine
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &file);
    let written = machine.run(&["assume", "--format", "profile", "--profile", "ci"]);
    assert_eq!(written.status, 0, "{written:?}");
    let config = machine.read(".aws/config");
    assert!(
        config.ends_with(&format!("assume --role-arn {role} --token-file {file} --source oidc\n")),
        "{config}"
    );
    Session::read(&machine.run(&["assume", "--profile", "ci"]).stdout);
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn details_hold_no_control_characters_of_a_variables() {
    let machine = Machine::new().with("AWS_REGION", "eu-west-1");
    let args = [
        "-v",
        "assume",
        "--role-arn",
        "arn:aws:iam::111122223333:role/ci",
        "--token-file",
        "/\u{1b}[2J\n::x::y",
    ];
    let stderr = machine.run(&args).stderr;
    assert!(stderr.contains("by the token in / [2J ::x::y\n"), "{stderr:?}");
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}

#[test]
fn a_cis_program_keeps_to_the_time_there_is() {
    let machine = Machine::new();
    let agent = machine.write("programs/buildkite-agent", "#!/bin/sh\nsleep 1000\n");
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let machine = machine
        .with("PATH", &format!("{}:/usr/bin:/bin", agent.parent().unwrap().display()))
        .with("BUILDKITE_AGENT_ACCESS_TOKEN", "access")
        .with("BUILDKITE_JOB_ID", "7")
        .with("ECR_AUTH_TIMEOUT", "1");
    let outcome = machine.run(&["assume", "--role-arn", "arn:aws:iam::111122223333:role/ci"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let start = "error: buildkite-agent oidc request-token: it took longer than 0.";
    assert!(outcome.stderr.starts_with(start), "{outcome:?}");
}

/// The lab's clock is the system's, plus what tests add. It decides when a session ends.
#[test]
fn the_end_of_a_session_is_its_own() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let before = SystemTime::now();
    let outcome = machine.run(&["assume", "--duration", "900"]);
    let end = Session::read(&outcome.stdout).expiration;
    let last = |time: SystemTime| ecr_auth::output::rfc3339(time + Duration::from_secs(900)).unwrap();
    assert!(
        end >= last(before - Duration::from_secs(1)) && end <= last(SystemTime::now()),
        "{end}"
    );
    assert_eq!(lab.session_calls()[0].duration, Some(900));
}
