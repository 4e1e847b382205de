//! The lab's own HTTP endpoint, `/_lab/…`, with JSON requests and responses. The README documents it.

use std::path::PathBuf;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::ci::JobSpec;
use crate::faults::FaultRule;
use crate::hosts::Service;
use crate::jwt::SigningAlgorithm;
use crate::policy::{Permissions, RepositoryPolicy, RoleSpec};
use crate::projected::ServiceAccount;
use crate::repositories::{CreationTemplate, RepositoryName};
use crate::request::{bad, read, unknown};
use crate::{Aws, cognito};

const LARGEST_REQUEST: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Seconds {
    seconds: u64,
}

#[derive(Deserialize)]
struct Of {
    service: Service,
}

#[derive(Deserialize)]
struct Arn {
    arn: Option<String>,
}

#[derive(Deserialize)]
struct RoleArn {
    role_arn: String,
}

#[derive(Deserialize)]
struct Account {
    account: String,
    partition: String,
}

#[derive(Deserialize)]
struct User {
    account: String,
    name: String,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Deserialize)]
struct UserName {
    account: String,
    name: String,
}

#[derive(Deserialize)]
struct Grant {
    arn: String,
    permissions: Permissions,
}

#[derive(Deserialize)]
struct Key {
    id: String,
}

#[derive(Deserialize)]
struct JobId {
    id: String,
}

#[derive(Deserialize)]
struct Projection {
    #[serde(flatten)]
    account: ServiceAccount,
    folder: PathBuf,
}

#[derive(Deserialize)]
struct PublicAlias {
    alias: String,
    account: String,
}

#[derive(Deserialize)]
struct HostAlias {
    host: String,
    registry: String,
}

#[derive(Deserialize)]
struct Issuer {
    issuer: String,
    algorithm: SigningAlgorithm,
}

#[derive(Deserialize)]
struct Provider {
    account: String,
    issuer: String,
    audiences: Vec<String>,
}

#[derive(Deserialize)]
struct Jwt {
    issuer: String,
    claims: Value,
}

/// Answers one request.
pub(crate) async fn call(aws: &Aws, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(cause) => return Refusal::new(400, "BadRequest", cause.to_string()).plain_json(),
    };
    let name = parts.uri.path().trim_start_matches("/_lab").trim_matches('/');
    match act(aws, &parts.method, name, &body) {
        Ok(value) => answer::json(200, &value),
        Err(refusal) => refusal.plain_json(),
    }
}

fn act(aws: &Aws, method: &Method, name: &str, body: &[u8]) -> Result<Value, Refusal> {
    match (method.as_str(), name) {
        ("GET", "calls") => return Ok(json!(aws.calls())),
        ("GET", "cognito") => return Ok(cognito::control::ids()),
        ("GET", "clock") => return Ok(json!({"now": aws.clock.now()})),
        ("DELETE", "faults") => aws.clear_faults(),
        ("POST", "reset") => aws.reset(),
        ("POST", "revoke-tokens") => aws.revoke_tokens(),
        ("POST", name) => {
            return match name.strip_prefix("cognito/") {
                Some(name) => cognito::control::post(aws.cognito(), name, body),
                None => post(aws, name, body),
            };
        }
        _ => return Err(unknown()),
    }
    Ok(json!({}))
}

fn post(aws: &Aws, name: &str, body: &[u8]) -> Result<Value, Refusal> {
    match name {
        "token-lifetime" => aws.set_token_lifetime(Duration::from_secs(read::<Seconds>(body)?.seconds)),
        "advance" => aws.advance(Duration::from_secs(read::<Seconds>(body)?.seconds)),
        "faults" => aws.add_fault(read::<FaultRule>(body)?),
        "hold" => aws.hold(read::<Of>(body)?.service),
        "release" => aws.release(read::<Of>(body)?.service),
        "instance-role" => aws.set_instance_role(read::<Arn>(body)?.arn.as_deref()),
        _ => return add(aws, name, body),
    }
    Ok(json!({}))
}

fn add(aws: &Aws, name: &str, body: &[u8]) -> Result<Value, Refusal> {
    match name {
        "users" => {
            let user: User = read(body)?;
            return Ok(json!(aws.add_user_with(&user.account, &user.name, user.permissions)));
        }
        "mfa-devices" => {
            let user: UserName = read(body)?;
            let (serial, secret) = aws.add_mfa_device(&user.account, &user.name);
            return Ok(json!({"serial": serial, "secret": secret}));
        }
        "roles" => return Ok(json!({"arn": aws.add_role(read::<RoleSpec>(body)?)})),
        "jobs" => return Ok(json!(aws.start_job(&read::<JobSpec>(body)?).map_err(bad)?)),
        "redactions" => return Ok(json!({"redactions": aws.redactions(&read::<JobId>(body)?.id)})),
        "projected-tokens" => {
            let projection: Projection = read(body)?;
            let path = aws
                .project_token(&projection.account, &projection.folder)
                .map_err(bad)?;
            return Ok(json!({ "path": path }));
        }
        "containers" => return Ok(json!(aws.add_container(&read::<RoleArn>(body)?.role_arn))),
        "jwt" => {
            let jwt: Jwt = read(body)?;
            return Ok(json!({"token": aws.sign_jwt(&jwt.issuer, &jwt.claims).map_err(bad)?}));
        }
        "issuers" => {
            let issuer: Issuer = read(body)?;
            aws.add_issuer(&issuer.issuer, issuer.algorithm).map_err(bad)?;
        }
        "accounts" => {
            let account: Account = read(body)?;
            aws.add_account(&account.account, &account.partition);
        }
        "managed-policies" => {
            let grant: Grant = read(body)?;
            aws.add_managed_policy(&grant.arn, grant.permissions);
        }
        "permissions" => {
            let grant: Grant = read(body)?;
            if !aws.set_permissions(&grant.arn, grant.permissions) {
                return Err(Refusal::new(404, "NotFound", "no such user or role"));
            }
        }
        "end-job" => {
            if !aws.end_job(&read::<JobId>(body)?.id) {
                return Err(Refusal::new(404, "NotFound", "no such job"));
            }
        }
        "remove-key" => aws.remove_key(&read::<Key>(body)?.id),
        "repository-policies" => {
            let policy: RepositoryPolicy = read(body)?;
            let RepositoryPolicy {
                account,
                region,
                repository,
                principal,
                access,
            } = policy;
            aws.allow_repository(&account, &region, &repository, &principal, access);
        }
        "missing-repositories" => {
            let name: RepositoryName = read(body)?;
            aws.remove_repository(&name.account, &name.region, &name.repository);
        }
        "creation-templates" => aws.add_creation_template(read::<CreationTemplate>(body)?),
        "public-aliases" => {
            let alias: PublicAlias = read(body)?;
            aws.add_public_alias(&alias.alias, &alias.account);
        }
        "host-aliases" => {
            let alias: HostAlias = read(body)?;
            aws.add_host_alias(&alias.host, &alias.registry).map_err(bad)?;
        }
        "oidc-providers" => {
            let provider: Provider = read(body)?;
            let audiences: Vec<&str> = provider.audiences.iter().map(String::as_str).collect();
            aws.add_oidc_provider(&provider.account, &provider.issuer, &audiences);
        }
        _ => return Err(unknown()),
    }
    Ok(json!({}))
}
