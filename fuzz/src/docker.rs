//! Edits of Docker's configuration: parsing the edited text must give the parsed original with the same edit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use client_config::{AuthEdit, ConfigEdit, HelperSettings, Malformed};
use secret::Secret;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::inputs::{parts, text};

/// The input: a configuration, a host, its helper, another host whose helper is removed, and the store.
pub fn helpers(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [config, host, helper, gone, store] = parts(input);
    let mut edit = ConfigEdit {
        helpers: BTreeMap::from([(gone.to_owned(), None)]),
        drop_empty_helpers: store.ends_with('-'),
        ..ConfigEdit::default()
    };
    edit.helpers.insert(host.to_owned(), Some(helper.to_owned()));
    match store {
        "" => {}
        "-" => edit.store = Some(None),
        store => edit.store = Some(Some(store.to_owned())),
    }
    let Some(edited) = applied(&edit, config) else { return };
    // Values that the edit does not read may have other types than text.
    let Ok(before) = HelperSettings::read(config) else {
        return;
    };
    let after = HelperSettings::read(&edited).expect("it was written");
    let mut expected = before.helpers;
    for (host, helper) in edit.helpers {
        match helper {
            Some(helper) => drop(expected.insert(host, helper)),
            None => drop(expected.remove(&host)),
        }
    }
    assert_eq!(after.helpers, expected);
    assert_eq!(after.store, edit.store.unwrap_or(before.store));
    the_rest_stays(config, &edited, &["credHelpers", "credsStore"]);
}

/// The input: a configuration, a host, its `auth`, and another host whose `auth` is removed. A fifth part keeps that
/// host's entry without its `auth`.
pub fn auths(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [config, host, auth, gone, stays] = parts(input);
    let mut edit = ConfigEdit {
        auths: BTreeMap::from([(
            gone.to_owned(),
            AuthEdit::Clear {
                keep_empty: !stays.is_empty(),
            },
        )]),
        drop_empty_auths: stays.ends_with('-'),
        ..ConfigEdit::default()
    };
    edit.auths.insert(host.to_owned(), AuthEdit::Set(Secret::new(auth)));
    let Some(edited) = applied(&edit, config) else { return };
    the_rest_stays(config, &edited, &["auths"]);
    // For texts that serde_json can't parse (numbers beyond f64, a lone surrogate), the check above is enough.
    let Ok(Value::Object(mut expected)) = serde_json::from_str(or_empty(config)) else {
        return;
    };
    if has_twins(config) {
        return;
    }
    let Ok(Value::Object(after)) = serde_json::from_str(&edited) else {
        panic!("{edited} is no object")
    };
    let name = name_in(&expected, "auths");
    let all = expected.entry(name).or_insert(Value::Null);
    if all.is_null() {
        *all = Value::Object(Map::new());
    }
    let all = all.as_object_mut().expect("it was edited");
    if gone != host
        && let Some(Value::Object(entry)) = all.get_mut(gone)
    {
        let auth = name_in(entry, "auth");
        let had = entry.remove(&auth).is_some();
        if had && entry.is_empty() && stays.is_empty() {
            all.remove(gone);
        }
    }
    let entry = all.entry(host).or_insert(Value::Null);
    if entry.is_null() {
        *entry = Value::Object(Map::new());
    }
    let entry = entry.as_object_mut().expect("it was edited");
    for token in ["identitytoken", "registrytoken"] {
        let token = name_in(entry, token);
        entry.remove(&token);
    }
    let name = name_in(entry, "auth");
    entry.insert(name, Value::from(auth));
    assert_eq!(after, expected);
}

/// Returns the name of a member in the spelling of the object. Clients ignore case.
fn name_in(object: &Map<String, Value>, name: &str) -> String {
    let found = object.keys().find(|key| key.eq_ignore_ascii_case(name));
    found.map_or(name, String::as_str).to_owned()
}

/// Returns the edited text, if the text can be edited. Editing it again must change nothing.
fn applied(edit: &ConfigEdit, config: &str) -> Option<String> {
    match edit.apply(config) {
        Ok(edited) => {
            assert_eq!(edit.apply(&edited).as_ref(), Ok(&edited));
            assert!(!edited.trim().is_empty() || config.trim().is_empty());
            Some(edited)
        }
        Err(malformed) => {
            says_where(&malformed);
            None
        }
    }
}

fn says_where(malformed: &Malformed) {
    let said = malformed.to_string();
    assert!(said.contains(" at line ") && said.contains(" column "), "{said}");
}

/// Checks that every other member has the same bytes, in the same order.
fn the_rest_stays(config: &str, edited: &str, ours: &[&str]) {
    let others = |text: &str| {
        let blank = or_empty(text);
        let Ok(members) = serde_json::from_str::<Map<String, Value>>(blank) else {
            return None;
        };
        let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(blank).expect("an object");
        let is_other = |key: &&String| !ours.iter().any(|our| our.eq_ignore_ascii_case(key));
        let members = members.keys().filter(is_other);
        Some(
            members
                .map(|key| (key.clone(), raw[key].get().to_owned()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(others(config), others(edited));
}

/// Returns the text, or an empty configuration for an empty text.
fn or_empty(text: &str) -> &str {
    match text.trim() {
        "" | "null" => "{}",
        _ => text,
    }
}

/// Whether a name occurs twice in an object. serde_json only keeps the last one.
fn has_twins(text: &str) -> bool {
    let Ok(Members(members)) = serde_json::from_str(text) else {
        return false;
    };
    let mut seen = BTreeSet::new();
    let mut members = members.iter();
    members.any(|(name, value)| !seen.insert(name.to_ascii_lowercase()) || has_twins(value.get()))
}

/// The unparsed members of an object, including duplicates.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
