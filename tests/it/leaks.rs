//! Places where no command may leave secrets: arguments, children's environments, stdout unless they are the result, stderr at any verbosity, files
//! that others can read, core dumps.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};

use lab::{Fault, Lab, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine, binary};
use crate::lab_machine::{PATIENCE, lab, machine_with, role, session};
use crate::stored_logins::add_store;
use crate::trace::{Secrets, Trace};

/// Returns a machine with temporary credentials, a credential store, and debugging on, and all its secrets.
fn marked(lab: &Lab) -> (Machine, Secrets) {
    let key = session(lab, &role(lab, "builder"));
    let mut secrets = Secrets::default();
    secrets.mark([key.secret.clone(), key.session_token.clone().unwrap()]);
    let machine = add_store(machine_with(lab, &key)).with("ECR_AUTH_LOG", "debug");
    machine.write(".docker/config.json", "{\"credsStore\": \"keeping\"}");
    (machine, secrets)
}

const ROLE: &str = "arn:aws:iam::111122223333:role/builder";
const STORED: &str = r#"{"ServerURL":"ghcr.io","Username":"AWS","Secret":"st0red-p4ssword"}"#;
const IMAGE: &str = r#"{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app"}"#;

/// A command: its arguments, its stdin, and whether its result is a secret.
type Command = (&'static [&'static str], &'static str, bool);

/// The commands that use secrets. `~` is the home.
const COMMANDS: &[Command] = &[
    (&["helper", "get"], HOST, true),
    (&["helper", "list"], "", false),
    (&["helper", "version"], "", false),
    (&["helper", "store"], STORED, false),
    (&["helper", "store"], "{\"Secret\":\"st0red-p4ssword\"", false),
    (&["-vv", "kubelet"], IMAGE, true),
    (
        &[
            "-vv",
            "setup",
            "--client",
            "all",
            "--bin-dir",
            "~/bin",
            "--verify",
            HOST,
        ],
        "",
        false,
    ),
    (
        &[
            "-vv",
            "setup",
            "--dry-run",
            "--client",
            "all",
            "--bin-dir",
            "~/bin",
            "public",
        ],
        "",
        false,
    ),
    (
        &["-vv", "login", "--client", "all", "444455556666/eu-west-1"],
        "",
        false,
    ),
    (&["-vv", "login", "--format", "json", HOST], "", true),
    (
        &[
            "-vv",
            "login",
            "--format",
            "k8s-secret",
            "--output",
            "~/secret.yml",
            HOST,
        ],
        "",
        false,
    ),
    (
        &[
            "-vv",
            "assume",
            "--source",
            "chain",
            "--role-arn",
            ROLE,
            "--output",
            "~/session.json",
        ],
        "",
        false,
    ),
    (
        &[
            "-vv",
            "assume",
            "--source",
            "chain",
            "--format",
            "profile",
            "--profile",
            "ci",
            "--role-arn",
            ROLE,
        ],
        "",
        false,
    ),
    (&["-vv", "install", "--to", "~/installed"], "", false),
    (&["-vv", "doctor", HOST], "", false),
    (&["-vv", "doctor", "--json", HOST], "", false),
    (&["helper", "erase"], HOST, false),
    (&["-vv", "logout"], "", false),
    (&["completions", "bash"], "", false),
];

fn at_home(args: &[&str], machine: &Machine) -> Vec<String> {
    let home = machine.home().display().to_string();
    args.iter().map(|arg| arg.replace('~', &home)).collect()
}

#[test]
fn nothing_secret_is_told_handed_on_or_left_for_others() {
    let lab = lab();
    let (machine, mut secrets) = marked(&lab);
    let answer: serde_json::Value = serde_json::from_str(&machine.helper("get", HOST).stdout).unwrap();
    secrets.mark(["st0red-p4ssword", answer["Secret"].as_str().unwrap()]);
    for (args, stdin, is_secret) in COMMANDS {
        let args = at_home(args, &machine);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (outcome, trace) = Trace::of(&machine, &args, stdin);
        // Doctor finds no docker here.
        let may_fail = args.contains(&"store") || args.contains(&"doctor");
        assert!(outcome.status == 0 || may_fail, "{args:?}: {outcome:?}");
        secrets.assert_unsaid(&outcome.stderr, &args);
        if !is_secret {
            secrets.assert_unsaid(&outcome.stdout, &args);
        }
        trace.assert_programs_have_no_secrets(&secrets, &[]);
        trace.assert_files_are_private(&secrets, &machine);
    }
    secrets.assert_files_keep(&machine);
}

#[rstest]
fn failures_tell_no_secret(
    #[values(
        Fault::Garbage,
        Fault::OddBase64,
        Fault::NoColon,
        Fault::Throttle,
        Fault::Reset,
        Fault::Truncated
    )]
    fault: Fault,
) {
    let lab = lab();
    let (machine, mut secrets) = marked(&lab);
    secrets.mark(["st0red-p4ssword"]);
    let machine = machine.with("AWS_MAX_ATTEMPTS", "1").with("ECR_AUTH_CACHE", "off");
    lab.fail(Service::Ecr, fault);
    for (args, stdin, is_secret) in COMMANDS.iter().filter(|(args, ..)| !args.contains(&"assume")) {
        let args = at_home(args, &machine);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = machine.run_with_stdin(&args, stdin);
        assert!(outcome.status == 1 || !is_secret, "{args:?}: {outcome:?}");
        secrets.assert_unsaid(&outcome.stdout, &args);
        secrets.assert_unsaid(&outcome.stderr, &args);
    }
    secrets.assert_files_keep(&machine);
}

#[test]
fn a_get_starts_no_process() {
    let lab = lab();
    let (machine, _) = marked(&lab);
    let (outcome, trace) = Trace::of(&machine, &["helper", "get"], HOST);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(trace.executed().count(), 0);
}

/// A process with secrets that crashes leaves no core dump, even if core dumps are allowed.
#[test]
fn a_crash_leaves_no_core() {
    let lab = lab();
    lab.fail(Service::Ecr, Fault::Hang);
    let (machine, _) = marked(&lab);
    let unlimited = |program: &str, args: &[&str]| -> Child {
        let args = [&["--core=unlimited:unlimited", program], args].concat();
        let mut command = machine.command(Path::new("/usr/bin/prlimit"), &args);
        command.stdin(File::open(machine.write("host", HOST)).unwrap());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let crashed = |child: &mut Child| {
        let process = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(process, rustix::process::Signal::ABORT).unwrap();
        child.wait().unwrap()
    };
    let mut helper = unlimited(binary().to_str().unwrap(), &["helper", "get"]);
    assert!(lab.wait_for_calls("ecr:GetAuthorizationToken", 1, PATIENCE));
    let status = crashed(&mut helper);
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false), "{status:?}");
    assert!(!machine.path("core").exists());
    // Another program would have left a core dump.
    let status = unlimited("/bin/sh", &["-c", "kill -ABRT $$"]).wait().unwrap();
    assert!(status.core_dumped(), "{status:?}");
}

/// Another process of the same user cannot read its memory or its environment either: the kernel gives these to root.
#[test]
fn a_process_with_secrets_is_closed_to_its_users_others() {
    let lab = lab();
    lab.fail(Service::Ecr, Fault::Hang);
    let (machine, _) = marked(&lab);
    fs::set_permissions(machine.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let copy = machine.path("ecr-auth");
    fs::hard_link(binary(), &copy)
        .or_else(|_| fs::copy(binary(), &copy).map(drop))
        .unwrap();
    let args = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        copy.to_str().unwrap(),
        "helper",
        "get",
    ];
    let mut command = machine.command(Path::new("/usr/bin/setpriv"), &args);
    command
        .stdin(File::open(machine.write("host", HOST)).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut helper = command.spawn().unwrap();
    assert!(lab.wait_for_calls("ecr:GetAuthorizationToken", 1, PATIENCE));
    let environment = fs::metadata(format!("/proc/{}/environ", helper.id())).unwrap();
    assert_eq!(environment.uid(), 0);
    helper.kill().unwrap();
    helper.wait().unwrap();
}
