//! The values that one surface gives: a command line, a rule of a file, or the inputs of the GitHub Action.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::role_settings::policy_text;
use super::table::{PROFILE, RoleSettings, Setting, SurfaceValue, TABLE, ValueKind};
use super::trust_source::TokenCommand;
use diagnostics::{Code, Error, Result, unicode_path};

/// The settings that a surface gives, each with its value, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingValues(Vec<(&'static Setting, SurfaceValue)>);

impl SettingValues {
    /// Returns the setting with this name, if there is one.
    pub fn setting(name: &str) -> Option<&'static Setting> {
        TABLE.into_iter().find(|setting| setting.name == name)
    }

    /// Returns the settings of a command line that [`SettingValues::to_args`] wrote. `None` if it holds anything else, which only the command's own
    /// parser understands.
    pub fn from_args(args: &[String]) -> Option<Self> {
        let mut values = Self::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let flag = word.strip_prefix("--")?;
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value),
                None => (flag, words.next()?.as_str()),
            };
            values.add(Self::setting(name)?, value)?;
        }
        Some(values)
    }

    /// Adds the value of one flag.
    fn add(&mut self, setting: &'static Setting, word: &str) -> Option<()> {
        let value = match (setting.kind, self.get(setting)) {
            (ValueKind::Text | ValueKind::Region | ValueKind::Policy | ValueKind::OneOf(_), _) => {
                SurfaceValue::Text(word.to_owned())
            }
            (ValueKind::File, _) => SurfaceValue::File(word.into()),
            (ValueKind::Command, _) => SurfaceValue::Command(TokenCommand::from_line(word)),
            (ValueKind::Number(..), _) => SurfaceValue::Number(word.parse().ok()?),
            (ValueKind::List(_), Some(SurfaceValue::List(before))) => {
                SurfaceValue::List([&before[..], &[word.to_owned()]].concat())
            }
            (ValueKind::List(_), _) => SurfaceValue::List(vec![word.to_owned()]),
            (ValueKind::Tags(..), before) => {
                let (key, value) = word.split_once('=')?;
                let tag = (key.to_owned(), value.to_owned());
                match before {
                    Some(SurfaceValue::Tags(before)) => SurfaceValue::Tags([&before[..], &[tag]].concat()),
                    _ => SurfaceValue::Tags(vec![tag]),
                }
            }
        };
        self.set(setting, value);
        Some(())
    }

    /// Returns all settings with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, &SurfaceValue)> {
        self.0.iter().map(|(setting, value)| (*setting, value))
    }

    /// Whether no setting is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of a setting.
    pub fn get(&self, setting: &Setting) -> Option<&SurfaceValue> {
        self.iter().find(|(known, _)| *known == setting).map(|(_, value)| value)
    }

    /// Whether a setting is given.
    pub fn has(&self, setting: &Setting) -> bool {
        self.get(setting).is_some()
    }

    /// Returns the text of a setting.
    pub fn text(&self, setting: &Setting) -> Option<&str> {
        self.get(setting)?.as_text()
    }

    /// Returns the number of a setting.
    pub fn number(&self, setting: &Setting) -> Option<u32> {
        match self.get(setting)? {
            SurfaceValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Sets a setting, replacing an earlier value.
    pub fn set(&mut self, setting: &'static Setting, value: SurfaceValue) {
        match self.0.iter_mut().find(|(known, _)| *known == setting) {
            Some((_, old)) => *old = value,
            None => self.0.push((setting, value)),
        }
    }

    /// Removes these settings.
    pub fn remove(&mut self, settings: &[&Setting]) {
        self.0.retain(|(known, _)| !settings.contains(known));
    }

    /// Returns the profile, and the settings of a role: `base` with these values on top. Relative paths start at `folder`. Every surface uses this
    /// function.
    ///
    /// # Errors
    /// The file of a policy cannot be read. The error is about the setting.
    pub fn over(self, base: RoleSettings, folder: &Path) -> Result<(Option<String>, RoleSettings)> {
        let (mut profile, mut role) = (None, base);
        for (setting, value) in self.0 {
            match (setting.kind, value) {
                (ValueKind::Policy, SurfaceValue::Text(text)) => {
                    let text = policy_text(&text, |file| folder.join(file))?;
                    (setting.set)(&mut role, SurfaceValue::Text(text));
                }
                (_, SurfaceValue::File(path)) => (setting.set)(&mut role, SurfaceValue::File(folder.join(path))),
                (_, SurfaceValue::Command(command)) => {
                    (setting.set)(&mut role, SurfaceValue::Command(command.in_folder(folder)));
                }
                (_, SurfaceValue::Text(text)) if *setting == PROFILE => profile = Some(text),
                (_, value) => (setting.set)(&mut role, value),
            }
        }
        Ok((profile, role))
    }

    /// Returns the same values with absolute paths, for a program that runs in another folder.
    ///
    /// # Errors
    /// A path cannot be made absolute, or is not Unicode.
    pub fn with_absolute_paths(&self) -> Result<Self> {
        let values = self.iter().map(|(setting, value)| {
            let value = match (setting.kind, value) {
                (ValueKind::Policy, SurfaceValue::Text(text)) => match text.strip_prefix('@') {
                    Some(file) => SurfaceValue::Text(format!("@{}", unicode_path(&absolute_path(file.as_ref())?)?)),
                    None => value.clone(),
                },
                (_, SurfaceValue::File(path)) => {
                    let path = absolute_path(path)?;
                    unicode_path(&path)?;
                    SurfaceValue::File(path)
                }
                (_, value) => value.clone(),
            };
            Ok((setting, value))
        });
        values.collect::<Result<_>>().map(Self)
    }

    /// Returns flags that give these values to a later run, in the order of the table.
    ///
    /// # Errors
    /// A path cannot be made absolute.
    pub fn to_args(&self) -> Result<Vec<String>> {
        let values = self.with_absolute_paths()?;
        let mut args = Vec::new();
        for setting in TABLE {
            let Some(value) = values.get(setting) else { continue };
            for word in words(value) {
                args.extend([format!("--{}", setting.name), word]);
            }
        }
        Ok(args)
    }

    /// Returns these values as the keys of a rule: a JSON object.
    ///
    /// # Errors
    /// A path cannot be made absolute.
    pub fn to_json(&self) -> Result<Map<String, Json>> {
        let values = self.with_absolute_paths()?.0.into_iter();
        let keys = values.filter(|(setting, _)| setting.key.is_some());
        Ok(keys
            .map(|(setting, value)| (setting.name.to_owned(), json(value)))
            .collect())
    }
}

impl FromIterator<(&'static Setting, SurfaceValue)> for SettingValues {
    fn from_iter<T: IntoIterator<Item = (&'static Setting, SurfaceValue)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Returns the words after a flag, one for each time that it is given.
fn words(value: &SurfaceValue) -> Vec<String> {
    match value {
        SurfaceValue::Text(text) => vec![text.clone()],
        SurfaceValue::File(path) => vec![path.display().to_string()],
        SurfaceValue::Command(command) => command.line().map(str::to_owned).into_iter().collect(),
        SurfaceValue::Number(number) => vec![number.to_string()],
        SurfaceValue::List(list) => list.clone(),
        SurfaceValue::Tags(tags) => tags.iter().map(|(key, value)| format!("{key}={value}")).collect(),
    }
}

fn json(value: SurfaceValue) -> Json {
    match value {
        SurfaceValue::Text(text) => text.into(),
        SurfaceValue::File(path) => path.to_string_lossy().into(),
        SurfaceValue::Command(command) => command.arguments().into(),
        SurfaceValue::Number(number) => number.into(),
        SurfaceValue::List(list) => list.into(),
        SurfaceValue::Tags(tags) => tags
            .into_iter()
            .map(|(key, value)| (key, Json::from(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// Returns the path as an absolute one.
///
/// # Errors
/// The current folder of this process does not exist any more.
pub fn absolute_path(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Error::failed(Code::NotReadable, format!("cannot find {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::table::{DURATION, POLICY, TAG, TOKEN_COMMAND, TOKEN_FILE};

    #[test]
    fn names_are_unique_and_every_flag_has_help() {
        let names: BTreeSet<_> = TABLE.iter().map(|setting| setting.name).collect();
        let inputs: Vec<_> = TABLE.iter().flat_map(|setting| setting.inputs).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(inputs.iter().collect::<BTreeSet<_>>().len(), inputs.len());
        assert!(
            TABLE
                .iter()
                .all(|setting| !setting.help.is_empty() && setting.key != Some(""))
        );
    }

    #[test]
    fn a_profile_and_a_role_come_of_what_is_said_over_a_base() {
        let mut values = SettingValues::default();
        values.set(&PROFILE, SurfaceValue::Text("ci".into()));
        values.set(&DURATION, SurfaceValue::Number(1000));
        values.set(&DURATION, SurfaceValue::Number(900));
        values.set(&TOKEN_FILE, SurfaceValue::File("token".into()));
        let base = RoleSettings {
            audience: Some("a".into()),
            ..RoleSettings::default()
        };
        let (profile, role) = values.over(base, Path::new("/etc")).unwrap();
        assert_eq!(
            (profile.as_deref(), role.duration, role.audience.as_deref()),
            (Some("ci"), Some(900), Some("a"))
        );
        assert_eq!(role.token, Some(crate::TokenPlace::File("/etc/token".into())));
    }

    #[test]
    fn a_file_gets_every_kind() {
        let mut values = SettingValues::default();
        values.set(&DURATION, SurfaceValue::Number(900));
        values.set(&POLICY, SurfaceValue::Text("@/p.json".into()));
        values.set(&TAG, SurfaceValue::Tags(vec![("Team".into(), "build".into())]));
        let json = serde_json::json!({"duration": 900, "policy": "@/p.json", "tag": {"Team": "build"}});
        assert_eq!(Json::from(values.to_json().unwrap()), json);
        let list = vec!["mint".to_owned(), "a b".to_owned()];
        values.set(
            &TOKEN_COMMAND,
            SurfaceValue::Command(TokenCommand::from_arguments(list)),
        );
        assert_eq!(
            values.to_json().unwrap()["token-command"],
            serde_json::json!(["mint", "a b"])
        );
        values.set(
            &TOKEN_COMMAND,
            SurfaceValue::Command(TokenCommand::from_line("mint a b")),
        );
        let json = values.to_json().unwrap();
        assert_eq!(json["token-command"].as_array().unwrap().last().unwrap(), "mint a b");
        assert!(
            values
                .to_args()
                .unwrap()
                .ends_with(&["--token-command".to_owned(), "mint a b".to_owned()])
        );
    }
}
