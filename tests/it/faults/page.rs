//! docs/reliability.md, which shows what came of each cell.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::endpoint::Endpoint;
use super::refusals::{self, Refusal};
use super::wrong::Wrong;
use super::{ENDPOINTS, WRONGS, cell};

const BEGIN: &str = "<!-- The matrix, written by the tests: ";
const END: &str = "<!-- The end of the matrix. -->";
const UPDATE: &str = "ECR_AUTH_UPDATE_DOCS=1 cargo test --test it the_page_has_every_cell";
/// Cells that are run at once: most of them wait.
const AT_ONCE: usize = 12;
/// Stands for the words that most lines of an endpoint begin with.
const AS_ABOVE: &str = "… ";

/// What came of every cell, by endpoint and row.
type Cells = BTreeMap<(&'static str, String), String>;

/// A row of an endpoint's table.
enum Row {
    Wrong(Wrong),
    Refusal(Refusal),
}

impl Row {
    fn title(&self) -> String {
        match self {
            Self::Wrong(wrong) => wrong.title().to_owned(),
            Self::Refusal(refusal) => refusal.title(),
        }
    }

    fn run(&self, endpoint: Endpoint) -> String {
        match self {
            Self::Wrong(wrong) => cell::of(endpoint, *wrong),
            Self::Refusal(refusal) => refusal.run(endpoint),
        }
    }
}

/// Whether the page is being written, and so not looked at.
pub fn is_to_be_written() -> bool {
    env::var_os("ECR_AUTH_UPDATE_DOCS").is_some_and(|value| value == "1")
}

/// Checks that the page has this cell as it came out.
#[track_caller]
pub fn shows(endpoint: Endpoint, row: &str, seen: &str) {
    if is_to_be_written() {
        return;
    }
    let cells = shown();
    let shown = cells.get(&(endpoint.title(), row.to_owned())).map(String::as_str);
    let title = endpoint.title();
    assert_eq!(
        shown,
        Some(in_table(endpoint, seen).as_str()),
        "docs/reliability.md, {title}, {row}: if what the test saw is right, run: {UPDATE}"
    );
}

/// Checks that the page has all cells and no others, and an overview that says the same.
pub fn is_whole() {
    let mut expected: Vec<_> = rows().map(|(endpoint, row)| (endpoint.title(), row.title())).collect();
    expected.sort();
    let shown = shown();
    let keys: Vec<_> = shown.keys().cloned().collect();
    assert_eq!(
        keys, expected,
        "docs/reliability.md has other cells than the tests: run: {UPDATE}"
    );
    assert!(
        page().contains(&matrix(&shown)),
        "docs/reliability.md is not as the tests write it: run: {UPDATE}"
    );
}

/// Runs all cells and puts what came of them into the page.
pub fn write() {
    let rows: Vec<_> = rows().collect();
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Cells::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((endpoint, row)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = in_table(*endpoint, &row.run(*endpoint));
                    cells.lock().unwrap().insert((endpoint.title(), row.title()), seen);
                }
            });
        }
    });
    let page = page();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the matrix");
    let (_, after) = rest.split_once(END).expect("the matrix has an end");
    let matrix = matrix(&cells.into_inner().unwrap());
    fs::write(path(), format!("{before}{BEGIN}{UPDATE} -->\n{matrix}{END}{after}")).unwrap();
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md")
}

fn page() -> String {
    fs::read_to_string(path()).unwrap()
}

fn rows() -> impl Iterator<Item = (Endpoint, Row)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let wrongs = WRONGS.iter().copied().map(Row::Wrong);
        let refusals = refusals::of(*endpoint).iter().copied().map(Row::Refusal);
        wrongs.chain(refusals).map(|row| (*endpoint, row))
    })
}

/// The cells that the page has.
fn shown() -> Cells {
    let page = page();
    let mut cells = Cells::new();
    let mut endpoint = None;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.title() == title);
        }
        let cell = line
            .strip_prefix("| ")
            .and_then(|line| line.strip_suffix(" |")?.split_once(" | "));
        if let (Some(endpoint), Some((row, seen))) = (endpoint, cell)
            && row != "what goes wrong"
        {
            cells.insert((endpoint.title(), row.to_owned()), seen.to_owned());
        }
    }
    cells
}

fn matrix(cells: &Cells) -> String {
    let mut matrix = overview(cells);
    for endpoint in ENDPOINTS {
        let (title, setting, start) = (endpoint.title(), endpoint.setting(), endpoint.start());
        write!(matrix, "\n### {title}\n{setting}\n\n`…` stands for `{start}`.\n\n").unwrap();
        matrix += "| what goes wrong | what is said |\n|---|---|\n";
        for (_, row) in rows().filter(|(of, _)| of == endpoint) {
            let title = row.title();
            writeln!(matrix, "| {title} | {} |", cells[&(endpoint.title(), title.clone())]).unwrap();
        }
    }
    matrix + "\n"
}

/// All of it at a glance, without the errors that each endpoint documents.
fn overview(cells: &Cells) -> String {
    let titles: Vec<_> = ENDPOINTS.iter().map(|endpoint| endpoint.title()).collect();
    let mut table = format!(
        "\n|  | {} |\n|---|{}\n",
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
    for wrong in WRONGS {
        let of = |endpoint: &Endpoint| match cells[&(endpoint.title(), wrong.title().to_owned())].as_str() {
            cell::WORKS => "works",
            cell if cell.starts_with(cell::IMPOSSIBLE) => "–",
            _ => "error",
        };
        let marks: Vec<_> = ENDPOINTS.iter().map(of).collect();
        writeln!(table, "| {} | {} |", wrong.title(), marks.join(" | ")).unwrap();
    }
    table
}

/// A cell as the page has it.
fn in_table(endpoint: Endpoint, seen: &str) -> String {
    let short = match seen.strip_prefix(endpoint.start()) {
        Some(rest) => format!("{AS_ABOVE}{rest}"),
        None => seen.to_owned(),
    };
    short.replace('|', "\\|").replace('<', "&lt;")
}
