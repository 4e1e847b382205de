//! `ecr-auth cognito`: signs a user in to a Cognito user pool and hands AWS credentials over, as a `credential_process` does.

mod args;

use std::path::Path;
use std::time::Instant;

use clap::{Args, Subcommand};

pub use args::CognitoArgs;

use super::deliver::{DeliveryArgs, hide};
use crate::aws::{self, Aws, Unhurried};
use crate::cache::Cache;
use crate::ci;
use crate::cognito::{self, Kept, Questions, Service, SignedIn, User};
use crate::config::Config;
use crate::error::Result;
use crate::identity::{CognitoSettings, Identity, RoleSettings, SignIn, SourceChoice};
use crate::output;
use crate::session::{Plan, SessionCredentials};
use crate::terminal::Terminal;
use crate::token;
use crate::world::World;

const EXAMPLES: &str = "\
Examples:
  ecr-auth cognito --user-pool-id eu-west-1_AbCdEfGhI --client-id 1h57kf5cpq17m0eml12EXAMPLE \\
    --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012 --username maria
  ecr-auth cognito                          with the ids in ecr-auth.yml
  ecr-auth cognito change-password
  ecr-auth cognito forgot-password

The password is asked for on the terminal, once: after that a refresh token signs in, until it ends or
`ecr-auth logout` revokes it. On a terminal the credentials themselves are not shown.";

/// Signs in to a Cognito user pool and prints AWS credentials (a credential_process)
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct CognitoCommand {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    args: CognitoArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum What {}

/// Signs in, or does what the subcommand says.
///
/// # Errors
/// Settings that are missing or can't be, a password that is wrong, a question where there is nobody to ask; what Cognito says.
pub fn run(command: &CognitoCommand, config: Option<&Path>, world: &mut World<'_>) -> Result<()> {
    let config = Config::load(&world.env, config)?;
    let settings = command.args.settings(config.cognito())?;
    match &command.what {
        None => credentials(command, settings, world),
        Some(what) => match *what {},
    }
}

fn credentials(command: &CognitoCommand, mut settings: CognitoSettings, world: &mut World<'_>) -> Result<()> {
    settings.check()?;
    let cache = Cache::open(Cache::folder(&world.env));
    let mut terminal = Terminal::open(command.args.hint());
    let is_kept = Cache::folder(&world.env).is_some();
    // On a terminal, signing in is what is wanted, and the credentials stay where they are kept.
    let is_sign_in = world.stdout_is_terminal && command.delivery.output.is_none() && !command.delivery.show_secret;
    if !is_sign_in || !is_kept {
        command.delivery.check(world)?;
    }
    if let SignIn::UserPool { .. } = settings.sign_in()? {
        settings.username = Some(username(&settings, &cache, &mut terminal, world)?);
    }
    let credentials = get(command, &settings, &cache, &mut terminal, world)?;
    let secrets = ci::of_credentials(&credentials.secret_access_key, credentials.session_token.as_ref());
    hide(secrets, world)?;
    if is_sign_in {
        let until = credentials
            .expires_at
            .map(output::rfc3339)
            .transpose()?
            .unwrap_or_default();
        let who = settings.username.as_deref().unwrap_or_default();
        world.say(&format!(
            "signed in as {who}; AWS credentials until {until} are not shown on a terminal"
        ));
        return Ok(());
    }
    command
        .delivery
        .deliver(&output::credentials_process(&credentials)?, world)
}

/// The name that is given, or of the one user who is signed in; else it is asked for.
fn username(settings: &CognitoSettings, cache: &Cache, terminal: &mut Terminal, world: &World<'_>) -> Result<String> {
    match cognito::username(settings, cache, world.now()) {
        Ok(username) => Ok(username),
        Err(_) => terminal.ask("User name: "),
    }
}

/// By what is kept, where that does; else by a sign-in.
fn get(
    command: &CognitoCommand,
    settings: &CognitoSettings,
    cache: &Cache,
    terminal: &mut Terminal,
    world: &mut World<'_>,
) -> Result<SessionCredentials> {
    let plan = plan(settings, world)?;
    let SignIn::UserPool { .. } = settings.sign_in()? else {
        return plan.credentials(cache, Instant::now(), world);
    };
    if let Some(credentials) = plan.warm(cache, world.now()) {
        return Ok(credentials);
    }
    let user = User::of(settings, settings.username.as_deref().unwrap_or_default(), &world.env)?;
    let address = address(&user, plan.identity(), world)?;
    let kept = Kept::of(cache, &user, &address);
    if kept.is_there(world.now()) {
        match plan.credentials(cache, Instant::now(), world) {
            // The refresh token came to its end.
            Err(error) if !kept.is_there(world.now()) => world.say(&format!("{}", error.cause())),
            done => return done,
        }
    }
    let signed_in = sign_in(command, settings, &user, plan.identity(), terminal, world)?;
    kept.keep(
        &user,
        &signed_in,
        world.now(),
        token::deadline(&world.env, Instant::now())?,
    );
    plan.cognito_credentials(settings, &user.login(&signed_in), cache, world)
}

fn plan(settings: &CognitoSettings, world: &World<'_>) -> Result<Plan> {
    let role = RoleSettings {
        source: SourceChoice::Cognito,
        cognito: Some(settings.clone()),
        ..RoleSettings::default()
    };
    Plan::new(&world.env, None, &role)
}

fn address(user: &User, identity: &Identity, world: &World<'_>) -> Result<String> {
    let time = std::time::Duration::ZERO;
    Aws::new(&world.env, identity, time)?.cognito_address(Service::UserPool, &user.region)
}

fn sign_in(
    command: &CognitoCommand,
    settings: &CognitoSettings,
    user: &User,
    identity: &Identity,
    questions: &mut dyn Questions,
    world: &World<'_>,
) -> Result<SignedIn> {
    let given = command.args.given(&world.env)?;
    let budget = token::deadline(&world.env, Instant::now())?.saturating_duration_since(Instant::now());
    let calls = Unhurried::new(&world.env, identity, budget);
    aws::to_end(cognito::sign_in(user, settings.flow, given, &calls, questions))
}
