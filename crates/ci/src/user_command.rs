//! The user's own command that prints a token. A flag or the user's own file names it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::minting::{PROGRAM_BUDGET, printed_token};
use crate::visible::visible;
use context::{Env, program};
use diagnostics::{Code, Error, Result};
use secret::Secret;
use settings::TokenCommand;
use settings::table::TOKEN_COMMAND;

const WHAT: &str = "the token command";

/// A [`TokenCommand`] whose program is found, and all that it can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserCommand {
    program: PathBuf,
    command: TokenCommand,
    folder: PathBuf,
    environment: Secret,
}

impl UserCommand {
    /// Finds the program, without running it. A name without a folder is looked for in PATH's absolute folders; a relative path belongs
    /// to the file that names it.
    ///
    /// # Errors
    /// There is no such program, so that a cached password is not handed to somebody who cannot run the command.
    pub(crate) fn find(command: &TokenCommand, env: &Env) -> Result<Self> {
        let name = command.arguments().first().map_or("", String::as_str);
        let folder = match command.folder().as_os_str().is_empty() {
            true => std::env::current_dir().unwrap_or_default(),
            false => command.folder().to_owned(),
        };
        let program = match (command.line(), name.contains(std::path::is_separator)) {
            (Some(_), _) => Some(program::shell_path()),
            (None, true) => Some(folder.join(&*program::file_of(name))).filter(|path| path.is_file()),
            (None, false) => program::on_path(name, env),
        };
        let program = program.ok_or_else(|| {
            let error = Error::failed(Code::TokenCommand, WHAT, format!("there is no program {name}"));
            match program::batch_file(name, env) {
                Some(file) => error.hint(format!(
                    "it is a batch file: name it with its ending, {}",
                    file.display()
                )),
                None => error.hint(format!(
                    "{TOKEN_COMMAND} names a program of PATH, or a path: install it, or correct the name"
                )),
            }
        })?;
        Ok(Self {
            program,
            command: command.clone(),
            folder,
            environment: visible(env, |_| true),
        })
    }

    /// Runs the command, unless this process has run it before. Its stderr goes nowhere.
    ///
    /// # Errors
    /// The command fails, prints nothing, or does not end in time.
    pub(crate) fn token(&self, budget: Duration) -> Result<Secret> {
        self.command.token(|| {
            let mut command = self.command.line().map_or_else(
                || {
                    let mut command = Command::new(&self.program);
                    command.args(&self.command.arguments()[1..]);
                    command
                },
                program::shell,
            );
            command.current_dir(&self.folder);
            let hint = "run it by hand: it has to print the token, and nothing else, within 10 seconds";
            printed_token(&mut command, WHAT, hint, PROGRAM_BUDGET.min(budget))
        })
    }

    /// Returns what decides which token the command prints: what it is, where it runs, and the environment that it sees. The token
    /// itself cannot be part of a key, because a cached password must be found without running a program.
    pub(crate) fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let mut fields = vec![
            ("token-program", Secret::new(self.program.to_string_lossy())),
            ("token-folder", Secret::new(self.folder.to_string_lossy())),
            ("token-environment", self.environment.clone()),
        ];
        let arguments = self.command.arguments().iter();
        fields.extend(arguments.map(|argument| ("token-argument", Secret::new(argument.as_str()))));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: (&str, &str) = ("PATH", "/usr/bin:/bin");

    fn found(arguments: &[&str], vars: &[(&str, &str)]) -> Result<UserCommand> {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        let command = TokenCommand::from_arguments(arguments);
        let env = vars.iter().copied().chain([PATH]).collect();
        UserCommand::find(&command.in_folder("/etc".as_ref()), &env)
    }

    #[test]
    fn a_program_is_found_on_path_or_beside_the_file() {
        assert!(found(&["true"], &[]).is_ok());
        assert!(found(&["/bin/true"], &[]).is_ok());
        assert!(found(&["./passwd"], &[]).is_ok());
        for missing in ["nowhere", "./nowhere", ""] {
            let error = found(&[missing], &[]).unwrap_err();
            assert!(error.cause().contains("there is no program"), "{error}");
        }
    }

    #[test]
    fn the_key_is_what_decides_on_the_token() {
        let key = |arguments: &[&str], vars: &[(&str, &str)]| found(arguments, vars).unwrap().key_fields();
        let first = key(&["true", "a"], &[("SECRET", "s")]);
        assert_eq!(
            first,
            key(
                &["true", "a"],
                &[("SECRET", "s"), ("TERM", "xterm"), ("GITHUB_STATE", "x")]
            )
        );
        assert_ne!(first, key(&["true", "b"], &[("SECRET", "s")]));
        assert_ne!(first, key(&["false", "a"], &[("SECRET", "s")]));
        assert_ne!(first, key(&["true", "a"], &[("SECRET", "other")]));
        assert_ne!(first, key(&["true", "a"], &[]));
        assert_ne!(key(&["true", "a", "b"], &[]), key(&["true", "a b"], &[]));
    }
}
