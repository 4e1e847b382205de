//! What `--dry-run` shows of a file's change.

use std::path::Path;

use similar::TextDiff;

/// The change of a file as a unified diff with three lines of context; `old` is `None` for a file that is not there yet.
///
/// The texts are shown as they are: what may hold secrets is redacted before.
pub fn unified_diff(path: &Path, old: Option<&str>, new: &str) -> String {
    let name = path.display().to_string();
    let old_name = if old.is_some() { &name } else { "/dev/null" };
    TextDiff::from_lines(old.unwrap_or_default(), new)
        .unified_diff()
        .context_radius(3)
        .header(old_name, &name)
        .to_string()
}
