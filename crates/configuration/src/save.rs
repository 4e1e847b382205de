//! The configuration file on disk: written under a lock and at once, with notes of what stood there before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::edit::{
    CognitoEdit, ListWas, Noted, Previous, RuleEdit, TakenBack, Written, take_back as taken_back, write as written,
};
use super::file::is_out_of_sight;
use super::path;
use context::Env;
use diagnostics::{Code, Error, Mention, Result};
use private_files::{Edited, Format, Notes, read_text};

/// Other writers are editors, in somebody's hands: nothing is merged with what they save.
const YAML: Format = Format {
    merge: |_, _, _| None,
    blank: "registries: []",
    elsewhere: Mention::new("--config FILE"),
};

/// What `setup` wrote into one file and `logout` has not taken back yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FileNotes {
    /// Whether the file was made by us.
    created: bool,
    /// Folders made for it, outermost first.
    created_folders: Vec<PathBuf>,
    /// Whether its first line is ours.
    has_header: bool,
    /// How `registries` was before it had a rule.
    list: Option<ListWas>,
    /// Our rules, by their `match`.
    rules: BTreeMap<String, Previous>,
    /// Our block `cognito`.
    cognito: Option<Previous>,
}

/// By the file's real path.
type AllNotes = BTreeMap<PathBuf, FileNotes>;

/// What [`write`] did.
#[derive(Debug, Default)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// Whether it was changed.
    pub changed: bool,
    /// The rules, by their `match`, that stood there and say something else now.
    pub replaced: Vec<String>,
    /// Whether a block `cognito` stood there that says something else now.
    pub replaced_cognito: bool,
    /// Why what was replaced could not be noted, if so: `logout` can't take it back then.
    pub not_recorded: Option<io::Error>,
}

/// What [`take_back`] did.
#[derive(Debug, Default)]
pub struct Restored {
    /// The file.
    pub path: PathBuf,
    /// The rules, by their `match`, that are as they were before `setup`.
    pub taken_back: Vec<String>,
    /// Whether the block `cognito` is as it was.
    pub cognito: bool,
    /// Whether it still is as [`write`] wrote it, for rules that are left.
    pub keeps_cognito: bool,
    /// Whether the file was removed, because `setup` had made it and nothing else is in it.
    pub removed: bool,
    /// Why the notes could not be brought up to date, if so.
    pub not_recorded: Option<io::Error>,
    /// Why the notes say nothing of what was written, if they cannot be read: then all rules stay.
    pub not_read: Option<io::Error>,
}

/// What [`write`] would change, as a unified diff; empty if nothing.
///
/// # Errors
/// Those of [`write`].
pub fn preview(env: &Env, named: Option<&Path>, cognito: Option<&CognitoEdit>, rules: &[RuleEdit]) -> Result<String> {
    let real = private_files::real_path(&place(env, named)?, &YAML)?;
    let old = read_text(&real)?;
    let new = written(old.as_deref(), &real, cognito, rules)?;
    Ok(match new.is_nothing() {
        true => String::new(),
        false => private_files::unified_diff(&real, old.as_deref(), &new.text),
    })
}

/// Writes the block `cognito` and rules into the configuration file: `named` (`--config`), else `$ECR_AUTH_CONFIG`, else the user's; it is made if it
/// is not there. What they replace is noted first, so that a run that is killed in between leaves nothing that [`take_back`]
/// could not take back.
///
/// # Errors
/// Usage errors: the file, or a rule, isn't right. Failures: the file can't be written, or not edited safely; then the hint has
/// the rule to add by hand. The file is as it was.
pub fn write(env: &Env, named: Option<&Path>, cognito: Option<&CognitoEdit>, rules: &[RuleEdit]) -> Result<Saved> {
    let path = place(env, named)?;
    let real = private_files::real_path(&path, &YAML)?;
    let notes = notes(env);
    let mut saved = Saved::default();
    let mut known = None;
    let updated = private_files::update(&path, &YAML, &mut |old| {
        let written = written(old, &real, cognito, rules)?;
        if written.is_nothing() {
            return Ok(Edited::Unchanged);
        }
        // What another program's save makes us do again continues what was noted before the first time. Notes that can't be read
        // say nothing, and are replaced.
        let known = known.get_or_insert_with(|| load(notes.as_ref(), &real).unwrap_or_default());
        let noted = note(notes.as_ref(), &mut |all| {
            let entry = all.entry(real.clone()).or_default();
            entry.add(&written, known, old.is_none());
        });
        saved.not_recorded = noted.err();
        let stood = written.rules.iter().filter(|(_, rule)| rule.previous.is_some());
        saved.replaced = stood.map(|(name, _)| name.clone()).collect();
        let block = written.cognito.as_ref();
        saved.replaced_cognito = block.is_some_and(|block| block.previous.is_some());
        Ok(Edited::Text(written.text))
    })?;
    if !updated.folders.is_empty() {
        // Not noted, these folders are left behind empty: notes that failed have been reported already.
        let _ = note(notes.as_ref(), &mut |all| {
            let entry = all.entry(real.clone()).or_default();
            entry.created_folders.clone_from(&updated.folders);
        });
    }
    saved.path = path;
    saved.changed = updated.changed;
    Ok(saved)
}

/// Puts back what [`write`] replaced in the configuration file wherever ours still stands: the rules whose `match` is meant, and
/// the block `cognito` once no rule needs it.
///
/// # Errors
/// Usage errors: the file isn't right. Failures: it can't be written.
pub fn take_back(env: &Env, named: Option<&Path>, is_meant: &dyn Fn(&str) -> bool) -> Result<Restored> {
    let (Some(path), notes) = (path(env, named), notes(env)) else {
        return Ok(Restored::default());
    };
    let mut done = Restored {
        path,
        ..Restored::default()
    };
    if is_out_of_sight(&done.path) {
        // Where this user cannot look, nothing was written for them.
        return Ok(done);
    }
    let real = private_files::real_path(&done.path, &YAML)?;
    let known = match load(notes.as_ref(), &real) {
        Ok(known) => known,
        Err(error) => {
            done.not_read = Some(error);
            return Ok(done);
        }
    };
    if known.is_nothing() {
        return Ok(done);
    }
    private_files::update(&done.path, &YAML, &mut |old| {
        let Some(old) = old else {
            return Ok(Edited::Unchanged);
        };
        let TakenBack { text, names, cognito } = taken_back(old, &real, is_meant, known.noted())?;
        if names.is_empty() && !cognito {
            return Ok(Edited::Unchanged);
        }
        done.taken_back = names;
        done.cognito = cognito;
        done.removed = known.created && text.trim().is_empty();
        Ok(if done.removed {
            Edited::Remove
        } else {
            Edited::Text(text)
        })
    })?;
    if done.removed {
        for folder in known.created_folders.iter().rev() {
            // One that holds something else by now has to stay.
            let _ = fs::remove_dir(folder);
        }
    }
    let mut keeps_cognito = false;
    let forget = note(notes.as_ref(), &mut |all| {
        if let Some(entry) = all.get_mut(&real) {
            entry.rules.retain(|name, _| !is_meant(name));
            // Without any rule of ours left, it stands there for somebody else's, or is not ours any more.
            entry.cognito = entry
                .cognito
                .take()
                .filter(|_| !done.cognito && !entry.rules.is_empty());
            keeps_cognito = entry.cognito.is_some();
        }
    });
    done.keeps_cognito = keeps_cognito;
    done.not_recorded = forget.err();
    Ok(done)
}

fn place(env: &Env, named: Option<&Path>) -> Result<PathBuf> {
    path(env, named).ok_or_else(|| {
        Error::usage(Code::NoHome, "cannot tell where ecr-auth.yml is", "HOME is not set")
            .hint("name the file with --config FILE")
    })
}

fn notes(env: &Env) -> Option<Notes<AllNotes>> {
    env.state_folder().map(|folder| Notes::new(folder, "rules"))
}

/// What is noted of a file.
fn load(notes: Option<&Notes<AllNotes>>, real: &Path) -> io::Result<FileNotes> {
    let mut all = notes.map_or_else(|| Ok(AllNotes::default()), Notes::load)?;
    Ok(all.remove(real).unwrap_or_default())
}

fn note(notes: Option<&Notes<AllNotes>>, change: &mut dyn FnMut(&mut AllNotes)) -> io::Result<()> {
    let Some(notes) = notes else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "HOME is not set"));
    };
    notes.change(&mut |all| {
        change(all);
        // What was written to temporary folders of CI jobs would pile up here.
        all.retain(|path, entry| !entry.is_nothing() && path.parent().is_some_and(Path::is_dir));
    })
}

impl FileNotes {
    /// Adds what a further edit replaced. What was there before the first one stays, as long as ours stood untouched.
    fn add(&mut self, written: &Written, known: &Self, created: bool) {
        if self.is_nothing() {
            *self = Self::default();
        }
        self.created |= created;
        self.has_header |= written.has_header;
        self.list = self.list.take().or_else(|| written.list.clone());
        for (name, rule) in &written.rules {
            let first = known
                .rules
                .get(name)
                .filter(|known| rule.previous.as_ref() == Some(&known.written));
            let previous = match first {
                Some(first) => first.previous.clone(),
                None => rule.previous.clone(),
            };
            let written = rule.written.clone();
            self.rules.insert(name.clone(), Previous { previous, written });
        }
        if let Some(block) = &written.cognito {
            let first = known
                .cognito
                .as_ref()
                .filter(|known| block.previous.as_ref() == Some(&known.written));
            let previous = first.map_or(&block.previous, |first| &first.previous).clone();
            let written = block.written.clone();
            self.cognito = Some(Previous { previous, written });
        }
    }

    fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.cognito.is_none()
    }

    fn noted(&self) -> Noted<'_> {
        Noted {
            rules: &self.rules,
            cognito: self.cognito.as_ref(),
            list: self.list.as_ref(),
            has_header: self.has_header,
        }
    }
}
