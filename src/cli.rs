//! The definition of the command line. The commands themselves are in `commands`.

mod usage;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::{
    action, assume, bazel, cognito, doctor, exists, helper, install, kubelet, login, logout, overview, setup,
    trust_policy,
};
use crate::doctor::SharedRedactor;
use configuration::Config;
use context::{Context, Progress, Verbosity};
use diagnostics::{Code, Error, Exit, Result};
use settings::Surface;

/// Docker login for Amazon ECR that never expires: credential helper, token cache and setup in one binary.
#[derive(Debug, Parser)]
#[command(name = "ecr-auth", bin_name = "ecr-auth", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Configuration file, instead of $ECR_AUTH_CONFIG or ecr-auth/ecr-auth.yml in your configuration folder
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Show more (repeatable); ECR_AUTH_LOG=debug does the same
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// Show only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  ecr-auth                               shows what is here, and what to do next
  ecr-auth setup --all                   serves every ECR registry (laptops)
  ecr-auth setup 111122223333/eu-west-1  serves this registry (CI jobs)
  ecr-auth doctor                        finds out why a pull fails
  ecr-auth logout                        undoes everything";

const COMPLETIONS: &str = "Examples:
  source <(ecr-auth completions bash)         in ~/.bashrc
  ecr-auth completions zsh >FOLDER/_ecr-auth  of a FOLDER in $fpath
  ecr-auth completions fish >~/.config/fish/completions/ecr-auth.fish
  ecr-auth completions powershell | Out-String | Invoke-Expression  in $PROFILE
  eval (ecr-auth completions elvish | slurp)  in rc.elv";

const HELPER: &str = "Examples:
  echo 111122223333.dkr.ecr.eu-west-1.amazonaws.com | ecr-auth helper get
  ecr-auth helper list
  ecr-auth helper version";

const BAZEL: &str = "Examples:
  echo '{\"uri\": \"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/\"}' | \\
    ecr-auth get

In .bazelrc:
  common --credential_helper=*.dkr.ecr.eu-west-1.amazonaws.com=ecr-auth";

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::SetupArgs),
    Logout(logout::LogoutArgs),
    Assume(assume::AssumeArgs),
    Login(login::LoginArgs),
    TrustPolicy(Box<trust_policy::TrustPolicyArgs>),
    Cognito(Box<cognito::CognitoCommand>),
    Kubelet(kubelet::KubeletArgs),
    Install(install::InstallArgs),
    Doctor(doctor::DoctorArgs),
    Exists(exists::ExistsArgs),
    /// Prints a shell's completion script
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Runs a step of the GitHub Action; action.yml calls it
    #[command(hide = true)]
    Action {
        /// Which step
        #[arg(value_enum)]
        step: action::ActionStep,
    },
    /// Bazel's credential-helper protocol: an address on stdin as JSON, its headers on stdout
    #[command(after_help = BAZEL)]
    Get,
    /// Docker's credential-helper protocol; clients call it as docker-credential-ecr-auth
    #[command(after_help = HELPER)]
    Helper {
        /// get, store, erase, list or version
        action: String,
    },
}

/// Returns the commands and their flags, for completions and for the reference in docs/configuration.md.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses a command line and runs its command.
pub fn run(args: &[OsString], context: &mut Context<'_>) -> Exit {
    let redactor = doctor::redact_messages(args, context);
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return show(&error, args, context),
    };
    if let (Some(Command::Assume(_)), Some(error)) = (&cli.command, assume::missing_command(args)) {
        error.report(&mut context.stderr);
        return error.exit();
    }
    if cli.quiet {
        context.verbosity = Verbosity::Quiet;
        context.progress = Progress::default();
    } else if cli.verbose > 0 {
        context.verbosity = Verbosity::Debug;
    }
    match dispatch(&cli, redactor, context) {
        Ok(exit) => exit,
        Err(error) => {
            surface(&cli).tell(error.clone()).report(&mut context.stderr);
            error.exit()
        }
    }
}

/// Returns the surface whose names a command's errors have. The kubelet runs its provider, which has no flags for settings.
fn surface(cli: &Cli) -> Surface {
    match cli.command {
        Some(Command::Kubelet(_)) => Surface::Rule,
        _ => Surface::CommandLine,
    }
}

fn dispatch(cli: &Cli, redactor: Option<SharedRedactor>, context: &mut Context<'_>) -> Result<Exit> {
    let Some(command) = &cli.command else {
        return overview::run(cli.config.as_deref(), context).map(|()| Exit::Done);
    };
    match (command, &cli.config) {
        // Protocols and the report have errors of their own, and `logout` also works after the file was removed.
        (Command::Helper { .. } | Command::Get | Command::Kubelet(_) | Command::Doctor(_) | Command::Logout(_), _) => {}
        (_, Some(named)) => Config::check_is_there(named)?,
        (_, None) => {}
    }
    match command {
        Command::Setup(args) => setup::run(args, cli.config.as_deref(), context)?,
        Command::Logout(args) => logout::run(args, cli.config.as_deref(), context)?,
        Command::Login(args) => login::run(args, cli.config.as_deref(), context)?,
        Command::TrustPolicy(args) => trust_policy::run(args, context)?,
        Command::Cognito(command) => cognito::run(command, cli.config.as_deref(), context)?,
        Command::Kubelet(_) => kubelet::run(cli.config.as_deref(), context)?,
        Command::Install(args) => install::run(args, context)?,
        Command::Doctor(args) => return doctor::run(args, cli.config.as_deref(), redactor, context),
        Command::Exists(args) => return Ok(exists::run(args, cli.config.as_deref(), context)),
        Command::Assume(args) => return assume::run(args, cli.config.as_deref(), context),
        Command::Completions { shell } => print_completions(*shell, context)?,
        Command::Action { step } => return Ok(action::run(*step, context)),
        Command::Get => return Ok(bazel::run(cli.config.as_deref(), context)),
        Command::Helper { action } => return Ok(helper::run(action, cli.config.as_deref(), context)),
    }
    Ok(Exit::Done)
}

fn print_completions(shell: Shell, context: &mut Context<'_>) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "ecr-auth", &mut script);
    let written = context.stdout.write_all(&script);
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the script", error))
}

/// Prints help and version as results, and anything else as a usage error.
fn show(error: &clap::Error, args: &[OsString], context: &mut Context<'_>) -> Exit {
    if error.use_stderr() {
        let error = usage::error(error, args);
        error.report(&mut context.stderr);
        return error.exit();
    }
    let written = write!(context.stdout, "{}", error.render());
    match written.and_then(|()| context.stdout.flush()) {
        Ok(()) => Exit::Done,
        // A reader such as head(1) has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Failed,
        Err(error) => {
            let error = Error::failed(Code::ResultNotWritten, "cannot write the text", error);
            error.report(&mut context.stderr);
            error.exit()
        }
    }
}
