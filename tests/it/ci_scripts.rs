//! The scripts for CI systems. What they are given as registries is never an option of ecr-auth's, and Buildkite's plugin may be used twice in a
//! step and leaves nothing.

use std::fs;
use std::path::Path;

use lab::{ACCOUNT, PARTNER_ACCOUNT};
use rstest::rstest;
use serde_json::Value;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::{Job, Kind, PARTNER_HOST};
use crate::lab_machine::{lab, machine, registry_status};

const OPTIONS: [&str; 6] = [
    "--version",
    "--help",
    "--dry-run",
    "--bin-dir=/nowhere",
    "-q",
    "--creds-store",
];

/// The lines of a file of ours between these two.
fn lines_between(file: &str, first: &str, last: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (_, text) = text.split_once(first).unwrap();
    text.split_once(last).unwrap().0.to_owned()
}

/// GitLab's function that sets a registry up, called with this one.
fn gitlab() -> String {
    let function = lines_between("templates/ecr-auth.yml", "      ecr_auth_setup() {\n", "\n      }\n");
    let function: String = function
        .split("$[[")
        .map(|part| part.split_once("]]").map_or(part, |(_, rest)| rest))
        .collect();
    format!(
        "ecr_auth_job=$HOME/job\necr_auth_options='--client docker'\necr_auth_setup() {{\n{function}\n}}\necr_auth_setup \"$1\""
    )
}

/// The script of Jenkins' step.
fn jenkins() -> String {
    let names = ["ROLE", "TOKEN_FILE", "VERIFY"].map(|name| format!("ECR_AUTH_SETUP_{name}=\n"));
    let set = "ECR_AUTH_SETUP_CLIENT=docker ECR_AUTH_SETUP_BIN_DIR=$HOME/job/bin ECR_AUTH_SETUP_REGISTRIES=$1\n";
    let script = lines_between("jenkins/vars/ecrAuthSetup.groovy", "script: '''\n", "'''");
    names.concat() + set + &script
}

/// The script of the CircleCI orb's command.
fn circleci() -> String {
    let script = lines_between("ci/circleci/orb.yml", "            set -f\n", "examples:");
    format!("ECR_AUTH_ORB_REGISTRIES=$1 ECR_AUTH_ORB_ROLE_ARN= ECR_AUTH_ORB_REGION=\nset -f\n{script}")
}

/// Adds the binary's folder to PATH, so that it needs no other one for its helper.
fn with_binary(machine: Machine) -> Machine {
    let path = machine.variable("PATH").unwrap().to_owned();
    let folder = binary().parent().unwrap().display().to_string();
    machine.with("PATH", &format!("{folder}:{path}"))
}

fn run(script: &str, registry: &str) -> (Machine, Outcome) {
    let machine = with_binary(Machine::new());
    let outcome = machine.call("/bin/sh".as_ref(), &["-euc", script, "sh", registry], "");
    (machine, outcome)
}

fn assert_is_refused(outcome: &Outcome, option: &str) {
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let said = format!("cannot take \"{option}\" for an ECR registry");
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
}

#[rstest]
#[case::gitlab(gitlab())]
#[case::jenkins(jenkins())]
#[case::circleci(circleci())]
fn a_registry_is_no_option(#[case] script: String) {
    let (machine, outcome) = run(&script, HOST);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(machine.read(".docker/config.json").contains(HOST));
    for option in OPTIONS {
        let (machine, outcome) = run(&script, option);
        assert_is_refused(&outcome, option);
        assert!(!machine.home().join(".docker").exists());
    }
}

/// What Buildkite's agent does with a hook: sources it, with the plugin's options, and keeps the variables for what comes later, unless it failed.
const AGENT: &str = r#"
. "$HOME/job.env"
hook=$1
shift
for option; do export "BUILDKITE_PLUGIN_ECR_AUTH_$option"; done
. "$hook"
export -p | grep -v BUILDKITE_PLUGIN_ >"$HOME/job.env.new"
mv "$HOME/job.env.new" "$HOME/job.env"
"#;

const LOGINS: &str = r#"{"auths": {"quay.io": {"auth": "eDp5"}}}"#;

/// A step on a Buildkite agent that is logged in to quay.io.
struct Step(Machine);

impl Step {
    fn new(machine: Machine) -> Self {
        let folder = machine.path("tmp");
        fs::create_dir(&folder).unwrap();
        machine.write("job.env", "");
        machine.write(".docker/config.json", LOGINS);
        Self(with_binary(machine).with("TMPDIR", &folder.display().to_string()))
    }

    fn hook(&self, name: &str, options: &[&str]) -> Outcome {
        let hook = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("ci/buildkite-plugin/hooks")
            .join(name);
        let hook = hook.display().to_string();
        let args = [&["-c", AGENT, "agent", hook.as_str()], options].concat();
        self.0.call("/bin/bash".as_ref(), &args, "")
    }

    fn set_up(&self, options: &[&str]) {
        let outcome = self.hook("environment", options);
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }

    /// Runs a line of the step's command.
    fn run(&self, line: &str) -> Outcome {
        let line = format!(". \"$HOME/job.env\"; {line}");
        self.0.call("/bin/bash".as_ref(), &["-euc", &line], "")
    }

    /// The registries for which docker calls a helper.
    fn registries(&self) -> Vec<String> {
        let config: Value = serde_json::from_str(&self.run("cat $DOCKER_CONFIG/config.json").stdout).unwrap();
        assert!(config["auths"]["quay.io"].is_object(), "{config}");
        config["credHelpers"].as_object().unwrap().keys().cloned().collect()
    }

    fn assert_leaves_nothing(&self) {
        assert_eq!(fs::read_dir(self.0.path("tmp")).unwrap().count(), 0);
        assert_eq!(self.0.read(".docker/config.json"), LOGINS);
    }
}

#[test]
fn buildkites_plugin_twice_in_a_step_is_two_roles_and_one_folder() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Buildkite, "app");
    let ours = job.role(&lab, ACCOUNT, "push");
    let theirs = job.role(&lab, PARTNER_ACCOUNT, "pull");
    let step = Step::new(job.machine(&lab));
    step.set_up(&[&format!("REGISTRIES={HOST}"), &format!("ROLE_ARN={ours}")]);
    step.set_up(&[&format!("REGISTRIES_0={PARTNER_HOST}"), &format!("ROLE_ARN={theirs}")]);
    assert_eq!(step.registries(), [HOST, PARTNER_HOST]);
    for host in [HOST, PARTNER_HOST] {
        let got = step.run(&format!("printf {host} | docker-credential-ecr-auth get"));
        assert_eq!(registry_status(&lab, host, &got.password()), 200);
    }
    let roles: Vec<String> = lab.session_calls().into_iter().map(|call| call.role_arn).collect();
    assert_eq!(roles, [ours, theirs]);
    // The agent runs it once for each use.
    for _ in 0..2 {
        assert_eq!(step.hook("pre-exit", &[]).status, 0);
        step.assert_leaves_nothing();
    }
}

#[test]
fn buildkites_plugin_leaves_nothing_if_it_fails() {
    let step = Step::new(Machine::new());
    let fails = || {
        let outcome = step.hook("environment", &["REGISTRIES=ghcr.io"]);
        assert_eq!(outcome.status, 2, "{outcome:?}");
    };
    fails();
    step.assert_leaves_nothing();
    assert_eq!(step.hook("pre-exit", &[]).status, 0);
    // An earlier use's folder is for pre-exit to remove.
    step.set_up(&[&format!("REGISTRIES={HOST}")]);
    fails();
    assert_eq!(step.registries(), [HOST]);
    assert_eq!(step.hook("pre-exit", &[]).status, 0);
    step.assert_leaves_nothing();
}

#[rstest]
#[case::first(&["REGISTRIES_0=", "REGISTRIES_1=444455556666/eu-west-1"], &[PARTNER_HOST])]
#[case::between(&["REGISTRIES_0=public", "REGISTRIES_1=", "REGISTRIES_2=444455556666/eu-west-1"], &[PARTNER_HOST, "public.ecr.aws"])]
#[case::all(&["REGISTRIES_0=", "REGISTRIES_1="], &[HOST])]
#[case::text(&["REGISTRIES="], &[HOST])]
#[case::none(&[], &[HOST])]
fn buildkites_plugin_skips_empty_registries(#[case] options: &[&str], #[case] registries: &[&str]) {
    let lab = lab();
    let step = Step::new(machine(&lab).with("AWS_REGION", "eu-west-1"));
    step.set_up(options);
    assert_eq!(step.registries(), registries);
}

#[test]
fn a_registry_of_buildkites_plugin_is_no_option() {
    for option in OPTIONS {
        let step = Step::new(Machine::new());
        let outcome = step.hook("environment", &[&format!("REGISTRIES={option}")]);
        assert_is_refused(&outcome, option);
        step.assert_leaves_nothing();
    }
}
