use proptest::prelude::*;
use rstest::rstest;

use crate::{HostPattern, Registry};

fn matches(pattern: &str, host: &str) -> bool {
    HostPattern::parse(pattern)
        .unwrap()
        .matches(&Registry::parse(host).unwrap())
}

#[rstest]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com", true)]
#[case("111122223333.DKR.ecr.EU-WEST-1.amazonaws.com", true)]
#[case("111122223333.dkr.ecr.*.amazonaws.com", true)]
#[case("*.dkr.ecr.*.amazonaws.com", true)]
#[case("1*3.dkr.ecr*.*-*-1.amazonaws.com", true)]
#[case("**.dkr.ecr.eu-west-1**.amazonaws.com", true)]
#[case("*3*3*3*3*.dkr.ecr.*.amazonaws.com", true)]
#[case("*3*3*3*3*3*.dkr.ecr.*.amazonaws.com", false)]
#[case("*4.dkr.ecr.*.amazonaws.com", false)]
#[case("111122223333.dkr.ecr.us-*.amazonaws.com", false)]
#[case("111122223333.dkr.ecr-*.*.amazonaws.com", false)]
#[case("111122223333.dkr.ecr.*.amazonaws.com.cn", false)]
#[case("111122223333.dkr-ecr.*.on.aws", false)]
#[case("444455556666.dkr.ecr.eu-west-1.amazonaws.com", false)]
#[case("registry.example.com", false)]
fn patterns(#[case] pattern: &str, #[case] expected: bool) {
    assert_eq!(
        matches(pattern, "111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        expected
    );
}

#[rstest]
#[case("*.dkr-ecr*.*.on.aws", "111122223333.dkr-ecr.eu-west-1.on.aws")]
#[case("*.dkr-ecr-fips.*.on.aws", "111122223333.dkr-ecr-fips.eu-west-1.on.aws")]
#[case("*.dkr.ecr-fips.*.c2s.ic.gov", "111122223333.dkr.ecr-fips.us-iso-east-1.c2s.ic.gov")]
#[case("public.ecr.aws", "public.ecr.aws")]
fn more_patterns(#[case] pattern: &str, #[case] host: &str) {
    assert!(matches(pattern, host));
}

#[rstest]
#[case("*")]
#[case("*.*.*.*.*.*")]
#[case("*.amazonaws.com")]
#[case("*.dkr.ecr.amazonaws.com")]
#[case("*.*.*.*.amazonaws.com")]
#[case("111122223333.dkr.*.eu-west-1.amazonaws.com")]
#[case("111122223333.*.ecr.eu-west-1.amazonaws.com")]
#[case("*.dkr.ecs*.eu-west-1.amazonaws.com")]
#[case("*.dkr-*.eu-west-1.on.aws")]
#[case("*.dkr.ecr*.eu-west-1.amazonaws.*")]
#[case("*.dkr.ecr.eu-west-1.*amazonaws.com")]
#[case("*.dkr.ecr.eu-west-1.amazonaws.com.example.com")]
#[case("*.dkr.ecr.eu-west-1.example.com")]
#[case("*.dkr.ecr.*xamazonaws.com")]
#[case("*.dkr.ecr.eu-west-1.amazonaws.com:443")]
#[case("https://*.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("*.dkr-ecr.*.amazonaws.com.example.org")]
#[case("*.dkr.ecrx*.eu-west-1.amazonaws.com")]
#[case("*.ecr.aws")]
#[case("*.example.com")]
// Names with more than a host.
#[case("https://registry.example.com")]
#[case("registry.example.com/app")]
#[case(" registry.example.com")]
#[case("user@registry.example.com")]
#[case("registry.example.com:tag")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com.")]
#[case("")]
fn refused(#[case] pattern: &str) {
    HostPattern::parse(pattern).unwrap_err();
}

#[test]
fn exact_names_and_aliases() {
    let parse = |text| HostPattern::parse(text).unwrap();
    assert_eq!(
        parse("Registry.example.com:5000").alias(),
        Some("registry.example.com:5000")
    );
    assert_eq!(
        parse("Registry.example.com:5000").exact(),
        Some("registry.example.com:5000")
    );
    assert_eq!(
        (parse("Public.ecr.aws").exact(), parse("public.ecr.aws").alias()),
        (Some("public.ecr.aws"), None)
    );
    assert_eq!(parse("*.dkr.ecr.eu-west-1.amazonaws.com").exact(), None);
}

proptest! {
    /// Compares the matcher with the simplest possible definition of a glob.
    #[test]
    fn stars_match_as_defined(glob in "[1-2*]{0,8}", label in "[1-2]{0,8}") {
        fn reference(glob: &[u8], label: &[u8]) -> bool {
            match glob.split_first() {
                None => label.is_empty(),
                Some((b'*', rest)) => (0..=label.len()).any(|n| reference(rest, &label[n..])),
                Some((c, rest)) => label.first() == Some(c) && reference(rest, &label[1..]),
            }
        }
        let expected = reference(glob.as_bytes(), label.as_bytes());
        prop_assert_eq!(crate::pattern::label_matches(glob.as_bytes(), label.as_bytes()), expected);
    }

    /// The glob matches whatever its stars in the account and the region stand for.
    #[test]
    fn a_star_matches_more_names(account in "[0-9]{12}", region in "(us|eu)-[a-z]{1,9}-[0-9]", cuts in [0usize..12, 0..6], lengths in [0usize..5, 0..5]) {
        let starred = |text: &str, n: usize| {
            let end = (cuts[n] + lengths[n]).min(text.len());
            format!("{}*{}", &text[..cuts[n]], &text[end..])
        };
        let glob = format!("{}.dkr.ecr.{}.amazonaws.com", starred(&account, 0), starred(&region, 1));
        let host = format!("{account}.dkr.ecr.{region}.amazonaws.com");
        prop_assert!(matches(&glob, &host));
    }
}
