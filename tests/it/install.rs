//! `ecr-auth install`: into a folder that an init container shares, into an image, or over a running version.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rstest::rstest;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::PATIENCE;

const NAMES: [&str; 2] = ["docker-credential-ecr-auth", "docker-credential-ecr-login"];
const VERSION: &str = concat!("docker-credential-ecr-auth ", env!("CARGO_PKG_VERSION"), "\n");

fn install(folder: &Path) -> Outcome {
    Machine::new().run(&["install", "--to", &folder.display().to_string()])
}

fn said(folder: &Path) -> String {
    let binary = folder.join("ecr-auth");
    format!("installed: {}, with {} and {}\n", binary.display(), NAMES[0], NAMES[1])
}

/// Checks that every name is there and runs, and that there are no other files.
#[track_caller]
fn is_installed(folder: &Path) {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [NAMES[0], NAMES[1], "ecr-auth"]);
    let installed = folder.join("ecr-auth");
    assert_eq!(installed.metadata().unwrap().mode() & 0o7777, 0o755);
    assert!(
        fs::read(&installed).unwrap() == fs::read(binary()).unwrap(),
        "other bytes"
    );
    for name in NAMES {
        Machine::new()
            .call(&folder.join(name), &["version"], "")
            .prints(VERSION);
    }
}

/// A binary that differs from ours and still runs: nothing reads the bytes after its last section.
fn older_binary(path: &Path) {
    fs::copy(binary(), path).unwrap();
    OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(b"older")
        .unwrap();
}

#[test]
fn a_folder_is_made_and_may_be_mounted_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let tools = folder.path().join("shared/tools");
    install(&tools).is(0, "", &said(&tools));
    is_installed(&tools);
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&tools, &elsewhere).unwrap();
    is_installed(&elsewhere);
}

#[test]
fn a_second_time_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let inode = || fs::metadata(folder.path().join("ecr-auth")).unwrap().ino();
    install(folder.path()).is(0, "", &said(folder.path()));
    let first = inode();
    install(folder.path()).is(0, "", &said(folder.path()));
    assert_eq!(inode(), first);
    // The installed binary installs itself in its own folder.
    let to = folder.path().display().to_string();
    let again = Machine::new().call(&folder.path().join("ecr-auth"), &["install", "--to", &to], "");
    again.is(0, "", &said(folder.path()));
    assert_eq!(inode(), first);
    fs::set_permissions(folder.path().join("ecr-auth"), Permissions::from_mode(0o700)).unwrap();
    install(folder.path()).is(0, "", &said(folder.path()));
    is_installed(folder.path());
}

#[test]
fn an_older_one_is_replaced_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ecr-auth");
    older_binary(&path);
    fs::copy(&path, folder.path().join(NAMES[1])).unwrap();
    let mut running = Command::new(&path)
        .args(["helper", "get"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    install(folder.path()).is(0, "", &said(folder.path()));
    is_installed(folder.path());
    // The old process still runs: it answers that its input was empty.
    drop(running.stdin.take());
    let ended = running.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "no credentials server URL\n");
}

#[test]
fn any_user_without_home_and_tmp_can_install() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let volume = folder.path().join("volume");
    fs::create_dir(&volume).unwrap();
    chown(&volume, Some(4711), Some(0)).unwrap();
    let output = reachable_binary(folder.path())
        .args(["install", "--to"])
        .arg(&volume)
        .env_clear()
        .env("TMPDIR", "/nonexistent")
        .uid(4711)
        .gid(4711)
        .output()
        .unwrap();
    Outcome::of(&output).is(0, "", &said(&volume));
    is_installed(&volume);
}

/// Returns a command of a copy of the binary, because the build's folder may be closed to others.
fn reachable_binary(folder: &Path) -> Command {
    let path = folder.join("copy");
    fs::copy(binary(), &path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    Command::new(path)
}

#[test]
fn who_may_not_write_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let output = reachable_binary(folder.path())
        .args(["install", "--to"])
        .arg(folder.path())
        .env_clear()
        .uid(4711)
        .gid(4711)
        .output()
        .unwrap();
    let outcome = Outcome::of(&output);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    let first = format!(
        "error: cannot write {}: Permission denied",
        folder.path().join("ecr-auth").display()
    );
    assert!(outcome.stderr.starts_with(&first), "{outcome:?}");
    assert!(
        outcome.stderr.contains("hint: ") && outcome.stderr.contains("fsGroup"),
        "{outcome:?}"
    );
}

/// Runs in its own mount namespace, where a small or read-only file system is mounted at the folder.
fn install_mounted(prepare: &str, folder: &Path) -> Outcome {
    let script = format!("{prepare} && {{ \"$0\" install --to \"$1\"; status=$?; ls -A \"$1\"; exit $status; }}");
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-c", &script])
        .arg(binary())
        .arg(folder)
        .output()
        .unwrap();
    Outcome::of(&output)
}

#[test]
fn no_room_and_no_right_to_write_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let full = install_mounted(
        "mount -t tmpfs -o size=64k none \"$1\" && echo old >\"$1/ecr-auth\"",
        folder.path(),
    );
    assert_eq!((full.status, full.stdout.as_str()), (1, "ecr-auth\n"), "{full:?}");
    assert!(
        full.stderr.contains("No space left on device") && full.stderr.contains("sizeLimit"),
        "{full:?}"
    );
    let closed = install_mounted("mount -t tmpfs -o ro none \"$1\"", folder.path());
    assert_eq!(closed.status, 1, "{closed:?}");
    assert!(
        closed.stderr.contains("Read-only file system") && closed.stderr.contains("volume"),
        "{closed:?}"
    );
}

#[test]
fn what_is_no_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let outcome = install(&file);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .starts_with(&format!("error: cannot make {}: ", file.display())),
        "{outcome:?}"
    );
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("ecr-auth/full")).unwrap();
    let outcome = install(&taken);
    assert!(outcome.stderr.contains("remove the folder of that name"), "{outcome:?}");
    assert_eq!(fs::read_dir(&taken).unwrap().count(), 1, "nothing is left behind");
    assert_eq!(Machine::new().run(&["install"]).status, 2);
}

#[test]
fn a_binary_that_is_gone_says_so_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let tools = folder.path().join("tools");
    let script = "cp \"$0\" \"$1/gone\" && exec 3<\"$1/gone\" && rm \"$1/gone\" && exec /proc/self/fd/3 install --to \"$1/tools\"";
    let args = [
        "-c",
        script,
        &binary().display().to_string(),
        &folder.path().display().to_string(),
    ];
    let outcome = Machine::new().call(Path::new("/bin/bash"), &args, "");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .starts_with("error: cannot read the running binary: No such file"),
        "{outcome:?}"
    );
    assert!(!tools.exists());
}

/// Another local user, who prepared the helper's path before root came.
const OTHER: u32 = 54_401;

/// How another user can still change what is at the helper's path.
#[derive(Debug, Clone, Copy)]
enum Grip {
    Owner,
    SecondName,
    Folder,
    FolderOfTheirs,
    Link,
}

/// Puts an ecr-auth at the helper's path that runs like ours until the other user changes it.
fn gripped(machine: &Machine, grip: Grip, name: &str) -> PathBuf {
    fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
    let folder = machine.path("programs");
    fs::create_dir(&folder).unwrap();
    let path = folder.join(name);
    match grip {
        Grip::Link => {
            std::os::unix::fs::symlink(binary(), &path).unwrap();
            lchown(&path, Some(OTHER), Some(OTHER)).unwrap();
        }
        _ => drop(fs::copy(binary(), &path).unwrap()),
    }
    match grip {
        Grip::Owner => chown(&path, Some(OTHER), Some(OTHER)).unwrap(),
        Grip::SecondName => fs::hard_link(&path, machine.path("second")).unwrap(),
        Grip::Folder => fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap(),
        Grip::FolderOfTheirs => chown(&folder, Some(OTHER), Some(OTHER)).unwrap(),
        Grip::Link => {}
    }
    path
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[rstest]
#[case(Grip::Owner)]
#[case(Grip::SecondName)]
#[case(Grip::Folder)]
#[case(Grip::FolderOfTheirs)]
#[case(Grip::Link)]
fn install_keeps_nothing_that_another_user_could_change(#[case] grip: Grip) {
    for name in ["ecr-auth", NAMES[0]] {
        let machine = Machine::new();
        let path = gripped(&machine, grip, name);
        let before = inode(&path);
        let folder = path.parent().unwrap();
        install(folder).is(0, "", &said(folder));
        let now = fs::symlink_metadata(&path).unwrap();
        assert_ne!(now.ino(), before, "{name}");
        assert_eq!((now.uid(), now.nlink()), (0, 1), "{name}");
        is_installed(folder);
    }
}

#[rstest]
#[case(Grip::Owner)]
#[case(Grip::SecondName)]
#[case(Grip::Folder)]
#[case(Grip::Link)]
fn setup_keeps_nothing_that_another_user_could_change(#[case] grip: Grip) {
    let machine = Machine::new();
    let path = gripped(&machine, grip, NAMES[0]);
    let before = inode(&path);
    let folder = path.parent().unwrap().display().to_string();
    let setup = ["setup", HOST, "--client", "docker", "--bin-dir", &folder];
    let outcome = machine.run(&setup);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let now = fs::symlink_metadata(&path).unwrap();
    assert_ne!(now.ino(), before);
    assert_eq!((now.uid(), fs::read_link(&path).unwrap()), (0, binary()));
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!path.exists(), "it is not put back");
}

/// Whoever may write to the folder can put a pipe there between a look and the reading.
#[test]
fn a_helper_that_is_swapped_for_a_pipe_is_not_waited_for() {
    let machine = Machine::new();
    let folder = machine.path("programs");
    fs::create_dir(&folder).unwrap();
    let (helper, pipe) = (folder.join(NAMES[0]), folder.join("pipe"));
    fs::write(&helper, "another program").unwrap();
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (bin, path, binary) = (folder.to_str().unwrap(), helper.to_str().unwrap(), binary());
    // The time in which the other one can act: what is asked about the helper takes long.
    let slowly = [
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        path,
        "-e",
        "inject=%file:delay_exit=5000",
    ];
    // One that waits is ended.
    let limited = ["/usr/bin/timeout", "--signal=KILL", "30", binary.to_str().unwrap()];
    let setup = ["setup", HOST, "--client", "docker", "--bin-dir", bin];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &helper, CWD, &pipe, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let ends = (0..24).all(|_| {
            let command = machine.command(Path::new("/usr/bin/strace"), &[&slowly[..], &limited, &setup].concat());
            let output = assert_cmd::Command::from_std(command)
                .timeout(PATIENCE)
                .output()
                .unwrap();
            matches!(output.status.code(), Some(0..=2))
        });
        over.store(true, Ordering::Relaxed);
        assert!(ends, "setup waits for a pipe");
    });
}

#[test]
fn what_nobody_else_can_change_is_kept() {
    let machine = Machine::new();
    let folder = machine.path("programs");
    fs::create_dir(&folder).unwrap();
    let path = folder.join(NAMES[0]);
    fs::copy(binary(), &path).unwrap();
    let before = inode(&path);
    let bin = folder.display().to_string();
    let outcome = machine.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert!(outcome.stderr.contains("already installed"), "{outcome:?}");
    assert_eq!(inode(&path), before);
}
