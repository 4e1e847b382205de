//! docs/reliability.md, which shows the result of each cell.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::endpoint::Endpoint;
use super::refusals::{self, Refusal};
use super::wrong::Wrong;
use super::{ENDPOINTS, WRONGS, cell};
use crate::pages::{GeneratedPart, is_update, page, update_command};

const MATRIX: GeneratedPart = GeneratedPart {
    page: "reliability.md",
    name: "matrix",
    test: "the_page_has_every_cell",
};
/// The number of cells that run at once. Most of them wait.
const AT_ONCE: usize = 12;
/// Replaces the words with which most lines of an endpoint begin.
const AS_ABOVE: &str = "… ";

/// The result of every cell, by endpoint and row.
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

/// Checks that the page has the result of this cell.
#[track_caller]
pub fn shows(endpoint: Endpoint, row: &str, seen: &str) {
    if is_update() {
        return;
    }
    let title = endpoint.title();
    let update = update_command(MATRIX.test);
    assert_eq!(
        shown().get(&(title, row.to_owned())),
        Some(&in_table(endpoint, seen)),
        "docs/reliability.md, {title}, {row}: if what the test saw is right, run: {update}"
    );
}

/// Checks that the page has exactly all cells, and a matching overview. To write the page, runs all cells first.
pub fn is_whole() {
    let cells = if is_update() { run_all() } else { shown() };
    MATRIX.check_or_write(&matrix(&cells));
}

fn run_all() -> Cells {
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
    cells.into_inner().unwrap()
}

fn rows() -> impl Iterator<Item = (Endpoint, Row)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let wrongs = WRONGS.iter().copied().map(Row::Wrong);
        let refusals = refusals::of(*endpoint).iter().copied().map(Row::Refusal);
        wrongs.chain(refusals).map(|row| (*endpoint, row))
    })
}

/// Returns the cells on the page.
fn shown() -> Cells {
    let page = page(MATRIX.page);
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
        write!(matrix, "\n### {title}\n{setting}\n\n").unwrap();
        writeln!(
            matrix,
            "| what goes wrong | what is printed (`…` is `{start}`) |\n|---|---|"
        )
        .unwrap();
        for (_, row) in rows().filter(|(of, _)| of == endpoint) {
            let title = row.title();
            writeln!(matrix, "| {title} | {} |", cell_of(cells, *endpoint, &title)).unwrap();
        }
    }
    matrix + "\n"
}

/// Returns the overview, without the errors that each endpoint documents.
fn overview(cells: &Cells) -> String {
    let titles: Vec<_> = ENDPOINTS.iter().map(|endpoint| endpoint.title()).collect();
    let mut table = format!(
        "\n|  | {} |\n|---|{}\n",
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
    for wrong in WRONGS {
        let of = |endpoint: &Endpoint| match cell_of(cells, *endpoint, wrong.title()) {
            cell::WORKS => "works",
            cell if cell.starts_with(cell::IMPOSSIBLE) => "–",
            _ => "error",
        };
        let marks: Vec<_> = ENDPOINTS.iter().map(of).collect();
        writeln!(table, "| {} | {} |", wrong.title(), marks.join(" | ")).unwrap();
    }
    table
}

/// Returns the result of a cell. Empty if the page lacks it.
fn cell_of<'a>(cells: &'a Cells, endpoint: Endpoint, row: &str) -> &'a str {
    cells
        .get(&(endpoint.title(), row.to_owned()))
        .map_or("", String::as_str)
}

/// Returns a cell in the page's form.
fn in_table(endpoint: Endpoint, seen: &str) -> String {
    let short = match seen.strip_prefix(endpoint.start()) {
        Some(rest) => format!("{AS_ABOVE}{rest}"),
        None => seen.to_owned(),
    };
    short.replace('|', "\\|").replace('<', "&lt;")
}
