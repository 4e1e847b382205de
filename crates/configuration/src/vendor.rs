//! A file that a vendor wrote, for `cognito import`: Cognito's pools, ECR hosts, and aliases. Nothing more.
//!
//! Security note: its author must not be able to run a command, to use a profile or a role of the user's, or to have the user's own tokens sent
//! anywhere. It therefore has its own format without any of these, and only text that was checked here is ever shown or written.

use std::fmt;
use std::path::Path;

use granit_parser::{Event, Parser};
use serde::Deserialize;
use serde_saphyr::{Error as YamlError, Location, Spanned};

use super::yaml::{self, explain, given, options};
use diagnostics::{Code, Error, Result};
use ecr_registry::{HostPattern, Registry};
use settings::CognitoSettings;
use settings::cognito::table::{CLIENT_ID, CognitoSetting, DOMAIN, IDENTITY_POOL_ID, USER_POOL_ID};

/// The largest file that is read: 64 KiB.
const LIMIT: usize = 64 << 10;
/// The most registries in it: as many as a person may read before saying yes.
const MOST_REGISTRIES: usize = 100;
/// The allowed contents, for hints.
const ALLOWED: &str = "a file from somebody else may hold cognito (user-pool-id, client-id, identity-pool-id, domain) and registries \
    (match, registry, source: cognito), nothing more";
/// Registries that everybody pulls from. An alias in front of one would see the pulls of all its images.
const EVERYBODYS: [&str; 9] = [
    "docker.io",
    "docker.com",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "pkg.dev",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "registry.gitlab.com",
];

/// The contents of such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorFile {
    /// The pools. All other settings are empty.
    pub cognito: CognitoSettings,
    /// The registries, at least one.
    pub registries: Vec<VendorRegistry>,
}

/// A registry that users may pull from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorRegistry {
    /// Its host, or an alias, in lower case.
    pub name: String,
    /// The ECR host behind an alias.
    pub registry: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct VendorDocument {
    cognito: Option<Spanned<Pools>>,
    registries: Option<Vec<Spanned<VendorRule>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Pools {
    #[serde(deserialize_with = "given")]
    user_pool_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    client_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    identity_pool_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    domain: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct VendorRule {
    #[serde(deserialize_with = "given")]
    r#match: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    registry: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    source: Option<VendorSource>,
}

/// The only source that the file may name.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum VendorSource {
    Cognito,
}

impl VendorFile {
    /// Reads the file at this path.
    ///
    /// # Errors
    /// Usage errors with line and column: the file cannot be read, or holds something that is not allowed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = private_files::read_utf8(path, LIMIT).map_err(|error| {
            Error::usage(Code::NotReadable, format!("cannot read {}", path.display()), error)
                .hint("name the file that you were sent: ecr-auth cognito import FILE")
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a file. Errors name `path`.
    ///
    /// # Errors
    /// The errors of [`VendorFile::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Option<VendorDocument> =
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| refuse(path, &error))?;
        if has_tricks(text) {
            return Err(Error::usage(
                Code::VendorFile,
                path.display().to_string(),
                "it has an anchor, an alias, a tag or a merge key",
            )
            .hint(ALLOWED));
        }
        let document = document.unwrap_or_default();
        let missing = |key: &str| {
            Error::usage(
                Code::VendorFile,
                path.display().to_string(),
                format!("the key \"{key}\" is missing"),
            )
            .hint(ALLOWED)
        };
        let cognito = pools(path, document.cognito.ok_or_else(|| missing("cognito"))?)?;
        let rules = document.registries.filter(|rules| !rules.is_empty());
        let rules = rules.ok_or_else(|| missing("registries"))?;
        if let Some(rule) = rules.get(MOST_REGISTRIES) {
            return Err(wrong(path, &rule.referenced, "there are more than 100 registries")
                .hint("ask for a file with the ones you pull from"));
        }
        let mut registries: Vec<VendorRegistry> = Vec::new();
        for rule in rules {
            let place = rule.referenced;
            let registry = registry(path, rule)?;
            if registries.iter().any(|known| known.name == registry.name) {
                return Err(wrong(path, &place, "this registry is in an earlier rule already"));
            }
            registries.push(registry);
        }
        Ok(Self { cognito, registries })
    }
}

/// Whether a text uses an anchor, an alias, a tag or a merge key of YAML.
fn has_tricks(text: &str) -> bool {
    Parser::new_from_str(text).any(|event| match event {
        Ok((Event::Scalar(text, _, anchor, tag), _)) => anchor != 0 || tag.is_some() || text == "<<",
        Ok((Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag), _)) => {
            anchor != 0 || tag.is_some()
        }
        Ok((Event::Alias(_), _)) | Err(_) => true,
        Ok(_) => false,
    })
}

/// Returns an error at a place of the file.
fn wrong(path: &Path, place: &Location, cause: impl fmt::Display) -> Error {
    yaml::wrong(path, place, cause).with_code(Code::VendorFile)
}

/// Returns the parser's error without any text of the file, which could be written to mislead the user.
fn refuse(path: &Path, error: &YamlError) -> Error {
    let place = error.location().unwrap_or(Location::UNKNOWN);
    let refused = |cause: &str| wrong(path, &place, cause);
    match error {
        YamlError::SerdeUnknownField { .. } => refused("unknown key").hint(ALLOWED),
        YamlError::SerdeUnknownVariant { .. } => refused("unknown value").hint(ALLOWED),
        YamlError::DuplicateMappingKey { .. } => refused("a key appears twice"),
        // These messages hold only our own words.
        YamlError::SerdeMissingField { .. }
        | YamlError::NullIntoString { .. }
        | YamlError::QuotingRequired { .. }
        | YamlError::SerdeInvalidType { .. }
        | YamlError::Unexpected { .. }
        | YamlError::MultipleDocuments { .. }
        | YamlError::Budget { .. }
        | YamlError::AliasReplayLimitExceeded { .. }
        | YamlError::UnknownAnchor { .. } => explain(path, error).with_code(Code::VendorFile),
        _ => refused("this is not plain YAML"),
    }
}

fn pools(path: &Path, pools: Spanned<Pools>) -> Result<CognitoSettings> {
    let place = pools.referenced;
    let pools = pools.value;
    let text = |setting: &CognitoSetting, given: Option<Spanned<String>>| {
        let key = setting.name;
        let Some(given) = given else {
            return Err(wrong(path, &place, format!("the key \"{key}\" is missing")).hint(ALLOWED));
        };
        match setting.check_text(&given.value) {
            Ok(()) => Ok(given.value),
            Err(error) => Err(wrong(path, &given.referenced, format!("\"{key}\": {}", error.cause()))),
        }
    };
    let domain = pools.domain.map(|domain| login_domain(path, domain)).transpose()?;
    Ok(CognitoSettings {
        // A user who signs in on a page of the vendor's has no password of the pool, or need not type it here.
        browser: domain.is_some(),
        domain,
        user_pool_id: Some(text(&USER_POOL_ID, pools.user_pool_id)?),
        client_id: Some(text(&CLIENT_ID, pools.client_id)?),
        identity_pool_id: text(&IDENTITY_POOL_ID, pools.identity_pool_id)?,
        ..CognitoSettings::default()
    })
}

/// Checks the host of a managed login: it must be on the internet, at the default port. The user sees it before it is used.
fn login_domain(path: &Path, domain: Spanned<String>) -> Result<String> {
    let refused = |cause: &str| Err(wrong(path, &domain.referenced, format!("\"domain\": {cause}")));
    if let Err(error) = DOMAIN.check_text(&domain.value) {
        return refused(error.cause());
    }
    match is_public_name(&domain.value) && !domain.value.contains(':') {
        true => Ok(domain.value),
        false => refused("it is not a full host name, or it has a port"),
    }
}

/// Whether a name in lower case is a full one, and not one of this machine or its network.
fn is_public_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_local = ["localhost", "local", "internal", "localdomain"].contains(&last);
    host.contains('.') && !host.starts_with('[') && last.bytes().any(|b| b.is_ascii_alphabetic()) && !is_local
}

fn registry(path: &Path, rule: Spanned<VendorRule>) -> Result<VendorRegistry> {
    let place = rule.referenced;
    let rule = rule.value;
    let Some(name) = rule.r#match else {
        return Err(wrong(path, &place, "the key \"match\" is missing"));
    };
    if rule.source.is_none() {
        return Err(wrong(path, &place, "\"source: cognito\" is missing").hint(ALLOWED));
    }
    let at = name.referenced;
    let pattern = HostPattern::parse(&name.value).map_err(|cause| {
        // The rest of the cause would show the name.
        let cause = cause.split([',', ':']).next().unwrap_or_default();
        wrong(path, &at, format!("\"match\" {cause}"))
    })?;
    let Some(exact) = pattern.exact() else {
        return Err(wrong(path, &at, "a glob also matches registries of others too")
            .hint("ask for a file that names each registry"));
    };
    let registry = match (pattern.alias(), rule.registry) {
        (None, None) => {
            private(path, &at, exact)?;
            None
        }
        (Some(alias), Some(host)) => {
            check_alias(path, &at, alias)?;
            Some(private(path, &host.referenced, &host.value)?)
        }
        (None, Some(host)) => {
            return Err(wrong(
                path,
                &host.referenced,
                "\"registry\" is for names that are not ECR's own",
            ));
        }
        (Some(_), None) => {
            return Err(wrong(
                path,
                &at,
                "this is not an ECR host, and no \"registry\" says which registry it is an alias of",
            ));
        }
    };
    Ok(VendorRegistry {
        name: exact.to_owned(),
        registry,
    })
}

/// Returns the canonical host of a private registry.
fn private(path: &Path, place: &Location, host: &str) -> Result<String> {
    match Registry::parse(host) {
        Some(registry) if registry.is_public() => Err(wrong(
            path,
            place,
            "ECR Public serves everybody, and needs no sign-in of somebody's",
        )),
        Some(registry) if registry.host().eq_ignore_ascii_case(host) => Ok(registry.host().to_owned()),
        _ => Err(wrong(
            path,
            place,
            "\"registry\" is not the host name of a private ECR registry",
        )),
    }
}

/// Checks an alias: it must be a full name of the vendor's own, not on this machine or in its network, and not a public registry's.
fn check_alias(path: &Path, place: &Location, alias: &str) -> Result<()> {
    let host = alias.rsplit_once(':').map_or(alias, |(host, _)| host);
    if !is_public_name(host) {
        return Err(wrong(
            path,
            place,
            "the alias is not a full host name, but a name in this machine's own network",
        ));
    }
    let is_below = |name: &&&str| host == **name || host.strip_suffix(**name).is_some_and(|front| front.ends_with('.'));
    match EVERYBODYS.iter().find(is_below) {
        Some(name) => Err(wrong(
            path,
            place,
            format!("the alias belongs to {name}, which others pull from too"),
        )),
        None => Ok(()),
    }
}
