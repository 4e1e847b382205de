//! Failures with files, folders and streams.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use diagnostics::Code;

use super::Way;
use super::command_line::keys;
use crate::harness::{HOST, Machine, Outcome, binary};

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
        let args = ["assume", "--profile", "ci", "--format", "env", "--output", "/dev/fd/1"];
        let machine = with_profile();
        let mut command = machine.command(&binary(), &args);
        Outcome::of(&command.stdout(File::create("/dev/full").unwrap()).output().unwrap())
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

/// Returns a machine with a profile `ci` that has keys.
pub fn with_profile() -> Machine {
    let machine = Machine::new();
    let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr\n";
    machine.write(".aws/credentials", &format!("[ci]\n{keys}"));
    machine
}

/// The test holds the lock, like a process that hangs.
fn waited_in_vain() -> Outcome {
    let machine = Machine::new().with("ECR_AUTH_TIMEOUT", "1");
    let lock = File::create(machine.write(".local/state/ecr-auth/files.lock", "")).unwrap();
    lock.set_permissions(Permissions::from_mode(0o600)).unwrap();
    lock.lock().unwrap();
    let bin = machine.path("bin").display().to_string();
    machine.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin])
}
