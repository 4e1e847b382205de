//! The forms of ECR's host names: one table for parsing, globs and suggestions.

use crate::partition::Partition;

/// A form of a private registry's host name: `<account>.<service>.<region>.<suffix>`.
#[derive(Debug, PartialEq, Eq)]
pub struct HostForm {
    /// The labels between the account and the region.
    pub service: &'static str,
    /// Whether the host is a FIPS 140 endpoint.
    pub is_fips: bool,
    /// Whether the host answers over IPv6 too. Its suffix is then the partition's dual-stack suffix.
    pub is_dual_stack: bool,
}

/// Every form of a private registry's host name.
/// <https://docs.aws.amazon.com/general/latest/gr/ecr.html>
pub const PRIVATE_FORMS: [HostForm; 4] = [
    form("dkr.ecr", false, false),
    form("dkr.ecr-fips", true, false),
    form("dkr-ecr", false, true),
    form("dkr-ecr-fips", true, true),
];

/// The host names of ECR Public, and whether each answers over IPv6 too.
pub const PUBLIC_FORMS: [(&str, bool); 2] = [(super::PUBLIC_HOST, false), ("ecr-public.aws.com", true)];

const fn form(service: &'static str, is_fips: bool, is_dual_stack: bool) -> HostForm {
    HostForm {
        service,
        is_fips,
        is_dual_stack,
    }
}

impl HostForm {
    /// Returns the labels that the FIPS form and the plain form share. A glob has a star only after them.
    pub fn stem(&self) -> &'static str {
        self.service.trim_end_matches("-fips")
    }

    /// Returns the suffix of hosts of this form in a partition, or `None` if the partition has no such hosts.
    pub fn suffix(&self, partition: &Partition) -> Option<&'static str> {
        match self.is_dual_stack {
            true => partition.dual_stack_suffix(),
            false => Some(partition.registry_suffix()),
        }
    }
}

/// The parts of a name in the form of a private registry's host, not checked yet.
pub struct PrivateName<'a> {
    pub account: &'a str,
    pub form: &'static HostForm,
    pub region: &'a str,
    pub suffix: &'a str,
}

impl<'a> PrivateName<'a> {
    /// Splits a host name in lower case. Returns `None` if it has none of the forms.
    pub fn split(host: &'a str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        PRIVATE_FORMS.iter().find_map(|form| {
            let (region, suffix) = rest.strip_prefix(form.service)?.strip_prefix('.')?.split_once('.')?;
            Some(Self {
                account,
                form,
                region,
                suffix,
            })
        })
    }
}
