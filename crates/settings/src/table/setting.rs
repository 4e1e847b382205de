//! The parts of one setting: its names, kind, documentation and effect on the settings of a role.

use std::fmt;
use std::path::PathBuf;

use super::RoleSettings;
use crate::trust_source::TokenCommand;
use diagnostics::Mention;

/// One setting. Flags, keys, inputs, the JSON schema and the reference are made from its entry in the [table](crate::table).
#[derive(Debug)]
pub struct Setting {
    /// The name: `external-id` is the flag `--external-id` and the key `external-id`.
    pub name: &'static str,
    /// The form of its values.
    pub kind: ValueKind,
    /// The placeholder for the value in `--help`.
    pub value_name: &'static str,
    /// What the flag does, in `--help` and in the reference.
    pub help: &'static str,
    /// The environment variable that is used if nothing else gives the setting.
    pub variable: Option<&'static str>,
    /// The default, in words for `--help`.
    pub default: Option<&'static str>,
    /// Whether `-h` shows the flag too, and not only `--help`.
    pub is_common: bool,
    /// What the key does, in the JSON schema and in the reference. `None` if a file cannot have the key.
    pub key: Option<&'static str>,
    /// The input of the GitHub Action, followed by an older name for it.
    pub inputs: &'static [&'static str],
    /// Whether the setting belongs to a role that is named, and so has no meaning beside a sign-in to Cognito.
    pub is_of_role: bool,
    /// Whether the value, as given, is part of the cache key of a role's credentials. Completed values are in the plan's own fields.
    pub is_in_cache_key: bool,
    /// Reads the setting from the settings of a role.
    pub get: fn(&RoleSettings) -> StatedValue<'_>,
    /// Writes the setting into the settings of a role.
    pub set: fn(&mut RoleSettings, SurfaceValue),
}

impl Setting {
    /// Returns an entry with the parts that most settings have in common.
    pub(crate) const fn named(name: &'static str) -> Self {
        Self {
            name,
            kind: ValueKind::Text,
            value_name: "NAME",
            help: "",
            variable: None,
            default: None,
            is_common: false,
            key: None,
            inputs: &[],
            is_of_role: true,
            is_in_cache_key: false,
            get: |_| StatedValue::Nothing,
            set: |_, _| {},
        }
    }

    /// Returns words for the setting and one of its values, for a message.
    pub fn with<'a>(&'static self, value: &'a str) -> Mention<'a> {
        Mention {
            setting: self.name,
            value: Some(value),
        }
    }

    /// Whether the settings of this role give it.
    pub fn is_said(&self, role: &RoleSettings) -> bool {
        !matches!((self.get)(role), StatedValue::Nothing)
    }

    /// Returns the flag's text for `--help`.
    pub fn flag_help(&self) -> String {
        let variable = self.variable.map(|variable| format!(" [env: {variable}]"));
        let default = self.default.map(|default| format!(" [default: {default}]"));
        [Some(self.help.to_owned()), variable, default]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Writes the setting as a [`Mention`]. The surface that shows the message replaces it by its own name for the setting.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Mention::new(self.name).fmt(f)
    }
}

/// Lets an error be about a setting: `Error::usage(code, &DURATION, cause)`.
impl From<&Setting> for String {
    fn from(setting: &Setting) -> Self {
        setting.to_string()
    }
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Setting {}

/// The form of a setting's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A text that is not blank.
    Text,
    /// A region of AWS.
    Region,
    /// The JSON of a policy, or `@FILE`.
    Policy,
    /// The path of a file.
    File,
    /// A command: in a flag a line for the platform's shell, in a file a list of arguments.
    Command,
    /// A whole number in this range.
    Number(u32, u32),
    /// One of these words, each with what it means.
    OneOf(&'static [(&'static str, &'static str)]),
    /// A list of texts. A flag gives one text each time. The number is the most texts.
    List(Option<u32>),
    /// Keys with values. The numbers are the most keys, and the most characters in a value.
    Tags(u32, u32),
}

/// A value that a surface gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurfaceValue {
    /// A value of the kinds `Text`, `Region`, `Policy` and `OneOf`.
    Text(String),
    /// A value of the kind `File`.
    File(PathBuf),
    /// A value of the kind `Command`.
    Command(TokenCommand),
    /// A value of the kind `Number`.
    Number(u32),
    /// A value of the kind `List`.
    List(Vec<String>),
    /// A value of the kind `Tags`.
    Tags(Vec<(String, String)>),
}

impl SurfaceValue {
    /// Returns the text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn list(self) -> Vec<String> {
        match self {
            Self::List(list) => list,
            _ => Vec::new(),
        }
    }

    pub(crate) fn tags(self) -> Vec<(String, String)> {
        match self {
            Self::Tags(tags) => tags,
            _ => Vec::new(),
        }
    }
}

/// The value of one setting in the settings of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedValue<'a> {
    /// No value.
    Nothing,
    /// One text.
    Text(&'a str),
    /// A number.
    Number(u32),
    /// Texts, at least one.
    List(&'a [String]),
    /// Keys with values, at least one.
    Tags(&'a [(String, String)]),
    /// A value that is part of the identity in another form.
    Other,
}

impl<'a> StatedValue<'a> {
    pub(crate) fn text(text: &'a Option<String>) -> Self {
        text.as_deref().map_or(Self::Nothing, Self::Text)
    }

    pub(crate) fn list(list: &'a [String]) -> Self {
        match list {
            [] => Self::Nothing,
            list => Self::List(list),
        }
    }

    pub(crate) fn tags(tags: &'a [(String, String)]) -> Self {
        match tags {
            [] => Self::Nothing,
            tags => Self::Tags(tags),
        }
    }

    pub(crate) fn other(is_said: bool) -> Self {
        match is_said {
            true => Self::Other,
            false => Self::Nothing,
        }
    }
}
