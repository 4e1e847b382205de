//! Rules of ours taken out of the file again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use super::check::{means_the_same, means_the_same_but_for_cognito, means_the_same_but_for_matches};
use super::document::{Document, Item, Place};
use super::text::{Splices, is_first_in_line, line_end, line_start, without_break};
use super::{Config, HEADER, ListWas, Previous, Refusal};
use diagnostics::Result;
use ecr_registry::HostPattern;

/// What taking back changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct TakenBack {
    /// The new text of the file.
    pub text: String,
    /// The rules, by their `match`, that were taken out or put back as they were.
    pub names: Vec<String>,
    /// Whether the block `cognito` was taken out or put back as it was.
    pub cognito: bool,
}

/// What was noted when rules were written.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Noted<'a> {
    /// The rules, by their `match`.
    pub rules: &'a BTreeMap<String, Previous>,
    /// The block `cognito`.
    pub cognito: Option<&'a Previous>,
    /// How `registries` was before it had a rule.
    pub list: Option<&'a ListWas>,
    /// Whether the first line is ours.
    pub has_header: bool,
}

/// Puts back what stood in the place of these rules wherever ours still stands as written; only for those that are meant. The
/// block `cognito` follows once no rule needs it.
///
/// # Errors
/// Usage errors: the text isn't right.
pub(in super::super) fn take_back(
    text: &str,
    path: &Path,
    is_meant: &dyn Fn(&str) -> bool,
    noted: Noted<'_>,
) -> Result<TakenBack> {
    Config::parse(text, path)?;
    let mut done = TakenBack {
        text: text.to_owned(),
        names: Vec::new(),
        cognito: false,
    };
    let meant: Vec<_> = noted.rules.iter().filter(|(name, _)| is_meant(name)).collect();
    match together(text, &meant) {
        Some((text, names)) => (done.text, done.names) = (text, names),
        None => one_by_one(&mut done, &meant),
    }
    if let Some(block) = noted.cognito
        && let Ok(Some(text)) = without_block(&done.text, path, block, noted.rules)
    {
        done.text = text;
        done.cognito = true;
    }
    if !done.names.is_empty() || done.cognito {
        if let Some(text) = noted.list.and_then(|list| with_list_as_it_was(&done.text, list)) {
            done.text = text;
        }
        if noted.has_header
            && let Some(text) = without_header(&done.text)
        {
            done.text = text;
        }
        Config::parse(&done.text, path)?;
    }
    Ok(done)
}

/// A rule of ours, with its `match`.
type Ours<'a> = (&'a String, &'a Previous);

/// The text without these rules, or with those before, and which they are, wherever ours stand: it is read as often for five hundred
/// of them as for one. `None`: they can't all be taken back at once.
fn together(text: &str, meant: &[Ours<'_>]) -> Option<(String, Vec<String>)> {
    let named = meant.iter().map(|rule| Some((HostPattern::parse(rule.0).ok()?, rule)));
    let patterns: HashMap<_, _> = named.collect::<Option<_>>()?;
    if patterns.len() < meant.len() {
        return None;
    }
    let document = Document::read(text).ok()?;
    let Place::Rules(_, items) = document.place().ok()? else {
        return None;
    };
    let (mut splices, mut names) = (Splices::default(), Vec::new());
    for item in items {
        let ours = item.pattern.as_ref().and_then(|pattern| patterns.get(pattern));
        if let Some((name, rule)) = ours
            && let Some(change) = lines_back(text, item.range, rule)
        {
            splices.extend(change);
            names.push((*name).clone());
        }
    }
    // As the notes have them.
    names.sort();
    let new = splices.apply(text);
    let is_right = means_the_same_but_for_matches(&document, &Document::read(&new).ok()?, &patterns).ok()?;
    is_right.then_some((new, names))
}

fn one_by_one(done: &mut TakenBack, meant: &[Ours<'_>]) {
    for (name, rule) in meant {
        // A shape that can't be edited is not what we wrote.
        if let Ok(Some(text)) = without(&done.text, name, rule) {
            done.text = text;
            done.names.push((*name).clone());
        }
    }
}

/// The text without the rule, or with the one before; `None` where ours doesn't stand any more.
fn without(text: &str, name: &str, rule: &Previous) -> Result<Option<String>, Refusal> {
    let document = Document::read(text)?;
    let Some(item) = document.rule(name)? else {
        return Ok(None);
    };
    let Some(new) = without_lines(text, item.range, rule) else {
        return Ok(None);
    };
    let is_right = means_the_same(&document, &Document::read(&new)?, name)?;
    Ok(is_right.then_some(new))
}

/// The text without the block `cognito`, or with the one before; `None` where ours doesn't stand any more, or a rule needs it.
fn without_block(
    text: &str,
    path: &Path,
    block: &Previous,
    rules: &BTreeMap<String, Previous>,
) -> Result<Option<String>, Refusal> {
    let document = Document::read(text)?;
    if is_used(&document, rules)? {
        return Ok(None);
    }
    let Some((_, range)) = document.cognito()? else {
        return Ok(None);
    };
    let Some(new) = without_lines(text, range, block) else {
        return Ok(None);
    };
    let is_right = means_the_same_but_for_cognito(&document, &Document::read(&new)?, None);
    Ok((is_right && Config::parse(&new, path).is_ok()).then_some(new))
}

/// Whether a rule that we once wrote signs in to Cognito.
fn is_used(document: &Document<'_>, rules: &BTreeMap<String, Previous>) -> Result<bool, Refusal> {
    let Place::Rules(_, items) = document.place()? else {
        return Ok(false);
    };
    let signs_in = |item: &&Item<'_>| {
        let source = item.node.member("source");
        source.is_some_and(|source| source.value.as_text() == Some("cognito"))
    };
    let patterns: HashSet<_> = rules.keys().filter_map(|name| HostPattern::parse(name).ok()).collect();
    let is_ours = |item: &Item<'_>| item.pattern.as_ref().is_some_and(|pattern| patterns.contains(pattern));
    Ok(items.iter().filter(signs_in).any(is_ours))
}

/// The text without lines of ours, or with those before; `None` where something else stands in their range.
fn without_lines(text: &str, range: Range<usize>, ours: &Previous) -> Option<String> {
    lines_back(text, range, ours).map(|change| change.apply(text))
}

/// The change that makes it.
fn lines_back(text: &str, range: Range<usize>, ours: &Previous) -> Option<Splices> {
    let start = range.start;
    if !text[start..].starts_with(&ours.written) {
        return None;
    }
    let written = start..start + ours.written.len();
    let whole = start..line_end(text, written.end);
    if without_break(&text[whole.clone()]) != ours.written || range.end > whole.end {
        return None;
    }
    let mut splices = Splices::default();
    match &ours.previous {
        Some(previous) => splices.replace(written, previous.as_str()),
        None => splices.remove(whole),
    }
    Some(splices)
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
