//! `assume --format env`: lines that each shell reads.

use std::process::Command;

use lab::Ci;

use crate::harness::Machine;
use crate::jobs::in_job;
use crate::lab_machine::lab;

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

/// A shell in which other credentials were exported: the AWS CLI exports their end too, and boto3 reads the older name of a token first.
#[test]
fn what_is_left_of_other_credentials_is_removed() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let args = ["assume", "--format", "env"];
    assert!(!machine.run(&args).stdout.contains("unset"));
    let machine = machine
        .with("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
        .with("AWS_SECURITY_TOKEN", "old");
    let printed = machine.run(&args);
    assert_eq!(printed.status, 0, "{printed:?}");
    let unset = "unset AWS_SECURITY_TOKEN\nunset AWS_CREDENTIAL_EXPIRATION\n";
    assert!(printed.stdout.ends_with(unset), "{printed:?}");
}
