//! The keys of a block: of a rule, of `defaults` or of `cognito`. Those of settings come from the settings' table.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::{allowed, at, wrong};
use diagnostics::Result;
use ecr_registry::parse_region;
use settings::{
    CognitoSettings, RoleSettings, Setting, SettingGroup, SettingValues, SurfaceValue, TokenCommand, ValueKind,
};

const MATCH: &str = "match";
const REGISTRY: &str = "registry";
const OPTIONAL: &str = "optional";

/// The settings of a block.
pub(super) trait BlockSettings: SettingGroup {
    /// Returns every key of the block.
    fn names() -> &'static [&'static str];
}

impl BlockSettings for RoleSettings {
    fn names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let others = [MATCH, REGISTRY].into_iter();
            others.chain(keys::<RoleSettings>()).chain([OPTIONAL]).collect()
        });
        &NAMES
    }
}

impl BlockSettings for CognitoSettings {
    fn names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| keys::<CognitoSettings>().collect());
        &NAMES
    }
}

fn keys<S: SettingGroup>() -> impl Iterator<Item = &'static str> {
    let settings = S::TABLE.iter().filter(|setting| setting.key.is_some());
    settings.map(|setting| setting.name)
}

/// The keys of a block. Only rules name registries.
#[derive(Default)]
pub(super) struct BlockKeys<S: 'static> {
    pub r#match: Option<Spanned<String>>,
    pub registry: Option<Spanned<String>>,
    pub optional: Option<bool>,
    values: Vec<PlacedValue<S>>,
    /// The first blank text.
    blank: Option<(&'static Setting<S>, Location)>,
}

/// A value and its place. Errors in numbers and tags are the parser's own, so those need no place.
struct PlacedValue<S: 'static> {
    setting: &'static Setting<S>,
    value: SurfaceValue,
    place: Location,
}

impl<S: SettingGroup> BlockKeys<S> {
    fn get(&self, setting: &Setting<S>) -> Option<&PlacedValue<S>> {
        self.values.iter().find(|it| it.setting == setting)
    }

    pub fn has(&self, setting: &Setting<S>) -> bool {
        self.get(setting).is_some()
    }

    /// Returns the place of a setting's value.
    pub fn place(&self, setting: &Setting<S>) -> Option<Location> {
        self.get(setting).map(|it| it.place)
    }

    /// Returns the text of a setting.
    pub fn text(&self, setting: &Setting<S>) -> Option<&str> {
        self.get(setting)?.value.as_text()
    }

    /// Returns the settings `base` with these values on top.
    pub fn over(self, path: &Path, base: S) -> Result<S> {
        let policy = self
            .values
            .iter()
            .find(|it| matches!(it.setting.kind, ValueKind::Policy));
        let policy_place = policy.map_or(Location::UNKNOWN, |it| it.place);
        let values: SettingValues<S> = self.values.into_iter().map(|it| (it.setting, it.value)).collect();
        values
            .over(base, path.parent().unwrap_or(Path::new("")))
            .map_err(|error| at(path, &policy_place, &error))
    }

    /// Checks each value.
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
                    Err(error) => return Err(at(path, &it.place, &error.about(it.setting))),
                },
                _ => it
                    .setting
                    .check_text(text)
                    .map_err(|error| at(path, &it.place, &error))?,
            }
        }
        Ok(())
    }

    /// Reads the value of a setting by its kind. A key must have a value: `profile:` without one is an error.
    fn read<'de, M: MapAccess<'de>>(&mut self, setting: &'static Setting<S>, map: &mut M) -> Result<(), M::Error> {
        let mut place = Location::UNKNOWN;
        let value = match setting.kind {
            ValueKind::Number(..) => SurfaceValue::Number(map.next_value()?),
            ValueKind::Tags(..) => {
                let tags: BTreeMap<String, String> = map.next_value()?;
                SurfaceValue::Tags(tags.into_iter().collect())
            }
            ValueKind::List(_) => {
                let texts: Vec<Spanned<String>> = map.next_value()?;
                let texts = texts.into_iter().map(|text| self.noted(setting, text).0);
                SurfaceValue::List(texts.collect())
            }
            ValueKind::Port(_) => SurfaceValue::Number(map.next_value::<NonZeroU16>()?.get().into()),
            ValueKind::Switch(words) => match (map.next_value::<YamlBool>()?.0, words) {
                (true, [.., (word, _)]) => SurfaceValue::Text((*word).to_owned()),
                _ => return Ok(()),
            },
            ValueKind::Formed(_) => {
                let text: Spanned<String> = map.next_value()?;
                place = text.referenced;
                SurfaceValue::Text(text.value)
            }
            ValueKind::Text | ValueKind::Region | ValueKind::Policy | ValueKind::OneOf(_) | ValueKind::File => {
                let text;
                (text, place) = self.noted(setting, map.next_value()?);
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

    /// Returns a text and its place, and notes a blank one.
    fn noted(&mut self, setting: &'static Setting<S>, text: Spanned<String>) -> (String, Location) {
        if text.value.trim().is_empty() {
            self.blank.get_or_insert((setting, text.referenced));
        }
        (text.value, text.referenced)
    }
}

impl<'de, S: BlockSettings> Deserialize<'de> for BlockKeys<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor(PhantomData))
    }
}

struct KeysVisitor<S>(PhantomData<S>);

impl<'de, S: BlockSettings> Visitor<'de> for KeysVisitor<S> {
    type Value = BlockKeys<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<BlockKeys<S>, M::Error> {
        let mut keys = BlockKeys::default();
        while let Some(name) = map.next_key_seed(AnyKey(S::names()))? {
            match name {
                MATCH => keys.r#match = Some(map.next_value()?),
                REGISTRY => keys.registry = Some(map.next_value()?),
                OPTIONAL => keys.optional = Some(map.next_value::<YamlBool>()?.0),
                name => {
                    if let Some(setting) = SettingValues::setting(name) {
                        keys.read(setting, &mut map)?;
                    }
                }
            }
        }
        Ok(keys)
    }
}

/// Reads one of these keys.
struct AnyKey(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for AnyKey {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for AnyKey {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let known = self.0.iter().find(|known| **known == name).copied();
        known.ok_or_else(|| E::unknown_field(name, self.0))
    }
}

/// A boolean of YAML: `"true"` in quotes is a text.
struct YamlBool(bool);

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
