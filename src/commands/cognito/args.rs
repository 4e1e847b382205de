//! The flags for what a user knows, and the commands for a user to run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::super::sign_in::{ChangeUserArgs, ForgotUserArgs, command_line};
use cognito::PresetAnswers;
use context::{Env, program, variables};
use diagnostics::{Code, Error, Result, shell_word};
use private_files::{TOKEN_LIMIT, read_secret};
use secret::Secret;
use settings::CognitoSettings;
use settings::cognito::table::CognitoSetting;

/// The time limit of a command that prints the password.
const COMMAND_BUDGET: Duration = Duration::from_secs(60);

/// The password and the code of a user who signs in
#[derive(Debug, Clone, Default, Args)]
pub struct PasswordArgs {
    /// File that holds the password [env: ECR_AUTH_COGNITO_PASSWORD] [default: asked for on the terminal]
    #[arg(long, value_name = "FILE", group = "password_place")]
    pub password_file: Option<PathBuf>,
    /// Command line that prints the password
    #[arg(long, value_name = "CMD", group = "password_place")]
    pub password_command: Option<String>,
    /// Code of the authenticator, where there is no terminal to ask for it
    #[arg(long, value_name = "CODE")]
    pub mfa_code: Option<String>,
    /// A password on the command line
    #[command(flatten)]
    pub shown: ShownPassword,
}

/// A password on the command line, which is refused with the reason
#[derive(Debug, Clone, Default, Args)]
pub struct ShownPassword {
    /// Never
    #[arg(short = 'p', long, num_args = 0..=1, hide = true)]
    password: Option<Option<String>>,
}

impl ShownPassword {
    /// Refuses a password on the command line.
    ///
    /// # Errors
    /// There is one.
    pub fn refuse(&self) -> Result<()> {
        match self.password {
            None => Ok(()),
            Some(_) => Err(Error::usage(
                Code::PasswordSource,
                "--password",
                "a password on the command line is seen by every user of this machine, and stays in the shell's history",
            )
            .hint("leave it out and type it in when asked, or give it with --password-file, --password-command or ECR_AUTH_COGNITO_PASSWORD")),
        }
    }
}

impl PasswordArgs {
    /// Returns the answers that are known without asking.
    ///
    /// # Errors
    /// The file or command for the password fails.
    pub fn given(&self, env: &Env) -> Result<PresetAnswers> {
        Ok(PresetAnswers {
            password: self.password(env)?,
            new_password: None,
            code: self.mfa_code.as_deref().map(Secret::from),
        })
    }

    /// Whether the flags or the environment give the password.
    pub fn has_password(&self, env: &Env) -> bool {
        self.password_file.is_some()
            || self.password_command.is_some()
            || env.get(variables::ECR_AUTH_COGNITO_PASSWORD).is_some()
    }

    fn password(&self, env: &Env) -> Result<Option<Secret>> {
        match (&self.password_file, &self.password_command) {
            (Some(path), _) => password_in(path).map(Some),
            (None, Some(line)) => password_of(line).map(Some),
            (None, None) => Ok(env.get(variables::ECR_AUTH_COGNITO_PASSWORD).map(Secret::from)),
        }
    }
}

/// Whether the subcommand, or a sign-in, has a flag for the setting.
pub fn has_flag(what: Option<&str>, setting: &CognitoSetting) -> bool {
    match what {
        None => true,
        Some("change-password") => ChangeUserArgs::has(setting),
        Some(_) => ForgotUserArgs::has(setting),
    }
}

/// Returns the command line, for a shell of this system, that signs in with these settings or runs the subcommand.
pub fn command(what: Option<&str>, settings: &CognitoSettings) -> String {
    // A path that is not Unicode cannot be shown. The flags are then left out.
    let words = command_line(settings, |setting| has_flag(what, setting)).unwrap_or_default();
    let flags = words.iter().skip(1).map(String::as_str);
    let mut line = "ecr-auth cognito".to_owned();
    for word in what.into_iter().chain(flags) {
        line.push(' ');
        line.push_str(&shell_word(word));
    }
    line
}

/// Returns the hint for a question that cannot be asked.
pub fn in_terminal(what: Option<&str>, settings: &CognitoSettings) -> String {
    format!("run in a terminal: {}", command(what, settings))
}

/// Returns the first line of a file.
pub fn password_in(path: &Path) -> Result<Secret> {
    let what = format!("the password in {}", path.display());
    let text = read_secret(path, TOKEN_LIMIT);
    let text = text.map_err(|error| {
        Error::usage(Code::PasswordSource, &what, error)
            .hint("the option has to name a file of yours with the password in its first line")
    })?;
    // Editors on Windows write a mark of their encoding.
    let text = Secret::new(text.expose().trim_start_matches('\u{feff}'));
    one_line(&text).ok_or_else(|| {
        Error::usage(Code::PasswordSource, what, "the file's first line is empty")
            .hint("write the password into the first line of the file")
    })
}

fn password_of(line: &str) -> Result<Secret> {
    let what = "--password-command";
    let printed = program::output(&mut program::shell(line), None, COMMAND_BUDGET);
    let printed = printed
        .map_err(|failure| Error::failed(Code::PasswordSource, what, failure).hint("it has to print the password"))?;
    one_line(&printed).ok_or_else(|| {
        Error::failed(Code::PasswordSource, what, "the first line it prints is empty")
            .hint("it has to print the password")
    })
}

/// Returns the first line. Blanks may be part of a password, but a line end is not.
fn one_line(text: &Secret) -> Option<Secret> {
    let line = text.expose().lines().next().unwrap_or_default();
    (!line.is_empty()).then(|| Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_with_all_its_blanks() {
        let line = |text: &str| one_line(&Secret::new(text)).map(|secret| secret.expose().to_owned());
        assert_eq!(line(" a b \r\nmore").as_deref(), Some(" a b "));
        assert_eq!((line(""), line("\nsecond")), (None, None));
    }

    #[test]
    fn the_hint_is_the_command_with_these_settings() {
        let settings = CognitoSettings {
            user_pool_id: Some("eu-west-1_Base".into()),
            client_id: Some("base".into()),
            identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
            username: Some("o'neil; rm x".into()),
            client_secret_file: Some("/etc/client secret".into()),
            role_arn: Some("arn:aws:iam::111122223333:role/pull".into()),
            ..CognitoSettings::default()
        };
        let hint = in_terminal(Some("forgot-password"), &settings);
        let line = hint.strip_prefix("run in a terminal: ").unwrap();
        let words = shlex::split(line).unwrap();
        assert_eq!(words[..3], ["ecr-auth", "cognito", "forgot-password"]);
        let flags = command_line(&settings, ForgotUserArgs::has).unwrap();
        assert_eq!(words[3..], flags[1..]);
        assert!(
            !line.contains("identity-pool-id") && !line.contains("role-arn"),
            "{line}"
        );
        let nothing = CognitoSettings {
            username: Some("maria".into()),
            ..CognitoSettings::default()
        };
        assert_eq!(command(None, &nothing), "ecr-auth cognito --username maria");
    }
}
