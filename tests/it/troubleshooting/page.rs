//! docs/troubleshooting.md, read section by section.

use crate::pages::page;

/// What the page has under one code.
pub struct Section {
    /// `EA0012`, of its heading.
    pub code: String,
    /// The rest of the heading.
    pub title: String,
    /// What its link leads to.
    pub anchor: String,
    /// The line that people see, `…` standing for what differs.
    pub line: Option<String>,
    /// What it means, and what to do.
    pub text: String,
}

/// All sections with a code, in their order.
pub fn sections() -> Vec<Section> {
    let page = page("troubleshooting.md");
    let mut sections = Vec::new();
    let mut anchor = String::new();
    let mut fence = None;
    for line in page.lines() {
        if let Some(id) = line.strip_prefix("<a id=\"") {
            anchor = id.trim_end_matches("\"></a>").to_owned();
        } else if let Some((code, title)) = line
            .strip_prefix("### EA")
            .and_then(|heading| heading.split_once(" · "))
        {
            sections.push(Section {
                code: format!("EA{code}"),
                title: title.to_owned(),
                anchor: std::mem::take(&mut anchor),
                line: None,
                text: String::new(),
            });
        } else if line.starts_with('#') {
            anchor.clear();
        } else if let Some(section) = sections.last_mut() {
            match fence.take() {
                Some("```text") if section.line.is_none() => section.line = Some(line.to_owned()),
                _ => section.text += line,
            }
            fence = Some(line);
        }
    }
    sections
}

/// Whether a line is as a pattern has it, whose `…` stand for anything; what follows the code (the hint) is left out.
pub fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|start| line.strip_prefix(start)) else {
        return false;
    };
    for part in parts {
        match rest.find(part.trim_start()) {
            Some(at) => rest = &rest[at + part.trim_start().len()..],
            None => return false,
        }
    }
    rest.is_empty() || rest.starts_with("%0A")
}
