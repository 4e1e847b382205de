//! The tables of docs/identity.md, as the tests read them: what the page says is what is run.

use std::fs;
use std::path::Path;

/// The rows of the table under this header.
pub fn table(header: &str) -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/identity.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, below) = page
        .split_once(&format!("\n{header}\n"))
        .expect("docs/identity.md has that table");
    let rows = below.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_matches('|');
    inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}
