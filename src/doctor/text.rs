//! The report as text: first the machine, then each registry below its name, then the number of problems and the first command to run.

use std::fmt::Write;

use super::report::{Check, Outcome, Report};

/// How the report is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportStyle {
    /// Only warnings and failures.
    pub is_quiet: bool,
    /// With colours, for a terminal.
    pub is_coloured: bool,
}

/// Returns the report as text.
pub fn text(report: &Report, style: ReportStyle) -> String {
    let mut text = String::new();
    let mut under = None;
    for check in &report.checks {
        let Some(mark) = mark(check.outcome, style) else {
            continue;
        };
        let mut of = String::new();
        if style.is_quiet {
            of = check.registry.as_ref().map_or(of, |registry| format!("{registry}: "));
        } else if check.registry != under {
            under.clone_from(&check.registry);
            let heading = under.as_deref().unwrap_or_default();
            let _ = writeln!(text, "\n{heading}");
        }
        let _ = writeln!(text, "{mark} {}: {of}{}", check.id, check.finding);
        for line in check.hint.iter().flat_map(|hint| hint.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    if !style.is_quiet {
        text += &summary(report);
    }
    text
}

/// Returns the sign in front of the finding. Skipped checks are not shown.
fn mark(outcome: Outcome, style: ReportStyle) -> Option<String> {
    let (sign, colour) = match outcome {
        Outcome::Pass if style.is_quiet => return None,
        Outcome::Pass => ('✓', "32"),
        Outcome::Warn => ('!', ""),
        Outcome::Fail => ('✗', "31"),
        Outcome::Skipped => return None,
    };
    Some(match style.is_coloured && !colour.is_empty() {
        true => format!("\u{1b}[{colour}m{sign}\u{1b}[0m"),
        false => sign.to_string(),
    })
}

/// Returns the number of problems, and the first command to run.
fn summary(report: &Report) -> String {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Fail);
    let failed: Vec<&Check> = failed.collect();
    let count = format!("\n{} problems\n", failed.len());
    let Some(first) = failed.first() else { return count };
    match failed.iter().find_map(|check| command_in(check.hint.as_deref()?)) {
        Some(command) => format!("{count}Run first: {command}\n"),
        None => {
            let again = report.again.of(first.registry.as_deref());
            let again = again.map_or_else(|| " the same command again".to_owned(), |line| format!(": {line}"));
            format!("{count}After the first ✗ is fixed, run{again}\n")
        }
    }
}

/// The programs in hints.
const PROGRAMS: [&str; 3] = ["ecr-auth ", "aws ", "docker "];

/// Returns the first command of a hint: the text at the start of a line or after a colon, up to the next part of the sentence.
fn command_in(hint: &str) -> Option<&str> {
    let of_line = |line: &'_ str| {
        line.match_indices(": ")
            .map(|(at, colon)| at + colon.len())
            .collect::<Vec<_>>()
    };
    hint.lines().find_map(|line| {
        let starts = std::iter::once(0).chain(of_line(line));
        let command = starts.map(|at| &line[at..]).find(|rest| is_command(rest))?;
        Some(command[..end_of_command(command)].trim_end())
    })
}

/// Whether a text begins with the name of one of these programs.
fn is_command(text: &str) -> bool {
    PROGRAMS.iter().any(|program| text.starts_with(program))
}

/// Returns where the sentence goes on, outside of quotes.
fn end_of_command(text: &str) -> usize {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ';' | ')' if !is_quoted => return at,
            ',' if !is_quoted && text[at..].starts_with(", ") => return at,
            '.' if !is_quoted && text[at..].starts_with(". ") => return at,
            '(' if !is_quoted && text[..at].ends_with(' ') => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_of_a_hint_is_found() {
        for (hint, command) in [
            ("run: ecr-auth setup HOST", Some("ecr-auth setup HOST")),
            (
                "run: ecr-auth setup HOST (under sudo, set it up with sudo too)",
                Some("ecr-auth setup HOST"),
            ),
            (
                "put it there: ecr-auth install --to /usr/local/bin; or run it without sudo",
                Some("ecr-auth install --to /usr/local/bin"),
            ),
            (
                "take it out (docker logout HOST, or its entry), then: ecr-auth setup HOST",
                Some("ecr-auth setup HOST"),
            ),
            (
                "it says:\nsub = a: b\nPrint it: ecr-auth trust-policy --branch 'a; b' --x\n",
                Some("ecr-auth trust-policy --branch 'a; b' --x"),
            ),
            ("ecr-auth setup REGISTRY", Some("ecr-auth setup REGISTRY")),
            ("look at the proxy", None),
        ] {
            assert_eq!(command_in(hint), command, "{hint}");
        }
    }
}
