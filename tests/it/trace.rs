//! Secrets and the places where they could leak: one harness for every test that looks for leaks.
//!
//! Every secret of a run is marked. strace reports each program that was run, with its arguments and its environment, and each write to a file,
//! with the mode that the file had at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::harness::{Machine, Outcome, binary};

const MASK: &str = "::add-mask::";

/// GitHub's files for later steps, which are others' to read too: what is secret in them is masked before.
pub const MASKED_FIRST: [&str; 2] = ["GITHUB_ENV", "GITHUB_OUTPUT"];

/// What is looked for.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn mark(&mut self, secrets: impl IntoIterator<Item = impl Into<String>>) {
        self.0.extend(secrets.into_iter().map(Into::into));
    }

    /// A secret in this text: one that is marked, or any token at all, such as one that the CI minted in between.
    pub fn found_in<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        let marked = self.0.iter().find(|secret| text.contains(*secret));
        let token = || {
            Regex::new("eyJ[A-Za-z0-9_-]{20,}")
                .unwrap()
                .find(text)
                .map(|found| found.as_str())
        };
        marked.map(String::as_str).or_else(token)
    }

    /// Nothing that people read holds a secret, but for the masks that GitHub takes out of the log.
    #[track_caller]
    pub fn assert_unsaid(&self, text: &str, of: &[&str]) {
        for line in text.lines().filter(|line| !line.starts_with(MASK)) {
            assert_eq!(self.found_in(line), None, "{of:?}: {line}");
        }
    }

    /// No file below the machine's home that others can read holds a secret, but for GitHub's.
    #[track_caller]
    pub fn assert_files_keep(&self, machine: &Machine) {
        for file in files_below(&machine.home()) {
            let found = fs::symlink_metadata(&file).unwrap();
            let mode = found.permissions().mode();
            // Only an installed program is larger than all files that we write.
            let is_text = found.is_file() && found.len() < 1 << 20;
            let is_githubs = MASKED_FIRST.iter().any(|name| file.ends_with(name));
            if mode & 0o077 != 0 && is_text && !is_githubs {
                let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
                assert_eq!(self.found_in(&text), None, "{}", file.display());
            }
        }
    }
}

/// Returns all files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.is_symlink() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// The calls that strace saw, one a line.
pub struct Trace(String);

impl Trace {
    /// Runs the binary under strace.
    pub fn of(machine: &Machine, args: &[&str], stdin: &str) -> (Outcome, Self) {
        let file = machine.path("trace");
        let calls =
            "trace=execve,?open,openat,creat,write,writev,chmod,fchmod,fchmodat,rename,renameat,renameat2,link,linkat";
        let strace = [
            "-f",
            "-v",
            "-y",
            // Nothing is aligned: the second half of a call would have blanks before its result.
            "--columns=1",
            "-s",
            "99999",
            "-e",
            calls,
            "-o",
            file.to_str().unwrap(),
        ];
        let program = binary();
        let args = [&strace[..], &[program.to_str().unwrap()], args].concat();
        let outcome = machine.call(Path::new("/usr/bin/strace"), &args, stdin);
        (outcome, Self::read(&fs::read_to_string(file).unwrap()))
    }

    /// Reads the output of `strace -f`. A call that is interrupted by another process's call is written there in two halves, which are joined where
    /// it ends.
    fn read(text: &str) -> Self {
        let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lines = Vec::new();
        for line in text.lines() {
            let (process, call) = line.split_once(' ').unwrap_or_default();
            let call = call.trim_start();
            if let Some(first) = call.strip_suffix(" <unfinished ...>") {
                begun.insert(process, first);
                continue;
            }
            let rest = call.strip_prefix("<... ").and_then(|call| call.split_once(" resumed>"));
            match rest.and_then(|(_, rest)| Some((begun.remove(process)?, rest))) {
                Some((first, rest)) => lines.push(format!("{process} {first}{rest}")),
                None => lines.push(line.to_owned()),
            }
        }
        // A call that never ended was still begun.
        lines.extend(begun.into_iter().map(|(process, call)| format!("{process} {call}")));
        Self(lines.join("\n"))
    }

    /// Returns the arguments and the environment of every program that was run after the first.
    pub fn executed(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.lines().filter(|line| line.contains("execve("));
        lines.skip(1).map(|line| line.split_once("], [").unwrap())
    }

    /// Checks every program that was started: no secret is in its arguments, or in its environment, except in variables with these prefixes. Every
    /// program may get a proxy's address.
    #[track_caller]
    pub fn assert_programs_have_no_secrets(&self, secrets: &Secrets, but: &[&str]) {
        for (arguments, environment) in self.executed() {
            assert_eq!(secrets.found_in(arguments), None, "{arguments}");
            for variable in environment.split("\", \"").map(|it| it.trim_start_matches('"')) {
                let is_allowed = but
                    .iter()
                    .chain(&["HTTPS_PROXY="])
                    .any(|name| variable.starts_with(name));
                assert!(
                    is_allowed || secrets.found_in(variable).is_none(),
                    "{arguments} has {variable}"
                );
            }
        }
    }

    /// Checks every write of a secret to a file: the file was made for its owner alone, and GitHub's files are written after the masks.
    #[track_caller]
    pub fn assert_files_are_private(&self, secrets: &Secrets, machine: &Machine) {
        let opened = Regex::new(r#"open(?:at)?\(.*O_CREAT[^,]*, (0[0-7]*)\) = \d+<([^>]*)>"#).unwrap();
        let changed = Regex::new(r#"chmod(?:at)?\((?:\d+<([^>]*)>|.*"([^"]*)"), 0([0-7]+)"#).unwrap();
        let written = Regex::new(r"writev?\(\d+<([^>]*)>, ").unwrap();
        let mut modes = BTreeMap::new();
        let mut private = BTreeSet::new();
        let mut said = String::new();
        for line in self.0.lines() {
            if let Some(found) = opened.captures(line) {
                modes.insert(found[2].to_owned(), u32::from_str_radix(&found[1], 8).unwrap());
            }
            if let Some(found) = changed.captures(line) {
                let path = found.get(1).or_else(|| found.get(2)).unwrap().as_str();
                let mode = u32::from_str_radix(&found[3], 8).unwrap();
                assert!(mode & 0o077 == 0 || !private.contains(path), "{line}");
                modes.insert(path.to_owned(), mode);
            }
            let Some(found) = written.captures(line) else { continue };
            let path = Path::new(&found[1]);
            if line.contains(" write(2<") {
                said.push_str(line);
            }
            if !path.starts_with(machine.path("")) || secrets.found_in(line).is_none() {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            if MASKED_FIRST.contains(&name) {
                for secret in secrets.0.iter().filter(|secret| line.contains(*secret)) {
                    assert!(said.contains(&format!("{MASK}{secret}")), "{name} before its mask");
                }
                continue;
            }
            // The test's own store is not our program.
            if !path.starts_with(machine.home().join("kept")) {
                private.insert(found[1].to_owned());
                let mode = modes.get(&found[1]).copied();
                assert!(
                    mode.is_some_and(|mode| mode & 0o077 == 0),
                    "{} made with {mode:?}",
                    path.display()
                );
            }
        }
    }
}
