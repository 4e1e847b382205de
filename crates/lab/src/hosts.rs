//! The meaning of AWS's host names, from the table of partitions. This parser is separate from the product's, so that
//! both cannot have the same mistake.

/// One partition of AWS and the DNS suffixes of its names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The partition's name in ARNs.
    pub(crate) name: &'static str,
    region_prefix: &'static str,
    /// DNS suffix of registries and of the IPv4 API endpoints.
    pub(crate) suffix: &'static str,
    dual_registry_suffix: Option<&'static str>,
    dual_api_suffix: &'static str,
}

const fn partition(
    name: &'static str,
    region_prefix: &'static str,
    suffix: &'static str,
    dual_registry_suffix: Option<&'static str>,
    dual_api_suffix: &'static str,
) -> Partition {
    Partition {
        name,
        region_prefix,
        suffix,
        dual_registry_suffix,
        dual_api_suffix,
    }
}

/// `aws` comes last, because its empty prefix matches every region that the others do not.
static PARTITIONS: [Partition; 8] = [
    partition("aws-us-gov", "us-gov-", "amazonaws.com", Some("on.aws"), "api.aws"),
    partition(
        "aws-cn",
        "cn-",
        "amazonaws.com.cn",
        Some("on.amazonwebservices.com.cn"),
        "api.amazonwebservices.com.cn",
    ),
    partition(
        "aws-eusc",
        "eusc-",
        "amazonaws.eu",
        Some("on.amazonwebservices.eu"),
        "api.amazonwebservices.eu",
    ),
    partition("aws-iso", "us-iso-", "c2s.ic.gov", None, "api.aws.ic.gov"),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", None, "api.aws.scloud"),
    partition(
        "aws-iso-e",
        "eu-isoe-",
        "cloud.adc-e.uk",
        None,
        "api.cloud-aws.adc-e.uk",
    ),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", None, "api.aws.hci.ic.gov"),
    partition("aws", "", "amazonaws.com", Some("on.aws"), "api.aws"),
];

/// The region of ECR Public's API and of STS's global endpoint.
pub(crate) const GLOBAL_REGION: &str = "us-east-1";

impl Partition {
    /// Returns the partition of a region, by the region's prefix.
    pub(crate) fn of_region(region: &str) -> &'static Partition {
        PARTITIONS
            .iter()
            .find(|partition| region.starts_with(partition.region_prefix))
            .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }

    /// Returns the partition with this name.
    pub(crate) fn named(name: &str) -> Option<&'static Partition> {
        PARTITIONS.iter().find(|partition| partition.name == name)
    }
}

/// A service that the lab plays. Its name is the one in SigV4 scopes, counts and faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// ECR's API.
    Ecr,
    /// ECR Public's API.
    EcrPublic,
    /// STS.
    Sts,
    /// Cognito's user pools.
    CognitoIdp,
    /// Cognito's identity pools.
    CognitoIdentity,
    /// The managed login of Cognito's user pool, and the identity providers behind it.
    CognitoLogin,
    /// The EC2 instance metadata service.
    Imds,
    /// The container credential endpoint.
    Container,
    /// GitHub's address for a job's OIDC token.
    Github,
    /// Buildkite's agent API.
    Buildkite,
    /// The token endpoint of CircleCI's tasks.
    Circleci,
    /// The token endpoints of all other CIs.
    Ci,
    /// The registries themselves, private and public.
    Registry,
}

impl Service {
    /// The name in SigV4 scopes, counts and faults.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr-public",
            Self::Sts => "sts",
            Self::CognitoIdp => "cognito-idp",
            Self::CognitoIdentity => "cognito-identity",
            Self::CognitoLogin => "cognito-login",
            Self::Imds => "imds",
            Self::Container => "container",
            Self::Github => "github",
            Self::Buildkite => "buildkite",
            Self::Circleci => "circleci",
            Self::Ci => "ci",
            Self::Registry => "registry",
        }
    }
}

/// A private registry: an account's registry in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Registry {
    /// The prefix of the registry's repositories in the backing registry.
    pub(crate) fn prefix(&self) -> String {
        format!("{}-{}", self.account, self.region)
    }
}

/// The meaning of a `Host` header (or a TLS server name) of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsHost {
    /// An API endpoint: service and region.
    Api(Service, String),
    /// A private registry.
    Registry(Registry),
    /// `public.ecr.aws`, and its dual-stack name.
    PublicRegistry,
}

/// Whether a host name is below a domain of AWS's API or of its registries. If [`AwsHost::parse`] does not know such a
/// name, no server has it.
pub(crate) fn is_below_aws(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let suffixes = PARTITIONS
        .iter()
        .flat_map(|it| [Some(it.suffix), it.dual_registry_suffix, Some(it.dual_api_suffix)]);
    suffixes
        .flatten()
        .any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
}

impl AwsHost {
    /// The service behind the name.
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::Api(service, _) => *service,
            Self::Registry(_) | Self::PublicRegistry => Service::Registry,
        }
    }

    /// Parses a host name, with or without a port. `None` if the lab plays no such name.
    pub(crate) fn parse(host: &str) -> Option<AwsHost> {
        let host = host.split(':').next()?.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        if matches!(host, "public.ecr.aws" | "ecr-public.aws.com") {
            return Some(Self::PublicRegistry);
        }
        if host == "sts.amazonaws.com" {
            return Some(Self::Api(Service::Sts, GLOBAL_REGION.into()));
        }
        parse_registry(host)
            .map(Self::Registry)
            .or_else(|| parse_login(host))
            .or_else(|| parse_api(host))
    }
}

/// Parses the managed login of a user pool: `<prefix>.auth.<region>.amazoncognito.com`.
fn parse_login(host: &str) -> Option<AwsHost> {
    let (prefix, rest) = host.split_once(".auth.")?;
    let region = rest.strip_suffix(".amazoncognito.com")?;
    let is_label = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (is_label(prefix) && is_label(region)).then(|| AwsHost::Api(Service::CognitoLogin, region.into()))
}

fn parse_registry(host: &str) -> Option<Registry> {
    let (account, rest) = host.split_once('.')?;
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let single = rest
        .strip_prefix("dkr.ecr.")
        .or_else(|| rest.strip_prefix("dkr.ecr-fips."));
    let dual = rest
        .strip_prefix("dkr-ecr.")
        .or_else(|| rest.strip_prefix("dkr-ecr-fips."));
    let region = match (single, dual) {
        (Some(rest), _) => region_before(rest, |partition| Some(partition.suffix)),
        (_, Some(rest)) => region_before(rest, |partition| partition.dual_registry_suffix),
        _ => None,
    }?;
    Some(Registry {
        account: account.into(),
        region,
    })
}

/// The suffixes under which a service has a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameKind {
    /// Under the partition's suffix.
    Plain,
    /// Under the dual-stack suffix.
    Dual,
    /// Under either suffix.
    Either,
}

/// The names of API endpoints, and whether they are for FIPS. They come from AWS's endpoint rules, with ECR's older
/// names from AWS's documentation. <https://docs.aws.amazon.com/general/latest/gr/ecr.html>
const API_NAMES: [(&str, Service, NameKind, bool); 12] = [
    ("api.ecr-public.", Service::EcrPublic, NameKind::Plain, false),
    ("ecr-public.", Service::EcrPublic, NameKind::Dual, false),
    ("api.ecr-fips.", Service::Ecr, NameKind::Plain, true),
    ("api.ecr.", Service::Ecr, NameKind::Plain, false),
    ("ecr-fips.", Service::Ecr, NameKind::Either, true),
    ("ecr.", Service::Ecr, NameKind::Either, false),
    ("sts-fips.", Service::Sts, NameKind::Either, true),
    ("sts.", Service::Sts, NameKind::Either, false),
    ("cognito-idp-fips.", Service::CognitoIdp, NameKind::Either, true),
    ("cognito-idp.", Service::CognitoIdp, NameKind::Either, false),
    (
        "cognito-identity-fips.",
        Service::CognitoIdentity,
        NameKind::Either,
        true,
    ),
    ("cognito-identity.", Service::CognitoIdentity, NameKind::Either, false),
];

fn parse_api(host: &str) -> Option<AwsHost> {
    let (rest, (_, service, kind, is_fips)) = API_NAMES
        .iter()
        .find_map(|name| host.strip_prefix(name.0).map(|rest| (rest, *name)))?;
    let plain = || region_before(rest, |partition| Some(partition.suffix)).filter(|_| kind != NameKind::Dual);
    let dual = || region_before(rest, |partition| Some(partition.dual_api_suffix)).filter(|_| kind != NameKind::Plain);
    let region = plain().or_else(dual)?;
    let is_there = match service {
        Service::EcrPublic => matches!(region.as_str(), GLOBAL_REGION | "us-west-2"),
        // FIPS 140 is a US and Canadian standard.
        _ => !is_fips || ["us-", "ca-"].iter().any(|prefix| region.starts_with(prefix)),
    };
    is_there.then_some(AwsHost::Api(service, region))
}

/// Returns the region of `<region>.<suffix>`, if the suffix is the one of the region's partition.
fn region_before(rest: &str, suffix: impl Fn(&Partition) -> Option<&'static str>) -> Option<String> {
    let (region, found) = rest.split_once('.')?;
    let shaped = region.contains('-') && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (shaped && suffix(Partition::of_region(region)) == Some(found)).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(account: &str, region: &str) -> Option<AwsHost> {
        Some(AwsHost::Registry(Registry {
            account: account.into(),
            region: region.into(),
        }))
    }

    #[test]
    fn reads_registries_of_every_partition() {
        let account = "111122223333";
        for (host, region) in [
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
            ("111122223333.DKR.ECR.eu-west-1.amazonaws.com:443", "eu-west-1"),
            ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("111122223333.dkr-ecr.us-east-2.on.aws", "us-east-2"),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            (
                "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
                "cn-north-1",
            ),
            ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            ("111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ] {
            assert_eq!(AwsHost::parse(host), registry(account, region), "{host}");
        }
    }

    #[test]
    fn refuses_names_that_are_not_aws() {
        for host in [
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.example.com",
            "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
            "111122223333.dkr-ecr.us-iso-east-1.c2s.ic.gov",
            "api.ecr.eu-west-1.example.com",
            "api.ecr.eu-west-1.api.aws",
            "api.ecr-fips.us-east-1.api.aws",
            "api.ecr-public-fips.us-east-1.amazonaws.com",
            "ecr-public.us-east-1.amazonaws.com",
            "api.ecr-public.eu-west-1.amazonaws.com",
            "sts-fips.eu-west-1.amazonaws.com",
            "sts-fips.cn-north-1.amazonaws.com.cn",
            "localhost:8080",
            "127.0.0.1",
        ] {
            assert_eq!(AwsHost::parse(host), None, "{host}");
        }
    }

    #[test]
    fn reads_api_endpoints() {
        for (host, service, region) in [
            ("api.ecr.eu-west-1.amazonaws.com", Service::Ecr, "eu-west-1"),
            ("ecr-fips.us-east-1.amazonaws.com", Service::Ecr, "us-east-1"),
            ("ecr.eu-west-1.api.aws", Service::Ecr, "eu-west-1"),
            ("ecr-fips.us-east-1.api.aws", Service::Ecr, "us-east-1"),
            (
                "api.ecr-fips.us-gov-west-1.amazonaws.com",
                Service::Ecr,
                "us-gov-west-1",
            ),
            ("sts-fips.us-west-2.amazonaws.com", Service::Sts, "us-west-2"),
            ("sts-fips.us-gov-west-1.api.aws", Service::Sts, "us-gov-west-1"),
            ("sts.eu-west-1.api.aws", Service::Sts, "eu-west-1"),
            (
                "sts.cn-north-1.api.amazonwebservices.com.cn",
                Service::Sts,
                "cn-north-1",
            ),
            ("ecr-public.us-east-1.api.aws", Service::EcrPublic, "us-east-1"),
            ("sts.amazonaws.com", Service::Sts, "us-east-1"),
            ("sts.cn-north-1.amazonaws.com.cn", Service::Sts, "cn-north-1"),
            ("cognito-idp.eu-west-1.amazonaws.com", Service::CognitoIdp, "eu-west-1"),
            (
                "cognito-identity.us-east-2.amazonaws.com",
                Service::CognitoIdentity,
                "us-east-2",
            ),
            (
                "api.ecr-public.us-east-1.amazonaws.com",
                Service::EcrPublic,
                "us-east-1",
            ),
        ] {
            assert_eq!(
                AwsHost::parse(host),
                Some(AwsHost::Api(service, region.into())),
                "{host}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_around_a_name_makes_it_awss(before in "[a-z0-9.-]{1,8}", after in "[a-z0-9-]{1,8}(\\.[a-z]{1,4}){0,2}") {
            let name = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
            proptest::prop_assume!(after != "cn");
            for host in [format!("{before}{name}"), format!("{name}.{after}"), format!("{name}{after}")] {
                proptest::prop_assert_eq!(AwsHost::parse(&host), None, "{}", host);
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = AwsHost::parse(&text);
        }
    }
}
