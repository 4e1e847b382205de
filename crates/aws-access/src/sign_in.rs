//! The services that turn an identity into credentials, before ECR is asked. They are known without the network, because they are part of the cache
//! key: a cached secret is only for a process that would ask the same servers.

use crate::endpoint::{Endpoint, EndpointKind, Service, metadata_address};
use crate::identity::{
    ChainSource, CredentialSource, Identity, ProfileBase, ProfileSource, SsoSettings, process_fields,
};
use crate::kept_session::{key_text, login_session_file, sso_session_file};
use context::{Env, variables};
use diagnostics::Result;
use ecr_registry::{Partition, Registry};
use secret::Secret;
use settings::IdentityFlow;

/// What credentials are used for: calls in a region, to endpoints of the kind that a registry's host name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The region of the calls.
    pub region: &'a str,
    /// The kind of the endpoints. AWS's settings may add to it.
    pub kind: EndpointKind,
}

impl<'a> Destination<'a> {
    /// Returns a region without a registry, whose name would ask for a kind of endpoint.
    pub fn in_region(region: &'a str) -> Self {
        Self {
            region,
            kind: EndpointKind::default(),
        }
    }
}

impl<'a> From<&'a Registry> for Destination<'a> {
    fn from(registry: &'a Registry) -> Self {
        Self {
            region: registry.region(),
            kind: registry.into(),
        }
    }
}

/// Returns the STS endpoint for an identity.
///
/// # Errors
/// The errors of [`Endpoint::for_service`].
pub(crate) fn sts(env: &Env, identity: &Identity, to: Destination<'_>) -> Result<Endpoint> {
    sts_in(sts_region(env, identity, to.region), env, identity, to)
}

/// Returns the STS endpoint of a region. STS has FIPS endpoints only in the US and Canada. Elsewhere, if the registry's name asks for FIPS, the STS
/// of the registry's region is used.
///
/// # Errors
/// The errors of [`Endpoint::for_service`].
pub(crate) fn sts_in(region: &str, env: &Env, identity: &Identity, to: Destination<'_>) -> Result<Endpoint> {
    let has_fips = ["us-", "ca-"].iter().any(|prefix| region.starts_with(prefix));
    let region = if to.kind.fips && !has_fips { to.region } else { region };
    Endpoint::for_service(Service::Sts, region, to.kind, env, identity)
}

/// Returns the STS endpoint for the roles of a profile.
///
/// # Errors
/// The errors of [`Endpoint::for_service`].
pub(crate) fn sts_of_profile(env: &Env, identity: &Identity, to: Destination<'_>) -> Result<Endpoint> {
    let region = identity.setting("region");
    let region = region.unwrap_or_else(|| sts_region(env, identity, to.region));
    sts_in(region, env, identity, to)
}

/// Returns the endpoint of a service of IAM Identity Center. The registry's name does not count, because few regions have FIPS endpoints of it.
///
/// # Errors
/// The errors of [`Endpoint::for_service`].
pub(crate) fn sso_endpoint(service: Service, sso: &SsoSettings, env: &Env, identity: &Identity) -> Result<Endpoint> {
    Endpoint::for_service(service, &sso.region, EndpointKind::default(), env, identity)
}

/// Returns the region whose STS is called. Like all AWS tools, it is the current region, which may be the only one that a closed network reaches.
/// Without a current region, or if it is in another partition, it is the registry's.
fn sts_region<'a>(env: &'a Env, identity: &'a Identity, registry_region: &'a str) -> &'a str {
    let of_rule = match &identity.source {
        CredentialSource::Role(plan) => plan.settings.region.as_deref(),
        _ => None,
    };
    let named = of_rule
        .or_else(|| env.get(variables::AWS_REGION))
        .or_else(|| env.get(variables::AWS_DEFAULT_REGION));
    named
        .or_else(|| identity.setting("region"))
        .filter(|region| Partition::for_region(region) == Partition::for_region(registry_region))
        .unwrap_or(registry_region)
}

/// Returns named fields for a cache key that tell the servers of an identity's sign-in from all others.
///
/// # Errors
/// One of the addresses may not be used.
pub(crate) fn key_fields(env: &Env, identity: &Identity, to: Destination<'_>) -> Result<Vec<(&'static str, Secret)>> {
    let mut fields = Vec::new();
    let by_token = matches!(
        &identity.source,
        CredentialSource::Chain(ChainSource::WebIdentity { .. })
    );
    if identity.role().is_some() || by_token {
        fields.push(("sts", sts(env, identity, to)?.key_text().into()));
    }
    if let Some(profile) = identity.profile() {
        fields.extend(profile_fields(profile, env, identity, to)?);
    }
    if identity.uses_instance_metadata() {
        fields.push(("instance-metadata", metadata_address(env, identity)?.into()));
    }
    if let CredentialSource::Cognito(settings) = &identity.source {
        let pool = |service, region| Endpoint::for_service(service, region, EndpointKind::default(), env, identity);
        let region = settings.identity_pool_region();
        if let Some(region) = settings.user_pool_region() {
            fields.push(("user-pool", pool(Service::CognitoUserPools, region)?.key_text().into()));
        }
        fields.push((
            "identity-pool",
            pool(Service::CognitoIdentityPools, region)?.key_text().into(),
        ));
        if settings.identity_flow == IdentityFlow::Classic {
            fields.push(("sts", sts_in(region, env, identity, to)?.key_text().into()));
        }
    }
    Ok(fields)
}

fn profile_fields(
    profile: &ProfileSource,
    env: &Env,
    identity: &Identity,
    to: Destination<'_>,
) -> Result<Vec<(&'static str, Secret)>> {
    let mut fields = Vec::new();
    if !profile.roles.is_empty() || matches!(profile.base, ProfileBase::WebIdentity { .. }) {
        fields.push(("profile-sts", sts_of_profile(env, identity, to)?.key_text().into()));
    }
    match &profile.base {
        ProfileBase::Sso(sso) => {
            for (name, service) in [("sso", Service::Sso), ("sso-oidc", Service::SsoOidc)] {
                fields.push((name, sso_endpoint(service, sso, env, identity)?.key_text().into()));
            }
            fields.push(("kept-session", key_text(sso_session_file(sso, env))));
        }
        ProfileBase::Login(session) => {
            let region = sts_of_profile(env, identity, to)?.region().to_owned();
            let endpoint = Endpoint::for_service(Service::SignIn, &region, EndpointKind::default(), env, identity)?;
            fields.push(("sign-in", endpoint.key_text().into()));
            fields.push(("kept-session", key_text(login_session_file(session, env))));
        }
        ProfileBase::Process(line) => fields.extend(process_fields(line, env)),
        _ => {}
    }
    Ok(fields)
}
