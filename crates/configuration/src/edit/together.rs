//! Many rules put into the file at once: it is read as often for five hundred of them as for one.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use super::document::{Document, Item, Place};
use super::text::{Splices, without_break};
use super::{Config, Previous, RuleEdit, Written, apply, check, is_first};
use ecr_registry::HostPattern;

/// Where a rule stands, in bytes of the old text, and how many bytes it will have.
type Standing = (Range<usize>, usize);

/// The changes of all rules, before they are made.
#[derive(Default)]
struct Changes<'e> {
    splices: Splices,
    /// The rules that are changed: where each stands, and how long it will be. `None`: it is not there yet.
    rules: Vec<(&'e RuleEdit, Option<Standing>)>,
}

/// Writes rules as one by one, but all in the quotes that the file has before the first. `None`: they can't be written together, or
/// one of them not at all.
pub(super) fn write(done: &Written, edits: &[RuleEdit], path: &Path) -> Option<Written> {
    // What stood before the first edit of a rule is what is noted.
    if edits.iter().any(|edit| done.rules.contains_key(&edit.match_)) {
        return None;
    }
    let wanted = by_pattern(edits)?;
    let old = Document::read(&done.text).ok()?;
    let changes = Changes::of(&old, edits)?;
    let mut all = done.clone();
    if changes.rules.is_empty() {
        all_first(&done.text, edits, path)?;
        return Some(all);
    }
    all.text = changes.splices.apply(&done.text);
    let new = Document::read(&all.text).ok()?;
    check::means_the_same_but_for_all(&old, &new, &wanted).ok()?;
    all_first(&all.text, edits, path)?;
    let Place::Rules(_, items) = new.place().ok()? else {
        return None;
    };
    let items = known(&items);
    for (edit, stood) in changes.rules {
        let range = items.get(&HostPattern::parse(&edit.match_).ok()?)?.range.clone();
        let range = stood
            .as_ref()
            .map_or(range.clone(), |(_, length)| range.start..range.start + length);
        let rule = Previous {
            previous: stood.map(|(was, _)| without_break(&old.text[was]).to_owned()),
            written: without_break(new.text.get(range)?).to_owned(),
        };
        all.rules.insert(edit.match_.clone(), rule);
    }
    Some(all)
}

/// The edits by what they match; `None` where two have the same, or one is wrong.
fn by_pattern(edits: &[RuleEdit]) -> Option<HashMap<HostPattern, &RuleEdit>> {
    let patterns = edits
        .iter()
        .map(|edit| Some((HostPattern::parse(&edit.match_).ok()?, edit)));
    let patterns: HashMap<_, _> = patterns.collect::<Option<_>>()?;
    (patterns.len() == edits.len()).then_some(patterns)
}

fn known<'i, 'd>(items: &'i [Item<'d>]) -> HashMap<&'i HostPattern, &'i Item<'d>> {
    let named = items
        .iter()
        .filter_map(|item| item.pattern.as_ref().map(|pattern| (pattern, item)));
    named.collect()
}

impl<'e> Changes<'e> {
    /// `None` where there is no list yet, or something can't be edited.
    fn of(document: &Document<'_>, edits: &'e [RuleEdit]) -> Option<Self> {
        let Place::Rules(list, items) = document.place().ok()? else {
            return None;
        };
        let known = known(&items);
        let mut changes = Self::default();
        let mut added: BTreeMap<usize, String> = BTreeMap::new();
        for edit in edits {
            if let Some(item) = known.get(&HostPattern::parse(&edit.match_).ok()?) {
                let Some(splices) = apply::change(document, item, edit).ok()? else {
                    continue;
                };
                let length = splices.length(item.range.len());
                changes.rules.push((edit, Some((item.range.clone(), length))));
                changes.splices.extend(splices);
            } else {
                let (at, rule) = apply::new_rule(document, list, &items, edit).ok()?;
                *added.entry(at).or_default() += &rule;
                changes.rules.push((edit, None));
            }
        }
        let text = document.text;
        for (at, rules) in added {
            // Behind a last line without a line break, only the first of two changes would have to begin with one.
            if at > 0 && !text[..at].ends_with('\n') && changes.splices.reach(at) {
                return None;
            }
            changes.splices.insert_lines(text, at, &rules);
        }
        Some(changes)
    }
}

/// Whether the file is right, and each of these rules the one that holds for its host.
fn all_first(text: &str, edits: &[RuleEdit], path: &Path) -> Option<()> {
    let config = Config::parse(text, path).ok()?;
    let has_glob = config.rules.iter().any(|rule| rule.pattern.glob().is_some());
    let mut edits = edits.iter().filter(|_| has_glob);
    edits.all(|edit| is_first(&config, edit, path).is_ok()).then_some(())
}
