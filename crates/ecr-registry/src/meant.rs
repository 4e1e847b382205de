//! Suggestions for mistyped names. They are only shown, never used instead of the name.

use super::form::PRIVATE_FORMS;
use super::{PUBLIC_HOST, Partition, Registry, is_account, is_region};

/// The most edits in a typing mistake. Two swapped letters are one edit.
const SLIP: usize = 2;

/// AWS's regions at the beginning of 2026, from the endpoint rules of its SDKs. They are only used for suggestions: a region that is missing here
/// is not refused.
#[rustfmt::skip]
const REGIONS: [&str; 46] = [
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1", "eu-central-2", "eu-isoe-west-1", "eu-north-1",
    "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "eusc-de-east-1", "il-central-1", "me-central-1",
    "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1",
    "us-iso-west-1", "us-isob-east-1", "us-isob-west-1", "us-isof-east-1", "us-isof-south-1", "us-west-1", "us-west-2",
];

/// The most names in a suggestion.
const MOST: usize = 3;

/// Common mistakes between the account and the region, and the labels of a [`HostForm`](super::form::HostForm) that are meant.
const HALF_REMEMBERED: [(&str, &str); 3] = [("ecr", "dkr.ecr"), ("ecr-fips", "dkr.ecr-fips"), ("ecr.dkr", "dkr.ecr")];

/// Returns "did you mean …?" with the nearest known regions, or `None` if the region is known or no region is near.
pub fn region_meant(region: &str) -> Option<String> {
    let nearest = nearest(region, &REGIONS)?;
    let (last, others) = nearest.split_last()?;
    match others {
        [] if *last == region => None,
        [] => Some(format!("did you mean {last}?")),
        _ => Some(format!("did you mean {} or {last}?", others.join(", "))),
    }
}

/// Returns the suggestion for the region in the name of one of AWS's servers, such as `api.ecr.<region>.amazonaws.com`.
pub fn region_of_server_meant(host: &str) -> Option<String> {
    let host = host.split(':').next().unwrap_or_default();
    let is_awss = Partition::all().any(|partition| {
        let dual_stack = partition.dual_stack_suffix().unwrap_or(partition.registry_suffix());
        host.ends_with(partition.registry_suffix()) || host.ends_with(dual_stack) || host.ends_with(".api.aws")
    });
    let mut labels = host.split('.').filter(|label| is_region(label));
    labels.next().filter(|_| is_awss).and_then(region_meant)
}

/// Returns "did you mean …?" with the registry whose name is nearest to this host's, or `None` if none is near.
pub fn registry_meant(host: &str) -> Option<String> {
    let registry = private(host).or_else(|| is_slip(host, PUBLIC_HOST).then(|| PUBLIC_HOST.to_owned()))?;
    Some(format!("did you mean {registry}?"))
}

fn private(host: &str) -> Option<String> {
    let (account, rest) = host.split_once('.').filter(|(account, _)| is_account(account))?;
    let labels: Vec<&str> = rest.split('.').collect();
    let at = labels.iter().position(|label| is_region(label))?;
    let (region, written) = (labels[at], labels[..at].join("."));
    let known = PRIVATE_FORMS.iter().map(|form| (form.service, form.service));
    let known: Vec<_> = known.chain(HALF_REMEMBERED).collect();
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let nearest = nearest(&written, &names)?.into_iter().next()?;
    let (_, service) = known.iter().find(|(name, _)| *name == nearest)?;
    let form = PRIVATE_FORMS.iter().find(|form| form.service == *service)?;
    let suffix = form.suffix(Partition::for_region(region))?;
    let meant = format!("{account}.{service}.{region}.{suffix}");
    (is_slip(&labels[at + 1..].join("."), suffix) && Registry::parse(&meant).is_some()).then_some(meant)
}

fn is_slip(written: &str, meant: &str) -> bool {
    strsim::osa_distance(written, meant) <= SLIP
}

/// Returns the names that are nearest to a text, all with the same number of edits.
fn nearest<'n>(written: &str, names: &[&'n str]) -> Option<Vec<&'n str>> {
    let distances = names.iter().map(|name| (strsim::osa_distance(written, name), *name));
    let near: Vec<_> = distances.filter(|(distance, _)| *distance <= SLIP).collect();
    let least = near.iter().map(|(distance, _)| *distance).min()?;
    let nearest = near.into_iter().filter(|(distance, _)| *distance == least);
    Some(nearest.map(|(_, name)| name).take(MOST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_region_is_told_from_a_region_that_is_new() {
        let meant = |region: &str| region_meant(region).unwrap_or_default();
        assert_eq!(meant("eu-wets-1"), "did you mean eu-west-1?");
        assert_eq!(meant("eu-west-1a"), "did you mean eu-west-1?");
        assert_eq!(meant("us_east_2"), "did you mean us-east-2?");
        assert_eq!(meant("eu-west"), "did you mean eu-west-1, eu-west-2 or eu-west-3?");
        for known_or_far in ["eu-west-1", "us-gov-west-1", "xx-newland-1", "europe", ""] {
            assert_eq!(region_meant(known_or_far), None, "{known_or_far}");
        }
    }

    #[test]
    fn the_region_is_found_in_the_name_of_awss_servers_alone() {
        let meant = |host: &str| region_of_server_meant(host).unwrap_or_default();
        for host in [
            "api.ecr.eu-wets-1.amazonaws.com",
            "sts.eu-wets-1.amazonaws.com:443",
            "ecr.eu-wets-1.api.aws",
        ] {
            assert_eq!(meant(host), "did you mean eu-west-1?", "{host}");
        }
        for host in [
            "api.ecr.eu-west-1.amazonaws.com",
            "api.eu-wets-1.example.com",
            "public.ecr.aws",
            "",
        ] {
            assert_eq!(meant(host), "", "{host}");
        }
    }

    #[test]
    fn a_slip_in_a_registry_is_told_from_another_registry() {
        let registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        for slip in [
            "111122223333.dkr.erc.eu-west-1.amazonaws.com",
            "111122223333.drk.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecs.eu-west-1.amazonaws.com",
            "111122223333.ecr.dkr.eu-west-1.amazonaws.com",
            "111122223333.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.erc.eu-west-1.amazonaws.co",
            "111122223333.dkr.erc.eu-west-1.amazonaw.com",
        ] {
            assert_eq!(
                registry_meant(slip),
                Some(format!("did you mean {registry}?")),
                "{slip}"
            );
        }
        assert_eq!(
            registry_meant("111122223333.dkr.erc.cn-north-1.amazonaws.com.cn").as_deref(),
            Some("did you mean 111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn?")
        );
        assert_eq!(
            registry_meant("public.erc.aws").as_deref(),
            Some("did you mean public.ecr.aws?")
        );
        for other in [
            "registry.example.com",
            "abc.dkr.erc.eu-west-1.amazonaws.com",
            "111122223333.dkr.erc.eu-west-1.example.com",
            "111122223333.s3.eu-west-1.amazonaws.com",
            "ghcr.io",
        ] {
            assert_eq!(registry_meant(other), None, "{other}");
        }
    }
}
