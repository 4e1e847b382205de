use rstest::rstest;

use super::*;

mod arguments;
mod patterns;
mod properties;

const ACCOUNT: &str = "111122223333";

#[rstest]
#[case("aws", "eu-west-1", "amazonaws.com", Some("on.aws"))]
#[case("aws", "me-newplace-12", "amazonaws.com", Some("on.aws"))]
#[case("aws-us-gov", "us-gov-west-1", "amazonaws.com", Some("on.aws"))]
#[case("aws-cn", "cn-north-1", "amazonaws.com.cn", Some("on.amazonwebservices.com.cn"))]
#[case("aws-eusc", "eusc-de-east-1", "amazonaws.eu", Some("on.amazonwebservices.eu"))]
#[case("aws-iso", "us-iso-east-1", "c2s.ic.gov", None)]
#[case("aws-iso-b", "us-isob-east-1", "sc2s.sgov.gov", None)]
#[case("aws-iso-e", "eu-isoe-west-1", "cloud.adc-e.uk", None)]
#[case("aws-iso-f", "us-isof-south-1", "csp.hci.ic.gov", None)]
fn table_of_partitions(
    #[case] id: &str,
    #[case] region: &str,
    #[case] suffix: &str,
    #[case] dual_stack_suffix: Option<&str>,
    #[values("", "-fips")] fips: &str,
) {
    let expect = |host: String, dual_stack: bool| {
        let registry = Registry::parse(&host).unwrap();
        assert_eq!(registry.host(), host);
        assert_eq!(registry.account(), Some(ACCOUNT));
        assert_eq!(registry.region(), region);
        assert_eq!(registry.partition().id(), id);
        assert_eq!(registry.is_fips(), !fips.is_empty());
        assert_eq!(registry.is_dual_stack(), dual_stack);
        assert!(!registry.is_public());
    };
    let partition = Partition::for_region(region);
    assert_eq!(partition.registry_suffix(), suffix);
    assert_eq!(partition.dual_stack_suffix(), dual_stack_suffix);
    expect(format!("{ACCOUNT}.dkr.ecr{fips}.{region}.{suffix}"), false);
    if let Some(suffix) = dual_stack_suffix {
        expect(format!("{ACCOUNT}.dkr-ecr{fips}.{region}.{suffix}"), true);
    }
}

#[rstest]
#[case("public.ecr.aws", false)]
#[case("ecr-public.aws.com", true)]
fn public_registry(#[case] host: &str, #[case] dual_stack: bool) {
    let registry = Registry::parse(host).unwrap();
    assert!(registry.is_public());
    assert_eq!((registry.account(), registry.region()), (None, "us-east-1"));
    assert_eq!((registry.host(), registry.partition().id()), (host, "aws"));
    assert_eq!((registry.is_fips(), registry.is_dual_stack()), (false, dual_stack));
    assert_eq!(
        Registry::parse(&format!("HTTPS://{}.:443/v2/", host.to_uppercase())),
        Some(registry)
    );
}

#[rstest]
#[case("111122223333.DKR.ECR.EU-West-1.amazonAWS.com")]
#[case("https://111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("HTTP://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v1/")]
#[case("docker://111122223333.dkr.ecr.eu-west-1.amazonaws.com/app")]
#[case("oci://111122223333.dkr.ecr.eu-west-1.amazonaws.com/chart")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com.")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com.:8443/team/app")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1.2")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:v1@sha256:0123abcd")]
#[case(" \t111122223333.dkr.ecr.eu-west-1.amazonaws.com\r\n")]
fn decorated_names_are_recognised(#[case] server: &str) {
    let registry = Registry::parse(server).unwrap();
    assert_eq!(registry.host(), "111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    assert_eq!(registry.to_string(), registry.host());
    assert_eq!(format!("{registry:?}"), format!("Registry({})", registry.host()));
}

#[rstest]
// Another domain before or after the host name.
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com.example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.community")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com-example.com")]
#[case("example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("example.com.111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("public.ecr.aws.example.com")]
#[case("my-public.ecr.aws")]
#[case("x.public.ecr.aws")]
#[case("ecr-public.us-east-1.api.aws")]
// Account.
#[case("11112222333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("1111222233334.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("11112222333x.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("\u{ff11}11122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case(".dkr.ecr.eu-west-1.amazonaws.com")]
// Service.
#[case("111122223333.dkr.ecs.eu-west-1.amazonaws.com")]
#[case("111122223333.dkr.ecrfips.eu-west-1.amazonaws.com")]
#[case("111122223333.dkr.ecr-fips-.eu-west-1.amazonaws.com")]
#[case("111122223333.dkrxecr.eu-west-1.amazonaws.com")]
// Region.
#[case("111122223333.dkr.ecr..amazonaws.com")]
#[case("111122223333.dkr.ecr.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu--west-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1-.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1a.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-we_st-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.3u-west-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1.example.amazonaws.com")]
// The suffix of another partition, or of the other kind of host name.
#[case("111122223333.dkr.ecr.cn-north-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn")]
#[case("111122223333.dkr.ecr.us-gov-west-1.amazonaws.eu")]
#[case("111122223333.dkr.ecr.us-isob-east-1.c2s.ic.gov")]
#[case("111122223333.dkr.ecr.eu-west-1.on.aws")]
#[case("111122223333.dkr-ecr.eu-west-1.amazonaws.com")]
#[case("111122223333.dkr-ecr.us-iso-east-1.on.aws")]
#[case("111122223333.dkr-ecr.us-iso-east-1.c2s.ic.gov")]
#[case("111122223333.dkr-ecr.us-iso-east-1.")]
// Names that programs parse differently.
#[case("user@111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("https://user:password@111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com@example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443@example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:0")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:+443")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:65536")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:latest")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443:443")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com..")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com?x")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com#x")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com\\.example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com/\\example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com\0.example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com\n.example.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app evil")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com%2eexample.com")]
#[case("111122223333%2edkr.ecr.eu-west-1.amazonaws.com")]
#[case("111122223333.dkr.ecr.eu-west-1.amazonaws.com\u{3002}example.com")]
#[case("111122223333.d\u{212a}r.ecr.eu-west-1.amazonaws.com")] // the Kelvin sign
#[case("111122223333.dkr.\u{435}\u{441}r.eu-west-1.amazonaws.com")] // Cyrillic
#[case("\u{a0}111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("https://https://111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("//111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("example.com://111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("[111122223333.dkr.ecr.eu-west-1.amazonaws.com]")]
#[case("")]
#[case("docker.io")]
#[case("https://index.docker.io/v1/")]
fn not_ecr(#[case] server: &str) {
    assert_eq!(Registry::parse(server), None);
    let why = why_not_ecr(server);
    assert!(!why.cause.is_empty() && !why.hint.is_empty());
    assert!(!why.cause.contains("password"), "{why:?}");
}

#[test]
fn a_region_is_a_dns_label() {
    let host = |letters: usize| format!("{ACCOUNT}.dkr.ecr.eu-{}-1.amazonaws.com", "w".repeat(letters));
    assert!(Registry::parse(&host(58)).is_some());
    assert_eq!(Registry::parse(&host(59)), None);
}

#[rstest]
#[case("Registry.Example.COM", Some("registry.example.com"))]
#[case(" https://registry.example.com:5000/v2/ ", Some("registry.example.com:5000"))]
#[case("localhost:5000", Some("localhost:5000"))]
#[case("[::ffff:192.0.2.1]", Some("[::ffff:192.0.2.1]"))]
#[case("[fe80::1%25eth0]", None)]
#[case("[::1]:5000", Some("[::1]:5000"))]
#[case("https://[FD00::1]/v2/", Some("[fd00::1]"))]
#[case("registry_1/app:tag", Some("registry_1"))]
#[case("registry.example.com:tag", None)]
#[case("user@registry.example.com", None)]
#[case("[::1]x:5000", None)]
#[case("[]:5000", None)]
#[case("::1", None)]
#[case("a..b", None)]
#[case("ftp://registry.example.com", None)]
#[case("", None)]
fn names_of_servers(#[case] server: &str, #[case] name: Option<&str>) {
    assert_eq!(server_name(server).as_deref(), name);
}
