//! Buildkite hides what its agent was told to: <https://buildkite.com/docs/agent/cli/reference/redactor>.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use context::{Env, program};
use diagnostics::{Code, Error, Result};
use secret::Secret;

const AGENT: &str = "buildkite-agent";
const WHAT: &str = "cannot have Buildkite hide the secrets in its log";

/// How long to wait for the agent, which talks to a socket of this machine.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

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
    let failed = |cause: String| Error::failed(Code::NotHidden, WHAT, cause);
    let agent = program::on_path(AGENT, env).ok_or_else(|| failed(format!("{AGENT} is not on PATH")))?;
    program::output(&mut command(agent, env), Some(&json(secrets)?), limit)
        .map_err(|failure| failed(format!("{AGENT}: {failure}")))?;
    Ok(())
}

/// The agent takes several secrets as the values of one flat object.
fn json(secrets: &[&Secret]) -> Result<Secret> {
    let object: BTreeMap<String, &str> = (1..)
        .zip(secrets)
        .map(|(number, secret)| (format!("secret{number}"), secret.expose()))
        .collect();
    let text = serde_json::to_string(&object).map_err(|error| Error::failed(Code::NotHidden, WHAT, error))?;
    Ok(Secret::new(text))
}

fn command(agent: PathBuf, env: &Env) -> Command {
    let mut command = Command::new(agent);
    command
        .args(["redactor", "add", "--format", "json"])
        .env_clear()
        .envs(VARIABLES.iter().filter_map(|name| Some((name, env.get(name)?))));
    command
}
