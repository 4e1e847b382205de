//! The format of `ecr-auth.yml`, and its errors with line and column.

mod cognito;
mod keys;
mod rule;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, Location, MessageFormatter, Options, Spanned};

use self::rule::RuleKeys;
use super::server::Server;
use super::{Config, LineNumber, RegistryRule, RegistrySettings, SetupRule, file};
use diagnostics::{Code, Error, Result, one_line};
use ecr_registry::{HostPattern, Registry, registry_meant, why_not_ecr};
use settings::table::{PROFILE, ROLE_ARN, SOURCE};
use settings::{CognitoSettings, IdentitySettings, RoleSettings, SourceChoice};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct YamlDocument {
    registries: Option<Vec<Spanned<RuleKeys>>>,
    defaults: Option<Spanned<RuleKeys>>,
    cognito: Option<Spanned<cognito::CognitoKeys>>,
}

/// Reads a key that must have a value: `profile:` without a value is an error, unlike a missing `profile`.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Parses the text of `ecr-auth.yml`. If it has no block `cognito`, its rules use the sign-in `setup`.
pub(super) fn parse(text: &str, path: &Path, setup: Option<&CognitoSettings>) -> Result<Config> {
    let document: Option<YamlDocument> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| explain(path, &error))?;
    let document = document.unwrap_or_default();
    let cognito_line = document.cognito.as_ref().map(|keys| LineNumber(keys.referenced.line()));
    let cognito = document.cognito.map(|keys| cognito::settings(path, keys)).transpose()?;
    let defaults = defaults(path, document.defaults, cognito.or_else(|| setup.cloned()))?;
    let mut rules = Vec::new();
    let mut patterns = HashSet::new();
    for keys in document.registries.unwrap_or_default() {
        let place = keys
            .value
            .r#match
            .as_ref()
            .map_or(keys.referenced, |name| name.referenced);
        let rule = rule(path, keys, &defaults)?;
        if !patterns.insert(rule.pattern.clone()) {
            return Err(wrong(path, &place, "this \"match\" is in an earlier rule already")
                .with_code(Code::ConfigRule)
                .hint("the first match wins: merge the two rules"));
        }
        rules.push(rule);
    }
    Ok(Config {
        rules,
        defaults,
        cognito_line,
        layers: Vec::new(),
        fallback: None,
    })
}

/// What an invalid file still says about which registries are optional.
#[derive(Deserialize, Default)]
struct OptionalRules {
    #[serde(default)]
    registries: Vec<OptionalRule>,
    #[serde(default)]
    defaults: OptionalRule,
}

#[derive(Deserialize, Default)]
struct OptionalRule {
    r#match: Option<String>,
    optional: Option<bool>,
}

/// Whether a text that [`parse`] refuses, because of any rule, still says that this server is optional.
pub(super) fn says_optional(text: &str, server: &Server) -> bool {
    let Ok(Some(rules)) = serde_saphyr::from_str_with_options::<Option<OptionalRules>>(text, options()) else {
        return false;
    };
    let is_servers = |rule: &&OptionalRule| {
        let pattern = rule.r#match.as_deref().and_then(|name| HostPattern::parse(name).ok());
        pattern.is_some_and(|pattern| match server.registry() {
            Some(registry) => pattern.matches(registry),
            None => pattern.alias() == Some(server.name()),
        })
    };
    let of_rule = rules.registries.iter().find(is_servers);
    let is_known = of_rule.is_some() || server.registry().is_some();
    let optional = of_rule.and_then(|rule| rule.optional).or(rules.defaults.optional);
    is_known && optional == Some(true)
}

/// Reads a rule of `setup.json`, whose keys are those of `ecr-auth.yml`. The JSON that serde_json writes is also YAML.
pub(super) fn setup_rule(path: &Path, json: &SetupRule, defaults: &RegistrySettings) -> Result<RegistryRule> {
    let read = || -> Result<RegistryRule> {
        let rule = rule(path, from_json(path, json)?, defaults)?;
        match rule.pattern.exact() == Some(json.host.as_str()) {
            true => Ok(rule),
            false => Err(wrong(
                path,
                &Location::UNKNOWN,
                "\"match\" is not the whole name of one registry, in small letters",
            )),
        }
    };
    read().map_err(|error| in_json(path, &format!("the rule of {}", one_line(&json.host)), &error))
}

/// Reads the sign-in of `setup.json`.
pub(super) fn setup_cognito(path: &Path, json: &serde_json::Map<String, serde_json::Value>) -> Result<CognitoSettings> {
    let read = || cognito::settings(path, from_json(path, json)?);
    read().map_err(|error| in_json(path, "cognito", &error))
}

fn from_json<T: serde::de::DeserializeOwned>(path: &Path, json: &impl serde::Serialize) -> Result<Spanned<T>> {
    let text = serde_json::to_string(json).map_err(|error| wrong(path, &Location::UNKNOWN, error))?;
    serde_saphyr::from_str_with_options(&text, options()).map_err(|error| explain(path, &error))
}

/// Returns an error of a value in `setup.json`, without the line and column, which would be those of the value alone.
fn in_json(path: &Path, what: &str, error: &Error) -> Error {
    let place = format!("{}: {what}", one_line(&path.display().to_string()));
    let placed = Error::usage(error.code(), place, error.cause());
    match error.hint_text() {
        Some(hint) => placed.hint(hint),
        None => placed,
    }
}

/// Returns the settings without a rule, including the one sign-in to Cognito that all rules may use.
fn defaults(
    path: &Path,
    keys: Option<Spanned<RuleKeys>>,
    cognito: Option<CognitoSettings>,
) -> Result<RegistrySettings> {
    let mut base = RegistrySettings::default();
    base.role.cognito = cognito;
    let Some(keys) = keys else { return Ok(base) };
    let (place, keys) = (keys.referenced, keys.value);
    for (name, key) in [("match", &keys.r#match), ("registry", &keys.registry)] {
        if let Some(value) = key {
            return Err(wrong(path, &value.referenced, format!("unknown key \"{name}\""))
                .with_code(Code::ConfigKey)
                .hint(
                    "\"defaults\" apply to every registry: put settings for one registry into a rule of \"registries\"",
                ));
        }
    }
    settings(path, &place, keys, &base)
}

fn rule(path: &Path, keys: Spanned<RuleKeys>, defaults: &RegistrySettings) -> Result<RegistryRule> {
    let start = keys.referenced;
    let mut keys = keys.value;
    let Some(name) = keys.r#match.take() else {
        return Err(wrong(path, &start, "the key \"match\" is missing").with_code(Code::ConfigRule));
    };
    let pattern =
        HostPattern::parse(&name.value).map_err(|cause| wrong(path, &name.referenced, format!("\"match\" {cause}")))?;
    let registry = match (&keys.registry, pattern.alias()) {
        (Some(host), Some(_)) => Some(ecr_host(path, host)?),
        (None, None) => None,
        (None, Some(alias)) => return Err(alias_of_nothing(path, &name.referenced, alias)),
        (Some(host), None) => {
            return Err(wrong(
                path,
                &host.referenced,
                "\"registry\" is for names that are not ECR's own",
            )
            .with_code(Code::ConfigRule)
            .hint("leave it out: \"match\" names the registry already"));
        }
    };
    let settings = settings(path, &name.referenced, keys, defaults)?;
    Ok(RegistryRule {
        pattern,
        registry,
        settings,
        line: LineNumber(name.referenced.line()),
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
    let alias_hint = "for a name of your own in front of ECR, add \"registry: <the ECR host>\"";
    let hint = match registry_meant(alias) {
        Some(meant) => format!("{meant} Else, {alias_hint}"),
        None => alias_hint.to_owned(),
    };
    wrong(
        path,
        place,
        format!(
            "{alias} is not an ECR host ({}), and no \"registry\" says which registry it is an alias of",
            why.cause
        ),
    )
    .with_code(Code::ConfigRule)
    .hint(hint)
}

/// Returns the settings of a rule or of the defaults, with the defaults filled in. A rule's own profile, role or sign-in to Cognito replaces all of
/// the defaults' and the roles after them. `place` is for errors about the whole.
fn settings(
    path: &Path,
    place: &Location,
    mut keys: RuleKeys,
    defaults: &RegistrySettings,
) -> Result<RegistrySettings> {
    keys.check_rule(path)?;
    let is_alone = keys.has(&PROFILE) || keys.text(&SOURCE) == Some("cognito");
    let has_role = keys.has(&ROLE_ARN);
    let base = match has_role {
        // A profile or Cognito is used alone, so the role settings of the defaults are dropped.
        _ if is_alone => alone(defaults),
        true if defaults.role.source == SourceChoice::Cognito => alone(defaults),
        true => RoleSettings {
            role_arn: None,
            chain: Vec::new(),
            ..defaults.role.clone()
        },
        false => defaults.role.clone(),
    };
    let source_place = keys.place(&SOURCE).unwrap_or(*place);
    let optional = keys.optional.unwrap_or(defaults.optional);
    let own_profile = keys.text(&PROFILE).map(str::to_owned);
    let role = keys.over(path, base)?;
    if role.source == SourceChoice::Cognito {
        // Errors get their place in the file.
        let choice = IdentitySettings::from(role.clone()).choice(None);
        choice.map_err(|error| at(path, &source_place, &error))?;
    }
    Ok(RegistrySettings {
        profile: match is_alone || has_role {
            true => own_profile,
            false => defaults.profile.clone(),
        },
        optional,
        role,
    })
}

/// Returns the defaults without role settings, but with the sign-in to Cognito, which any rule may use.
fn alone(defaults: &RegistrySettings) -> RoleSettings {
    RoleSettings {
        cognito: defaults.role.cognito.clone(),
        ..RoleSettings::default()
    }
}

/// The parser is strict where YAML guesses: a text that looks like a number or a boolean must be quoted, and `yes` is not a boolean. The limits are
/// far above what 1 MiB of rules needs, and low enough to be safe.
pub(super) fn options() -> Options {
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

/// Returns an error about an invalid value. Other errors have their own codes.
pub(super) fn wrong(path: &Path, place: &Location, cause: impl fmt::Display) -> Error {
    file::at(Code::ConfigValue, path, place.line(), place.column(), cause)
}

/// Returns the error of a setting with its place in the file.
fn at(path: &Path, place: &Location, error: &Error) -> Error {
    let placed = wrong(path, place, format!("\"{}\": {}", error.what(), error.cause()));
    match error.hint_text() {
        Some(hint) => placed.hint(hint),
        None => placed,
    }
}

/// Returns the parser's error, in plain words if the parser's are for programmers.
pub(super) fn explain(path: &Path, error: &YamlError) -> Error {
    let place = error.location().unwrap_or(Location::UNKNOWN);
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => wrong(path, &place, format!("unknown key \"{field}\""))
            .with_code(Code::ConfigKey)
            .hint(allowed(field, expected)),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            wrong(path, &place, format!("unknown value \"{variant}\"")).hint(allowed(variant, expected))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            wrong(path, &place, format!("the key \"{key}\" appears twice")).with_code(Code::ConfigSyntax)
        }
        YamlError::SerdeMissingField { field, .. } => wrong(path, &place, format!("the key \"{field}\" is missing")),
        YamlError::NullIntoString { .. } => wrong(path, &place, "a value is missing"),
        YamlError::QuotingRequired { .. } => wrong(path, &place, "expected a text, found a number or a boolean")
            .with_code(Code::ConfigNumber)
            .hint("if a text is meant, write it in quotes"),
        YamlError::SerdeInvalidType { expected, .. } => wrong(path, &place, format!("expected {expected}")),
        YamlError::Unexpected { expected, .. } => wrong(path, &place, format!("expected {}", in_plain_words(expected))),
        YamlError::InvalidScalar { .. } => wrong(path, &place, "expected a whole number"),
        YamlError::MultipleDocuments { .. } => {
            wrong(path, &place, "a second document begins here; only one is read").with_code(Code::ConfigSyntax)
        }
        YamlError::Budget { .. } | YamlError::AliasReplayLimitExceeded { .. } => {
            wrong(path, &place, "it is too large for a list of registries").with_code(Code::ConfigSyntax)
        }
        YamlError::UnknownAnchor { .. } => wrong(path, &place, "an unquoted text that begins with * is a YAML alias")
            .with_code(Code::ConfigSyntax)
            .hint("write it in quotes: match: '*.dkr.ecr.eu-west-1.amazonaws.com'"),
        other => {
            wrong(path, &place, DefaultMessageFormatter.format_standalone_message(other)).with_code(Code::ConfigSyntax)
        }
    }
}

/// Returns plain words for the parser's event names.
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
