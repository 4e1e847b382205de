//! Which endpoint a call goes to, decided without the SDK: it is part of the cache key, which a warm `get` needs too.

use crate::identity::Identity;
use crate::net::{is_local, refuse_plain_http};
use context::{Env, variables};
use diagnostics::Result;

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

/// What kind of endpoint, or which one in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// An address that overrides the service's own.
    pub url: Option<String>,
    /// The FIPS endpoint. Never together with `url`: the SDK refuses both.
    pub fips: bool,
    /// The dual-stack endpoint. Never together with `url`.
    pub dual_stack: bool,
}

impl Endpoint {
    /// The endpoint of a service for this identity. `fips` and `dual_stack` are what the registry's name asks for.
    ///
    /// # Errors
    /// An override over plain http off the loopback addresses, unless `ECR_AUTH_ALLOW_HTTP=1`.
    pub fn for_service(service: Service, env: &Env, identity: &Identity, fips: bool, dual_stack: bool) -> Result<Self> {
        if let Some(url) = overriding_url(service.setting(), env, identity) {
            refuse_plain_http(&url, env)?;
            return Ok(Self {
                url: Some(url),
                fips: false,
                dual_stack: false,
            });
        }
        let setting = |variable: &str, key: &str| {
            env.get(variable)
                .or_else(|| identity.setting(key))
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        Ok(Self {
            url: None,
            fips: fips || setting(variables::AWS_USE_FIPS_ENDPOINT, "use_fips_endpoint"),
            dual_stack: dual_stack || setting(variables::AWS_USE_DUALSTACK_ENDPOINT, "use_dualstack_endpoint"),
        })
    }
}

impl Endpoint {
    /// What tells this endpoint from every other, as named fields for a cache key.
    pub fn key_fields(&self) -> [(&'static str, &str); 3] {
        let kind = |on| if on { "yes" } else { "no" };
        [
            ("fips", kind(self.fips)),
            ("dual-stack", kind(self.dual_stack)),
            ("endpoint", self.url.as_deref().unwrap_or_default()),
        ]
    }
}

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
fn configured_url<'a>(service: &str, env: &'a Env, identity: &'a Identity) -> Option<&'a str> {
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
        Endpoint::for_service(service, &env, &chosen(&env).unwrap(), true, true)
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
            let endpoint = Endpoint::for_service(Service::Ecr, &env, &identity, false, false).unwrap();
            (endpoint.fips, endpoint.dual_stack)
        };
        assert_eq!(kind(&[]), (false, false));
        assert_eq!(kind(&[("AWS_USE_FIPS_ENDPOINT", "true")]), (true, false));
        assert_eq!(kind(&[("AWS_USE_DUALSTACK_ENDPOINT", "true")]), (false, true));
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
