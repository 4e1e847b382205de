//! The lines of AWS's shared files, with their places, so that one can be replaced and the others left alone.
//!
//! Format: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. Where readers differ, this one reads as botocore does,
//! which takes most: `:` for `=`, and indented settings; a line belongs to the one above where it is indented further.

use std::ops::Range;

/// A `[section]` and what follows it.
#[derive(Debug)]
pub(super) struct IniSection<'a> {
    /// What stands in the brackets.
    pub header: &'a str,
    /// Where the section's settings begin: behind the header's line and its end.
    pub start: usize,
    pub settings: Vec<IniSetting<'a>>,
}

/// `key = value`, with the indented lines that belong to it.
#[derive(Debug)]
pub(super) struct IniSetting<'a> {
    /// In lower case.
    pub key: String,
    /// From the key's line alone.
    pub value: &'a str,
    /// The white space before the key.
    pub indent: &'a str,
    /// From the key to the end of its last line, the line break excluded.
    pub range: Range<usize>,
}

/// The sections of a file. What stands before the first one belongs to none.
pub(super) fn sections(text: &str) -> Vec<IniSection<'_>> {
    let mut sections: Vec<IniSection<'_>> = Vec::new();
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        let start = end - line.len();
        let line = line.trim_end();
        // A byte order mark is no part of the first line.
        let trimmed = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let (indent, range) = (&line[..line.len() - trimmed.len()], start..start + line.len());
        let section = sections.last_mut();
        if let Some(above) = section.and_then(|section| section.settings.last_mut())
            && indent.len() > above.indent.len()
        {
            above.range.end = range.end;
        } else if let Some(rest) = trimmed.strip_prefix('[') {
            sections.push(IniSection {
                header: rest.split(']').next().unwrap_or_default().trim(),
                start: end,
                settings: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.settings.push(setting(trimmed, indent, range));
        }
    }
    sections
}

fn setting<'a>(line: &'a str, indent: &'a str, range: Range<usize>) -> IniSetting<'a> {
    let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
    IniSetting {
        key: key.trim().to_lowercase(),
        value: value.trim(),
        indent,
        range: range.start + indent.len()..range.end,
    }
}
