//! Rules of ours taken out of the file again.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::means_the_same;
use super::document::{Document, Place};
use super::text::{Splices, is_first_in_line, line_end, line_start, without_break};
use super::{Config, HEADER, ListWas, Previous, Refusal};
use crate::error::Result;

/// What taking back changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct TakenBack {
    /// The new text of the file.
    pub text: String,
    /// The rules, by their `match`, that were taken out or put back as they were.
    pub names: Vec<String>,
}

/// Puts back what stood in the place of these rules wherever ours still stands as written; only for those that are meant.
///
/// # Errors
/// Usage errors: the text isn't right.
pub(in super::super) fn take_back(
    text: &str,
    path: &Path,
    is_meant: &dyn Fn(&str) -> bool,
    rules: &BTreeMap<String, Previous>,
    list: Option<&ListWas>,
    has_header: bool,
) -> Result<TakenBack> {
    Config::parse(text, path)?;
    let mut done = TakenBack {
        text: text.to_owned(),
        names: Vec::new(),
    };
    for (name, rule) in rules {
        // A shape that can't be edited is not what we wrote.
        if is_meant(name)
            && let Ok(Some(text)) = without(&done.text, name, rule)
        {
            done.text = text;
            done.names.push(name.clone());
        }
    }
    if !done.names.is_empty() {
        if let Some(text) = list.and_then(|list| with_list_as_it_was(&done.text, list)) {
            done.text = text;
        }
        if has_header && let Some(text) = without_header(&done.text) {
            done.text = text;
        }
        Config::parse(&done.text, path)?;
    }
    Ok(done)
}

/// The text without the rule, or with the one before; `None` where ours doesn't stand any more.
fn without(text: &str, name: &str, rule: &Previous) -> Result<Option<String>, Refusal> {
    let document = Document::read(text)?;
    let Some(item) = document.rule(name)? else {
        return Ok(None);
    };
    let start = item.range.start;
    if !text[start..].starts_with(&rule.written) {
        return Ok(None);
    }
    let written = start..start + rule.written.len();
    let whole = start..line_end(text, written.end);
    if without_break(&text[whole.clone()]) != rule.written || item.range.end > whole.end {
        return Ok(None);
    }
    let mut splices = Splices::default();
    match &rule.previous {
        Some(previous) => splices.replace(written, previous.as_str()),
        None => splices.remove(whole),
    }
    let new = splices.apply(text);
    let is_right = means_the_same(&document, &Document::read(&new)?, name)?;
    Ok(is_right.then_some(new))
}

/// Once the last rule is gone, what stood in the place of the list.
fn with_list_as_it_was(text: &str, was: &ListWas) -> Option<String> {
    let document = Document::read(text).ok()?;
    let Ok(Place::Empty(list)) = document.place() else {
        return None;
    };
    let mut splices = Splices::default();
    match was {
        ListWas::Empty(behind) if list.value.span.is_empty() => {
            splices.replace(list.colon_end..list.colon_end, behind.as_str());
        }
        ListWas::Missing if is_first_in_line(text, list.key.span.start) => {
            let line = line_start(text, list.key.span.start)..line_end(text, list.value.span.end);
            // What somebody wrote beside it stays, and so does the line.
            if !text[list.value.span.end..line.end].trim().is_empty() {
                return None;
            }
            splices.remove(line);
        }
        _ => return None,
    }
    Some(splices.apply(text))
}

/// The text without our first line, if it says nothing any more.
fn without_header(text: &str) -> Option<String> {
    let document = Document::read(text).ok()?;
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let has_header = text[start..].lines().next() == Some(HEADER);
    (document.root.is_none() && has_header).then(|| [&text[..start], &text[line_end(text, start)..]].concat())
}
