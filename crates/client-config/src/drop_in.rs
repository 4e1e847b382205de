//! The drop-in for the container tools' `registries.conf` that makes podman, buildah and skopeo ask the helper for every registry.
//!
//! They do not know `credsStore`. They have the list `credential-helpers` (containers-registries.conf(5)). The last file with the list counts, so
//! ours comes last and keeps the entries of the others. The files are read as `sysregistriesv2` of github.com/containers/image reads them: below
//! the home, whatever `XDG_CONFIG_HOME` says, also for root.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use toml::de::DeTable;
use toml_writer::ToTomlValue;

use super::edit::HELPER;
use super::record::{ClientUndoLog, FileRecord};
use super::replace::{EditOutcome, real_path, update};
use context::{Env, NO_HOME};
use diagnostics::{Code, Error, Result};
use private_files::{read_text, unified_diff};

/// The name, which sorts after names of drop-ins that begin with a number.
const NAME: &str = "zz-ecr-auth.conf";

/// The first line of the file.
const HEADER: &str = "# Written by `ecr-auth setup --all`. `ecr-auth logout` removes this file.\n";

/// The list of helpers.
const KEY: &str = "credential-helpers";

/// The container tools' default list: only their own files.
const DEFAULT_LIST: [&str; 1] = ["containers-auth.json"];

/// The drop-in and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    path: PathBuf,
    /// The text to write. `None` if the other files name the helper already.
    text: Option<String>,
    /// A file that is read after ours, and has a list without the helper.
    hidden_by: Option<PathBuf>,
}

/// The result of [`DropIn::write`].
#[derive(Debug, Default)]
pub struct DropInWritten {
    /// Whether the file was changed.
    pub changed: bool,
    /// Why the change could not be recorded, if so. `logout` then leaves the file.
    pub not_recorded: Option<std::io::Error>,
}

impl DropIn {
    /// Reads the other files and plans the drop-in.
    ///
    /// # Errors
    /// The user has no home, or a file cannot be read.
    pub fn plan(env: &Env) -> Result<Self> {
        let home = env.require_home("cannot tell where registries.conf.d is")?;
        let path = path(&home);
        let (before, after) = lists(&home, &path)?;
        let mut list = before.unwrap_or_else(|| DEFAULT_LIST.map(str::to_owned).into());
        let is_there = list.iter().any(|name| name == HELPER);
        if !is_there {
            list.push(HELPER.to_owned());
        }
        let hidden_by = after.filter(|(_, list)| !list.iter().any(|name| name == HELPER));
        Ok(Self {
            path,
            text: (!is_there).then(|| text_of(&list)),
            hidden_by: hidden_by.map(|(path, _)| path),
        })
    }

    /// Returns the path of the drop-in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a file of the user's that is read later and hides the drop-in.
    pub fn hidden_by(&self) -> Option<&Path> {
        self.hidden_by.as_deref()
    }

    /// Returns the change of [`DropIn::write`] as a unified diff. Empty if there is none.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn preview(&self) -> Result<String> {
        let real = real_path(&self.path)?;
        let old = read_text(&real)?;
        Ok(match &self.text {
            Some(text) if old.as_ref() != Some(text) => unified_diff(&real, old.as_deref(), text),
            _ => String::new(),
        })
    }

    /// Writes the drop-in. What is written is recorded first.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, record: Option<&ClientUndoLog>) -> Result<DropInWritten> {
        let mut done = DropInWritten::default();
        let Some(text) = &self.text else { return Ok(done) };
        let real = real_path(&self.path)?;
        let remember = |newer: FileRecord| match record {
            Some(record) => record.change(&mut |all| all.files.entry(real.clone()).or_default().merge(newer.clone())),
            None => Err(std::io::Error::new(std::io::ErrorKind::NotFound, NO_HOME)),
        };
        let updated = update(&self.path, record.map(ClientUndoLog::state), &mut |old| {
            if old == Some(text) {
                return Ok(EditOutcome::Unchanged);
            }
            done.not_recorded = remember(FileRecord {
                created: old.is_none(),
                drop_in: Some(hash(text)),
                ..FileRecord::default()
            })
            .err();
            Ok(EditOutcome::Text(text.clone()))
        })?;
        if !updated.folders.is_empty() {
            // If this record fails, these folders are left behind empty. The failure has already been reported.
            let _ = remember(FileRecord {
                drop_in: Some(hash(text)),
                created_folders: updated.folders,
                ..FileRecord::default()
            });
        }
        done.changed = updated.changed;
        Ok(done)
    }

    /// Returns the file that makes the container tools ask the helper for every registry, if there is one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn in_force(env: &Env) -> Result<Option<PathBuf>> {
        let Some(home) = env.home() else { return Ok(None) };
        let mut last = None;
        for file in files(&home) {
            if let Some(list) = list_in(&file)? {
                last = Some((file, list));
            }
        }
        let names_us = |list: &[String]| list.iter().any(|name| name == HELPER);
        Ok(last.filter(|(_, list)| names_us(list)).map(|(file, _)| file))
    }

    /// Removes the file and the folders that were made for it, if the file is ours and unchanged. Returns the removed file.
    ///
    /// # Errors
    /// A file cannot be read or removed.
    pub fn take_back(env: &Env, record: Option<&ClientUndoLog>) -> Result<Option<PathBuf>> {
        let Some(home) = env.home() else { return Ok(None) };
        let path = path(&home);
        let real = real_path(&path)?;
        let known = record.and_then(|record| record.file(&real).ok()).unwrap_or_default();
        let mut removed = false;
        let is_ours = |text: &str| match &known.drop_in {
            Some(written) => hash(text) == *written,
            None => text.starts_with(HEADER),
        };
        update(&path, record.map(ClientUndoLog::state), &mut |old| {
            // The edit is called once more after the file was removed.
            let Some(text) = old else {
                return Ok(EditOutcome::Unchanged);
            };
            removed = is_ours(text);
            Ok(match removed {
                true => EditOutcome::Remove,
                false => EditOutcome::Unchanged,
            })
        })?;
        if removed {
            private_files::remove_made_folders(&known.created_folders, &real);
        }
        if let (Some(record), true) = (record, known != FileRecord::default()) {
            // If this fails, the record is about a missing file, which does no harm.
            let _ = record.change(&mut |all| drop(all.files.remove(&real)));
        }
        Ok(removed.then_some(path))
    }
}

fn path(home: &Path) -> PathBuf {
    home.join(".config/containers/registries.conf.d").join(NAME)
}

fn text_of(list: &[String]) -> String {
    let names: Vec<String> = list.iter().map(|name| name.to_toml_value()).collect();
    format!("{HEADER}{KEY} = [{}]\n", names.join(", "))
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

type FoundList = (PathBuf, Vec<String>);

/// Returns the list that counts before our file is read, and the last one after it.
fn lists(home: &Path, ours: &Path) -> Result<(Option<Vec<String>>, Option<FoundList>)> {
    let (mut before, mut after, mut is_past) = (None, None, false);
    let files = files(home);
    let has_ours = files.iter().any(|file| file == ours);
    for file in files {
        // If our file does not exist yet, files of its folder that sort after its name are read after it.
        let sorts_behind = file.parent() == ours.parent() && file > *ours;
        is_past |= file == ours || !has_ours && sorts_behind;
        if file == ours {
            continue;
        }
        let Some(list) = list_in(&file)? else { continue };
        match is_past {
            true => after = Some((file, list)),
            false => before = Some(list),
        }
    }
    Ok((before, after))
}

/// Returns the files in the order in which they are read. If the user has a `registries.conf`, the system's files are not read.
fn files(home: &Path) -> Vec<PathBuf> {
    let folder = |base: &Path| (base.join("registries.conf"), base.join("registries.conf.d"));
    let (own, own_drop_ins) = folder(&home.join(".config/containers"));
    let (of_system, drop_ins_of_system) = folder(Path::new("/etc/containers"));
    let mut files = match own.exists() {
        true => vec![own],
        false => [vec![of_system], drop_ins(&drop_ins_of_system)].concat(),
    };
    files.extend(drop_ins(&own_drop_ins));
    files
}

fn drop_ins(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect();
    files.sort();
    files
}

fn list_in(path: &Path) -> Result<Option<Vec<String>>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    credential_helpers(&text).map_err(|cause| {
        Error::failed(Code::ClientConfig, format!("cannot read {}", path.display()), cause)
            .hint("fix the file at that place, or move it away: podman can't read it either")
    })
}

/// Returns the value of `credential-helpers` in a TOML text, or an error about the text. Like the container tools, it compares the key
/// case-insensitively.
pub(super) fn credential_helpers(text: &str) -> Result<Option<Vec<String>>, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        mistake(text, place, error.message())
    })?;
    let keys = table.get_ref();
    let key = keys.keys().find(|key| *key.get_ref() == KEY);
    let key = key.or_else(|| keys.keys().find(|key| key.get_ref().eq_ignore_ascii_case(KEY)));
    let Some((key, value)) = key.and_then(|key| keys.get_key_value(key)) else {
        return Ok(None);
    };
    let names = value.get_ref().as_array().map(|array| array.iter());
    let names = names.map(|names| names.map(|name| name.get_ref().as_str().map(str::to_owned)).collect());
    match names {
        Some(Some(names)) => Ok(Some(names)),
        _ => Err(mistake(
            text,
            key.span().start,
            &format!("{KEY} is not a list of names"),
        )),
    }
}

fn mistake(text: &str, place: usize, what: &str) -> String {
    let line = text.get(..place).unwrap_or_default().matches('\n').count() + 1;
    format!("line {line}: {what}")
}
