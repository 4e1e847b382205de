//! Tests of the endpoint that a call goes to.

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
fn endpoint_overrides_apply_in_aws_order() {
    let general = ("AWS_ENDPOINT_URL", "https://general.example");
    let own = ("AWS_ENDPOINT_URL_ECR", "https://own.example");
    assert_eq!(
        url(Service::Ecr, &[general, own]).as_deref(),
        Some("https://own.example")
    );
    assert_eq!(
        url(Service::Ecr, &[general]).as_deref(),
        Some("https://general.example")
    );
    assert_eq!(url(Service::Ecr, &[]).as_deref(), Some("https://service.example"));
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
        metadata_address(&env, &chosen(&env).unwrap())
    };
    let named = |url: &'static str| ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    for fine in [
        "http://127.0.0.1:1338/",
        "http://169.254.169.254",
        "http://[fd00:ec2::254]",
    ] {
        assert_eq!(check(&[named(fine)]), Ok(fine.trim_end_matches('/').to_owned()));
    }
    for far in ["http://10.0.0.1", "http://169.254.169.254.example.com", "nonsense"] {
        assert_eq!(check(&[named(far)]).unwrap_err().exit().code(), 2, "{far}");
    }
    let allowed = [named("http://10.0.0.1"), ("ECR_AUTH_ALLOW_HTTP", "1")];
    assert!(check(&allowed).is_ok());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "[default]\nec2_metadata_service_endpoint = http://10.0.0.1\n",
    )
    .unwrap();
    assert!(check(&[("AWS_CONFIG_FILE", file.path().to_str().unwrap())]).is_err());
    let mode = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    assert_eq!(check(&[]).unwrap(), METADATA);
    assert_eq!(check(&[mode]).unwrap(), METADATA_IPV6);
    assert_eq!(check(&[mode, named("http://127.0.0.1")]).unwrap(), "http://127.0.0.1");
    assert_eq!(check(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "")]).unwrap(), METADATA);
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
fn endpoints_of_each_kind_and_partition() {
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
