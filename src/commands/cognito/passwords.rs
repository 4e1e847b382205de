//! `ecr-auth cognito change-password` and `ecr-auth cognito forgot-password`. Neither needs a browser.

use std::path::PathBuf;

use clap::Args;

use super::args::{PasswordArgs, ShownPassword, command, password_in};
use super::{CognitoSession, sign_in};
use crate::commands::sign_in::{ChangeUserArgs, ForgotUserArgs};
use cognito::{self, CallFailure, Questions, RefreshTokenStore, passwords};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// How often a person is asked for one answer, if it is wrong.
const TRIES: usize = 3;

const CHANGE: &str = "\
Examples:
  ecr-auth cognito change-password
  ecr-auth cognito change-password --username maria --password-file old.txt \\
    --new-password-file new.txt";

const FORGOT: &str = "\
Examples:
  ecr-auth cognito forgot-password
  ecr-auth cognito forgot-password --username maria";

/// Changes the password of a user who knows it
#[derive(Debug, Clone, Args)]
#[command(after_help = CHANGE)]
pub struct ChangeArgs {
    /// The user pool and the user.
    #[command(flatten)]
    pub user: ChangeUserArgs,
    /// The present password.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// File that holds the new password [default: asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
}

/// Replaces a forgotten password with a code that Cognito sends
#[derive(Debug, Clone, Args)]
#[command(after_help = FORGOT)]
pub struct ForgotArgs {
    /// The user pool and the user.
    #[command(flatten)]
    pub user: ForgotUserArgs,
    /// A password on the command line.
    #[command(flatten)]
    pub shown: ShownPassword,
    /// File that holds the new password [default: asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// The code that was sent already; no new one is sent
    #[arg(long)]
    pub code: Option<String>,
}

/// Changes the password. The user is signed in by the kept sign-in, else by the old password.
pub(super) fn change(args: &ChangeArgs, session: &mut CognitoSession<'_, '_>) -> Result<()> {
    if session.settings.browser && !signed_in_by_password(session) {
        return Err(Error::failed(
            Code::CognitoRefuses,
            "change-password",
            "you sign in in the browser, and the password is changed there",
        )
        .hint("open the managed login and choose \"forgot your password\", or give --flow srp if you have a password of the user pool"));
    }
    let user = session.user()?;
    // Read once, because the command may have side effects or print a new password each time.
    let mut given = args.password.given(&session.context.env)?;
    let before = match &given.password {
        Some(password) => password.clone(),
        None => session.ask_password(&user)?,
    };
    let access_token = match session.kept_tokens(&user)? {
        Some(signed_in) => signed_in.access_token,
        None => {
            given.password = Some(before.clone());
            let signed_in = sign_in(&user, given, session)?;
            session.keep(&user, &signed_in)?;
            signed_in.access_token
        }
    };
    let file = args.new_password_file.as_deref();
    let mut new = NewPassword::from_given(file.map(password_in).transpose()?);
    let mut tries = 1;
    loop {
        let password = new.get(&mut session.terminal)?;
        let changed =
            session.call(async |calls| passwords::change(&user, &access_token, &before, &password, calls).await);
        match changed {
            Err(failure) if tries < TRIES && new.once_more(&failure, &mut session.terminal) => tries += 1,
            done => {
                done.map_err(Error::from)?;
                session
                    .context
                    .say(&format!("the password of {} is changed", user.username));
                return Ok(());
            }
        }
    }
}

/// Whether the user's kept sign-in was by a password, although the configuration names the browser.
fn signed_in_by_password(session: &CognitoSession<'_, '_>) -> bool {
    let (settings, now) = (&session.settings, session.context.now());
    let Ok(username) = cognito::username(settings, &session.cache, now) else {
        return false;
    };
    let (Some(pool), Some(client)) = (&settings.user_pool_id, &settings.client_id) else {
        return false;
    };
    let kept = RefreshTokenStore::of_client(&session.cache, pool, client, now);
    let kept = kept.into_iter().find(|kept| kept.signed_in_as == username);
    kept.is_some_and(|kept| kept.login_place.is_none())
}

/// Sends a code and asks for it, or uses one that was sent before.
pub(super) fn forgot(args: &ForgotArgs, session: &mut CognitoSession<'_, '_>) -> Result<()> {
    let user = session.user()?;
    let mut given = args.code.as_deref().map(Secret::from);
    let is_asked = given.is_none();
    if is_asked {
        let sent = session.call(async |calls| passwords::send_code(&user, calls).await)?;
        let place = sent.map(|place| format!(" to {place}")).unwrap_or_default();
        if !session.terminal.is_there() {
            let cause = format!("a code was sent{place}, and there is no terminal to ask for it");
            let command = command(Some("forgot-password"), &session.settings);
            let hint = format!("run: {command} --code CODE --new-password-file FILE");
            return Err(Error::failed(Code::NoTerminal, "no terminal", cause).hint(hint));
        }
        session.terminal.tell(&format!("A code was sent{place}."))?;
    }
    let file = args.new_password_file.as_deref();
    let mut new = NewPassword::from_given(file.map(password_in).transpose()?);
    let mut tries = 1;
    loop {
        let code = match given.take() {
            Some(code) => code,
            None => Secret::new(session.terminal.ask("Code: ")?.trim()),
        };
        let password = new.get(&mut session.terminal)?;
        let replaced = session.call(async |calls| passwords::replace(&user, &code, &password, calls).await);
        match replaced {
            Err(failure) if tries < TRIES && is_wrong_code(&failure) && is_asked => {
                session.terminal.tell(&refused(&failure))?;
                new.given = Some(password);
            }
            Err(failure) if tries < TRIES && new.once_more(&failure, &mut session.terminal) => given = Some(code),
            done => {
                done.map_err(Error::from)?;
                session.context.say(&format!(
                    "the password of {} is replaced: sign in with ecr-auth cognito",
                    user.username
                ));
                return Ok(());
            }
        }
        tries += 1;
    }
}

/// A new password, from a file or from a prompt.
struct NewPassword {
    given: Option<Secret>,
    is_asked: bool,
}

impl NewPassword {
    fn from_given(given: Option<Secret>) -> Self {
        Self { given, is_asked: false }
    }

    fn get(&mut self, questions: &mut dyn Questions) -> Result<Secret> {
        match self.given.take() {
            Some(password) => Ok(password),
            None => {
                self.is_asked = true;
                cognito::new_password(questions)
            }
        }
    }

    /// Whether the user can be asked for another password. Prints why the last one was refused.
    fn once_more(&self, failure: &CallFailure, questions: &mut dyn Questions) -> bool {
        let is_wrong = matches!(failure, CallFailure::Refused(refusal) if refusal.is_wrong_password());
        is_wrong && self.is_asked && questions.tell(&refused(failure)).is_ok()
    }
}

fn is_wrong_code(failure: &CallFailure) -> bool {
    matches!(failure, CallFailure::Refused(refusal) if refusal.code == "CodeMismatchException")
}

fn refused(failure: &CallFailure) -> String {
    let error = Error::from(failure.clone());
    format!("Not accepted: {}", error.cause())
}
