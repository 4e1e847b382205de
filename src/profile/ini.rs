//! The lines of AWS's shared files, with their places, so that one can be replaced and the others left alone.
//!
//! Format: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. Where readers differ (botocore takes `:` for `=`, and
//! indented settings), what any of them sees is seen.

use std::ops::Range;

/// A `[section]` and what follows it.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// What stands in the brackets.
    pub header: &'a str,
    /// Where the section's settings begin: behind the header's line and its end.
    pub start: usize,
    pub settings: Vec<Setting<'a>>,
}

/// `key = value`, with the indented lines that belong to it.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    /// In lower case.
    pub key: String,
    /// From the key's line alone.
    pub value: &'a str,
    /// All of its lines, without the last one's end.
    pub range: Range<usize>,
}

/// The sections of a file. What stands before the first one belongs to none.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let start = end;
        end += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        // A byte order mark is no part of the first line.
        let content = line.trim_start_matches('\u{feff}');
        if let Some(rest) = content.strip_prefix('[') {
            sections.push(Section {
                header: rest.split(']').next().unwrap_or_default().trim(),
                start: end,
                settings: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.add(content, start..start + line.len());
        }
    }
    sections
}

impl<'a> Section<'a> {
    fn add(&mut self, line: &'a str, range: Range<usize>) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            return;
        }
        let is_indented = line.starts_with(char::is_whitespace);
        if let (true, Some(above)) = (is_indented, self.settings.last_mut()) {
            above.range.end = range.end;
            return;
        }
        let (key, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
        self.settings.push(Setting {
            key: key.trim().to_lowercase(),
            value: value.trim(),
            range,
        });
    }
}
