//! The lines of the rules in an `ecr-auth.yml` with a simple layout, so that one registry's rules are found without parsing the others.
//!
//! Nearly all files are simple: one list, in which each rule begins with `- match: NAME` at the same column. A rule then ends where the next one
//! begins. The whole parse confirms it: it must find the same number of rules, with these names, on these lines. A text is only read by its lines
//! after that.

use super::RegistryRule;
use super::server::Server;
use ecr_registry::HostPattern;

/// The smallest text, in bytes, for which this is faster than parsing.
const WORTH_IT: usize = 2048;

/// The start of a rule, after the blanks.
const BEGIN: &str = "- match:";

/// A text, and the position of each rule in it.
pub(super) struct RuleLines<'a> {
    text: &'a str,
    rules: Vec<RuleLine<'a>>,
    /// The position of the list's end.
    end: usize,
}

/// The first line of a rule.
struct RuleLine<'a> {
    /// The position of the line in the text.
    at: usize,
    /// The line's number, counted from 1.
    line: u64,
    /// The value of `match`, without quotes.
    name: &'a str,
}

impl<'a> RuleLines<'a> {
    /// Whether a text is long enough to be read by its lines.
    pub fn are_worth_it(text: &str) -> bool {
        text.len() >= WORTH_IT
    }

    /// Finds the lines. [`RuleLines::are_all_of`] tells whether they are the lines of the rules.
    pub fn find(text: &'a str) -> Self {
        let mut found = Self {
            text,
            rules: Vec::new(),
            end: text.len(),
        };
        let (mut at, mut column) = (0, None);
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            let words = line.trim_start_matches(' ');
            let depth = line.len() - words.len();
            match words.strip_prefix(BEGIN) {
                Some(name) if column.is_none_or(|column| column == depth) => {
                    column = Some(depth);
                    let (line, name) = (number, plain(name));
                    found.rules.push(RuleLine { at, line, name });
                }
                _ if column.is_some_and(|column| depth <= column) && !is_blank(words) => {
                    found.end = at;
                    break;
                }
                _ => {}
            }
            at += line.len();
        }
        found
    }

    /// Whether these are the lines of all these rules, into which the whole text was parsed, and no rule depends on another. Without anchors, there
    /// are no aliases.
    pub fn are_all_of(&self, rules: &[RegistryRule]) -> bool {
        let is_at = |(found, rule): (&RuleLine<'_>, &RegistryRule)| {
            found.line == rule.line.0 && HostPattern::parse(found.name).as_ref() == Ok(&rule.pattern)
        };
        !rules.is_empty()
            && self.rules.len() == rules.len()
            && self.rules.iter().zip(rules).all(is_at)
            && !self.text.contains('&')
    }

    /// Returns the text with only the rules that can apply to a server. The lines of other rules are blank, so that every line keeps its number.
    /// Because a list must not be empty, it always keeps its first rule.
    pub fn only(&self, server: &Server) -> String {
        let mut is_kept: Vec<bool> = self.rules.iter().map(|rule| is_for(server, rule.name)).collect();
        if !is_kept.contains(&true)
            && let Some(first) = is_kept.first_mut()
        {
            *first = true;
        }
        let begin = self.rules.first().map_or(self.end, |rule| rule.at);
        let mut only = self.text[..begin].to_owned();
        let ends = self.rules.iter().skip(1).map(|next| next.at).chain([self.end]);
        for ((rule, end), is_kept) in self.rules.iter().zip(ends).zip(is_kept) {
            let lines = &self.text[rule.at..end];
            match is_kept {
                true => only.push_str(lines),
                false => only.extend(lines.matches('\n')),
            }
        }
        only.push_str(&self.text[self.end..]);
        only
    }
}

/// Whether a rule of this name can apply to a server.
fn is_for(server: &Server, name: &str) -> bool {
    match server.registry() {
        Some(registry) if name.contains('*') => HostPattern::parse(name).is_ok_and(|it| it.matches(registry)),
        _ => name.eq_ignore_ascii_case(server.name()),
    }
}

/// Whether a line, without leading blanks, has no content.
fn is_blank(words: &str) -> bool {
    words.starts_with(['#', '\n', '\r']) || words.is_empty()
}

/// Returns the value of `match:`, without quotes and comment. A value that is neither a name nor quoted is returned as it is.
fn plain(text: &str) -> &str {
    let text = text.split(" #").next().unwrap_or_default().trim();
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
}
