//! The file as a tree whose nodes know where they stand in the text. It comes from the very parser that reads the file, so what
//! is edited is what is read.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::text::next_token;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its bytes: without anchor and tag, for a block without what follows its last content.
    pub span: Range<usize>,
    pub shape: Shape,
    /// Its anchor's number (0: none) and its tag.
    marks: (usize, Option<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Scalar { text: String, style: ScalarStyle },
    List { is_flow: bool, items: Vec<Node> },
    Map { is_flow: bool, members: Vec<Member> },
    Alias(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub key: Node,
    pub value: Node,
    /// Where the colon behind the key ends.
    pub colon_end: usize,
}

/// The same meaning, wherever the two stand.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.marks == other.marks && self.shape == other.shape
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Member {
    pub fn is(&self, name: &str) -> bool {
        self.key.as_text() == Some(name)
    }
}

impl Node {
    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar without quotes, which YAML may take for something else than a text.
    pub fn as_plain(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar {
                text,
                style: ScalarStyle::Plain,
            } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is said: `key:`, `key: ~`, `key: null`.
    pub fn is_null(&self) -> bool {
        matches!(self.as_plain(), Some("" | "~" | "null" | "Null" | "NULL")) && !self.is_marked()
    }

    /// Whether it has an anchor or a tag.
    pub fn is_marked(&self) -> bool {
        self.marks != (0, None)
    }

    /// Whether it, or anything in it, is an alias or has an anchor or a tag.
    pub fn has_marks(&self) -> bool {
        self.any(&|node| node.is_marked() || matches!(node.shape, Shape::Alias(_)))
    }

    /// Whether this holds of it, or of anything in it.
    pub fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        let inner = self.items().iter();
        let members = self.members().iter().flat_map(|member| [&member.key, &member.value]);
        is(self) || inner.chain(members).any(|node| node.any(is))
    }

    /// The members of a mapping.
    pub fn members(&self) -> &[Member] {
        match &self.shape {
            Shape::Map { members, .. } => members,
            _ => &[],
        }
    }

    /// The items of a list.
    pub fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.is(name))
    }

    /// The spans of all scalars and aliases in it, in the order of the text.
    pub fn leaves(&self) -> Vec<Range<usize>> {
        match &self.shape {
            Shape::Scalar { .. } | Shape::Alias(_) => vec![self.span.clone()],
            Shape::List { items, .. } => items.iter().flat_map(Self::leaves).collect(),
            Shape::Map { members, .. } => members
                .iter()
                .flat_map(|member| [member.key.leaves(), member.value.leaves()])
                .flatten()
                .collect(),
        }
    }
}

/// Reads a text that [`Config::parse`](super::super::Config::parse) takes. `Some(None)`: it says nothing; `None`: there is
/// something in it that this tree has no room for.
pub(super) fn read(text: &str) -> Option<Option<Node>> {
    let mut reader = Reader {
        text,
        events: Parser::new_from_str(text),
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Some(root),
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if root.is_some() => return None,
            event => root = Some(reader.node(event, &span)?),
        }
    }
}

struct Reader<'a, P> {
    text: &'a str,
    events: P,
}

impl<'a, P: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>> Reader<'a, P> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.events.next()?.ok()
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Option<Node> {
        let range = span.byte_range()?;
        let (span, marks, shape) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let length = self.text.get(range.clone())?.trim_end().len();
                let text = if range.is_empty() { "".into() } else { text };
                let shape = Shape::Scalar {
                    text: text.into_owned(),
                    style,
                };
                (range.start..range.start + length, marks(anchor, tag.as_deref()), shape)
            }
            Event::Alias(id) => (range, (0, None), Shape::Alias(id)),
            Event::SequenceStart(style, anchor, tag) => {
                let (items, end) = self.items(range.start)?;
                let is_flow = style == StructureStyle::Flow;
                let end = if is_flow { end.end } else { end.start };
                let marks = marks(anchor, tag.as_deref());
                (range.start..end, marks, Shape::List { is_flow, items })
            }
            Event::MappingStart(style, anchor, tag) => {
                let (members, end) = self.members(range.start)?;
                let is_flow = style == StructureStyle::Flow;
                let end = if is_flow { end.end } else { end.start };
                let marks = marks(anchor, tag.as_deref());
                (range.start..end, marks, Shape::Map { is_flow, members })
            }
            _ => return None,
        };
        Some(Node { span, shape, marks })
    }

    /// The items of a list that begins here, and the end of its last one to the end of the closing bracket.
    fn items(&mut self, start: usize) -> Option<(Vec<Node>, Range<usize>)> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let last = items.last().map_or(start, |item| item.span.end);
                return Some((items, last..span.byte_range()?.end));
            }
            items.push(self.node(event, &span)?);
        }
    }

    fn members(&mut self, start: usize) -> Option<(Vec<Member>, Range<usize>)> {
        let mut members: Vec<Member> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let last = members.last().map_or(start, |member| member.value.span.end);
                return Some((members, last..span.byte_range()?.end));
            }
            let key = self.node(event, &span)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, &span)?;
            let colon = next_token(self.text, key.span.end);
            if self.text.as_bytes().get(colon) != Some(&b':') {
                return None;
            }
            let colon_end = colon + 1;
            if value.span.is_empty() {
                // A value that isn't there stands before the colon otherwise.
                value.span = colon_end..colon_end;
            }
            members.push(Member { key, value, colon_end });
        }
    }
}

fn marks(anchor: usize, tag: Option<&Tag>) -> (usize, Option<String>) {
    (anchor, tag.map(ToString::to_string))
}
