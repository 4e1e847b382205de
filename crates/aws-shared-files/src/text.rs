//! Finds the shared files, and reads their text.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use context::Env;

use crate::shared_file::SharedFile;

/// Returns the path of the file: from its variable, with `~` and variables expanded as in the AWS CLI, or in `~/.aws`. `None` if the user has no
/// home.
pub(crate) fn path(file: SharedFile, env: &Env) -> Option<PathBuf> {
    match env.get(file.variable()) {
        Some(named) => Some(env.expand_home(PathBuf::from(expanded(named, env)))),
        None => env.home().map(|home| home.join(".aws").join(file.name())),
    }
}

/// Returns the text with each `$NAME` and `${NAME}` of a variable that is set replaced by its value.
fn expanded(text: &str, env: &Env) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, behind) = match after.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
            Some(braced) => braced,
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        let value = env.get(name);
        out.push_str(value.unwrap_or("$"));
        rest = if value.is_some() { behind } else { after };
    }
    out + rest
}

/// Returns the contents of a file, or nothing if it is missing. These count as missing too: a path without a parent folder; a folder, which Docker
/// creates for a missing file that is mounted; and a default path below a home that is closed to this user (`HOME=/root` in a container).
pub(crate) fn read(path: &Path, is_named: bool) -> io::Result<String> {
    // Users set this path to have no file.
    if private_files::is_null_device(path) {
        return Ok(String::new());
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(String::new()),
        Ok(_) => decoded(private_files::read(path, private_files::CONFIGURATION_LIMIT)?),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(String::new()),
            ErrorKind::PermissionDenied if !is_named => Ok(String::new()),
            _ => Err(error),
        },
    }
}

/// Decodes the text. Comments may hold bytes of any encoding. A setting with such bytes is an error when it is used.
fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is not UTF-8 but, it seems, UTF-16",
        ));
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_expanded_as_the_aws_cli_does() {
        let at = |named: &str| {
            let env = [("HOME", "/h"), ("DIR", "/d"), ("AWS_CONFIG_FILE", named)];
            path(SharedFile::Config, &env.into_iter().collect()).unwrap()
        };
        for (named, expected) in [
            ("~/c", "/h/c"),
            ("$HOME/c", "/h/c"),
            ("${DIR}/c", "/d/c"),
            ("$DIR$DIR", "/d/d"),
            ("/a$b/${b}/$", "/a$b/${b}/$"),
            ("", "/h/.aws/config"),
        ] {
            assert_eq!(at(named), Path::new(expected), "{named}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_and_a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), true).unwrap(), "");
        let file = folder.path().join("config");
        for odd in [&b"\xff\xfe[\0"[..], b"[\0d"] {
            fs::write(&file, odd).unwrap();
            assert!(read(&file, true).unwrap_err().to_string().contains("UTF-16"));
        }
        fs::write(&file, b"# caf\xe9\n[default]\n").unwrap();
        assert!(read(&file, true).unwrap().ends_with("[default]\n"));
    }
}
