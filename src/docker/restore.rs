//! What `logout` does to one configuration file.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use super::edit::{Edit, HELPER, Settings};
use super::files::ConfigFile;
use super::record::{FileRecord, Previous, Record, Remembered};
use super::replace::{Edited, real_path, update};
use crate::error::Result;

/// What [`restore`] did.
#[derive(Debug, Default)]
pub struct Restored {
    /// The registries (and `credsStore`) that were taken back.
    pub taken_back: Vec<String>,
    /// Whether the file was removed because it held nothing else and `setup` had made it.
    pub removed: bool,
    /// Why the record could not be brought up to date, if so.
    pub not_recorded: Option<io::Error>,
}

/// Puts back what `setup` replaced in the file wherever ours still stands; with `hosts`, only for these registries. Without a
/// record (none could be written, or it is lost), what is ours is removed.
pub fn restore(
    file: &ConfigFile,
    hosts: &[String],
    record: Option<&Record>,
    remembered: &Remembered,
) -> Result<Restored> {
    let real = real_path(&file.path)?;
    let known = remembered.files.get(&real);
    let mut done = Restored::default();
    update(&file.path, &mut |old| {
        let (edited, names) = plan(file, old, hosts, known)?;
        if edited != Edited::Unchanged {
            done.removed = edited == Edited::Remove;
            done.taken_back = names;
        }
        Ok(edited)
    })?;
    if done.removed {
        for folder in known.iter().flat_map(|known| known.created_folders.iter().rev()) {
            // One that holds something else by now has to stay.
            let _ = fs::remove_dir(folder);
        }
    }
    if let (Some(record), Some(_)) = (record, known) {
        let forget = record.change(&mut |all| {
            if let Some(known) = all.files.get_mut(&real) {
                forget(known, hosts);
            }
        });
        done.not_recorded = forget.err();
    }
    Ok(done)
}

/// What the file should be, and the names of what is taken back.
fn plan(
    file: &ConfigFile,
    old: Option<&str>,
    hosts: &[String],
    known: Option<&FileRecord>,
) -> Result<(Edited, Vec<String>)> {
    let Some(text) = old else {
        return Ok((Edited::Unchanged, Vec::new()));
    };
    let settings = Settings::of(file, text)?;
    let edit = edit(&settings, hosts, known);
    let mut names: Vec<String> = edit.helpers.keys().cloned().collect();
    names.extend(edit.store.iter().map(|_| "credsStore".to_owned()));
    let new = edit.apply(text).map_err(|malformed| malformed.in_file(file))?;
    let edited = if new == text {
        Edited::Unchanged
    } else if new.trim() == "{}" && known.is_some_and(|known| known.created) {
        Edited::Remove
    } else {
        Edited::Text(new)
    };
    Ok((edited, names))
}

fn edit(settings: &Settings, hosts: &[String], known: Option<&FileRecord>) -> Edit {
    let previous = |host: &String| known.and_then(|known| known.cred_helpers.get(host));
    let is_meant = |host: &String| hosts.is_empty() || hosts.contains(host);
    let helpers: BTreeMap<_, _> = settings
        .helpers
        .iter()
        .filter(|(host, helper)| is_meant(host) && is_ours(helper, previous(host)))
        .map(|(host, _)| {
            (
                host.clone(),
                previous(host).and_then(|previous| previous.previous.clone()),
            )
        })
        .collect();
    let store = known.and_then(|known| known.creds_store.as_ref());
    let is_our_store = hosts.is_empty() && settings.store.as_ref().is_some_and(|now| is_ours(now, store));
    Edit {
        helpers,
        store: is_our_store.then(|| store.and_then(|previous| previous.previous.clone())),
        drop_empty_helpers: known.is_none_or(|known| known.created_helpers),
    }
}

fn is_ours(now: &str, previous: Option<&Previous>) -> bool {
    now == previous.map_or(HELPER, |previous| previous.written.as_str())
}

fn forget(known: &mut FileRecord, hosts: &[String]) {
    if hosts.is_empty() {
        *known = FileRecord::default();
    } else {
        known.cred_helpers.retain(|host, _| !hosts.contains(host));
    }
}
