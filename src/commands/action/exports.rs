//! What later steps find in their environment.

use std::path::Path;

use super::undo::Undo;
use ci::github;
use context::Env;
use diagnostics::{Result, unicode_path};
use private_files::ReplacedValue;
use secret::Secret;

/// Variables for later steps, which the rest of this step reads as they will.
#[derive(Debug)]
pub struct Exports {
    /// The environment that this step was given.
    given: Env,
    variables: Vec<(String, Secret)>,
}

impl Exports {
    /// None yet, beside what this step was given.
    pub fn new(given: &Env) -> Self {
        Self {
            given: given.clone(),
            variables: Vec::new(),
        }
    }

    /// The variable as this step was given it.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name)
    }

    /// Sets a variable, and notes what it was before.
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
    /// The path is no Unicode.
    pub fn set_path(&mut self, name: &str, path: &Path, env: &mut Env, undo: &mut Undo) -> Result<()> {
        self.set(name, unicode_path(path)?, env, undo);
        Ok(())
    }

    /// Leaves a variable to later steps as this one was given it, after all.
    pub fn leave(&mut self, name: &str, env: &mut Env, undo: &mut Undo) {
        env.set(name, self.given.get(name).unwrap_or_default());
        undo.variables.remove(name);
        self.variables.retain(|(known, _)| known != name);
    }

    /// Sets a variable that may hold a secret: for later steps alone, and nothing is noted of what it was.
    pub fn hand_on(&mut self, name: &str, value: Secret) {
        self.variables.push((name.to_owned(), value));
    }

    /// Hands all of them to the runner.
    ///
    /// # Errors
    /// As [`github::write`].
    pub fn write(&self, env: &Env) -> Result<()> {
        github::write(env, github::CommandFile::Env, &self.variables)
    }
}
