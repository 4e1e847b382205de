//! The members of a JSON object: finding them, and rewriting some of them without touching any other byte.

use std::collections::HashMap;

use serde_json::Value;

use super::json::{Malformed, Member, Object, decoded};
use private_files::{has_stand_in, is_stand_in};

/// Docker's empty configuration.
pub(super) const EMPTY: &str = "{}";

/// Returns the text, or an empty configuration in place of a blank text or `null`, as docker reads them.
pub(super) fn or_empty(text: &str) -> &str {
    match text.trim() {
        "" | NULL => EMPTY,
        _ => text,
    }
}

/// The value that Go usually treats as missing.
pub(super) const NULL: &str = "null";

/// Returns the text as a JSON string. A character that would be taken for a stand-in is escaped.
pub(super) fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    if !has_stand_in(&json) {
        return json;
    }
    let escaped = |c: char| match is_stand_in(c) {
        true => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        false => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// Returns a member's value as text, or `None` for `null`.
pub(super) fn string(text: &str, member: &Member, what: &str) -> Result<Option<String>, Malformed> {
    let value = &text[member.value_span.clone()];
    if value == NULL {
        return Ok(None);
    }
    let otherwise = || Malformed::at(text, member.value_span.start, &format!("{what} that is not a string"));
    decoded(value).map(Some).ok_or_else(otherwise)
}

/// Returns the indexes of the members of that name, in their order. Like Go's encoding/json, docker ignores the case of its own keys.
pub(super) fn named(object: &Object<'_>, name: &str) -> Vec<usize> {
    let members = object.members.iter().enumerate();
    let named = members.filter(|(_, member)| member.key.eq_ignore_ascii_case(name));
    named.map(|(index, _)| index).collect()
}

/// Returns the text under that name. As in Go, the last member that is not `null` counts.
pub(super) fn text_of(object: &Object<'_>, name: &str, what: &str) -> Result<Option<String>, Malformed> {
    let mut text = None;
    for index in named(object, name) {
        text = string(object.text, &object.members[index], what)?.or(text);
    }
    Ok(text)
}

/// Changes to the members of one object.
#[derive(Default)]
pub(super) struct MemberChanges {
    /// The new value of an existing member, or `None` to remove it.
    replace: HashMap<usize, Option<String>>,
    /// New keys and values, which come after the others.
    add: Vec<(String, String)>,
}

impl MemberChanges {
    pub(super) fn put(&mut self, place: Option<usize>, key: &str, value: Option<String>) {
        match (place, value) {
            (Some(index), value) => drop(self.replace.insert(index, value)),
            (None, Some(value)) => self.add.push((quoted(key), value)),
            (None, None) => {}
        }
    }

    /// Changes the text under that name: its last member, or all members if it is removed.
    pub(super) fn put_text(&mut self, object: &Object<'_>, name: &str, value: Option<&str>) {
        let places = named(object, name);
        match value {
            Some(value) => self.put(places.last().copied(), name, Some(quoted(value))),
            None => places.into_iter().for_each(|place| self.put(Some(place), name, None)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.replace.is_empty() && self.add.is_empty()
    }

    fn removed(&self) -> usize {
        self.replace.values().filter(|value| value.is_none()).count()
    }

    /// Returns the new value of a member that holds an object. A missing or empty object is laid out like `style`. If nothing is left in it, the
    /// value is `emptied`, and `None` removes the member.
    pub(super) fn object(
        &self,
        object: Option<&Object<'_>>,
        style: &ObjectLayout,
        emptied: Option<&str>,
    ) -> Option<String> {
        let Some(object) = object else {
            return Some(self.rewrite_empty(style));
        };
        if self.add.is_empty() && self.removed() == object.members.len() {
            return emptied.map(str::to_owned);
        }
        let own = ObjectLayout::of_object(object);
        Some(self.rewrite(object, own.as_ref().unwrap_or(style)))
    }

    /// Returns the object with these changes. Every byte between kept members is kept.
    pub(super) fn rewrite(&self, object: &Object<'_>, style: &ObjectLayout) -> String {
        let (Some(first), Some(last)) = (object.members.first(), object.members.last()) else {
            return self.rewrite_empty(style);
        };
        if self.add.is_empty() && self.removed() == object.members.len() {
            return EMPTY.to_owned();
        }
        let text = object.text;
        let mut out = text[object.span.start..first.key_span.start].to_owned();
        let mut any = false;
        for (index, member) in object.members.iter().enumerate() {
            let new = self.replace.get(&index);
            if matches!(new, Some(None)) {
                continue;
            }
            if any {
                let separator = object.members[index - 1].value_span.end..member.key_span.start;
                out.push_str(&text[separator]);
            }
            out.push_str(&text[member.key_span.start..member.value_span.start]);
            out.push_str(new.and_then(Option::as_deref).unwrap_or_else(|| object.value(member)));
            any = true;
        }
        self.push_added(&mut out, any, style);
        out.push_str(&text[last.value_span.end..object.span.end]);
        out
    }

    /// Returns the object with these changes, if it had no members.
    fn rewrite_empty(&self, style: &ObjectLayout) -> String {
        let mut out = format!("{{{}", style.first);
        self.push_added(&mut out, false, style);
        out + &style.last + "}"
    }

    fn push_added(&self, out: &mut String, mut any: bool, style: &ObjectLayout) {
        for (key, value) in &self.add {
            if any {
                out.push(',');
                out.push_str(&style.between);
            }
            out.extend([key, style.colon.as_str(), value]);
            any = true;
        }
    }
}

/// The layout of an object, so that new members look like the old ones.
pub(super) struct ObjectLayout {
    /// The text between the opening brace and the first key.
    first: String,
    /// The text between a comma and the next key.
    between: String,
    /// The text between the last value and the closing brace.
    last: String,
    /// The text between a key and its value.
    colon: String,
}

impl ObjectLayout {
    /// Returns the layout of an object, or `None` for an empty one.
    pub(super) fn of_object(object: &Object<'_>) -> Option<Self> {
        let text = object.text;
        let (first, last) = (object.members.first()?, object.members.last()?);
        let opening = &text[object.span.start + 1..first.key_span.start];
        let colon = &text[last.key_span.end..last.value_span.start];
        let between = match object.members.iter().rev().nth(1) {
            Some(previous) => {
                let separator = &text[previous.value_span.end..last.key_span.start];
                separator.rsplit(',').next().unwrap_or_default()
            }
            // A single member on one line has no comma. The text after its colon tells whether to write blanks.
            None if opening.is_empty() && colon.ends_with(' ') => " ",
            None => opening,
        };
        Some(Self {
            first: opening.to_owned(),
            between: between.to_owned(),
            last: text[last.value_span.end..object.span.end - 1].to_owned(),
            colon: colon.to_owned(),
        })
    }

    /// Returns docker's layout: one tab a level. The line ending is the file's.
    pub(super) fn docker(text: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            first: format!("{newline}\t"),
            between: format!("{newline}\t"),
            last: newline.to_owned(),
            colon: ": ".to_owned(),
        }
    }

    /// Returns the layout for an object inside an object with this layout.
    pub(super) fn nested(&self) -> Self {
        let (between, last) = match self.between.rsplit_once('\n') {
            Some((_, indent)) => {
                let newline = if self.between.contains("\r\n") { "\r\n" } else { "\n" };
                let outer = self.last.rsplit_once('\n').map_or("", |(_, outer)| outer);
                let step = indent.strip_prefix(outer).unwrap_or(indent);
                (format!("{newline}{indent}{step}"), format!("{newline}{indent}"))
            }
            None => (self.between.clone(), self.last.clone()),
        };
        Self {
            first: if between.contains('\n') {
                between.clone()
            } else {
                self.first.clone()
            },
            between,
            last,
            colon: self.colon.clone(),
        }
    }
}
