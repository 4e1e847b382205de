//! The part of the environment that tells one job or user from another.

use crate::ALL;
use context::Env;
use secret::Secret;

/// Variables that differ between two terminals of one user, and do not lead to credentials. docs/cache.md lists them, with those of a job's step.
const OF_TERMINAL: [&str; 13] = [
    "_",
    // How many commands of a `credential_process` run around this one.
    "_ECR_AUTH_DEPTH",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "WINDOWID",
];

/// Returns, for a cache key, the variables that a program sees and whose names `is_wanted` accepts, as one text. Variables that name only the step of
/// a job or the terminal are left out.
pub fn visible(env: &Env, is_wanted: impl Fn(&str) -> bool) -> Secret {
    let is_of_step = |name: &str| ALL.iter().any(|ci| ci.of_step.contains(&name));
    let is_left_out = |name: &str| OF_TERMINAL.contains(&name) || is_of_step(name);
    let mut lines: Vec<String> = env
        .vars()
        .filter(|(name, _)| !is_left_out(name) && is_wanted(name))
        .map(|(name, value)| format!("{name:?}={value:?}\n"))
        .collect();
    lines.sort_unstable();
    Secret::new(lines.concat())
}
