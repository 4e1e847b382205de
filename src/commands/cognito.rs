//! `ecr-auth cognito`: signs a user in to a Cognito user pool and outputs AWS credentials, as a `credential_process` does.

mod args;
mod browser;
mod import;
mod passwords;
mod setup;

use std::path::Path;
use std::time::Instant;

use clap::{Args, Subcommand};

use self::args::PasswordArgs;
use super::deliver::DeliveryArgs;
use super::masks::MaskArgs;
use super::sign_in::{PoolRoleArgs, SignInArgs, SignInValues, check_is_configured};
use crate::output;
use crate::terminal::Terminal;
use aws_access::net::to_end;
use aws_access::{Identity, PerCallTimeout, SessionCredentials, SessionPath, caller};
use cognito::managed_login::name_of;
use cognito::{self, CallFailure, PresetAnswers, Questions, RefreshTokenStore, SignedIn, User};
use configuration::Config;
use context::{Context, Verbosity, budget, deadline};
use diagnostics::{Code, Error, Result};
use secret::Secret;
use secret_cache::Cache;
use settings::{CognitoSettings, RoleSettings, SignIn, SourceChoice};

const EXAMPLES: &str = "\
Examples:
  ecr-auth cognito --user-pool-id eu-west-1_AbCdEfGhI \\
    --client-id 1h57kf5cpq17m0eml12EXAMPLE --username maria \\
    --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012
  ecr-auth cognito                          with the ids of the configuration
  ecr-auth cognito change-password
  ecr-auth cognito forgot-password

The password is asked for on the terminal, once: after that a refresh token signs in, until it ends
or `ecr-auth logout` revokes it. With --browser you sign in at the user pool's own pages, by
whatever they offer: your company's sign-in, Google, a passkey. On a terminal the credentials themselves are not shown.";

/// Signs in to a Cognito user pool and prints AWS credentials (a credential_process)
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct CognitoCommand {
    #[command(subcommand)]
    what: Option<CognitoSubcommand>,
    /// The pools or the provider, and the user.
    #[command(flatten)]
    sign_in: SignInArgs,
    #[command(flatten)]
    password: PasswordArgs,
    /// The role that the pool gives.
    #[command(flatten)]
    role: PoolRoleArgs,
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

/// Signs in, or runs the subcommand.
///
/// # Errors
/// Settings are missing or invalid, a password is wrong, a question cannot be asked, or Cognito refuses.
pub fn run(command: &CognitoCommand, config_path: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let no_password = PasswordArgs::default();
    let (what, flags, password, shown): (_, &SignInValues, _, _) = match &command.what {
        Some(CognitoSubcommand::Setup(args)) => return setup::run(args, config_path, context),
        Some(CognitoSubcommand::Import(args)) => return import::run(args, config_path, context),
        None => (None, &command.sign_in, &command.password, &command.password.shown),
        Some(CognitoSubcommand::ChangePassword(args)) => (
            Some("change-password"),
            &args.user,
            &args.password,
            &args.password.shown,
        ),
        Some(CognitoSubcommand::ForgotPassword(args)) => {
            (Some("forgot-password"), &args.user, &no_password, &args.shown)
        }
    };
    shown.refuse()?;
    let config = Config::load(&context.env, config_path)?;
    let session = CognitoSession::new(what, flags, password, &config, context);
    let ran = session.and_then(|mut session| match &command.what {
        Some(CognitoSubcommand::ChangePassword(args)) => passwords::change(args, &mut session),
        Some(CognitoSubcommand::ForgotPassword(args)) => passwords::forgot(args, &mut session),
        _ => hand_over(command, session),
    });
    ran.map_err(|error| flags.tell(error, config.cognito(), |it| args::has_flag(what, it), &context.env))
}

/// The way in which a user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignInWay {
    Browser,
    Terminal,
}

/// The data that all of these commands use.
struct CognitoSession<'s, 'w> {
    /// The subcommand. `None` for a sign-in.
    what: Option<&'static str>,
    settings: CognitoSettings,
    flags: &'s SignInValues,
    password: &'s PasswordArgs,
    /// What to do after the sign-in, if the configuration tells.
    next: Option<String>,
    identity: Identity,
    cache: Cache,
    terminal: Terminal,
    context: &'s mut Context<'w>,
}

impl<'s, 'w> CognitoSession<'s, 'w> {
    /// Returns the session of the subcommand `what`, or of a sign-in.
    fn new(
        what: Option<&'static str>,
        flags: &'s SignInValues,
        password: &'s PasswordArgs,
        config: &Config,
        context: &'s mut Context<'w>,
    ) -> Result<Self> {
        // Changing a password does not need the settings for AWS credentials.
        let settings = match what {
            None => flags.settings(config.cognito())?,
            Some(_) => flags.over(config.cognito())?,
        };
        check_is_configured(&settings)?;
        let next = setup::hosts_of_sign_in(config).next().map(next_pull);
        Ok(Self {
            identity: Identity::of_cognito(&settings, &context.env)?,
            terminal: Terminal::open(args::in_terminal(what, &settings)),
            what,
            settings,
            flags,
            password,
            next,
            cache: Cache::from_env(&context.env),
            context,
        })
    }

    /// Returns the user: the named one, else the one who is signed in, else asks for the name.
    fn user(&mut self) -> Result<User> {
        let name = match cognito::username(&self.settings, &self.cache, self.context.now()) {
            Ok(name) => name,
            Err(_) => {
                let asked = self.terminal.ask("User name: ");
                asked.map_err(|error| self.explain_without_person(error, true))?
            }
        };
        self.settings.username = Some(name.clone());
        User::from_settings(&self.settings, &name, &self.context.env)
    }

    /// Returns how a user who is not signed in signs in.
    fn way(&self) -> SignInWay {
        let is_browser =
            self.settings.browser && (self.flags.browser().is_some() || !self.password.has_password(&self.context.env));
        match is_browser {
            true => SignInWay::Browser,
            false => SignInWay::Terminal,
        }
    }

    /// Refuses to open a browser without a terminal, unless the command line asks for it.
    fn require_person(&self) -> Result<()> {
        match self.flags.browser() == Some("always") || self.terminal.is_there() {
            true => Ok(()),
            false => {
                let cause = "nobody is signed in, and there is no terminal to sign in from";
                let error = Error::failed(Code::NoTerminal, "no terminal", cause);
                let error = error.hint(args::in_terminal(None, &self.settings));
                // A browser that the command line asks for takes no password.
                if self.flags.browser().is_some() {
                    return Err(error);
                }
                let user = cognito::username(&self.settings, &self.cache, self.context.now());
                Err(self.explain_without_person(error, user.is_err()))
            }
        }
    }

    /// If there is no terminal to ask for the user's name or password, adds how to give them, which is all that helps in a CI job.
    fn explain_without_person(&self, error: Error, lacks_name: bool) -> Error {
        let command = error.hint_text().filter(|_| !self.terminal.is_there());
        let Some(command) = command.map(str::to_owned) else {
            return error;
        };
        let is_in_job = ci::running_in(&self.context.env).is_some();
        let wants_password = self.what != Some("forgot-password") && self.settings.flow.has_password();
        let lacks_password = wants_password && !self.password.has_password(&self.context.env);
        let name = lacks_name.then_some("--username NAME");
        let password = lacks_password
            .then_some("the password in ECR_AUTH_COGNITO_PASSWORD or a file with it: --password-file FILE");
        let missing: Vec<&str> = name.into_iter().chain(password).collect();
        let give = format!("give {}", missing.join(", and "));
        match (missing.is_empty(), is_in_job) {
            (true, _) => error,
            (false, true) => error.hint(give),
            (false, false) => error.hint_lines([command, format!("Without a terminal, {give}")]),
        }
    }

    /// Returns the answers for a sign-in that are known without asking. Asks for the password, which every flow but one needs.
    fn given(&mut self, user: &User) -> Result<PresetAnswers> {
        let mut given = self.password.given(&self.context.env)?;
        if given.password.is_none() && self.settings.flow.has_password() {
            given.password = Some(self.ask_password(user)?);
        }
        Ok(given)
    }

    fn ask_password(&mut self, user: &User) -> Result<Secret> {
        let asked = self.terminal.ask_secret(&format!("Password of {}: ", user.username));
        asked.map_err(|error| self.explain_without_person(error, false))
    }

    /// Returns calls that each have the whole time limit of a command.
    fn calls(&self) -> Result<PerCallTimeout<'_>> {
        let env = &self.context.env;
        Ok(PerCallTimeout::new(
            env,
            &self.identity,
            budget(env)?,
            &self.context.progress,
        ))
    }

    /// Makes calls until they end.
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

    /// Returns fresh tokens of a signed-in user, or `None` if the user is not or no longer signed in.
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
    // `Session::calls` cannot be used, because questions are asked between the calls.
    let env = &session.context.env;
    let calls = PerCallTimeout::new(env, &session.identity, budget(env)?, &session.context.progress);
    let flow = session.settings.flow;
    let address = calls.address(&user.region)?;
    let device = RefreshTokenStore::for_user(&session.cache, user, &address).device(session.context.now());
    to_end(cognito::sign_in(
        user,
        flow,
        given,
        device,
        &calls,
        &mut session.terminal,
    ))
}

/// Returns the next command for a user after the sign-in.
fn next_pull(host: &str) -> String {
    format!("Next: docker pull {host}/REPOSITORY")
}

fn hand_over(command: &CognitoCommand, mut session: CognitoSession<'_, '_>) -> Result<()> {
    // On a terminal, the sign-in is the purpose, so the credentials are not printed.
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
    if !is_sign_in && !delivery.is_discarded() {
        if session.context.verbosity == Verbosity::Debug {
            let role = role(&session);
            session
                .context
                .detail(|| format!("role: {}", role.as_deref().unwrap_or("STS does not tell")));
        }
        return delivery.deliver(&output::credentials_process(&credentials)?, session.context);
    }
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
    let next = session.next.as_deref().map(|next| format!(" {next}"));
    let line = format!("Signed in as {who}.{}", next.unwrap_or_default());
    session.context.say(&line);
    if session.context.verbosity == Verbosity::Debug {
        let role = role(&session).unwrap_or_else(|| "STS does not tell".to_owned());
        let line = format!("role: {role}, until {until}");
        session.context.detail(|| line);
    }
    if path(&session)?
        .cached(&session.cache, session.context.now(), &session.context.env)
        .is_none()
    {
        session
            .context
            .say("warning: the AWS credentials could not be kept, and are not shown on a terminal");
    }
    Ok(())
}

/// Returns the role that the identity pool gave, which only STS knows.
fn role(session: &CognitoSession<'_, '_>) -> Option<String> {
    let region = session.settings.identity_pool_region();
    // The name is the one that was asked for.
    let identity = Identity::of_cognito(&session.settings, &session.context.env).ok()?;
    let caller = caller(&identity, region, session.context);
    caller.ok().map(|caller| caller.arn)
}

/// Returns credentials from the kept sign-in, if it works, else from a new sign-in.
fn credentials(session: &mut CognitoSession<'_, '_>) -> Result<SessionCredentials> {
    let SignIn::UserPool { .. } = session.settings.sign_in()? else {
        return path(session)?.credentials(&session.cache, Instant::now(), session.context);
    };
    let user = match session.way() {
        SignInWay::Browser if cognito::username(&session.settings, &session.cache, session.context.now()).is_err() => {
            return by_browser(User::without_name(&session.settings, &session.context.env)?, session);
        }
        _ => session.user()?,
    };
    let path = path(session)?;
    if let Some(credentials) = path.cached(&session.cache, session.context.now(), &session.context.env) {
        return Ok(credentials);
    }
    if session.kept(&user)?.is_there(session.context.now()) {
        let renewed = path.credentials(&session.cache, Instant::now(), session.context);
        match renewed {
            // The refresh token has ended.
            Err(error) if !session.kept(&user)?.is_there(session.context.now()) => session.context.say(error.cause()),
            done => return done,
        }
    }
    if session.way() == SignInWay::Browser {
        return by_browser(user, session);
    }
    let given = session.given(&user)?;
    let signed_in = sign_in(&user, given, session)?;
    session.keep(&user, &signed_in)?;
    path.cognito_credentials(signed_in.login(&user), &session.cache, session.context)
}

/// Signs in with the managed login, which returns the user's name. Nothing is kept before that name is known.
fn by_browser(mut user: User, session: &mut CognitoSession<'_, '_>) -> Result<SessionCredentials> {
    session.require_person()?;
    let next = session.next.clone().unwrap_or_default();
    let signed_in = browser::sign_in(&user, &next, session)?;
    if user.username.is_empty() {
        user.username = name_of(&signed_in);
    }
    session.settings.username = Some(user.username.clone());
    session.keep(&user, &signed_in)?;
    path(session)?.cognito_credentials(signed_in.login(&user), &session.cache, session.context)
}

fn path(session: &CognitoSession<'_, '_>) -> Result<SessionPath> {
    let role = RoleSettings {
        source: SourceChoice::Cognito,
        cognito: Some(session.settings.clone()),
        ..RoleSettings::default()
    };
    SessionPath::choose(&session.context.env, role.into())
}
