//! The keys of a mapping set, and taken out, in its place.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ScalarStyle;

use super::document::Document;
use super::text::{Splices, column, is_first_in_line, line_end, line_start, newline};
use super::tree::{Member, Node, Shape};
use super::{Refusal, Value, render};

/// The mapping.
pub(super) struct Mapping<'a> {
    document: &'a Document<'a>,
    text: &'a str,
    members: &'a [Member],
    /// The column of its keys.
    column: usize,
}

impl<'a> Mapping<'a> {
    /// The mapping of a node that stands in these lines.
    pub fn of(document: &'a Document<'_>, node: &'a Node, lines: Range<usize>) -> Result<Self, Refusal> {
        let text = document.text;
        match &node.shape {
            _ if node.has_marks() => return Err(Refusal("what would change has an anchor, an alias or a tag")),
            Shape::Map { is_flow: false, .. } => {}
            _ => return Err(Refusal("what would change is written in brackets")),
        }
        if text[lines].contains('\t') {
            return Err(Refusal("there are tabs in what would change"));
        }
        let members = node.members();
        let misplaced = |member: &Member| !is_first_in_line(text, member.key.span.start);
        if node.member("<<").is_some() || members.iter().skip(1).any(misplaced) {
            return Err(Refusal::NOT_SAFE);
        }
        Ok(Self {
            document,
            text,
            members,
            column: column(text, node.span.start),
        })
    }

    /// New values in the place of others; with the lines of those keys that are not there yet.
    pub fn set_all<'v>(
        &self,
        values: impl Iterator<Item = (&'static str, Cow<'v, Value>)>,
        splices: &mut Splices,
    ) -> Result<String, Refusal> {
        let mut added = String::new();
        for (key, value) in values {
            match self.members.iter().find(|member| member.is(key)) {
                Some(member) if value.is(&member.value) => {}
                Some(member) => self.set(member, key, &value, splices)?,
                None => added += &self.line(key, &value),
            }
        }
        Ok(added)
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

    /// Takes out these keys. A comment beside one gets a line of its own.
    pub fn remove(&self, is_gone: &dyn Fn(&str) -> bool, splices: &mut Splices) -> Result<(), Refusal> {
        let goes = |member: &Member| is_gone(member.key.as_text().unwrap_or_default());
        let stays = self.members.iter().position(|member| !goes(member));
        let first_kept = stays.ok_or(Refusal::NOT_SAFE)?;
        // The first key may stand beside a dash, so the first that stays moves up to it.
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
                self.remove_one(member, above, splices)?;
            }
        }
        Ok(())
    }

    /// Takes out a member's lines; with the member above, also the blank lines between the two.
    fn remove_one(&self, member: &Member, above: Option<&Member>, splices: &mut Splices) -> Result<(), Refusal> {
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
