//! The files of GitHub's runner that take values for later steps.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use context::Env;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// A file that takes named values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandFile {
    /// The step's outputs.
    Output,
    /// The environment of the job's later steps.
    Env,
    /// Values for the action's post step. Debug logs show them, so they must not be secret.
    State,
}

impl CommandFile {
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Output => "GITHUB_OUTPUT",
            Self::Env => "GITHUB_ENV",
            Self::State => "GITHUB_STATE",
        }
    }
}

/// Makes sure that [`write`] will find the file, before there is anything to write.
///
/// # Errors
/// The variable that names the file is not set, or the file is missing or not writable.
pub fn check(env: &Env, file: CommandFile) -> Result<()> {
    let variable = file.variable();
    let path = path_of(env, variable)?;
    let opened = private_files::open_to_append(&path);
    opened
        .map(drop)
        .map_err(|error| cannot_write_to(variable, &path, &error))
}

/// Appends named values in one write, so that parallel steps cannot write between them. Secrets must be masked before.
///
/// # Errors
/// The variable that names the file is not set, the file cannot be written, a name is invalid, or a value holds the delimiter.
pub fn write<N: AsRef<str>>(env: &Env, file: CommandFile, values: &[(N, Secret)]) -> Result<()> {
    let text = values_text(values, &delimiter()).map_err(|cause| cannot_write(file.variable(), cause))?;
    append(env, file.variable(), &text)
}

/// Puts a folder in front of the PATH of the job's later steps.
///
/// # Errors
/// The variable that names the file is not set, the file cannot be written, or the path is not one line of text.
pub fn add_path(env: &Env, folder: &Path) -> Result<()> {
    const VARIABLE: &str = "GITHUB_PATH";
    let line = folder.to_str().filter(|text| !text.contains(['\r', '\n']));
    let line = line.ok_or_else(|| cannot_write(VARIABLE, "the folder's name is not one line of text"))?;
    append(env, VARIABLE, &Secret::new(format!("{line}\n")))
}

/// Adds Markdown to the job's summary.
///
/// # Errors
/// The variable that names the file is not set, or the file cannot be written.
pub fn add_summary(env: &Env, markdown: &str) -> Result<()> {
    append(env, "GITHUB_STEP_SUMMARY", &Secret::new(format!("{markdown}\n")))
}

/// Returns the lines of each value: `name<<delimiter`, the value, the delimiter. The runner reads a line by whichever of `=` and `<<` comes first,
/// so a name must not hold either, nor end in `<`. The runner drops a byte order mark at the file's start.
fn values_text<N: AsRef<str>>(values: &[(N, Secret)], delimiter: &str) -> Result<Secret, String> {
    let mut text = String::new();
    for (name, value) in values {
        let (name, value) = (name.as_ref(), value.expose());
        if name.is_empty() || name.contains(['=', '<', '\r', '\n', '\u{feff}']) {
            return Err(format!("{name:?} cannot be a name there"));
        }
        if name.contains(delimiter) || value.contains(delimiter) {
            return Err(format!("{name} holds the delimiter that should end it"));
        }
        for part in [name, "<<", delimiter, "\n", value, "\n", delimiter, "\n"] {
            text.push_str(part);
        }
    }
    Ok(Secret::new(text))
}

/// Returns a delimiter that a value cannot contain on purpose: the hasher's keys are random numbers of the system.
fn delimiter() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("ghadelimiter_{:016x}{:016x}", random(), random())
}

fn append(env: &Env, variable: &'static str, text: &Secret) -> Result<()> {
    let path = path_of(env, variable)?;
    append_to(&path, text).map_err(|error| cannot_write_to(variable, &path, &error))
}

fn path_of(env: &Env, variable: &str) -> Result<PathBuf> {
    env.path(variable).ok_or_else(|| {
        cannot_write(variable, "it is not set: this is not a step of GitHub Actions")
            .hint("outside GitHub Actions use --format dotenv")
    })
}

/// Appends to the file. The runner makes the file before each step, and would never read one that we create.
fn append_to(path: &Path, text: &Secret) -> io::Result<()> {
    // If the file's last line has no line end, ours would become part of it. The runner ignores empty lines.
    let mut file = private_files::open_to_append(path)?;
    let start = match ends_a_line(&mut file)? {
        true => "",
        false => "\n",
    };
    let block = Secret::new(format!("{start}{}", text.expose()));
    file.write_all(block.expose().as_bytes())
}

/// Whether the file is empty, or its last character ends a line.
fn ends_a_line(file: &mut fs::File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn cannot_write_to(variable: &str, path: &Path, error: &io::Error) -> Error {
    cannot_write(variable, format!("{}: {error}", path.display()))
        .hint("the runner makes that file for each step, and sets the variable: leave both to it")
}

fn cannot_write(variable: &str, cause: impl std::fmt::Display) -> Error {
    Error::failed(Code::RunnerFiles, format!("cannot write to ${variable}"), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_end_its_block_is_refused() {
        let values = [("name", Secret::new("x\nEND\nPATH=evil"))];
        let refused = values_text(&values, "END").unwrap_err();
        assert_eq!(refused, "name holds the delimiter that should end it");
        assert_ne!(delimiter(), delimiter());
    }
}
