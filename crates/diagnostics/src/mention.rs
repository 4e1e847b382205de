//! Settings in messages. A flag, a key of a file and an input of the GitHub Action may set the same setting under different names. A message
//! therefore holds the setting, and the surface that shows the message inserts the name.

use std::fmt;

/// The characters around a mention in a text: noncharacters, which Unicode reserves for a program's own use. If text from outside has one, a name
/// may be inserted there. The message is made [`inert`](crate::inert()) after that.
const BEGIN: char = '\u{fdd0}';
const END: char = '\u{fdd1}';

/// A setting in a message, and its value there. Displayed, it is a mark in the text of an [`Error`](crate::Error), which
/// [`Error::named`](crate::Error::named) replaces by the setting's name on a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention<'a> {
    /// The setting's own name, such as `external-id`.
    pub setting: &'a str,
    /// The value, such as `chain` of the setting `source`.
    pub value: Option<&'a str>,
}

impl<'a> Mention<'a> {
    /// Returns the mention of a setting without a value.
    pub const fn new(setting: &'a str) -> Self {
        Self { setting, value: None }
    }

    /// Returns the setting's name in files: `external-id`, or `source: chain`.
    pub fn plain(self) -> String {
        match self.value {
            Some(value) => format!("{}: {value}", self.setting),
            None => self.setting.to_owned(),
        }
    }
}

impl fmt::Display for Mention<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{BEGIN}{}={value}{END}", self.setting),
            None => write!(f, "{BEGIN}{}{END}", self.setting),
        }
    }
}

/// The [`Mention`] of a setting in a literal, for texts that are known at compile time: `mention!("client-id")`, or `mention!("flow", "srp")` with a
/// value. It can be a part of `concat!`.
#[macro_export]
macro_rules! mention {
    ($setting:literal) => {
        concat!("\u{fdd0}", $setting, "\u{fdd1}")
    };
    ($setting:literal, $value:literal) => {
        concat!("\u{fdd0}", $setting, "=", $value, "\u{fdd1}")
    };
}

/// Whether a character begins or ends a mention.
pub(crate) fn is_mark(c: char) -> bool {
    c == BEGIN || c == END
}

/// Whether a text mentions a setting.
pub(crate) fn has_mention(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Returns the text with each mention replaced by the result of `name`.
pub(crate) fn named(text: &str, name: &dyn Fn(Mention<'_>) -> String) -> String {
    let mut parts = text.split(BEGIN);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_once(END).unwrap_or((part, ""));
        let (setting, value) = match inside.split_once('=') {
            Some((setting, value)) => (setting, Some(value)),
            None => (inside, None),
        };
        named.push_str(&name(Mention { setting, value }));
        named.push_str(rest);
    }
    named
}
