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
