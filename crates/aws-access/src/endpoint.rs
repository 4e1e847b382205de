//! Which endpoint a call goes to. The kind is decided without the SDK, because it is part of the cache key, which a warm `get` needs too. The SDK's
//! own rules then give the address.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::{self, Poll, Waker};

use crate::identity::Identity;
use crate::net::{is_local, is_of_container, refuse_plain_http};
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, Registry, parse_region};

/// A service that ecr-auth calls. The variants are named as in AWS's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon ECR.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// AWS STS.
    Sts,
    /// The portal of IAM Identity Center.
    Sso,
    /// The sign-in of IAM Identity Center.
    SsoOidc,
    /// The sign-in of AWS's console, for `aws login`.
    SignIn,
    /// User pools of Amazon Cognito.
    CognitoUserPools,
    /// Identity pools of Amazon Cognito.
    CognitoIdentityPools,
}

impl Service {
    /// Returns the name in the `services` section of a profile. In capitals, it is the end of `AWS_ENDPOINT_URL_<SERVICE>`.
    fn setting(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr_public",
            Self::Sts => "sts",
            Self::Sso => "sso",
            Self::SsoOidc => "sso_oidc",
            Self::SignIn => "signin",
            Self::CognitoUserPools => "cognito_identity_provider",
            Self::CognitoIdentityPools => "cognito_identity",
        }
    }

    /// Returns the name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR",
            Self::EcrPublic => "Amazon ECR Public",
            Self::Sts => "AWS STS",
            Self::Sso | Self::SsoOidc => "IAM Identity Center",
            Self::SignIn => "AWS Sign-In",
            Self::CognitoUserPools => "Amazon Cognito user pools",
            Self::CognitoIdentityPools => "Amazon Cognito identity pools",
        }
    }
}

/// The kind of endpoint that a registry's host name or AWS's settings ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointKind {
    /// The FIPS endpoint.
    pub fips: bool,
    /// The dual-stack endpoint.
    pub dual_stack: bool,
}

impl From<&Registry> for EndpointKind {
    fn from(registry: &Registry) -> Self {
        Self {
            fips: registry.is_fips(),
            dual_stack: registry.is_dual_stack(),
        }
    }
}

/// The endpoint of a service: its own of some kind in a region, or an address that replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    service: Service,
    region: String,
    /// An address that overrides the service's own.
    pub url: Option<String>,
    /// The FIPS endpoint. Never together with `url`: the SDK refuses both.
    pub fips: bool,
    /// The dual-stack endpoint. Never together with `url`.
    pub dual_stack: bool,
}

impl Endpoint {
    /// Returns the endpoint of a service in a region, for this identity. `kind` is what the registry's name asks for. AWS's settings add to it.
    ///
    /// # Errors
    /// This is no region and the service has no other address, or the settings name an address of plain http that is not a loopback address, and
    /// `ECR_AUTH_ALLOW_HTTP` is not 1.
    pub fn for_service(
        service: Service,
        region: &str,
        kind: EndpointKind,
        env: &Env,
        identity: &Identity,
    ) -> Result<Self> {
        let url = overriding_url(service.setting(), env, identity);
        if let Some(url) = &url {
            refuse_plain_http(url, env)?;
        }
        let is_own = url.is_none();
        // STS also has a region of a whole partition, such as aws-global. An address of one's own is called in any region.
        if is_own && !region.ends_with("-global") {
            parse_region(region)?;
        }
        let setting = |variable: &str, key: &str| {
            env.get(variable)
                .or_else(|| identity.setting(key))
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let fips = kind.fips || setting(variables::AWS_USE_FIPS_ENDPOINT, "use_fips_endpoint");
        let dual_stack = kind.dual_stack || setting(variables::AWS_USE_DUALSTACK_ENDPOINT, "use_dualstack_endpoint");
        Ok(Self {
            service,
            region: region.to_owned(),
            url,
            // ECR Public has no FIPS endpoint.
            fips: fips && is_own && service != Service::EcrPublic,
            dual_stack: dual_stack && is_own,
        })
    }

    /// Returns the endpoint for authorization tokens of a registry.
    ///
    /// # Errors
    /// The errors of [`Endpoint::for_service`].
    pub fn for_registry(registry: &Registry, env: &Env, identity: &Identity) -> Result<Self> {
        let service = match registry.is_public() {
            true => Service::EcrPublic,
            false => Service::Ecr,
        };
        Self::for_service(service, registry.region(), registry.into(), env, identity)
    }

    /// Returns the region of the service.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the address of the endpoint, which the SDK's clients also use.
    ///
    /// # Errors
    /// The partition has no endpoint of this kind.
    pub fn address(&self) -> Result<String> {
        match self.service {
            Service::Ecr => address_by_sdk!(aws_sdk_ecr, self),
            Service::EcrPublic => address_by_sdk!(aws_sdk_ecrpublic, self),
            Service::Sts => address_by_sdk!(aws_sdk_sts, self),
            Service::Sso => address_by_sdk!(aws_sdk_sso, self),
            Service::SsoOidc => address_by_sdk!(aws_sdk_ssooidc, self),
            Service::SignIn => address_by_sdk!(aws_sdk_signin, self),
            Service::CognitoUserPools => Ok(self.cognito_address("cognito-idp")),
            Service::CognitoIdentityPools => Ok(self.cognito_address("cognito-identity")),
        }
    }

    /// Returns the address of Cognito, which is called without its SDK. Its addresses serve both IPv4 and IPv6.
    fn cognito_address(&self, host: &str) -> String {
        let fips = if self.fips { "-fips" } else { "" };
        let suffix = Partition::for_region(&self.region).registry_suffix();
        let own = || format!("https://{host}{fips}.{}.{suffix}/", self.region);
        self.url.clone().unwrap_or_else(own)
    }

    fn no_address(&self, cause: &impl fmt::Display) -> Error {
        let what = format!("the endpoint of {} in {}", self.service.name(), self.region);
        Error::usage(Code::Variable, what, cause).hint(
            "unset AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, or name the address with AWS_ENDPOINT_URL_…",
        )
    }

    /// Returns named fields for a cache key that tell this endpoint from every other of the same service and region.
    pub fn key_fields(&self) -> [(&'static str, &str); 3] {
        let kind = |on| if on { "yes" } else { "no" };
        [
            ("fips", kind(self.fips)),
            ("dual-stack", kind(self.dual_stack)),
            ("endpoint", self.url.as_deref().unwrap_or_default()),
        ]
    }

    /// Returns one text for a cache key that tells this endpoint from every other of the same service.
    pub(crate) fn key_text(&self) -> String {
        format!("{:?}", (&self.region, self.key_fields()))
    }
}

/// Returns the address that an SDK's own rules give for an endpoint. It is a macro because each SDK has its own types.
macro_rules! address_by_sdk {
    ($sdk:ident, $endpoint:expr) => {{
        use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

        let endpoint: &Endpoint = $endpoint;
        let params = Params::builder()
            .region(endpoint.region.as_str())
            .use_fips(endpoint.fips)
            .use_dual_stack(endpoint.dual_stack)
            .set_endpoint(endpoint.url.clone());
        let params = params.build().map_err(|error| endpoint.no_address(&error))?;
        let resolver = DefaultResolver::new();
        // The rules need no network: the future is ready at once.
        let mut future = pin!(resolver.resolve_endpoint(&params));
        match future.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(found)) => Ok(found.url().to_owned()),
            Poll::Ready(Err(error)) => Err(endpoint.no_address(&error)),
            Poll::Pending => Err(endpoint.no_address(&"its rules give no answer")),
        }
    }};
}
use address_by_sdk;

/// Checks the endpoints that the SDK calls by itself to turn a role, an SSO session or a web identity into credentials.
///
/// # Errors
/// The errors of [`Endpoint::for_service`]: tokens must not be sent there unencrypted.
pub(crate) fn check_sign_in(env: &Env, identity: &Identity) -> Result<()> {
    for service in ["sts", "sso", "sso_oidc", "signin"] {
        if let Some(url) = configured_url(service, env, identity) {
            refuse_plain_http(url, env)?;
        }
    }
    Ok(())
}

/// The addresses of the instance metadata service, of both versions of IP.
const METADATA: &str = "http://169.254.169.254";
const METADATA_IPV6: &str = "http://[fd00:ec2::254]";

/// Returns the address of the instance metadata service, without a final slash: the one in the settings, or its own.
///
/// # Errors
/// The address is plain http, is neither a loopback nor a link-local address, and `ECR_AUTH_ALLOW_HTTP` is not 1. The server there decides which
/// credentials are used.
pub(crate) fn metadata_address(env: &Env, identity: &Identity) -> Result<String> {
    let setting = |variable: &str, key: &str| env.get(variable).or_else(|| identity.setting(key));
    let named = setting(
        variables::AWS_EC2_METADATA_SERVICE_ENDPOINT,
        "ec2_metadata_service_endpoint",
    );
    let mode = setting(
        variables::AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE,
        "ec2_metadata_service_endpoint_mode",
    );
    let own = match mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) {
        true => METADATA_IPV6,
        false => METADATA,
    };
    let address = named.unwrap_or(own);
    if !is_local(address) {
        refuse_plain_http(address, env)?;
    }
    Ok(address.trim_end_matches('/').to_owned())
}

/// Checks the address of a container's credentials. Plain http is allowed only for this machine's own addresses, whatever the settings say.
///
/// # Errors
/// The text is plain http to another machine, or not an address.
pub(crate) fn check_container(address: &str) -> Result<()> {
    if is_of_container(address) {
        return Ok(());
    }
    refuse_plain_http(address, &Env::default()).map_err(|error| {
        error.hint("AWS_CONTAINER_CREDENTIALS_FULL_URI has to be an address of this machine, or https")
    })
}

fn overriding_url(service: &str, env: &Env, identity: &Identity) -> Option<String> {
    let ignored = env
        .get(variables::AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)
        .or_else(|| identity.setting("ignore_configured_endpoint_urls"));
    if ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    configured_url(service, env, identity).map(str::to_owned)
}

/// Returns the address in AWS's settings. The order is AWS's: the service's variable, the general variable, the service in the profile, the
/// profile.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
pub(crate) fn configured_url<'a>(service: &str, env: &'a Env, identity: &'a Identity) -> Option<&'a str> {
    env.get(&format!(
        "{}{}",
        variables::AWS_ENDPOINT_URL_OF_SERVICE,
        service.to_uppercase()
    ))
    .or_else(|| env.get(variables::AWS_ENDPOINT_URL))
    .or_else(|| identity.service_endpoint(service))
    .or_else(|| identity.setting("endpoint_url"))
}

#[cfg(test)]
mod tests;
