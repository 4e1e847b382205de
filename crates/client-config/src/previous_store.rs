//! Finds the store that answers for all registries before `setup --all`, and has to go on answering for others.

use std::path::PathBuf;

use super::auths::AuthsEditor;
use super::edit::{HELPER, HelperSettings};
use super::files::ConfigFile;
use super::login::OTHER_HELPER;
use super::replace::{read_text, real_path};
use super::store::CredentialStore;
use context::{Env, program};
use diagnostics::{Code, Error, Result};

/// The store that a docker configuration uses for every registry without its own helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreviousStore {
    /// The credential store that `credsStore` names.
    Named(String),
    /// The credential store that docker finds by itself, if the configuration has no credential settings.
    Detected(String),
    /// The `auths` of the configuration, by its real path.
    Auths(PathBuf),
    /// This helper, already.
    Ourselves(PathBuf),
}

impl PreviousStore {
    /// Finds the store of a docker configuration.
    ///
    /// # Errors
    /// A file cannot be read, a store's program is missing, or the store is this helper under another name (a usage error).
    pub fn of_file(file: &ConfigFile, env: &Env) -> Result<Self> {
        let real = real_path(&file.path)?;
        let text = read_text(&real)?.unwrap_or_default();
        let settings = HelperSettings::in_file(file, &text)?;
        let detected = || match says_nothing(&text, &settings) {
            true => detected_store(env),
            false => None,
        };
        let (name, is_named) = match settings.store.as_deref().filter(|name| !name.is_empty()) {
            Some(HELPER) => return Ok(Self::Ourselves(real)),
            // Without the program, docker has no store. With it, docker has only ECR's.
            Some(OTHER_HELPER) if program::on_path("docker-credential-ecr-login", env).is_none() => {
                return Ok(Self::Auths(real));
            }
            Some(name) => (name.to_owned(), true),
            None => match detected() {
                Some(name) => (name.to_owned(), false),
                None => return Ok(Self::Auths(real)),
            },
        };
        let store = CredentialStore::find(&name, "credsStore", env).map_err(|error| {
            error.hint(format!(
                "install it, or take credsStore out of {}, and run this again: other registries are to go on as before",
                file.path.display()
            ))
        })?;
        if store.is_ourselves()? {
            return Err(Error::usage(
                Code::OtherStore,
                format!("cannot keep the credsStore of {}", file.path.display()),
                format!("docker-credential-{name} is ecr-auth, under another name: it would ask itself"),
            )
            .hint("take credsStore out of that file, or set it to the store that other registries are to use"));
        }
        Ok(match is_named {
            true => Self::Named(name),
            false => Self::Detected(name),
        })
    }
}

/// Whether docker looks for a store by itself: `ContainsAuth` of docker/cli is false.
fn says_nothing(text: &str, settings: &HelperSettings) -> bool {
    let has_auths = AuthsEditor::read(text).is_ok_and(|auths| auths.keys().next().is_some());
    !has_auths && settings.helpers.is_empty()
}

/// Returns docker's default store, as `DetectDefaultStore` of docker/cli does.
fn detected_store(env: &Env) -> Option<&'static str> {
    let name = match std::env::consts::OS {
        "macos" => "osxkeychain",
        "windows" => "wincred",
        _ if program::on_path("pass", env).is_some() => "pass",
        _ => "secretservice",
    };
    program::on_path(&format!("docker-credential-{name}"), env).map(|_| name)
}
