//! Everything a command reads of the outside world, handed in, so that any command runs inside a test without a process.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use crate::{Progress, variables};

/// The environment variables of this run. An empty variable counts as unset, as AWS's tools have it.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

/// The names alone: among the values are keys and tokens.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env {
    /// The process's own environment. Variables that are not Unicode are left out: none that we read may be.
    pub fn from_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The variable's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a variable for what is read from here on, and for the programs that are run: not for this process itself.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Whether the variable is set, but to nothing: who reads the process's own environment may not take that for unset.
    pub fn is_blank(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(String::is_empty)
    }

    /// All variables, for a program that is to run in the same environment.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Whether a switch is on: `true` or `1`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1")
    }

    /// The user's home folder (`HOME`, on Windows `USERPROFILE`).
    pub fn home(&self) -> Option<PathBuf> {
        self.path(if cfg!(windows) {
            variables::USERPROFILE
        } else {
            variables::HOME
        })
    }

    /// The path with a leading `~` replaced by the user's home folder, if there is one.
    pub fn expand_home(&self, path: PathBuf) -> PathBuf {
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path,
        }
    }

    /// The folders on PATH, in order.
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.get(variables::PATH)
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default()
    }

    /// `ecr-auth` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows
    /// `%LOCALAPPDATA%`.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_CACHE_HOME,
            ".cache",
            "Library/Caches",
            variables::LOCALAPPDATA,
        )
    }

    /// `ecr-auth` in the user's configuration folder: `$XDG_CONFIG_HOME` or `~/.config`, on macOS
    /// `~/Library/Application Support`, on Windows `%APPDATA%`.
    pub fn config_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_CONFIG_HOME,
            ".config",
            "Library/Application Support",
            variables::APPDATA,
        )
    }

    /// `ecr-auth` in the user's state folder: `$XDG_STATE_HOME` or `~/.local/state`, on macOS
    /// `~/Library/Application Support`, on Windows `%LOCALAPPDATA%`.
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_STATE_HOME,
            ".local/state",
            "Library/Application Support",
            variables::LOCALAPPDATA,
        )
    }

    /// The XDG variable counts on every platform, but only as an absolute path, as its specification says.
    fn user_folder(&self, xdg: &str, unix: &str, macos: &str, windows: &str) -> Option<PathBuf> {
        let base = self.path(xdg).filter(|folder| folder.is_absolute()).or_else(|| {
            if cfg!(windows) {
                self.path(windows)
            } else {
                let below = if cfg!(target_os = "macos") { macos } else { unix };
                self.home().map(|home| home.join(below))
            }
        })?;
        Some(base.join("ecr-auth"))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(vars: I) -> Self {
        Self(
            vars.into_iter()
                .map(|(name, value)| {
                    let name = name.into();
                    let name = if cfg!(windows) { name.to_uppercase() } else { name };
                    (name, value.into())
                })
                .collect(),
        )
    }
}

/// How much people want to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What was done.
    Normal,
    /// How it was done, too.
    Debug,
}

/// What a command reads of the outside world, and where it answers.
pub struct Context<'a> {
    /// The environment variables.
    pub env: Env,
    /// The running binary, links resolved: what `setup` links to.
    pub exe: PathBuf,
    /// The time now.
    pub clock: &'a (dyn Fn() -> SystemTime + Sync),
    /// What is fed to the command.
    pub stdin: &'a mut dyn Read,
    /// The result, and nothing else.
    pub stdout: &'a mut dyn Write,
    /// Whether that is shown on a terminal.
    pub stdout_is_terminal: bool,
    /// What people read.
    pub stderr: &'a mut dyn Write,
    /// What they are shown meanwhile, if that is a terminal.
    pub progress: Progress,
    /// How much of it.
    pub verbosity: Verbosity,
    /// When this process started.
    pub started: SystemTime,
    /// The same moment, on the clock that is never set.
    pub began: Instant,
}

impl Context<'_> {
    /// The time now.
    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Tells people what was done. A stderr that is closed is nobody's problem.
    pub fn say(&mut self, line: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.progress.clear();
            let _ = writeln!(self.stderr, "{}", without_controls(line));
        }
    }

    /// Tells people how it was done, if they asked for it: the line is made only then.
    pub fn detail(&mut self, line: impl FnOnce() -> String) {
        if self.verbosity >= Verbosity::Debug {
            self.progress.clear();
            let _ = writeln!(self.stderr, "{}", without_controls(&line()));
        }
    }
}

/// What a variable or a file put into a line must not move a terminal's cursor, nor begin a line of its own, which a CI could
/// take for a command.
fn without_controls(line: &str) -> String {
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_counts_as_unset() {
        let env: Env = [("A", ""), ("B", "TRUE")].into_iter().collect();
        assert_eq!(env.get("A"), None);
        assert!(env.is_blank("A") && !env.is_blank("B") && !env.is_blank("C"));
        assert!(env.is_true("B"));
    }

    #[test]
    fn debug_shows_names_alone() {
        let env: Env = [("AWS_SECRET_ACCESS_KEY", "hunter2")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"{"AWS_SECRET_ACCESS_KEY"}"#);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn folders_follow_xdg_only_where_absolute() {
        let env: Env = [("HOME", "/h"), ("XDG_CACHE_HOME", "relative"), ("XDG_STATE_HOME", "/s")]
            .into_iter()
            .collect();
        assert_eq!(env.cache_folder(), Some("/h/.cache/ecr-auth".into()));
        assert_eq!(env.state_folder(), Some("/s/ecr-auth".into()));
        assert_eq!(env.config_folder(), Some("/h/.config/ecr-auth".into()));
    }
}
