//! Where the trust in the first role comes from: a token, and the place of that token.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use context::program::SHELL;
use diagnostics::Result;
use secret::Secret;

/// A place for the CI's token that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A file, read anew at each use.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A command that prints the token.
    Command(TokenCommand),
}

/// A command that prints the token: a program and its arguments. It is run once, however many registries are asked for: one job's token
/// is one identity, whose registries share what it fetches.
#[derive(Debug, Clone)]
pub struct TokenCommand {
    arguments: Vec<String>,
    folder: PathBuf,
    printed: Arc<OnceLock<Secret>>,
}

impl TokenCommand {
    /// Returns the command that has a line run by the platform's shell, as a flag gives it.
    pub fn from_line(line: &str) -> Self {
        let shell = SHELL.map(str::to_owned);
        Self::from_arguments(shell.into_iter().chain([line.to_owned()]).collect())
    }

    /// Returns the command of a list, as a file gives it: the program and its arguments, without a shell.
    pub fn from_arguments(arguments: Vec<String>) -> Self {
        Self {
            arguments,
            folder: PathBuf::new(),
            printed: Arc::default(),
        }
    }

    /// Has the command run in a folder: that of the file that names it.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = folder.to_owned();
        self
    }

    /// The program and its arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The line, if the shell runs one.
    pub fn line(&self) -> Option<&str> {
        match &self.arguments[..] {
            [shell, option, line] if [shell, option] == SHELL => Some(line),
            _ => None,
        }
    }

    /// The folder in which the command runs; empty for the current one.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it printed, or prints now by `run`.
    ///
    /// # Errors
    /// That of `run`; the next call tries again.
    pub fn token(&self, run: impl FnOnce() -> Result<Secret>) -> Result<Secret> {
        if let Some(token) = self.printed.get() {
            return Ok(token.clone());
        }
        let token = run()?;
        Ok(self.printed.get_or_init(|| token).clone())
    }
}

impl PartialEq for TokenCommand {
    fn eq(&self, other: &Self) -> bool {
        (&self.arguments, &self.folder) == (&other.arguments, &other.folder)
    }
}

impl Eq for TokenCommand {}

/// Where the credentials for the first role come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourceChoice {
    /// The CI's token, or else the chain.
    #[default]
    Auto,
    /// The CI's token, and nothing else.
    Oidc,
    /// AWS's standard chain, whatever the CI has.
    Chain,
    /// A user who signs in to Cognito: no role is named beside it, the identity pool chooses one.
    Cognito,
}

impl SourceChoice {
    /// The choice of this name in the [table](crate::table::SOURCE); of another name, what holds where nothing is said.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "oidc" => Self::Oidc,
            "chain" => Self::Chain,
            "cognito" => Self::Cognito,
            _ => Self::Auto,
        }
    }
}
