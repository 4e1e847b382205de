//! Where secrets must not be: stderr at any verbosity, results that aren't theirs, files that others can read, children.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lab::{Fault, Lab, Service};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{lab, machine_with, role, session};

/// A machine with temporary credentials, everything it holds that is secret, and debugging on.
fn marked(lab: &Lab) -> (Machine, Vec<String>) {
    let key = session(lab, &role(lab, "builder"));
    let secrets = vec![key.secret.clone(), key.session_token.clone().unwrap()];
    (machine_with(lab, &key).with("ECR_AUTH_LOG", "debug"), secrets)
}

#[track_caller]
fn assert_clean(text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret), "a secret stands in: {text}");
    }
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn nothing_secret_is_told_or_left_for_others() {
    let lab = lab();
    let (machine, mut secrets) = marked(&lab);
    let bin = machine.path("bin").display().to_string();
    let answer = machine.helper("get", HOST);
    assert_clean(&answer.stdout, &secrets);
    let password: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    secrets.push(password["Secret"].as_str().unwrap().to_owned());
    assert_clean(&answer.stderr, &secrets);

    let stored = format!(
        r#"{{"ServerURL":"ghcr.io","Username":"AWS","Secret":"{}"}}"#,
        secrets[2]
    );
    let outcomes: Vec<Outcome> = vec![
        machine.helper("list", ""),
        machine.helper("store", &stored),
        machine.helper("store", &stored[1..]),
        machine.run(&["setup", "-vv", "--client", "all", "--bin-dir", &bin, "--verify", HOST]),
        machine.run(&["setup", "--dry-run", "--client", "all", "--bin-dir", &bin, "public"]),
        machine.run(&["logout", "-vv"]),
    ];
    for outcome in &outcomes {
        assert_clean(&outcome.stdout, &secrets);
        assert_clean(&outcome.stderr, &secrets);
    }

    machine.helper("get", HOST);
    for file in files_below(&machine.home()) {
        let content = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert_clean(&content, &secrets[..2]);
        if content.contains("\"secret\"") {
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                file.display()
            );
        }
    }
}

#[test]
fn failures_tell_no_secret() {
    for fault in [
        Fault::Garbage,
        Fault::OddBase64,
        Fault::NoColon,
        Fault::Throttle,
        Fault::Reset,
        Fault::Truncated,
    ] {
        let lab = lab();
        let (machine, secrets) = marked(&lab);
        lab.fail(Service::Ecr, fault);
        let outcome = machine.with("AWS_MAX_ATTEMPTS", "1").helper("get", HOST);
        assert_eq!(outcome.status, 1);
        assert_clean(&outcome.stdout, &secrets);
        assert_clean(&outcome.stderr, &secrets);
    }
}

#[test]
fn no_process_is_started_and_nothing_secret_is_in_the_arguments() {
    let lab = lab();
    let (machine, secrets) = marked(&lab);
    let trace = machine.path("trace");
    let program = binary();
    let traced = [
        "-f",
        "-v",
        "-s",
        "9999",
        "-e",
        "trace=execve",
        "-o",
        trace.to_str().unwrap(),
    ];
    for command in [["helper", "get"].as_slice(), &["logout"]] {
        let args = [
            &traced[..],
            &["env", "-u", "NOTHING"],
            &[program.to_str().unwrap()],
            command,
        ]
        .concat();
        machine.call(Path::new("/usr/bin/strace"), &args, HOST);
        let text = fs::read_to_string(&trace).unwrap();
        let started: Vec<_> = text.lines().filter(|line| line.contains("= 0")).collect();
        assert_eq!(started.len(), 2, "env and the binary itself: {started:?}");
        for line in started {
            let arguments = line.split("], [").next().unwrap();
            assert_clean(arguments, &secrets);
        }
    }
}
