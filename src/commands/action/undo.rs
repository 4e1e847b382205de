//! What the post step has to undo. It is passed on as the action's state, which debug logs show, so it holds no secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use ci::github;
use client_config::ConfigFile;
use configuration::SetupRule;
use context::{Env, variables};
use diagnostics::{Code, Result};
use private_files::ReplacedValue;
use secret::Secret;

/// The state's name, which is part of the variable that the post step reads. In capitals, because Windows' variables are read so.
const NAME: &str = "UNDO";
const VARIABLE: &str = variables::STATE_UNDO;

/// The changes of one use of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Undo {
    /// Whether anything is to be undone.
    pub cleanup: bool,
    /// The job's folder.
    pub job: PathBuf,
    /// Whether this use made the folder, so that it removes the secrets in it.
    pub made_job: bool,
    /// The folder whose existence marks this use.
    pub use_folder: PathBuf,
    /// The clients' configuration files that were written.
    pub files: Vec<ConfigFile>,
    /// The job's `setup.json`, if rules were written.
    pub rules: Option<PathBuf>,
    /// The rules of an earlier use of the action that were replaced.
    pub replaced_rules: Vec<SetupRule>,
    /// The registries.
    pub hosts: Vec<String>,
    /// Variables of later steps, by their names. None of them holds a secret.
    pub variables: BTreeMap<String, ReplacedValue>,
    /// The id of the AWS key that later steps got in their environment.
    pub access_key_id: Option<String>,
}

impl Undo {
    /// Returns the state of an earlier step of this action, if that step wrote it.
    pub fn from_env(env: &Env) -> Option<Self> {
        let undo: Self = serde_json::from_str(env.get(VARIABLE)?).ok()?;
        // Other paths are not the action's to remove. A path that ends in `..` has no name.
        let is_in = |path: &Path, folder: &Path| path.file_name().is_some() && path.parent() == Some(folder);
        let is_ours = is_in(&undo.job, &env.path(variables::RUNNER_TEMP)?) && is_in(&undo.use_folder, &undo.job);
        is_ours.then_some(undo)
    }

    /// Saves the state. A later call replaces an earlier one's.
    ///
    /// # Errors
    /// The errors of [`github::write`].
    pub fn save(&self, env: &Env) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|error| {
            diagnostics::Error::failed(Code::RunnerFiles, "cannot tell the post step what to undo", error)
        })?;
        github::write(env, github::CommandFile::State, &[(NAME, Secret::new(text))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_elsewhere_is_not_taken_for_the_jobs() {
        let read = |job: &str, use_folder: &str| {
            let undo = Undo {
                job: job.into(),
                use_folder: use_folder.into(),
                ..Undo::default()
            };
            let text = serde_json::to_string(&undo).unwrap();
            let env = [("RUNNER_TEMP", "/tmp/runner"), (VARIABLE, text.as_str())];
            Undo::from_env(&env.into_iter().collect()) == Some(undo)
        };
        assert!(read("/tmp/runner/ecr-auth-1", "/tmp/runner/ecr-auth-1/use-1"));
        assert!(!read("/home/me", "/home/me/use-1"));
        assert!(!read("/tmp/runner/ecr-auth-1", "/home/me"));
        assert!(!read("/tmp/runner/../me", "/tmp/runner/../me/use-1"));
        assert!(!read("/tmp/runner/..", "/tmp/runner/../me"));
        assert!(!read("", ""));
    }

    #[test]
    fn windows_finds_the_state_that_was_saved() {
        assert_eq!(VARIABLE, format!("STATE_{NAME}"));
        let text = serde_json::to_string(&Undo::default()).unwrap();
        // Windows' environment is read with names in capitals.
        let env: Env = [(VARIABLE.to_uppercase(), text)].into_iter().collect();
        assert!(env.get(VARIABLE).is_some());
    }
}
