//! The lines of AWS's shared files, with their positions, for reading and for editing.
//!
//! Format: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. If readers differ, this one follows botocore, which uses Python's
//! `configparser`: `:` for `=`, indented sections and settings, and a line that is indented further than the setting above it belongs to that
//! setting.

use std::ops::Range;

/// A `[section]` and the lines after it.
#[derive(Debug)]
pub(crate) struct IniSection<'a> {
    /// The text in the brackets. Empty for the lines before the first section.
    pub header: &'a str,
    /// The header's line, without surrounding blanks, and its number, counted from 1.
    pub header_line: (&'a str, usize),
    /// The position of the section's settings, after the header's line and its end.
    pub start: usize,
    pub settings: Vec<IniSetting<'a>>,
    /// The number of the first line that is not a setting, counted from 1.
    pub broken_line: Option<usize>,
}

impl IniSection<'_> {
    fn new<'a>(header: &'a str, header_line: (&'a str, usize), start: usize) -> IniSection<'a> {
        IniSection {
            header,
            header_line,
            start,
            settings: Vec::new(),
            broken_line: None,
        }
    }
}

/// `key = value`, with the indented lines that belong to it.
#[derive(Debug)]
pub(crate) struct IniSetting<'a> {
    /// The key, in lower case.
    pub key: String,
    /// The value on the key's line.
    pub value: &'a str,
    /// The indented lines below, without their indentation, and their numbers.
    pub continuation: Vec<(&'a str, usize)>,
    /// The number of the key's line, counted from 1.
    pub line: usize,
    /// The white space before the key.
    pub indent: &'a str,
    /// The range from the key to the end of its last line, without the line break.
    pub range: Range<usize>,
}

/// Returns the sections of a file, in their order. Lines before the first header are a section without a header.
pub(crate) fn sections(text: &str) -> Vec<IniSection<'_>> {
    let mut sections: Vec<IniSection<'_>> = Vec::new();
    // A byte order mark does not belong to the first line.
    let mut end = text.len() - text.trim_start_matches('\u{feff}').len();
    for (line, number) in lines(&text[end..]).zip(1..) {
        end += line.len();
        let start = end - line.len();
        let line = line.trim_end();
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let (indent, range) = (&line[..line.len() - trimmed.len()], start..start + line.len());
        let above = sections.last_mut().and_then(|section| section.settings.last_mut());
        if let Some(above) = above.filter(|above| indent.chars().count() > above.indent.chars().count()) {
            above.continuation.push((trimmed, number));
            above.range.end = range.end;
            continue;
        }
        if let Some((header, is_closed)) = header(trimmed) {
            let mut section = IniSection::new(header, (trimmed, number), end);
            section.broken_line = (!is_closed).then_some(number);
            sections.push(section);
            continue;
        }
        if sections.is_empty() {
            sections.push(IniSection::new("", ("", 0), start));
        }
        if let Some(section) = sections.last_mut() {
            let setting = setting(trimmed, indent, number, range);
            if setting.key.is_empty() || !trimmed.contains(['=', ':']) {
                section.broken_line.get_or_insert(number);
            }
            section.settings.push(setting);
        }
    }
    sections
}

/// Returns the text in the brackets of a header, and whether it is closed. It ends at the last `]` of the line, and is not empty. A line without such
/// an end is a setting if it can be one.
fn header(line: &str) -> Option<(&str, bool)> {
    let rest = line.strip_prefix('[')?;
    match rest.rfind(']').filter(|end| *end > 0) {
        Some(end) => Some((&rest[..end], true)),
        None if line.contains(['=', ':']) => None,
        None => Some((rest.trim_end_matches(']'), false)),
    }
}

fn setting<'a>(text: &'a str, indent: &'a str, line: usize, range: Range<usize>) -> IniSetting<'a> {
    let (key, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
    IniSetting {
        key: key.trim_end().to_lowercase(),
        value: value.trim_start(),
        continuation: Vec::new(),
        line,
        indent,
        range: range.start + indent.len()..range.end,
    }
}

/// Returns the lines with their ends: a line feed, a carriage return, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = match rest.find(['\n', '\r'])? {
            at if rest[at..].starts_with("\r\n") => at + 2,
            at => at + 1,
        };
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
    .chain(std::iter::once_with(move || {
        text.rsplit(['\n', '\r']).next().unwrap_or_default()
    }))
}
