//! A profile in AWS's shared `config` file that gets its credentials from this program. AWS's tools call it again before the credentials end.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

mod edit;
mod quote;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::{SharedFile, text};
use context::{Env, HOME_VARIABLE, variables};
use diagnostics::{Code, Error, Mention, Result};
use edit::{Conflict, SettingEdit};
use private_files::{EditOutcome, Encoding, FileFormat, FileUndo, ReplacedValue, StateFolder, UndoLog};

/// Other writers are editors and the AWS CLI, which people use, so their changes are not merged.
const INI: FileFormat = FileFormat {
    encoding: Encoding::Utf8,
    merge: |_, _, _| None,
    blank: "",
    elsewhere: Mention::new(variables::AWS_CONFIG_FILE),
};

/// A profile that runs this program.
#[derive(Debug, Clone)]
pub struct HelperProfile<'a> {
    name: &'a str,
    command: String,
    /// The path of AWS's `config` file.
    path: PathBuf,
}

/// The result of [`HelperProfile::write`].
#[derive(Debug)]
pub struct ProfileWritten {
    /// The `config` file.
    pub path: PathBuf,
    /// Whether the file was changed.
    pub changed: bool,
    /// Why the change could not be noted, if so. It cannot be undone then.
    pub not_recorded: Option<io::Error>,
}

impl<'a> HelperProfile<'a> {
    /// Returns the profile `name` of AWS's `config` file (`AWS_CONFIG_FILE`, or `~/.aws/config`) with `credential_process = EXE ARGS…`.
    ///
    /// # Errors
    /// AWS's tools do not take the name, would read an argument differently, or use other credentials of the profile in the `credentials` file.
    pub fn new(name: &'a str, exe: &Path, args: &[String], env: &Env) -> Result<Self> {
        check_name(name)?;
        let command = quote::command_line(exe, args)?;
        let credentials = shared_file(SharedFile::Credentials, env)?;
        if let Some(text) = read(&credentials)? {
            edit::check_credentials(&text, name).map_err(|conflict| refuse(name, &credentials, &conflict))?;
        }
        let path = shared_file(SharedFile::Config, env)?;
        Ok(Self { name, command, path })
    }

    /// Returns the profile's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Returns the change of [`HelperProfile::write`] as a unified diff without secrets. Empty if there is none.
    ///
    /// # Errors
    /// The errors of [`HelperProfile::write`], except the system's errors about writing.
    pub fn preview(&self) -> Result<String> {
        let real = private_files::real_path(&self.path, &INI)?;
        let old = private_files::read_text(&real)?;
        let SettingEdit { text: new, line, .. } = self.edit(old.as_deref())?;
        let redacted = |text: &str| edit::redacted(text, &line);
        Ok(match old.as_deref() == Some(&new) {
            true => String::new(),
            false => private_files::unified_diff(&real, old.as_deref().map(redacted).as_deref(), &redacted(&new)),
        })
    }

    /// Writes the profile. A missing file is made for the user alone. Everything else in the file stays as it is, byte for byte. With `log`, the
    /// former state is noted first, for [`take_back`].
    ///
    /// # Errors
    /// The profile has other credentials already, or a file cannot be read or written.
    pub fn write(&self, log: Option<&UndoLog>) -> Result<ProfileWritten> {
        let real = private_files::real_path(&self.path, &INI)?;
        let mut not_recorded = None;
        let updated = private_files::update(&self.path, &INI, log.map(UndoLog::state), &mut |text| {
            let set = self.edit(text)?;
            if Some(set.text.as_str()) == text {
                return Ok(EditOutcome::Unchanged);
            }
            if let Some(log) = log {
                let undo = self.undo(&set, text.is_none());
                not_recorded = log.change_file(&real, &mut |record| record.merge(undo.clone())).err();
            }
            Ok(EditOutcome::Text(set.text))
        })?;
        if let (Some(log), false) = (log, updated.folders.is_empty()) {
            // Without a note, these folders are left behind empty. The failure of the log has already been reported.
            let note = &mut |record: &mut FileUndo| record.created_folders.extend(updated.folders.clone());
            let _ = log.change_file(&real, note);
        }
        Ok(ProfileWritten {
            path: self.path.clone(),
            changed: updated.changed,
            not_recorded,
        })
    }

    /// Returns the note about the profile's former state.
    fn undo(&self, set: &SettingEdit, created: bool) -> FileUndo {
        let mut value = ReplacedValue::new(set.previous.clone(), set.line.as_str());
        let around = set.inserted.split_once(&set.line);
        value.around = around.map(|(before, after)| (before.to_owned(), after.to_owned()));
        FileUndo {
            created,
            values: [(self.name.to_owned(), value)].into(),
            ..FileUndo::default()
        }
    }

    fn edit(&self, text: Option<&str>) -> Result<SettingEdit> {
        let old = text.unwrap_or_default();
        if old.starts_with('\u{feff}') {
            return Err(with_byte_order_mark(&self.path));
        }
        edit::set_process(old, self.name, &self.command).map_err(|conflict| refuse(self.name, &self.path, &conflict))
    }
}

/// A profile that was restored.
#[derive(Debug, PartialEq, Eq)]
pub struct ProfileRestored {
    /// The profile's name.
    pub name: String,
    /// The `config` file.
    pub path: PathBuf,
    /// Whether the file was removed, because we had made it and nothing else was in it.
    pub removed: bool,
}

/// Returns the undo log of the profiles, in the user's state folder. `None` if the user has no home.
pub fn undo_log(env: &Env) -> Option<UndoLog> {
    Some(UndoLog::new(StateFolder::from_env(env)?, "profiles"))
}

/// Removes the settings in this log from their profiles, wherever they are still there, in the `config` file that the environment names now.
///
/// # Errors
/// The file cannot be read or written.
pub fn take_back(log: &UndoLog, env: &Env) -> Result<Vec<ProfileRestored>> {
    let path = shared_file(SharedFile::Config, env)?;
    let real = private_files::real_path(&path, &INI)?;
    // A log that cannot be read counts as empty.
    let noted = log.file(&real).unwrap_or_default();
    if noted.values.is_empty() {
        return Ok(Vec::new());
    }
    let (mut names, mut removed) = (Vec::new(), false);
    private_files::update(&path, &INI, Some(log.state()), &mut |text| {
        let Some(old) = text else {
            return Ok(EditOutcome::Unchanged);
        };
        (names, removed) = (Vec::new(), false);
        let mut text = old.to_owned();
        for (name, value) in &noted.values {
            if let Some(without) = without(&text, name, value) {
                text = without;
                names.push(name.clone());
            }
        }
        removed = noted.created && text.trim().is_empty();
        Ok(match (removed, names.is_empty()) {
            (true, _) => EditOutcome::Remove,
            (false, true) => EditOutcome::Unchanged,
            (false, false) => EditOutcome::Text(text),
        })
    })?;
    if removed {
        private_files::remove_made_folders(&noted.created_folders, &real);
    }
    log.change_file(&real, &mut |record| record.values.clear())
        .map_err(|error| {
            Error::failed(
                Code::ProfileNotWritten,
                "cannot change the notes of the profiles",
                error,
            )
        })?;
    let taken = |name: String| ProfileRestored {
        name,
        path: path.clone(),
        removed,
    };
    Ok(names.into_iter().map(taken).collect())
}

/// Returns the text without a setting of ours, or with the setting before it. `None` if ours is no longer there.
fn without(text: &str, name: &str, value: &ReplacedValue) -> Option<String> {
    let (before, after) = value.around.clone().unwrap_or_default();
    value.written.iter().find_map(|line| {
        let inserted = format!("{before}{line}{after}");
        edit::unset_process(text, name, line, &inserted, value.previous.as_deref())
    })
}

/// Checks that every SDK takes the characters of a profile's name.
fn check_name(name: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_/.%@:+".contains(c);
    if !name.is_empty() && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(Error::usage(
        Code::ProfileNotWritten,
        "the profile's name",
        "AWS's tools cannot read this name in their config file",
    )
    .hint("use letters, digits and -_/.%@:+ alone"))
}

fn shared_file(file: SharedFile, env: &Env) -> Result<PathBuf> {
    text::path(file, env).ok_or_else(|| {
        Error::failed(
            Code::NoHome,
            format!("AWS's {} file", file.name()),
            "this user has no home folder",
        )
        .hint(format!("set {HOME_VARIABLE} or {}", file.variable()))
    })
}

fn read(path: &Path) -> Result<Option<String>> {
    match private_files::read(path, private_files::CONFIGURATION_LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::failed(
            Code::SharedFiles,
            format!("cannot read {}", path.display()),
            error,
        )),
    }
}

fn with_byte_order_mark(path: &Path) -> Error {
    let cause = "it starts with a byte order mark, which AWS's tools cannot read";
    Error::failed(
        Code::ProfileNotWritten,
        format!("cannot edit {}", path.display()),
        cause,
    )
    .hint("save the file as UTF-8 without one")
}

fn refuse(name: &str, path: &Path, conflict: &Conflict) -> Error {
    let what = format!("cannot write the profile {name} into {}", path.display());
    match conflict {
        Conflict::Twice => {
            Error::failed(Code::ProfileNotWritten, what, "the file has it twice").hint("make one section of them")
        }
        Conflict::Header(header) => Error::failed(
            Code::ProfileNotWritten,
            what,
            format!("its header {header} is not this profile's to the AWS CLI"),
        )
        .hint(format!("write it as {}", edit::header(name))),
        Conflict::Setting { key, file } => {
            let place = match file {
                SharedFile::Config => "it has",
                SharedFile::Credentials => "its section in this file has",
            };
            Error::failed(
                Code::ProfileNotWritten,
                what,
                format!("{place} {key}: it gets its credentials there, and not from us"),
            )
            .hint(format!(
                "choose another name with {}, or remove that setting",
                Mention::new("profile")
            ))
        }
    }
}

#[cfg(test)]
mod tests;
