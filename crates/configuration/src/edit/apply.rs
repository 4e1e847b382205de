//! One rule put into the file.

use super::check::is_as_edited;
use super::document::{Document, Item, Place};
use super::mapping::Mapping;
use super::render::{self, Style};
use super::text::{Splices, column, comments_above, line_end, skip_deeper_comments};
use super::tree::{Member, Node};
use super::{HEADER, ListWas, Refusal, RuleEdit, is_identity_key};
use ecr_registry::Registry;

/// Blanks between the dash of a rule and its first key.
const USUAL_GAP: usize = 1;

/// Column of the dashes in a file of ours.
pub(super) const USUAL_INDENT: usize = 2;

/// What one edit made of the file.
pub(super) struct Applied {
    pub text: String,
    pub has_header: bool,
    pub list: Option<ListWas>,
}

/// The file with the rule in it; `None` if it is as it should be.
pub(super) fn apply(document: &Document<'_>, edit: &RuleEdit) -> Result<Option<Applied>, Refusal> {
    let done = |text, list| Applied {
        text,
        has_header: false,
        list,
    };
    Ok(match document.place()? {
        Place::Nowhere => Some(fresh(document, edit)),
        Place::NoList(root) => Some(done(add_list(document, root, edit), Some(ListWas::Missing))),
        Place::Empty(list) => {
            let (text, was) = fill_list(document, list, edit)?;
            Some(done(text, Some(ListWas::Empty(was))))
        }
        Place::Rules(list, items) => {
            let known = items.iter().find(|item| item.is_of(&edit.match_));
            match known {
                Some(item) => change(document, item, edit)?.map(|splices| done(splices.apply(document.text), None)),
                None => {
                    let (at, rule) = new_rule(document, list, &items, edit)?;
                    let mut splices = Splices::default();
                    splices.insert_lines(document.text, at, &rule);
                    Some(done(splices.apply(document.text), None))
                }
            }
        }
    })
}

fn list_of_one(edit: &RuleEdit, outer: usize, indent: usize, style: Style) -> String {
    let rule = render::rule(edit, indent, USUAL_GAP, style);
    format!("{:outer$}registries:{}{rule}", "", style.newline)
}

fn fresh(document: &Document<'_>, edit: &RuleEdit) -> Applied {
    let list = list_of_one(edit, 0, USUAL_INDENT, document.style());
    Applied {
        text: first_lines(document, &list),
        has_header: true,
        list: Some(ListWas::Missing),
    }
}

/// Lines below our header and the comments of a file that says nothing; a mark of the byte order stays first.
pub(super) fn first_lines(document: &Document<'_>, lines: &str) -> String {
    let text = document.text;
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let header = format!("{HEADER}{}", document.style().newline);
    if text.len() == start {
        // A file without any line has no end of the last one to keep.
        [text, &header, lines].concat()
    } else {
        let mut splices = Splices::default();
        splices.replace(start..start, header);
        splices.insert_lines(text, text.len(), lines);
        splices.apply(text)
    }
}

fn add_list(document: &Document<'_>, root: &Node, edit: &RuleEdit) -> String {
    let outer = column(document.text, root.span.start);
    let list = list_of_one(edit, outer, document.indent(root), document.style());
    last_lines(document, root, &list)
}

/// Lines after the last member of the file.
pub(super) fn last_lines(document: &Document<'_>, root: &Node, lines: &str) -> String {
    let text = document.text;
    let outer = column(text, root.span.start);
    let at = skip_deeper_comments(text, line_end(text, root.span.end), outer);
    let mut splices = Splices::default();
    splices.insert_lines(text, at, lines);
    splices.apply(text)
}

/// In the place of `[]`, `~` or nothing; with what stood there.
fn fill_list(document: &Document<'_>, list: &Member, edit: &RuleEdit) -> Result<(String, String), Refusal> {
    let text = document.text;
    let was = list.colon_end..list.value.span.end;
    if list.key.is_marked() || document.has_comment(was.clone(), &[]) {
        return Err(Refusal("a comment stands in its empty list"));
    }
    let outer = column(text, list.key.span.start);
    let indent = document
        .root
        .as_ref()
        .map_or(USUAL_INDENT, |root| document.indent(root));
    let rule = render::rule(edit, indent, USUAL_GAP, document.style());
    let at = skip_deeper_comments(text, line_end(text, was.end), outer);
    let mut splices = Splices::default();
    splices.remove(was.clone());
    splices.insert_lines(text, at, &rule);
    Ok((splices.apply(text), text[was].to_owned()))
}

/// Where a rule goes that is not there yet, and its lines: before the first rule that matches the host too, else behind the last
/// one; built like its neighbours.
pub(super) fn new_rule(
    document: &Document<'_>,
    list: &Member,
    items: &[Item<'_>],
    edit: &RuleEdit,
) -> Result<(usize, String), Refusal> {
    let text = document.text;
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        return Err(Refusal::NOT_SAFE);
    };
    let dash = column(text, first.dash);
    let gap = first.node.span.start - first.dash - 1;
    let is_usual = text[first.dash + 1..first.node.span.start].bytes().all(|b| b == b' ');
    let rule = render::rule(edit, dash, if is_usual { gap } else { USUAL_GAP }, document.style());
    let host = Registry::parse(&edit.match_);
    let covers = |item: &Item<'_>| {
        let both = host.as_ref().zip(item.pattern.as_ref());
        both.is_some_and(|(host, pattern)| pattern.matches(host))
    };
    let at = match items.iter().position(covers) {
        Some(index) => {
            let from = match index.checked_sub(1) {
                Some(before) => items[before].range.end,
                None => line_end(text, list.colon_end),
            };
            comments_above(text, from, items[index].range.start, dash)
        }
        None => last.range.end,
    };
    Ok((at, rule))
}

/// New keys in the place of those of a rule that is there; `None` if it says so already.
pub(super) fn change(document: &Document<'_>, item: &Item<'_>, edit: &RuleEdit) -> Result<Option<Splices>, Refusal> {
    if is_as_edited(Some(item.node), item.node, edit) {
        return Ok(None);
    }
    let rule = Mapping::of(document, item.node, item.range.clone())?;
    let mut splices = Splices::default();
    let added = rule.set_all(edit.values(), &mut splices)?;
    let is_named = |key: &str| edit.values().any(|(named, _)| named == key);
    rule.remove(&|key| is_identity_key(key) && !is_named(key), &mut splices)?;
    if !added.is_empty() {
        let registry = item.node.member("registry").map_or(0, |member| member.value.span.end);
        let matched = item.node.member("match").map_or(0, |member| member.value.span.end);
        splices.insert_lines(document.text, line_end(document.text, registry.max(matched)), &added);
    }
    Ok(Some(splices))
}
