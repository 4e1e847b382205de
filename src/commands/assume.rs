//! `ecr-auth assume`: turns this CI job's OIDC token into temporary AWS credentials of an IAM role.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::deliver::DeliveryArgs;
use super::identity::{IdentityArgs, credential_process};
use super::masks::MaskArgs;
use super::mfa::MfaPrompt;
use super::run_with;
use crate::output::{self, Shell};
use aws_access::{SessionCredentials, SessionPath};
use aws_shared_files::profile::HelperProfile;
use ci::{self, github};
use client_config::shown;
use configuration::Config;
use context::{Context, variables};
use diagnostics::{Code, Error, Exit, Result};
use secret::Secret;
use secret_cache::Cache;
use settings::table::{self, ROLE_ARN, TOKEN_ENV, TOKEN_FILE};
use settings::{IdentitySettings, RoleSettings, SurfaceValue};

const EXAMPLES: &str = "\
Examples:
  ecr-auth assume --role-arn arn:aws:iam::111122223333:role/ci -- aws s3 ls
  eval \"$(ecr-auth assume --role-arn arn:aws:iam::111122223333:role/ci \\
    --format env)\"
  ecr-auth assume --role-arn arn:aws:iam::111122223333:role/ci \\
    --format profile --profile ci

As `credential_process`, or with --format profile, AWS's own tools ask again before the credentials end.";

/// The default name of the profile that is written.
const PROFILE: &str = "ecr-auth";

/// Turns this CI job's OIDC token into temporary AWS credentials of an IAM role
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct AssumeArgs {
    #[command(flatten)]
    identity: IdentityArgs,
    /// How the credentials are handed over
    #[arg(long, value_enum, default_value_t)]
    format: CredentialsFormat,
    /// The shell that reads the lines of --format env [default: posix]
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    #[command(flatten)]
    delivery: DeliveryArgs,
    #[command(flatten)]
    masks: MaskArgs,
    /// A command to run with the credentials in its environment only
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["format", "output", "shell"])]
    command: Vec<OsString>,
}

/// How credentials are handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CredentialsFormat {
    /// The JSON of a `credential_process`
    #[default]
    Process,
    /// Lines for a shell, which set variables; --shell says which shell
    Env,
    /// Masked, into GitHub's environment of the job's later steps
    Github,
    /// NAME=value lines
    Dotenv,
    /// A profile in AWS's config file that runs this command whenever credentials are needed; --profile names it
    Profile,
}

/// Returns the error of a command line that ends in `--`, whose command is missing, such as one from an empty variable. Without it, the credentials
/// would be printed.
pub fn missing_command(args: &[OsString]) -> Option<Error> {
    let is_missing = args.iter().position(|arg| arg == "--") == args.len().checked_sub(1);
    is_missing.then(|| {
        Error::usage(
            Code::Options,
            "--",
            "the command to run with the credentials is missing",
        )
        .hint("write the command after --, or leave -- out to print the credentials")
    })
}

/// Gets the credentials and outputs them.
///
/// # Errors
/// There is no role or no token, AWS denies the call, the network fails, or the result cannot be written.
pub fn run(args: &AssumeArgs, config: Option<&Path>, context: &mut Context<'_>) -> Result<Exit> {
    check(args, context)?;
    if args.format == CredentialsFormat::Profile {
        return write_profile(args, context).map(|()| Exit::Done);
    }
    let is_process = args.format == CredentialsFormat::Process && args.command.is_empty();
    let masks = args.masks.or_taken_by_the_caller(is_process);
    masks.check(context)?;
    let mut path = session(&args.identity, base(&args.identity, config, context)?, context)?;
    MfaPrompt::new(context).begin(&mut path, context)?;
    let cache = Cache::from_env(&context.env);
    let credentials = path.credentials(&cache, Instant::now(), context)?;
    let mut secrets = ci::of_credentials(&credentials.secret_access_key, credentials.session_token.as_ref());
    secrets.extend(written_otherwise(args, &secrets));
    secrets.extend(path.identity().token());
    masks.hide(secrets, context)?;
    if !args.command.is_empty() {
        return run_with::run(&args.command, &credentials, args.identity.0.text(&TOKEN_ENV), context);
    }
    hand_over(args, &credentials, context).map(|()| Exit::Done)
}

/// Returns the secrets in the encoding of a format, if that differs from the plain text.
fn written_otherwise(args: &AssumeArgs, secrets: &[Secret]) -> Vec<Secret> {
    match args.format {
        CredentialsFormat::Process => secrets.iter().map(output::json_text).collect(),
        CredentialsFormat::Env => {
            let shell = args.shell.unwrap_or_default();
            secrets.iter().map(|secret| shell.text(secret)).collect()
        }
        _ => Vec::new(),
    }
}

/// Checks the output before the credentials are fetched.
fn check(args: &AssumeArgs, context: &Context<'_>) -> Result<()> {
    if !args.command.is_empty() {
        return Ok(());
    }
    if args.shell.is_some() && args.format != CredentialsFormat::Env {
        return Err(
            Error::usage(Code::Options, "--shell", "this format has no lines for a shell").hint("add --format env"),
        );
    }
    match (args.format, &args.delivery.output) {
        (CredentialsFormat::Github, None) => github::check(&context.env, github::CommandFile::Env),
        (CredentialsFormat::Profile, None) => Ok(()),
        (CredentialsFormat::Github | CredentialsFormat::Profile, Some(_)) => {
            Err(
                Error::usage(Code::Options, "--output", "this format writes to a fixed place")
                    .hint("leave --output out, or choose process, env or dotenv with --format"),
            )
        }
        _ => args.delivery.check(context),
    }
}

/// Returns the sign-in to Cognito, which only the configuration holds. Its roles are not used here, because they belong to registries.
fn base(identity: &IdentityArgs, config: Option<&Path>, context: &Context<'_>) -> Result<IdentitySettings> {
    let cognito = match identity.source() {
        Some("cognito") => Config::load(&context.env, config)?.cognito().cloned(),
        _ => None,
    };
    let role = RoleSettings {
        cognito,
        ..RoleSettings::default()
    };
    Ok(role.into())
}

fn session(identity: &IdentityArgs, base: IdentitySettings, context: &Context<'_>) -> Result<SessionPath> {
    SessionPath::choose(&context.env, identity.identity(&base)?)
}

fn hand_over(args: &AssumeArgs, credentials: &SessionCredentials, context: &mut Context<'_>) -> Result<()> {
    let text = match args.format {
        CredentialsFormat::Env => output::credentials_env(credentials, args.shell.unwrap_or_default(), &context.env)?,
        CredentialsFormat::Dotenv => output::credentials_dotenv(credentials, &context.env)?,
        CredentialsFormat::Github => {
            github::write(
                &context.env,
                github::CommandFile::Env,
                &output::credentials_assignments(credentials, &context.env),
            )?;
            context.say("the job's later steps have the credentials in their environment");
            return Ok(());
        }
        CredentialsFormat::Process | CredentialsFormat::Profile => output::credentials_process(credentials)?,
    };
    args.delivery.deliver(&text, context)
}

/// Writes a profile that runs this command with the same flags.
fn write_profile(args: &AssumeArgs, context: &mut Context<'_>) -> Result<()> {
    let name = args.identity.profile().unwrap_or(PROFILE);
    let Some(role) = args.identity.role_arn().or(context.env.get(variables::AWS_ROLE_ARN)) else {
        return Err(
            Error::usage(Code::Role, "no role", "none is named for the profile to assume").hint(format!(
                "name it with {ROLE_ARN} or AWS_ROLE_ARN; {} is the name of the profile that is written",
                table::PROFILE
            )),
        );
    };
    let mut identity = args.identity.clone();
    identity.0.set(&ROLE_ARN, SurfaceValue::Text(role.to_owned()));
    identity.0.remove(&[&table::PROFILE]);
    if args.identity.role_arn().is_none()
        && !identity.names_token()
        && identity.source() != Some("chain")
        && let Some(file) = context.env.path(variables::AWS_WEB_IDENTITY_TOKEN_FILE)
    {
        // Together with the file, the variable names a role for that token, so the role is assumed with the token.
        identity.0.set(&TOKEN_FILE, SurfaceValue::File(file));
    }
    let path = session(&identity, IdentitySettings::default(), context)?;
    let line = credential_process(&identity, &path)?;
    let written = HelperProfile::new(name, &context.exe, &line, &context.env)?.write(None)?;
    let already = if written.changed { "" } else { "already " };
    context.say(&format!(
        "profile {name} {already}in {}; use it with AWS_PROFILE={name}",
        shown(&written.path, &context.env)
    ));
    Ok(())
}
