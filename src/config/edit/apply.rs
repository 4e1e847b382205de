//! One rule put into the file.

use granit_parser::ScalarStyle;

use super::check::is_as_edited;
use super::document::{Document, Item, Place};
use super::render::{self, Style};
use super::text::{
    Splices, column, comments_above, is_first_in_line, line_end, line_start, newline, skip_deeper_comments,
};
use super::tree::{Member, Node, Shape};
use super::{HEADER, IDENTITY_KEYS, ListWas, Refusal, RuleEdit, Value};
use crate::registry::{HostPattern, Registry};

/// Blanks between the dash of a rule and its first key.
const USUAL_GAP: usize = 1;

/// Column of the dashes in a file of ours.
const USUAL_INDENT: usize = 2;

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
                Some(item) => change(document, item, edit)?.map(|text| done(text, None)),
                None => Some(done(insert(document, list, &items, edit)?, None)),
            }
        }
    })
}

fn list_of_one(edit: &RuleEdit, outer: usize, indent: usize, style: Style) -> String {
    let rule = render::rule(edit, indent, USUAL_GAP, style);
    format!("{:outer$}registries:{}{rule}", "", style.newline)
}

/// Below the comments of a file that says nothing; a mark of the byte order stays first.
fn fresh(document: &Document<'_>, edit: &RuleEdit) -> Applied {
    let style = document.style();
    let text = document.text;
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let header = format!("{HEADER}{}", style.newline);
    let list = list_of_one(edit, 0, USUAL_INDENT, style);
    let new = if text.len() == start {
        // A file without any line has no end of the last one to keep.
        [text, &header, &list].concat()
    } else {
        let mut splices = Splices::default();
        splices.replace(start..start, header);
        splices.insert_lines(text, text.len(), &list);
        splices.apply(text)
    };
    Applied {
        text: new,
        has_header: true,
        list: Some(ListWas::Missing),
    }
}

/// After the last member of the file.
fn add_list(document: &Document<'_>, root: &Node, edit: &RuleEdit) -> String {
    let text = document.text;
    let outer = column(text, root.span.start);
    let at = skip_deeper_comments(text, line_end(text, root.span.end), outer);
    let mut splices = Splices::default();
    let list = list_of_one(edit, outer, document.indent(root), document.style());
    splices.insert_lines(text, at, &list);
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

/// Before the first rule that matches the host too, else behind the last one; built like its neighbours.
fn insert(document: &Document<'_>, list: &Member, items: &[Item<'_>], edit: &RuleEdit) -> Result<String, Refusal> {
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
        let pattern = item.name().and_then(|name| HostPattern::parse(name).ok());
        host.as_ref()
            .zip(pattern)
            .is_some_and(|(host, pattern)| pattern.matches(host))
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
    let mut splices = Splices::default();
    splices.insert_lines(text, at, &rule);
    Ok(splices.apply(text))
}

/// A rule that is there, with new keys in their place; `None` if it says so already.
fn change(document: &Document<'_>, item: &Item<'_>, edit: &RuleEdit) -> Result<Option<String>, Refusal> {
    if is_as_edited(Some(item.node), item.node, edit) {
        return Ok(None);
    }
    let rule = Rule::of(document, item)?;
    let mut splices = Splices::default();
    let mut added = String::new();
    for (key, value) in edit.values() {
        match item.node.member(key) {
            Some(member) if value.is(&member.value) => {}
            Some(member) => rule.set(member, key, &value, &mut splices)?,
            None => added += &rule.line(key, &value),
        }
    }
    rule.remove_others(edit, &mut splices)?;
    if !added.is_empty() {
        let registry = item.node.member("registry").map_or(0, |member| member.value.span.end);
        let matched = item.node.member("match").map_or(0, |member| member.value.span.end);
        splices.insert_lines(rule.text, line_end(rule.text, registry.max(matched)), &added);
    }
    Ok(Some(splices.apply(rule.text)))
}

/// A rule to be changed.
struct Rule<'a> {
    document: &'a Document<'a>,
    text: &'a str,
    members: &'a [Member],
    /// The column of its keys.
    column: usize,
}

impl<'a> Rule<'a> {
    fn of(document: &'a Document<'_>, item: &'a Item<'_>) -> Result<Self, Refusal> {
        let text = document.text;
        match &item.node.shape {
            _ if item.node.has_marks() => return Err(Refusal("the rule has an anchor, an alias or a tag")),
            Shape::Map { is_flow: false, .. } => {}
            _ => return Err(Refusal("the rule is written in brackets")),
        }
        if text[item.range.clone()].contains('\t') {
            return Err(Refusal("there are tabs in the rule"));
        }
        let members = item.node.members();
        let misplaced = |member: &Member| !is_first_in_line(text, member.key.span.start);
        if item.node.member("<<").is_some() || members.iter().skip(1).any(misplaced) {
            return Err(Refusal::NOT_SAFE);
        }
        Ok(Self {
            document,
            text,
            members,
            column: column(text, item.node.span.start),
        })
    }

    /// A member as a line of its own.
    fn line(&self, key: &str, value: &Value) -> String {
        let style = self.document.style();
        let member = render::member(key, value, self.column, style);
        format!("{:1$}{member}{2}", "", self.column, style.newline)
    }

    /// A new value in the place of another one; what stands beside it stays.
    fn set(&self, member: &Member, key: &str, value: &Value, splices: &mut Splices) -> Result<(), Refusal> {
        let old = member.value.span.clone();
        let is_line = !self.text[old.clone()].contains('\n') && !old.is_empty();
        let is_scalar = matches!(
            member.value.shape,
            Shape::Scalar {
                style: ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted,
                ..
            }
        );
        let style = self.document.style();
        if is_line && is_scalar && !matches!(value, Value::List(_) | Value::Map(_)) {
            splices.replace(old, render::inline(value, style.quote));
        } else {
            self.keep_comments(member)?;
            let new = render::member(key, value, self.column, style);
            splices.replace(member.key.span.start..old.end, new);
        }
        Ok(())
    }

    /// Takes out the keys of the identity that the edit doesn't name. A comment beside one gets a line of its own.
    fn remove_others(&self, edit: &RuleEdit, splices: &mut Splices) -> Result<(), Refusal> {
        let goes = |member: &Member| {
            let key = member.key.as_text().unwrap_or_default();
            IDENTITY_KEYS.contains(&key) && !edit.values().any(|(named, _)| named == key)
        };
        let stays = self.members.iter().position(|member| !goes(member));
        let first_kept = stays.ok_or(Refusal::NOT_SAFE)?;
        // The first key stands beside the dash, so the first that stays moves up to it.
        if let (Some(first), 1..) = (self.members.first(), first_kept) {
            let gone = first.key.span.start..self.members[first_kept].key.span.start;
            let values: Vec<&Node> = self.members[..first_kept].iter().map(|m| &m.value).collect();
            if self.document.has_comment(gone.clone(), &values) {
                return Err(Refusal("a comment stands beside a key that would go"));
            }
            splices.remove(gone);
        }
        let last_kept = self.members.iter().rposition(|member| !goes(member));
        for (at, member) in self.members.iter().enumerate().skip(first_kept) {
            if goes(member) {
                // Blank lines before a last key would be left hanging below the rule.
                let above = self.members[..at].last().filter(|_| Some(at) > last_kept);
                self.remove(member, above, splices)?;
            }
        }
        Ok(())
    }

    /// Takes out a member's lines; with the member above, also the blank lines between the two.
    fn remove(&self, member: &Member, above: Option<&Member>, splices: &mut Splices) -> Result<(), Refusal> {
        self.keep_comments(member)?;
        let own = line_start(self.text, member.key.span.start)..line_end(self.text, member.value.span.end);
        let start = above.map_or(own.start, |above| line_end(self.text, above.value.span.end));
        let between = self.text[start..own.start].split_inclusive('\n');
        let mut left: String = between.filter(|line| !line.trim().is_empty()).collect();
        let beside = self.text[member.value.span.end..own.end].trim();
        if !beside.is_empty() {
            left += &format!("{:1$}{beside}{2}", "", self.column, newline(self.text));
        }
        splices.replace(start..own.end, left);
        Ok(())
    }

    /// A value that goes must not take a comment with it.
    fn keep_comments(&self, member: &Member) -> Result<(), Refusal> {
        let range = member.colon_end..member.value.span.end;
        match self.document.has_comment(range, &[&member.value]) {
            true => Err(Refusal("a comment stands in a value that would go")),
            false => Ok(()),
        }
    }
}

impl Value {
    /// Whether this is what stands there.
    pub(super) fn is(&self, node: &Node) -> bool {
        match self {
            Self::Text(text) => !node.is_null() && node.as_text() == Some(text),
            Self::Number(number) => node.as_plain() == Some(&number.to_string()),
            Self::Switch(on) => node.as_plain() == Some(&on.to_string()),
            Self::List(texts) => {
                let items = node.items();
                let is_list = matches!(node.shape, Shape::List { .. });
                is_list
                    && items.len() == texts.len()
                    && items.iter().zip(texts).all(|(item, text)| item.as_text() == Some(text))
            }
            Self::Map(texts) => {
                let members = node.members();
                let is_map = matches!(node.shape, Shape::Map { .. });
                let is = |(member, (key, value)): (&Member, &(String, String))| {
                    member.is(key) && member.value.as_text() == Some(value)
                };
                is_map && members.len() == texts.len() && members.iter().zip(texts).all(is)
            }
        }
    }
}
