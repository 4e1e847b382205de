//! Where the secrets of a CI job must not be: arguments, other programs' environments, what people read, GitHub's files before
//! their masks, files that others can read at any moment. Told by strace, with every secret marked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab::{Ci, Fault, Lab, Service};
use regex_lite::Regex;
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::in_job;
use crate::lab_machine::{key_variables, lab};
use crate::leaks::files_below;
use crate::stored_logins::add_store;

const PROXY_PASSWORD: &str = "pr0xy-p4ssword";
const MASK: &str = "::add-mask::";
const GITHUB_FILES: [&str; 2] = ["GITHUB_ENV", "GITHUB_OUTPUT"];

/// A job with everything in its environment that a job may hold: the CI's token, a key that is not used, a proxy's password, an
/// OIDC token in a variable that only a rule names; a credential store, and debugging on.
struct Job {
    machine: Machine,
    secrets: Vec<String>,
}

impl Job {
    fn start(lab: &Lab, ci: Ci) -> Self {
        let (job, machine) = in_job(lab, ci);
        let other = crate::jobs::start_ci(lab, Ci::Gitlab).environment["ECR_AUTH_ID_TOKEN"].clone();
        let mut secrets: Vec<String> = job.secrets().into_iter().map(str::to_owned).collect();
        secrets.extend([PROXY_PASSWORD.to_owned(), lab.admin().secret.clone(), other.clone()]);
        let mut machine = add_store(machine)
            .with_all(key_variables(lab.admin()))
            .with("HTTPS_PROXY", &format!("http://user:{PROXY_PASSWORD}@127.0.0.1:9"))
            .with("ANOTHER_TOKEN", &other)
            .with("ECR_AUTH_LOG", "debug");
        machine.write(DOCKER, "{\"credsStore\": \"keeping\"}");
        machine.write(
            ".config/ecr-auth/ecr-auth.yml",
            "registries:\n  - match: registry.example.com\n    registry: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    token-env: ANOTHER_TOKEN\n",
        );
        for name in GITHUB_FILES {
            let file = machine.write(name, "");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            machine = machine.with(name, file.to_str().unwrap());
        }
        Self { machine, secrets }
    }

    /// Adds the secrets that the job fetched, which its cache has.
    fn mark_fetched(&mut self) {
        let session = self.machine.run(&["assume", "-q"]);
        let session: serde_json::Value = serde_json::from_str(&session.stdout).unwrap();
        let password = self.machine.run(&["login", "-q", "--format", "password", HOST]).stdout;
        let password = password.trim();
        self.secrets.extend([
            session["SecretAccessKey"].as_str().unwrap().to_owned(),
            session["SessionToken"].as_str().unwrap().to_owned(),
            STANDARD.encode(format!("AWS:{password}")),
            password.to_owned(),
        ]);
    }

    /// A secret in this text: one that is marked, or any token at all, such as one that the CI minted in between.
    fn found_in<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        let marked = self.secrets.iter().find(|secret| text.contains(*secret));
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
    fn assert_unsaid(&self, text: &str, of: &[&str]) {
        for line in text.lines().filter(|line| !line.starts_with(MASK)) {
            assert_eq!(self.found_in(line), None, "{of:?}: {line}");
        }
    }

    /// Runs the binary under strace.
    fn trace(&self, args: &[&str], stdin: &str) -> (Outcome, Trace) {
        let file = self.machine.path("trace");
        let calls =
            "trace=execve,?open,openat,creat,write,writev,chmod,fchmod,fchmodat,rename,renameat,renameat2,link,linkat";
        let strace = [
            "-f",
            "-v",
            "-y",
            "-s",
            "99999",
            "-e",
            calls,
            "-o",
            file.to_str().unwrap(),
        ];
        let program = binary();
        let args = [&strace[..], &[program.to_str().unwrap()], args].concat();
        let outcome = self.machine.call(Path::new("/usr/bin/strace"), &args, stdin);
        (outcome, Trace::read(&fs::read_to_string(file).unwrap()))
    }
}

const DOCKER: &str = ".docker/config.json";

/// What strace saw, one call a line.
struct Trace(String);

impl Trace {
    /// Reads what `strace -f` wrote: a call that another process's call interrupts stands there in two halves, which are put together
    /// where it ends.
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
        // What never ended was begun all the same.
        lines.extend(begun.into_iter().map(|(process, call)| format!("{process} {call}")));
        Self(lines.join("\n"))
    }

    /// The arguments and the environment of every program that was run after the first.
    fn executed(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.lines().filter(|line| line.contains("execve("));
        lines.skip(1).map(|line| line.split_once("], [").unwrap())
    }

    /// Checks every program that was started: no secret in its arguments, none in its environment but those in variables whose
    /// names begin so. A proxy's address is for every program.
    #[track_caller]
    fn assert_programs_have_no_secrets(&self, job: &Job, but: &[&str]) {
        for (arguments, environment) in self.executed() {
            assert_eq!(job.found_in(arguments), None, "{arguments}");
            for variable in environment.split("\", \"").map(|it| it.trim_start_matches('"')) {
                let is_allowed = but
                    .iter()
                    .chain(&["HTTPS_PROXY="])
                    .any(|name| variable.starts_with(name));
                assert!(
                    is_allowed || job.found_in(variable).is_none(),
                    "{arguments} has {variable}"
                );
            }
        }
    }

    /// Checks every write of a secret to a file: it was made for its owner alone, and none of GitHub's is written before the masks.
    #[track_caller]
    fn assert_files_are_private(&self, job: &Job) {
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
            if !path.starts_with(job.machine.path("")) || job.found_in(line).is_none() {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            if GITHUB_FILES.contains(&name) {
                for secret in job.secrets.iter().filter(|secret| line.contains(*secret)) {
                    assert!(said.contains(&format!("{MASK}{secret}")), "{name} before its mask");
                }
                continue;
            }
            // The store of the test is somebody else's.
            if !path.starts_with(job.machine.home().join("kept")) {
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

/// What a command asked for, or has of the job's variables that are none of ours to take.
const HANDED_ON: [&str; 3] = ["AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "ANOTHER_TOKEN="];

/// What is run, and whether its result, on stdout, is a secret.
fn commands<'a>(ci: Ci, output: &'a str, bin: &'a str) -> Vec<(Vec<&'a str>, bool)> {
    let mut commands = vec![
        (vec!["helper", "get"], true),
        (vec!["helper", "list"], false),
        (vec!["assume", "-vvv", "--format", "process"], true),
        (vec!["assume", "-vvv", "--format", "env"], true),
        (vec!["assume", "-vvv", "--format", "dotenv"], true),
        (vec!["assume", "-vvv", "--format", "profile"], false),
        (vec!["assume", "-vvv", "--output", output], false),
        (vec!["assume", "-vvv", "--", "/bin/true"], false),
        (vec!["login", "-vvv", "--client", "all", HOST], false),
        (vec!["login", "-vvv", "--format", "json", HOST], true),
        (vec!["login", "-vvv", "--format", "dotenv", HOST], true),
        (vec!["login", "-vvv", "--format", "password", HOST], true),
        (
            vec!["login", "-vvv", "--format", "k8s-secret", "--output", output, HOST],
            false,
        ),
        (vec!["helper", "erase"], false),
        (vec!["setup", "-vvv", "--bin-dir", bin, "--verify", HOST], false),
        (vec!["logout", "-vvv"], false),
    ];
    if ci == Ci::Circleci {
        // Another audience than the job's own: its program is asked.
        commands.push((vec!["assume", "-vvv", "--audience", "sts.amazonaws.com"], true));
    }
    if ci == Ci::Github {
        let at = commands.len() - 1;
        commands.insert(at, (vec!["assume", "-vvv", "--format", "github"], false));
        commands.insert(at, (vec!["login", "-vvv", "--format", "github", HOST], false));
    }
    commands
}

#[rstest]
#[case::github(Ci::Github, &[])]
#[case::gitlab(Ci::Gitlab, &[])]
#[case::circleci(Ci::Circleci, &["CIRCLE_"])]
#[case::bitbucket(Ci::Bitbucket, &[])]
#[case::buildkite(Ci::Buildkite, &["BUILDKITE_AGENT_"])]
#[case::jenkins(Ci::Jenkins, &[])]
fn no_byte_of_a_secret_goes_where_it_is_not_wanted(#[case] ci: Ci, #[case] of_its_program: &[&str]) {
    let lab = lab();
    let mut job = Job::start(&lab, ci);
    let output = job.machine.path("output").display().to_string();
    let bin = job.machine.path("helper").display().to_string();
    let mut runs = Vec::new();
    for (args, is_secret) in commands(ci, &output, &bin) {
        let (outcome, trace) = job.trace(&args, HOST);
        assert_eq!(outcome.status, 0, "{args:?}: {outcome:?}");
        if runs.is_empty() {
            job.mark_fetched();
        }
        if args[0] == "login" && args.contains(&"all") {
            assert!(
                trace
                    .executed()
                    .any(|(arguments, _)| arguments.contains("docker-credential-keeping"))
            );
            assert!(job.machine.home().join("kept").join(HOST).exists());
        }
        runs.push((args, is_secret, outcome, trace));
    }
    let program = match ci {
        Ci::Buildkite => "/buildkite-agent\"",
        Ci::Circleci => "/circleci\"",
        _ => "/docker-credential-keeping\"",
    };
    let mut executed = runs.iter().flat_map(|(.., trace)| trace.executed());
    assert!(
        executed.any(|(arguments, _)| arguments.contains(program)),
        "{program} was not run"
    );
    for (args, is_secret, outcome, trace) in &runs {
        job.assert_unsaid(&outcome.stderr, args);
        if !is_secret {
            job.assert_unsaid(&outcome.stdout, args);
        }
        let but = match args.contains(&"--") {
            true => HANDED_ON.iter().chain(of_its_program).copied().collect(),
            false => of_its_program.to_vec(),
        };
        trace.assert_programs_have_no_secrets(&job, &but);
        trace.assert_files_are_private(&job);
    }
    for file in files_below(&job.machine.home()) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let is_ours = !GITHUB_FILES.iter().any(|name| file.ends_with(name));
        assert!(
            !is_ours || mode & 0o077 == 0 || job.found_in(&text).is_none(),
            "{}",
            file.display()
        );
    }
}

#[rstest]
#[case::github(Ci::Github)]
#[case::gitlab(Ci::Gitlab)]
#[case::buildkite(Ci::Buildkite)]
fn no_failure_tells_a_secret(#[case] ci: Ci) {
    let lab = lab();
    let mut job = Job::start(&lab, ci);
    job.machine = job.machine.with("AWS_MAX_ATTEMPTS", "1").with("ECR_AUTH_CACHE", "off");
    let output = job.machine.path("output").display().to_string();
    let denied = "arn:aws:iam::111122223333:role/of-others";
    let commands = [
        &["helper", "get"][..],
        &["assume", "-vvv"],
        &["assume", "-vvv", "--output", &output],
        &["assume", "-vvv", "--", "/bin/true"],
        &["login", "-vvv", HOST],
        &["login", "-vvv", "--format", "json", HOST],
        &["login", "-vvv", "--role-arn", denied, HOST],
        &[
            "login",
            "-vvv",
            "--token-command",
            "echo $ANOTHER_TOKEN; echo $ANOTHER_TOKEN >&2; exit 1",
            HOST,
        ],
    ];
    for fault in [
        Fault::Throttle,
        Fault::Garbage,
        Fault::Truncated,
        Fault::Reset,
        Fault::IdpRejectedClaim,
    ] {
        lab.clear_faults();
        lab.fail(Service::Sts, fault);
        for args in commands {
            let outcome = job.machine.call(&binary(), args, HOST);
            assert_eq!(outcome.status, 1, "{args:?}: {outcome:?}");
            job.assert_unsaid(&outcome.stdout, args);
            job.assert_unsaid(&outcome.stderr, args);
        }
    }
    assert!(!Path::new(&output).exists());
}
