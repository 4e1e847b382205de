//! `assume`: a role's credentials, in every form that other programs take them, and what keeps them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use context::{Context, Progress, Verbosity};
use diagnostics::MessageWriter;
use lab::{Ci, Fault, Lab, Service};
use serde_json::Value;

use crate::github_runner::values;
use crate::harness::{Machine, Outcome, binary, with_links};
use crate::jobs::{WITH_TOKEN, in_job};
use crate::lab_machine::{lab, machine};

/// A session, as `--format process` tells it.
pub struct Session {
    pub id: String,
    pub key: String,
    pub token: String,
    pub expiration: String,
}

impl Session {
    pub fn read(json: &str) -> Self {
        let answer: Value = serde_json::from_str(json).unwrap();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            id: text("AccessKeyId"),
            key: text("SecretAccessKey"),
            token: text("SessionToken"),
            expiration: text("Expiration"),
        }
    }

    pub fn of(machine: &Machine) -> Self {
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

/// AWS refuses a long-lived key with another session's token, boto3 reads the older name of a token first, and refuses keys after their end.
#[test]
fn what_is_left_of_other_credentials_becomes_empty_where_a_file_sets_variables() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let (id, secret) = (&lab.admin().id, &lab.admin().secret);
    machine.write(
        ".aws/credentials",
        &format!("[st]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"),
    );
    let variables = machine.write("github-env", "");
    let machine = machine.with("GITHUB_ENV", variables.to_str().unwrap());
    let written = |machine: &Machine, args: &[&str]| {
        fs::write(&variables, "").unwrap();
        let outcome = machine.run(&[&["assume", "--format", "github"], args].concat());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let written = values(&machine.read("github-env")).into_iter();
        written.collect::<Vec<(String, String)>>()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let key = [
        ("AWS_ACCESS_KEY_ID", id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
        ("AWS_SESSION_TOKEN", ""),
    ];
    assert_eq!(written(&machine, &["--profile", "st"]), pairs(&key));

    let machine = machine
        .with("AWS_SESSION_TOKEN", "old")
        .with("AWS_SECURITY_TOKEN", "old")
        .with("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
    let [access, secret_key, session] = key;
    let all = [
        access,
        ("AWS_CREDENTIAL_EXPIRATION", ""),
        secret_key,
        ("AWS_SECURITY_TOKEN", ""),
        session,
    ];
    assert_eq!(written(&machine, &["--profile", "st"]), pairs(&all));
    let dotenv = machine.run(&["assume", "--profile", "st", "--format", "dotenv"]);
    let expected = format!(
        "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_SESSION_TOKEN=\nAWS_SECURITY_TOKEN=\nAWS_CREDENTIAL_EXPIRATION=\n"
    );
    assert_eq!((dotenv.status, dotenv.stdout), (0, expected));
    let of_role = written(&machine, &[]);
    let names: Vec<&str> = of_role.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, all.map(|(name, _)| name));
    let is_empty: Vec<bool> = of_role.iter().map(|(_, value)| value.is_empty()).collect();
    assert_eq!(is_empty, [false, true, false, true, false], "{names:?}");
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
