//! `ecr-auth login`: fetches registry passwords and outputs them, masked.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::deliver::DeliveryArgs;
use super::hosts;
use super::identity::IdentityArgs;
use super::masks::MaskArgs;
use super::mfa::MfaPrompt;
use super::passwords;
use crate::output::{self, RegistryPassword, SecretName};
use ci::github;
use client_config::{Client, ConfigFile, PasswordPlace, StoredLogin};
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error, Result};
use secret::Secret;

const EXAMPLES: &str = "\
Examples:
  ecr-auth login 111122223333.dkr.ecr.eu-west-1.amazonaws.com
  ecr-auth login --format password 111122223333/eu-west-1 | \\
    helm registry login -u AWS --password-stdin HOST
  ecr-auth login --format k8s-secret --name ecr 111122223333/eu-west-1 | \\
    kubectl apply -f -

If the client knows credential helpers, prefer `ecr-auth setup`: it stores no password and renews it.";

/// The default name of the Secret.
const SECRET_NAME: &str = "ecr-auth";

/// Fetches registry passwords and stores or prints them, masked
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct LoginArgs {
    /// Registries: a host name, ACCOUNT/REGION, ACCOUNT, or `public` [default: those of ecr-auth.yml, else your account's]
    #[arg(value_name = "REGISTRY")]
    pub registries: Vec<String>,
    /// What to do with the passwords
    #[arg(long, value_enum, default_value_t)]
    pub format: PasswordFormat,
    /// Where a result goes
    #[command(flatten)]
    pub delivery: DeliveryArgs,
    /// Whether the CI's log has to hide the passwords
    #[command(flatten)]
    pub masks: MaskArgs,
    /// Name of the Kubernetes Secret [default: ecr-auth]
    #[arg(long)]
    pub name: Option<String>,
    /// Namespace of the Kubernetes Secret [default: kubectl's current one]
    #[arg(long)]
    pub namespace: Option<String>,
    /// Whose store to write [default: docker; podman and helm where they are used]
    #[arg(long, value_enum)]
    pub client: Option<Client>,
    /// Docker's configuration folder [default: $DOCKER_CONFIG, else ~/.docker]
    #[arg(long, value_name = "DIR")]
    pub docker_config: Option<PathBuf>,
    /// Whose AWS credentials
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// How passwords are handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PasswordFormat {
    /// Into the client's own store: its credential store, or `auths` of its configuration; with --output, a config.json with these logins
    #[default]
    Docker,
    /// Masked, into the outputs of GitHub's step; with --output, lines for $GITHUB_OUTPUT
    Github,
    /// NAME=value lines
    Dotenv,
    /// One JSON document
    Json,
    /// Only the password, of one registry
    Password,
    /// A Secret of type kubernetes.io/dockerconfigjson
    K8sSecret,
}

/// Fetches a password for each registry and outputs them. If one cannot be fetched, none is written.
///
/// # Errors
/// A registry is invalid, a password cannot be fetched, or a result cannot be written.
pub fn run(args: &LoginArgs, config: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let secret = check(args, context)?;
    args.masks.check(context)?;
    let config = Config::load(&context.env, config)?;
    let mut mfa = MfaPrompt::new(context);
    let hosts = hosts::named_or_own(&args.registries, &args.identity, &config, Some(&mut mfa), context)?;
    check_hosts(args, &hosts)?;
    let passwords = fetch(args, &hosts, &config, &mut mfa, context)?;
    if args.format == PasswordFormat::Docker && args.delivery.output.is_none() {
        return store(args, &passwords, context);
    }
    hand_over(args, &passwords, secret.as_ref(), context)
}

/// Checks the command line before a password is fetched.
fn check(args: &LoginArgs, context: &Context<'_>) -> Result<Option<SecretName>> {
    if args.format != PasswordFormat::K8sSecret && (args.name.is_some() || args.namespace.is_some()) {
        return Err(Error::usage(
            Code::Options,
            "--name, --namespace",
            "only a Kubernetes Secret has them",
        )
        .hint("add --format k8s-secret"));
    }
    if args.format != PasswordFormat::Docker && (args.client.is_some() || args.docker_config.is_some()) {
        return Err(Error::usage(
            Code::Options,
            "--client, --docker-config",
            "only the format docker writes a client's store",
        )
        .hint("leave them out, or leave out --format"));
    }
    let of_client = args.client.is_some() || args.docker_config.is_some();
    if of_client && args.delivery.output.is_some() {
        return Err(Error::usage(
            Code::Options,
            "--output",
            "the file takes the place of the client's store, which --client and --docker-config name",
        )
        .hint("leave out --output, or the other two"));
    }
    match (args.format, &args.delivery.output) {
        (PasswordFormat::Docker, None) => return Ok(None),
        (PasswordFormat::Github, None) => {
            github::check(&context.env, github::CommandFile::Output)?;
            return Ok(None);
        }
        _ => {}
    }
    args.delivery.check(context)?;
    if args.format != PasswordFormat::K8sSecret {
        return Ok(None);
    }
    let name = args.name.as_deref().unwrap_or(SECRET_NAME);
    SecretName::new(name, args.namespace.as_deref()).map(Some)
}

/// Checks the registries against the format.
fn check_hosts(args: &LoginArgs, hosts: &[String]) -> Result<()> {
    match args.format {
        PasswordFormat::Password if hosts.len() != 1 => Err(Error::usage(
            Code::Options,
            "cannot print the password alone",
            format!("{} registries are asked for", hosts.len()),
        )
        .hint("name one registry, or use --format json")),
        PasswordFormat::Github | PasswordFormat::Dotenv => output::check_names(hosts),
        _ => Ok(()),
    }
}

/// Fetches all passwords and masks them in the CI's log. Optional registries among several may fail.
fn fetch(
    args: &LoginArgs,
    hosts: &[String],
    config: &Config,
    mfa: &mut MfaPrompt,
    context: &mut Context<'_>,
) -> Result<Vec<RegistryPassword>> {
    let fetched = passwords::fetch(&args.identity, hosts, config, Some(mfa), context)?;
    let mut secrets = fetched.secrets();
    secrets.extend(written_otherwise(args.format, &fetched.passwords)?);
    args.masks.hide(secrets, context)?;
    for (host, error) in &fetched.failed {
        context.say(&format!("warning: {host}: going on without it: {error}"));
    }
    Ok(fetched.passwords)
}

/// Returns the passwords in the encoding of a format, if that differs from the plain text.
fn written_otherwise(format: PasswordFormat, passwords: &[RegistryPassword]) -> Result<Vec<Secret>> {
    match format {
        PasswordFormat::Json => Ok(passwords.iter().map(|it| output::json_text(&it.password)).collect()),
        PasswordFormat::K8sSecret => output::k8s_data(passwords).map(|data| vec![data]),
        _ => Ok(Vec::new()),
    }
}

fn hand_over(
    args: &LoginArgs,
    passwords: &[RegistryPassword],
    secret: Option<&SecretName>,
    context: &mut Context<'_>,
) -> Result<()> {
    let text = match (args.format, secret) {
        (PasswordFormat::Docker, _) => output::docker_config(passwords)?,
        (PasswordFormat::Github, _) if args.delivery.output.is_some() => output::passwords_lines(passwords)?,
        (PasswordFormat::Github, _) => {
            github::write(
                &context.env,
                github::CommandFile::Output,
                &output::passwords_outputs(passwords),
            )?;
            context.say("the step's outputs have the passwords, masked");
            return Ok(());
        }
        (_, Some(name)) => output::k8s_secret(passwords, name)?,
        (PasswordFormat::Json, _) => output::passwords_json(passwords)?,
        (PasswordFormat::Dotenv, _) => output::passwords_dotenv(passwords)?,
        _ => passwords.first().map(output::bare_password).unwrap_or_default(),
    };
    args.delivery.deliver(&text, context)
}

/// Stores the passwords where each client keeps its own.
fn store(args: &LoginArgs, passwords: &[RegistryPassword], context: &mut Context<'_>) -> Result<()> {
    let files = client_config::config_files(args.client, args.docker_config.as_deref(), &context.env)?;
    for file in &files {
        let logins = passwords::store(file, passwords, context)?;
        if args.identity.is_given() {
            warn_of_helpers(file, &logins, context);
        }
    }
    Ok(())
}

/// Warns if ecr-auth itself is the helper, because nothing was stored then: the client will get the helper's password, with the helper's identity.
fn warn_of_helpers(file: &ConfigFile, logins: &[StoredLogin], context: &mut Context<'_>) {
    let client = file.kind.name();
    for login in logins
        .iter()
        .filter(|login| matches!(login.place, PasswordPlace::Helper(_)))
    {
        context.say(&format!(
            "warning: {client} asks the helper for {0}, where the identity of this command has no effect: ecr-auth.yml has the helper's, and `ecr-auth setup` with the same flags writes it there",
            login.host
        ));
    }
}
