//! Power cuts and failing disks: if a command is killed before any of its changes to the file system, or one of them fails, each file is either as
//! it was or as it should become, and the next run completes the work.
//!
//! strace's fault injection does both. `ECR_AUTH_SOAK=1` makes every call fail in every way, which takes minutes. By default, each call is once
//! interrupted and once finds the disk full.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lab::Lab;
use rstest::rstest;

use crate::floods::record;
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{lab, machine, role};
use crate::trace::files_below;

/// The calls that change a file system, or wait for it.
const CALLS: &str = "openat,write,rename,renameat,renameat2,link,linkat,unlink,unlinkat,symlink,symlinkat,mkdir,mkdirat,rmdir,\
                     chmod,fchmod,fchmodat,chown,fchown,fchownat,ftruncate,fsync,fdatasync,utimensat,flock,fcntl";

/// A command and the home that it changes.
struct Scenario {
    machine: Machine,
    args: Vec<String>,
    stdin: &'static str,
}

impl Scenario {
    fn new(lab: &Lab, name: &str) -> Self {
        let mut machine = machine(lab);
        machine.write(".docker/config.json", "{\n\t\"psFormat\": \"table\"\n}\n");
        machine.write(
            ".config/ecr-auth/ecr-auth.yml",
            "registries:\n  - match: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n    profile: partner\n",
        );
        machine.write(".aws/config", "[default]\nregion = eu-west-1\n");
        let outputs = machine.write("outputs", "before=1\n").display().to_string();
        machine.set("GITHUB_OUTPUT", &outputs);
        let role = role(lab, "builder");
        let bin = machine.home().join("bin").display().to_string();
        let setup = [
            "setup",
            "--client",
            "docker",
            "--bin-dir",
            &bin,
            "--role-arn",
            &role,
            "--source",
            "chain",
            HOST,
        ];
        let login = ["login", "--client", "docker", HOST];
        let run = |args: &[&str]| {
            let outcome = machine.call(&binary(), args, HOST);
            assert_eq!(outcome.status, 0, "{outcome:?}");
        };
        let logout = ["logout", "--client", "docker"];
        let profile = [
            "assume",
            "--format",
            "profile",
            "--profile",
            "ci",
            "--role-arn",
            &role,
            "--source",
            "chain",
        ];
        let github = ["login", "--format", "github", HOST];
        let output = machine.home().join("output").display().to_string();
        let file = ["login", "--format", "password", "--output", &output, HOST];
        let to = machine.home().join("to").display().to_string();
        let args: &[&str] = match name {
            "setup" => &setup,
            "logout" => {
                run(&setup);
                &logout
            }
            "login" => &login,
            "logout of a login" => {
                run(&login);
                &logout
            }
            "get" => &["helper", "get"],
            "assume --format profile" => &profile,
            "login --format github" => &github,
            "login --output" => &file,
            "install" => &["install", "--to", &to],
            _ => unreachable!(),
        };
        if args.first() == Some(&"login") {
            // The password is the same each time.
            run(&["helper", "get"]);
        }
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let stdin = HOST;
        let scenario = Self { machine, args, stdin };
        scenario.copy(&scenario.machine.home(), &scenario.saved());
        scenario
    }

    fn saved(&self) -> PathBuf {
        self.machine.path("saved")
    }

    fn copy(&self, from: &Path, to: &Path) {
        let _ = fs::remove_dir_all(to);
        let status = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(status.unwrap().success());
    }

    /// Runs the command in the original home.
    fn run_anew(&self, strace: &[&str]) -> Outcome {
        self.copy(&self.saved(), &self.machine.home());
        let program = binary().display().to_string();
        let args: Vec<&str> = strace
            .iter()
            .copied()
            .chain([program.as_str()])
            .chain(self.args.iter().map(String::as_str))
            .collect();
        self.machine.call(Path::new("/usr/bin/strace"), &args, self.stdin)
    }

    /// Runs the command again in the current home.
    fn run_again(&self) -> Outcome {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.machine.call(&binary(), &args, self.stdin)
    }

    /// Returns all files, by their path below the home. Cache files hold random data, so `get` checks them.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let home = self.machine.home();
        let files = files_below(&home).into_iter();
        let files = files.map(|path| (path.strip_prefix(&home).unwrap().to_owned(), path));
        files
            .filter(|(below, _)| !below.starts_with(".cache"))
            .map(|(below, path)| {
                let content = match path.is_symlink() {
                    true => fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(),
                    false => fs::read(path).unwrap(),
                };
                (below, content)
            })
            .collect()
    }

    /// Returns each call that uses the home, as strace counts them: its name, and its number among the calls of that name.
    fn calls(&self) -> Vec<(String, usize)> {
        let trace = self.machine.path("trace").display().to_string();
        let traced = format!("trace={CALLS}");
        let outcome = self.run_anew(&["-f", "-y", "-s", "0", "-e", &traced, "-o", &trace]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let home = self.machine.home().display().to_string();
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in fs::read_to_string(trace).unwrap().lines() {
            let (process, call) = line.split_once(' ').unwrap();
            let Some((name, rest)) = call.trim_start().split_once('(') else {
                continue;
            };
            let count = counts.entry((process.to_owned(), name.to_owned())).or_default();
            *count += 1;
            let only_reads = name == "openat" && !rest.contains("O_CREAT") || name == "fcntl" || name == "flock";
            if rest.contains(&home) && (is_long() || !only_reads) {
                calls.push((name.to_owned(), *count));
            }
        }
        calls.sort();
        calls.dedup();
        calls
    }
}

fn is_long() -> bool {
    std::env::var_os("ECR_AUTH_SOAK").is_some()
}

/// Files that are never mistaken for others.
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".lock")
}

#[rstest]
fn whatever_fails_the_file_is_the_old_or_the_new_one(
    #[values(
        "setup",
        "logout",
        "login",
        "logout of a login",
        "get",
        "assume --format profile",
        "login --format github",
        "login --output",
        "install"
    )]
    name: &str,
) {
    let lab = lab();
    let scenario = Scenario::new(&lab, name);
    let began = Instant::now();
    let old = scenario.files();
    let calls = scenario.calls();
    let new = scenario.files();
    assert!(!calls.is_empty());
    let faults: &[&str] = match is_long() {
        true => &[
            "signal=KILL",
            "error=ENOSPC",
            "error=EIO",
            "error=EACCES",
            "error=EINTR",
        ],
        false => &["signal=KILL", "error=ENOSPC"],
    };
    for (call, number) in &calls {
        for fault in faults {
            let at = format!("{name}: {call} number {number} with {fault}");
            let inject = format!("inject={call}:{fault}:when={number}");
            let traced = format!("trace={call}");
            let outcome = scenario.run_anew(&["-f", "-e", &traced, "-e", &inject, "-o", "/dev/null"]);
            // What cannot be removed has to stay until the next run.
            let may_leave = outcome.status < 0 || call.starts_with("unlink");
            is_old_or_new(&at, &old, &scenario.files(), &new, may_leave);
            if outcome.status >= 0 {
                is_told(&at, &outcome);
            }
            let again = scenario.run_again();
            assert_eq!(again.status, 0, "{at}: and then: {again:?}");
            is_new(
                &at,
                &scenario.files(),
                &new,
                name == "login --format github",
                call.starts_with("unlink"),
            );
        }
    }
    let (calls, faults) = (calls.len(), faults.len());
    record(
        &format!("`{name}`, each of its {calls} calls that touch a file failed in {faults} ways"),
        began,
    );
}

/// Checks that every file has its old or new contents, and that temporary files are empty or private.
#[track_caller]
fn is_old_or_new(
    at: &str,
    old: &BTreeMap<PathBuf, Vec<u8>>,
    now: &BTreeMap<PathBuf, Vec<u8>>,
    new: &BTreeMap<PathBuf, Vec<u8>>,
    may_leave: bool,
) {
    for path in old
        .keys()
        .chain(new.keys())
        .filter(|path| !path.starts_with(".local/state"))
    {
        let content = now.get(path);
        let is_whole = content == old.get(path) || content == new.get(path);
        // Its values have another delimiter each time.
        let is_appended = path.ends_with("outputs") && content.is_some_and(|text| text.ends_with(b"\n"));
        assert!(
            is_whole || is_appended,
            "{at}: {} is neither: {content:?}",
            path.display()
        );
    }
    if !may_leave {
        let of_either = |path: &&PathBuf| !old.contains_key(*path) && !new.contains_key(*path);
        let left: Vec<_> = now.keys().filter(of_either).filter(|path| !is_leftover(path)).collect();
        assert!(left.is_empty(), "{at}: left behind: {left:?}");
    }
}

/// Checks that a process that was not killed ended by itself with an error message.
#[track_caller]
fn is_told(at: &str, outcome: &Outcome) {
    // The status is 2 if the rules themselves cannot be read.
    assert!(matches!(outcome.status, 0..=2), "{at}: {outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{at}: {outcome:?}");
    let is_error = outcome.stderr.starts_with("error: ") || outcome.stderr.contains("\nerror: ");
    assert_eq!(outcome.status != 0, is_error, "{at}: {outcome:?}");
}

/// Checks that after the next run everything is as without a failure, and nothing of the failed run is left.
#[track_caller]
fn is_new(at: &str, now: &BTreeMap<PathBuf, Vec<u8>>, new: &BTreeMap<PathBuf, Vec<u8>>, grows: bool, may_leave: bool) {
    for (path, content) in new {
        if path.starts_with(".local/state") || grows && path.ends_with("outputs") {
            continue;
        }
        assert_eq!(
            now.get(path),
            Some(content),
            "{at}: {} after the next run",
            path.display()
        );
    }
    let left: Vec<_> = now
        .keys()
        .filter(|path| !new.contains_key(*path) && !is_leftover(path))
        .collect();
    assert!(may_leave || left.is_empty(), "{at}: still left behind: {left:?}");
}
