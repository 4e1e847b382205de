//! The lines of the rules in an `ecr-auth.yml` that is laid out simply, so that one registry's rules are found without parsing the others.
//!
//! Simple is what nearly all files are: one list, in which each rule begins with `- match: NAME` at the same column. A rule then ends
//! where the next one begins. Whether that is so, the whole parse tells: it has as many rules, with these names, on these lines. Only a
//! text of which that was found once is read by its lines.

use super::RegistryRule;
use super::server::Server;
use ecr_registry::HostPattern;

/// Smaller texts are parsed as quickly as they are looked up.
const WORTH_IT: usize = 2048;

/// How a rule begins, after the blanks.
const BEGIN: &str = "- match:";

/// A text, and where in it each rule begins.
pub(super) struct RuleLines<'a> {
    text: &'a str,
    rules: Vec<RuleLine<'a>>,
    /// Where the list ends.
    end: usize,
}

/// The first line of a rule.
struct RuleLine<'a> {
    /// Where the line begins in the text.
    at: usize,
    /// Its number, from 1.
    line: u64,
    /// What `match` says, without quotes.
    name: &'a str,
}

impl<'a> RuleLines<'a> {
    /// Whether a text is long enough to be read by its lines.
    pub fn are_worth_it(text: &str) -> bool {
        text.len() >= WORTH_IT
    }

    /// Finds the lines. They are those of the rules only where [`RuleLines::are_all_of`] says so.
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

    /// Whether these are the lines of all these rules, which the whole text was parsed into, and none of them needs another one: where
    /// there is no anchor, there is no alias.
    pub fn are_all_of(&self, rules: &[RegistryRule]) -> bool {
        let is_at = |(found, rule): (&RuleLine<'_>, &RegistryRule)| {
            found.line == rule.line.0 && HostPattern::parse(found.name).as_ref() == Ok(&rule.pattern)
        };
        !rules.is_empty()
            && self.rules.len() == rules.len()
            && self.rules.iter().zip(rules).all(is_at)
            && !self.text.contains('&')
    }

    /// The text with the rules that can hold for a server. The lines of all others are blank, so that every line keeps its number. A list
    /// is never empty: it keeps its first rule, for whomever it is.
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

/// Whether a rule of this name can hold for a server.
fn is_for(server: &Server, name: &str) -> bool {
    match server.registry() {
        Some(registry) if name.contains('*') => HostPattern::parse(name).is_ok_and(|it| it.matches(registry)),
        _ => name.eq_ignore_ascii_case(server.name()),
    }
}

/// Whether a line without the blanks before it says nothing.
fn is_blank(words: &str) -> bool {
    words.starts_with(['#', '\n', '\r']) || words.is_empty()
}

/// What stands behind `match:`, without quotes and comment. What is neither a name nor in quotes is no name then, either.
fn plain(text: &str) -> &str {
    let text = text.split(" #").next().unwrap_or_default().trim();
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
}
