//! Everything that a command reads of the outside world, as values. Any command can therefore run inside a test, without a process.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use crate::{Progress, variables};
use diagnostics::{Code, Error, MessageWriter, Result};

/// The variable that names the user's home folder.
pub const HOME_VARIABLE: &str = if cfg!(windows) {
    variables::USERPROFILE
} else {
    variables::HOME
};

/// The cause of an error about a user without a home folder.
pub const NO_HOME: &str = "this user has no home folder";

/// The home folder of the user who runs this process. Without `HOME`, the standard library asks the system's password database.
static USER_HOME: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::home_dir().filter(|home| !home.as_os_str().is_empty()));

/// The environment variables of this run. As in AWS's tools, an empty variable counts as unset.
#[derive(Clone)]
pub struct Env {
    vars: BTreeMap<String, String>,
    /// Whether these are the process's own variables. Only then the password database is asked for a home.
    is_of_process: bool,
    /// When they were read, which is the first thing that a process does.
    pub(crate) read_at: Instant,
}

impl Default for Env {
    fn default() -> Self {
        Self {
            vars: BTreeMap::new(),
            is_of_process: false,
            read_at: Instant::now(),
        }
    }
}

/// Returns the name under which a variable is kept. The case of names does not count on Windows.
fn key<'a>(name: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    match cfg!(windows) {
        true => name.into().to_uppercase().into(),
        false => name.into(),
    }
}

/// Shows only the names, because the values may be keys and tokens.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl Env {
    /// Returns the process's own environment. Variables that are not Unicode are left out, because no variable that we read may be.
    pub fn from_process() -> Self {
        let vars = std::env::vars_os();
        let vars = vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            is_of_process: true,
            ..vars.collect()
        }
    }

    /// Returns the variable's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars
            .get(&*key(name))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Sets a variable for later reads and for programs that are run, but not in this process itself.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.vars.insert(key(name).into_owned(), value.into());
    }

    /// Whether the variable is set but empty. Libraries that read the process's own environment may not treat it as unset.
    pub fn is_blank(&self, name: &str) -> bool {
        self.vars.get(&*key(name)).is_some_and(String::is_empty)
    }

    /// Returns all variables, for a program that runs in the same environment.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Whether a switch is on: `true` or `1`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1")
    }

    /// Returns the user's home folder: `HOME` or, if that is unset or empty, the one in the password database. On Windows, only `USERPROFILE`.
    /// Variables from a test have no user, and so no home other than `HOME`.
    pub fn home(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.path(variables::USERPROFILE);
        }
        let of_user = || self.is_of_process.then(|| USER_HOME.clone()).flatten();
        self.path(variables::HOME).or_else(of_user)
    }

    /// Returns the user's home folder, for work that needs one.
    ///
    /// # Errors
    /// A usage error that says what needs a home, and how to set one.
    pub fn require_home(&self, what: &str) -> Result<PathBuf> {
        self.home().ok_or_else(|| no_home(what))
    }

    /// Returns the path with a leading `~` replaced by the user's home folder, if there is one.
    pub fn expand_home(&self, path: PathBuf) -> PathBuf {
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path,
        }
    }

    /// Returns the folders on PATH, in order.
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.get(variables::PATH)
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default()
    }

    /// Returns `ecr-auth` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_CACHE_HOME,
            ".cache",
            "Library/Caches",
            variables::LOCALAPPDATA,
        )
    }

    /// Returns `ecr-auth` in the user's configuration folder: `$XDG_CONFIG_HOME` or `~/.config`, on macOS `~/Library/Application Support`, on
    /// Windows `%APPDATA%`.
    pub fn config_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_CONFIG_HOME,
            ".config",
            "Library/Application Support",
            variables::APPDATA,
        )
    }

    /// Returns `ecr-auth` in the user's state folder: `$XDG_STATE_HOME` or `~/.local/state`, on macOS `~/Library/Application Support`, on Windows
    /// `%LOCALAPPDATA%`.
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.user_folder(
            variables::XDG_STATE_HOME,
            ".local/state",
            "Library/Application Support",
            variables::LOCALAPPDATA,
        )
    }

    /// Returns a folder of the user. The XDG variable counts on every platform, but only as an absolute path, as its specification says. The same
    /// holds for the home: a relative path names a folder of the working directory, which may be a checkout.
    fn user_folder(&self, xdg: &str, unix: &str, macos: &str, windows: &str) -> Option<PathBuf> {
        let default = || {
            if cfg!(windows) {
                return self.path(windows);
            }
            let below = if cfg!(target_os = "macos") { macos } else { unix };
            self.home().map(|home| home.join(below))
        };
        let is_absolute = |folder: &PathBuf| folder.is_absolute();
        let base = self.path(xdg).filter(is_absolute);
        let base = base.or_else(|| default().filter(is_absolute))?;
        Some(base.join("ecr-auth"))
    }
}

/// Returns the error for something that needs a home folder.
pub fn no_home(what: &str) -> Error {
    Error::usage(Code::NoHome, what, NO_HOME).hint(format!(
        "set {HOME_VARIABLE} to a folder that this user may write to, as an absolute path"
    ))
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(vars: I) -> Self {
        let vars = vars.into_iter();
        Self {
            vars: vars
                .map(|(name, value)| (key(name.into()).into_owned(), value.into()))
                .collect(),
            ..Self::default()
        }
    }
}

/// How much is printed on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// Also what was done.
    Normal,
    /// Also how it was done.
    Debug,
}

/// Everything that a command reads of the outside world, and its outputs.
pub struct Context<'a> {
    /// The environment variables.
    pub env: Env,
    /// The running binary, with links resolved. `setup` links to it.
    pub exe: PathBuf,
    /// The clock.
    pub clock: &'a (dyn Fn() -> SystemTime + Sync),
    /// The command's standard input.
    pub stdin: &'a mut dyn Read,
    /// The output for the result, and nothing else.
    pub stdout: &'a mut dyn Write,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// The output for messages.
    pub stderr: MessageWriter<'a>,
    /// The progress line on the terminal, if stderr is one.
    pub progress: Progress,
    /// How many messages are printed.
    pub verbosity: Verbosity,
    /// When this process started.
    pub started: SystemTime,
    /// When this process began, on the monotonic clock.
    pub began: Instant,
}

impl Context<'_> {
    /// Returns the current time.
    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Prints a message about what was done. A closed stderr is ignored.
    pub fn say(&mut self, line: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.progress.clear();
            let _ = self.stderr.line(line);
        }
    }

    /// Prints a message about how it was done, in verbose mode. `line` is only called then.
    pub fn detail(&mut self, line: impl FnOnce() -> String) {
        if self.verbosity >= Verbosity::Debug {
            self.progress.clear();
            let _ = self.stderr.line(&line());
        }
    }
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
    fn the_case_of_names_counts_except_on_windows() {
        let mut env: Env = [("My_Token", "a"), ("Blank", "")].into_iter().collect();
        let found = |env: &Env| ["My_Token", "MY_TOKEN", "my_token"].map(|name| env.get(name).map(str::to_owned));
        let [same, others] = [Some("a".to_owned()), cfg!(windows).then(|| "a".to_owned())];
        assert_eq!(found(&env), [same, others.clone(), others]);
        assert_eq!([env.is_blank("Blank"), env.is_blank("BLANK")], [true, cfg!(windows)]);
        env.set("mY_tOKEN", "b");
        assert_eq!(env.get("My_Token"), Some(if cfg!(windows) { "b" } else { "a" }));
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_relative_home_has_none_of_our_folders() {
        let env: Env = [("HOME", "checkout"), ("XDG_STATE_HOME", "/s")].into_iter().collect();
        assert_eq!(env.home(), Some("checkout".into()));
        assert_eq!((env.cache_folder(), env.config_folder()), (None, None));
        assert_eq!(env.state_folder(), Some("/s/ecr-auth".into()));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_processs_own_variables_have_a_user() {
        let empty: Env = [("HOME", "")].into_iter().collect();
        assert_eq!(empty.home(), None);
        let error = empty.require_home("cannot do it").unwrap_err();
        assert_eq!((error.exit().code(), error.cause()), (2, NO_HOME));
        let mut own = Env::from_process();
        own.set("HOME", "");
        assert_eq!(own.home(), std::env::home_dir());
    }
}
