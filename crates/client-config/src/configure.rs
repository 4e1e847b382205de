//! Edits one configuration file for `setup`.

use std::io;

use super::client::{EntryForAll, Kind};
use super::edit::{CREDS_STORE, ConfigEdit, HELPER, HelperSettings, Malformed, ends_with_configuration};
use super::empty_parts::EmptyParts;
use super::files::ConfigFile;
use super::previous_store::finds_store;
use super::record::{ClientUndoLog, FileRecord};
use super::replace::{EditOutcome, read_text, real_path, update};
use crate::unified_diff;
use context::NO_HOME;
use diagnostics::Result;
use private_files::ReplacedValue;

/// The registries for which the clients should use the helper.
#[derive(Debug, Clone, Copy)]
pub struct SetupRequest<'a> {
    /// The registries' exact host names.
    pub hosts: &'a [String],
    /// Whether the clients use the helper for every registry. A host then gets its own entry only to replace another helper's.
    pub all: bool,
    /// The store that docker uses by itself while a file has no credential settings. Without `all`, it becomes `credsStore` of such a file, because
    /// `credHelpers` ends that.
    pub detected_store: Option<&'a str>,
}

/// The result of [`SetupRequest::configure`].
#[derive(Debug, Default)]
pub struct SetupOutcome {
    /// Whether the file was changed.
    pub changed: bool,
    /// Registries (or `credsStore`) that had another helper, with its name.
    pub replaced: Vec<(String, String)>,
    /// The store that docker has used by itself, and that `credsStore` names now.
    pub kept_store: Option<String>,
    /// Text after the configuration in the file, if any. The client ignores it, and other clients refuse the file.
    pub rest: Option<Malformed>,
    /// Why the replaced values could not be recorded, if so.
    pub not_recorded: Option<io::Error>,
}

impl SetupRequest<'_> {
    /// Whether a client's file gets `credsStore`.
    pub fn is_store_of(&self, kind: Kind) -> bool {
        self.all && kind.descriptor().entry_for_all == EntryForAll::CredsStore
    }

    /// Returns the change of [`SetupRequest::configure`] as a unified diff without secrets. Empty if there is none.
    pub fn preview(&self, file: &ConfigFile) -> Result<String> {
        let real = real_path(&file.path)?;
        let old = read_text(&real)?;
        Ok(match self.plan(file, old.as_deref())? {
            Some((new, _)) => unified_diff(&real, old.as_deref(), &new),
            None => String::new(),
        })
    }

    /// Returns the registries (or `credsStore`) that have another helper now, and which.
    pub fn would_replace(&self, file: &ConfigFile) -> Result<Vec<(String, String)>> {
        let old = read_text(&real_path(&file.path)?)?;
        let plan = self.plan(file, old.as_deref())?;
        Ok(plan.map_or_else(Vec::new, |(_, record)| replaced(record)))
    }

    /// Writes the helper into the file. The replaced values are recorded first, so that `logout` can undo a run that was killed.
    pub fn configure(&self, file: &ConfigFile, record: Option<&ClientUndoLog>) -> Result<SetupOutcome> {
        let real = real_path(&file.path)?;
        let mut done = SetupOutcome::default();
        let remember = |newer: &FileRecord| match record {
            Some(record) => record.change(&mut |all| all.files.entry(real.clone()).or_default().merge(newer.clone())),
            None => Err(io::Error::new(io::ErrorKind::NotFound, NO_HOME)),
        };
        let mut changes = FileRecord::default();
        let state = record.map(ClientUndoLog::state);
        let updated = update(&file.path, state, &mut |old| {
            let Some((new, newer)) = self.plan(file, old)? else {
                done.rest = ends_with_configuration(old.unwrap_or_default()).err();
                return Ok(EditOutcome::Unchanged);
            };
            done.rest = ends_with_configuration(&new).err();
            changes.merge(newer.clone());
            if let Err(error) = remember(&newer) {
                done.not_recorded = Some(error);
            }
            Ok(EditOutcome::Text(new))
        })?;
        if !updated.folders.is_empty() {
            changes.created_folders = updated.folders;
            // If this record fails, these folders are left behind empty. The failure has already been reported.
            let _ = remember(&changes);
        }
        done.changed = updated.changed;
        done.kept_store = changes.detected_store.take().filter(|_| !self.all);
        done.replaced = replaced(changes);
        Ok(done)
    }

    /// Returns the file's new text and what it replaces, or `None` if nothing has to change.
    fn plan(&self, file: &ConfigFile, old: Option<&str>) -> Result<Option<(String, FileRecord)>> {
        let text = old.unwrap_or_default();
        let settings = HelperSettings::in_file(file, text)?;
        let mut edit = self.edit(file, &settings);
        let keeps_store = !self.all && !edit.helpers.is_empty() && file.kind.descriptor().has_store;
        let detected = self
            .detected_store
            .filter(|_| self.all || keeps_store && finds_store(text));
        if keeps_store {
            edit.store = detected.map(|store| Some(store.to_owned()));
        }
        let new = edit.apply(text).map_err(|malformed| malformed.in_file(file))?;
        if new == text {
            return Ok(None);
        }
        let previous = |previous: Option<&String>| ReplacedValue::new(previous.cloned(), HELPER);
        let hosts = edit.helpers.keys().map(|host| (host, settings.helpers.get(host)));
        let written = [
            ("credHelpers", !edit.helpers.is_empty()),
            (CREDS_STORE, edit.store.is_some()),
        ];
        let written: Vec<&str> = written.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let record = FileRecord {
            created: old.is_none(),
            empty: EmptyParts::of_file(file, old, &written)?,
            created_helpers: !edit.helpers.is_empty() && !settings.has_helpers,
            cred_helpers: hosts
                .filter(|(_, helper)| helper.is_none_or(|helper| helper != HELPER))
                .map(|(host, helper)| (host.clone(), previous(helper)))
                .collect(),
            null_helpers: settings
                .null_helpers
                .into_iter()
                .filter(|host| edit.helpers.contains_key(host))
                .collect(),
            creds_store: edit
                .store
                .as_ref()
                .filter(|_| self.all)
                .map(|_| previous(settings.store.as_ref())),
            detected_store: edit.store.and(detected.map(str::to_owned)),
            ..FileRecord::default()
        };
        Ok(Some((new, record)))
    }

    fn edit(&self, file: &ConfigFile, settings: &HelperSettings) -> ConfigEdit {
        let needs_own = |host: &&String| !self.all || settings.helpers.contains_key(*host);
        let hosts = self.hosts.iter().filter(needs_own);
        let is_new_store = self.is_store_of(file.kind) && settings.store.as_deref() != Some(HELPER);
        ConfigEdit {
            helpers: hosts.map(|host| (host.clone(), Some(HELPER.to_owned()))).collect(),
            store: is_new_store.then(|| Some(HELPER.to_owned())),
            ..ConfigEdit::default()
        }
    }
}

fn replaced(changes: FileRecord) -> Vec<(String, String)> {
    let store = changes.creds_store.map(|previous| (CREDS_STORE.to_owned(), previous));
    let all = changes.cred_helpers.into_iter().chain(store);
    all.filter_map(|(name, previous)| Some((name, previous.previous?)))
        .collect()
}
