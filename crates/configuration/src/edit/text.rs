//! Lines, columns, and changes of a text that leave every other byte alone.

use std::ops::Range;

/// Where the line of this byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after the one of this byte begins.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The bytes before this one in its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

/// Whether nothing but spaces stands before it in its line.
pub(super) fn is_first_in_line(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].bytes().all(|b| b == b' ')
}

/// The column of a line that holds a comment alone.
fn comment_column(line: &str) -> Option<usize> {
    let comment = line.trim_start();
    comment.starts_with('#').then(|| line.len() - comment.len())
}

/// Where the comment lines end that follow directly from here and stand deeper than a column.
pub(super) fn skip_deeper_comments(text: &str, mut at: usize, deeper_than: usize) -> usize {
    while at < text.len() {
        let end = line_end(text, at);
        match comment_column(&text[at..end]) {
            Some(column) if column > deeper_than => at = end,
            _ => break,
        }
    }
    at
}

/// Where the comment lines begin that stand directly above, no deeper than a column; `from` is the first that counts.
pub(super) fn comments_above(text: &str, from: usize, mut at: usize, column: usize) -> usize {
    while at > from {
        let start = line_start(text, at - 1);
        match comment_column(&text[start..at]) {
            Some(found) if found <= column && start >= from => at = start,
            _ => break,
        }
    }
    at
}

/// The first byte from here on that is neither blank nor in a comment; only for places where `#` begins one.
pub(super) fn next_token(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        at = text.len() - rest.trim_start().len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at = line_end(text, at);
    }
}

/// The line break that the text uses.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Lines without the line break of the last one.
pub(super) fn without_break(lines: &str) -> &str {
    let lines = lines.strip_suffix('\n').unwrap_or(lines);
    lines.strip_suffix('\r').unwrap_or(lines)
}

/// Changes of one text, none of which overlap.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    pub fn replace(&mut self, range: Range<usize>, by: impl Into<String>) {
        self.0.push((range, by.into()));
    }

    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// Puts whole lines, each with its line break, at the beginning of a line or at the end of the text.
    pub fn insert_lines(&mut self, text: &str, at: usize, lines: &str) {
        let broken = at == 0 || text[..at].ends_with('\n');
        let before = if broken { "" } else { newline(text) };
        self.replace(at..at, format!("{before}{lines}"));
    }

    /// Takes up further changes.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether there is one that ends here.
    pub fn reach(&self, at: usize) -> bool {
        self.0.iter().any(|(range, _)| range.end == at)
    }

    /// Bytes that a text of this length has with them.
    pub fn length(&self, of: usize) -> usize {
        let added: usize = self.0.iter().map(|(_, by)| by.len()).sum();
        let gone: usize = self.0.iter().map(|(range, _)| range.len()).sum();
        (of + added).saturating_sub(gone)
    }

    /// The changed text. Whether its last line ends with a line break stays as it was.
    pub fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (range, by) in self.0 {
            out.push_str(&text[done..range.start]);
            out.push_str(&by);
            done = range.end;
        }
        out.push_str(&text[done..]);
        if !text.is_empty() && !text.ends_with('\n') {
            out.truncate(out.trim_end_matches(['\r', '\n']).len());
        }
        out
    }
}
