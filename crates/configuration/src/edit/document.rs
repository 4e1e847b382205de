//! Where in the file rules stand, or can be put.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::Refusal;
use super::render::{Quote, Style};
use super::text::{column, is_first_in_line, line_end, line_start, newline, next_token, skip_deeper_comments};
use super::tree::{self, Member, Node, Shape};
use ecr_registry::HostPattern;

/// The key of the rules.
const REGISTRIES: &str = "registries";

/// The key of the sign-in to Cognito.
pub(super) const COGNITO: &str = "cognito";

/// The file, as text and as tree.
pub(super) struct Document<'a> {
    pub text: &'a str,
    pub root: Option<Node>,
}

/// Where rules are, or would be.
pub(super) enum Place<'a> {
    /// The file says nothing yet.
    Nowhere,
    /// There is no list; this is the mapping that it would be in.
    NoList(&'a Node),
    /// The list has no rule.
    Empty(&'a Member),
    /// The list, and its rules.
    Rules(&'a Member, Vec<Item<'a>>),
}

/// One rule.
pub(super) struct Item<'a> {
    pub node: &'a Node,
    /// Where its dash is.
    pub dash: usize,
    /// Its lines, and the comments below that are indented like its keys.
    pub range: Range<usize>,
    /// What its `match` says, if that is right.
    pub pattern: Option<HostPattern>,
}

impl Item<'_> {
    /// What its `match` says.
    fn name(&self) -> Option<&str> {
        self.node.member("match")?.value.as_text()
    }

    /// Whether its `match` is this one.
    pub fn is_of(&self, matched: &str) -> bool {
        match (&self.pattern, HostPattern::parse(matched)) {
            (Some(pattern), Ok(other)) => *pattern == other,
            _ => self.name() == Some(matched),
        }
    }
}

fn pattern(node: &Node) -> Option<HostPattern> {
    HostPattern::parse(node.member("match")?.value.as_text()?).ok()
}

impl<'a> Document<'a> {
    pub fn read(text: &'a str) -> Result<Self, Refusal> {
        let root = tree::read(text).ok_or(Refusal::NOT_SAFE)?;
        Ok(Self {
            text,
            root: root.filter(|root| !root.is_null()),
        })
    }

    pub fn place(&self) -> Result<Place<'_>, Refusal> {
        let Some(root) = &self.root else {
            return Ok(Place::Nowhere);
        };
        match &root.shape {
            _ if root.is_marked() => return Err(Refusal("it has an anchor or a tag")),
            Shape::Map { is_flow: false, .. } => {}
            _ => return Err(Refusal("it is written in brackets")),
        }
        let Some(list) = root.member(REGISTRIES) else {
            return Ok(Place::NoList(root));
        };
        match &list.value.shape {
            _ if list.value.is_null() => Ok(Place::Empty(list)),
            _ if list.value.is_marked() => Err(Refusal("its list of registries has an anchor or a tag")),
            Shape::List { items, is_flow: true } if items.is_empty() => Ok(Place::Empty(list)),
            Shape::List { items, is_flow: false } => Ok(Place::Rules(list, self.items(list, items)?)),
            _ => Err(Refusal("its list of registries is written in brackets")),
        }
    }

    fn items<'n>(&self, list: &Member, nodes: &'n [Node]) -> Result<Vec<Item<'n>>, Refusal> {
        let mut items = Vec::new();
        let mut at = list.colon_end;
        for node in nodes {
            let dash = next_token(self.text, at);
            if !self.text[dash..].starts_with('-') || !is_first_in_line(self.text, dash) {
                return Err(Refusal::NOT_SAFE);
            }
            let end = line_end(self.text, node.span.end);
            let end = skip_deeper_comments(self.text, end, column(self.text, dash));
            let range = line_start(self.text, dash)..end;
            items.push(Item {
                node,
                dash,
                range,
                pattern: pattern(node),
            });
            at = node.span.end;
        }
        Ok(items)
    }

    /// The rule with this `match`, if there is one.
    pub fn rule(&self, matched: &str) -> Result<Option<Item<'_>>, Refusal> {
        let Place::Rules(_, items) = self.place()? else {
            return Ok(None);
        };
        Ok(items.into_iter().find(|item| item.is_of(matched)))
    }

    /// The block `cognito`, if there is one, and its lines with the comments below that are indented like its keys.
    pub fn cognito(&self) -> Result<Option<(&Member, Range<usize>)>, Refusal> {
        // Whatever else stands there, this is where it would stand.
        self.place()?;
        let Some(member) = self.root.as_ref().and_then(|root| root.member(COGNITO)) else {
            return Ok(None);
        };
        let start = member.key.span.start;
        if member.key.is_marked() || !is_first_in_line(self.text, start) {
            return Err(Refusal::NOT_SAFE);
        }
        let end = line_end(self.text, member.value.span.end);
        let end = skip_deeper_comments(self.text, end, column(self.text, start));
        Ok(Some((member, line_start(self.text, start)..end)))
    }

    /// How the file is written.
    pub fn style(&self) -> Style {
        let quote = self.root.as_ref().and_then(first_quote);
        Style {
            newline: newline(self.text),
            quote: quote.unwrap_or(Quote::Single),
        }
    }

    /// How far what is in a member of the root is indented.
    pub fn indent(&self, root: &Node) -> usize {
        const USUAL: usize = 2;
        let outer = column(self.text, root.span.start);
        let mut blocks = root.members().iter().filter_map(|member| match member.value.shape {
            Shape::Map { is_flow: false, .. } => Some(column(self.text, member.value.span.start)),
            _ => None,
        });
        blocks.next().unwrap_or(outer + USUAL)
    }

    /// Whether a comment stands in this part of a value or beside one; `#` in its texts is none.
    pub fn has_comment(&self, range: Range<usize>, nodes: &[&Node]) -> bool {
        let mut at = range.start;
        let mut gaps = Vec::new();
        for leaf in nodes.iter().flat_map(|node| node.leaves()) {
            if leaf.start >= at && leaf.end <= range.end {
                gaps.push(at..leaf.start);
                at = leaf.end;
            }
        }
        gaps.push(at..range.end);
        gaps.into_iter().any(|gap| self.text[gap].contains('#'))
    }
}

/// The quotes of the first text in quotes.
fn first_quote(node: &Node) -> Option<Quote> {
    match &node.shape {
        Shape::Scalar { style, .. } => match style {
            ScalarStyle::SingleQuoted => Some(Quote::Single),
            ScalarStyle::DoubleQuoted => Some(Quote::Double),
            _ => None,
        },
        Shape::List { items, .. } => items.iter().find_map(first_quote),
        Shape::Map { members, .. } => members
            .iter()
            .find_map(|member| first_quote(&member.key).or_else(|| first_quote(&member.value))),
        Shape::Alias(_) => None,
    }
}
