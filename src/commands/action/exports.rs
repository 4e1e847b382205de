//! The environment of later steps.

use std::path::Path;

use super::undo::Undo;
use ci::github;
use context::Env;
use diagnostics::{Result, unicode_path};
use private_files::ReplacedValue;
use secret::Secret;

/// Variables for later steps. The rest of this step sees them too.
#[derive(Debug)]
pub struct Exports {
    /// The environment that this step got.
    given: Env,
    variables: Vec<(String, Secret)>,
}

impl Exports {
    /// Returns an empty list of variables.
    pub fn new(given: &Env) -> Self {
        Self {
            given: given.clone(),
            variables: Vec::new(),
        }
    }

    /// Returns the variable as this step got it.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name)
    }

    /// Sets a variable, and notes its former value.
    pub fn set(&mut self, name: &str, value: &str, env: &mut Env, undo: &mut Undo) {
        env.set(name, value);
        let before = self.given.get(name).filter(|before| !before.is_empty());
        if before.unwrap_or_default() == value {
            return;
        }
        let replaced = ReplacedValue::new(before.map(str::to_owned), value);
        undo.variables.insert(name.to_owned(), replaced);
        self.variables.push((name.to_owned(), Secret::new(value)));
    }

    /// Sets a variable to a path.
    ///
    /// # Errors
    /// The path is not Unicode.
    pub fn set_path(&mut self, name: &str, path: &Path, env: &mut Env, undo: &mut Undo) -> Result<()> {
        self.set(name, unicode_path(path)?, env, undo);
        Ok(())
    }

    /// Leaves a variable to later steps as this step got it.
    pub fn leave(&mut self, name: &str, env: &mut Env, undo: &mut Undo) {
        env.set(name, self.given.get(name).unwrap_or_default());
        undo.variables.remove(name);
        self.variables.retain(|(known, _)| known != name);
    }

    /// Sets a variable that may hold a secret, only for later steps. Its former value is not noted.
    pub fn hand_on(&mut self, name: &str, value: Secret) {
        self.variables.push((name.to_owned(), value));
    }

    /// Passes all variables to the runner.
    ///
    /// # Errors
    /// The errors of [`github::write`].
    pub fn write(&self, env: &Env) -> Result<()> {
        github::write(env, github::CommandFile::Env, &self.variables)
    }
}
