//! What AWS's host names mean, by the table of partitions: a parser of the lab's own, so that it shares no mistake with the
//! program it tests.

/// One partition of AWS and the DNS suffixes of its names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// As it stands in ARNs.
    pub(crate) name: &'static str,
    region_prefix: &'static str,
    /// Suffix of registries and of the IPv4 API endpoints.
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

/// `aws` stands last: its empty prefix matches every region the others leave.
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

/// The region of ECR Public's API, and of STS's global endpoint.
pub(crate) const GLOBAL_REGION: &str = "us-east-1";

impl Partition {
    /// The partition a region belongs to, by its prefix.
    pub(crate) fn of_region(region: &str) -> &'static Partition {
        PARTITIONS
            .iter()
            .find(|partition| region.starts_with(partition.region_prefix))
            .unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }

    /// The partition of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Partition> {
        PARTITIONS.iter().find(|partition| partition.name == name)
    }
}

/// A service the lab plays, as it is named in SigV4 scopes, in counts and in faults.
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
    /// The EC2 instance metadata service.
    Imds,
    /// The container credential endpoint.
    Container,
    /// GitHub's address for a job's OIDC token.
    Github,
    /// Buildkite's agent API.
    Buildkite,
    /// What a CircleCI task asks for tokens.
    Circleci,
    /// What the jobs of any other CI ask for tokens.
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

/// A private registry: an account's, in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Registry {
    /// What its repositories stand under in the registry behind.
    pub(crate) fn prefix(&self) -> String {
        format!("{}-{}", self.account, self.region)
    }
}

/// What a `Host` header (or a TLS server name) of AWS stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsHost {
    /// An API endpoint: its service and region.
    Api(Service, String),
    /// A private registry.
    Registry(Registry),
    /// `public.ecr.aws` and its dual-stack twin.
    PublicRegistry,
}

impl AwsHost {
    /// The service behind the name.
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::Api(service, _) => *service,
            Self::Registry(_) | Self::PublicRegistry => Service::Registry,
        }
    }

    /// Reads a host name, with or without a port. `None`: not a name of AWS's that the lab plays.
    pub(crate) fn parse(host: &str) -> Option<AwsHost> {
        let host = host.split(':').next()?.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        if matches!(host, "public.ecr.aws" | "ecr-public.aws.com") {
            return Some(Self::PublicRegistry);
        }
        if host == "sts.amazonaws.com" {
            return Some(Self::Api(Service::Sts, GLOBAL_REGION.into()));
        }
        parse_registry(host).map(Self::Registry).or_else(|| parse_api(host))
    }
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

fn parse_api(host: &str) -> Option<AwsHost> {
    let names = [
        ("api.ecr-public-fips.", Service::EcrPublic),
        ("api.ecr-public.", Service::EcrPublic),
        ("ecr-public-fips.", Service::EcrPublic),
        ("ecr-public.", Service::EcrPublic),
        ("api.ecr-fips.", Service::Ecr),
        ("api.ecr.", Service::Ecr),
        ("ecr-fips.", Service::Ecr),
        ("ecr.", Service::Ecr),
        ("sts-fips.", Service::Sts),
        ("sts.", Service::Sts),
        ("cognito-idp-fips.", Service::CognitoIdp),
        ("cognito-idp.", Service::CognitoIdp),
        ("cognito-identity-fips.", Service::CognitoIdentity),
        ("cognito-identity.", Service::CognitoIdentity),
    ];
    let (rest, service) = names
        .iter()
        .find_map(|(prefix, service)| host.strip_prefix(prefix).map(|rest| (rest, *service)))?;
    let region = region_before(rest, |partition| Some(partition.suffix))
        .or_else(|| region_before(rest, |partition| Some(partition.dual_api_suffix)))?;
    Some(AwsHost::Api(service, region))
}

/// The region in `<region>.<suffix>`, where the suffix is the one of that region's partition.
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
