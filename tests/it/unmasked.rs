//! If a CI's log cannot be made to hide secrets, no secret is output.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lab::Lab;
use rstest::rstest;

use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::{Job, Kind, WITH_TOKEN};
use crate::lab_machine::{GET_TOKEN, lab, machine, role};

/// Redirections by which stderr does not reach the log.
const ELSEWHERE: [&str; 4] = ["2>&-", "2>/dev/null", "2>file", "2>>file"];

/// Runs the command line in a shell, with a redirection after it.
fn redirected(machine: &Machine, args: &[&str], redirection: &str) -> Outcome {
    let script = format!("\"$0\" \"$@\" {redirection}");
    let binary = binary();
    let args = [&["-c", &script, binary.to_str().unwrap()], args].concat();
    machine.call("/bin/sh".as_ref(), &args, "")
}

fn calls(lab: &Lab) -> u64 {
    [GET_TOKEN, "sts:AssumeRole", WITH_TOKEN]
        .map(|call| lab.count(call))
        .iter()
        .sum()
}

#[rstest]
#[case::github("GITHUB_ACTIONS", "true")]
#[case::forgejo("FORGEJO_ACTIONS", "true")]
#[case::gitea("GITEA_ACTIONS", "true")]
#[case::azure("TF_BUILD", "True")]
fn nothing_is_handed_over_where_the_ci_hears_nothing(#[case] name: &str, #[case] value: &str) {
    let lab = lab();
    let role = role(&lab, "push");
    let machine = machine(&lab).with(name, value);
    fs::write(machine.path("output"), "").unwrap();
    let machine = machine.with("GITHUB_OUTPUT", "output").with("GITHUB_ENV", "output");
    let assume = ["assume", "--role-arn", &role, "--source", "chain"];
    let ways: [&[&str]; 11] = [
        &["login", "--format", "password", HOST],
        &["login", "--format", "json", HOST],
        &["login", "--format", "dotenv", HOST],
        &["login", "--format", "k8s-secret", HOST],
        &["login", "--format", "github", HOST],
        &["login", "--format", "json", "--output", "result", HOST],
        &["-q", "login", HOST],
        &[assume.as_slice(), &["--format", "env"]].concat(),
        &[assume.as_slice(), &["--format", "dotenv"]].concat(),
        &[assume.as_slice(), &["--format", "github"]].concat(),
        &[assume.as_slice(), &["--", "env"]].concat(),
    ];
    for args in ways {
        for redirection in ELSEWHERE {
            let outcome = redirected(&machine, args, redirection);
            assert_eq!(
                (outcome.status, outcome.stdout.as_str()),
                (1, ""),
                "{args:?} {redirection}: {outcome:?}"
            );
        }
    }
    assert_eq!(calls(&lab), 0, "nothing is fetched");
    assert_eq!(fs::read_to_string(machine.path("output")).unwrap(), "");
    assert!(!machine.path("result").exists() && !machine.home().join(".docker").exists());
    let said = fs::read_to_string(machine.path("file")).unwrap();
    assert!(
        said.contains("cannot hide the secrets in the CI's log") && said.contains("--unmasked"),
        "{said}"
    );
}

#[test]
fn nothing_is_handed_over_where_stderr_can_only_be_read() {
    let lab = lab();
    let machine = machine(&lab).with("GITHUB_ACTIONS", "true");
    let outcome = redirected(&machine, &["login", "--format", "password", HOST], "2</dev/stdin");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert_eq!(calls(&lab), 0, "nothing is fetched");
}

#[test]
fn secrets_are_handed_over_where_somebody_says_so() {
    let lab = lab();
    let role = role(&lab, "push");
    let machine = machine(&lab).with("GITHUB_ACTIONS", "true");
    for redirection in ELSEWHERE {
        let login = redirected(
            &machine,
            &["login", "--unmasked", "--format", "password", HOST],
            redirection,
        );
        assert_eq!(login.status, 0, "{login:?}");
        assert!(login.stdout.len() > 20, "{login:?}");
        let assume = ["assume", "--role-arn", &role, "--source", "chain"];
        let assumed = redirected(
            &machine,
            &[assume.as_slice(), &["--unmasked", "--format", "env"]].concat(),
            redirection,
        );
        assert!(assumed.stdout.contains("AWS_SECRET_ACCESS_KEY"), "{assumed:?}");
        // An SDK reads the result itself.
        let taken = redirected(&machine, &assume, redirection);
        assert_eq!(taken.status, 0, "{taken:?}");
        assert!(taken.stdout.contains("SecretAccessKey"), "{taken:?}");
    }
    // If the log is read, secrets are masked in spite of the flag.
    let masked = machine.run(&["login", "--unmasked", "--format", "password", HOST]);
    assert!(masked.stderr.starts_with("::add-mask::"), "{masked:?}");
}

#[test]
fn the_action_hands_nothing_over_where_the_runner_hears_nothing() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    let runner = Runner::new(step(&lab, &job));
    let machine = runner
        .machine
        .with("INPUT_REGISTRIES", HOST)
        .with("INPUT_ROLE-TO-ASSUME", &role);
    for redirection in ELSEWHERE {
        let script = format!("exec \"$0\" action main {redirection}");
        let outcome = machine.call("/bin/sh".as_ref(), &["-c", &script, binary().to_str().unwrap()], "");
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stdout.starts_with("::error"), "{outcome:?}");
    }
    assert_eq!(calls(&lab), 0);
}

/// Adds a `buildkite-agent` that runs this script.
fn with_agent(machine: Machine, script: &str) -> Machine {
    let folder = machine.path("agent");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("buildkite-agent");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    machine.with("PATH", &path)
}

#[test]
fn buildkite_without_an_agent_is_handed_nothing() {
    let lab = lab();
    let machine = machine(&lab).with("BUILDKITE", "true");
    let login = ["login", "--format", "password", HOST];
    let outcome = machine.run(&login);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(
        outcome.stderr.contains("buildkite-agent is not on PATH [EA0901]"),
        "{outcome:?}"
    );
    assert_eq!(calls(&lab), 0);
    let outcome = machine.run(&["login", "--unmasked", "--format", "password", HOST]);
    assert_eq!(outcome.status, 0);
    assert!(
        outcome.stderr.starts_with("warning: cannot have Buildkite hide"),
        "{outcome:?}"
    );
    let failing = with_agent(machine, "cat >/dev/null; exit 1");
    let outcome = failing.run(&login);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    // There, stderr is the log's alone.
    let hiding = with_agent(
        crate::lab_machine::machine(&lab).with("BUILDKITE", "true"),
        "cat >/dev/null",
    );
    assert_eq!(redirected(&hiding, &login, "2>/dev/null").status, 0);
}

/// It is nowhere in the output, but it opens as much as the credentials that it gets.
#[rstest]
fn a_token_that_the_ci_mints_is_hidden_too(
    #[values(Kind::Github, Kind::Forgejo, Kind::Gitea)] kind: Kind,
    #[values(&["assume", "--format", "env"][..], &["assume", "--", "true"], &["login", "--format", "password", HOST])]
    args: &[&str],
) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    let role = job.role(&lab, lab::ACCOUNT, "push");
    let outcome = job.machine(&lab).with("AWS_ROLE_ARN", &role).run(args);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let masked = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("::add-mask::"));
    let tokens = masked.filter(|text| text.starts_with("eyJ") && text.split('.').count() == 3);
    assert_eq!(tokens.count(), 1, "{outcome:?}");
}

#[test]
fn what_is_printed_is_what_is_hidden() {
    let lab = lab();
    let machine = machine(&lab).with("GITHUB_ACTIONS", "true");
    let outcome = machine.run(&["login", "--format", "k8s-secret", HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let masked: Vec<_> = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("::add-mask::"))
        .collect();
    let manifest: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let data = manifest["data"][".dockerconfigjson"].as_str().unwrap();
    let config: serde_json::Value = serde_json::from_slice(&BASE64_STANDARD.decode(data).unwrap()).unwrap();
    let auth = &config["auths"][HOST];
    for secret in [data, auth["auth"].as_str().unwrap(), auth["password"].as_str().unwrap()] {
        assert!(masked.contains(&secret), "{secret}: {masked:?}");
    }
    assert!(!masked.contains(&"AWS") && !outcome.stderr.contains("111122223333"));
}
