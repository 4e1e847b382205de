//! AWS's own tools get their credentials through `assume`, and have it ask again when a session ends.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use lab::{Ci, Lab};

use crate::harness::{Machine, binary};
use crate::jobs::{WITH_TOKEN, in_job};
use crate::lab_machine::lab;
use crate::python::python_tool;

/// Prints the principal and its key, once for every line of stdin.
const SCRIPT: &str = "import boto3, sys\n\
    session = boto3.Session(profile_name='ci')\n\
    client = session.client('sts')\n\
    for line in sys.stdin:\n\
    \x20   try:\n\
    \x20       arn = client.get_caller_identity()['Arn']\n\
    \x20       print(arn, session.get_credentials().get_frozen_credentials().access_key, flush=True)\n\
    \x20   except Exception as error:\n\
    \x20       print('failed:', ' '.join(str(error).split()), flush=True)";

/// A job in a region, with a profile `ci` that `assume` wrote.
fn with_profile(lab: &Lab, ci: Ci) -> Machine {
    let (_, machine) = in_job(lab, ci);
    let machine = machine
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1");
    let role = machine.env().get("AWS_ROLE_ARN").unwrap().to_owned();
    let args = ["assume", "--format", "profile", "--profile", "ci", "--role-arn", &role];
    let outcome = machine.run(&args);
    outcome.is(0, "", "profile ci in ~/.aws/config; use it with AWS_PROFILE=ci\n");
    machine.run(&args).is(
        0,
        "",
        "profile ci already in ~/.aws/config; use it with AWS_PROFILE=ci\n",
    );
    machine.without("AWS_ROLE_ARN")
}

/// A program that goes on for as long as a test wants it to, at a time that the test chooses.
struct LongRun {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    clock: PathBuf,
    /// Its home goes with it.
    _machine: Machine,
}

impl LongRun {
    /// boto3 in a process of its own. It, and all that it starts, have the time that is `clock`'s by libfaketime.
    fn start(machine: Machine) -> Self {
        let clock = machine.write("clock", "+0");
        let library = format!(
            "/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1",
            std::env::consts::ARCH
        );
        let machine = machine
            .with("LD_PRELOAD", &library)
            .with("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let mut child = machine
            .command(&python_tool("python"), &["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            clock,
            _machine: machine,
        }
    }

    /// The current principal, and its key.
    fn ask(&mut self) -> (String, String) {
        self.stdin.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let (who, key) = line.trim().split_once(' ').unwrap();
        (who.to_owned(), key.to_owned())
    }

    /// Two hours later, here and at AWS.
    fn two_hours_later(&self, lab: &Lab) {
        std::fs::write(&self.clock, "+2h").unwrap();
        lab.advance(Duration::from_secs(2 * 3600));
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn boto3_goes_on_when_the_session_ended() {
    let lab = lab();
    let machine = with_profile(&lab, Ci::Github);
    let mut run = LongRun::start(machine);
    let (who, first) = run.ask();
    assert!(who.ends_with(":assumed-role/ci/gha-octo-app-42-1"), "{who}");
    assert_eq!(run.ask(), (who.clone(), first.clone()));
    run.two_hours_later(&lab);
    let (again, second) = run.ask();
    assert_eq!(again, who);
    assert_ne!(second, first);
    assert_eq!(lab.count(WITH_TOKEN), 2);
    run.end();
}

#[test]
fn boto3_tells_what_ended_where_the_ci_has_no_other_token() {
    let lab = lab();
    let mut run = LongRun::start(with_profile(&lab, Ci::Gitlab));
    assert!(run.ask().0.contains(":assumed-role/ci/"));
    run.two_hours_later(&lab);
    let (failed, why) = run.ask();
    assert_eq!(failed, "failed:");
    assert!(why.contains("the job's OIDC token ended at 20"), "{why}");
    run.end();
}

#[test]
fn the_aws_cli_is_who_the_profile_says() {
    let lab = lab();
    let machine = with_profile(&lab, Ci::Github);
    let role = format!("arn:aws:iam::{}:role/ci", lab::ACCOUNT);
    let config = machine.read(".aws/config");
    let by_hand = format!(
        "{config}[profile hand]\ncredential_process = '{}' assume --role-arn {role}\n",
        binary().display()
    );
    machine.write(".aws/config", &by_hand);
    for profile in ["ci", "hand"] {
        let outcome = machine.call(
            &python_tool("aws"),
            &[
                "sts",
                "get-caller-identity",
                "--query",
                "Arn",
                "--output",
                "text",
                "--profile",
                profile,
            ],
            "",
        );
        outcome.prints(&format!(
            "arn:aws:sts::{}:assumed-role/ci/gha-octo-app-42-1\n",
            lab::ACCOUNT
        ));
    }
}
