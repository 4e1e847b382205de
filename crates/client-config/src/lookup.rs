//! What a client would use for a registry: which of its files it reads, in which order, and what in them wins.
//!
//! docker: `DOCKER_AUTH_CONFIG` (since docker 28.3, github.com/docker/cli/pull/6008), then `config.json`. podman, buildah and
//! skopeo: containers-auth.json(5), then the `credential-helpers` of registries.conf. In one file both take `credHelpers` before all else; docker then takes `credsStore` alone where
//! there is one, else `auths`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{EntryForAll, Kind};
use super::drop_in::DropIn;
use super::edit::{HELPER, HelperSettings};
use super::files::shown;
use super::read_text;
use context::Env;
use diagnostics::{Code, Error, Result};
use ecr_registry::server_name;
use secret::{Secret, exposed};

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigLocation {
    /// In a file.
    File(PathBuf),
    /// In `DOCKER_AUTH_CONFIG`.
    Variable,
}

/// What a client uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredentials {
    /// A credential helper, named by `credHelpers` or `credsStore`.
    Helper {
        /// The end of its program's name.
        name: String,
        /// The setting that names it.
        named_by: &'static str,
    },
    /// A password in `auths`.
    Password(StoredPassword),
}

/// A password that a `docker login` left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// When it ends, as far as that can be told.
    pub ends_at: Option<SystemTime>,
}

impl StoredPassword {
    /// A password of ECR is base64 of a JSON object that says when it ends.
    pub fn from_secret(password: &Secret) -> Self {
        #[derive(Deserialize)]
        struct EcrPasswordContent {
            expiration: u64,
        }
        let decoded = STANDARD.decode(password.expose().trim()).map(Zeroizing::new).ok();
        let content = decoded.and_then(|text| serde_json::from_slice::<EcrPasswordContent>(&text).ok());
        let ends_at = content.and_then(|content| UNIX_EPOCH.checked_add(Duration::from_secs(content.expiration)));
        Self { ends_at }
    }
}

/// What a client finds for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCredentials {
    /// Where it stands.
    pub place: ConfigLocation,
    /// What it is.
    pub answer: ClientCredentials,
}

/// A key that a person would take for the registry's, and no client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The key.
    pub key: String,
    /// `credHelpers` or `auths`.
    pub setting: &'static str,
    /// The file it stands in.
    pub file: PathBuf,
}

/// All that one client has on a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The client.
    pub kind: Kind,
    /// The files it reads, in their order, whether they are there or not.
    pub files: Vec<PathBuf>,
    /// The first that it finds.
    pub found: Option<FoundCredentials>,
    /// What would be found after that: passwords and helpers that are not used.
    pub shadowed: Vec<FoundCredentials>,
    /// Keys that never match.
    pub near_misses: Vec<NearMiss>,
}

/// What this client would use for a registry.
///
/// # Errors
/// A file that it can't read or parse, with line and column; no home folder.
pub fn look_up(kind: Kind, host: &str, env: &Env) -> Result<Lookup> {
    let client = kind.descriptor();
    let files = (client.read_files)(env)?;
    let mut all = Vec::new();
    let mut near_misses = Vec::new();
    if let Some(text) = client.text_variable.and_then(|variable| env.get(variable))
        // docker warns of what it can't read there, and goes on.
        && let Ok(auths) = ParsedAuths::read(text)
    {
        all.extend(auths.password(host).map(|password| FoundCredentials {
            place: ConfigLocation::Variable,
            answer: ClientCredentials::Password(password),
        }));
    }
    for path in &files {
        let Some(text) = read_text(path)? else { continue };
        let unreadable = |cause: &dyn Display| unreadable(kind, &shown(path, env), cause);
        let settings = HelperSettings::read(&text).map_err(|malformed| unreadable(&malformed))?;
        let auths = ParsedAuths::read(&text).map_err(|odd| unreadable(&odd))?;
        let found = answers(kind, host, &settings, &auths)
            .into_iter()
            .map(|answer| FoundCredentials {
                place: ConfigLocation::File(path.clone()),
                answer,
            });
        all.extend(found);
        near_misses.extend(near(host, &settings, &auths, path));
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
        files,
        found: all.next(),
        shadowed: all.collect(),
        near_misses,
    })
}

fn unreadable(kind: Kind, path: &str, cause: &dyn Display) -> Error {
    Error::failed(Code::ClientConfig, format!("{} cannot read {path}", kind.name()), cause)
        .hint("mend the file at that place, or move it away and run ecr-auth setup")
}

/// What a file has for the registry, what wins first.
fn answers(kind: Kind, host: &str, settings: &HelperSettings, auths: &ParsedAuths) -> Vec<ClientCredentials> {
    let helper = |name: &String, named_by| ClientCredentials::Helper {
        name: name.clone(),
        named_by,
    };
    let of_host = settings.helpers.get(host).map(|name| helper(name, "credHelpers"));
    let store = settings
        .store
        .as_ref()
        .filter(|name| kind.descriptor().has_store && !name.is_empty());
    let of_all = store.map(|name| helper(name, "credsStore"));
    let password = auths.password(host).map(ClientCredentials::Password);
    [of_host, of_all, password].into_iter().flatten().collect()
}

/// The keys that name the registry, but not as clients compare them: whole.
fn near(host: &str, settings: &HelperSettings, auths: &ParsedAuths, path: &Path) -> Vec<NearMiss> {
    let means = |key: &str| key != host && server_name(key).as_deref() == Some(host);
    let miss = |key: &String, setting| NearMiss {
        key: key.clone(),
        setting,
        file: path.to_owned(),
    };
    let helpers = settings
        .helpers
        .keys()
        .filter(|key| means(key))
        .map(|key| miss(key, "credHelpers"));
    let auths = auths.0.keys().filter(|key| means(key) && converted(key) != host);
    helpers.chain(auths.map(|key| miss(key, "auths"))).collect()
}

/// The `auths` of a configuration, as clients read them.
struct ParsedAuths(BTreeMap<String, Option<ParsedAuth>>);

#[derive(Deserialize)]
struct ParsedAuth {
    #[serde(default, deserialize_with = "exposed::deserialize")]
    auth: Secret,
    #[serde(default, deserialize_with = "exposed::deserialize")]
    identitytoken: Secret,
}

impl ParsedAuths {
    fn read(text: &str) -> Result<Self, OddAuths> {
        #[derive(Deserialize)]
        struct AuthsDocument {
            auths: Option<BTreeMap<String, Option<ParsedAuth>>>,
        }
        if text.trim().is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        // Not with the parser's own words: they would quote what stands there.
        let whole: AuthsDocument = serde_json::from_str(text).map_err(|error| OddAuths {
            line: error.line(),
            column: error.column(),
        })?;
        Ok(Self(whole.auths.unwrap_or_default()))
    }

    /// The password for a registry: by its exact name, else by a key with the same host (docker's `ConvertToHostname`).
    fn password(&self, host: &str) -> Option<StoredPassword> {
        let same_host = || {
            let mut entries = self.0.iter();
            entries.find(|(key, _)| converted(key) == host).map(|(_, entry)| entry)
        };
        let entry = self.0.get(host).or_else(same_host)?.as_ref()?;
        if entry.auth.expose().is_empty() {
            let has_token = !entry.identitytoken.expose().is_empty();
            return has_token.then_some(StoredPassword { ends_at: None });
        }
        let decoded = STANDARD.decode(entry.auth.expose()).map(Zeroizing::new).ok()?;
        let text = std::str::from_utf8(&decoded).ok()?;
        let (_, password) = text.split_once(':')?;
        Some(StoredPassword::from_secret(&Secret::new(password)))
    }
}

/// `https://HOST/v1/` as docker compares it: the host.
pub(super) fn converted(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    rest.unwrap_or(key).split('/').next().unwrap_or_default()
}

/// `auths` are not what they should be.
#[derive(Debug, thiserror::Error)]
#[error("auths that are not as clients write them, at line {line} column {column}")]
struct OddAuths {
    line: usize,
    column: usize,
}
