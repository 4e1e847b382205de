//! Which endpoint a call goes to. The kind is decided without the SDK, because it is part of the cache key, which a warm `get` needs too;
//! the SDK's own rules then give the address.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::{self, Poll, Waker};

use crate::identity::Identity;
use crate::net::{is_local, refuse_plain_http};
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, Registry};

/// A service we call, under the names that AWS's settings give it.
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
    /// User pools of Amazon Cognito.
    CognitoUserPools,
    /// Identity pools of Amazon Cognito.
    CognitoIdentityPools,
}

impl Service {
    /// As in the `services` section of a profile; in capitals, as in `AWS_ENDPOINT_URL_<SERVICE>`.
    fn setting(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr_public",
            Self::Sts => "sts",
            Self::Sso => "sso",
            Self::SsoOidc => "sso_oidc",
            Self::CognitoUserPools => "cognito_identity_provider",
            Self::CognitoIdentityPools => "cognito_identity",
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR",
            Self::EcrPublic => "Amazon ECR Public",
            Self::Sts => "AWS STS",
            Self::Sso | Self::SsoOidc => "IAM Identity Center",
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

/// Where a service is asked: its own endpoint of some kind in a region, or an address in its place.
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
    /// The endpoint of a service in a region, for this identity. `kind` is what the registry's name asks for; AWS's settings add to it.
    ///
    /// # Errors
    /// An override over plain http off the loopback addresses, unless `ECR_AUTH_ALLOW_HTTP=1`.
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

    /// The endpoint that is asked for authorization tokens of a registry.
    ///
    /// # Errors
    /// As [`Endpoint::for_service`].
    pub fn for_registry(registry: &Registry, env: &Env, identity: &Identity) -> Result<Self> {
        let service = match registry.is_public() {
            true => Service::EcrPublic,
            false => Service::Ecr,
        };
        Self::for_service(service, registry.region(), registry.into(), env, identity)
    }

    /// The region of the service.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The address that is asked, as the SDK's clients find it too.
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
            Service::CognitoUserPools => Ok(self.cognito_address("cognito-idp")),
            Service::CognitoIdentityPools => Ok(self.cognito_address("cognito-identity")),
        }
    }

    /// Cognito is called without its SDK. Its addresses serve both versions of IP.
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

    /// What tells this endpoint from every other of the same service and region, as named fields for a cache key.
    pub fn key_fields(&self) -> [(&'static str, &str); 3] {
        let kind = |on| if on { "yes" } else { "no" };
        [
            ("fips", kind(self.fips)),
            ("dual-stack", kind(self.dual_stack)),
            ("endpoint", self.url.as_deref().unwrap_or_default()),
        ]
    }

    /// What tells this endpoint from every other of the same service, as one text for a cache key.
    pub(crate) fn key_text(&self) -> String {
        format!("{:?}", (&self.region, self.key_fields()))
    }
}

/// The address that an SDK's own rules give for an endpoint. Each SDK has types of its own for them.
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

/// Checks the endpoints that the SDK itself calls to turn a role, an SSO session or a web identity into credentials.
///
/// # Errors
/// As [`Endpoint::for_service`]: tokens that are sent there in the clear are lost.
pub(crate) fn check_sign_in(env: &Env, identity: &Identity) -> Result<()> {
    for service in ["sts", "sso", "sso_oidc", "signin"] {
        if let Some(url) = configured_url(service, env, identity) {
            refuse_plain_http(url, env)?;
        }
    }
    Ok(())
}

/// Checks the address that the settings give the instance metadata service: whoever answers there says whose credentials are used.
///
/// # Errors
/// It is neither this machine's own nor one that is link-local, and `ECR_AUTH_ALLOW_HTTP` is not 1.
pub(crate) fn check_metadata(env: &Env, identity: &Identity) -> Result<()> {
    let named = env.get(variables::AWS_EC2_METADATA_SERVICE_ENDPOINT);
    match named.or_else(|| identity.setting("ec2_metadata_service_endpoint")) {
        Some(url) if !is_local(url) => refuse_plain_http(url, env),
        _ => Ok(()),
    }
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

/// AWS's order: the service's variable, the service in the profile, the general variable, the profile.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
pub(crate) fn configured_url<'a>(service: &str, env: &'a Env, identity: &'a Identity) -> Option<&'a str> {
    env.get(&format!(
        "{}{}",
        variables::AWS_ENDPOINT_URL_OF_SERVICE,
        service.to_uppercase()
    ))
    .or_else(|| identity.service_endpoint(service))
    .or_else(|| env.get(variables::AWS_ENDPOINT_URL))
    .or_else(|| identity.setting("endpoint_url"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityScope;
    use settings::IdentitySettings;

    fn chosen(env: &Env) -> Result<Identity> {
        Identity::choose(IdentitySettings::default(), &IdentityScope::of_region(""), env)
    }

    const CONFIG: &str = "[default]\nendpoint_url = https://profile.example\nservices = s\n[services s]\necr =\n  endpoint_url = https://service.example\n[profile fips]\nuse_fips_endpoint = true\n";

    fn endpoint(service: Service, vars: &[(&str, &str)]) -> Result<Endpoint> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), CONFIG).unwrap();
        let path = file.path().display().to_string();
        let env: Env = vars
            .iter()
            .copied()
            .chain([("AWS_CONFIG_FILE", path.as_str())])
            .collect();
        let kind = EndpointKind {
            fips: true,
            dual_stack: true,
        };
        Endpoint::for_service(service, "us-east-1", kind, &env, &chosen(&env).unwrap())
    }

    fn url(service: Service, vars: &[(&str, &str)]) -> Option<String> {
        endpoint(service, vars).unwrap().url
    }

    #[test]
    fn overrides_in_awss_order() {
        let general = ("AWS_ENDPOINT_URL", "https://general.example");
        let own = ("AWS_ENDPOINT_URL_ECR", "https://own.example");
        assert_eq!(
            url(Service::Ecr, &[general, own]).as_deref(),
            Some("https://own.example")
        );
        assert_eq!(
            url(Service::Ecr, &[general]).as_deref(),
            Some("https://service.example")
        );
        assert_eq!(
            url(Service::Sts, &[general]).as_deref(),
            Some("https://general.example")
        );
        assert_eq!(
            url(Service::EcrPublic, &[own]).as_deref(),
            Some("https://profile.example")
        );
        let public = ("AWS_ENDPOINT_URL_ECR_PUBLIC", "https://public.example");
        assert_eq!(
            url(Service::EcrPublic, &[public]).as_deref(),
            Some("https://public.example")
        );
        assert_eq!(
            url(
                Service::Ecr,
                &[general, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]
            ),
            None
        );
    }

    #[test]
    fn tokens_are_not_sent_over_plain_http_to_sign_in_either() {
        let check = |variable: &str| {
            let env: Env = [(variable, "http://10.0.0.1")].into_iter().collect();
            check_sign_in(&env, &chosen(&env).unwrap())
        };
        for variable in [
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL_SSO",
            "AWS_ENDPOINT_URL_SSO_OIDC",
            "AWS_ENDPOINT_URL_SIGNIN",
            "AWS_ENDPOINT_URL",
        ] {
            assert!(check(variable).is_err(), "{variable}");
        }
        assert_eq!(check("AWS_ENDPOINT_URL_ECR"), Ok(()));
    }

    #[test]
    fn nobody_far_away_says_whose_credentials_are_used() {
        let check = |vars: &[(&str, &str)]| {
            let env: Env = vars.iter().copied().collect();
            check_metadata(&env, &chosen(&env).unwrap())
        };
        let named = |url: &'static str| ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
        for fine in [
            "http://127.0.0.1:1338/",
            "http://169.254.169.254",
            "http://[fd00:ec2::254]",
        ] {
            assert_eq!(check(&[named(fine)]), Ok(()), "{fine}");
        }
        for far in ["http://10.0.0.1", "http://169.254.169.254.example.com", "nonsense"] {
            assert_eq!(check(&[named(far)]).unwrap_err().exit().code(), 2, "{far}");
        }
        let allowed = [named("http://10.0.0.1"), ("ECR_AUTH_ALLOW_HTTP", "1")];
        assert_eq!(check(&allowed), Ok(()));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[default]\nec2_metadata_service_endpoint = http://10.0.0.1\n",
        )
        .unwrap();
        assert!(check(&[("AWS_CONFIG_FILE", file.path().to_str().unwrap())]).is_err());
    }

    #[test]
    fn an_override_switches_fips_and_dual_stack_off() {
        let overridden = endpoint(Service::Ecr, &[]).unwrap();
        assert!(!overridden.fips && !overridden.dual_stack);
        let own = endpoint(Service::Ecr, &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")]).unwrap();
        assert!(own.fips && own.dual_stack);
    }

    #[test]
    fn fips_and_dual_stack_from_the_settings() {
        let kind = |vars: &[(&str, &str)]| {
            let env: Env = vars.iter().copied().collect();
            let identity = chosen(&env).unwrap();
            let none = EndpointKind::default();
            let endpoint = Endpoint::for_service(Service::Ecr, "us-east-1", none, &env, &identity).unwrap();
            (endpoint.fips, endpoint.dual_stack)
        };
        assert_eq!(kind(&[]), (false, false));
        assert_eq!(kind(&[("AWS_USE_FIPS_ENDPOINT", "true")]), (true, false));
        assert_eq!(kind(&[("AWS_USE_DUALSTACK_ENDPOINT", "true")]), (false, true));
    }

    fn address(service: Service, region: &str, kind: EndpointKind) -> Result<String> {
        let env = Env::default();
        Endpoint::for_service(service, region, kind, &env, &chosen(&env).unwrap())?.address()
    }

    const PLAIN: EndpointKind = EndpointKind {
        fips: false,
        dual_stack: false,
    };
    const FIPS: EndpointKind = EndpointKind { fips: true, ..PLAIN };
    const DUAL: EndpointKind = EndpointKind {
        dual_stack: true,
        ..PLAIN
    };
    const BOTH: EndpointKind = EndpointKind {
        fips: true,
        dual_stack: true,
    };

    #[test]
    fn the_address_of_each_kind_in_each_partition() {
        for (service, region, kind, expected) in [
            (Service::Ecr, "eu-west-1", PLAIN, "api.ecr.eu-west-1.amazonaws.com"),
            (Service::Ecr, "us-east-1", FIPS, "api.ecr-fips.us-east-1.amazonaws.com"),
            (Service::Ecr, "eu-west-1", DUAL, "ecr.eu-west-1.api.aws"),
            (Service::Ecr, "us-east-1", BOTH, "ecr-fips.us-east-1.api.aws"),
            (Service::Ecr, "us-gov-west-1", BOTH, "ecr-fips.us-gov-west-1.api.aws"),
            (
                Service::Ecr,
                "cn-north-1",
                DUAL,
                "ecr.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                Service::Ecr,
                "eusc-de-east-1",
                DUAL,
                "ecr.eusc-de-east-1.api.amazonwebservices.eu",
            ),
            (
                Service::Ecr,
                "us-iso-east-1",
                FIPS,
                "api.ecr-fips.us-iso-east-1.c2s.ic.gov",
            ),
            (Service::Sts, "eu-west-1", PLAIN, "sts.eu-west-1.amazonaws.com"),
            (Service::Sts, "us-west-2", FIPS, "sts-fips.us-west-2.amazonaws.com"),
            (Service::Sts, "eu-west-1", DUAL, "sts.eu-west-1.api.aws"),
            (Service::Sts, "us-west-2", BOTH, "sts-fips.us-west-2.api.aws"),
            (Service::Sts, "us-gov-west-1", FIPS, "sts.us-gov-west-1.amazonaws.com"),
            (
                Service::Sts,
                "cn-north-1",
                DUAL,
                "sts.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (Service::EcrPublic, "us-east-1", BOTH, "ecr-public.us-east-1.api.aws"),
            (
                Service::EcrPublic,
                "us-east-1",
                FIPS,
                "api.ecr-public.us-east-1.amazonaws.com",
            ),
            (
                Service::CognitoUserPools,
                "us-east-1",
                FIPS,
                "cognito-idp-fips.us-east-1.amazonaws.com/",
            ),
        ] {
            let found = address(service, region, kind).unwrap();
            assert_eq!(found, format!("https://{expected}"), "{service:?} {region} {kind:?}");
        }
    }

    #[test]
    fn an_override_is_the_address() {
        let own = [("AWS_ENDPOINT_URL_ECR", "https://own.example")];
        let address = endpoint(Service::Ecr, &own).unwrap().address();
        assert_eq!(address.as_deref(), Ok("https://own.example"));
    }

    #[test]
    fn plain_http_only_on_loopback_or_where_allowed() {
        let at = |address: &str| endpoint(Service::Ecr, &[("AWS_ENDPOINT_URL_ECR", address)]);
        for fine in [
            "http://127.0.0.1:4566",
            "http://localhost",
            "http://[::1]:1",
            "https://anything.example",
        ] {
            assert!(at(fine).is_ok(), "{fine}");
        }
        for refused in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "ftp://x",
            "x y",
        ] {
            assert!(at(refused).is_err(), "{refused}");
        }
        for secret in [
            "http://user:s3cret@10.0.0.1",
            "http://user:s3 cret@x",
            "ftp://user:s3cret@x",
        ] {
            assert!(!at(secret).unwrap_err().to_string().contains("s3"), "{secret}");
        }
        let error = at("http://10.0.0.1").unwrap_err();
        assert!(error.hint_text().unwrap().contains("ECR_AUTH_ALLOW_HTTP"));
        let allowed = [
            ("AWS_ENDPOINT_URL_ECR", "http://10.0.0.1"),
            ("ECR_AUTH_ALLOW_HTTP", "1"),
        ];
        assert!(endpoint(Service::Ecr, &allowed).is_ok());
    }
}
