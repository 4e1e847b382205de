//! Locks that another process holds: another user's on files they can read, or one of our own that hangs.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use lab::{Lab, Service};
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, later, machine, role};

/// The user who runs a command.
const USER: u32 = 54_302;
/// Another local user, who can read the folders.
const OTHER: u32 = 54_301;
/// What a role's session takes, in the lab's counts.
const ASSUME: &str = "sts:AssumeRole";

/// Runs a command. A process that still runs after [`PATIENCE`] is killed, which is a failure.
fn run(machine: &Machine, args: &[&str], stdin: &str) -> Outcome {
    let mut command = assert_cmd::Command::from_std(machine.command(&binary(), args));
    let output = command.write_stdin(stdin).timeout(PATIENCE).output().unwrap();
    let outcome = Outcome::of(&output);
    assert!(outcome.status >= 0, "{args:?} does not end: {outcome:?}");
    outcome
}

fn bin(machine: &Machine) -> String {
    machine.path("bin").display().to_string()
}

/// Starts a process of the other user that holds a shared lock until it is ended.
fn locked_by_other(machine: &Machine, path: &Path) -> Child {
    let path = path.to_str().unwrap();
    let (user, group) = (format!("--reuid={OTHER}"), format!("--regid={OTHER}"));
    let args = [
        &user,
        &group,
        "--clear-groups",
        "flock",
        "--shared",
        path,
        "-c",
        "echo held; cat",
    ];
    let mut command = machine.command(Path::new("/usr/bin/setpriv"), &args);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "held\n");
    holder
}

fn end(mut holder: Child) {
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
}

#[test]
fn a_lock_of_another_user_stops_no_command() {
    let lab = lab();
    let machine = machine(&lab);
    let role = role(&lab, "puller");
    for folder in [machine.path(""), machine.home()] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    for file in [".docker/config.json", ".config/containers/auth.json"] {
        machine.write(file, "{}");
    }
    machine.write(".aws/config", "");
    fs::create_dir_all(machine.home().join(".config/ecr-auth")).unwrap();
    let places = [
        ".docker",
        ".docker/config.json",
        ".config/containers",
        ".config/ecr-auth",
        ".aws",
        ".aws/config",
        ".config",
        "",
    ];
    let holders: Vec<_> = places
        .iter()
        .map(|place| locked_by_other(&machine, &machine.home().join(place)))
        .collect();
    let bin = bin(&machine);
    let setup = ["setup", HOST, "--client", "all", "--bin-dir", &bin];
    let role = ["--role-arn", &role, "--source", "chain"];
    for args in [
        &["login", HOST],
        &setup[..],
        &[&setup[..], &role].concat(),
        &[&["assume", "--format", "profile", "--profile", "ci"][..], &role].concat(),
        &["logout"],
    ] {
        let outcome = run(&machine, args, "");
        assert_eq!(outcome.status, 0, "{args:?}: {outcome:?}");
    }
    holders.into_iter().for_each(end);
}

/// An older version or a person may have made the folder readable for all.
#[test]
fn the_folder_of_the_locks_is_closed_to_others() {
    let machine = Machine::new();
    let state = machine.home().join(".local/state/ecr-auth");
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    fs::write(state.join("files.lock"), "").unwrap();
    fs::set_permissions(state.join("files.lock"), Permissions::from_mode(0o644)).unwrap();
    let bin = bin(&machine);
    let outcome = run(&machine, &["setup", HOST, "--client", "docker", "--bin-dir", &bin], "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&state.join("files.lock"))), (0o700, 0o600));
}

#[rstest]
#[case::files("files.lock", 1, "holds ")]
#[case::notes("setup.lock", 0, "cannot be recorded")]
fn a_process_that_hangs_with_a_lock_is_waited_for_no_longer_than_the_time_there_is(
    #[case] lock: &str,
    #[case] status: i32,
    #[case] told: &str,
) {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "1");
    let bin = bin(&machine);
    let commands = [
        &["setup", HOST, "--client", "docker", "--bin-dir", &bin][..],
        &["login", HOST, "--client", "podman"],
    ];
    let state = machine.home().join(".local/state/ecr-auth");
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let file = File::create(state.join(lock)).unwrap();
    file.set_permissions(Permissions::from_mode(0o600)).unwrap();
    file.lock().unwrap();
    for args in commands {
        let outcome = run(&machine, args, "");
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.stderr.contains(told), "{outcome:?}");
    }
    drop(file);
    for args in commands {
        assert_eq!(run(&machine, args, "").status, 0);
    }
    assert_eq!(run(&machine, &["logout"], "").status, 0);
}

/// A process that was stopped in the middle of a call of AWS, as in a container that was frozen. It ends with this.
struct Stopped(Child);

impl Stopped {
    /// Starts a process, and stops it when the lab has seen so many calls, of which it answers none to it.
    fn in_call(lab: &Lab, service: Service, call: &str, count: u64, start: impl FnOnce() -> Child) -> Self {
        lab.hold(service);
        let stopped = Self(start());
        assert!(lab.wait_for_calls(call, count, PATIENCE));
        let id = Pid::from_raw(i32::try_from(stopped.0.id()).unwrap()).unwrap();
        kill_process(id, Signal::STOP).unwrap();
        lab.release(service);
        stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process is stopped during its call to AWS, as in a frozen container.
#[test]
fn a_stopped_process_keeps_no_token_from_the_others() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "60");
    let start = || machine.start_helper("get", HOST);
    let _stopped = Stopped::in_call(&lab, Service::Ecr, GET_TOKEN, 1, start);
    let machine = machine.with("ECR_AUTH_TIMEOUT", "3");
    let password = run(&machine, &["helper", "get"], HOST).password();
    // The token is kept for all later processes.
    assert_eq!(run(&machine, &["helper", "get"], HOST).password(), password);
    assert_eq!(lab.count(GET_TOKEN), 2);
}

/// The others are served what there is, without waiting; when that has ended, they fetch by themselves.
#[test]
fn a_process_that_is_stopped_while_it_renews_keeps_no_token_from_the_others() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "60");
    let password = run(&machine, &["helper", "get"], HOST).password();
    let machine = later(&lab, machine, Duration::from_secs(7 * 3600));
    let start = || machine.start_helper("get", HOST);
    let _stopped = Stopped::in_call(&lab, Service::Ecr, GET_TOKEN, 2, start);
    let machine = machine.with("ECR_AUTH_TIMEOUT", "3");
    for _ in 0..3 {
        assert_eq!(run(&machine, &["helper", "get"], HOST).password(), password);
    }
    assert_eq!(lab.count(GET_TOKEN), 2);
    let machine = later(&lab, machine, Duration::from_secs(6 * 3600));
    let renewed = run(&machine, &["helper", "get"], HOST).password();
    assert_ne!(renewed, password);
    assert_eq!(run(&machine, &["helper", "get"], HOST).password(), renewed);
    assert_eq!(lab.count(GET_TOKEN), 3);
}

#[test]
fn a_stopped_process_keeps_no_session_from_the_others() {
    let lab = lab();
    let role = role(&lab, "puller");
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "60").with("AWS_ROLE_ARN", &role);
    let start = || machine.start(&["assume"]);
    let _stopped = Stopped::in_call(&lab, Service::Sts, ASSUME, 1, start);
    let machine = machine.with("ECR_AUTH_TIMEOUT", "4");
    let assumed = run(&machine, &["assume"], "");
    assert_eq!(assumed.status, 0, "{assumed:?}");
    assert_eq!(run(&machine, &["assume"], "").stdout, assumed.stdout);
    assert_eq!(lab.count(ASSUME), 2);
}

/// `XDG_STATE_HOME` names a folder like /tmp, where the other user has made ours first.
#[rstest]
#[case::a_folder_of_theirs(false)]
#[case::a_file_of_theirs_in_a_folder_for_all(true)]
fn notes_that_another_user_wrote_are_not_believed(#[case] in_ours: bool) {
    let machine = Machine::new();
    let shared = machine.path("shared");
    let state = shared.join("ecr-auth");
    fs::create_dir_all(&state).unwrap();
    for folder in [&shared, &state] {
        fs::set_permissions(folder, Permissions::from_mode(0o1777)).unwrap();
    }
    let machine = machine.with("XDG_STATE_HOME", shared.to_str().unwrap());
    let config = machine.write(
        ".docker/config.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-auth\"}}}}"),
    );
    let notes = serde_json::json!({"files": {config.display().to_string(): {
        "credHelpers": {HOST: {"previous": "planted", "written": ["ecr-auth"]}},
    }}});
    fs::write(state.join("setup.json"), notes.to_string()).unwrap();
    for theirs in [state.join("setup.json"), state.clone()]
        .iter()
        .take(if in_ours { 1 } else { 2 })
    {
        chown(theirs, Some(OTHER), Some(OTHER)).unwrap();
    }
    let outcome = run(&machine, &["logout", "--client", "docker"], "");
    assert!(!machine.read(".docker/config.json").contains("planted"), "{outcome:?}");
    assert!(!machine.read(".docker/config.json").contains(HOST), "{outcome:?}");
}

/// `XDG_STATE_HOME` names a folder like /tmp, where the other user's link leads to one of the user's own folders.
#[test]
fn a_state_folder_that_another_users_link_leads_to_is_not_used() {
    let machine = Machine::new();
    let (shared, mine) = (machine.path("shared"), machine.path("mine"));
    for folder in [&shared, &mine] {
        fs::create_dir(folder).unwrap();
    }
    for (folder, mode) in [
        (machine.path(""), 0o755),
        (shared.clone(), 0o1777),
        (mine.clone(), 0o755),
    ] {
        fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    }
    let machine = machine.with("XDG_STATE_HOME", shared.to_str().unwrap());
    let config = machine.write(
        ".docker/config.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-auth\"}}}}"),
    );
    let notes = serde_json::json!({"files": {config.display().to_string(): {
        "credHelpers": {HOST: {"previous": "planted", "written": ["ecr-auth"]}},
    }}});
    fs::write(mine.join("setup.json"), notes.to_string()).unwrap();
    symlink(&mine, shared.join("ecr-auth")).unwrap();
    lchown(shared.join("ecr-auth"), Some(OTHER), Some(OTHER)).unwrap();
    for place in [
        "home",
        "home/.docker",
        "home/.docker/config.json",
        "mine",
        "mine/setup.json",
    ] {
        chown(machine.path(place), Some(USER), Some(USER)).unwrap();
    }
    let copy = machine.path("ecr-auth");
    fs::copy(binary(), &copy).unwrap();
    let as_user = |args: &[&str]| {
        let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
        let become_user = [&user, &group, "--clear-groups", copy.to_str().unwrap()];
        machine.call(Path::new("/usr/bin/setpriv"), &[&become_user[..], args].concat(), "")
    };
    let bin = machine.home().join("bin").display().to_string();
    for args in [
        &["logout"][..],
        &["setup", HOST, "--client", "docker", "--bin-dir", &bin],
    ] {
        let outcome = as_user(args);
        assert!(!machine.read(".docker/config.json").contains("planted"), "{outcome:?}");
        assert!(
            outcome.stderr.contains("another user's link leads there"),
            "{outcome:?}"
        );
    }
    let left = fs::read_dir(&mine).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["setup.json"]);
    assert_eq!(mine.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

/// As on shared clusters: a project's folder belongs to its leader, and a home in it has a link to a larger disk.
#[test]
fn a_link_of_ones_own_is_followed_below_another_users_folder() {
    let machine = Machine::new();
    let scratch = machine.path("scratch");
    fs::create_dir(&scratch).unwrap();
    symlink(&scratch, machine.home().join(".local")).unwrap();
    lchown(machine.home().join(".local"), Some(USER), Some(USER)).unwrap();
    for place in [machine.home().to_path_buf(), scratch.clone()] {
        chown(&place, Some(USER), Some(USER)).unwrap();
    }
    fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
    chown(machine.path(""), Some(OTHER), Some(OTHER)).unwrap();
    let copy = machine.path("ecr-auth");
    fs::copy(binary(), &copy).unwrap();
    let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
    let become_user = [&user, &group, "--clear-groups", copy.to_str().unwrap()];
    let as_user = |args: &[&str]| machine.call(Path::new("/usr/bin/setpriv"), &[&become_user[..], args].concat(), "");
    let bin = machine.home().join("bin").display().to_string();
    let outcome = as_user(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!outcome.stderr.contains("link leads there"), "{outcome:?}");
    assert!(scratch.join("state/ecr-auth").is_dir(), "{outcome:?}");
    let outcome = as_user(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!machine.home().join(".docker/config.json").exists(), "{outcome:?}");
}
