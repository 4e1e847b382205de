//! The proof that an edit did what it should, and nothing else.

use std::collections::HashMap;

use super::document::{COGNITO, Document, Item, Place};
use super::tree::{Member, Node};
use super::{CognitoEdit, Refusal, RuleEdit, is_identity_key};
use ecr_registry::HostPattern;

/// Whether the new file means what the old one did, but for the one rule, which is as the edit has it.
pub(super) fn means_the_same_but_for(old: &Document<'_>, new: &Document<'_>, edit: &RuleEdit) -> Result<(), Refusal> {
    let (before, after) = (Parts::of(old, &edit.match_)?, Parts::of(new, &edit.match_)?);
    let is_same = before.others == after.others && before.rules == after.rules;
    let is_ours = |rule: &Item<'_>| is_as_edited(before.ours.last().map(|item| item.node), rule.node, edit);
    match is_same && after.ours.last().is_some_and(is_ours) {
        true => Ok(()),
        false => Err(Refusal::NOT_SAFE),
    }
}

/// The same for many rules at once, none of which has the `match` of another.
pub(super) fn means_the_same_but_for_all(
    old: &Document<'_>,
    new: &Document<'_>,
    edits: &HashMap<HostPattern, &RuleEdit>,
) -> Result<(), Refusal> {
    let (before, after) = (Parts::of_all(old, edits)?, Parts::of_all(new, edits)?);
    let is_same = before.others == after.others && before.rules == after.rules;
    let stood: HashMap<_, _> = before.ours.iter().map(|item| (&item.pattern, item.node)).collect();
    let is_ours = |item: &Item<'_>| {
        let edit = item.pattern.as_ref().and_then(|pattern| edits.get(pattern));
        edit.is_some_and(|edit| is_as_edited(stood.get(&item.pattern).copied(), item.node, edit))
    };
    match is_same && after.ours.len() == edits.len() && after.ours.iter().all(is_ours) {
        true => Ok(()),
        false => Err(Refusal::NOT_SAFE),
    }
}

/// Whether two files mean the same, whatever their rules with this `match` say.
pub(super) fn means_the_same(old: &Document<'_>, new: &Document<'_>, matched: &str) -> Result<bool, Refusal> {
    let (before, after) = (Parts::of(old, matched)?, Parts::of(new, matched)?);
    Ok(before.others == after.others && before.rules == after.rules)
}

/// Whether two files mean the same, whatever their rules with one of these say.
pub(super) fn means_the_same_but_for_matches<T>(
    old: &Document<'_>,
    new: &Document<'_>,
    matches: &HashMap<HostPattern, T>,
) -> Result<bool, Refusal> {
    let (before, after) = (Parts::of_all(old, matches)?, Parts::of_all(new, matches)?);
    Ok(before.others == after.others && before.rules == after.rules)
}

/// Whether the new file means what the old one did, but for the block `cognito`; with an edit, that is as the edit has it.
pub(super) fn means_the_same_but_for_cognito(
    old: &Document<'_>,
    new: &Document<'_>,
    edit: Option<&CognitoEdit>,
) -> bool {
    let others = |document: &Document<'_>| -> Vec<Member> {
        let members = document.root.iter().flat_map(Node::members);
        members.filter(|member| !member.is(COGNITO)).cloned().collect()
    };
    let block = new.root.as_ref().and_then(|root| root.member(COGNITO));
    let is_ours = |edit: &CognitoEdit| block.is_some_and(|member| edit.is(&member.value));
    others(old) == others(new) && edit.is_none_or(is_ours)
}

/// What a file says.
struct Parts<'a> {
    /// All but the rules.
    others: Vec<&'a Member>,
    /// The rules that aren't edited, in their order.
    rules: Vec<&'a Node>,
    /// Those that are.
    ours: Vec<Item<'a>>,
}

impl<'a> Parts<'a> {
    fn of(document: &'a Document<'_>, matched: &str) -> Result<Self, Refusal> {
        Self::split(document, &|item| item.is_of(matched))
    }

    fn of_all<T>(document: &'a Document<'_>, edits: &HashMap<HostPattern, T>) -> Result<Self, Refusal> {
        Self::split(document, &|item| {
            let pattern = item.pattern.as_ref();
            pattern.is_some_and(|pattern| edits.contains_key(pattern))
        })
    }

    fn split(document: &'a Document<'_>, is_ours: &dyn Fn(&Item<'_>) -> bool) -> Result<Self, Refusal> {
        let (list, items) = match document.place()? {
            Place::Nowhere | Place::NoList(_) => (None, Vec::new()),
            Place::Empty(list) => (Some(list), Vec::new()),
            Place::Rules(list, items) => (Some(list), items),
        };
        let members = document.root.iter().flat_map(Node::members);
        let is_list = |member: &Member| list.is_some_and(|list| std::ptr::eq(list, member));
        let (ours, rules): (Vec<_>, Vec<_>) = items.into_iter().partition(is_ours);
        Ok(Self {
            others: members.filter(|member| !is_list(member)).collect(),
            rules: rules.into_iter().map(|item| item.node).collect(),
            ours,
        })
    }
}

/// Whether a rule says what the edit has, and else what it said before.
pub(super) fn is_as_edited(old: Option<&Node>, new: &Node, edit: &RuleEdit) -> bool {
    let named = |member: &&Member| edit.values().any(|(key, _)| member.is(key));
    let is_identity = |member: &&Member| member.key.as_text().is_some_and(|key| is_identity_key(key));
    let values_are_set = edit
        .values()
        .all(|(key, value)| new.member(key).is_some_and(|member| value.is(&member.value)));
    let rest = |node: &Node| -> Vec<(Node, Node)> {
        let members = node
            .members()
            .iter()
            .filter(|member| !named(member) && !member.is("match"));
        members
            .map(|member| (member.key.clone(), member.value.clone()))
            .collect()
    };
    let kept = old.map(rest).unwrap_or_default();
    let kept: Vec<_> = kept
        .into_iter()
        .filter(|(key, _)| !key.as_text().is_some_and(|key| is_identity_key(key)))
        .collect();
    let has_no_other = !new
        .members()
        .iter()
        .any(|member| is_identity(&member) && !named(&member));
    values_are_set && has_no_other && rest(new) == kept
}
