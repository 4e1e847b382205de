//! The values that one surface gives: a command line, a rule of a file, or the inputs of the GitHub Action.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::setting::{Setting, SettingGroup, SurfaceValue, ValueKind};
use diagnostics::{Code, Error, Result, unicode_path};

/// The largest policy file that is read: 64 KiB. It may be longer than STS's limit, because white space does not count.
const POLICY_LIMIT: usize = 64 << 10;

/// The settings that a surface gives, each with its value, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingValues<S: 'static>(Vec<(&'static Setting<S>, SurfaceValue)>);

impl<S: SettingGroup> SettingValues<S> {
    /// Returns the setting with this name, if there is one.
    pub fn setting(name: &str) -> Option<&'static Setting<S>> {
        S::TABLE.iter().copied().find(|setting| setting.name == name)
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
            let setting = Self::setting(name)?;
            let value = setting.kind.read(value)?;
            let value = match values.get(setting) {
                Some(before) => before.clone().and(value),
                None => value,
            };
            values.set(setting, value);
        }
        Some(values)
    }

    /// Returns all settings with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting<S>, &SurfaceValue)> {
        self.0.iter().map(|(setting, value)| (*setting, value))
    }

    /// Whether no setting is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of a setting.
    pub fn get(&self, setting: &Setting<S>) -> Option<&SurfaceValue> {
        self.iter().find(|(known, _)| *known == setting).map(|(_, value)| value)
    }

    /// Whether a setting is given.
    pub fn has(&self, setting: &Setting<S>) -> bool {
        self.get(setting).is_some()
    }

    /// Returns the text of a setting.
    pub fn text(&self, setting: &Setting<S>) -> Option<&str> {
        self.get(setting)?.as_text()
    }

    /// Sets a setting, replacing an earlier value.
    pub fn set(&mut self, setting: &'static Setting<S>, value: SurfaceValue) {
        match self.0.iter_mut().find(|(known, _)| *known == setting) {
            Some((_, old)) => *old = value,
            None => self.0.push((setting, value)),
        }
    }

    /// Removes these settings.
    pub fn remove(&mut self, settings: &[&Setting<S>]) {
        self.retain(|known| !settings.contains(&known));
    }

    /// Removes all settings but those that are to be kept.
    pub fn retain(&mut self, is_kept: impl Fn(&'static Setting<S>) -> bool) {
        self.0.retain(|(known, _)| is_kept(known));
    }

    /// Returns the settings `base` with these values on top. Relative paths start at `folder`. Every surface uses this function.
    ///
    /// # Errors
    /// The file of a policy cannot be read. The error is about the setting.
    pub fn over(self, mut base: S, folder: &Path) -> Result<S> {
        for (setting, value) in self.0 {
            let value = match (setting.kind, value) {
                (ValueKind::Policy, SurfaceValue::Text(text)) => {
                    SurfaceValue::Text(policy_text(setting, text, folder)?)
                }
                (_, SurfaceValue::File(path)) => SurfaceValue::File(folder.join(path)),
                (_, SurfaceValue::Command(command)) => SurfaceValue::Command(command.in_folder(folder)),
                (_, value) => value,
            };
            (setting.set)(&mut base, value);
        }
        Ok(base)
    }

    /// Returns the same values with absolute paths of files.
    ///
    /// # Errors
    /// A path cannot be made absolute.
    pub fn with_absolute_files(mut self) -> Result<Self> {
        for (_, value) in &mut self.0 {
            if let SurfaceValue::File(path) = value {
                *path = absolute_path(path)?;
            }
        }
        Ok(self)
    }

    /// Returns the same values with absolute paths, for a program that runs in another folder.
    ///
    /// # Errors
    /// A path cannot be made absolute, or is not Unicode.
    pub fn with_absolute_paths(&self) -> Result<Self> {
        let mut values = self.clone().with_absolute_files()?;
        for (setting, value) in &mut values.0 {
            match (setting.kind, value) {
                (ValueKind::Policy, SurfaceValue::Text(text)) => {
                    if let Some(file) = text.strip_prefix('@') {
                        *text = format!("@{}", unicode_path(&absolute_path(file.as_ref())?)?);
                    }
                }
                (_, SurfaceValue::File(path)) => drop(unicode_path(path)?),
                _ => {}
            }
        }
        Ok(values)
    }

    /// Returns flags that give these values to a later run, in the order of the table.
    ///
    /// # Errors
    /// A path cannot be made absolute.
    pub fn to_args(&self) -> Result<Vec<String>> {
        let values = self.with_absolute_paths()?;
        let mut args = Vec::new();
        for setting in S::TABLE {
            let Some(value) = values.get(setting) else { continue };
            for word in words(value) {
                // A value after '=' may begin with a hyphen. The value of a switch must stand there.
                match word.starts_with('-') || matches!(setting.kind, ValueKind::Switch(_)) {
                    true => args.push(format!("--{}={word}", setting.name)),
                    false => args.extend([format!("--{}", setting.name), word]),
                }
            }
        }
        Ok(args)
    }

    /// Returns these values as the keys of a rule, or of another block: a JSON object.
    ///
    /// # Errors
    /// A path cannot be made absolute.
    pub fn to_json(&self) -> Result<Map<String, Json>> {
        let values = self.with_absolute_paths()?.0.into_iter();
        let keys = values.filter(|(setting, _)| setting.key.is_some());
        Ok(keys
            .map(|(setting, value)| (setting.name.to_owned(), json(setting.kind, value)))
            .collect())
    }
}

impl<S> FromIterator<(&'static Setting<S>, SurfaceValue)> for SettingValues<S> {
    fn from_iter<T: IntoIterator<Item = (&'static Setting<S>, SurfaceValue)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Returns the JSON of a policy that is given as the JSON itself or as `@FILE`.
fn policy_text<S>(setting: &Setting<S>, given: String, folder: &Path) -> Result<String> {
    let Some(file) = given.strip_prefix('@') else {
        return Ok(given);
    };
    let path = folder.join(file);
    private_files::read_utf8(&path, POLICY_LIMIT).map_err(|error| {
        let cause = format!("cannot read {}: {error}", path.display());
        Error::usage(Code::SessionSetting, setting, cause)
            .hint("give the policy's JSON, or @FILE for a file that holds it")
    })
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

fn json(kind: ValueKind, value: SurfaceValue) -> Json {
    match value {
        SurfaceValue::Text(_) if matches!(kind, ValueKind::Switch(_)) => true.into(),
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
    use crate::table::{DURATION, POLICY, PROFILE, TABLE, TAG, TOKEN_COMMAND, TOKEN_FILE};
    use crate::{RoleSettings, TokenCommand};

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
    fn a_role_comes_of_what_is_said_over_a_base() {
        let mut values = SettingValues::default();
        values.set(&PROFILE, SurfaceValue::Text("ci".into()));
        values.set(&DURATION, SurfaceValue::Number(1000));
        values.set(&DURATION, SurfaceValue::Number(900));
        values.set(&TOKEN_FILE, SurfaceValue::File("token".into()));
        let base = RoleSettings {
            audience: Some("a".into()),
            ..RoleSettings::default()
        };
        assert_eq!(values.text(&PROFILE), Some("ci"));
        let role = values.over(base, Path::new("/etc")).unwrap();
        assert_eq!((role.duration, role.audience.as_deref()), (Some(900), Some("a")));
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
