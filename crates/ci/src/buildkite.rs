//! Buildkite: its agent mints a token for each call, and hides the secrets that it is given.
//! <https://buildkite.com/docs/agent/v3/cli-oidc>, <https://buildkite.com/docs/agent/cli/reference/redactor>

mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::{
    CiSystem, CiToken, JobMark, Masking, MissingToken, ProgramCall, SessionWords, TokenFinder, TokenIssuer,
    TokenProgram,
};
use context::{Env, program};
use diagnostics::{Code, Error, Result};
use secret::Secret;

const AGENT: &str = "buildkite-agent";
const ACCESS_TOKEN: &str = "BUILDKITE_AGENT_ACCESS_TOKEN";
const JOB: &str = "BUILDKITE_JOB_ID";
const ENDPOINT: &str = "BUILDKITE_AGENT_ENDPOINT";
/// The options for a token's claims, and the agent's own variables for them. They are given as options too, because an agent that is too
/// old for one of them then fails: it would ignore the variable, and mint a token with other claims.
const OPTIONS: [(&str, &str); 3] = [
    ("--subject-claim", "BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM"),
    ("--claim", "BUILDKITE_OIDC_TOKEN_CLAIMS"),
    ("--aws-session-tag", "BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS"),
];
const SOCKET: &str = "BUILDKITE_AGENT_JOB_API_SOCKET";
const SOCKET_TOKEN: &str = "BUILDKITE_AGENT_JOB_API_TOKEN";

pub(crate) static BUILDKITE: CiSystem = CiSystem {
    name: "Buildkite",
    mark: JobMark::Set("BUILDKITE"),
    token: TokenFinder::Function(token),
    secrets: &[
        (ACCESS_TOKEN, "lets `buildkite-agent` ask for the job's OIDC token"),
        (SOCKET_TOKEN, "lets `buildkite-agent` hide secrets in the log"),
    ],
    variables: &[
        (JOB, "the job, to which a cached token is tied"),
        (
            ENDPOINT,
            "where the agent asks for tokens: a cached token is tied to it",
        ),
        (
            OPTIONS[0].1,
            "goes to `--subject-claim` of `buildkite-agent oidc request-token`",
        ),
        (
            OPTIONS[1].1,
            "goes to `--claim` of `buildkite-agent oidc request-token`: names of claims, separated by commas",
        ),
        (
            OPTIONS[2].1,
            "goes to `--aws-session-tag` of `buildkite-agent oidc request-token`: claims that become session tags, separated by commas",
        ),
        (SOCKET, "lets `buildkite-agent` hide secrets in the log"),
    ],
    names: &["BUILDKITE_ORGANIZATION_SLUG"],
    session: Some(SessionWords {
        set: "BUILDKITE_BUILD_NUMBER",
        prefix: "buildkite",
        words: &["BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://agent.buildkite.com",
        subjects: &["organization:<organization>:pipeline:<pipeline>:ref:<ref>:commit:<commit>:step:<step>"],
        ..TokenIssuer::BLANK
    }),
    masking: Masking::Program {
        find: |env| agent(env).map(drop),
        hide: |secrets, env| redact(secrets, env, LIMIT),
    },
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "let the step reach the agent: BUILDKITE_AGENT_ACCESS_TOKEN and BUILDKITE_JOB_ID in its environment, buildkite-agent on its PATH (in a container: mount both)",
        lines: None,
    }),
    expired: crate::descriptor::JUST_ISSUED,
    trust: Some(trust::FORM),
    ..CiSystem::BLANK
};

static REQUEST_TOKEN: ProgramCall = ProgramCall {
    program: AGENT,
    named: "buildkite-agent oidc request-token",
    arguments: |audience, env| {
        let call = ["oidc", "request-token", "--audience", audience];
        let options = OPTIONS
            .into_iter()
            .filter_map(|(option, name)| Some([option, env.get(name)?]));
        call.into_iter().chain(options.flatten()).map(str::to_owned).collect()
    },
    its_own: "BUILDKITE",
};

fn token(env: &Env) -> Option<CiToken> {
    let mut job = vec![
        ("buildkite-access-token", CiToken::secret_in(ACCESS_TOKEN, env)?),
        ("buildkite-job", Secret::new(env.get(JOB)?)),
        ("buildkite-endpoint", Secret::new(env.get(ENDPOINT).unwrap_or_default())),
    ];
    // Tokens of other claims open other roles.
    job.extend(OPTIONS.map(|(option, name)| (option, Secret::new(env.get(name).unwrap_or_default()))));
    let agent = TokenProgram::on_path(&REQUEST_TOKEN, env)?;
    Some(CiToken::minted(
        &BUILDKITE,
        "Buildkite's token for this job",
        agent,
        job,
    ))
}

const CANNOT_HIDE: &str = "cannot have Buildkite hide the secrets in its log";

/// The longest time for the agent's answer. The agent talks to a socket of this machine.
const LIMIT: Duration = Duration::from_secs(5);

/// All variables that the agent's redactor needs. It gets no other key or token of the job.
const REDACTOR_NEEDS: [&str; 6] = [SOCKET, SOCKET_TOKEN, "HOME", "PATH", "SystemRoot", "TMPDIR"];

/// Hands the secrets to the agent, all in one call, through stdin.
///
/// # Errors
/// The agent is not on PATH, fails, or does not end in time.
pub(crate) fn redact(secrets: &[&Secret], env: &Env, limit: Duration) -> Result<()> {
    program::output(&mut redactor(agent(env)?, env), Some(&json(secrets)?), limit)
        .map_err(|failure| not_hidden(format!("{AGENT}: {failure}")))?;
    Ok(())
}

fn agent(env: &Env) -> Result<PathBuf> {
    program::on_path(AGENT, env).ok_or_else(|| not_hidden(format!("{AGENT} is not on PATH")))
}

fn not_hidden(cause: String) -> Error {
    Error::failed(Code::NotHidden, CANNOT_HIDE, cause)
        .hint("let the step reach the agent: buildkite-agent on its PATH, and its variables BUILDKITE_AGENT_JOB_API_… (in a container: mount both)")
}

/// The agent takes several secrets as the values of one flat object.
fn json(secrets: &[&Secret]) -> Result<Secret> {
    let object: BTreeMap<String, &str> = (1..)
        .zip(secrets)
        .map(|(number, secret)| (format!("secret{number}"), secret.expose()))
        .collect();
    let text = serde_json::to_string(&object).map_err(|error| Error::failed(Code::NotHidden, CANNOT_HIDE, error))?;
    Ok(Secret::new(text))
}

fn redactor(agent: PathBuf, env: &Env) -> Command {
    let mut command = Command::new(agent);
    command
        .args(["redactor", "add", "--format", "json"])
        .env_clear()
        .envs(REDACTOR_NEEDS.iter().filter_map(|name| Some((name, env.get(name)?))));
    command
}
