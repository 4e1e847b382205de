//! The tables of docs/, as the tests read them: what a page says is what is run.

use std::fs;
use std::path::Path;

/// The rows of the table of docs/identity.md under this header.
pub fn table(header: &str) -> Vec<Vec<String>> {
    table_of("identity.md", header)
}

/// The rows of the table of a page under this header.
pub fn table_of(page: &str, header: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = fs::read_to_string(path).unwrap();
    let Some((_, below)) = text.split_once(&format!("\n{header}\n")) else {
        panic!("docs/{page} has no table {header}");
    };
    let rows = below.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_matches('|');
    inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}
