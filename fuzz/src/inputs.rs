//! Helpers of the targets: the parts of an input, a folder for files, and checks of errors.

use std::path::Path;

use tempfile::TempDir;

/// Returns the input if it is text.
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Returns the parts of an input. Missing parts are empty.
pub fn parts<const N: usize>(input: &str) -> [&str; N] {
    let mut parts = input.splitn(N, "\n%%\n");
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

thread_local! {
    static FOLDER: TempDir = TempDir::new().expect("a folder for temporary files");
}

/// Runs a function in this thread's own folder.
pub fn in_folder<T>(act: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| act(folder.path()))
}

/// Checks that an error and its link have one line each, and that they and the hint contain no control characters.
pub fn is_fit_to_read(error: &diagnostics::Error) {
    let mut shown = Vec::new();
    error.report(&mut diagnostics::MessageWriter::new(&mut shown));
    let shown = String::from_utf8(shown).expect("an error is text");
    let lines = 2 + error.hint_text().map_or(0, |hint| hint.lines().count());
    assert_eq!(shown.lines().count(), lines, "{shown:?}");
    assert!(!shown.replace('\n', "").contains(char::is_control), "{shown:?}");
}
