//! Helpers that run the clients.

use std::path::PathBuf;
use std::process::{Command, Output};

use lab::{AccessKey, Lab, Options};

/// Starts a lab without docker-registry.
pub fn lab() -> Lab {
    Lab::start(Options::default().registry(false)).unwrap()
}

/// Returns a Python tool that `scripts/install.sh check` installs.
pub fn python_tool(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let tool = target.join("python/bin").join(name);
    assert!(
        tool.exists(),
        "{} is missing: run scripts/install.sh check",
        tool.display()
    );
    tool
}

/// A command whose environment has only the lab's endpoint, its CA and a key.
fn at_lab(program: PathBuf, lab: &Lab, endpoint: &str, key: Option<&AccessKey>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_CA_BUNDLE", lab.ca_file())
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", lab.http_url());
    if let Some(key) = key {
        command
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret);
        if let Some(token) = &key.session_token {
            command.env("AWS_SESSION_TOKEN", token);
        }
    }
    command
}

/// Runs Python with boto3 imported. Returns standard output without its line end, or boto3's error.
pub fn boto3(
    lab: &Lab,
    endpoint: &str,
    key: Option<&AccessKey>,
    env: &[(&str, &str)],
    script: &str,
) -> Result<String, String> {
    let script = format!("import boto3, json, os\n{script}");
    let mut command = at_lab(python_tool("python"), lab, endpoint, key);
    outcome(
        command
            .envs(env.iter().copied())
            .args(["-c", &script])
            .output()
            .unwrap(),
    )
}

/// Runs the AWS CLI.
pub fn aws(lab: &Lab, endpoint: &str, key: Option<&AccessKey>, arguments: &[&str]) -> Result<String, String> {
    let mut command = at_lab(python_tool("aws"), lab, endpoint, key);
    outcome(command.args(arguments).output().unwrap())
}

fn outcome(output: Output) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The result of a run of curl.
#[derive(Debug)]
pub struct Got {
    /// curl's exit status.
    pub exit: i32,
    pub status: u16,
    /// Head and body of the response.
    pub text: String,
}

/// Runs curl, with connections to every host name directed to the lab's ports.
pub fn curl(lab: &Lab, arguments: &[&str]) -> Got {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--include",
            "--noproxy",
            "*",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_code}",
        ])
        .arg("--cacert")
        .arg(lab.ca_file())
        .args(arguments)
        // The first matching rule applies, so a test's own rules come first.
        .args(["--connect-to", &format!("::127.0.0.1:{}", lab.https_addr().port())])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.rsplit('\n').next().unwrap().parse().unwrap_or(0);
    Got {
        exit: output.status.code().unwrap(),
        status,
        text,
    }
}
