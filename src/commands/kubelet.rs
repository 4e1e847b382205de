//! `ecr-auth kubelet`: the kubelet's exec image credential provider, for images of ECR.

use std::io::Read;
use std::path::Path;

use clap::Args;

use crate::kubelet::{KubeletRequest, with_password, without_credentials};
use crate::pull::{self, PullAnswer};
use aws_access::identity::{IdentityScope, finds_nothing};
use aws_access::{Identity, PasswordPath};
use configuration::{Config, RegistryTarget};
use context::program::is_called;
use context::{Context, Progress, variables};
use diagnostics::{Code, Error, Exit, Result};
use oidc_token::Claims;
use secret::Secret;
use secret_cache::Cache;
use settings::RoleSettings;

/// The service account's annotation with the role that pulls its pods' images, as in Amazon's own provider.
/// <https://github.com/kubernetes/cloud-provider-aws>
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/ecr-role-arn";

/// The largest request, in bytes. Annotations alone may have 256 KiB.
const INPUT_LIMIT: u64 = 1024 * 1024;

/// The file name of Amazon's own provider. Under it, ecr-auth is called without the word `kubelet`, like that provider.
const AMAZONS_PROVIDER: &str = "ecr-credential-provider";

/// Answers the kubelet, as its exec image credential provider (v1): a CredentialProviderRequest on stdin
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KubeletArgs {
    /// Changes nothing: configurations of other providers have it among their args
    #[arg(value_parser = ["get-credentials"], hide = true)]
    action: Option<String>,
}

const EXAMPLES: &str = "Examples:
  ecr-auth kubelet <request.json

The kubelet feeds it a request like this one:
  {\"apiVersion\": \"credentialprovider.kubelet.k8s.io/v1\",
   \"kind\": \"CredentialProviderRequest\",
   \"image\": \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.0\"}";

/// Whether a binary with this name replaces Amazon's own provider.
pub fn is_amazons_provider(program: &Path) -> bool {
    is_called(program, AMAZONS_PROVIDER)
}

/// Answers one request: with credentials for an image of ECR or of an alias, without credentials for any other. If they cannot be fetched, ECR
/// Public and `optional` registries are answered without credentials too, and the cause goes to stderr.
///
/// # Errors
/// The request or the configuration is invalid, or the credentials cannot be fetched. Nothing is written to stdout then.
pub fn run(config: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    // Only the kubelet reads stderr.
    context.progress = Progress::default();
    let request = KubeletRequest::parse(&input(context)?)?;
    let answer = answer(&request, config, context)?;
    let written = context.stdout.write_all(answer.expose().as_bytes());
    written
        .and_then(|()| context.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the answer", error))
}

fn input(context: &mut Context<'_>) -> Result<Secret> {
    let mut text = String::new();
    let read = context.stdin.take(INPUT_LIMIT + 1).read_to_string(&mut text);
    let text = Secret::new(text);
    match read {
        Ok(read) if read as u64 <= INPUT_LIMIT => Ok(text),
        Ok(_) => Err(Error::failed(
            Code::KubeletRequest,
            "the kubelet's request",
            "it is longer than 1 MiB",
        )),
        Err(error) => Err(Error::failed(
            Code::KubeletRequest,
            "cannot read the kubelet's request",
            error,
        )),
    }
}

fn answer(request: &KubeletRequest, config: Option<&Path>, context: &mut Context<'_>) -> Result<Secret> {
    let host = request.host();
    let loaded = Config::load_for(&context.env, config, host, None);
    let answer = pull::answer(host, host, config, loaded, context, |target, context| {
        let Some(token) = request.token() else {
            return pull::by_rule(target, context);
        };
        // Security note: nothing is cached. The kubelet caches the password for this service account, but a file on the node would serve every pod.
        let path = by_pod(request, token, target, context)?;
        Ok((path, Cache::open(None)))
    });
    let answer = answer.map_err(explain_to_node)?;
    match answer {
        PullAnswer::Password(held) => {
            let left = held.expires_at.duration_since(context.now()).unwrap_or_default();
            Ok(with_password(host, &held.secret, left))
        }
        PullAnswer::WithoutPassword(why) => {
            let _ = context.stderr.line(&why);
            Ok(without_credentials())
        }
        PullAnswer::NotOurs(_) => {
            context.detail(|| format!("{host} is not an ECR registry"));
            Ok(without_credentials())
        }
    }
}

/// If no credentials are found, adds the hint for a node, where no user signs in.
fn explain_to_node(error: Error) -> Error {
    match finds_nothing(&error) {
        true => error.hint_lines([
            "give the node an instance role with the policy AmazonEC2ContainerRegistryPullOnly.",
            "If the node has one, look at its metadata service: is it on, and does its hop limit let this process through?",
            "aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled --http-put-response-hop-limit 2",
        ]),
        false => error,
    }
}

/// Returns the path to the password of a registry for a pod with a service account's token. A role in its annotation or the environment is assumed
/// with the token, and rules are ignored. Without such a role, the node's credentials are used, as by Amazon's own provider.
fn by_pod(
    request: &KubeletRequest,
    token: &Secret,
    target: &RegistryTarget<'_>,
    context: &Context<'_>,
) -> Result<PasswordPath> {
    let env = &context.env;
    let named = request
        .annotation(ROLE_ANNOTATION)
        .map(str::trim)
        .filter(|role| !role.is_empty());
    let (role, named_in) = match (named, env.get(variables::AWS_ECR_ROLE_ARN)) {
        (Some(role), _) => (role, ROLE_ANNOTATION),
        (None, Some(role)) => (role, variables::AWS_ECR_ROLE_ARN),
        (None, None) => return Ok(pull::by_rule(target, context)?.0),
    };
    let is_named = env.get(variables::AWS_ROLE_SESSION_NAME).is_some();
    let settings = RoleSettings {
        session_name: session_name(token).filter(|_| !is_named),
        ..RoleSettings::default()
    };
    let registry = target.registry();
    let scope = IdentityScope::from(registry);
    // The kubelet passes the annotation on: the command line is not at fault.
    let identity = Identity::of_service_account(role, settings, token.clone(), &scope, env).map_err(|error| {
        let what = format!("{} of {named_in}", error.what());
        error.about(what).with_exit(Exit::Failed)
    })?;
    PasswordPath::new(env, registry, identity)
}

/// Returns the session name that CloudTrail shows: `kubelet-<namespace>-<service account>`.
fn session_name(token: &Secret) -> Option<String> {
    let claims = Claims::from_jwt(token.expose())?;
    let account = claims.sub.strip_prefix("system:serviceaccount:")?;
    Some(format!("kubelet-{}", account.replace(':', "-")))
}
