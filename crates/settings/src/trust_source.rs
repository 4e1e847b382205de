//! Where the trust in the first role comes from: a token, and the place of that token.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use diagnostics::Result;
use secret::Secret;

/// A place for the CI's token that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A file, read anew at each use.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A command line for the shell that prints the token.
    Command(TokenCommand),
}

/// A command line that prints the token. It is run once, however many registries are asked for: one job's token is one identity,
/// whose registries share what it fetches.
#[derive(Debug, Clone)]
pub struct TokenCommand {
    line: String,
    printed: Arc<OnceLock<Secret>>,
}

impl TokenCommand {
    /// The command line.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// What it printed, or prints now by `run`.
    ///
    /// # Errors
    /// That of `run`; the next call tries again.
    pub fn token(&self, run: impl FnOnce(&str) -> Result<Secret>) -> Result<Secret> {
        if let Some(token) = self.printed.get() {
            return Ok(token.clone());
        }
        let token = run(&self.line)?;
        Ok(self.printed.get_or_init(|| token).clone())
    }
}

impl From<&str> for TokenCommand {
    fn from(line: &str) -> Self {
        Self {
            line: line.to_owned(),
            printed: Arc::default(),
        }
    }
}

impl PartialEq for TokenCommand {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
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
