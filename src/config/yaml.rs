//! The shape of `ecr-auth.yml`, and its mistakes told with line and column.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, Location, MessageFormatter, Options, Spanned};

use super::{Config, Rule, Settings, file};
use crate::error::{Error, Result};
use crate::identity::{RoleSettings, SourceChoice};
use crate::registry::{HostPattern, Registry, why_not_ecr};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Document {
    registries: Option<Vec<Entry>>,
    defaults: Option<Defaults>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    r#match: Spanned<String>,
    #[serde(default, deserialize_with = "given")]
    registry: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    profile: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given", rename = "role-arn")]
    role_arn: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    chain: Option<Vec<Spanned<String>>>,
    #[serde(default, deserialize_with = "given")]
    audience: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given", rename = "session-name")]
    session_name: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    duration: Option<u32>,
    #[serde(default, deserialize_with = "given", rename = "external-id")]
    external_id: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    source: Option<Source>,
    #[serde(default, deserialize_with = "boolean")]
    optional: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Defaults {
    #[serde(default, deserialize_with = "given")]
    profile: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given", rename = "role-arn")]
    role_arn: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    audience: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given", rename = "session-name")]
    session_name: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    duration: Option<u32>,
    #[serde(default, deserialize_with = "given", rename = "external-id")]
    external_id: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "given")]
    source: Option<Source>,
}

/// What both of them may give.
#[derive(Default)]
struct Given {
    profile: Option<Spanned<String>>,
    role_arn: Option<Spanned<String>>,
    chain: Option<Vec<Spanned<String>>>,
    audience: Option<Spanned<String>>,
    session_name: Option<Spanned<String>>,
    duration: Option<u32>,
    external_id: Option<Spanned<String>>,
    source: Option<Source>,
    optional: Option<bool>,
}

impl From<Entry> for Given {
    fn from(entry: Entry) -> Self {
        Self {
            profile: entry.profile,
            role_arn: entry.role_arn,
            chain: entry.chain,
            audience: entry.audience,
            session_name: entry.session_name,
            duration: entry.duration,
            external_id: entry.external_id,
            source: entry.source,
            optional: entry.optional,
        }
    }
}

impl From<Defaults> for Given {
    fn from(defaults: Defaults) -> Self {
        Self {
            profile: defaults.profile,
            role_arn: defaults.role_arn,
            audience: defaults.audience,
            session_name: defaults.session_name,
            duration: defaults.duration,
            external_id: defaults.external_id,
            source: defaults.source,
            ..Self::default()
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Source {
    Auto,
    Oidc,
    Chain,
}

impl From<Source> for SourceChoice {
    fn from(source: Source) -> Self {
        match source {
            Source::Auto => Self::Auto,
            Source::Oidc => Self::Oidc,
            Source::Chain => Self::Chain,
        }
    }
}

/// A key that is there has a value: `profile:` with nothing behind it is a mistake, not the same as no `profile`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A boolean as YAML itself tells it: `"true"` in quotes is a text.
fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct Boolean;

    impl Visitor<'_> for Boolean {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }

        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }
    }

    deserializer.deserialize_any(Boolean).map(Some)
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Config> {
    let document: Option<Document> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| explain(path, &error))?;
    let document = document.unwrap_or_default();
    let defaults = settings(path, document.defaults.unwrap_or_default().into(), &Settings::default())?;
    let mut rules = Vec::new();
    let mut patterns = HashSet::new();
    for entry in document.registries.unwrap_or_default() {
        let place = entry.r#match.referenced;
        let rule = rule(path, entry, &defaults)?;
        if !patterns.insert(rule.pattern.clone()) {
            return Err(wrong(path, &place, "this \"match\" stands in an earlier rule already")
                .hint("the first match wins: merge the two rules"));
        }
        rules.push(rule);
    }
    Ok(Config { rules, defaults })
}

fn rule(path: &Path, entry: Entry, defaults: &Settings) -> Result<Rule> {
    let name = &entry.r#match;
    let pattern =
        HostPattern::parse(&name.value).map_err(|cause| wrong(path, &name.referenced, format!("\"match\" {cause}")))?;
    let registry = match (&entry.registry, pattern.alias()) {
        (Some(host), Some(_)) => Some(ecr_host(path, host)?),
        (None, None) => None,
        (None, Some(alias)) => return Err(alias_of_nothing(path, &name.referenced, alias)),
        (Some(host), None) => {
            return Err(wrong(
                path,
                &host.referenced,
                "\"registry\" is for names that are not ECR's own",
            )
            .hint("leave it out: \"match\" names the registry already"));
        }
    };
    let settings = settings(path, entry.into(), defaults)?;
    Ok(Rule {
        pattern,
        registry,
        settings,
    })
}

fn ecr_host(path: &Path, host: &Spanned<String>) -> Result<Registry> {
    let place = &host.referenced;
    let Some(registry) = Registry::parse(&host.value) else {
        let why = why_not_ecr(&host.value);
        return Err(wrong(path, place, format!("\"registry\" is not an ECR host: {}", why.cause)).hint(why.hint));
    };
    if !registry.host().eq_ignore_ascii_case(&host.value) {
        return Err(wrong(path, place, "\"registry\" must be a host name alone").hint(format!("write {registry}")));
    }
    Ok(registry)
}

fn alias_of_nothing(path: &Path, place: &Location, alias: &str) -> Error {
    let why = why_not_ecr(alias);
    wrong(
        path,
        place,
        format!(
            "{alias} is not an ECR host ({}), and no \"registry\" says which one it stands for",
            why.cause
        ),
    )
    .hint("for a name of your own in front of ECR, add \"registry: <the ECR host>\"")
}

/// What a rule, or the defaults, give, the defaults filled in. A rule's own profile or role takes the place of both.
fn settings(path: &Path, given: Given, defaults: &Settings) -> Result<Settings> {
    if let (Some(profile), Some(_)) = (&given.profile, &given.role_arn) {
        return Err(wrong(
            path,
            &profile.referenced,
            "\"profile\" and \"role-arn\" stand in one rule",
        )
        .hint("a profile is used alone: give the profile a role_arn of its own, or leave it out"));
    }
    let own = given.profile.is_some() || given.role_arn.is_some();
    let (profile, role_arn) = match own {
        true => (
            text(path, "profile", given.profile)?,
            text(path, "role-arn", given.role_arn)?,
        ),
        false => (defaults.profile.clone(), defaults.role.role_arn.clone()),
    };
    let chain = given.chain.into_iter().flatten();
    let chain = chain
        .map(|role| text(path, "chain", Some(role)))
        .collect::<Result<Vec<_>>>()?;
    let base = &defaults.role;
    let role = RoleSettings {
        role_arn,
        chain: chain.into_iter().flatten().collect(),
        audience: text(path, "audience", given.audience)?.or_else(|| base.audience.clone()),
        session_name: text(path, "session-name", given.session_name)?.or_else(|| base.session_name.clone()),
        duration: given.duration.or(base.duration),
        external_id: text(path, "external-id", given.external_id)?.or_else(|| base.external_id.clone()),
        source: given.source.map_or(base.source, SourceChoice::from),
    };
    Ok(Settings {
        profile,
        role,
        optional: given.optional.unwrap_or(defaults.optional),
    })
}

fn text(path: &Path, key: &str, given: Option<Spanned<String>>) -> Result<Option<String>> {
    match given {
        Some(text) if text.value.trim().is_empty() => Err(wrong(path, &text.referenced, format!("\"{key}\" is empty"))),
        text => Ok(text.map(|text| text.value)),
    }
}

/// Strict where YAML guesses: a text that reads as a number or a boolean must be quoted, `yes` is no boolean. The limits
/// are far above what 1 MiB of rules needs, and far below what hurts.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_aliases: 1_000,
        },
        strict_booleans: true,
        no_schema: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn wrong(path: &Path, place: &Location, cause: impl fmt::Display) -> Error {
    file::at(path, place.line(), place.column(), cause)
}

/// The parser's error in our words, where it has words for programmers.
fn explain(path: &Path, error: &YamlError) -> Error {
    let place = error.location().unwrap_or(Location::UNKNOWN);
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            wrong(path, &place, format!("unknown key \"{field}\"")).hint(allowed(field, expected))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            wrong(path, &place, format!("the key \"{key}\" stands here twice"))
        }
        YamlError::SerdeMissingField { field, .. } => wrong(path, &place, format!("the key \"{field}\" is missing")),
        YamlError::NullIntoString { .. } => wrong(path, &place, "a value is missing"),
        YamlError::QuotingRequired { .. } => wrong(path, &place, "expected a text, found a number or a boolean")
            .hint("if a text is meant, write it in quotes"),
        YamlError::SerdeInvalidType { expected, .. } => wrong(path, &place, format!("expected {expected}")),
        YamlError::Unexpected { expected, .. } => wrong(path, &place, format!("expected {}", in_plain_words(expected))),
        YamlError::MultipleDocuments { .. } => wrong(path, &place, "a second document begins here; only one is read"),
        YamlError::Budget { .. } | YamlError::AliasReplayLimitExceeded { .. } => {
            wrong(path, &place, "there is more than any list of registries needs")
        }
        other => wrong(path, &place, DefaultMessageFormatter.format_standalone_message(other)),
    }
}

/// The parser names what it waits for by its own events.
fn in_plain_words(event: &str) -> &str {
    match event {
        "mapping start" => "keys with values (\"key: value\")",
        "sequence start" => "a list (\"- …\")",
        "string scalar" => "a text",
        other => other,
    }
}

fn allowed(field: &str, expected: &[&str]) -> String {
    const SIMILAR: f64 = 0.8;
    let keys = expected.join(", ");
    let nearest = expected
        .iter()
        .map(|key| (strsim::jaro_winkler(key, field), key))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, key)) => format!("did you mean \"{key}\"? Allowed here: {keys}"),
        None => format!("allowed here: {keys}"),
    }
}
