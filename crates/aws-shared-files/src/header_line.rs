//! Headers that are nearly those of a profile.

use crate::ini::IniSection;
use crate::shared_file::SharedFile;
use diagnostics::shell_word;

/// A line that looks like a header.
#[derive(Debug)]
pub(crate) struct HeaderLine {
    /// The header, with its brackets.
    text: String,
    /// The line's number, counted from 1, if the line belongs to the setting above it.
    below_setting: Option<usize>,
    file: SharedFile,
}

impl HeaderLine {
    /// Returns the header of a section, and the lines below its settings that look like one.
    pub fn all(section: &IniSection<'_>, file: SharedFile) -> Vec<Self> {
        let below = section.settings.iter().flat_map(|setting| &setting.continuation);
        let below = below.map(|(line, number)| (*line, Some(*number)));
        let lines = std::iter::once((section.header_line.0, None)).chain(below);
        let headers = lines.filter_map(|(line, below_setting)| {
            Some(Self {
                text: line[..=line.rfind(']').filter(|_| line.starts_with('['))?].to_owned(),
                below_setting,
                file,
            })
        });
        headers.collect()
    }

    /// Whether someone who wrote this header could have meant the profile.
    pub fn is_nearly(&self, name: &str) -> bool {
        let end = self.text.find(['#', ';']).unwrap_or(self.text.len());
        let inner = bare(&self.text[1..end]);
        let word = inner.get(.."profile".len());
        let marked = word.filter(|word| word.eq_ignore_ascii_case("profile"));
        let marked = marked.map(|word| bare(&inner[word.len()..]));
        inner == bare(name) || marked == Some(bare(name))
    }

    pub fn hint(&self, name: &str) -> String {
        let Self { text, file, .. } = self;
        let place = format!("AWS's {} file", file.name());
        if let Some(number) = self.below_setting {
            return format!(
                "line {number} of {place}, {text}, belongs to the setting above it: write it without blanks before it"
            );
        }
        let meant = match (file, name) {
            (SharedFile::Config, "default") | (SharedFile::Credentials, _) => name.to_owned(),
            (SharedFile::Config, _) => format!("profile {}", shell_word(name)),
        };
        format!("write {text} in {place} as [{meant}]")
    }
}

/// Returns a name without what people write around it by mistake.
fn bare(name: &str) -> &str {
    name.trim_matches(|c: char| c.is_whitespace() || "[]'\"".contains(c))
}
