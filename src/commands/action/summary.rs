//! The table in the run's summary: registry, account, role, mode, end. It holds no secrets.

use super::inputs::Mode;
use super::principal::Principal;
use diagnostics::one_line;
use ecr_registry::Registry;

/// One registry in the table.
#[derive(Debug)]
pub struct SummaryRow<'a> {
    /// The registry's host.
    pub registry: &'a str,
    /// The principal that was signed in.
    pub principal: Option<&'a Principal>,
    /// When the password ends, as RFC 3339, if one was fetched.
    pub until: Option<String>,
}

/// Returns the table as Markdown, with a heading.
pub fn table(mode: Mode, rows: &[SummaryRow<'_>]) -> String {
    let mut text = "### Amazon ECR sign-in\n\n".to_owned();
    if rows.is_empty() {
        text.push_str("No registry was asked for.\n");
        return text;
    }
    text.push_str("| Registry | Account | Role | How | Until |\n|---|---|---|---|---|\n");
    for row in rows {
        let registry = Registry::parse(row.registry);
        let account = registry.as_ref().and_then(Registry::account);
        let account = account.or(row.principal.map(|it| it.account.as_str()));
        let role = row.principal.map(|it| it.role.as_deref().unwrap_or(&it.arn));
        let cells = [
            plain(row.registry),
            plain(account.unwrap_or("–")),
            role.map_or_else(|| "the runner's own credentials".to_owned(), plain),
            how(mode).to_owned(),
            until(mode, row.until.as_deref()).to_owned(),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// Returns text from outside as Markdown without links, HTML, mentions and cell ends. Unless it is plain, it becomes a code span.
fn plain(text: &str) -> String {
    let text = one_line(text);
    let is_plain = |c: char| c.is_alphanumeric() || " :/._+=,-–".contains(c);
    let is_link = text.contains("//") || text.to_ascii_lowercase().contains("www.");
    if text.chars().all(is_plain) && !is_link {
        return text;
    }
    let mut span = String::new();
    for c in text.chars() {
        match c {
            '`' => span.push('\''),
            // Before a '|', it would remove that character's own backslash.
            '\\' => span.push_str("%5C"),
            '|' => span.push_str("\\|"),
            c => span.push(c),
        }
    }
    format!("`{span}`")
}

fn how(mode: Mode) -> &'static str {
    match mode {
        Mode::Helper => "credential helper",
        Mode::Login => "stored password",
        Mode::None => "checked alone",
    }
}

fn until(mode: Mode, until: Option<&str>) -> &str {
    match (mode, until) {
        (Mode::Helper, _) => "renewed when needed",
        (_, Some(until)) => until,
        (_, None) => "–",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn a_row_says_whose_how_and_until_when() {
        let principal = Principal {
            account: "444455556666".into(),
            arn: "arn:aws:sts::444455556666:assumed-role/a|b/s".into(),
            role: Some("arn:aws:iam::444455556666:role/a|b".into()),
        };
        let row = |registry, principal, until: Option<&str>| SummaryRow {
            registry,
            principal,
            until: until.map(str::to_owned),
        };
        let rows = [
            row(HOST, Some(&principal), Some("2026-01-02T03:04:05Z")),
            row("public.ecr.aws", Some(&principal), None),
            row("public.ecr.aws", None, None),
        ];
        let lines = |mode| {
            let text = table(mode, &rows);
            let lines = text.lines().skip(4);
            lines
                .map(|line| line.replace("`arn:aws:iam::444455556666:role/a\\|b`", "ROLE"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(Mode::Login),
            [
                &format!("| {HOST} | 111122223333 | ROLE | stored password | 2026-01-02T03:04:05Z |"),
                "| public.ecr.aws | 444455556666 | ROLE | stored password | – |",
                "| public.ecr.aws | – | the runner's own credentials | stored password | – |",
            ]
        );
        assert!(
            lines(Mode::Helper)
                .iter()
                .all(|line| line.ends_with("| credential helper | renewed when needed |"))
        );
    }

    #[test]
    fn markdown_reads_nothing_in_a_cell() {
        for (text, cell) in [
            (
                "arn:aws:sts::1:assumed-role/ci_push/gha-42",
                "arn:aws:sts::1:assumed-role/ci_push/gha-42",
            ),
            ("role/[x](http://e.example)", "`role/[x](http://e.example)`"),
            ("role/www.e.example", "`role/www.e.example`"),
            ("a`|[x](//e)", "`a'\\|[x](//e)`"),
            ("a\\|<b>\n| c", "`a%5C\\|<b> \\| c`"),
        ] {
            assert_eq!(plain(text), cell);
        }
    }

    #[test]
    fn no_registry_is_no_table() {
        assert!(!table(Mode::None, &[]).contains('|'));
    }
}
