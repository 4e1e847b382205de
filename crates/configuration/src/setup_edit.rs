//! Writes rules into `setup.json`, and removes them again.

use std::io;
use std::path::{Path, PathBuf};

use super::setup_file::{self, FallbackStore, SetupDocument, SetupRule};
use super::{Config, file};
use context::{Env, no_home};
use diagnostics::{Code, Error, Mention, Result, one_line};
use private_files::{EditOutcome, Encoding, FileFormat, ReplacedValue, StateFolder, UndoLog, read_text};
use settings::CognitoSettings;

/// No other program writes the file, so nothing is merged.
const SETUP_JSON: FileFormat = FileFormat {
    encoding: Encoding::Utf8,
    merge: |_, _, _| None,
    blank: "{}",
    elsewhere: Mention::new("--config FILE"),
};

/// What a command adds to `setup.json`.
#[derive(Debug, Clone, Default)]
pub struct SetupChange {
    /// The rules, each for one exact host or alias.
    pub rules: Vec<SetupRule>,
    /// The sign-in to Cognito, with absolute paths.
    pub cognito: Option<CognitoSettings>,
    /// The store for registries that are neither ECR's nor aliases.
    pub fallback: Option<FallbackStore>,
}

impl SetupChange {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.cognito.is_none() && self.fallback.is_none()
    }
}

/// The `setup.json` that commands write.
#[derive(Debug, Clone)]
pub struct SetupFile {
    path: PathBuf,
    /// The `ecr-auth.yml` whose exact rules come first. `None` for a job's file, whose rules come before all others.
    people: Option<PathBuf>,
}

/// The result of [`SetupFile::write`].
#[derive(Debug, Default)]
pub struct SetupWritten {
    /// Whether the file was changed.
    pub changed: bool,
    /// The rules that were different before.
    pub replaced: Vec<ReplacedRule>,
    /// Whether another sign-in was replaced.
    pub replaced_cognito: bool,
}

/// A rule that took the place of another one for the same host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedRule {
    /// What it said before.
    pub before: SetupRule,
    /// What it says now.
    pub now: SetupRule,
}

/// The result of [`SetupFile::take_back`].
#[derive(Debug, Default)]
pub struct SetupTakenBack {
    /// The hosts whose rules were removed.
    pub hosts: Vec<String>,
    /// Whether the sign-in to Cognito was removed.
    pub cognito: bool,
    /// Whether the sign-in to Cognito is kept, for remaining rules.
    pub keeps_cognito: bool,
    /// Whether the fallback store was removed.
    pub fallback: bool,
    /// Whether the file was removed, because nothing else was in it.
    pub removed: bool,
}

impl SetupFile {
    /// Returns the file that commands write now: the job's (`$ECR_AUTH_SETUP`), else the one beside the `ecr-auth.yml` that is used.
    ///
    /// # Errors
    /// A usage error if the user has no home and nothing names a file.
    pub fn in_force(env: &Env, named: Option<&Path>) -> Result<Self> {
        if let Some(path) = setup_file::of_job(env) {
            return Ok(Self::of_job(path));
        }
        let (path, people) = (setup_file::of_user(env, named), super::path(env, named));
        let path = path.ok_or_else(|| no_home("cannot tell where setup.json is"))?;
        Ok(Self { path, people })
    }

    /// Returns a job's own file.
    pub fn of_job(path: PathBuf) -> Self {
        Self { path, people: None }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the change of [`SetupFile::write`] as a unified diff. Values of rules that are not written are `REDACTED`. Empty if there is no
    /// change.
    ///
    /// # Errors
    /// The errors of [`SetupFile::write`], except the system's errors about writing.
    pub fn preview(&self, config: &Config, change: &SetupChange) -> Result<String> {
        let (old, new) = self.texts(config, change)?;
        Ok(match new {
            Some(new) => {
                let shown = |text: &str, is_written: bool| {
                    SetupDocument::parse(text, &self.path, None)?
                        .redacted(
                            |rule| is_written && change.rules.iter().any(|it| it.host == rule),
                            is_written && change.cognito.is_some(),
                        )
                        .text()
                };
                let old = old.as_deref().map(|old| shown(old, false)).transpose()?;
                private_files::unified_diff(
                    &private_files::real_path(&self.path, &SETUP_JSON)?,
                    old.as_deref(),
                    &shown(&new, true)?,
                )
            }
            None => String::new(),
        })
    }

    /// Returns the configuration as it will be after [`SetupFile::write`]. `config` is the current one, from the file that `named` names.
    ///
    /// # Errors
    /// The errors of [`SetupFile::preview`] and [`Config::load`].
    pub fn planned(&self, env: &Env, named: Option<&Path>, config: &Config, change: &SetupChange) -> Result<Config> {
        match self.texts(config, change)? {
            (_, Some(new)) => {
                let document = SetupDocument::parse(&new, &self.path, None)?;
                let must_exist = super::is_named(env, named);
                Config::read(env, named, must_exist, None, Some((&self.path, &document)))
            }
            (_, None) => Ok(config.clone()),
        }
    }

    /// Returns the file's text, and the text after the change if it differs.
    fn texts(&self, config: &Config, change: &SetupChange) -> Result<(Option<String>, Option<String>)> {
        let old = read_text(&private_files::real_path(&self.path, &SETUP_JSON)?)?;
        let new = self.edit(old.as_deref(), config, change)?.map(|(new, _)| new);
        Ok((old, new))
    }

    /// Writes the rules and the sign-in. `config` is the current configuration.
    ///
    /// # Errors
    /// Usage errors: `ecr-auth.yml` names one of the hosts exactly or has another sign-in, or a rule or the file is invalid. A failure: the file
    /// cannot be written.
    pub fn write(&self, env: &Env, config: &Config, change: &SetupChange) -> Result<SetupWritten> {
        self.note_if_new(env, config, change)?;
        let mut written = SetupWritten::default();
        let state = StateFolder::from_env(env);
        let updated = private_files::update(&self.path, &SETUP_JSON, state.as_ref(), &mut |old| {
            Ok(match self.edit(old, config, change)? {
                Some((new, what)) => {
                    written = what;
                    EditOutcome::Text(new)
                }
                None => EditOutcome::Unchanged,
            })
        })?;
        written.changed = updated.changed;
        Ok(written)
    }

    /// Notes the folders that are made for a new file, before the file exists, so that the next run can clean up after a run that was killed.
    fn note_if_new(&self, env: &Env, config: &Config, change: &SetupChange) -> Result<()> {
        let real = private_files::real_path(&self.path, &SETUP_JSON)?;
        if real.exists() || self.edit(None, config, change)?.is_none() {
            return Ok(());
        }
        let folders = self.path.parent().map(private_files::make_folders);
        if let (Some(Ok(folders)), Some(log)) = (folders, undo_log(env)) {
            // Without a note, folders that were made for the file are left behind empty.
            let _ = log.change_file(&real, &mut |record| {
                record.created = true;
                record.created_folders.extend(folders.clone());
                let name = "registries".to_owned();
                record.values.insert(name, ReplacedValue::new(None, ""));
            });
        }
        Ok(())
    }

    /// Removes the rules of some hosts, and the sign-in once no rule needs it. `config` is the current configuration.
    ///
    /// # Errors
    /// A usage error if the file is invalid. A failure if it cannot be written.
    pub fn take_back(&self, env: &Env, config: &Config, is_meant: &dyn Fn(&str) -> bool) -> Result<SetupTakenBack> {
        self.shrink(env, &mut |document| {
            document.registries.retain(|rule| !is_meant(&rule.host));
            if document.registries.is_empty() && !config.people_need_setups_sign_in() {
                document.cognito = None;
            }
        })
    }

    /// Removes the fallback store.
    ///
    /// # Errors
    /// The errors of [`SetupFile::take_back`].
    pub fn take_back_fallback(&self, env: &Env) -> Result<SetupTakenBack> {
        if !self.path.exists() {
            return Ok(SetupTakenBack::default());
        }
        self.shrink(env, &mut |document| document.fallback = None)
    }

    /// Writes the file with something removed, or deletes it once nothing is left.
    fn shrink(&self, env: &Env, take_out: &mut dyn FnMut(&mut SetupDocument)) -> Result<SetupTakenBack> {
        let mut done = SetupTakenBack::default();
        if file::is_out_of_sight(&self.path) {
            // No command of this user can have written there.
            return Ok(done);
        }
        let real = private_files::real_path(&self.path, &SETUP_JSON)?;
        let state = StateFolder::from_env(env);
        private_files::update(&self.path, &SETUP_JSON, state.as_ref(), &mut |old| {
            let Some(old) = old else {
                return Ok(EditOutcome::Unchanged);
            };
            let before = SetupDocument::parse(old, &self.path, None)?;
            let mut after = before.clone();
            take_out(&mut after);
            done.keeps_cognito = after.cognito.is_some();
            if before == after {
                return Ok(EditOutcome::Unchanged);
            }
            let gone = before.registries.iter().filter(|rule| !after.registries.contains(rule));
            done.hosts = gone.map(|rule| rule.host.clone()).collect();
            done.cognito = before.cognito.is_some() && after.cognito.is_none();
            done.fallback = before.fallback != after.fallback;
            done.removed = after == SetupDocument::default();
            Ok(match done.removed {
                true => EditOutcome::Remove,
                false => EditOutcome::Text(after.text()?),
            })
        })?;
        if !real.exists() {
            remove_folders(env, &real);
        }
        Ok(done)
    }

    /// Returns the new text, and what it replaces, or `None` if nothing changes.
    fn edit(&self, old: Option<&str>, config: &Config, change: &SetupChange) -> Result<Option<(String, SetupWritten)>> {
        self.refuse_what_people_wrote(config, change)?;
        let before = match old {
            Some(text) => SetupDocument::parse(text, &self.path, None)?,
            None => SetupDocument::default(),
        };
        let (mut after, mut written) = (before.clone(), SetupWritten::default());
        if let Some(settings) = &change.cognito {
            after.cognito = Some(settings.values().to_json()?);
            written.replaced_cognito = before.cognito.is_some() && before.cognito != after.cognito;
        }
        if let Some(fallback) = &change.fallback {
            after.fallback = Some(fallback.clone());
        }
        for rule in &change.rules {
            let mut rule = rule.clone();
            match after.registries.iter_mut().find(|known| known.host == rule.host) {
                Some(known) => {
                    rule.registry = rule.registry.or_else(|| known.registry.clone());
                    if *known != rule {
                        let before = std::mem::replace(known, rule.clone());
                        written.replaced.push(ReplacedRule { before, now: rule });
                    }
                }
                None => after.registries.push(rule),
            }
        }
        if before == after {
            return Ok(None);
        }
        after.registries.sort_by(|one, other| one.host.cmp(&other.host));
        self.check(&after, config)?;
        let text = after.text()?;
        if text.len() > file::LONGEST {
            return Err(Error::failed(
                Code::NotWritable,
                format!("cannot write {}", one_line(&self.path.display().to_string())),
                "its rules would be longer than 1 MiB",
            ));
        }
        Ok(Some((text, written)))
    }

    /// Checks that the new contents of the file can be read.
    fn check(&self, document: &SetupDocument, config: &Config) -> Result<()> {
        let path = &self.path;
        let block = document.cognito.as_ref();
        let cognito = block.map(|block| super::yaml::setup_cognito(path, block)).transpose()?;
        let mut base = Config {
            layers: Vec::new(),
            ..config.clone()
        };
        base.add_layer((path.clone(), document.clone()), cognito.as_ref(), |_, _| false)
    }

    /// Refuses to override a rule that a person wrote into `ecr-auth.yml`.
    fn refuse_what_people_wrote(&self, config: &Config, change: &SetupChange) -> Result<()> {
        let Some(people) = &self.people else { return Ok(()) };
        let at = |line: u64| format!("{}:{line}", one_line(&people.display().to_string()));
        for rule in &change.rules {
            if let Some(line) = config.line_naming(&rule.host) {
                let cause = format!("this rule names {} itself, and it comes first", rule.host);
                return Err(Error::usage(Code::RuleByHand, at(line), cause)
                    .hint("nothing is changed: edit that rule, or remove it and run this again"));
            }
        }
        match (&change.cognito, config.line_of_cognito()) {
            (Some(asked), Some(line)) if config.cognito() != Some(asked) => {
                let cause = "\"cognito\" names another sign-in, and it comes first";
                Err(Error::usage(Code::RuleByHand, at(line), cause)
                    .hint("nothing is changed: edit that block, or remove it and run this again"))
            }
            _ => Ok(()),
        }
    }
}

fn undo_log(env: &Env) -> Option<UndoLog> {
    Some(UndoLog::new(StateFolder::from_env(env)?, "rules"))
}

/// Removes the folders that were made for the file.
fn remove_folders(env: &Env, real: &Path) {
    let forget = |log: UndoLog| -> io::Result<()> {
        private_files::remove_made_folders(&log.file(real)?.created_folders, real);
        log.change_file(real, &mut |record| record.values.clear())
    };
    // A folder that is left behind is empty and does no harm.
    let _ = undo_log(env).filter(|log| log.path().exists()).map(forget);
}
