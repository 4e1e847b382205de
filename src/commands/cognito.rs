//! `ecr-auth cognito`: signs a user in to a Cognito user pool and hands AWS credentials over, as a `credential_process` does.

mod args;
mod import;
mod passwords;
mod setup;

use std::path::Path;
use std::time::Instant;

use clap::{Args, Subcommand};

pub use args::CognitoArgs;

use super::deliver::DeliveryArgs;
use super::masks::MaskArgs;
use crate::output;
use crate::terminal::Terminal;
use aws_access::net::to_end;
use aws_access::{Identity, PerCallTimeout, SessionCredentials, SessionPath, caller};
use cognito::{self, CallFailure, PresetAnswers, Questions, RefreshTokenStore, SignedIn, User};
use configuration::Config;
use context::{Context, Verbosity, budget, deadline};
use diagnostics::Result;
use secret_cache::Cache;
use settings::{CognitoSettings, RoleSettings, SignIn, SourceChoice};

const EXAMPLES: &str = "\
Examples:
  ecr-auth cognito --user-pool-id eu-west-1_AbCdEfGhI --client-id 1h57kf5cpq17m0eml12EXAMPLE \\
    --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012 --username maria
  ecr-auth cognito                          with the ids of the configuration
  ecr-auth cognito change-password
  ecr-auth cognito forgot-password

The password is asked for on the terminal, once: after that a refresh token signs in, until it ends
or `ecr-auth logout` revokes it. On a terminal the credentials themselves are not shown.";

/// Signs in to a Cognito user pool and prints AWS credentials (a credential_process)
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct CognitoCommand {
    #[command(subcommand)]
    what: Option<CognitoSubcommand>,
    #[command(flatten)]
    args: CognitoArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum CognitoSubcommand {
    Setup(setup::CognitoSetupArgs),
    Import(import::CognitoImportArgs),
    ChangePassword(passwords::ChangeArgs),
    ForgotPassword(passwords::ForgotArgs),
}

/// Signs in, or does what the subcommand says.
///
/// # Errors
/// Settings that are missing or can't be, a password that is wrong, a question where there is nobody to ask; what Cognito says.
pub fn run(command: &CognitoCommand, config_path: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    match &command.what {
        Some(CognitoSubcommand::Setup(args)) => setup::run(args, config_path, context),
        Some(CognitoSubcommand::Import(args)) => import::run(args, config_path, context),
        None => hand_over(command, CognitoSession::new(None, &command.args, config_path, context)?),
        Some(CognitoSubcommand::ChangePassword(args)) => {
            let what = Some("change-password");
            passwords::change(args, &mut CognitoSession::new(what, &args.user, config_path, context)?)
        }
        Some(CognitoSubcommand::ForgotPassword(args)) => {
            let what = Some("forgot-password");
            passwords::forgot(args, &mut CognitoSession::new(what, &args.user, config_path, context)?)
        }
    }
}

/// What every one of these commands works with.
struct CognitoSession<'s, 'w> {
    settings: CognitoSettings,
    args: &'s CognitoArgs,
    identity: Identity,
    cache: Cache,
    terminal: Terminal,
    context: &'s mut Context<'w>,
}

impl<'s, 'w> CognitoSession<'s, 'w> {
    /// For the subcommand `what`, or for a sign-in.
    fn new(
        what: Option<&str>,
        args: &'s CognitoArgs,
        config_path: Option<&Path>,
        context: &'s mut Context<'w>,
    ) -> Result<Self> {
        let settings = args.settings(Config::load(&context.env, config_path)?.cognito())?;
        if what.is_none() {
            // A password is changed without the settings that lead on to AWS credentials.
            settings.check()?;
        }
        Ok(Self {
            identity: Identity::of_cognito(&settings, &context.env)?,
            terminal: Terminal::open(args::in_terminal(what, &settings)),
            settings,
            args,
            cache: Cache::open(Cache::folder(&context.env)),
            context,
        })
    }

    /// The user: by the name that is given, or of the one who is signed in; else it is asked for.
    fn user(&mut self) -> Result<User> {
        let name = match cognito::username(&self.settings, &self.cache, self.context.now()) {
            Ok(name) => name,
            Err(_) => self.terminal.ask("User name: ")?,
        };
        self.settings.username = Some(name.clone());
        User::from_settings(&self.settings, &name, &self.context.env)
    }

    /// Calls of which each has the time for itself that a command has in all.
    fn calls(&self) -> Result<PerCallTimeout<'_>> {
        let env = &self.context.env;
        Ok(PerCallTimeout::new(
            env,
            &self.identity,
            budget(env)?,
            &self.context.progress,
        ))
    }

    /// Makes calls, to their end.
    fn call<T>(
        &self,
        calls: impl AsyncFnOnce(&PerCallTimeout<'_>) -> Result<T, CallFailure>,
    ) -> Result<T, CallFailure> {
        let with = self.calls()?;
        to_end(async { Ok(calls(&with).await) })?
    }

    fn deadline(&self) -> Result<Instant> {
        deadline(&self.context.env, Instant::now())
    }

    fn kept(&self, user: &User) -> Result<RefreshTokenStore<'_>> {
        let address = self.calls()?.address(&user.region)?;
        Ok(RefreshTokenStore::for_user(&self.cache, user, &address))
    }

    /// Fresh tokens of one who is signed in; `None` where nobody is, or not any more.
    fn kept_tokens(&self, user: &User) -> Result<Option<SignedIn>> {
        let kept = self.kept(user)?;
        if !kept.is_there(self.context.now()) {
            return Ok(None);
        }
        let deadline = self.deadline()?;
        match self.call(async |calls| kept.tokens(user, calls, self.context.clock, deadline).await) {
            Ok(signed_in) => Ok(Some(signed_in)),
            Err(_) if !kept.is_there(self.context.now()) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    fn keep(&mut self, user: &User, signed_in: &SignedIn) -> Result<()> {
        let kept = self.kept(user)?;
        kept.keep(user, signed_in, self.context.now(), self.deadline()?);
        let is_lost = signed_in.refresh_token.is_some() && !kept.is_there(self.context.now());
        if let Some(folder) = Cache::folder(&self.context.env).filter(|_| is_lost) {
            self.context.say(&format!(
                "warning: the sign-in can't be kept in {}, so the next one asks again: make that folder writable, or name another \
                 one with ECR_AUTH_CACHE_DIR",
                folder.display()
            ));
        }
        Ok(())
    }
}

fn sign_in(user: &User, given: PresetAnswers, session: &mut CognitoSession<'_, '_>) -> Result<SignedIn> {
    // Not by `Session::calls`: the questions are asked while the calls are made.
    let env = &session.context.env;
    let calls = PerCallTimeout::new(env, &session.identity, budget(env)?, &session.context.progress);
    let flow = session.settings.flow;
    to_end(cognito::sign_in(user, flow, given, &calls, &mut session.terminal))
}

fn hand_over(command: &CognitoCommand, mut session: CognitoSession<'_, '_>) -> Result<()> {
    // On a terminal, signing in is what is wanted, and the credentials stay where they are kept.
    let delivery = &command.delivery;
    let is_shown = session.context.stdout_is_terminal && delivery.output.is_none() && !delivery.show_secret;
    let is_sign_in = is_shown && Cache::folder(&session.context.env).is_some();
    if !is_sign_in {
        delivery.check(session.context)?;
    }
    let credentials = credentials(&mut session)?;
    let mut secrets = ci::of_credentials(&credentials.secret_access_key, credentials.session_token.as_ref());
    secrets.extend(secrets.iter().map(output::json_text).collect::<Vec<_>>());
    MaskArgs::default()
        .or_taken_by_the_caller(true)
        .hide(secrets, session.context)?;
    if !is_sign_in {
        if session.context.verbosity == Verbosity::Debug {
            let role = role(&session);
            session
                .context
                .detail(|| format!("role: {}", role.as_deref().unwrap_or("STS does not tell")));
        }
        return delivery.deliver(&output::credentials_process(&credentials)?, session.context);
    }
    let role = role(&session).map(|role| format!(" with {role}")).unwrap_or_default();
    let until = credentials
        .expires_at
        .map(output::rfc3339)
        .transpose()?
        .unwrap_or_default();
    let who = session
        .settings
        .username
        .as_deref()
        .unwrap_or("another provider's user");
    let fate = match path(&session)?.cached(&session.cache, session.context.now()) {
        Some(_) => "are kept, and not shown on a terminal",
        None => "could not be kept, and are not shown on a terminal",
    };
    session.context.say(&format!(
        "signed in as {who}{role}; the AWS credentials (until {until}) {fate}"
    ));
    Ok(())
}

/// The role that the identity pool gave: nothing but STS tells.
fn role(session: &CognitoSession<'_, '_>) -> Option<String> {
    let region = session.settings.identity_pool_region();
    // With the name that was asked for.
    let identity = Identity::of_cognito(&session.settings, &session.context.env).ok()?;
    let caller = caller(&identity, region, session.context);
    caller.ok().map(|caller| caller.arn)
}

/// By what is kept, where that does; else by a sign-in.
fn credentials(session: &mut CognitoSession<'_, '_>) -> Result<SessionCredentials> {
    let SignIn::UserPool { .. } = session.settings.sign_in()? else {
        return path(session)?.credentials(&session.cache, Instant::now(), session.context);
    };
    let user = session.user()?;
    let path = path(session)?;
    if let Some(credentials) = path.cached(&session.cache, session.context.now()) {
        return Ok(credentials);
    }
    if session.kept(&user)?.is_there(session.context.now()) {
        let renewed = path.credentials(&session.cache, Instant::now(), session.context);
        match renewed {
            // The refresh token came to its end.
            Err(error) if !session.kept(&user)?.is_there(session.context.now()) => session.context.say(error.cause()),
            done => return done,
        }
    }
    let given = session.args.given(&session.context.env)?;
    let signed_in = sign_in(&user, given, session)?;
    session.keep(&user, &signed_in)?;
    path.cognito_credentials(signed_in.login(&user), &session.cache, session.context)
}

fn path(session: &CognitoSession<'_, '_>) -> Result<SessionPath> {
    let role = RoleSettings {
        source: SourceChoice::Cognito,
        cognito: Some(session.settings.clone()),
        ..RoleSettings::default()
    };
    SessionPath::choose(&session.context.env, role.into())
}
