//! The keys of a rule and of `defaults`: those that name the registry, and those of the table of settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::{allowed, wrong};
use diagnostics::{Code, Result};
use ecr_registry::parse_region;
use settings::table::{PROFILE, ROLE_ARN, SOURCE, TABLE, TOKEN_COMMAND, TOKEN_ENV, TOKEN_FILE};
use settings::{Setting, SettingValues, SurfaceValue, TokenCommand, ValueKind};

const MATCH: &str = "match";
const REGISTRY: &str = "registry";
const OPTIONAL: &str = "optional";

/// Every key of a rule, for the hint about an unknown one.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let settings = TABLE.iter().filter(|setting| setting.key.is_some());
    let settings = settings.map(|setting| setting.name);
    [MATCH, REGISTRY]
        .into_iter()
        .chain(settings)
        .chain([OPTIONAL])
        .collect()
});

/// The keys of a rule. `defaults` has the same keys, except those that name the registry.
#[derive(Default)]
pub(super) struct RuleKeys {
    pub r#match: Option<Spanned<String>>,
    pub registry: Option<Spanned<String>>,
    pub optional: Option<bool>,
    values: Vec<PlacedValue>,
    /// The first blank text.
    blank: Option<(&'static Setting, Location)>,
}

/// A value and its place. Errors in numbers and tags are the parser's own, so those need no place.
struct PlacedValue {
    setting: &'static Setting,
    value: SurfaceValue,
    place: Location,
}

impl RuleKeys {
    pub fn has(&self, setting: &Setting) -> bool {
        self.values.iter().any(|it| it.setting == setting)
    }

    /// Returns the place of a setting's value.
    pub fn place(&self, setting: &Setting) -> Option<Location> {
        self.values.iter().find(|it| it.setting == setting).map(|it| it.place)
    }

    /// Returns the value of the key `source`.
    pub fn source(&self) -> Option<&str> {
        let source = self.values.iter().find(|it| it.setting == &SOURCE);
        source.and_then(|it| it.value.as_text())
    }

    pub fn into_values(self) -> SettingValues {
        self.values.into_iter().map(|it| (it.setting, it.value)).collect()
    }

    /// Checks each value, and which settings may be combined.
    pub fn check(&mut self, path: &Path) -> Result<()> {
        if let Some((setting, place)) = self.blank {
            return Err(wrong(path, &place, format!("\"{}\" is empty", setting.name)));
        }
        for it in &mut self.values {
            let SurfaceValue::Text(text) = &mut it.value else {
                continue;
            };
            match it.setting.kind {
                ValueKind::OneOf(words) if !words.iter().any(|(word, _)| word == text) => {
                    let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                    let cause = format!("unknown value \"{text}\"");
                    return Err(wrong(path, &it.place, cause).hint(allowed(text, &words)));
                }
                ValueKind::Region => match parse_region(text) {
                    Ok(region) => *text = region,
                    Err(error) => return Err(super::at(path, &it.place, &error.about(it.setting))),
                },
                _ => {}
            }
        }
        self.refuse_beside_profile(path)?;
        self.refuse_two_tokens(path)
    }

    fn refuse_beside_profile(&self, path: &Path) -> Result<()> {
        let cognito = SOURCE.with("cognito").plain();
        for (name, is_said) in [
            (ROLE_ARN.name, self.has(&ROLE_ARN)),
            (TOKEN_FILE.name, self.has(&TOKEN_FILE)),
            (TOKEN_ENV.name, self.has(&TOKEN_ENV)),
            (TOKEN_COMMAND.name, self.has(&TOKEN_COMMAND)),
            (&cognito, self.source() == Some("cognito")),
        ] {
            if let (Some(place), true) = (self.place(&PROFILE), is_said) {
                return Err(
                    wrong(path, &place, format!("\"profile\" and \"{name}\" are in one rule"))
                        .with_code(Code::ConfigRule)
                        .hint("a profile is used alone: give the profile a role_arn of its own, or leave it out"),
                );
            }
        }
        Ok(())
    }

    fn refuse_two_tokens(&self, path: &Path) -> Result<()> {
        let said: Vec<_> = [&TOKEN_FILE, &TOKEN_ENV, &TOKEN_COMMAND]
            .into_iter()
            .filter_map(|setting| Some((setting.name, self.place(setting)?)))
            .collect();
        match said[..] {
            [(first, place), (second, _), ..] => {
                Err(
                    wrong(path, &place, format!("\"{first}\" and \"{second}\" are in one rule"))
                        .with_code(Code::ConfigRule)
                        .hint("the token comes from one place: leave one of them out"),
                )
            }
            _ => Ok(()),
        }
    }

    /// Reads the value of a setting by its kind. A key must have a value: `profile:` without one is an error.
    fn read<'de, M: MapAccess<'de>>(&mut self, setting: &'static Setting, map: &mut M) -> Result<(), M::Error> {
        let mut place = Location::UNKNOWN;
        let value = match setting.kind {
            ValueKind::Number(..) => SurfaceValue::Number(map.next_value()?),
            ValueKind::Tags(..) => {
                let tags: BTreeMap<String, String> = map.next_value()?;
                SurfaceValue::Tags(tags.into_iter().collect())
            }
            ValueKind::List(_) => {
                let texts: Vec<Spanned<String>> = map.next_value()?;
                let texts = texts.into_iter().map(|text| self.text(setting, text).0);
                SurfaceValue::List(texts.collect())
            }
            ValueKind::Text | ValueKind::Region | ValueKind::Policy | ValueKind::OneOf(_) | ValueKind::File => {
                let text;
                (text, place) = self.text(setting, map.next_value()?);
                match setting.kind {
                    ValueKind::File => SurfaceValue::File(text.into()),
                    _ => SurfaceValue::Text(text),
                }
            }
            ValueKind::Command => {
                let list: Spanned<Vec<String>> = map.next_value()?;
                place = list.referenced;
                if list.value.first().is_none_or(|program| program.trim().is_empty()) {
                    self.blank.get_or_insert((setting, place));
                }
                SurfaceValue::Command(TokenCommand::from_arguments(list.value))
            }
        };
        self.values.push(PlacedValue { setting, value, place });
        Ok(())
    }

    fn text(&mut self, setting: &'static Setting, text: Spanned<String>) -> (String, Location) {
        if text.value.trim().is_empty() {
            self.blank.get_or_insert((setting, text.referenced));
        }
        (text.value, text.referenced)
    }
}

impl<'de> Deserialize<'de> for RuleKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;

        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = RuleKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keys with values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RuleKeys, M::Error> {
                let mut keys = RuleKeys::default();
                while let Some(key) = map.next_key_seed(AnyKey)? {
                    match key {
                        RuleKey::Match => keys.r#match = Some(map.next_value()?),
                        RuleKey::Registry => keys.registry = Some(map.next_value()?),
                        RuleKey::Optional => keys.optional = Some(map.next_value::<YamlBool>()?.0),
                        RuleKey::Setting(setting) => keys.read(setting, &mut map)?,
                    }
                }
                Ok(keys)
            }
        }

        deserializer.deserialize_map(KeysVisitor)
    }
}

enum RuleKey {
    Match,
    Registry,
    Optional,
    Setting(&'static Setting),
}

struct AnyKey;

impl<'de> DeserializeSeed<'de> for AnyKey {
    type Value = RuleKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RuleKey, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for AnyKey {
    type Value = RuleKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<RuleKey, E> {
        match name {
            MATCH => return Ok(RuleKey::Match),
            REGISTRY => return Ok(RuleKey::Registry),
            OPTIONAL => return Ok(RuleKey::Optional),
            _ => {}
        }
        let setting = SettingValues::setting(name).filter(|setting| setting.key.is_some());
        setting
            .map(RuleKey::Setting)
            .ok_or_else(|| E::unknown_field(name, &NAMES))
    }
}

/// A boolean of YAML: `"true"` in quotes is a text.
pub(super) struct YamlBool(pub bool);

impl<'de> Deserialize<'de> for YamlBool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct YamlBoolVisitor;

        impl Visitor<'_> for YamlBoolVisitor {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }
        }

        deserializer.deserialize_any(YamlBoolVisitor).map(Self)
    }
}
