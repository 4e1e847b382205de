//! What the host name of a registry means: the account, the region, the partition, and how to reach its API. Pure: no file, no network, no
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
//! [`Registry::parse`] accepts the known shapes and nothing else. A token for ECR opens every registry that its principal may use, so sending
//! it to a look-alike host would give it away.
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

pub use argument::{parse_argument, parse_region, split_arguments};
pub use meant::{region_of_server_meant, registry_meant};
pub use near_miss::{WhyNot, why_not_ecr};
pub use partition::Partition;
pub use pattern::HostPattern;
pub use server::{possible_names, server_name};

use form::{HostForm, PUBLIC_FORMS, PrivateName};

/// The host of ECR Public.
const PUBLIC_HOST: &str = "public.ecr.aws";
/// The one region with the API of ECR Public.
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
    /// The registry that a client means by `server`: a host name in any case, with or without a scheme, a port, a path with
    /// tag and digest, a trailing dot and ASCII blanks around it. `None` for every host that isn't ECR's.
    ///
    /// Private: `<account>.dkr.ecr[-fips].<region>.<suffix>` or, with IPv6, `<account>.dkr-ecr[-fips].<region>.<suffix>`,
    /// where the suffix is that of the region's partition. Public: `public.ecr.aws` and `ecr-public.aws.com`.
    pub fn parse(server: &str) -> Option<Self> {
        let host = server::dns_name(server)?;
        let host = host.to_ascii_lowercase();
        match PUBLIC_FORMS.iter().find(|(name, _)| *name == host) {
            Some((name, is_dual_stack)) => Some(Self::public(name, *is_dual_stack)),
            None => Self::private(host),
        }
    }

    /// `host` is in lower case already.
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

    /// The host name, canonical: in lower case, without scheme, port, path and trailing dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The account the registry belongs to, 12 digits; `None` for ECR Public.
    pub fn account(&self) -> Option<&str> {
        match self.kind {
            RegistryKind::Public { .. } => None,
            RegistryKind::Private { .. } => self.host.get(..ACCOUNT_DIGITS),
        }
    }

    /// The region of the registry, for ECR Public the one with its API.
    pub fn region(&self) -> &str {
        match &self.kind {
            RegistryKind::Public { .. } => PUBLIC_REGION,
            RegistryKind::Private { region, .. } => &self.host[region.clone()],
        }
    }

    /// The AWS partition of the region.
    pub fn partition(&self) -> &'static Partition {
        self.partition
    }

    /// Whether the host is a FIPS 140 endpoint; its API is then asked there too.
    pub fn is_fips(&self) -> bool {
        matches!(&self.kind, RegistryKind::Private { form, .. } if form.is_fips)
    }

    /// Whether the host answers over IPv6 too; its API is then asked at the dual-stack endpoint.
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

/// Whether a text has the shape of a region: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`. New regions appear at any time,
/// so there is no list: three or more words joined by hyphens, the last one a number, the others beginning with a letter.
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
