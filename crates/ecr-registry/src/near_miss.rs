//! Explains why a name isn't one of ECR's, so that a typing mistake is found at once.

use super::form::PrivateName;
use super::meant::{region_meant, registry_meant};
use super::{ACCOUNT_DIGITS, Partition, is_account, is_region, server};
use diagnostics::Code;

/// Why a server isn't an ECR registry, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyNot {
    /// The error's code.
    pub code: Code,
    /// The reason, as the end of a sentence: "… is not an ECR registry: <cause>".
    pub cause: String,
    /// The hint.
    pub hint: String,
}

pub(super) const SHAPES: &str = "ECR's hosts are <12-digit account>.dkr.ecr.<region>.amazonaws.com (or the suffix of the region's partition) and public.ecr.aws";
const NOT_BUILT: &str = "its name does not have the form of ECR's";

/// Returns why [`Registry::parse`](super::Registry::parse) does not accept `server`. It quotes nothing that could be a password.
pub fn why_not_ecr(server: &str) -> WhyNot {
    if server::authority(server).is_some_and(|authority| authority.contains('@')) {
        return why("it carries a user name", "leave out the '@' and everything before it");
    }
    let Some(host) = server::dns_name(server) else {
        return why("no host name can be read from it", SHAPES);
    };
    let host = host.to_ascii_lowercase();
    match PrivateName::split(&host) {
        Some(name) => wrong_part(&name),
        None => wrong_build(&host),
    }
}

fn why(cause: impl Into<String>, hint: impl Into<String>) -> WhyNot {
    WhyNot {
        code: Code::NotEcr,
        cause: cause.into(),
        hint: hint.into(),
    }
}

/// Returns which part of a complete name is wrong.
fn wrong_part(name: &PrivateName<'_>) -> WhyNot {
    if !is_account(name.account) {
        return wrong_account(name.account);
    }
    if !is_region(name.region) {
        return wrong_region(name.region);
    }
    let partition = Partition::for_region(name.region);
    let (region, suffix) = (name.region, name.suffix);
    let Some(expected) = name.form.suffix(partition) else {
        return why(
            format!("the partition {} has no dual-stack registries", partition.id()),
            format!(
                "write {}.dkr.ecr.{region}.{}",
                name.account,
                partition.registry_suffix()
            ),
        );
    };
    let form = name.form;
    why(
        format!("{} hosts in {region} end in {expected}, not {suffix}", form.stem()),
        format!(
            "AWS's registry is {}.{}.{region}.{expected}",
            name.account, form.service
        ),
    )
}

/// Returns what is wrong with an account id that isn't 12 digits.
pub fn wrong_account(account: &str) -> WhyNot {
    let digits: String = account.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return why(
            format!("\"{account}\" is not an account id"),
            "an AWS account id is 12 digits",
        );
    }
    if digits.len() == ACCOUNT_DIGITS {
        return why("an account id is written without hyphens", format!("write {digits}"));
    }
    let cause = format!("the account id {account} has {} digits instead of 12", digits.len());
    if digits.len() == ACCOUNT_DIGITS - 1 {
        let hint =
            format!("YAML drops a leading zero of an unquoted number: if it was one, write '0{digits}', in quotes");
        return WhyNot {
            code: Code::LeadingZero,
            ..why(cause, hint)
        };
    }
    why(cause, "an AWS account id is 12 digits")
}

/// Returns what is wrong with a text that doesn't have the form of a region.
pub(super) fn wrong_region(region: &str) -> WhyNot {
    let meant = region_meant(region);
    WhyNot {
        code: Code::Region,
        ..why(
            format!("\"{region}\" is not an AWS region"),
            meant.unwrap_or_else(|| "a region looks like eu-west-1 or us-gov-east-1".to_owned()),
        )
    }
}

/// Returns what is wrong with a name that doesn't have the parts of a registry's.
fn wrong_build(host: &str) -> WhyNot {
    let why = wrong_labels(host);
    match registry_meant(host) {
        Some(hint) => WhyNot { hint, ..why },
        None => why,
    }
}

fn wrong_labels(host: &str) -> WhyNot {
    let labels: Vec<&str> = host.split('.').collect();
    match *labels.as_slice() {
        ["gallery", "ecr", "aws"] => why("it is the gallery's web site", "the registry is public.ecr.aws"),
        ["api", "ecr" | "ecr-fips", ..] => why("it is ECR's API, which serves no images", SHAPES),
        ["dkr", "ecr", ..] => why("the account id in front of it is missing", SHAPES),
        [account, "dkr", service, ..] if is_account(account) => {
            why(format!("\"dkr.{service}\" is written \"dkr.ecr\""), SHAPES)
        }
        [account, "ecr", ..] if is_account(account) => why("\"dkr.\" is missing before \"ecr\"", SHAPES),
        _ if host.ends_with("ecr.aws") || host.starts_with("public.ecr") => {
            why(NOT_BUILT, "ECR Public is public.ecr.aws")
        }
        _ => why(NOT_BUILT, SHAPES),
    }
}
