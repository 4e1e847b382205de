//! The registries: authentication and authorization as in ECR and ECR Public, in front of a real OCI registry.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Request, header};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::answer::{self, Answer, Refusal};
use crate::calls::Call;
use crate::ecr::Token;
use crate::hosts::{AwsHost, Partition, Registry};
use crate::policy::Access;
use crate::principals::Principal;
use crate::random::random_text;
use crate::request::header_text;
use crate::{Aws, LabError, lock};

/// The prefix of ECR Public's repositories in the backing registry. No account has this name.
const PUBLIC_PREFIX: &str = "public";

/// Bearer tokens of ECR Public with their owner (`None` if anonymous) and their end.
pub(crate) type Bearers = HashMap<String, (Option<Principal>, i64)>;

/// The target of a request to `/v2/<repository>/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target<'a> {
    repository: &'a str,
    action: &'static str,
    access: Access,
}

impl<'a> Target<'a> {
    /// Parses a path below `/v2/`. `None` if it names no repository.
    fn read(method: &Method, path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/v2/")?;
        let kinds = ["/manifests/", "/blobs/uploads", "/blobs/", "/tags/list", "/referrers/"];
        let (repository, kind) = kinds
            .iter()
            .find_map(|kind| Some((rest.rsplit_once(kind)?.0, *kind)))
            .filter(|(repository, _)| !repository.is_empty())?;
        let reading = matches!(*method, Method::GET | Method::HEAD);
        let (action, access) = match (kind, method.as_str()) {
            ("/tags/list" | "/referrers/", _) => ("ecr:ListImages", Access::Pull),
            ("/manifests/", _) if reading => ("ecr:BatchGetImage", Access::Pull),
            ("/manifests/", "PUT") => ("ecr:PutImage", Access::Push),
            ("/blobs/", "HEAD") => ("ecr:BatchCheckLayerAvailability", Access::Pull),
            ("/blobs/", "GET") => ("ecr:GetDownloadUrlForLayer", Access::Pull),
            ("/blobs/uploads", "POST") => ("ecr:InitiateLayerUpload", Access::Push),
            ("/blobs/uploads", "PUT") => ("ecr:CompleteLayerUpload", Access::Push),
            ("/blobs/uploads", _) => ("ecr:UploadLayerPart", Access::Push),
            _ => ("ecr:BatchDeleteImage", Access::Push),
        };
        Some(Self {
            repository,
            action,
            access,
        })
    }
}

impl Aws {
    /// Adds another host name for a registry. Requests with that `Host` header (including the port, if there is one)
    /// are treated as requests to the registry.
    ///
    /// # Errors
    /// `registry` is not the host name of a private registry.
    pub fn add_host_alias(&self, host: &str, registry: &str) -> Result<(), LabError> {
        let Some(named @ AwsHost::Registry(_)) = AwsHost::parse(registry) else {
            return Err(LabError::new(
                "cannot add a name",
                format!("{registry} is not a registry of ECR"),
            ));
        };
        lock(&self.host_aliases).insert(host.to_ascii_lowercase(), named);
        Ok(())
    }

    /// Resolves a `Host` header or a TLS server name: a name of AWS, or an alias of a registry.
    pub(crate) fn named(&self, host: &str) -> Option<AwsHost> {
        AwsHost::parse(host).or_else(|| lock(&self.host_aliases).get(&host.to_ascii_lowercase()).cloned())
    }

    /// The name of a request in counts: `Ping`, `Token`, `Pull`, `Push`.
    pub(crate) fn registry_operation(&self, request: &Request<Incoming>) -> &'static str {
        let path = request.uri().path();
        match Target::read(request.method(), path).map(|target| target.access) {
            Some(Access::Pull) => "Pull",
            Some(Access::Push) => "Push",
            None if path.starts_with("/token") => "Token",
            None => "Ping",
        }
    }

    /// Answers a request to a registry.
    pub(crate) async fn registry_call(
        &self,
        named: Option<AwsHost>,
        mut request: Request<Incoming>,
        call: &mut Call,
    ) -> Answer {
        let admitted = match named {
            Some(AwsHost::Registry(registry)) => {
                call.region = Some(registry.region.clone());
                self.admit_private(&registry, &mut request, call)
            }
            Some(AwsHost::PublicRegistry) if request.uri().path().starts_with("/token") => {
                return match *request.method() {
                    Method::GET => self.public_token_call(request.headers(), call),
                    _ => unsupported().registry(),
                };
            }
            Some(AwsHost::PublicRegistry) => self.admit_public(&request, call),
            _ => Err(not_found("this host name is not an ECR registry")),
        };
        let prefix = match admitted {
            Err(refusal) => return refusal.registry(),
            Ok(None) => return ping(),
            Ok(Some(prefix)) => prefix,
        };
        match &self.upstream {
            Some(upstream) => upstream.forward(&prefix, request).await,
            None => not_found("The lab runs without a registry behind").registry(),
        }
    }

    /// Authorizes a request to a private registry. Returns the prefix of its repositories, or `None` for `/v2/` itself.
    fn admit_private(
        &self,
        registry: &Registry,
        request: &mut Request<Incoming>,
        call: &mut Call,
    ) -> Result<Option<String>, Refusal> {
        let token = self
            .basic_token(request.headers())
            .filter(|token| token.region.as_deref() == Some(registry.region.as_str()))
            .ok_or_else(|| {
                Refusal::challenge(format!(
                    "Basic realm=\"https://{}/\",service=\"ecr.amazonaws.com\"",
                    call.host
                ))
            })?;
        call.principal = Some(token.principal.arn.clone());
        self.check_unexpired(&token)?;
        let path = request.uri().path();
        if is_ping(path) {
            return Ok(None);
        }
        let target = Target::read(request.method(), path).ok_or_else(unsupported)?;
        self.authorize(
            &token.principal,
            registry,
            target.repository,
            target.action,
            target.access,
        )?;
        self.find_repository(registry, target.repository, target.access)?;
        if let Some(from) = mounted_from(request) {
            let readable = self.authorize(
                &token.principal,
                registry,
                &from,
                "ecr:GetDownloadUrlForLayer",
                Access::Pull,
            );
            // Without access to the source, a request to mount a blob becomes an ordinary upload.
            if readable.is_err() {
                drop_query(request);
            }
        }
        Ok(Some(registry.prefix()))
    }

    /// Refuses access that neither the principal's policies nor the repository's policy allow.
    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        registry: &Registry,
        repository: &str,
        action: &str,
        access: Access,
    ) -> Result<(), Refusal> {
        let iam = lock(&self.iam);
        let (account, region) = (&registry.account, &registry.region);
        let invited =
            principal.account == *account || iam.repository_allows(principal, account, region, repository, access);
        let partition = Partition::of_region(region).name;
        let resource = format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}");
        if invited && iam.allows_on(principal, action, &resource) {
            return Ok(());
        }
        let reason = if iam.denies(principal, action) {
            "with an explicit deny in an identity-based policy".to_owned()
        } else if invited {
            format!("because no identity-based policy allows the {action} action")
        } else {
            format!("because no resource-based policy allows the {action} action")
        };
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
            principal.arn
        );
        Err(Refusal::new(403, "DENIED", message))
    }

    fn check_unexpired(&self, token: &Token) -> Result<(), Refusal> {
        if token.expires > self.clock.now() {
            return Ok(());
        }
        let message = "Your authorization token has expired. Reauthenticate and try again.";
        Err(Refusal::new(403, "DENIED", message))
    }

    /// Returns the token in `Authorization: Basic`, if it is known and not revoked.
    fn basic_token(&self, headers: &HeaderMap) -> Option<Token> {
        let (scheme, encoded) = header_text(headers, "authorization").split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let password = decoded.strip_prefix("AWS:")?;
        lock(&self.tokens).get(password).cloned()
    }

    /// Answers `GET /token/` of ECR Public with a bearer token, for the owner of a password of ECR Public or anonymous.
    fn public_token_call(&self, headers: &HeaderMap, call: &mut Call) -> Answer {
        let now = self.clock.now();
        let principal = if headers.contains_key(header::AUTHORIZATION) {
            let Some(token) = self.basic_token(headers).filter(|token| token.region.is_none()) else {
                return Refusal::new(401, "UNAUTHORIZED", "Not Authorized").registry();
            };
            if let Err(refusal) = self.check_unexpired(&token) {
                return refusal.registry();
            }
            call.principal = Some(token.principal.arn.clone());
            Some(token.principal)
        } else {
            None
        };
        let bearer = random_text(200);
        let expires = now + i64::try_from(lock(&self.tokens).lifetime.as_secs()).unwrap_or(i64::MAX / 2);
        lock(&self.bearers).insert(bearer.clone(), (principal, expires));
        answer::json(200, &json!({"token": bearer}))
    }

    fn admit_public(&self, request: &Request<Incoming>, call: &mut Call) -> Result<Option<String>, Refusal> {
        let authorization = header_text(request.headers(), "authorization");
        let bearer = authorization
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, bearer)| lock(&self.bearers).get(bearer).cloned())
            .filter(|(_, expires)| *expires > self.clock.now());
        let Some((principal, _)) = bearer else {
            let host = &call.host;
            let scheme = format!("Bearer realm=\"https://{host}/token/\",service=\"public.ecr.aws\",scope=\"aws\"");
            return Err(Refusal::challenge(scheme));
        };
        call.principal = principal.as_ref().map(|principal| principal.arn.clone());
        let path = request.uri().path();
        if is_ping(path) {
            return Ok(None);
        }
        let target = Target::read(request.method(), path).ok_or_else(unsupported)?;
        if target.access == Access::Push && !self.owns_alias(principal.as_ref(), &target) {
            return Err(Refusal::new(403, "DENIED", "Not Authorized"));
        }
        Ok(Some(PUBLIC_PREFIX.into()))
    }

    fn owns_alias(&self, principal: Option<&Principal>, target: &Target<'_>) -> bool {
        let iam = lock(&self.iam);
        let alias = target.repository.split('/').next().unwrap_or_default();
        principal.is_some_and(|principal| {
            iam.public_aliases.get(alias) == Some(&principal.account)
                && iam.allows(principal, &target.action.replace("ecr:", "ecr-public:"))
        })
    }
}

fn is_ping(path: &str) -> bool {
    matches!(path, "/v2/" | "/v2")
}

/// The repository that a request to start an upload wants to mount a blob from.
fn mounted_from(request: &Request<Incoming>) -> Option<String> {
    let from = request
        .uri()
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("from="))?;
    Some(percent_decode_str(from).decode_utf8_lossy().into_owned())
}

fn drop_query(request: &mut Request<Incoming>) {
    if let Ok(path) = request.uri().path().parse() {
        *request.uri_mut() = path;
    }
}

fn ping() -> Answer {
    let mut answer = answer::json(200, &json!({}));
    answer::insert(&mut answer, "docker-distribution-api-version", "registry/2.0");
    answer
}

fn not_found(message: &str) -> Refusal {
    Refusal::new(404, "NAME_UNKNOWN", message)
}

fn unsupported() -> Refusal {
    Refusal::new(404, "UNSUPPORTED", "Invalid URI")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_path_is_about() {
        let read = |method: Method, path: &'static str| {
            Target::read(&method, path).map(|target| (target.repository, target.action, target.access))
        };
        assert_eq!(
            read(Method::HEAD, "/v2/team/app/manifests/1.0"),
            Some(("team/app", "ecr:BatchGetImage", Access::Pull))
        );
        assert_eq!(
            read(Method::POST, "/v2/app/blobs/uploads/"),
            Some(("app", "ecr:InitiateLayerUpload", Access::Push))
        );
        assert_eq!(
            read(Method::PATCH, "/v2/app/blobs/uploads/abc"),
            Some(("app", "ecr:UploadLayerPart", Access::Push))
        );
        assert_eq!(
            read(Method::GET, "/v2/app/blobs/sha256:00"),
            Some(("app", "ecr:GetDownloadUrlForLayer", Access::Pull))
        );
        assert_eq!(
            read(Method::GET, "/v2/blobs/tags/list"),
            Some(("blobs", "ecr:ListImages", Access::Pull))
        );
        assert_eq!(read(Method::GET, "/v2/_catalog"), None);
        assert_eq!(read(Method::GET, "/v2//manifests/1"), None);
    }
}
