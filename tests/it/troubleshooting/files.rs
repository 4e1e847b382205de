//! What is wrong with files, folders and streams.

use std::fs::File;
use std::os::unix::fs::symlink;

use diagnostics::Code;
use lab::Service;

use super::Way;
use super::command_line::keys;
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, machine};

pub const WAYS: &[Way] = &[
    (Code::NotWritable, || {
        let machine = Machine::new();
        let config = machine.write(".docker/config.json", "{}");
        std::fs::remove_file(&config).unwrap();
        symlink("/nowhere/config.json", &config).unwrap();
        let bin = machine.path("bin").display().to_string();
        machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST])
    }),
    (Code::DiskFull, || {
        with_profile().run(&["assume", "--profile", "ci", "--format", "env", "--output", "/dev/full"])
    }),
    (Code::NotReadable, || {
        keys().run(&["cognito", "import", "/nowhere/vendor.yml"])
    }),
    (Code::NoHome, || {
        crate::home::unknown_user(&Machine::new().without("HOME"), &["logout"], "")
    }),
    (Code::WaitedInVain, waited_in_vain),
    (Code::ResultNotWritten, || {
        let machine = keys();
        let mut command = machine.command(&binary(), &["completions", "bash"]);
        Outcome::of(&command.stdout(File::create("/dev/full").unwrap()).output().unwrap())
    }),
];

/// A machine with a profile `ci` that has keys.
pub fn with_profile() -> Machine {
    let machine = Machine::new();
    let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr\n";
    machine.write(".aws/credentials", &format!("[ci]\n{keys}"));
    machine
}

/// The time of one is over before the other has its answer.
fn waited_in_vain() -> Outcome {
    let lab = lab();
    lab.hold(Service::Ecr);
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "60");
    let first = machine.start_helper("get", HOST);
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    let machine = machine.with("ECR_AUTH_TIMEOUT", "1");
    let second = machine.helper("get", HOST);
    lab.release(Service::Ecr);
    Outcome::of(&first.wait_with_output().unwrap()).password();
    second
}
