//! AWS's partitions: groups of regions with their own DNS names and identities.

/// A partition, and the DNS suffixes of its registries.
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

/// The default partition, of every region without another partition's prefix.
static AWS: Partition = partition("aws", "", "amazonaws.com", Some("on.aws"), "us-east-1");

/// The partitions whose regions have a prefix. No prefix begins another one.
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
    /// Returns the partition of a region, by the region's prefix.
    pub fn for_region(region: &str) -> &'static Self {
        PREFIXED
            .iter()
            .find(|partition| region.starts_with(partition.region_prefix))
            .unwrap_or(&AWS)
    }

    /// Returns the partition of an ARN, `arn:<partition>:…`, or `aws` if the partition is unknown.
    pub fn for_arn(arn: &str) -> &'static Self {
        let id = arn.split(':').nth(1).unwrap_or_default();
        PREFIXED.iter().find(|partition| partition.id == id).unwrap_or(&AWS)
    }

    /// Returns the default region of AWS's own tools (`implicitGlobalRegion` of botocore).
    pub fn first_region(&self) -> &'static str {
        self.first_region
    }

    /// Returns every partition.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        std::iter::once(&AWS).chain(&PREFIXED)
    }

    /// Returns the name of the partition in ARNs: `aws`, `aws-cn`, …
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the audience of OIDC tokens for STS.
    pub fn sts_audience(&self) -> &'static str {
        match self.id {
            "aws-cn" => "sts.amazonaws.com.cn",
            _ => "sts.amazonaws.com",
        }
    }

    /// Returns the suffix of registry hosts: `<account>.dkr.ecr.<region>.<this>`.
    pub fn registry_suffix(&self) -> &'static str {
        self.registry_suffix
    }

    /// Returns the suffix of dual-stack registry hosts: `<account>.dkr-ecr.<region>.<this>`. `None` if there are none.
    pub fn dual_stack_suffix(&self) -> Option<&'static str> {
        self.dual_stack_suffix
    }
}
