//! Every `--help` has examples, and each of them runs as it is written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use lab::Lab;
use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, USER_POOL_ID, UserSpec};
use rstest::rstest;
use tempfile::TempDir;

use crate::endpoints::Proxy;
use crate::harness::{HOST, Machine, Outcome, VENDOR, binary};
use crate::kubelet::request;
use crate::lab_machine::{lab, machine, role};
use crate::terminal::{Stdout, Terminal};

const PASSWORD: &str = "Correct-horse-battery-1";
const NEW: &str = "Another-horse-battery-2";

/// Values in examples, and their replacements from the lab and the test's own folders.
const PLACES: [(&str, &str); 7] = [
    ("eu-west-1_AbCdEfGhI", USER_POOL_ID),
    ("1h57kf5cpq17m0eml12EXAMPLE", CLIENT_ID),
    ("eu-west-1:12345678-abcd-1234-abcd-123456789012", IDENTITY_POOL_ID),
    ("/usr/local/bin", "./local-bin"),
    ("/tools", "./tools"),
    ("  /ecr-auth", "  ecr-auth"),
    ("FOLDER", "."),
];

/// Lines of shells that the test's machine doesn't have. Only their calls of ecr-auth are run.
const OTHER_SHELLS: [(&str, &str); 2] = [
    (
        "ecr-auth completions powershell | Out-String | Invoke-Expression",
        "ecr-auth completions powershell",
    ),
    (
        "eval (ecr-auth completions elvish | slurp)",
        "ecr-auth completions elvish",
    ),
];

/// The columns of a usual terminal, at which help is wrapped.
const COLUMNS: usize = 80;

/// The vendor's own name for the registry, which an example of `cognito import` uses.
const ALIAS: &str = "  - match: images.northwind.example\n    registry: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    source: cognito\n";

/// Questions and their answers.
type Talk = &'static [(&'static str, &'static str)];
const TALKS: [(&str, Talk); 5] = [
    ("ecr-auth cognito import ", &[("Make these changes? [y/N]: ", "y")]),
    ("ecr-auth cognito setup ", &[]),
    ("ecr-auth cognito --user-pool-id ", &[("Password of maria: ", PASSWORD)]),
    (
        "ecr-auth cognito change-password",
        &[
            ("User name: ", "maria"),
            ("Password of maria: ", PASSWORD),
            ("New password: ", NEW),
            ("Repeat it: ", NEW),
        ],
    ),
    (
        "ecr-auth cognito",
        &[("User name: ", "maria"), ("Password of maria: ", PASSWORD)],
    ),
];

/// Returns help that is too wide to be wrapped.
fn help(path: &[&str]) -> String {
    let args = [path, &["--help"]].concat();
    let outcome = Machine::new().with("COLUMNS", "1000").run(&args);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{path:?}");
    outcome.stdout
}

/// A terminal of 80 columns and 40 lines shows all of `setup -h`.
#[test]
fn the_short_help_of_setup_fits_on_one_screen() {
    let outcome = Machine::new().with("COLUMNS", "80").run(&["setup", "-h"]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines.len() <= 40, "{} lines", lines.len());
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{}",
        outcome.stdout
    );
}

#[test]
fn every_source_of_credentials_is_in_the_help() {
    for command in ["setup", "assume", "login", "doctor"] {
        let help = help(&[command]);
        let (_, source) = help.split_once("--source <SOURCE>").unwrap();
        for word in ["auto", "oidc", "chain", "cognito"] {
            let is_shown = source.contains(&format!("\n          - {word}:"));
            assert_eq!(is_shown, (command, word) != ("setup", "cognito"), "{command} {word}");
        }
    }
}

/// Users who sign in to Cognito run `cognito setup` or `cognito import`. `setup` takes `--source cognito`, but does not show it.
#[test]
fn nothing_of_cognito_is_in_the_help_of_setup() {
    for args in [["setup", "--help"], ["setup", "-h"]] {
        let help = Machine::new().run(&args).stdout;
        assert!(!help.to_lowercase().contains("cognito"), "{help}");
    }
    let outcome = Machine::new().run(&["setup", "--source", "cognito", "--dry-run", HOST]);
    assert!(outcome.stderr.contains("ecr-auth cognito import"), "{outcome:?}");
    let outcome = Machine::new().run(&["setup", "--source", "nobody", HOST]);
    assert!(
        outcome.status == 2 && !outcome.stderr.contains("cognito"),
        "{outcome:?}"
    );
}

/// Returns the commands that a help lists, except clap's own.
fn subcommands(help: &str) -> Vec<&str> {
    let listed = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

/// Returns the command lines under `Examples:`, each in one line and without its explanation.
fn examples(help: &str) -> Vec<String> {
    let (_, listed) = help.split_once("\nExamples:\n").unwrap_or_default();
    let listed = listed.split("\n\n").next().unwrap().trim_end();
    let joined = listed.replace("\\\n    ", "");
    let line = |line: &str| {
        let line = line.strip_prefix("  ").unwrap();
        line.split("  ").next().unwrap().to_owned()
    };
    joined.lines().map(line).collect()
}

/// Returns every command with its examples, from the help itself.
fn all(path: &[&str], found: &mut Vec<(String, Vec<String>)>) {
    let help = help(path);
    found.push((path.join(" "), examples(&help)));
    for name in subcommands(&help) {
        all(&[path, &[name]].concat(), found);
    }
}

/// Returns a folder with the binary as `ecr-auth`, so that `setup` links its helper there, and the programs that examples call.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(binary(), folder.path().join("ecr-auth")).unwrap();
        for name in ["aws", "docker", "helm", "kubectl"] {
            let path = folder.path().join(name);
            fs::write(&path, "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    });
    folder.path()
}

/// Returns a machine with everything that examples need.
fn surrounding(lab: &Lab) -> Machine {
    for name in ["ci", "ci-push"] {
        role(lab, name);
    }
    let user = UserSpec::new("maria")
        .password(PASSWORD)
        .attribute("email", "maria@example.com");
    lab.cognito().add_user(user.group("licensed")).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs().display());
    let machine = machine(lab).with("PATH", &path).with("AWS_REGION", "eu-west-1");
    fs::create_dir_all(machine.home().join(".config/fish/completions")).unwrap();
    for (name, text) in [
        ("old.txt", PASSWORD),
        ("new.txt", NEW),
        ("vendor.yml", &of_the_lab(&format!("{VENDOR}{ALIAS}"))),
        ("request.json", &request(&format!("{HOST}/app:1.0"))),
    ] {
        fs::write(machine.path(name), text).unwrap();
    }
    machine
}

fn of_the_lab(text: &str) -> String {
    PLACES
        .iter()
        .fold(text.to_owned(), |text, (written, here)| text.replace(written, here))
}

fn run(example: &str) -> Outcome {
    let lab = lab();
    let mut machine = surrounding(&lab);
    if example.starts_with("ecr-auth exists") {
        machine = machine
            .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
            .with("HTTPS_PROXY", &format!("http://{}", Proxy::before(&lab).address));
    }
    let brings_ids = example.contains("--user-pool-id") || example.contains(" import ");
    if example.starts_with("ecr-auth cognito") && !brings_ids {
        let ids = VENDOR.split_once("registries:").unwrap().0;
        machine.write(".config/ecr-auth/ecr-auth.yml", &of_the_lab(ids));
    }
    let other = OTHER_SHELLS.iter().find(|(line, _)| *line == example);
    let line = of_the_lab(&format!("  {}", other.map_or(example, |(_, ours)| ours)));
    let args = ["-euo", "pipefail", "-c", line.trim()];
    let talk = TALKS.iter().find(|(begin, _)| example.starts_with(begin));
    match talk {
        _ if example.contains("forgot-password") => forgot(&lab, &machine, &args, example),
        Some((_, talk)) if !example.contains("-file ") && !example.contains("--dry-run") => {
            in_a_talk(&machine, &args, talk)
        }
        _ => machine.call("bash".as_ref(), &args, ""),
    }
}

fn in_a_talk(machine: &Machine, args: &[&str], talk: Talk) -> Outcome {
    let mut terminal = Terminal::run_program(machine, "/bin/bash".as_ref(), args, Stdout::Terminal);
    for (question, answer) in talk {
        terminal.expect(question).answer(answer);
    }
    ended(terminal)
}

/// The code is in a mail of the lab's.
fn forgot(lab: &Lab, machine: &Machine, args: &[&str], example: &str) -> Outcome {
    let mut terminal = Terminal::run_program(machine, "/bin/bash".as_ref(), args, Stdout::Terminal);
    if !example.contains("--username") {
        terminal.expect("User name: ").answer("maria");
    }
    terminal.expect("A code was sent to ").expect("Code: ");
    let code = lab.cognito().messages("maria").last().unwrap().code.clone();
    terminal.answer(&code);
    terminal.expect("New password: ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    ended(terminal)
}

fn ended(terminal: Terminal) -> Outcome {
    let ended = terminal.end();
    Outcome {
        status: ended.status,
        stdout: ended.stdout,
        stderr: ended.shown,
    }
}

/// `doctor` ends with 1 if it finds a problem, and `exists` if there is no image. The lab has no such image.
#[track_caller]
fn assert_went_well(example: &str, outcome: &Outcome) {
    let is_report = example.starts_with("ecr-auth doctor") && outcome.stdout.contains("binary: ecr-auth ");
    let is_missing = example.starts_with("ecr-auth exists") && outcome.stderr.ends_with(" is not there\n");
    assert!(
        outcome.status == 0 || outcome.status == 1 && (is_report || is_missing),
        "{example}: {outcome:#?}"
    );
    assert!(!outcome.stderr.contains("error: "), "{example}: {outcome:#?}");
}

/// Returns the lines that people copy: the examples, and what is indented like them in the text below.
fn copied(help: &str) -> Vec<&str> {
    let (_, after) = help.split_once("\nExamples:\n").unwrap();
    let after = after.split("\nArguments:\n").next().unwrap();
    after.lines().filter(|line| line.starts_with("  ")).collect()
}

/// A wrapped example would run in parts when it is pasted.
#[test]
fn every_example_fits_on_a_usual_terminal() {
    let mut found = Vec::new();
    all(&[], &mut found);
    for (command, _) in found {
        let path: Vec<&str> = command.split_whitespace().collect();
        let help = help(&path);
        for line in copied(&help) {
            assert!(line.chars().count() <= COLUMNS, "{command}: {line}");
        }
    }
}

#[test]
fn a_usual_terminal_wraps_no_example() {
    let program = binary();
    let size = format!("stty cols {COLUMNS} rows 24 && exec \"$0\" \"$@\"");
    let mut found = Vec::new();
    all(&[], &mut found);
    for (command, _) in found {
        let path: Vec<&str> = command.split_whitespace().collect();
        let args = [&["-c", &size, program.to_str().unwrap()], &path[..], &["--help"]].concat();
        let terminal = Terminal::run_program(&Machine::new(), "/bin/sh".as_ref(), &args, Stdout::Terminal);
        let shown = terminal.end().shown.replace('\r', "");
        let is_wrapped = shown.lines().all(|line| line.chars().count() <= COLUMNS);
        assert!(is_wrapped, "the terminal's size is not used: {shown}");
        assert_eq!(copied(&shown), copied(&help(&path)), "{command}");
    }
}

/// `--config` is a flag of every command, also of those that need no configuration.
#[test]
fn a_configuration_file_that_is_named_but_missing_is_an_error_of_every_command() {
    let lab = lab();
    let machine = surrounding(&lab);
    let mut found = Vec::new();
    all(&[], &mut found);
    found.push(("action".to_owned(), vec!["ecr-auth action main".to_owned()]));
    for (command, examples) in found {
        let example = OTHER_SHELLS
            .iter()
            .fold(examples[0].clone(), |it, (line, ours)| it.replace(line, ours));
        let line = of_the_lab(&format!("  {example}")).replacen("ecr-auth", "ecr-auth --config nowhere.yml", 1);
        let outcome = machine.call("bash".as_ref(), &["-euo", "pipefail", "-c", line.trim()], "");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        // `logout` also cleans up after the file was removed.
        let is_error = said.contains("nowhere.yml: there is no such file");
        assert_eq!(is_error, command != "logout", "{line}: {outcome:#?}");
        assert!(
            outcome.status != 0 || command == "logout" || line.contains("(ecr-auth"),
            "{line}: {outcome:#?}"
        );
    }
}

#[test]
fn every_command_has_examples_and_each_of_them_works() {
    let mut found = Vec::new();
    all(&[], &mut found);
    let bare: Vec<_> = found.iter().filter(|(_, examples)| examples.is_empty()).collect();
    assert!(bare.is_empty(), "no examples: {bare:?}");
    assert!(found.len() >= 13, "{found:?}");
    for (command, examples) in &found {
        for example in examples {
            assert!(
                example.contains(format!("ecr-auth {command}").trim_end()),
                "{command}: {example}"
            );
            assert_went_well(example, &run(example));
        }
    }
    for (line, _) in OTHER_SHELLS {
        assert!(
            found.iter().any(|(_, examples)| examples.iter().any(|it| it == line)),
            "{line}"
        );
    }
}

#[rstest]
#[case::help(&["--help"])]
#[case::short(&["-h"])]
#[case::of_a_command(&["help", "setup"])]
#[case::version(&["--version"])]
fn a_text_that_cannot_be_written_is_an_error(#[case] args: &[&str]) {
    let machine = Machine::new();
    let mut command = machine.command(&binary(), args);
    let full = fs::File::create("/dev/full").unwrap();
    let outcome = Outcome::of(&command.stdout(full).output().unwrap());
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("error: cannot write the text: "),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains(" [EA0807]\n"), "{outcome:?}");
}
