//! The parts of one setting: its names, kind, documentation and effect on the settings of a role, or of a sign-in to Cognito.

use std::fmt;
use std::path::PathBuf;

use super::trust_source::TokenCommand;
use diagnostics::{Code, Error, Mention, Result};

/// A group of settings that has a table.
pub trait SettingGroup: Clone + Default + 'static {
    /// One entry for each setting, in the order of flags and keys.
    const TABLE: &'static [&'static Setting<Self>];
}

/// One setting of a role or of another group. Flags, keys, inputs, the JSON schema and the reference are made from its entry in the group's table.
#[derive(Debug)]
pub struct Setting<S> {
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
    /// Whether the setting belongs to a role that is named. Such a setting of a role's table has no meaning beside a sign-in to Cognito. The flag of
    /// such a setting of Cognito's table is not under the heading of the others.
    pub is_of_role: bool,
    /// Whether the value, as given, is part of the cache key of the credentials. Completed values are in the plan's own fields.
    pub is_in_cache_key: bool,
    /// Reads the setting from the settings of a role, or of another group.
    pub get: fn(&S) -> Option<SurfaceValue>,
    /// Writes the setting into these settings.
    pub set: fn(&mut S, SurfaceValue),
}

impl<S> Setting<S> {
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
            get: |_| None,
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

    /// Whether these settings give it.
    pub fn is_said(&self, settings: &S) -> bool {
        (self.get)(settings).is_some()
    }

    /// Returns the word in this place as a value. The first word is the default, which is no value.
    pub(crate) fn word(&self, place: usize) -> Option<SurfaceValue> {
        match self.kind {
            ValueKind::OneOf(words) if place > 0 => Some(SurfaceValue::Text(words.get(place)?.0.to_owned())),
            _ => None,
        }
    }

    /// Returns the choice that is in the same place as the word in the value, or the default.
    pub(crate) fn choice<T: Copy + Default>(&self, value: &SurfaceValue, choices: &[T]) -> T {
        let place = match self.kind {
            ValueKind::OneOf(words) => words.iter().position(|(word, _)| value.as_text() == Some(word)),
            _ => None,
        };
        place.and_then(|place| choices.get(place).copied()).unwrap_or_default()
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

    /// Checks the form of a text that is a value of the setting.
    ///
    /// # Errors
    /// A usage error that shows the expected form.
    pub fn check_text(&self, text: &str) -> Result<()> {
        match self.kind {
            ValueKind::Formed(form) if !(form.is_right)(text) => {
                Err(Error::usage(Code::CognitoSettings, self.name, form.cause).hint(form.hint))
            }
            _ => Ok(()),
        }
    }
}

/// Writes the setting as a [`Mention`]. The surface that shows the message replaces it by its own name for the setting.
impl<S> fmt::Display for Setting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Mention::new(self.name).fmt(f)
    }
}

/// Lets an error be about a setting: `Error::usage(code, &DURATION, cause)`.
impl<S> From<&Setting<S>> for String {
    fn from(setting: &Setting<S>) -> Self {
        setting.to_string()
    }
}

impl<S> PartialEq for Setting<S> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<S> Eq for Setting<S> {}

/// The form of a setting's values.
#[derive(Debug, Clone, Copy)]
pub enum ValueKind {
    /// A text that is not blank.
    Text,
    /// A text of this form.
    Formed(&'static TextForm),
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
    /// A port of this machine. The number is the default.
    Port(u16),
    /// One of these words, each with what it means. The first is the default.
    OneOf(&'static [(&'static str, &'static str)]),
    /// In a file `true`, in a flag one of these words or none, which is the first. The last one means the same as `true`.
    Switch(&'static [(&'static str, &'static str)]),
    /// A list of texts. A flag gives one text each time. The number is the most texts.
    List(Option<u32>),
    /// Keys with values. The numbers are the most keys, and the most characters in a value.
    Tags(u32, u32),
}

impl ValueKind {
    /// Returns the value of one flag, if the word has the form of this kind.
    pub fn read(self, word: &str) -> Option<SurfaceValue> {
        Some(match self {
            Self::Text | Self::Formed(_) | Self::Region | Self::Policy | Self::OneOf(_) | Self::Switch(_) => {
                SurfaceValue::Text(word.to_owned())
            }
            Self::File => SurfaceValue::File(word.into()),
            Self::Command => SurfaceValue::Command(TokenCommand::from_line(word)),
            Self::Number(..) | Self::Port(_) => SurfaceValue::Number(word.parse().ok()?),
            Self::List(_) => SurfaceValue::List(vec![word.to_owned()]),
            Self::Tags(..) => {
                let (key, value) = word.split_once('=')?;
                SurfaceValue::Tags(vec![(key.to_owned(), value.to_owned())])
            }
        })
    }

    /// Returns the default, as it is in a cache key.
    pub(crate) fn default_text(self) -> &'static str {
        match self {
            Self::Number(..) => "0",
            Self::OneOf([(word, _), ..]) => word,
            _ => "",
        }
    }
}

/// The form of a text, such as an id.
#[derive(Debug)]
pub struct TextForm {
    /// Whether a text has the form.
    pub is_right: fn(&str) -> bool,
    /// The cause in the error about a text that does not have this form.
    pub cause: &'static str,
    /// The hint in that error: an example of the form.
    pub hint: &'static str,
    /// About the same form, as a regular expression for the JSON schema.
    pub pattern: &'static str,
    /// The most characters, for the JSON schema.
    pub longest: Option<usize>,
}

/// A value that a surface gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurfaceValue {
    /// A value of the kinds `Text`, `Formed`, `Region`, `Policy`, `OneOf` and `Switch`.
    Text(String),
    /// A value of the kind `File`.
    File(PathBuf),
    /// A value of the kind `Command`.
    Command(TokenCommand),
    /// A value of the kinds `Number` and `Port`.
    Number(u32),
    /// A value of the kind `List`.
    List(Vec<String>),
    /// A value of the kind `Tags`.
    Tags(Vec<(String, String)>),
}

/// Defines the method that returns what a value of one kind holds.
macro_rules! into_variant {
    ($name:ident, $variant:ident, $held:ty) => {
        pub(crate) fn $name(self) -> Option<$held> {
            match self {
                Self::$variant(held) => Some(held),
                _ => None,
            }
        }
    };
}

impl SurfaceValue {
    /// Returns both values of a flag that is given twice, or the later one if the kind has one value.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::List(list), Self::List(more)) => Self::List([list, more].concat()),
            (Self::Tags(tags), Self::Tags(more)) => Self::Tags([tags, more].concat()),
            (_, later) => later,
        }
    }

    /// Returns the texts of the value for a cache key.
    pub(crate) fn into_texts(self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text],
            Self::Number(number) => vec![number.to_string()],
            Self::List(list) => list,
            Self::Tags(tags) => tags.into_iter().flat_map(<[String; 2]>::from).collect(),
            Self::File(_) | Self::Command(_) => Vec::new(),
        }
    }

    /// Returns the text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    into_variant!(text, Text, String);
    into_variant!(file, File, PathBuf);
    into_variant!(command, Command, TokenCommand);
    into_variant!(number, Number, u32);
    into_variant!(list, List, Vec<String>);
    into_variant!(tags, Tags, Vec<(String, String)>);
}
