//! docs/troubleshooting.md, read section by section.

use crate::pages::page;

/// The section of one code on the page.
pub struct Section {
    /// Its heading, `EA0012`, which is also the anchor of its address.
    pub code: String,
    /// The line that users see, with `…` for the parts that differ.
    pub line: Option<String>,
    /// Its explanation, and what to do.
    pub text: String,
}

/// Returns all sections with a code, in their order.
pub fn sections() -> Vec<Section> {
    let page = page("troubleshooting.md");
    let mut sections = Vec::new();
    let mut fence = None;
    for line in page.lines() {
        if let Some(code) = line.strip_prefix("### ").filter(|heading| heading.starts_with("EA")) {
            sections.push(Section {
                code: code.to_owned(),
                line: None,
                text: String::new(),
            });
        } else if let Some(section) = sections.last_mut().filter(|_| !line.starts_with('#')) {
            match fence.take() {
                Some("```text") if section.line.is_none() => section.line = Some(line.to_owned()),
                _ => section.text += line,
            }
            fence = Some(line);
        }
    }
    sections
}

/// Whether a line matches a pattern, whose `…` match any text. The hint after the code is ignored.
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
