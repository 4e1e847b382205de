//! Files under fire: whatever is at a file's path, the commands that use it do their work or report what is wrong with it, and leave it as it was.
//!
//! `snapshots/` has one table for each file: a paragraph for each state, with a line for each command. A line says `works` with the
//! warnings that were given, or the exit status and the error. `INSTA_UPDATE=always cargo nextest run under_fire` writes the tables anew:
//! read the difference before you commit it.

mod stage;
mod state;
mod subjects;
mod text;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use lab::Lab;
use regex_lite::Regex;
use rstest::rstest;

use self::stage::{Stage, Tree};
use self::state::State;
use self::subjects::{Column, SUBJECTS, Subject};
use crate::harness::{HOST, Machine, Outcome, in_glibcs_words};
use crate::jobs::{Job, Kind};
use crate::lab_machine::lab;

/// The lab, and its values for the placeholders in the table of subjects.
struct Ground {
    lab: Lab,
    words: Vec<(&'static str, String)>,
}

impl Ground {
    fn new() -> Self {
        let lab = lab();
        let job = Job::start(&lab, Kind::Kubernetes, "builder");
        job.rotate(&lab);
        let words = vec![
            ("{host}", HOST.to_owned()),
            ("{key}", lab.admin().id.clone()),
            ("{secret}", lab.admin().secret.clone()),
            ("{role}", job.role(&lab, lab::ACCOUNT, "pod")),
            ("{token}", fs::read_to_string(job.token_file()).unwrap()),
            ("{authority}", fs::read_to_string(lab.ca_file()).unwrap()),
            ("{http}", lab.http_url()),
            ("{https}", lab.https_url()),
        ];
        Self { lab, words }
    }

    fn filled(&self, text: &str, machine_home: &Path) -> String {
        let text = text.replace('~', machine_home.to_str().unwrap());
        self.words
            .iter()
            .fold(text, |text, (word, meaning)| text.replace(word, meaning))
    }
}

#[rstest]
#[case("config.json")]
#[case("auth.json")]
#[case("ecr-auth.yml")]
#[case("cache entry")]
#[case("cache folder")]
#[case("setup notes")]
#[case("setup.json")]
#[case("AWS config")]
#[case("AWS credentials")]
#[case("token file")]
#[case("policy")]
#[case("certificates")]
#[case("GitHub outputs")]
fn every_state_is_survived(#[case] name: &str) {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name).unwrap();
    let ground = Ground::new();
    let mut table = String::new();
    for state in state::ALL.iter().copied().filter(|state| subject.has(*state)) {
        writeln!(table, "{}", state.name()).unwrap();
        for column in subject.columns {
            writeln!(table, "  {}: {}", column.name, cell(&ground, subject, column, state)).unwrap();
        }
    }
    insta::assert_snapshot!(name.replace(' ', "-").to_lowercase(), table);
    let is_broken = |line: &str| {
        ["; A SECRET", "; BROKEN", "; CHANGED", "; LEFT BEHIND"]
            .iter()
            .any(|it| line.contains(it))
    };
    assert!(!table.lines().any(is_broken), "{table}");
}

/// The result of one command on a file in one state. A broken rule is reported in capitals.
fn cell(ground: &Ground, subject: &Subject, column: &Column, state: State) -> String {
    let mut stage = prepared(ground, subject, column, state);
    let run = |stage: &Stage, args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| ground.filled(arg, &stage.home())).collect();
        stage.run(&args.iter().map(String::as_str).collect::<Vec<_>>(), HOST)
    };
    for args in column.before {
        let outcome = run(&stage, args);
        assert_eq!(outcome.status, 0, "before {} {args:?}: {outcome:?}", column.name);
    }
    let path = subject.path_in(&stage);
    state.make(&mut stage, &path, subject.language);
    let before = stage.tree();
    let outcome = run(&stage, column.args);
    let after = stage.tree();
    let mut shown = shown(&outcome, &stage, ground) + &broken(&outcome, ground) + &left_behind(&after);
    if outcome.status != 0 {
        return shown + changed(&before, &after, &path);
    }
    if !column.undo.is_empty() {
        // A command that works can be undone. The file is then as before.
        let undone = run(&stage, column.undo);
        let now = stage.tree();
        shown += &broken(&undone, ground);
        shown += &left_behind(&now);
        if undone.status != 0 {
            shown += &format!("; taking it back: {}", self::shown(&undone, &stage, ground));
        } else if now.get(Path::new(&path)) != before.get(Path::new(&path)) {
            shown += "; taken back it is not what it was";
        }
    }
    shown
}

fn prepared(ground: &Ground, subject: &Subject, column: &Column, state: State) -> Stage {
    let mut stage = Stage::new(Machine::new(), state.disk());
    stage.set("AWS_ENDPOINT_URL", &ground.lab.http_url());
    stage.set("AWS_MAX_ATTEMPTS", "1");
    let path = format!("{}/bin:/usr/bin:/bin", stage.home().display());
    stage.set("PATH", &path);
    for (name, value) in column.vars {
        let value = ground.filled(value, &stage.home());
        stage.set(name, &value);
    }
    for (file, content) in subject.files.iter().chain(column.files) {
        stage.write(file, ground.filled(content, &stage.home()).as_bytes());
    }
    stage
}

/// Checks the end of a command: it ended by itself, without a panic, with one error if it failed, and without showing a secret.
fn broken(outcome: &Outcome, ground: &Ground) -> String {
    let is_secret = |word: &str| word == "{secret}" || word == "{token}";
    let mut secrets = ground.words.iter().filter(|(word, _)| is_secret(word));
    let count = |text: &str, start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    let errors = (count(&outcome.stderr, "error: "), count(&outcome.stdout, "ecr-auth: "));
    let is_right = match outcome.status {
        // `list` prints what it knows, and never fails.
        0 => errors.0 <= 1 && errors.1 == 0,
        1 | 2 => errors.0 == 1 && errors.1 <= 1,
        _ => false,
    };
    match () {
        () if secrets.any(|(_, meaning)| outcome.stderr.contains(meaning.as_str())) => {
            format!("; A SECRET: {outcome:?}")
        }
        () if outcome.stderr.contains("panicked") || !is_right => format!("; BROKEN: {outcome:?}"),
        () if outcome.status != 0 && count(&outcome.stderr, "hint: ") == 0 => " (no hint)".to_owned(),
        () => String::new(),
    }
}

/// Checks that a file is unchanged after a failed command, and so is the target of a link.
fn changed(before: &Tree, after: &Tree, path: &str) -> &'static str {
    let is_same = |path: &str| before.get(Path::new(path)) == after.get(Path::new(path));
    match is_same(path) && is_same("real") {
        true => "",
        false => "; CHANGED",
    }
}

/// Checks that no half-written file is left behind.
fn left_behind(tree: &Tree) -> String {
    let is_left = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_str().unwrap();
        let is_temporary = [".tmp", ".new-", ".setup.json.", ".rules.json.", ".docker-credential"];
        is_temporary.iter().any(|start| name.starts_with(start)) || name.contains(".ecr-auth-")
    };
    let left = tree.keys().filter(|path| is_left(path));
    left.map(|path| format!("; LEFT BEHIND: {}", path.display())).collect()
}

/// Returns the result in one line that is the same on every machine.
fn shown(outcome: &Outcome, stage: &Stage, ground: &Ground) -> String {
    let home = stage.home().display().to_string();
    let port = Regex::new(r"(127\.0\.0\.1):\d+").unwrap();
    let plain = |line: &str| {
        let line = line
            .replace(&home, "~")
            .replace(ground.lab.http_url().as_str(), "{http}")
            .replace(ground.lab.https_url().as_str(), "{https}");
        in_glibcs_words(&port.replace_all(&line, "$1:{port}"))
    };
    let told = |start: &'static str| {
        outcome
            .stderr
            .lines()
            .filter_map(move |line| line.strip_prefix(start))
            .map(plain)
    };
    match outcome.status {
        0 => told("warning: ")
            .chain(told("error: "))
            .fold("works".to_owned(), |line, more| format!("{line}; {more}")),
        status => format!("{status} {}", told("error: ").collect::<Vec<_>>().join("; ")),
    }
}
