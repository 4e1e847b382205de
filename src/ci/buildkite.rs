//! Buildkite hides what its agent was told to: <https://buildkite.com/docs/agent/cli/reference/redactor>.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::world::Env;

const AGENT: &str = "buildkite-agent";
const WHAT: &str = "cannot have Buildkite hide the secrets in its log";

/// How long to wait for the agent, which talks to a socket of this machine.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How often is looked whether the agent has ended.
const LOOK: Duration = Duration::from_millis(5);

/// All that the agent's redactor needs of the environment; the job's keys and tokens are none of its business.
const VARIABLES: [&str; 6] = [
    "BUILDKITE_AGENT_JOB_API_SOCKET",
    "BUILDKITE_AGENT_JOB_API_TOKEN",
    "HOME",
    "PATH",
    "SystemRoot",
    "TMPDIR",
];

/// Hands the secrets to the agent, all in one call, through stdin.
///
/// # Errors
/// No agent on PATH, one that fails or does not end.
pub(super) fn redact(secrets: &[&Secret], env: &Env, limit: Duration) -> Result<()> {
    let agent = agent(env).ok_or_else(|| Error::failed(WHAT, format!("{AGENT} is not on PATH")))?;
    let json = json(secrets)?;
    let child = command(agent, env)
        .spawn()
        .map_err(|error| Error::failed(WHAT, format!("{AGENT}: {error}")))?;
    match feed(child, json, limit)? {
        status if status.success() => Ok(()),
        status => Err(Error::failed(WHAT, format!("{AGENT} redactor add ended with {status}"))),
    }
}

/// Folders relative to the working directory are a checkout's: a program found there would get the secrets.
fn agent(env: &Env) -> Option<PathBuf> {
    let folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    folders
        .map(|folder| folder.join(format!("{AGENT}{}", std::env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
}

/// The agent takes several secrets as the values of one flat object.
fn json(secrets: &[&Secret]) -> Result<Secret> {
    let object: BTreeMap<String, &str> = (1..)
        .zip(secrets)
        .map(|(number, secret)| (format!("secret{number}"), secret.expose()))
        .collect();
    let text = serde_json::to_string(&object).map_err(|error| Error::failed(WHAT, error))?;
    Ok(Secret::new(text))
}

fn command(agent: PathBuf, env: &Env) -> Command {
    let mut command = Command::new(agent);
    command
        .args(["redactor", "add", "--format", "json"])
        .env_clear()
        .envs(VARIABLES.iter().filter_map(|name| Some((name, env.get(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Writes to the child and waits for its end. One that doesn't read is ended with it: the pipe breaks, and so the writer ends too.
fn feed(mut child: Child, input: Secret, limit: Duration) -> Result<ExitStatus> {
    let stdin = child.stdin.take();
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(input.expose().as_bytes())));
    let status = wait(&mut child, limit);
    // One that did not take everything says so by its exit status.
    let _ = writer.join();
    status
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let failed = |cause: String| Error::failed(WHAT, format!("{AGENT}: {cause}"));
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(|error| failed(error.to_string()))? {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
    // One that has ended meanwhile can't be killed, and need not be.
    let _ = child.kill();
    let _ = child.wait();
    Err(failed(format!("no answer within {limit:?}")))
}
