//! Reads `setup.json`: the rules that commands wrote.
//!
//! Each rule is on one line, so that a question about one registry finds its line without parsing the others. A file with another layout is parsed
//! as a whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{file, path};
use context::{Env, variables};
use diagnostics::{Code, Error, Result, one_line};

/// The variable that names the `setup.json` of a job. It adds to the rules of the user's own file.
pub const SETUP_VARIABLE: &str = variables::ECR_AUTH_SETUP;

const HEAD: &str = "{\n";
const COGNITO: &str = "\"cognito\":";
const FALLBACK: &str = "\"fallback\":";
const REGISTRIES: &str = "\"registries\":[\n";
/// The start of a rule's line.
const RULE: &str = "{\"match\":";
const TAIL: &str = "\n]}\n";

/// The rule of one registry in `setup.json`, with the same keys as a rule of `ecr-auth.yml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupRule {
    /// The registry's host, or an alias.
    #[serde(rename = "match")]
    pub host: String,
    /// The ECR host behind an alias. In a change, `None` keeps the one that the rule has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The identity settings. Paths are absolute.
    #[serde(flatten)]
    pub keys: Map<String, Value>,
}

/// The store for every registry that is neither ECR's nor an alias, if clients ask ecr-auth for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    expecting = "an object with \"store\" or \"auths\", such as {\"store\": \"desktop\"}"
)]
pub enum FallbackStore {
    /// The credential store of this name: the program `docker-credential-<name>`.
    Store(String),
    /// The `auths` of this docker configuration, by its absolute path.
    Auths(PathBuf),
}

/// The content of a `setup.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with \"registries\"")]
pub(super) struct SetupDocument {
    /// The sign-in to Cognito that the rules use.
    pub cognito: Option<Map<String, Value>>,
    /// The store for registries that are neither ECR's nor aliases.
    pub fallback: Option<FallbackStore>,
    /// The rules, sorted by host.
    pub registries: Vec<SetupRule>,
}

impl SetupDocument {
    /// Reads a file. A missing file has no rules. With `host`, the rules of other hosts may be left out.
    pub fn read(path: &Path, host: Option<&str>) -> Result<Self> {
        if file::is_out_of_sight(path) {
            return Ok(Self::default());
        }
        match file::read(path)? {
            Some(text) => Self::parse(&text, path, host),
            None => Ok(Self::default()),
        }
    }

    /// Reads the text of a file. With `host`, the rules of other hosts may be left out.
    pub fn parse(text: &str, path: &Path, host: Option<&str>) -> Result<Self> {
        let found = host.and_then(|host| Self::only(text, host));
        found.map_or_else(|| Self::whole(text, path), Ok)
    }

    fn whole(text: &str, path: &Path) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            let cause = error.to_string();
            let cause = cause
                .rsplit_once(" at line ")
                .map_or(cause.as_str(), |(cause, _)| cause);
            let place = (error.line() as u64, error.column() as u64);
            file::at(Code::ConfigSyntax, path, place.0, place.1, one_line(cause))
                .hint("ecr-auth setup wrote this file: correct it, or remove it and run ecr-auth setup again")
        })
    }

    /// Returns the rule of one host, the sign-in and the fallback, from a text with the layout of [`SetupDocument::text`].
    fn only(text: &str, host: &str) -> Option<Self> {
        let mut rest = text.strip_prefix(HEAD)?;
        let mut document = Self::default();
        if let Some(line) = rest.strip_prefix(COGNITO) {
            let (block, others) = line.split_once(",\n")?;
            document.cognito = Some(serde_json::from_str(block).ok()?);
            rest = others;
        }
        if let Some(line) = rest.strip_prefix(FALLBACK) {
            let (fallback, others) = line.split_once(",\n")?;
            document.fallback = Some(serde_json::from_str(fallback).ok()?);
            rest = others;
        }
        let rules = rest.strip_prefix(REGISTRIES)?.strip_suffix(TAIL)?;
        let wanted = format!("\"{host}\"");
        for line in lines(rules) {
            if line.strip_prefix(RULE)?.starts_with(&wanted) {
                let rule = line.strip_suffix(',').unwrap_or(line);
                document.registries.push(serde_json::from_str(rule).ok()?);
            }
        }
        Some(document)
    }

    /// Returns the document without the values of rules and of the sign-in, except those that are to be shown.
    pub fn redacted(mut self, is_shown: impl Fn(&str) -> bool, shows_cognito: bool) -> Self {
        for rule in self.registries.iter_mut().filter(|rule| !is_shown(&rule.host)) {
            rule.keys.values_mut().for_each(redact);
        }
        if let Some(block) = self.cognito.as_mut().filter(|_| !shows_cognito) {
            block.values_mut().for_each(redact);
        }
        self
    }

    /// Returns the text of the file.
    pub fn text(&self) -> Result<String> {
        let cognito = match &self.cognito {
            Some(block) => format!("{COGNITO}{},\n", line(block)?),
            None => String::new(),
        };
        let fallback = match &self.fallback {
            Some(fallback) => format!("{FALLBACK}{},\n", line(fallback)?),
            None => String::new(),
        };
        let rules = self.registries.iter().map(line).collect::<Result<Vec<_>>>()?;
        let rules = rules.join(",\n");
        Ok(format!("{HEAD}{cognito}{fallback}{REGISTRIES}{rules}{TAIL}"))
    }
}

/// Returns the lines of a text, without their ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    let mut begin = 0;
    ends.map(move |end| &text[std::mem::replace(&mut begin, end + 1)..end])
}

fn redact(value: &mut Value) {
    *value = Value::from("REDACTED");
}

fn line<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::failed(Code::NotWritable, "cannot write setup.json", error))
}

/// Returns the path of the job's own file, if `$ECR_AUTH_SETUP` names one.
pub(super) fn of_job(env: &Env) -> Option<PathBuf> {
    env.path(SETUP_VARIABLE)
}

/// Returns the path of the user's file: `setup.json` beside the `ecr-auth.yml` that is used.
pub(super) fn of_user(env: &Env, named: Option<&Path>) -> Option<PathBuf> {
    Some(path(env, named)?.with_file_name("setup.json"))
}
