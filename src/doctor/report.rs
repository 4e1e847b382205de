//! The results of the checks.

use std::fmt;

use serde::Serialize;

use super::again::SameChecks;
use diagnostics::{Code, Error};
use settings::Surface;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// No problem.
    Pass,
    /// A pull works, but there may be a problem.
    Warn,
    /// A pull fails because of this.
    Fail,
    /// Not made, because an earlier check failed.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, which is the same in every version.
    pub id: &'static str,
    /// The registry that it is about. `None` for the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The result.
    pub outcome: Outcome,
    /// What was found, in one line without secrets.
    pub finding: String,
    /// The code of a failure, which docs/troubleshooting.md explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The hint, in one line or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    fn new(id: &'static str, outcome: Outcome, finding: String, hint: Option<String>) -> Self {
        Self {
            id,
            registry: None,
            outcome,
            finding,
            code: None,
            hint,
        }
    }

    /// Returns a check without a problem.
    pub fn pass(id: &'static str, finding: impl Into<String>) -> Self {
        Self::new(id, Outcome::Pass, finding.into(), None)
    }

    /// Adds a hint, if there is none yet.
    #[must_use]
    pub fn or_hint(self, hint: Option<String>) -> Self {
        Self {
            hint: self.hint.or(hint),
            ..self
        }
    }

    /// Returns a check for a possible problem.
    pub fn warn(id: &'static str, finding: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(id, Outcome::Warn, finding.into(), Some(hint.into()))
    }

    /// Returns a check for a failure. The finding ends in the code, as in errors.
    pub fn fail(id: &'static str, code: Code, finding: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(id, Outcome::Fail, format!("{finding} [{code}]"), Some(hint.into()))
        }
    }

    /// Returns a check for a failure with this error.
    pub fn failed(id: &'static str, error: &Error) -> Self {
        let error = Surface::CommandLine.tell(error.clone());
        let hint = error.hint_text().map(str::to_owned);
        Self {
            code: Some(error.code()),
            ..Self::new(id, Outcome::Fail, error.to_string(), hint)
        }
    }

    /// Returns a skipped check, because the check `after` failed.
    pub fn skipped(id: &'static str, after: &str) -> Self {
        Self::new(
            id,
            Outcome::Skipped,
            format!("not looked at, since {after} failed"),
            None,
        )
    }

    /// Turns a failure into a warning, if a pull goes on in spite of it.
    #[must_use]
    pub fn at_most_warn(self) -> Self {
        match self.outcome {
            Outcome::Fail => Self {
                outcome: Outcome::Warn,
                ..self
            },
            _ => self,
        }
    }
}

/// All checks, in the order in which a pull happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
    /// Private names in the checks: hosts, repositories, profiles, roles. For a [`Redactor`](super::Redactor).
    pub names: Vec<String>,
    /// The command lines that make them again.
    pub again: SameChecks,
}

impl Report {
    /// Whether a pull would fail.
    pub fn has_failed(&self) -> bool {
        self.checks.iter().any(|check| check.outcome == Outcome::Fail)
    }

    /// Shows the checks of these names once, before those of the registries, if their results are the same for every registry.
    pub(super) fn tell_once(&mut self, ids: &[&str]) {
        for id in ids {
            let is_told = |check: &&Check| check.id == *id && check.outcome != Outcome::Skipped;
            let mut told = self.checks.iter().filter(is_told);
            let Some(first) = told.next().cloned() else { continue };
            let is_same = |check: &Check| {
                Check {
                    registry: None,
                    ..check.clone()
                } == Check {
                    registry: None,
                    ..first.clone()
                }
            };
            let mut others = told.peekable();
            if others.peek().is_none() || !others.all(is_same) {
                continue;
            }
            self.checks.retain(|check| !is_told(&check));
            let registries = self.checks.iter().position(|check| check.registry.is_some());
            let before = registries.unwrap_or(self.checks.len());
            self.checks.insert(
                before,
                Check {
                    registry: None,
                    ..first
                },
            );
        }
    }

    /// Returns the number of skipped checks.
    pub fn skipped(&self) -> usize {
        let skipped = self.checks.iter().filter(|check| check.outcome == Outcome::Skipped);
        skipped.count()
    }
}
