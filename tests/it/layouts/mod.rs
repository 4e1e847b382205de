//! Random layouts of AWS's shared files: compares the credentials that a `get` uses with those that botocore uses, which the AWS CLI is made of.
//!
//! `LAYOUTS=2000` tries that many, and `LAYOUT_SEED=7` other ones.

mod endpoints;
mod headers;
mod layout;
mod lines;
mod times;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use fastrand::Rng;
use serde_json::json;

use crate::harness::{HOST, Machine};
use crate::python::python_tool;
use layout::Layout;

/// The default number of layouts.
const LAYOUTS: u64 = 200;

/// botocore, and the services that both sides call.
struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Oracle {
    fn start(home: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/layouts/oracle.py");
        let mut child = Command::new(python_tool("python"))
            .arg(script)
            .env_clear()
            .envs([
                ("HOME", home.to_str().unwrap()),
                ("PATH", "/usr/bin:/bin"),
                ("LC_ALL", "C.UTF-8"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        stdout.read_line(&mut port).unwrap();
        Self {
            child,
            stdin,
            stdout,
            port: port.trim().parse().unwrap(),
        }
    }

    fn identity(&mut self, machine: &Machine) -> Result<String, String> {
        let env: Vec<(String, String)> = machine
            .env()
            .vars()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let env: serde_json::Map<_, _> = env.into_iter().map(|(name, value)| (name, value.into())).collect();
        self.ask(&json!({ "env": env }))
    }

    fn ask(&mut self, question: &serde_json::Value) -> Result<String, String> {
        writeln!(self.stdin, "{question}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        match answer.trim_end() {
            error if error.starts_with("error: ") => Err(error.to_owned()),
            found => Ok(found.to_owned()),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a machine with the layout's files and variables.
fn machine(layout: &Layout, is_canonical: bool, home: &Path, port: u16) -> Machine {
    let (config, credentials) = layout.files(is_canonical);
    let services = format!("http://127.0.0.1:{port}");
    with_files(&config, &credentials, home, port).with_all(layout.variables(is_canonical, &services))
}

/// Returns a machine with these files, and with the services at this port.
fn with_files(config: &str, credentials: &str, home: &Path, port: u16) -> Machine {
    let machine = Machine::new().without("AWS_EC2_METADATA_DISABLED");
    let files = [
        ("AWS_CONFIG_FILE", "config", config),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", credentials),
    ];
    let files = files.map(|(variable, name, text)| (variable, machine.write(name, text)));
    let services = format!("http://127.0.0.1:{port}");
    let machine = files.iter().fold(machine, |machine, (variable, path)| {
        machine.with(variable, path.to_str().unwrap())
    });
    machine
        .with("HOME", home.to_str().unwrap())
        .with("ECR_AUTH_CACHE", "off")
        .with("AWS_ENDPOINT_URL", &services)
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &services)
}

fn ours(machine: &Machine) -> Result<String, String> {
    let outcome = machine.helper("get", HOST);
    match outcome.status {
        0 => Ok(outcome.password()),
        _ => Err(outcome.stderr),
    }
}

/// Compares some layouts, and returns each difference.
fn compare(seeds: impl Iterator<Item = u64>, home: &Path) -> Vec<String> {
    let mut oracle = Oracle::start(home);
    let mut wrong = Vec::new();
    for seed in seeds {
        let layout = Layout::generate(&mut Rng::with_seed(seed), home);
        let noisy = machine(&layout, false, home, oracle.port);
        let (ours, theirs) = (ours(&noisy), oracle.identity(&noisy));
        // If botocore refuses the whole files, because of another profile's line, a duplicate or a byte order mark, the intended meaning counts.
        let meant = match (&ours, &theirs) {
            (Ok(_), Err(_)) => oracle.identity(&machine(&layout, true, home, oracle.port)),
            _ => theirs.clone(),
        };
        // Here, keys in the environment come first. botocore refuses a missing or invalid profile beside them.
        let is_environment = ours.as_deref() == Ok(layout::ENVIRONMENT) && meant.is_err();
        if ours.as_ref().ok() != meant.as_ref().ok() && !is_environment {
            let (config, credentials) = layout.files(false);
            let variables = layout.variables(false, "SERVICES");
            wrong.push(format!(
                "seed {seed}\n{variables:?}\n--- config\n{config}\n--- credentials\n{credentials}\n--- ours: {ours:?}\n--- botocore: {theirs:?}, meant {meant:?}\n"
            ));
        }
    }
    wrong
}

#[test]
fn the_identity_is_the_one_that_botocore_finds() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (count, first) = (number("LAYOUTS", LAYOUTS), number("LAYOUT_SEED", 1) * 1_000_000);
    let home = tempfile::tempdir().unwrap();
    layout::sign_in(home.path());
    let home: &Path = home.path();
    let threads = 2;
    let wrong: Vec<String> = thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || compare((first + part..first + count).step_by(threads as usize), home)))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(
        wrong.is_empty(),
        "{} of {count} layouts differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A file below a home.
fn write(home: &Path, below: &str, text: &str) -> PathBuf {
    let path = home.join(below);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}
