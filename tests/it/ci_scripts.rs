//! The scripts of the GitLab template and of Jenkins' library: what they are given as registries is never an option of ecr-auth's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, binary};

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

fn run(script: &str, registry: &str) -> (Machine, Outcome) {
    let machine = Machine::new();
    let bin = machine.path("bin");
    fs::create_dir(&bin).unwrap();
    symlink(binary(), bin.join("ecr-auth")).unwrap();
    let machine = machine.with("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    let outcome = machine.call("/bin/sh".as_ref(), &["-euc", script, "sh", registry], "");
    (machine, outcome)
}

#[rstest]
#[case::gitlab(gitlab())]
#[case::jenkins(jenkins())]
fn a_registry_is_no_option(#[case] script: String) {
    let (machine, outcome) = run(&script, HOST);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(machine.read(".docker/config.json").contains(HOST));
    for option in [
        "--version",
        "--help",
        "--dry-run",
        "--bin-dir=/nowhere",
        "-q",
        "--creds-store",
    ] {
        let (machine, outcome) = run(&script, option);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        let said = format!("cannot take \"{option}\" for an ECR registry");
        assert!(outcome.stderr.contains(&said), "{outcome:?}");
        assert!(!machine.home().join(".docker").exists());
    }
}
