//! What the targets share: the parts of an input, and a folder for what has to be a file.

use std::path::Path;

use tempfile::TempDir;

/// The input as text, if it is text.
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// The parts of an input; those that are missing are empty.
pub fn parts<const N: usize>(input: &str) -> [&str; N] {
    let mut parts = input.splitn(N, "\n%%\n");
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

thread_local! {
    static FOLDER: TempDir = TempDir::new().expect("a folder for temporary files");
}

/// Does something in a folder that is this thread's own.
pub fn in_folder<T>(act: impl FnOnce(&Path) -> T) -> T {
    FOLDER.with(|folder| act(folder.path()))
}

/// An error as people see it and its link are a line each, and its hint as many as it has, without control characters.
pub fn is_fit_to_read(error: &diagnostics::Error) {
    let mut shown = Vec::new();
    error.report(&mut diagnostics::MessageWriter::new(&mut shown));
    let shown = String::from_utf8(shown).expect("an error is text");
    let lines = 2 + error.hint_text().map_or(0, |hint| hint.lines().count());
    assert_eq!(shown.lines().count(), lines, "{shown:?}");
    assert!(!shown.replace('\n', "").contains(char::is_control), "{shown:?}");
}
