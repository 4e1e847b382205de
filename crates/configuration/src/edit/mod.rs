//! Writing rules and the block `cognito` into `ecr-auth.yml`, and taking them back, as functions from text to text. Comments, order, quotes, indentation
//! and line ends of everything else stay, byte for byte.
//!
//! Whatever was changed is read again before it is believed: it has to mean what it meant, plus the edit. Where that can't be
//! had (lists in brackets, anchors), it is an error that shows the rule to add by hand.

mod apply;
mod block;
mod check;
mod document;
mod mapping;
mod render;
mod take_back;
mod text;
mod together;
mod tree;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::document::Document;
use self::text::without_break;
use super::Config;
pub use block::CognitoEdit;
use diagnostics::{Code, Error, Result};
use ecr_registry::{HostPattern, Registry};
pub(super) use take_back::{Noted, TakenBack, take_back};

/// Whether a key is one of those that together say whose credentials are used. They are one whole: those that an edit doesn't name go.
fn is_identity_key(key: &str) -> bool {
    settings::SettingValues::setting(key).is_some_and(|setting| setting.key.is_some())
}

/// The first line of a file of ours.
const HEADER: &str =
    "# ecr-auth: which AWS credentials are used for which registry. What can be said here: docs/configuration.md";

/// What the rule of one registry should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleEdit {
    /// The registry's host, or an alias.
    pub match_: String,
    /// The ECR host that an alias stands for; `None`: what the rule has.
    pub registry: Option<String>,
    /// Its keys. Other keys of the identity are removed; those that are none of it (`optional`) stay.
    pub keys: Vec<(&'static str, Value)>,
}

impl RuleEdit {
    /// All keys to set.
    fn values(&self) -> impl Iterator<Item = (&'static str, Cow<'_, Value>)> {
        let registry = self.registry.iter();
        let registry = registry.map(|host| ("registry", Cow::Owned(Value::Text(host.clone()))));
        registry.chain(self.keys.iter().map(|(key, value)| (*key, Cow::Borrowed(value))))
    }
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, which is quoted where YAML would read something else.
    Text(String),
    /// A number.
    Number(u32),
    /// `true` or `false`.
    Switch(bool),
    /// A list of texts.
    List(Vec<String>),
    /// Names with texts, in this order.
    Map(Vec<(String, String)>),
}

impl From<settings::Value> for Value {
    fn from(value: settings::Value) -> Self {
        match value {
            settings::Value::Text(text) => Self::Text(text),
            settings::Value::File(path) => Self::Text(path.to_string_lossy().into_owned()),
            settings::Value::Command(command) => Self::Text(command.line().to_owned()),
            settings::Value::Number(number) => Self::Number(number),
            settings::Value::List(list) => Self::List(list),
            settings::Value::Tags(tags) => Self::Map(tags),
        }
    }
}

/// How `registries` was before the first rule of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ListWas {
    /// There was none.
    Missing,
    /// It was empty: what stood behind its colon, such as ` []`.
    Empty(String),
}

/// One rule of ours: only while it stands as written is the previous one put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Previous {
    /// The rule's lines before; `None`: there was no such rule.
    pub previous: Option<String>,
    /// Its lines as we wrote them.
    pub written: String,
}

/// What writing rules changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The new text of the file.
    pub text: String,
    /// By `match`: the rules that were changed.
    pub rules: BTreeMap<String, Previous>,
    /// The block `cognito`, if that was changed.
    pub cognito: Option<Previous>,
    /// Whether the first line was added.
    pub has_header: bool,
    /// How `registries` was, if it had no rule.
    pub list: Option<ListWas>,
}

impl Written {
    /// Whether all was as it should be.
    pub fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.cognito.is_none()
    }
}

/// Writes the block `cognito` and rules into the text of a configuration file; `None`: there is no file yet. `path` is for the
/// errors.
///
/// A rule with the same `match` gets the new keys in its place. A new one goes before the first rule that matches its host too,
/// else to the end.
///
/// # Errors
/// Usage errors: the text, or a value, isn't right. A failure: the text can't be edited safely; its hint has the rule.
pub(super) fn write(
    text: Option<&str>,
    path: &Path,
    cognito: Option<&CognitoEdit>,
    rules: &[RuleEdit],
) -> Result<Written> {
    let mut done = Written {
        text: text.unwrap_or_default().to_owned(),
        ..Written::default()
    };
    Config::parse(&done.text, path)?;
    // The block comes first: rules that use it are wrong without.
    if let Some(edit) = cognito {
        write_block(&mut done, edit, path)?;
    }
    // The first may have to make the list. The others go into it together; where that can't be, one by one, so that the error tells
    // which of them it is.
    let (first, others) = rules.split_at(rules.len().min(1));
    for edit in first {
        write_rule(&mut done, edit, path)?;
    }
    if !others.is_empty()
        && let Some(all) = together::write(&done, others, path)
    {
        return Ok(all);
    }
    for edit in others {
        write_rule(&mut done, edit, path)?;
    }
    Ok(done)
}

fn write_block(done: &mut Written, edit: &CognitoEdit, path: &Path) -> Result<()> {
    let refuse = |refusal: Refusal| refusal.of_block(path, edit);
    let old = Document::read(&done.text).map_err(refuse)?;
    let Some(text) = block::apply(&old, edit).map_err(refuse)? else {
        return Ok(());
    };
    let new = Document::read(&text).map_err(refuse)?;
    if !check::means_the_same_but_for_cognito(&old, &new, Some(edit)) {
        return Err(refuse(Refusal::NOT_SAFE));
    }
    Config::parse(&text, path).map_err(|error| unfit("cognito", &error))?;
    let lines = |document: &Document<'_>| -> Result<Option<String>, Refusal> {
        let block = document.cognito()?;
        Ok(block.map(|(_, range)| without_break(&document.text[range]).to_owned()))
    };
    done.cognito = Some(Previous {
        previous: lines(&old).map_err(refuse)?,
        written: lines(&new).map_err(refuse)?.ok_or_else(|| refuse(Refusal::NOT_SAFE))?,
    });
    done.has_header = old.root.is_none();
    done.text = text;
    Ok(())
}

fn write_rule(done: &mut Written, edit: &RuleEdit, path: &Path) -> Result<()> {
    let refuse = |refusal: Refusal| refusal.in_file(path, edit);
    let old = Document::read(&done.text).map_err(refuse)?;
    let Some(applied) = apply::apply(&old, edit).map_err(refuse)? else {
        return is_first(&Config::parse(&done.text, path)?, edit, path);
    };
    let new = Document::read(&applied.text).map_err(refuse)?;
    check::means_the_same_but_for(&old, &new, edit).map_err(refuse)?;
    let config =
        Config::parse(&applied.text, path).map_err(|error| unfit(&format!("the rule of {}", edit.match_), &error))?;
    is_first(&config, edit, path)?;
    let rule = change_of_rule(&old, &new, edit).map_err(refuse)?;
    done.rules
        .entry(edit.match_.clone())
        .and_modify(|known| known.written.clone_from(&rule.written))
        .or_insert(rule);
    done.has_header |= applied.has_header;
    done.list = done.list.take().or(applied.list);
    done.text = applied.text;
    Ok(())
}

/// The lines of the rule before and after, so that the one put in the place of the other is the one file made of the other.
fn change_of_rule(old: &Document<'_>, new: &Document<'_>, edit: &RuleEdit) -> Result<Previous, Refusal> {
    let (previous, range) = match old.rule(&edit.match_)? {
        Some(rule) => {
            let end = new.text.len().checked_sub(old.text.len() - rule.range.end);
            let lines = without_break(&old.text[rule.range.clone()]).to_owned();
            (Some(lines), rule.range.start..end.ok_or(Refusal::NOT_SAFE)?)
        }
        None => (None, new.rule(&edit.match_)?.ok_or(Refusal::NOT_SAFE)?.range),
    };
    let written = new.text.get(range).ok_or(Refusal::NOT_SAFE)?;
    Ok(Previous {
        previous,
        written: without_break(written).to_owned(),
    })
}

/// Whether the rule is the one that holds for its host: a rule that stood there already may come after a glob.
fn is_first(config: &Config, edit: &RuleEdit, path: &Path) -> Result<()> {
    let Some(host) = Registry::parse(&edit.match_) else {
        return Ok(());
    };
    match config.rules.iter().find(|rule| rule.pattern.matches(&host)) {
        Some(rule)
            if rule.pattern.exact().is_none() && HostPattern::parse(&edit.match_).as_ref() != Ok(&rule.pattern) =>
        {
            Err(Error::failed(
                Code::ConfigRule,
                format!("cannot write the rule of {} into {}", edit.match_, path.display()),
                "it stands there after a glob that matches the host, and the first match wins",
            )
            .hint("move it above the glob, and try again"))
        }
        _ => Ok(()),
    }
}

/// Something that the file would not be right with.
fn unfit(edited: &str, error: &Error) -> Error {
    let new = Error::usage(error.code(), format!("cannot write {edited}"), error.cause());
    match error.hint_text() {
        Some(hint) => new.hint(hint),
        None => new,
    }
}

/// Whether a text says anything otherwise than plainly: by an anchor, an alias, a tag or a merge key.
pub(super) fn has_tricks(text: &str) -> bool {
    let merges = |node: &tree::Node| node.member("<<").is_some();
    match tree::read(text) {
        None => true,
        Some(root) => root.is_some_and(|root| root.has_marks() || root.any(&merges)),
    }
}

/// Why a text can't be edited, as a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal(&'static str);

impl Refusal {
    const NOT_SAFE: Self = Self("it is written in a way that can't be edited safely");

    fn in_file(self, path: &Path, edit: &RuleEdit) -> Error {
        Error::failed(Code::ConfigEdit, format!("cannot edit {}", path.display()), self.0).hint(format!(
            "write this rule under \"registries\" yourself, before every other one that matches the host: {}",
            render::in_one_line(edit)
        ))
    }

    fn of_block(self, path: &Path, edit: &CognitoEdit) -> Error {
        Error::failed(Code::ConfigEdit, format!("cannot edit {}", path.display()), self.0).hint(format!(
            "write this yourself, beside \"registries\": {}",
            edit.in_one_line()
        ))
    }
}

#[cfg(test)]
mod tests;
