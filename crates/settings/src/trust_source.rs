//! What assumes the first role: a token, and the place of that token.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use context::program::SHELL;
use diagnostics::Result;
use secret::Secret;

/// The place of the CI's token, if a setting names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A file, read at each use.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A command that prints the token.
    Command(TokenCommand),
}

/// A command that prints the token: a program and its arguments. It runs once for any number of registries, because they share one job's identity.
#[derive(Debug, Clone)]
pub struct TokenCommand {
    arguments: Vec<String>,
    folder: PathBuf,
    printed: Arc<OnceLock<Secret>>,
}

impl TokenCommand {
    /// Returns the command that runs a line with the platform's shell. Flags give commands as lines.
    pub fn from_line(line: &str) -> Self {
        let shell = SHELL.map(str::to_owned);
        Self::from_arguments(shell.into_iter().chain([line.to_owned()]).collect())
    }

    /// Returns the command that runs a program without a shell. Files give commands as lists.
    pub fn from_arguments(arguments: Vec<String>) -> Self {
        Self {
            arguments,
            folder: PathBuf::new(),
            printed: Arc::default(),
        }
    }

    /// Makes the command run in a folder: that of the file that names the command.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = folder.to_owned();
        self
    }

    /// Returns the program and its arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Returns the line, if the platform's shell runs one.
    pub fn line(&self) -> Option<&str> {
        match &self.arguments[..] {
            [shell, option, line] if [shell, option] == SHELL => Some(line),
            _ => None,
        }
    }

    /// Returns the folder in which the command runs. Empty for the current folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the token that the command printed before, or that `run` gets from it now.
    ///
    /// # Errors
    /// The errors of `run`. The next call then tries again.
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

/// Where the credentials that assume the first role come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourceChoice {
    /// The CI's token or, without a token, the chain.
    #[default]
    Auto,
    /// Only the CI's token.
    Oidc,
    /// Only AWS's standard chain.
    Chain,
    /// A user who signs in to Cognito. The identity pool chooses the role.
    Cognito,
}

impl SourceChoice {
    /// The choices, in the order of their words in the [table](crate::table::SOURCE).
    pub(crate) const ALL: [Self; 4] = [Self::Auto, Self::Oidc, Self::Chain, Self::Cognito];
}
