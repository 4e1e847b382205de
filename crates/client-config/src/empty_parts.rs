//! How a configuration without settings was written, such as `null` or `{ }`, so that `logout` can put it back byte for byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::ConfigFile;
use super::json::{Malformed, Object};
use super::members::{EMPTY, NULL, named, or_empty};
use diagnostics::Result;

/// The parts of a configuration that held nothing before an edit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmptyParts {
    /// The whole text, if the configuration had no members.
    text: Option<String>,
    /// The values of members: `null`, an empty text or an object without members.
    members: BTreeMap<String, String>,
}

impl EmptyParts {
    /// Reads the text of a file, if it exists. Only members of these names count.
    pub(super) fn of_file(file: &ConfigFile, text: Option<&str>, names: &[&str]) -> Result<Self> {
        let parts = text.map_or(Ok(Self::default()), |text| Self::of_text(text, names));
        parts.map_err(|malformed| malformed.in_file(file))
    }

    fn of_text(text: &str, names: &[&str]) -> Result<Self, Malformed> {
        let top = Object::first(or_empty(text))?;
        let is_blank = top.members.is_empty() && top.nothing_after().is_ok() && text.trim() != EMPTY;
        let value = |name: &str| {
            let member = &top.members[*named(&top, name).last()?];
            let value = top.value(member);
            let object = Object::at(top.text, member.value_span.clone(), "");
            let is_empty = [NULL, "\"\""].contains(&value)
                || value != EMPTY && object.is_ok_and(|object| object.members.is_empty());
            is_empty.then(|| (name.to_owned(), value.to_owned()))
        };
        Ok(Self {
            text: is_blank.then(|| text.to_owned()),
            members: names.iter().filter_map(|name| value(name)).collect(),
        })
    }

    /// Whether nothing was empty in a way of its own.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what a later edit found. What was there first is put back.
    pub(super) fn merge(&mut self, newer: Self) {
        self.text = self.text.take().or(newer.text);
        for (name, value) in newer.members {
            self.members.entry(name).or_insert(value);
        }
    }

    /// Returns the text in place of a configuration that has become empty.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Returns the value of a member in which nothing is left. `None` removes the member.
    pub(super) fn member(&self, name: &str, drop_empty: bool) -> Option<&str> {
        let value = self.members.get(name).map(String::as_str);
        value.or((!drop_empty).then_some(EMPTY))
    }
}
