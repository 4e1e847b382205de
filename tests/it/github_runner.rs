//! GitHub's runner, as far as an action needs it: passes inputs, and reads the files that the action writes as the runner does.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use lab::{Condition, GITHUB_ISSUER, GithubJob, Lab, Operator, Permissions, RoleSpec, Trust};

use crate::harness::{Machine, Outcome, as_here, binary};

/// The subject of the jobs' tokens.
pub const SUBJECT: &str = "repo:octo/app:ref:refs/heads/main";

/// The files that a step may write to.
pub const FILES: [&str; 5] = [
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_STATE",
    "GITHUB_PATH",
    "GITHUB_STEP_SUMMARY",
];

/// A runner in the middle of a job.
pub struct Runner {
    pub machine: Machine,
    pub steps: usize,
}

/// A step that has ended.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    pub outputs: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    pub state: BTreeMap<String, String>,
    pub summary: String,
}

impl Runner {
    /// Returns a job on this machine, which begins with an empty temporary folder.
    pub fn new(machine: Machine) -> Self {
        let temporary = machine.path("runner-temp");
        fs::create_dir(&temporary).unwrap();
        let machine = machine
            .with("RUNNER_TEMP", temporary.to_str().unwrap())
            .with("RUNNER_ENVIRONMENT", "github-hosted");
        Self { machine, steps: 0 }
    }

    pub fn temporary(&self) -> PathBuf {
        self.machine.path("runner-temp")
    }

    /// Runs the action's main step. Its exported variables are set from then on.
    pub fn main(&mut self, inputs: &[(&str, &str)]) -> Ended {
        self.step("main", "INPUT_", inputs)
    }

    /// Runs the post step of a main step that has ended.
    pub fn post(&mut self, main: &Ended) -> Ended {
        let state: Vec<(&str, &str)> = main.state.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.step("post", "STATE_", &state)
    }

    fn step(&mut self, step: &str, prefix: &str, given: &[(&str, &str)]) -> Ended {
        self.steps += 1;
        let folder = self.machine.path(&format!("step-{}", self.steps));
        fs::create_dir(&folder).unwrap();
        let args: Vec<String> = FILES
            .iter()
            .map(|name| {
                let file = folder.join(name);
                fs::write(&file, "").unwrap();
                format!("{name}={}", file.display())
            })
            .chain(given.iter().map(|(name, value)| {
                let name = if prefix == "INPUT_" {
                    name.to_uppercase()
                } else {
                    (*name).to_owned()
                };
                format!("{prefix}{name}={value}")
            }))
            .chain([binary().display().to_string(), "action".into(), step.into()])
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = self.machine.call("/usr/bin/env".as_ref(), &args, "");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let here = |(name, value): (String, String)| (name, as_here(&value));
        let ended = Ended {
            outcome,
            outputs: values(&read("GITHUB_OUTPUT")).into_iter().map(here).collect(),
            env: values(&read("GITHUB_ENV")).into_iter().map(here).collect(),
            state: values(&read("GITHUB_STATE")),
            summary: read("GITHUB_STEP_SUMMARY"),
        };
        for (name, value) in &ended.env {
            self.machine.set(name, value);
        }
        for added in read("GITHUB_PATH").lines() {
            let path = format!("{}:{}", as_here(added), self.machine.variable("PATH").unwrap());
            self.machine.set("PATH", &path);
        }
        ended
    }

    /// Returns the helper's answer for a host. The helper is found on PATH, as docker finds it.
    pub fn docker_asks(&self, host: &str) -> Outcome {
        let path = self.machine.variable("PATH").unwrap();
        let folders = path.split(':').map(PathBuf::from);
        let mut programs = folders.map(|folder| folder.join("docker-credential-ecr-auth"));
        let is_windows = |program: &PathBuf| program.with_extension("exe").is_file();
        let helper = programs
            .find(|program| program.is_file() || is_windows(program))
            .unwrap();
        self.machine.call(&helper, &["get"], host)
    }
}

impl Ended {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.outcome.status, 0, "{self:?}");
        assert!(!self.outcome.stdout.contains("::error"), "{self:?}");
        self
    }

    /// Returns the only annotation of a step that failed.
    #[track_caller]
    pub fn annotation(&self) -> &str {
        let lines: Vec<_> = self.outcome.stdout.lines().collect();
        match lines[..] {
            [line] if line.starts_with("::") => line,
            _ => panic!("one annotation: {self:?}"),
        }
    }

    /// Returns the texts that the log hides from then on.
    pub fn masked(&self) -> Vec<&str> {
        let lines = self.outcome.stderr.lines();
        lines.filter_map(|line| line.strip_prefix("::add-mask::")).collect()
    }
}

/// Parses `name<<delimiter`, the value's lines, the delimiter.
pub fn values(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut values = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        values.insert(name.to_owned(), value.join("\n"));
    }
    values
}

/// Returns a role of an account that GitHub's jobs with this subject may assume.
pub fn github_role(lab: &Lab, account: &str, name: &str, subject: &str) -> String {
    lab.add_oidc_provider(account, GITHUB_ISSUER, &["sts.amazonaws.com"]);
    let condition = |claim: &str, value: &str| Condition {
        operator: Operator::StringEquals,
        claim: claim.into(),
        values: vec![value.into()],
    };
    lab.add_role(RoleSpec {
        account: account.into(),
        name: name.into(),
        trust: vec![Trust::WebIdentity {
            provider: GITHUB_ISSUER.trim_start_matches("https://").into(),
            conditions: vec![condition("aud", "sts.amazonaws.com"), condition("sub", subject)],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

/// Returns a step of a GitHub job, with only the variables that GitHub sets.
pub fn step(lab: &Lab, job: &GithubJob) -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_REPOSITORY", "octo/app")
        .with("GITHUB_RUN_ID", "42")
        .with("GITHUB_RUN_ATTEMPT", "1")
        .with(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            &format!("{}{}", lab.http_url(), job.path),
        )
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &job.request_token)
}
