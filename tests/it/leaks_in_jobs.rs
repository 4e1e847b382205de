//! Places where the secrets of a CI job must not be: arguments, other programs' environments, messages, GitHub's files before their masks, files
//! that others can read at any moment. Every secret is marked, and strace shows where it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab::{Ci, Fault, Lab, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine, binary};
use crate::jobs::in_job;
use crate::lab_machine::{key_variables, lab};
use crate::stored_logins::add_store;
use crate::trace::{MASKED_FIRST, Secrets, Trace};

const PROXY_PASSWORD: &str = "pr0xy-p4ssword";

/// A job with all kinds of secrets in its environment: the CI's token, a key that is not used, a proxy's password, and an OIDC token in a variable
/// that only a rule names. It has a credential store, and debugging is on.
struct Job {
    machine: Machine,
    secrets: Secrets,
}

impl Job {
    fn start(lab: &Lab, ci: Ci) -> Self {
        let (job, machine) = in_job(lab, ci);
        let other = crate::jobs::start_ci(lab, Ci::Gitlab).environment["ECR_AUTH_ID_TOKEN"].clone();
        let mut secrets = Secrets::default();
        secrets.mark(job.secrets());
        secrets.mark([PROXY_PASSWORD.to_owned(), lab.admin().secret.clone(), other.clone()]);
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
        for name in MASKED_FIRST {
            let file = machine.write(name, "");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            machine = machine.with(name, file.to_str().unwrap());
        }
        Self { machine, secrets }
    }

    /// Adds the secrets that the job fetched, from its cache.
    fn mark_fetched(&mut self) {
        let session = self.machine.run(&["assume", "-q"]);
        let session: serde_json::Value = serde_json::from_str(&session.stdout).unwrap();
        let password = self.machine.run(&["login", "-q", "--format", "password", HOST]).stdout;
        let password = password.trim();
        self.secrets.mark([
            session["SecretAccessKey"].as_str().unwrap().to_owned(),
            session["SessionToken"].as_str().unwrap().to_owned(),
            STANDARD.encode(format!("AWS:{password}")),
            password.to_owned(),
        ]);
    }
}

const DOCKER: &str = ".docker/config.json";

/// Variables that a command asked for, or that belong to the job and are not ours to remove.
const HANDED_ON: [&str; 3] = ["AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "ANOTHER_TOKEN="];

/// Returns the commands, and whether the result on stdout is a secret.
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
        // For another audience than the job's own, its program is called.
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
        let (outcome, trace) = Trace::of(&job.machine, &args, HOST);
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
        job.secrets.assert_unsaid(&outcome.stderr, args);
        if !is_secret {
            job.secrets.assert_unsaid(&outcome.stdout, args);
        }
        let but = match args.contains(&"--") {
            true => HANDED_ON.iter().chain(of_its_program).copied().collect(),
            false => of_its_program.to_vec(),
        };
        trace.assert_programs_have_no_secrets(&job.secrets, &but);
        trace.assert_files_are_private(&job.secrets, &job.machine);
    }
    job.secrets.assert_files_keep(&job.machine);
}

#[rstest]
#[case::github(Ci::Github, &[])]
#[case::gitlab(Ci::Gitlab, &[])]
#[case::buildkite(Ci::Buildkite, &["BUILDKITE_AGENT_"])]
fn no_failure_tells_a_secret(#[case] ci: Ci, #[case] of_its_program: &[&str]) {
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
        &["doctor", "-vvv", HOST],
        &[
            "login",
            "-vvv",
            "--token-command",
            "echo $ANOTHER_TOKEN; echo $ANOTHER_TOKEN >&2; exit 1",
            HOST,
        ],
    ];
    let faults = [
        Fault::Throttle,
        Fault::Garbage,
        Fault::Truncated,
        Fault::Reset,
        Fault::IdpRejectedClaim,
    ];
    let classes = faults.len();
    for (class, fault) in faults.into_iter().enumerate() {
        lab.clear_faults();
        lab.fail(Service::Sts, fault);
        for (number, args) in commands.iter().enumerate() {
            // strace is slow, so each command fails in one way only.
            let outcome = if number % classes == class {
                let (outcome, trace) = Trace::of(&job.machine, args, HOST);
                // The user's own command line gets the job's variables.
                let but = if args.contains(&"--token-command") {
                    &[""]
                } else {
                    of_its_program
                };
                trace.assert_programs_have_no_secrets(&job.secrets, but);
                trace.assert_files_are_private(&job.secrets, &job.machine);
                outcome
            } else {
                job.machine.call(&binary(), args, HOST)
            };
            assert_eq!(outcome.status, 1, "{args:?}: {outcome:?}");
            job.secrets.assert_unsaid(&outcome.stdout, args);
            job.secrets.assert_unsaid(&outcome.stderr, args);
        }
    }
    assert!(!Path::new(&output).exists());
}

/// Tests both steps of the action, and the main step if STS refuses.
#[test]
fn nor_do_the_steps_of_the_action() {
    let lab = lab();
    let mut job = Job::start(&lab, Ci::Github);
    job.mark_fetched();
    let temporary = job.machine.path("runner-temp");
    fs::create_dir(&temporary).unwrap();
    let role = job.machine.variable("AWS_ROLE_ARN").unwrap().to_owned();
    let files = ["GITHUB_STATE", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"];
    let files = files.map(|name| (name, job.machine.write(name, "").display().to_string()));
    job.machine = job
        .machine
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .with_all(files)
        .with("RUNNER_TEMP", temporary.to_str().unwrap())
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("INPUT_REGISTRIES", HOST)
        .with("INPUT_ROLE-TO-ASSUME", &role)
        .with("INPUT_OUTPUT-PASSWORD", "true");
    for (step, fault) in [("main", Some(Fault::Garbage)), ("main", None), ("post", None)] {
        lab.clear_faults();
        let status = i32::from(fault.is_some());
        if let Some(fault) = fault {
            lab.fail(Service::Sts, fault);
        }
        let (outcome, trace) = Trace::of(&job.machine, &["-vvv", "action", step], "");
        assert_eq!(outcome.status, status, "{step}: {outcome:?}");
        job.secrets.assert_unsaid(&outcome.stdout, &[step]);
        job.secrets.assert_unsaid(&outcome.stderr, &[step]);
        trace.assert_programs_have_no_secrets(&job.secrets, &[]);
        trace.assert_files_are_private(&job.secrets, &job.machine);
    }
    job.secrets.assert_files_keep(&job.machine);
}
