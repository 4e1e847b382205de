//! The part of the environment that tells one job or user from another.

use crate::Env;
use secret::Secret;

/// Variables that differ between two steps of one job, or two terminals of one user, and do not lead to credentials. docs/cache.md lists them.
const OF_STEP_OR_TERMINAL: [&str; 23] = [
    "_",
    "COLORTERM",
    "COLUMNS",
    "GITHUB_ACTION",
    "GITHUB_ACTION_PATH",
    "GITHUB_ACTION_REF",
    "GITHUB_ACTION_REPOSITORY",
    "GITHUB_ENV",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "TASK_DISPLAYNAME",
    "TASK_INSTANCEID",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "WINDOWID",
];

impl Env {
    /// Returns, for a cache key, the variables that a program sees and whose names `is_wanted` accepts, as one text. Variables that name only the
    /// step of a job or the terminal are left out.
    pub fn visible(&self, is_wanted: impl Fn(&str) -> bool) -> Secret {
        let mut lines: Vec<String> = self
            .vars()
            .filter(|(name, _)| !OF_STEP_OR_TERMINAL.contains(name) && is_wanted(name))
            .map(|(name, value)| format!("{name:?}={value:?}\n"))
            .collect();
        lines.sort_unstable();
        Secret::new(lines.concat())
    }
}
