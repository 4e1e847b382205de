//! Restores one configuration file for `logout`.

use std::collections::BTreeMap;
use std::io;

use super::auths::{AuthEdit, AuthsEditor};
use super::auths_store::AuthsStore;
use super::client::Kind;
use super::credential::{StoredCredential, auth_text};
use super::edit::{CREDS_STORE, ConfigEdit, HELPER, HelperSettings, Malformed};
use super::files::ConfigFile;
use super::login::hash;
use super::previous_store::finds_store;
use super::record::{ClientUndoEntries, ClientUndoLog, FileRecord, LoginRecord};
use super::replace::{EditOutcome, real_path, update, update_private};
use super::store::CredentialStore;
use context::Env;
use diagnostics::{Error, Result};
use private_files::{ReplacedValue, remove_made_folders};

/// A password that was removed from where `login` had stored it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedPassword {
    /// The registry.
    pub host: String,
    /// The credential store that had it. `None` for the file.
    pub store: Option<String>,
    /// Whether `login` had replaced a password or token that was not ours, which cannot be put back.
    pub had_replaced: bool,
}

/// The result of [`restore`].
#[derive(Debug, Default)]
pub struct RestoreOutcome {
    /// The registries (and `credsStore`) whose settings were restored.
    pub taken_back: Vec<String>,
    /// The servers whose logins were written back into the file's `auths`.
    pub logins: Vec<String>,
    /// The passwords that were removed from the file and the credential stores.
    pub passwords: Vec<RemovedPassword>,
    /// Errors about passwords that stay in a credential store because it is missing or fails. Their records stay too.
    pub failed: Vec<Error>,
    /// Whether the file was removed, because `setup` or `login` had made it and nothing else was in it.
    pub removed: bool,
    /// Why the record could not be updated, if so.
    pub not_recorded: Option<io::Error>,
}

/// Puts back what `setup` replaced in the file, wherever our value is still there, and removes the passwords that `login` stored, there and in
/// credential stores. With `hosts`, it does so only for these registries. Logins that the helper kept instead of docker's own `auths` are written
/// back there. Without a record (it could not be written, or is lost), the helper is removed from every setting. Passwords are kept, because it is
/// unknown whose they are.
///
/// Credential stores are looked up on the PATH of `env`, and run in it.
pub fn restore(
    file: &ConfigFile,
    hosts: &[String],
    record: Option<&ClientUndoLog>,
    remembered: &ClientUndoEntries,
    env: &Env,
) -> Result<RestoreOutcome> {
    let real = real_path(&file.path)?;
    let known = remembered.files.get(&real);
    let mut done = RestoreOutcome::default();
    let kept = kept_logins(file, hosts, env)?;
    let logins = kept.as_ref().map(|(_, logins)| logins);
    let mut edit = |old: Option<&str>| {
        let (edited, names, passwords) = plan(file, old, hosts, known, logins)?;
        if edited != EditOutcome::Unchanged {
            done.removed = edited == EditOutcome::Remove;
            done.taken_back = names;
            done.passwords = passwords;
        }
        Ok(edited)
    };
    let state = record.map(ClientUndoLog::state);
    match logins {
        None => update(&file.path, state, &mut edit)?,
        Some(_) => update_private(&file.path, state, &mut edit)?,
    };
    if let Some((store, logins)) = kept {
        store.clear()?;
        done.logins = logins.into_keys().collect();
    }
    if done.removed {
        let folders = known.map(|known| known.created_folders.as_slice());
        remove_made_folders(folders.unwrap_or_default(), &real);
    }
    let mut handled: Vec<&LoginRecord> = Vec::new();
    for login in known.iter().flat_map(|known| &known.logins) {
        if !is_meant(&login.host, hosts) {
            continue;
        }
        match erase(login, env) {
            Ok(erased) => {
                done.passwords.extend(erased);
                handled.push(login);
            }
            Err(error) => done.failed.push(error),
        }
    }
    if let (Some(record), Some(_)) = (record, known) {
        let forget = record.change(&mut |all| {
            if let Some(known) = all.files.get_mut(&real) {
                forget(known, hosts, &handled);
            }
        });
        done.not_recorded = forget.err();
    }
    Ok(done)
}

/// Returns the logins that are kept for a docker configuration, and their store. `None` if there are none.
fn kept_logins(file: &ConfigFile, hosts: &[String], env: &Env) -> Result<Option<(AuthsStore, KeptLogins)>> {
    if file.kind != Kind::Docker || !hosts.is_empty() || env.state_folder().is_none() {
        return Ok(None);
    }
    let store = AuthsStore::for_config(&file.path, env)?;
    let logins = store.logins()?;
    Ok((!logins.is_empty()).then_some((store, logins)))
}

type KeptLogins = BTreeMap<String, StoredCredential>;

/// Returns the file's new text, the names of the restored settings, and the passwords to remove.
fn plan(
    file: &ConfigFile,
    old: Option<&str>,
    hosts: &[String],
    known: Option<&FileRecord>,
    logins: Option<&KeptLogins>,
) -> Result<(EditOutcome, Vec<String>, Vec<RemovedPassword>)> {
    let Some(text) = old.or(logins.map(|_| "")) else {
        return Ok((EditOutcome::Unchanged, Vec::new(), Vec::new()));
    };
    let settings = HelperSettings::in_file(file, text)?;
    let mut edit = edit(&settings, hosts, known);
    let back = logins.into_iter().flatten();
    edit.auths
        .extend(back.map(|(server, login)| (server.clone(), AuthEdit::of_credential(login))));
    let stored = known.iter().flat_map(|known| &known.logins);
    let meant = stored.filter(|login| login.store.is_none() && is_meant(&login.host, hosts));
    let ours = still_there(text, meant).map_err(|malformed| malformed.in_file(file))?;
    for login in &ours {
        let keep_empty = login.had_entry;
        edit.auths.insert(login.host.clone(), AuthEdit::Clear { keep_empty });
    }
    use_detected_store(&mut edit, text, &settings, known).map_err(|malformed| malformed.in_file(file))?;
    let mut names: Vec<String> = edit.helpers.keys().cloned().collect();
    names.extend(edit.store.iter().map(|_| CREDS_STORE.to_owned()));
    let new = edit.apply(text).map_err(|malformed| malformed.in_file(file))?;
    let edited = if new == text {
        EditOutcome::Unchanged
    } else if new.trim() == "{}" && known.is_some_and(|known| known.created) {
        EditOutcome::Remove
    } else {
        EditOutcome::Text(new)
    };
    Ok((
        edited,
        names,
        ours.into_iter().map(RemovedPassword::from_record).collect(),
    ))
}

fn edit(settings: &HelperSettings, hosts: &[String], known: Option<&FileRecord>) -> ConfigEdit {
    let previous = |host: &String| known.and_then(|known| known.cred_helpers.get(host));
    let helpers: BTreeMap<_, _> = settings
        .helpers
        .iter()
        .filter(|(host, helper)| is_meant(host, hosts) && is_ours(helper, previous(host)))
        .map(|(host, _)| {
            (
                host.clone(),
                previous(host).and_then(|previous| previous.previous.clone()),
            )
        })
        .collect();
    let store = known.and_then(|known| known.creds_store.as_ref());
    let is_our_store = hosts.is_empty() && settings.store.as_ref().is_some_and(|now| is_ours(now, store));
    ConfigEdit {
        helpers,
        null_helpers: known.map(|known| known.null_helpers.clone()).unwrap_or_default(),
        store: is_our_store.then(|| store.and_then(|previous| previous.previous.clone())),
        drop_empty_helpers: known.is_none_or(|known| known.created_helpers),
        auths: BTreeMap::new(),
        drop_empty_auths: known.is_some_and(|known| known.created_auths),
        empty: known.map(|known| known.empty.clone()).unwrap_or_default(),
    }
}

/// Docker looks for a store by itself only while a configuration has no credential settings. If other settings stay, such as an entry that a later
/// login has left in `auths`, the store with its password is named, as docker's own login would have done.
fn use_detected_store(
    edit: &mut ConfigEdit,
    text: &str,
    settings: &HelperSettings,
    known: Option<&FileRecord>,
) -> Result<(), Malformed> {
    let Some((known, detected)) = known.and_then(|known| Some((known, known.detected_store.as_ref()?))) else {
        return Ok(());
    };
    let named = || Some(Some(detected.clone()));
    let is_ours = match &edit.store {
        None => known.creds_store.is_none() && settings.store.as_ref() == Some(detected),
        restored => *restored == Some(None) || *restored == named(),
    };
    if is_ours {
        edit.store = Some(None);
        if !finds_store(&edit.apply(text)?) {
            edit.store = named().filter(|store| *store != settings.store);
        }
    }
    Ok(())
}

/// Returns the recorded passwords that are still in the file. Without any, `auths` is not read, because it may be broken.
fn still_there<'a>(
    text: &str,
    logins: impl Iterator<Item = &'a LoginRecord>,
) -> Result<Vec<&'a LoginRecord>, Malformed> {
    let mut logins = logins.peekable();
    if logins.peek().is_none() {
        return Ok(Vec::new());
    }
    let auths = AuthsEditor::read(text)?;
    let mut ours = Vec::new();
    for login in logins {
        let auth = auths.entry(&login.host)?.and_then(|entry| entry.auth);
        if auth.is_some_and(|auth| login.hashes.contains(&hash(&auth))) {
            ours.push(login);
        }
    }
    Ok(ours)
}

/// Removes a password from its credential store, if it is still ours.
fn erase(login: &LoginRecord, env: &Env) -> Result<Option<RemovedPassword>> {
    let Some(name) = &login.store else {
        return Ok(None);
    };
    let store = CredentialStore::find(name, "login", env).map_err(|error| {
        error.hint(format!(
            "put docker-credential-{name} on PATH again, and run logout again"
        ))
    })?;
    let is_ours = match store.get(&login.host)? {
        Some(found) => login.hashes.contains(&hash(&auth_text(&found.username, &found.secret))),
        None => false,
    };
    if is_ours {
        store.erase(&login.host)?;
    }
    Ok(is_ours.then(|| RemovedPassword::from_record(login)))
}

impl RemovedPassword {
    fn from_record(login: &LoginRecord) -> Self {
        Self {
            host: login.host.clone(),
            store: login.store.clone(),
            had_replaced: login.replaced,
        }
    }
}

fn is_meant(host: &String, hosts: &[String]) -> bool {
    hosts.is_empty() || hosts.contains(host)
}

fn is_ours(now: &str, noted: Option<&ReplacedValue>) -> bool {
    noted.map_or(now == HELPER, |noted| noted.is_ours(now))
}

/// Removes the records of restored settings, and of the passwords in `handled`. Another process may have stored a new one meanwhile.
fn forget(known: &mut FileRecord, hosts: &[String], handled: &[&LoginRecord]) {
    known.logins.retain(|login| !handled.contains(&login));
    if hosts.is_empty() {
        let logins = std::mem::take(&mut known.logins);
        *known = FileRecord {
            logins,
            ..FileRecord::default()
        };
    } else {
        known.cred_helpers.retain(|host, _| !hosts.contains(host));
    }
}
