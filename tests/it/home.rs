//! The user's home if `HOME` is not set. A namespace gives the user another home in the password database.

use std::fs;
use std::path::Path;

use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, lab, machine, role};

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// Runs the binary without `HOME`, as a user whose home in the password database is the machine's.
fn known_user(machine: &Machine, args: &[&str], stdin: &str) -> Outcome {
    let database = machine.path("passwd");
    fs::write(&database, format!("root:x:0:0::{}:/bin/sh\n", machine.home().display())).unwrap();
    let (database, binary) = (database.display().to_string(), binary().display().to_string());
    let script = "mount --bind \"$0\" /etc/passwd && exec \"$@\"";
    let unshare = [
        "--map-root-user",
        "--mount",
        "/bin/sh",
        "-c",
        script,
        &database,
        &binary,
    ];
    machine.call(Path::new("/usr/bin/unshare"), &[&unshare, args].concat(), stdin)
}

/// Runs the binary as a user whom the password database does not know.
pub fn unknown_user(machine: &Machine, args: &[&str], stdin: &str) -> Outcome {
    let binary = binary().display().to_string();
    let unshare = ["--map-user=54321", &binary];
    machine.call(Path::new("/usr/bin/unshare"), &[&unshare, args].concat(), stdin)
}

#[rstest]
#[case::unset(None)]
#[case::empty(Some(""))]
fn the_rule_in_the_users_home_counts_without_home(#[case] home: Option<&str>) {
    let lab = lab();
    let role = role(&lab, "puller");
    let mut machine = machine(&lab).without("HOME");
    if let Some(home) = home {
        machine.set("HOME", home);
    }
    let rule = format!("defaults:\n  role-arn: {role}\n  source: chain\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    let password = known_user(&machine, &["helper", "get"], HOST).password();
    assert_eq!(lab.count(ASSUME_ROLE), 1);
    assert_eq!(known_user(&machine, &["helper", "get"], HOST).password(), password);
    assert_eq!((lab.count(ASSUME_ROLE), lab.count(GET_TOKEN)), (1, 1));
}

#[test]
fn setup_and_logout_find_the_clients_files_without_home() {
    let machine = Machine::new().without("HOME");
    let bin = machine.path("bin").display().to_string();
    let setup = ["setup", "--client", "all", "--bin-dir", &bin, HOST];
    assert_eq!(known_user(&machine, &setup, "").status, 0);
    for file in [".docker/config.json", ".config/containers/auth.json"] {
        assert!(machine.read(file).contains(HOST), "{file}");
    }
    assert_eq!(known_user(&machine, &["logout"], "").status, 0);
    assert!(!machine.home().join(".docker/config.json").exists());
    assert!(!machine.home().join(".config/containers/auth.json").exists());
}

#[test]
fn a_user_without_any_home_is_told_what_helps_and_it_does() {
    let mut machine = Machine::new().without("HOME");
    let hint = "hint: set HOME to a folder that this user may write to, as an absolute path";
    let bin = machine.path("bin").display().to_string();
    let setup = ["setup", "--client", "all", "--bin-dir", &bin, HOST];
    for args in [&setup[..], &["setup", HOST], &["logout"]] {
        let outcome = unknown_user(&machine, args, "");
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains("this user has no home folder [EA0805]"),
            "{outcome:?}"
        );
        assert!(outcome.stderr.contains(hint), "{outcome:?}");
    }
    let home = machine.home().display().to_string();
    machine.set("HOME", &home);
    for args in [&setup[..], &["logout"]] {
        let outcome = unknown_user(&machine, args, "");
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
}

#[test]
fn a_user_without_any_home_gets_passwords_by_the_environment() {
    let lab = lab();
    let machine = machine(&lab).without("HOME");
    unknown_user(&machine, &["helper", "get"], HOST).password();
}

/// The working directory may be a checkout, whose files must not decide whose credentials are used.
#[test]
fn a_relative_home_brings_no_configuration_from_the_working_directory() {
    let lab = lab();
    let role = role(&lab, "puller");
    let machine = machine(&lab).with("HOME", "home");
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("defaults:\n  role-arn: {role}\n  source: chain\n"),
    );
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(ASSUME_ROLE), 0);
    assert_eq!(machine.cache_files(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_home_that_is_a_file_keeps_no_password_back() {
    let lab = lab();
    let machine = machine(&lab).with("HOME", "/dev/null");
    machine.helper("get", HOST).password();
    let outcome = machine.run(&["setup", HOST]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("correct the path, or the HOME that it begins with"),
        "{outcome:?}"
    );
}

#[test]
fn the_password_database_is_read_only_where_it_is_needed() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    let trace = machine.path("trace").display().to_string();
    let binary = binary().display().to_string();
    let strace = ["-f", "-e", "trace=open,openat", "-o", &trace, &binary, "helper", "get"];
    machine.call(Path::new("/usr/bin/strace"), &strace, HOST).password();
    let opened = fs::read_to_string(&trace).unwrap();
    assert!(
        opened.contains(".cache/ecr-auth") && !opened.contains("/etc/passwd"),
        "{opened}"
    );
}

/// Root without `HOME`, in a home that is read-only: docs/machines.md.
#[test]
fn a_read_only_home_needs_folders_elsewhere() {
    let lab = lab();
    let mut machine = machine(&lab).without("HOME");
    let other = tempfile::tempdir().unwrap();
    let place = |name: &str| other.path().join(name).display().to_string();
    fs::write(
        place("passwd"),
        format!("root:x:0:0::{}:/bin/sh\n", machine.home().display()),
    )
    .unwrap();
    let home = machine.home().display().to_string();
    let call = |machine: &Machine, args: &[&str], stdin: &str| {
        let script = "mount --bind \"$0\" /etc/passwd && mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"";
        let (database, binary) = (place("passwd"), binary().display().to_string());
        let unshare = [
            "--map-root-user",
            "--mount",
            "/bin/sh",
            "-c",
            script,
            &database,
            &home,
            &binary,
        ];
        machine.call(Path::new("/usr/bin/unshare"), &[&unshare, args].concat(), stdin)
    };
    let bin = place("bin");
    let setup = ["setup", "--client", "docker", "--bin-dir", &bin, "--verify", HOST];
    let refused = call(&machine, &setup, "");
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("with --docker-config DIR\n"), "{refused:?}");
    for (variable, folder) in [
        ("DOCKER_CONFIG", "docker"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        machine.set(variable, &place(folder));
    }
    let done = call(&machine, &setup, "");
    assert_eq!(done.status, 0, "{done:?}");
    assert!(!done.stderr.contains("cannot be"), "{done:?}");
    assert!(fs::read_to_string(place("docker/config.json")).unwrap().contains(HOST));
    call(&machine, &["helper", "get"], HOST).password();
    let out = call(&machine, &["logout"], "");
    assert_eq!(out.status, 0, "{out:?}");
    assert!(!Path::new(&place("docker/config.json")).exists(), "{out:?}");
}

/// A file that the image's builder wrote is used by any user of the container.
#[test]
fn a_folder_for_all_users_of_an_image_serves_each() {
    let lab = lab();
    let machine = machine(&lab).without("HOME");
    let docker = machine.path("docker-cli");
    let bin = machine.path("bin").display().to_string();
    let folder = docker.display().to_string();
    let setup = [
        "setup",
        "--client",
        "docker",
        "--docker-config",
        &folder,
        "--bin-dir",
        &bin,
        HOST,
    ];
    let built = known_user(&machine, &setup, "");
    assert_eq!(built.status, 0, "{built:?}");
    let config = fs::read_to_string(docker.join("config.json")).unwrap();
    assert!(config.contains(&format!("\"{HOST}\": \"ecr-auth\"")), "{config}");
    unknown_user(&machine, &["helper", "get"], HOST).password();
}
