//! The table in the run's summary: registry, account, role, how, until when. No secrets.

use super::inputs::Mode;
use super::principal::Principal;
use crate::registry::Registry;

/// One registry.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its host.
    pub registry: &'a str,
    /// Who was signed in.
    pub principal: Option<&'a Principal>,
    /// When its password ends, as RFC 3339, if one was fetched.
    pub until: Option<String>,
}

/// Markdown, with a heading.
pub fn table(mode: Mode, rows: &[Row<'_>]) -> String {
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
            row.registry,
            account.unwrap_or("–"),
            role.unwrap_or("the runner's own credentials"),
            how(mode),
            until(mode, row.until.as_deref()),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
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
