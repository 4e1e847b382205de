//! `--output FILE` in a folder that others use too: no other user gets the keys, and no other user's file is written.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lab::Lab;
use rstest::rstest;
use rustix::fs::{CWD, FileType, Mode, OFlags, RenameFlags, mknodat, renameat_with};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{PATIENCE, lab, machine};

/// The user who runs the command, and the attacker.
const USER: u32 = 54_201;
const OTHER: u32 = 54_202;

/// The number of commands that run while a folder is swapped. Two of three would fail if a path were checked before it is used.
const SWAPPED_RUNS: usize = 30;

struct Scene {
    _lab: Lab,
    machine: Machine,
}

impl Scene {
    /// Returns a folder like /tmp, with a folder of the user's own and one of the other's in it.
    fn new() -> Self {
        let lab = lab();
        let machine = machine(&lab);
        fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
        let scene = Self { _lab: lab, machine };
        chown(scene.machine.home(), Some(USER), Some(USER)).unwrap();
        fs::create_dir(scene.shared("")).unwrap();
        fs::set_permissions(scene.shared(""), Permissions::from_mode(0o1777)).unwrap();
        for (folder, owner) in [("mine", USER), ("theirs", OTHER)] {
            fs::create_dir(scene.shared(folder)).unwrap();
            chown(scene.shared(folder), Some(owner), Some(owner)).unwrap();
        }
        fs::write(scene.shared("mine/file"), "before").unwrap();
        chown(scene.shared("mine/file"), Some(USER), Some(USER)).unwrap();
        scene
    }

    fn shared(&self, below: &str) -> PathBuf {
        self.machine.path("shared").join(below)
    }

    fn pipe(&self, below: &str, owner: u32) -> PathBuf {
        let pipe = self.shared(below);
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        fs::set_permissions(&pipe, Permissions::from_mode(0o666)).unwrap();
        chown(&pipe, Some(owner), Some(owner)).unwrap();
        pipe
    }

    fn link(&self, below: &str, to: &Path, owner: u32) -> PathBuf {
        let link = self.shared(below);
        symlink(to, &link).unwrap();
        lchown(&link, Some(owner), Some(owner)).unwrap();
        link
    }

    /// Runs `login --output PATH` as a user. A process that still runs after [`PATIENCE`] is killed, which is a failure.
    fn login(&self, user: u32, output: &Path) -> Outcome {
        self.shell(user, "$LOGIN --output \"$1\"", output)
    }

    fn shell(&self, user: u32, script: &str, output: &Path) -> Outcome {
        let copy = self.machine.path("ecr-auth");
        if !copy.exists() {
            fs::hard_link(binary(), &copy)
                .or_else(|_| fs::copy(binary(), &copy).map(drop))
                .unwrap();
        }
        let script = script.replace("$LOGIN", &format!("\"$0\" login --format password {HOST}"));
        let become_user = [
            format!("--reuid={user}"),
            format!("--regid={user}"),
            "--clear-groups".into(),
        ];
        let mut command = self.machine.command(Path::new("/usr/bin/setpriv"), &[]);
        command
            .args(become_user)
            .args(["/bin/bash", "-c", &script])
            .args([&copy, output]);
        let mut command = assert_cmd::Command::from_std(command);
        let outcome = Outcome::of(&command.timeout(PATIENCE).output().unwrap());
        assert!(outcome.status >= 0, "it does not end: {outcome:?}");
        outcome
    }

    /// Checks that the output is refused, without showing the keys or leaving a file.
    #[track_caller]
    fn refuses(&self, user: u32, output: &Path, why: &str) {
        let outcome = self.login(user, output);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(why), "{outcome:?}");
        let left = fs::read_dir(self.shared(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left
            .filter(|name| name.to_string_lossy().contains(".ecr-auth-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(fs::read_to_string(self.shared("mine/file")).unwrap(), "before");
    }
}

#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn another_users_pipe_gets_nothing(#[case] user: u32) {
    let scene = Scene::new();
    let pipe = scene.pipe("out", OTHER);
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(&pipe)
        .unwrap();
    scene.refuses(user, &pipe, "it is not a regular file");
    let mut read = Vec::new();
    let _ = std::io::Read::read_to_end(&mut reader, &mut read);
    assert!(read.is_empty());
}

#[rstest]
#[case::mine(USER, USER)]
#[case::theirs(OTHER, USER)]
#[case::for_root(OTHER, 0)]
fn a_pipe_that_nobody_reads_is_not_waited_for(#[case] owner: u32, #[case] user: u32) {
    let scene = Scene::new();
    let pipe = scene.pipe("out", owner);
    scene.refuses(user, &pipe, "it is not a regular file");
    let link = scene.link("link", &pipe, user);
    scene.refuses(user, &link, "it is not a regular file");
}

#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn another_users_link_is_not_followed(#[case] user: u32) {
    let scene = Scene::new();
    for (name, to) in [("out", "mine/file"), ("new", "mine/new"), ("folder/out", "mine/file")] {
        fs::create_dir_all(scene.shared("folder")).unwrap();
        let link = scene.link(name, &scene.shared(to), OTHER);
        scene.refuses(user, &link, "another user's link leads there");
    }
    // Another user's link is in the middle of a chain that begins with the user's own.
    let link = scene.link("mine/link", &scene.shared("out"), user);
    scene.refuses(user, &link, "another user's link leads there");
    assert!(!scene.shared("mine/new").exists());
}

#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn another_users_link_leads_to_no_folder(#[case] user: u32) {
    let scene = Scene::new();
    scene.link("way", &scene.shared("mine"), OTHER);
    let outcome = scene.login(user, &scene.shared("way/new"));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!scene.shared("mine/new").exists());
}

#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn another_users_link_behind_ones_own_leads_to_no_folder(#[case] user: u32) {
    let scene = Scene::new();
    scene.link("theirs/way", &scene.shared("mine"), OTHER);
    scene.link("own", &scene.shared("theirs/way"), user);
    let outcome = scene.login(user, &scene.shared("own/new"));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!scene.shared("mine/new").exists());
}

/// The other user swaps a folder and a link of theirs while the commands run.
#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere(#[case] user: u32) {
    let scene = Scene::new();
    fs::create_dir(scene.shared("theirs/folder")).unwrap();
    chown(scene.shared("theirs/folder"), Some(OTHER), Some(OTHER)).unwrap();
    fs::set_permissions(scene.shared("theirs/folder"), Permissions::from_mode(0o777)).unwrap();
    let link = scene.link("theirs/link", &scene.shared("mine"), OTHER);
    fs::set_permissions(scene.shared("mine/file"), Permissions::from_mode(0o600)).unwrap();
    scene.link("mine/other", Path::new("file"), user);
    let over = AtomicBool::new(false);
    let outcomes: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let folder = scene.shared("theirs/folder");
                renameat_with(CWD, &link, CWD, folder, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let names = ["file", "new", "other"].iter().cycle().take(SWAPPED_RUNS);
        let outcomes = names.map(|name| scene.login(user, &scene.shared("theirs/folder").join(name)));
        let outcomes = outcomes.collect();
        over.store(true, Ordering::Relaxed);
        outcomes
    });
    let mine = || {
        fs::read_dir(scene.shared("mine"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
    };
    assert_eq!(
        mine().collect::<BTreeSet<_>>(),
        ["file", "other"].map(OsString::from).into()
    );
    assert_eq!(fs::read_to_string(scene.shared("mine/file")).unwrap(), "before");
    let written = outcomes.iter().filter(|outcome| outcome.status == 0).count();
    assert!(
        (1..SWAPPED_RUNS).contains(&written),
        "the race did not take place: {written}"
    );
}

/// Whoever may write to the folder sees the new file before it has its place.
#[rstest]
#[case::a_link_for_a_user(USER, false)]
#[case::a_link_for_root(0, false)]
#[case::a_pipe_for_a_user(USER, true)]
#[case::a_pipe_for_root(0, true)]
fn what_takes_the_new_files_place_is_not_followed(#[case] user: u32, #[case] is_pipe: bool) {
    let scene = Scene::new();
    let (folder, file) = (scene.shared("theirs"), scene.shared("mine/file"));
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    chown(&file, Some(user), Some(user)).unwrap();
    let swap = || {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let is_new = |path: &PathBuf| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(".out.ecr-auth-")
        };
        let Some(new) = entries.into_iter().find(is_new) else {
            return false;
        };
        fs::rename(&new, folder.join("taken")).unwrap();
        match is_pipe {
            true => mknodat(CWD, &new, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
            false => symlink(&file, &new).unwrap(),
        }
        true
    };
    // The time in which the other one can act: each file that is opened takes long. A command that waits is ended.
    let slowly = "strace -f -qq -o /dev/null -e trace=openat -e inject=openat:delay_exit=30000 \
        timeout --signal=KILL 30 $LOGIN --output \"$1\"";
    let is_swapped_in_a_run = || {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let swapped = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if swap() {
                        return true;
                    }
                }
                false
            });
            let outcome = scene.shell(user, slowly, &folder.join("out"));
            over.store(true, Ordering::Relaxed);
            assert!(matches!(outcome.status, 0 | 1), "it does not end: {outcome:?}");
            swapped.join().unwrap()
        })
    };
    // A busy machine may start the other one too late.
    assert!(
        (0..SWAPPED_RUNS).any(|_| is_swapped_in_a_run()),
        "nothing was there to be swapped"
    );
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    let taken = folder.join("taken").metadata().unwrap();
    assert_eq!((taken.permissions().mode() & 0o777, taken.uid()), (0o600, user));
}

#[rstest]
#[case::user(USER)]
#[case::root(0)]
fn another_users_file_is_not_written_or_replaced(#[case] user: u32) {
    let scene = Scene::new();
    for name in ["out", "theirs/out"] {
        let file = scene.shared(name);
        fs::write(&file, "theirs").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        chown(&file, Some(OTHER), Some(OTHER)).unwrap();
        scene.refuses(user, &file, "it is another user's file");
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
    }
}

/// Whoever owns the folder, the file is only for the user who asked for it.
#[test]
fn in_another_users_folder_the_file_is_roots_alone() {
    let scene = Scene::new();
    let outcome = scene.login(0, &scene.shared("theirs/new"));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let made = scene.shared("theirs/new").metadata().unwrap();
    assert_eq!((made.uid(), made.mode() & 0o777), (0, 0o600));
}

/// The folder of a result is opened once, and the user's own links in it are not followed.
#[test]
fn a_link_of_ones_own_in_another_users_folder_is_not_followed() {
    let scene = Scene::new();
    let link = scene.link("theirs/mine", &scene.shared("mine/file"), USER);
    scene.refuses(USER, &link, "another user's link leads there");
}

#[test]
fn the_callers_own_streams_and_links_are_written() {
    let scene = Scene::new();
    let printed = scene.shell(USER, "$LOGIN", Path::new(""));
    assert!(printed.status == 0 && printed.stdout.len() > 100, "{printed:?}");
    let mine = scene.link("mine/link", &scene.shared("mine/file"), USER);
    let outcome = scene.login(USER, &mine);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(mine.is_symlink());
    assert_eq!(fs::read_to_string(scene.shared("mine/file")).unwrap(), printed.stdout);
    let stdout = scene.link("mine/stdout", Path::new("/dev/stdout"), USER);
    for (script, output) in [
        ("$LOGIN -q --output /dev/stdout", Path::new("")),
        ("$LOGIN -q --output -", Path::new("")),
        (
            "$LOGIN -q --output /dev/stdout >\"$1\"; cat \"$1\"",
            &scene.shared("mine/file"),
        ),
        ("$LOGIN -q --output /dev/stderr 2>&1", Path::new("")),
        ("$LOGIN -q --output /dev/fd/3 3>&1 >/dev/null | cat", Path::new("")),
        ("$LOGIN -q --output >(cat); wait $!", Path::new("")),
        ("$LOGIN -q --output \"$1\"", &stdout),
    ] {
        scene.shell(USER, script, output).prints(&printed.stdout);
    }
    let nowhere = scene.login(USER, Path::new("/dev/null"));
    nowhere.is(0, "", "written: /dev/null\n");
}
