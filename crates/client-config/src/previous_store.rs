//! Finds the store that answers for all registries before `setup --all`, and has to go on answering for others.

use std::path::PathBuf;
use std::time::Instant;

use super::auths::AuthsEditor;
use super::edit::{CREDS_STORE, HELPER, HelperSettings};
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
        let (name, is_named) = match settings.store.as_deref().filter(|name| !name.is_empty()) {
            Some(HELPER) => return Ok(Self::Ourselves(real)),
            // Without the program, docker has no store. With it, docker has only ECR's.
            Some(OTHER_HELPER) if program::on_path("docker-credential-ecr-login", env).is_none() => {
                return Ok(Self::Auths(real));
            }
            Some(name) => (name.to_owned(), true),
            None => match detected_store(env).filter(|_| finds_store(&text)) {
                Some(name) => (name.to_owned(), false),
                None => return Ok(Self::Auths(real)),
            },
        };
        let store = CredentialStore::find(&name, CREDS_STORE, env).map_err(|error| {
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

/// Returns the store that docker and helm find by themselves, if one of these files lets them and the store works: a store that fails has no logins.
/// The store is asked for this registry.
pub fn store_in_use(files: &[ConfigFile], host: &str, env: &Env) -> Option<&'static str> {
    let looks = |file: &ConfigFile| {
        let client = file.kind.descriptor();
        let text = || read_text(&real_path(&file.path).ok()?).ok();
        client.has_store
            && client.is_installed(env)
            && text().is_some_and(|text| finds_store(&text.unwrap_or_default()))
    };
    let name = detected_store(env).filter(|_| files.iter().any(looks))?;
    let store = CredentialStore::find(name, CREDS_STORE, env)
        .ok()?
        .within(env.deadline().saturating_duration_since(Instant::now()));
    store.get(host).is_ok().then_some(name)
}

/// Whether docker looks for a store by itself: `ContainsAuth` of docker/cli is false.
pub(super) fn finds_store(text: &str) -> bool {
    let has_auths = || AuthsEditor::read(text).is_ok_and(|auths| auths.keys().next().is_some());
    HelperSettings::read(text).is_ok_and(|settings| {
        settings.helpers.is_empty() && settings.store.is_none_or(|store| store.is_empty()) && !has_auths()
    })
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
