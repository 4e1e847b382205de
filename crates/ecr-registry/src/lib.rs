//! The meaning of a registry's host name: the account, the region, the partition, and how to reach its API. It uses no file, network or
//! environment.
//!
//! ```
//! use ecr_registry::Registry;
//!
//! let registry = Registry::parse("https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1.0").unwrap();
//! assert_eq!(registry.account(), Some("123456789012"));
//! assert_eq!(registry.region(), "eu-west-1");
//! assert_eq!(Registry::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.org"), None);
//! ```
//!
//! [`Registry::parse`] accepts only the known forms. A token for ECR opens every registry that its principal may use, so it must not be sent to a
//! look-alike host.
//!
//! People make mistakes: [`parse_argument`] reads a registry from a command line and suggests what was probably meant, and [`why_not_ecr`]
//! explains a name that is not ECR's. [`HostPattern`] matches registries in `ecr-auth.yml`.

mod argument;
mod form;
mod meant;
mod near_miss;
mod partition;
mod pattern;
mod server;

use std::fmt;
use std::ops::Range;

pub use argument::{ANY_ACCOUNT, of_any_account, parse_argument, parse_region, split_arguments};
pub use meant::{region_of_server_meant, registry_meant};
pub use near_miss::{WhyNot, why_not_ecr, wrong_account};
pub use partition::Partition;
pub use pattern::HostPattern;
pub use server::{possible_names, server_name};

use form::{HostForm, PUBLIC_FORMS, PrivateName};

/// The user name of every password of ECR: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>.
pub const USERNAME: &str = "AWS";

/// The host of ECR Public.
const PUBLIC_HOST: &str = "public.ecr.aws";
/// The only region with the API of ECR Public.
const PUBLIC_REGION: &str = "us-east-1";

/// An ECR registry, known by its host name.
///
/// Two registries are equal when their canonical host names are.
#[derive(Clone)]
pub struct Registry {
    host: String,
    kind: RegistryKind,
    partition: &'static Partition,
}

#[derive(Clone)]
enum RegistryKind {
    Public {
        is_dual_stack: bool,
    },
    Private {
        region: Range<usize>,
        form: &'static HostForm,
    },
}

/// The length of an AWS account id, in digits.
const ACCOUNT_DIGITS: usize = 12;

impl Registry {
    /// Returns the registry that a client means by `server`: a host name in any case, with or without a scheme, a port, a path with tag and digest,
    /// a trailing dot and surrounding ASCII blanks. Returns `None` for every host that isn't ECR's.
    ///
    /// Private: `<account>.dkr.ecr[-fips].<region>.<suffix>` or, with IPv6, `<account>.dkr-ecr[-fips].<region>.<suffix>`, with the suffix of the
    /// region's partition. Public: `public.ecr.aws` and `ecr-public.aws.com`.
    pub fn parse(server: &str) -> Option<Self> {
        let host = server::dns_name(server)?;
        let host = host.to_ascii_lowercase();
        match PUBLIC_FORMS.iter().find(|(name, _)| *name == host) {
            Some((name, is_dual_stack)) => Some(Self::public(name, *is_dual_stack)),
            None => Self::private(host),
        }
    }

    /// Returns the private registry of a host in lower case.
    fn private(host: String) -> Option<Self> {
        let name = PrivateName::split(&host)?;
        let partition = Partition::for_region(name.region);
        if !is_account(name.account) || !is_region(name.region) || Some(name.suffix) != name.form.suffix(partition) {
            return None;
        }
        let start = host.len() - name.suffix.len() - 1 - name.region.len();
        let region = start..start + name.region.len();
        let form = name.form;
        Some(Self {
            host,
            kind: RegistryKind::Private { region, form },
            partition,
        })
    }

    fn public(host: &str, is_dual_stack: bool) -> Self {
        Self {
            host: host.to_owned(),
            kind: RegistryKind::Public { is_dual_stack },
            partition: Partition::for_region(PUBLIC_REGION),
        }
    }

    /// Returns the canonical host name: in lower case, without scheme, port, path and trailing dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the registry's account, 12 digits, or `None` for ECR Public.
    pub fn account(&self) -> Option<&str> {
        match self.kind {
            RegistryKind::Public { .. } => None,
            RegistryKind::Private { .. } => self.host.get(..ACCOUNT_DIGITS),
        }
    }

    /// Returns the region of the registry. For ECR Public, it is the region of its API.
    pub fn region(&self) -> &str {
        match &self.kind {
            RegistryKind::Public { .. } => PUBLIC_REGION,
            RegistryKind::Private { region, .. } => &self.host[region.clone()],
        }
    }

    /// Returns the AWS partition of the region.
    pub fn partition(&self) -> &'static Partition {
        self.partition
    }

    /// Whether the host is a FIPS 140 endpoint. Its API is then called at the FIPS endpoint.
    pub fn is_fips(&self) -> bool {
        matches!(&self.kind, RegistryKind::Private { form, .. } if form.is_fips)
    }

    /// Whether the host answers over IPv6 too. Its API is then called at the dual-stack endpoint.
    pub fn is_dual_stack(&self) -> bool {
        match &self.kind {
            RegistryKind::Public { is_dual_stack } => *is_dual_stack,
            RegistryKind::Private { form, .. } => form.is_dual_stack,
        }
    }

    /// Whether this is ECR Public.
    pub fn is_public(&self) -> bool {
        matches!(self.kind, RegistryKind::Public { .. })
    }
}

impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl Eq for Registry {}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.host)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text has the form of a region: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`. New regions may appear at any time, so there is no
/// list. A region has three or more words joined by hyphens. The last one is a number, and the others begin with a letter.
fn is_region(text: &str) -> bool {
    const LONGEST_DNS_LABEL: usize = 63;
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= LONGEST_DNS_LABEL
        && words.contains('-')
        && words.split('-').all(is_word)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
