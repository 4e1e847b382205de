//! AWS's partitions: groups of regions with DNS names and identities of their own.

/// A partition, and the DNS suffixes its registries stand under.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    id: &'static str,
    region_prefix: &'static str,
    registry_suffix: &'static str,
    dual_stack_suffix: Option<&'static str>,
    first_region: &'static str,
}

const fn partition(
    id: &'static str,
    region_prefix: &'static str,
    registry_suffix: &'static str,
    dual_stack_suffix: Option<&'static str>,
    first_region: &'static str,
) -> Partition {
    Partition {
        id,
        region_prefix,
        registry_suffix,
        dual_stack_suffix,
        first_region,
    }
}

/// The partition of every region that no other partition claims.
static AWS: Partition = partition("aws", "", "amazonaws.com", Some("on.aws"), "us-east-1");

/// The partitions whose regions have a prefix; no prefix begins another one.
static PREFIXED: [Partition; 7] = [
    partition(
        "aws-us-gov",
        "us-gov-",
        "amazonaws.com",
        Some("on.aws"),
        "us-gov-west-1",
    ),
    partition(
        "aws-cn",
        "cn-",
        "amazonaws.com.cn",
        Some("on.amazonwebservices.com.cn"),
        "cn-northwest-1",
    ),
    partition(
        "aws-eusc",
        "eusc-",
        "amazonaws.eu",
        Some("on.amazonwebservices.eu"),
        "eusc-de-east-1",
    ),
    partition("aws-iso", "us-iso-", "c2s.ic.gov", None, "us-iso-east-1"),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", None, "us-isob-east-1"),
    partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", None, "eu-isoe-west-1"),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", None, "us-isof-south-1"),
];

impl Partition {
    /// The partition of a region, told by the region's prefix.
    pub fn for_region(region: &str) -> &'static Self {
        PREFIXED
            .iter()
            .find(|partition| region.starts_with(partition.region_prefix))
            .unwrap_or(&AWS)
    }

    /// The partition that an ARN names: `arn:<partition>:…`; `aws` where it names none that is known.
    pub fn for_arn(arn: &str) -> &'static Self {
        let id = arn.split(':').nth(1).unwrap_or_default();
        PREFIXED.iter().find(|partition| partition.id == id).unwrap_or(&AWS)
    }

    /// The region that is asked where none is named, as AWS's own tools have it (`implicitGlobalRegion` of botocore).
    pub fn first_region(&self) -> &'static str {
        self.first_region
    }

    /// Every partition.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        std::iter::once(&AWS).chain(&PREFIXED)
    }

    /// The name of the partition as it stands in ARNs: `aws`, `aws-cn`, …
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The audience of OIDC tokens for STS.
    pub fn sts_audience(&self) -> &'static str {
        match self.id {
            "aws-cn" => "sts.amazonaws.com.cn",
            _ => "sts.amazonaws.com",
        }
    }

    /// What registry hosts end in: `<account>.dkr.ecr.<region>.<this>`.
    pub fn registry_suffix(&self) -> &'static str {
        self.registry_suffix
    }

    /// What registry hosts that answer over IPv6 too end in: `<account>.dkr-ecr.<region>.<this>`. `None` where there are none.
    pub fn dual_stack_suffix(&self) -> Option<&'static str> {
        self.dual_stack_suffix
    }
}
