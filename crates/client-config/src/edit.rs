//! The edit of a configuration: a pure function from text to text that leaves every byte it need not change.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::auths::{AuthEdit, Auths};
use super::files::ConfigFile;
pub use super::json::Malformed;
use super::json::{Member, Object};
use diagnostics::{Code, Error, Result};

/// The name under which clients know the helper: they run `docker-credential-<name>`.
pub const HELPER: &str = "ecr-auth";

impl Malformed {
    /// The error for people.
    pub fn in_file(&self, file: &ConfigFile) -> Error {
        Error::failed(Code::ClientConfig, format!("cannot edit {}", file.path.display()), self).hint(format!(
            "mend the file, which {} cannot read either; it was left as it is",
            file.kind.name()
        ))
    }
}

/// What a docker without a configuration has.
const EMPTY: &str = "{}";

/// What a configuration says about credential helpers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `credHelpers`: the helper's name per registry host.
    pub helpers: BTreeMap<String, String>,
    /// Whether there is a `credHelpers` object, be it empty.
    pub has_helpers: bool,
    /// `credsStore`: the helper of every other registry.
    pub store: Option<String>,
}

impl Settings {
    /// Reads the text of a file.
    pub fn of(file: &ConfigFile, text: &str) -> Result<Self> {
        Self::read(text).map_err(|malformed| malformed.in_file(file))
    }

    /// Reads a configuration. A blank text is an empty one, as docker has it.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let config = Config::parse(or_empty(text))?;
        let mut settings = Self {
            has_helpers: config.helpers.is_some(),
            store: config.store()?,
            ..Self::default()
        };
        for member in config.helpers.iter().flat_map(|helpers| &helpers.members) {
            if let (Some(host), Some(helper)) = (&member.key, string(config.top.text, member, "a helper's name")?) {
                settings.helpers.insert(host.clone(), helper);
            }
        }
        Ok(settings)
    }
}

/// What to change in a configuration; `None` as the new value removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// New helpers of `credHelpers`, by registry host.
    pub helpers: BTreeMap<String, Option<String>>,
    /// The new `credsStore`, if it is to change.
    pub store: Option<Option<String>>,
    /// Whether `credHelpers` goes when its last member goes.
    pub drop_empty_helpers: bool,
    /// What happens to entries of `auths`, by registry host.
    pub auths: BTreeMap<String, AuthEdit>,
    /// Whether `auths` goes when its last entry goes.
    pub drop_empty_auths: bool,
}

impl Edit {
    /// Applies the edit. A text that already is as wanted comes back unchanged; a blank text is taken as an empty
    /// configuration and comes back in docker's own format.
    pub fn apply(&self, text: &str) -> Result<String, Malformed> {
        let config = Config::parse(or_empty(text))?;
        let style = Style::of(&config.top).unwrap_or_else(|| Style::docker(text));
        let mut changes = Changes::default();
        self.edit_helpers(&config, &style, &mut changes)?;
        if let Some(store) = &self.store
            && *store != config.store()?
        {
            changes.put(config.store_at, "credsStore", store.as_deref().map(quoted));
        }
        if !self.auths.is_empty() {
            Auths::of(&config.top)?.edit(&self.auths, self.drop_empty_auths, &style, &mut changes)?;
        }
        if changes.is_empty() {
            return Ok(text.to_owned());
        }
        let top = &config.top;
        let before = &top.text[..top.span.start];
        let after = &top.text[top.span.end..];
        Ok([before, &changes.rewrite(top, &style), after].concat())
    }

    fn edit_helpers(&self, config: &Config<'_>, style: &Style, top: &mut Changes) -> Result<(), Malformed> {
        let places = match &config.helpers {
            Some(helpers) => places(helpers, "credHelpers")?,
            None => HashMap::new(),
        };
        let mut changes = Changes::default();
        for (host, helper) in &self.helpers {
            let place = places.get(host.as_str()).copied();
            let current = match (place, &config.helpers) {
                (Some(index), Some(helpers)) => string(helpers.text, &helpers.members[index], "a helper's name")?,
                _ => None,
            };
            if current != *helper {
                changes.put(place, host, helper.as_deref().map(quoted));
            }
        }
        if !changes.is_empty() {
            let value = changes.object(config.helpers.as_ref(), &style.nested(), self.drop_empty_helpers);
            top.put(config.helpers_at, "credHelpers", value);
        }
        Ok(())
    }
}

pub(super) fn or_empty(text: &str) -> &str {
    if text.trim().is_empty() { EMPTY } else { text }
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A member's value as text, `None` for `null`, which docker reads as absent.
pub(super) fn string(text: &str, member: &Member, what: &str) -> Result<Option<String>, Malformed> {
    let value = &text[member.value_span.clone()];
    serde_json::from_str(value)
        .map_err(|_| Malformed::at(text, member.value_span.start, &format!("{what} that is not a string")))
}

/// Where each host stands in `credHelpers` or `auths`. A host that stands there twice could mean either.
pub(super) fn places<'a>(hosts: &'a Object<'_>, name: &str) -> Result<HashMap<&'a str, usize>, Malformed> {
    let mut places = HashMap::new();
    for (index, member) in hosts.members.iter().enumerate() {
        if let Some(host) = &member.key
            && places.insert(host.as_str(), index).is_some()
        {
            return Err(Malformed::at(
                hosts.text,
                member.key_span.start,
                &format!("a registry that stands twice in {name}"),
            ));
        }
    }
    Ok(places)
}

/// A configuration's text, and where in it our members stand.
struct Config<'a> {
    top: Object<'a>,
    helpers_at: Option<usize>,
    helpers: Option<Object<'a>>,
    store_at: Option<usize>,
}

impl<'a> Config<'a> {
    fn parse(text: &'a str) -> Result<Self, Malformed> {
        let top = Object::whole(text)?;
        let helpers_at = find(&top, "credHelpers")?;
        let store_at = find(&top, "credsStore")?;
        let helpers = helpers_at
            .map(|index| &top.members[index])
            .filter(|member| top.value(member) != "null")
            .map(|member| Object::at(text, member.value_span.clone(), "credHelpers that is not an object"))
            .transpose()?;
        if let Some(helpers) = &helpers {
            places(helpers, "credHelpers")?;
        }
        Ok(Self {
            top,
            helpers_at,
            helpers,
            store_at,
        })
    }

    fn store(&self) -> Result<Option<String>, Malformed> {
        match self.store_at {
            Some(index) => string(self.top.text, &self.top.members[index], "credsStore"),
            None => Ok(None),
        }
    }
}

/// The one member of that name. Docker reads its own keys in any case (Go's encoding/json does).
pub(super) fn find(top: &Object<'_>, name: &str) -> Result<Option<usize>, Malformed> {
    let is_named = |member: &Member| member.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(name));
    let mut found = top.members.iter().enumerate().filter(|(_, member)| is_named(member));
    let first = found.next();
    if let Some((_, second)) = found.next() {
        let what = format!("a second {name}");
        return Err(Malformed::at(top.text, second.key_span.start, &what));
    }
    Ok(first.map(|(index, _)| index))
}

/// Changes to the members of one object.
#[derive(Default)]
pub(super) struct Changes {
    /// The new value of a member that stands there, or its removal.
    replace: HashMap<usize, Option<String>>,
    /// Keys and values that come after the others.
    add: Vec<(String, String)>,
}

impl Changes {
    pub(super) fn put(&mut self, place: Option<usize>, key: &str, value: Option<String>) {
        match (place, value) {
            (Some(index), value) => drop(self.replace.insert(index, value)),
            (None, Some(value)) => self.add.push((quoted(key), value)),
            (None, None) => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.replace.is_empty() && self.add.is_empty()
    }

    fn removed(&self) -> usize {
        self.replace.values().filter(|value| value.is_none()).count()
    }

    /// The new value of a member that holds an object, laid out like `style` where there is none or it is empty; `None` if it goes
    /// because nothing is left in it and `drop_empty` says so.
    pub(super) fn object(&self, object: Option<&Object<'_>>, style: &Style, drop_empty: bool) -> Option<String> {
        let Some(object) = object else {
            return Some(self.rewrite_empty(style));
        };
        let emptied = self.add.is_empty() && self.removed() == object.members.len();
        let own = Style::of(object);
        (!(emptied && drop_empty)).then(|| self.rewrite(object, own.as_ref().unwrap_or(style)))
    }

    /// The object with these changes; every byte between members that stay is kept.
    pub(super) fn rewrite(&self, object: &Object<'_>, style: &Style) -> String {
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

    /// The object with these changes where it had no members.
    fn rewrite_empty(&self, style: &Style) -> String {
        let mut out = format!("{{{}", style.first);
        self.push_added(&mut out, false, style);
        out + &style.last + "}"
    }

    fn push_added(&self, out: &mut String, mut any: bool, style: &Style) {
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

/// How an object is laid out, so that new members look like the old ones.
pub(super) struct Style {
    /// Between the opening brace and the first key.
    first: String,
    /// Between a comma and the next key.
    between: String,
    /// Between the last value and the closing brace.
    last: String,
    /// Between a key and its value.
    colon: String,
}

impl Style {
    /// The layout of an object; an empty one has none.
    pub(super) fn of(object: &Object<'_>) -> Option<Self> {
        let text = object.text;
        let (first, last) = (object.members.first()?, object.members.last()?);
        let opening = &text[object.span.start + 1..first.key_span.start];
        let colon = &text[last.key_span.end..last.value_span.start];
        let between = match object.members.iter().rev().nth(1) {
            Some(previous) => {
                let separator = &text[previous.value_span.end..last.key_span.start];
                separator.rsplit(',').next().unwrap_or_default()
            }
            // One member on one line shows no comma: the colon tells whether blanks are wanted.
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

    /// Docker's own: one tab a level. The line ending is the file's.
    pub(super) fn docker(text: &str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            first: format!("{newline}\t"),
            between: format!("{newline}\t"),
            last: newline.to_owned(),
            colon: ": ".to_owned(),
        }
    }

    /// The layout of an object that is a member of an object laid out like this.
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
