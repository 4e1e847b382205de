//! The diff of a file that `--dry-run` shows.

use std::path::Path;

use diffy::{PatchFormatter, create_patch};

/// Returns the change of a file as a unified diff with three lines of context; `old` is `None` for a file that does not exist yet.
///
/// The texts are shown unchanged: the caller redacts secrets first.
pub fn unified_diff(path: &Path, old: Option<&str>, new: &str) -> String {
    let patch = create_patch(old.unwrap_or_default(), new);
    let shown = PatchFormatter::new()
        .suppress_blank_empty(false)
        .fmt_patch(&patch)
        .to_string();
    // The crate's own header would quote a path with `\` or `"`, and garble its non-ASCII letters.
    let Some(hunks) = shown.find("@@ ") else {
        return String::new();
    };
    let name = path.display().to_string();
    let old_name = if old.is_some() { &name } else { "/dev/null" };
    format!("--- {old_name}\n+++ {name}\n{}", &shown[hunks..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_blank_lines_are_shown_as_they_are() {
        let diff = unified_diff(Path::new("C:\\Jürgen\\c"), Some("a\n\nb\n"), "a\n\nc\n");
        assert_eq!(
            diff,
            "--- C:\\Jürgen\\c\n+++ C:\\Jürgen\\c\n@@ -1,3 +1,3 @@\n a\n \n-b\n+c\n"
        );
    }

    #[test]
    fn no_change_is_no_text() {
        assert_eq!(unified_diff(Path::new("/c"), Some("a\n"), "a\n"), "");
    }
}
