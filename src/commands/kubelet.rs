//! `ecr-auth kubelet`: the kubelet's exec image credential provider, for images of ECR.

use std::io::Read;
use std::path::Path;

use crate::kubelet::{Request, with_password, without_credentials};
use crate::plan::{self, Override};
use configuration::{Config, Target};
use context::{Progress, World};
use diagnostics::{Code, Error, Result};
use ecr_registry::Registry;
use oidc_token::Claims;
use secret::Secret;
use secret_cache::{Cache, Held};
use settings::{RoleSettings, SourceChoice, TokenPlace};

/// The annotation of a service account that names the role its pods' images are pulled with, as Amazon's own provider has it.
/// <https://github.com/kubernetes/cloud-provider-aws>
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/ecr-role-arn";

/// What the kubelet may send, at most, in bytes: annotations alone may be 256 KiB.
const INPUT_LIMIT: u64 = 1024 * 1024;

/// Answers one request: credentials for an image of ECR or of an alias, no credentials for any other. Where they can't be had,
/// ECR Public and `optional` registries are answered without credentials too, and the cause goes to stderr.
///
/// # Errors
/// A request that isn't right; a configuration that isn't; credentials that can't be had. Then nothing is on stdout.
pub fn run(config: Option<&Path>, world: &mut World<'_>) -> Result<()> {
    // The kubelet looks on, and no person.
    world.progress = Progress::default();
    let request = Request::parse(&input(world)?)?;
    let answer = answer(&request, config, world)?;
    let written = world.stdout.write_all(answer.expose().as_bytes());
    written
        .and_then(|()| world.stdout.flush())
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the answer", error))
}

fn input(world: &mut World<'_>) -> Result<Secret> {
    let mut text = String::new();
    let read = world.stdin.take(INPUT_LIMIT + 1).read_to_string(&mut text);
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

fn answer(request: &Request, config: Option<&Path>, world: &mut World<'_>) -> Result<Secret> {
    let host = request.host();
    let config = match Config::load_for(&world.env, config, host) {
        Ok(config) => config,
        // What the rules say of it can't be known, but that ECR Public serves anybody can.
        Err(error) if Registry::parse(host).is_some_and(|registry| registry.is_public()) => {
            return Ok(go_on_without(host, &error, world));
        }
        Err(error) => return Err(error),
    };
    let Some(target) = config.target(host) else {
        world.detail(|| format!("{host} is no registry of ECR"));
        return Ok(without_credentials());
    };
    match password(request, &target, world) {
        Ok(held) => {
            let left = held.expires_at.duration_since(world.now()).unwrap_or_default();
            Ok(with_password(host, &held.secret, left))
        }
        Err(error) if target.is_optional() => Ok(go_on_without(host, &error, world)),
        Err(error) => Err(error),
    }
}

/// A pull that works without credentials must not fail for want of them.
fn go_on_without(host: &str, error: &Error, world: &mut World<'_>) -> Secret {
    let _ = writeln!(world.stderr, "ecr-auth: {host}: going on without credentials: {error}");
    without_credentials()
}

fn password(request: &Request, target: &Target<'_>, world: &mut World<'_>) -> Result<Held> {
    let Some(token) = request.token() else {
        let cache = Cache::open(Cache::folder(&world.env));
        return plan::by_rule(&world.env, target)?.password(&cache, request.host(), world.began, world);
    };
    let with = Override {
        profile: None,
        role: role_of_pod(request, token, world)?,
        is_whole: true,
    };
    // Security note: nothing is kept of it. The kubelet keeps it for this service account; a file on the node would serve every pod.
    let nowhere = Cache::open(None);
    plan::by_command_line(&world.env, target, &with)?.password(&nowhere, request.host(), world.began, world)
}

/// The identity of the pod's service account, whole: a rule's roles and profile and the node's credentials have no part in it.
fn role_of_pod(request: &Request, token: &Secret, world: &World<'_>) -> Result<RoleSettings> {
    let role = request.annotation(ROLE_ANNOTATION).ok_or_else(|| {
        Error::usage(
            Code::KubeletRole,
            "no role",
            format!("the request has a service account's token, and no annotation {ROLE_ANNOTATION}"),
        )
        .hint(format!(
            "kubectl annotate serviceaccount NAME {ROLE_ANNOTATION}=ROLE-ARN, and list it in requiredServiceAccountAnnotationKeys"
        ))
    })?;
    let is_named = world.env.get("AWS_ROLE_SESSION_NAME").is_some();
    Ok(RoleSettings {
        role_arn: Some(role.to_owned()),
        session_name: session_name(token).filter(|_| !is_named),
        token: Some(TokenPlace::ServiceAccount(token.clone())),
        source: SourceChoice::Oidc,
        ..RoleSettings::default()
    })
}

/// What CloudTrail shows of the pod: `kubelet-<namespace>-<service account>`.
fn session_name(token: &Secret) -> Option<String> {
    let claims = Claims::from_jwt(token.expose())?;
    let account = claims.sub.strip_prefix("system:serviceaccount:")?;
    Some(format!("kubelet-{}", account.replace(':', "-")))
}
