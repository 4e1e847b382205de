//! The credentials that a client would use for a registry: the files it reads, in their order, and the setting that counts.
//!
//! docker: `DOCKER_AUTH_CONFIG` (since docker 28.3, github.com/docker/cli/pull/6008), then `config.json`. podman, buildah and skopeo:
//! containers-auth.json(5), then the `credential-helpers` of registries.conf. Within one file, both use `credHelpers` first. Docker then uses only
//! `credsStore` if it is set, else `auths`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::auths_store::AuthsStore;
use super::client::{ConfigFormat, EntryForAll, Kind, SKOPEO, skopeo_files};
use super::credential::StoredPassword;
use super::drop_in::DropIn;
use super::edit::{CREDS_STORE, HELPER, HelperSettings, Malformed};
use super::files::{ConfigLocation, shown};
use super::member_types::DockerView;
use super::passwords::{FileWarning, docker_password, password};
use super::read_text;
use super::slips::{NearMiss, near};
use super::variable;
use context::Env;
use diagnostics::{Code, Error, Result};

/// Returns the keys of all files that the clients read and of `DOCKER_AUTH_CONFIG` that have a password.
pub fn password_keys(env: &Env) -> BTreeSet<String> {
    let files = Kind::ALL
        .iter()
        .filter_map(|kind| (kind.descriptor().read_files)(env).ok());
    let files = files.chain(skopeo_files(env)).flatten();
    let logins = |file: PathBuf| AuthsStore::for_config(&file, env).ok()?.list().ok();
    let in_files = files.filter_map(logins).flat_map(BTreeMap::into_keys);
    in_files.chain(variable::keys(env)).collect()
}

/// The kind of credentials that a client uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredentials {
    /// A credential helper, named by `credHelpers` or `credsStore`.
    Helper {
        /// The name, which is the end of its program's name.
        name: String,
        /// The setting that names it.
        named_by: &'static str,
    },
    /// A password in `auths`.
    Password(StoredPassword),
}

/// The credentials that a client finds for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCredentials {
    /// The file or variable with the setting.
    pub place: ConfigLocation,
    /// The credentials.
    pub answer: ClientCredentials,
}

/// Everything that one client has configured for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The client.
    pub kind: Kind,
    /// The name of the program: the client's, or `skopeo`.
    pub name: &'static str,
    /// The files that the client reads, in its order, including missing ones.
    pub files: Vec<PathBuf>,
    /// The credentials that the client uses.
    pub found: Option<FoundCredentials>,
    /// Credentials that are not used, because `found` comes first.
    pub shadowed: Vec<FoundCredentials>,
    /// Typing mistakes that concern the registry.
    pub near_misses: Vec<NearMiss>,
    /// Why the client ignores the variable that holds a configuration, if it does.
    pub dropped_variable: Option<Malformed>,
    /// What docker warns about in its file, which it uses all the same.
    pub warned_of: Option<FileWarning>,
}

/// Finds the credentials that this client would use for a registry.
///
/// # Errors
/// The client cannot read or parse a file (with line and column), or there is no home folder.
pub fn look_up(kind: Kind, host: &str, env: &Env) -> Result<Lookup> {
    look_up_in((kind.descriptor().read_files)(env)?, kind, kind.name(), host, env)
}

/// Finds the credentials that skopeo would use, if it is installed and reads other files than podman.
///
/// # Errors
/// The errors of [`look_up`].
pub fn look_up_as_skopeo(host: &str, env: &Env) -> Option<Result<Lookup>> {
    Some(look_up_in(skopeo_files(env)?, Kind::Podman, SKOPEO, host, env))
}

fn look_up_in(files: Vec<PathBuf>, kind: Kind, name: &'static str, host: &str, env: &Env) -> Result<Lookup> {
    let client = kind.descriptor();
    let mut all = Vec::new();
    let mut near_misses = Vec::new();
    let mut dropped_variable = None;
    let mut warned_of = None;
    if let Some(text) = client.text_variable.and_then(|variable| env.get(variable)) {
        near_misses.extend(near(host, &HelperSettings::default(), text, &ConfigLocation::Variable));
        match variable::password(host, text) {
            Ok(password) => all.extend(password.map(|password| FoundCredentials {
                place: ConfigLocation::Variable,
                answer: ClientCredentials::Password(password),
            })),
            // docker prints a warning about a bad variable, and goes on.
            Err(malformed) => dropped_variable = Some(malformed),
        }
    }
    for path in &files {
        match in_file(kind, name, host, path, env) {
            Ok(of_file) => {
                all.extend(of_file.found);
                near_misses.extend(of_file.near_misses);
                warned_of = warned_of.or(of_file.warned_of);
            }
            // Clients do not read further files after one that they use.
            Err(_) if !all.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    if client.entry_for_all == EntryForAll::DropIn
        && let Some(path) = DropIn::in_force(env)?
    {
        all.push(FoundCredentials {
            place: ConfigLocation::File(path),
            answer: ClientCredentials::Helper {
                name: HELPER.to_owned(),
                named_by: "credential-helpers",
            },
        });
    }
    let mut all = all.into_iter();
    Ok(Lookup {
        kind,
        name,
        files,
        found: all.next(),
        shadowed: all.collect(),
        near_misses,
        dropped_variable,
        warned_of,
    })
}

/// The contents of one file that concern a registry.
#[derive(Default)]
struct FileLookup {
    /// The credentials, the ones that count first.
    found: Vec<FoundCredentials>,
    /// The keys that never match.
    near_misses: Vec<NearMiss>,
    /// What docker warns about.
    warned_of: Option<FileWarning>,
}

/// Reads one file of a client for a registry.
fn in_file(kind: Kind, name: &str, host: &str, path: &Path, env: &Env) -> Result<FileLookup> {
    let Some(text) = read_text(path)? else {
        return Ok(FileLookup::default());
    };
    let unreadable = |malformed: Malformed| unreadable(name, &shown(path, env), &malformed);
    let place = ConfigLocation::File(path.to_owned());
    let warning = |(cause, loss)| FileWarning {
        cause,
        place: place.clone(),
        loss,
    };
    let (settings, password, warned_of, text) = match kind {
        Kind::Docker => {
            let view = DockerView::of_text(&text).map_err(unreadable)?;
            let settings = HelperSettings::read(&view.text).map_err(unreadable)?;
            let (password, fault) = docker_password(host, &view).map_err(unreadable)?;
            (settings, password, fault.map(warning), view.text)
        }
        _ => {
            let settings = HelperSettings::used_by(kind, &text).map_err(unreadable)?;
            let has_helper = !answers(kind, host, &settings, None).is_empty();
            let password = password(kind, host, &text, has_helper).map_err(unreadable)?;
            (settings, password, None, text.as_str().into())
        }
    };
    let found = answers(kind, host, &settings, password).into_iter();
    let near_misses = near(host, &settings, &text, &place);
    let found = found.map(|answer| FoundCredentials {
        place: place.clone(),
        answer,
    });
    Ok(FileLookup {
        found: found.collect(),
        near_misses,
        warned_of,
    })
}

fn unreadable(name: &str, path: &str, cause: &dyn Display) -> Error {
    Error::failed(Code::ClientConfig, format!("{name} cannot read {path}"), cause)
        .hint("fix the file at that place, or move it away and run ecr-auth setup")
}

/// Returns a file's credentials for the registry, the ones that count first.
fn answers(
    kind: Kind,
    host: &str,
    settings: &HelperSettings,
    password: Option<StoredPassword>,
) -> Vec<ClientCredentials> {
    let helper = |name: &String, named_by| ClientCredentials::Helper {
        name: name.clone(),
        named_by,
    };
    let client = kind.descriptor();
    let password = password.map(ClientCredentials::Password);
    let of_host = settings.helpers.get(host);
    if client.format == ConfigFormat::Docker && of_host.is_some_and(String::is_empty) {
        return password.into_iter().collect();
    }
    let of_host = of_host.map(|name| helper(name, "credHelpers"));
    let store = settings.store.as_ref();
    let store = store.filter(|name| client.has_store && !name.is_empty());
    let of_all = store.map(|name| helper(name, CREDS_STORE));
    [of_host, of_all, password].into_iter().flatten().collect()
}
