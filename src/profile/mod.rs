//! A profile in AWS's shared `config` file that gets its credentials from this program: AWS's tools ask again by themselves before
//! they end. <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

mod edit;
mod ini;
mod quote;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::file::{self, Edited, Format};
use crate::world::Env;
use edit::{Conflict, File};

/// Other writers are editors and the AWS CLI, in somebody's hands: nothing is merged with what they save.
const INI: Format = Format {
    merge: |_, _, _| None,
    blank: "",
    elsewhere: "AWS_CONFIG_FILE",
};

/// What [`write()`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The `config` file.
    pub path: PathBuf,
    /// Whether it had to be changed.
    pub changed: bool,
}

/// Writes `credential_process = EXE ARGS…` into the profile `name` of AWS's `config` file (`AWS_CONFIG_FILE`, or
/// `~/.aws/config`), which is made for the user alone where there is none. Everything else in it stays as it is, byte for byte.
///
/// # Errors
/// A name that AWS's tools don't take, an argument that they read differently, a profile that has other credentials already, a file
/// that can't be read or written.
pub fn write(name: &str, exe: &Path, args: &[String], env: &Env) -> Result<Written> {
    check_name(name)?;
    let command = quote::command_line(exe, args)?;
    let credentials = shared_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", env)?;
    if let Some(text) = read(&credentials)? {
        edit::check_credentials(&text, name).map_err(|conflict| refuse(name, &credentials, &conflict))?;
    }
    let path = shared_file("AWS_CONFIG_FILE", "config", env)?;
    let updated = file::update(&path, &INI, &mut |text| {
        let old = text.unwrap_or_default();
        let new = edit::set_process(old, name, &command).map_err(|conflict| refuse(name, &path, &conflict))?;
        Ok(match new == old {
            true => Edited::Unchanged,
            false => Edited::Text(new),
        })
    })?;
    Ok(Written {
        path,
        changed: updated.changed,
    })
}

/// The characters that every SDK takes in a profile's name.
fn check_name(name: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_/.%@:+".contains(c);
    if !name.is_empty() && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(Error::usage(
        "the profile's name",
        "AWS's tools read no such name in their config file",
    )
    .hint("use letters, digits and -_/.%@:+ alone"))
}

fn shared_file(variable: &str, name: &str, env: &Env) -> Result<PathBuf> {
    let home = env.home();
    let path = match env.path(variable) {
        Some(path) => match (path.strip_prefix("~"), &home) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(path),
        },
        None => home.map(|home| home.join(".aws").join(name)),
    };
    path.ok_or_else(|| {
        Error::failed(format!("AWS's {name} file"), "this user has no home folder")
            .hint(format!("set HOME or {variable}"))
    })
}

fn read(path: &Path) -> Result<Option<String>> {
    match file::read(path, file::CONFIGURATION_LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::failed(format!("cannot read {}", path.display()), error)),
    }
}

fn refuse(name: &str, path: &Path, conflict: &Conflict) -> Error {
    let what = format!("cannot write the profile {name} into {}", path.display());
    match conflict {
        Conflict::Twice => Error::failed(what, "the file has it twice").hint("make one section of them"),
        Conflict::Setting { key, file } => {
            let place = match file {
                File::Config => "it has",
                File::Credentials => "its section in this file has",
            };
            Error::failed(
                what,
                format!("{place} {key}: it gets its credentials there, and not from us"),
            )
            .hint("choose another name with --profile, or remove that setting")
        }
    }
}

#[cfg(test)]
mod tests;
