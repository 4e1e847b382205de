//! The shape of `ecr-auth.yml`, and its mistakes told with line and column.

mod cognito;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, Location, MessageFormatter, Options, Spanned};

use super::{Config, Line, Rule, Settings, file};
use diagnostics::{Code, Error, Result};
use ecr_registry::{HostPattern, Registry, parse_region, registry_meant, why_not_ecr};
use settings::{CognitoSettings, IdentitySettings, RoleSettings, SourceChoice, TokenPlace, policy_text};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Document {
    registries: Option<Vec<Spanned<Keys>>>,
    defaults: Option<Spanned<Keys>>,
    cognito: Option<Spanned<cognito::Keys>>,
}

/// The keys of a rule. `defaults` takes all of them but the ones that say which registry is meant.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Keys {
    #[serde(deserialize_with = "given")]
    r#match: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    registry: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    profile: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    role_arn: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    chain: Option<Vec<Spanned<String>>>,
    #[serde(deserialize_with = "given")]
    audience: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    session_name: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    duration: Option<u32>,
    #[serde(deserialize_with = "given")]
    external_id: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    policy: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    policy_arn: Option<Vec<Spanned<String>>>,
    #[serde(deserialize_with = "given")]
    tag: Option<BTreeMap<String, String>>,
    #[serde(deserialize_with = "given")]
    transitive_tag: Option<Vec<Spanned<String>>>,
    #[serde(deserialize_with = "given")]
    token_file: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    token_env: Option<Spanned<String>>,
    #[serde(deserialize_with = "given")]
    source: Option<Spanned<Source>>,
    #[serde(deserialize_with = "given")]
    region: Option<Spanned<String>>,
    #[serde(deserialize_with = "boolean")]
    optional: Option<bool>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Source {
    Auto,
    Oidc,
    Chain,
    Cognito,
}

impl From<Source> for SourceChoice {
    fn from(source: Source) -> Self {
        match source {
            Source::Auto => Self::Auto,
            Source::Oidc => Self::Oidc,
            Source::Chain => Self::Chain,
            Source::Cognito => Self::Cognito,
        }
    }
}

/// A key that is there has a value: `profile:` with nothing behind it is a mistake, not the same as no `profile`.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
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
    let cognito = document.cognito.map(|keys| cognito::settings(path, keys)).transpose()?;
    let defaults = defaults(path, document.defaults, cognito)?;
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
            return Err(wrong(path, &place, "this \"match\" stands in an earlier rule already")
                .of(Code::ConfigRule)
                .hint("the first match wins: merge the two rules"));
        }
        rules.push(rule);
    }
    Ok(Config { rules, defaults })
}

/// What holds without a rule; with it, the one sign-in to Cognito that all rules may use.
fn defaults(path: &Path, keys: Option<Spanned<Keys>>, cognito: Option<CognitoSettings>) -> Result<Settings> {
    let mut base = Settings::default();
    base.role.cognito = cognito;
    let Some(keys) = keys else { return Ok(base) };
    let (place, keys) = (keys.referenced, keys.value);
    for (name, key) in [("match", &keys.r#match), ("registry", &keys.registry)] {
        if let Some(value) = key {
            return Err(wrong(path, &value.referenced, format!("unknown key \"{name}\""))
                .of(Code::ConfigKey)
                .hint("\"defaults\" hold for every registry: what is for one stands in a rule of \"registries\""));
        }
    }
    settings(path, &place, keys, &base)
}

fn rule(path: &Path, keys: Spanned<Keys>, defaults: &Settings) -> Result<Rule> {
    let start = keys.referenced;
    let mut keys = keys.value;
    let Some(name) = keys.r#match.take() else {
        return Err(wrong(path, &start, "the key \"match\" is missing").of(Code::ConfigRule));
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
            .of(Code::ConfigRule)
            .hint("leave it out: \"match\" names the registry already"));
        }
    };
    let settings = settings(path, &name.referenced, keys, defaults)?;
    Ok(Rule {
        pattern,
        registry,
        settings,
        line: Line(name.referenced.line()),
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
            "{alias} is not an ECR host ({}), and no \"registry\" says which one it stands for",
            why.cause
        ),
    )
    .of(Code::ConfigRule)
    .hint(hint)
}

/// What a rule, or the defaults, give, the defaults filled in. A rule's own profile, role or sign-in to Cognito takes the place of
/// all of them, and of the roles after. `place` is for what is wrong with the whole.
fn settings(path: &Path, place: &Location, keys: Keys, defaults: &Settings) -> Result<Settings> {
    let source = keys.source.as_ref().map(|source| source.value);
    let is_cognito = source == Some(Source::Cognito);
    for (name, is_said) in [
        ("role-arn", keys.role_arn.is_some()),
        ("token-file", keys.token_file.is_some()),
        ("token-env", keys.token_env.is_some()),
        ("source: cognito", is_cognito),
    ] {
        if let (Some(profile), true) = (&keys.profile, is_said) {
            return Err(wrong(
                path,
                &profile.referenced,
                format!("\"profile\" and \"{name}\" stand in one rule"),
            )
            .of(Code::ConfigRule)
            .hint("a profile is used alone: give the profile a role_arn of its own, or leave it out"));
        }
    }
    let own = keys.profile.is_some() || keys.role_arn.is_some() || is_cognito;
    let base = match &keys.role_arn {
        // Used alone: what the defaults say of roles is not said of it.
        _ if keys.profile.is_some() || is_cognito => alone(defaults),
        Some(_) if defaults.role.source == SourceChoice::Cognito => alone(defaults),
        Some(_) => RoleSettings {
            role_arn: None,
            chain: Vec::new(),
            ..defaults.role.clone()
        },
        None => defaults.role.clone(),
    };
    let profile = match own {
        true => text(path, "profile", keys.profile.clone())?,
        false => defaults.profile.clone(),
    };
    let (source_place, optional) = (keys.source.as_ref().map(|source| source.referenced), keys.optional);
    let role = role(path, keys, base)?;
    let sign_in = match role.source {
        // What is wrong with it is told with its place in the file.
        SourceChoice::Cognito => IdentitySettings::from(role.clone()).choice(None).map(drop),
        _ => Ok(()),
    };
    sign_in.map_err(|error| cognito::at(path, source_place.as_ref().unwrap_or(place), &error))?;
    Ok(Settings {
        profile,
        optional: optional.unwrap_or(defaults.optional),
        role,
    })
}

/// Nothing of roles, and the sign-in to Cognito, which is there for whoever says so.
fn alone(defaults: &Settings) -> RoleSettings {
    RoleSettings {
        cognito: defaults.role.cognito.clone(),
        ..RoleSettings::default()
    }
}

fn role(path: &Path, keys: Keys, base: RoleSettings) -> Result<RoleSettings> {
    let one = |key, given| text(path, key, given);
    let many = |key: &str, given: Option<Vec<Spanned<String>>>| {
        let given = given.map(Vec::into_iter);
        let texts = given.map(|texts| {
            texts
                .map(|value| text(path, key, Some(value)))
                .collect::<Result<Vec<_>>>()
        });
        Ok::<_, Error>(texts.transpose()?.map(|texts| texts.into_iter().flatten().collect()))
    };
    Ok(RoleSettings {
        token: token(path, keys.token_file, keys.token_env)?.or(base.token),
        role_arn: one("role-arn", keys.role_arn)?.or(base.role_arn),
        chain: many("chain", keys.chain)?.unwrap_or(base.chain),
        audience: one("audience", keys.audience)?.or(base.audience),
        session_name: one("session-name", keys.session_name)?.or(base.session_name),
        duration: keys.duration.or(base.duration),
        external_id: one("external-id", keys.external_id)?.or(base.external_id),
        policy: policy(path, keys.policy)?.or(base.policy),
        policy_arns: many("policy-arn", keys.policy_arn)?.unwrap_or(base.policy_arns),
        tags: keys.tag.map_or(base.tags, |tags| tags.into_iter().collect()),
        transitive_tags: many("transitive-tag", keys.transitive_tag)?.unwrap_or(base.transitive_tags),
        source: keys.source.map_or(base.source, |source| source.value.into()),
        region: region(path, keys.region)?.or(base.region),
        cognito: base.cognito,
    })
}

/// A file is looked for beside the configuration: the working directory could be a checkout's.
fn token(path: &Path, file: Option<Spanned<String>>, variable: Option<Spanned<String>>) -> Result<Option<TokenPlace>> {
    if let (Some(file), Some(_)) = (&file, &variable) {
        return Err(wrong(
            path,
            &file.referenced,
            "\"token-file\" and \"token-env\" stand in one rule",
        )
        .of(Code::ConfigRule)
        .hint("one of them is the token's place: leave the other out"));
    }
    let file = text(path, "token-file", file)?.map(|file| TokenPlace::File(beside(path, &file)));
    Ok(file.or(text(path, "token-env", variable)?.map(TokenPlace::Variable)))
}

fn policy(path: &Path, given: Option<Spanned<String>>) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let place = given.referenced;
    let value = text(path, "policy", Some(given))?.unwrap_or_default();
    let policy = policy_text(&value, |file| beside(path, file));
    policy
        .map(Some)
        .map_err(|error| wrong(path, &place, format!("\"policy\": {}", error.cause())))
}

fn region(path: &Path, given: Option<Spanned<String>>) -> Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    parse_region(&given.value).map(Some).map_err(|error| {
        let wrong = wrong(path, &given.referenced, format!("\"region\": {}", error.cause()));
        wrong.hint(error.hint_text().unwrap_or_default())
    })
}

fn beside(path: &Path, file: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

fn text(path: &Path, key: &str, given: Option<Spanned<String>>) -> Result<Option<String>> {
    match given {
        Some(text) if text.value.trim().is_empty() => Err(wrong(path, &text.referenced, format!("\"{key}\" is empty"))),
        text => Ok(text.map(|text| text.value)),
    }
}

/// Strict where YAML guesses: a text that reads as a number or a boolean must be quoted, `yes` is no boolean. The limits
/// are far above what 1 MiB of rules needs, and far below what hurts.
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

/// A value that is wrong; what is wrong otherwise says so.
pub(super) fn wrong(path: &Path, place: &Location, cause: impl fmt::Display) -> Error {
    file::at(Code::ConfigValue, path, place.line(), place.column(), cause)
}

/// The parser's error in our words, where it has words for programmers.
pub(super) fn explain(path: &Path, error: &YamlError) -> Error {
    let place = error.location().unwrap_or(Location::UNKNOWN);
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => wrong(path, &place, format!("unknown key \"{field}\""))
            .of(Code::ConfigKey)
            .hint(allowed(field, expected)),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            wrong(path, &place, format!("unknown value \"{variant}\"")).hint(allowed(variant, expected))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            wrong(path, &place, format!("the key \"{key}\" stands here twice")).of(Code::ConfigSyntax)
        }
        YamlError::SerdeMissingField { field, .. } => wrong(path, &place, format!("the key \"{field}\" is missing")),
        YamlError::NullIntoString { .. } => wrong(path, &place, "a value is missing"),
        YamlError::QuotingRequired { .. } => wrong(path, &place, "expected a text, found a number or a boolean")
            .of(Code::ConfigNumber)
            .hint("if a text is meant, write it in quotes"),
        YamlError::SerdeInvalidType { expected, .. } => wrong(path, &place, format!("expected {expected}")),
        YamlError::Unexpected { expected, .. } => wrong(path, &place, format!("expected {}", in_plain_words(expected))),
        YamlError::MultipleDocuments { .. } => {
            wrong(path, &place, "a second document begins here; only one is read").of(Code::ConfigSyntax)
        }
        YamlError::Budget { .. } | YamlError::AliasReplayLimitExceeded { .. } => {
            wrong(path, &place, "there is more than any list of registries needs").of(Code::ConfigSyntax)
        }
        YamlError::UnknownAnchor { .. } => wrong(
            path,
            &place,
            "unquoted, a text that begins with * is an alias of YAML's",
        )
        .of(Code::ConfigSyntax)
        .hint("write it in quotes: match: '*.dkr.ecr.eu-west-1.amazonaws.com'"),
        other => wrong(path, &place, DefaultMessageFormatter.format_standalone_message(other)).of(Code::ConfigSyntax),
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
