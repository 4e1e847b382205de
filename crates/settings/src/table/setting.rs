//! What one setting is: its names, its kind, its documentation and what it does to the settings of a role.

use std::fmt;
use std::path::PathBuf;

use super::RoleSettings;
use crate::trust_source::TokenCommand;
use diagnostics::Mention;

/// One setting. All that is known of it stands in its entry of the [table](crate::table); flags, keys, inputs, the JSON schema and the
/// reference are made from it.
#[derive(Debug)]
pub struct Setting {
    /// Its name: `external-id` is the flag `--external-id` and the key `external-id`.
    pub name: &'static str,
    /// What its values look like.
    pub kind: ValueKind,
    /// What stands for the value in `--help`.
    pub value_name: &'static str,
    /// What the flag does, in `--help` and in the reference.
    pub help: &'static str,
    /// The variable of the environment that counts where nothing else gives the setting.
    pub variable: Option<&'static str>,
    /// What holds where nothing gives the setting, in words for `--help`.
    pub default: Option<&'static str>,
    /// Whether the flag stands under `-h` too, and not under `--help` alone.
    pub is_common: bool,
    /// What the key does, in the JSON schema and in the reference; `None`: there is no such key in a file.
    pub key: Option<&'static str>,
    /// The input of the GitHub Action; an older name comes after it.
    pub inputs: &'static [&'static str],
    /// Whether it says something of a role by name, and so has no meaning beside a sign-in to Cognito.
    pub is_of_role: bool,
    /// Whether its value, as it is given, tells the credentials of a role from others. What is completed first is in the plan's own fields.
    pub is_in_cache_key: bool,
    /// Reads it from the settings of a role.
    pub get: fn(&RoleSettings) -> StatedValue<'_>,
    /// Writes it into the settings of a role.
    pub set: fn(&mut RoleSettings, SurfaceValue),
}

impl Setting {
    /// The entry's parts that most settings have in common.
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

    /// Mentions the setting together with one of its values in a message.
    pub fn with<'a>(&'static self, value: &'a str) -> Mention<'a> {
        Mention {
            setting: self.name,
            value: Some(value),
        }
    }

    /// Whether this role has it.
    pub fn is_said(&self, role: &RoleSettings) -> bool {
        !matches!((self.get)(role), StatedValue::Nothing)
    }

    /// What `--help` says of the flag.
    pub fn flag_help(&self) -> String {
        let variable = self.variable.map(|variable| format!(" [env: {variable}]"));
        let default = self.default.map(|default| format!(" [default: {default}]"));
        [Some(self.help.to_owned()), variable, default]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// In a message it is a [`Mention`]: the surface that shows the message writes the name.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Mention::new(self.name).fmt(f)
    }
}

/// So that an error can be about a setting: `Error::usage(code, &DURATION, cause)`.
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

/// What the values of a setting look like.
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
    /// Texts, in a flag one for each time that it is given; at most this many.
    List(Option<u32>),
    /// Keys with values; at most this many, and this many characters in a value.
    Tags(u32, u32),
}

/// A value as a surface gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurfaceValue {
    /// Of the kinds `Text`, `Region`, `Policy` and `OneOf`.
    Text(String),
    /// Of the kind `File`.
    File(PathBuf),
    /// Of the kind `Command`.
    Command(TokenCommand),
    /// Of the kind `Number`.
    Number(u32),
    /// Of the kind `List`.
    List(Vec<String>),
    /// Of the kind `Tags`.
    Tags(Vec<(String, String)>),
}

impl SurfaceValue {
    /// The text, if it is one.
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

/// What the settings of a role have of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedValue<'a> {
    /// They say nothing of it.
    Nothing,
    /// One text.
    Text(&'a str),
    /// A number.
    Number(u32),
    /// Texts, at least one.
    List(&'a [String]),
    /// Keys with values, at least one.
    Tags(&'a [(String, String)]),
    /// Something that is part of the identity in another form.
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
