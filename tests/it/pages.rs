//! The pages of docs/: what tests read from them, and the parts that tests write.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A part of a page, between two marks, that a test generates from the code.
pub struct GeneratedPart {
    /// The file's name in docs/.
    pub page: &'static str,
    /// The name of the part in the two marks.
    pub name: &'static str,
    /// The test that generates the part.
    pub test: &'static str,
}

impl GeneratedPart {
    /// Checks that the page has this text between its marks, or writes the text there.
    #[track_caller]
    pub fn check_or_write(&self, text: &str) {
        let begin = format!("<!-- The {}, written by the tests: ", self.name);
        let end = format!("<!-- The end of the {}. -->", self.name);
        let page = page(self.page);
        let (before, rest) = page
            .split_once(&begin)
            .expect("the page has a mark where the part begins");
        let (_, after) = rest.split_once(&end).expect("the page has a mark where the part ends");
        let update = update_command(self.test);
        let written = format!("{before}{begin}{update} -->\n{text}{end}{after}");
        check_or_write(self.page, &written, self.test);
    }
}

/// Checks that a file in docs/ has this text. With `ECR_AUTH_UPDATE_DOCS=1` it writes the text instead. `test` is the caller.
#[track_caller]
pub fn check_or_write(name: &str, text: &str, test: &str) {
    if is_update() {
        fs::write(path(name), text).unwrap();
    } else {
        let update = update_command(test);
        assert!(page(name) == text, "docs/{name} differs from the code: run: {update}");
    }
}

/// Returns the command with which a test writes what it generates.
pub fn update_command(test: &str) -> String {
    format!("ECR_AUTH_UPDATE_DOCS=1 cargo test --test it {test}")
}

/// Returns whether tests write the generated parts instead of checking them.
pub fn is_update() -> bool {
    env::var_os("ECR_AUTH_UPDATE_DOCS").is_some_and(|value| value == "1")
}

/// Reads a file in docs/.
pub fn page(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// Returns the rows of the table of docs/identity.md under this header.
pub fn table(header: &str) -> Vec<Vec<String>> {
    table_of("identity.md", header)
}

/// Returns the rows of the table of a page under this header.
pub fn table_of(name: &str, header: &str) -> Vec<Vec<String>> {
    let text = page(name);
    let Some((_, below)) = text.split_once(&format!("\n{header}\n")) else {
        panic!("docs/{name} has no table {header}");
    };
    let rows = below.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells).collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_matches('|');
    inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}
