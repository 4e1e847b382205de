use rstest::rstest;

use crate::{parse_argument, parse_region, split_arguments};
use diagnostics::Exit;

const REGION: Option<&str> = Some("eu-west-1");

#[rstest]
#[case("111122223333", "111122223333.dkr.ecr.eu-west-1.amazonaws.com")]
#[case("000000000001", "000000000001.dkr.ecr.eu-west-1.amazonaws.com")]
#[case(" 111122223333/us-east-2 ", "111122223333.dkr.ecr.us-east-2.amazonaws.com")]
#[case("111122223333/CN-north-1/", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn")]
#[case(
    "111122223333/us-isof-south-1",
    "111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov"
)]
#[case("public", "public.ecr.aws")]
#[case("ecr-public.aws.com", "ecr-public.aws.com")]
#[case(
    "https://111122223333.dkr.ecr-fips.us-east-1.amazonaws.com:443/app:v1@sha256:00ff",
    "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com"
)]
fn registries(#[case] arg: &str, #[case] host: &str) {
    assert_eq!(parse_argument(arg, REGION).unwrap().host(), host);
}

#[rstest]
#[case("11122223333", "has 11 digits instead of 12", "leading zero")]
#[case("11122223333/eu-west-1", "has 11 digits instead of 12", "'011122223333'")]
#[case("11122223333.dkr.ecr.eu-west-1.amazonaws.com", "has 11 digits", "leading zero")]
#[case("1111222233334", "has 13 digits instead of 12", "12 digits")]
#[case("1111-2222-3333", "without hyphens", "write 111122223333")]
#[case("111122223333/europe", "\"europe\" is not an AWS region", "eu-west-1")]
#[case("111122223333/eu-west-1/app", "\"eu-west-1/app\" is not an AWS region", "eu-west-1")]
#[case(
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
    "dkr.ecr hosts in cn-north-1 end in amazonaws.com.cn, not amazonaws.com",
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"
)]
#[case(
    "111122223333.dkr-ecr-fips.us-east-1.amazonaws.com",
    "dkr-ecr hosts in us-east-1 end in on.aws",
    "111122223333.dkr-ecr-fips.us-east-1.on.aws"
)]
#[case(
    "111122223333.dkr-ecr.us-iso-east-1.on.aws",
    "aws-iso has no dual-stack",
    "111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov"
)]
#[case(
    "111122223333.dkr.ecs.eu-west-1.amazonaws.com",
    "\"dkr.ecs\" is written \"dkr.ecr\"",
    "did you mean 111122223333.dkr.ecr.eu-west-1.amazonaws.com?"
)]
#[case(
    "111122223333.ecr.eu-west-1.amazonaws.com",
    "\"dkr.\" is missing",
    "did you mean 111122223333.dkr.ecr.eu-west-1.amazonaws.com?"
)]
#[case(
    "http://public.erc.aws/nginx",
    "does not have the form",
    "did you mean public.ecr.aws?"
)]
#[case(
    "111122223333/eu-west",
    "\"eu-west\" is not an AWS region",
    "did you mean eu-west-1, eu-west-2 or eu-west-3?"
)]
#[case(
    "111122223333.dkr.ecr.eu-west-1.amazonaw.com",
    "end in amazonaws.com, not amazonaw.com",
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
)]
#[case(
    "dkr.ecr.eu-west-1.amazonaws.com",
    "account id in front of it is missing",
    "<region>"
)]
#[case("api.ecr.eu-west-1.amazonaws.com", "ECR's API", "<region>")]
#[case("gallery.ecr.aws/nginx", "web site", "public.ecr.aws")]
#[case("public.ecr.amazonaws.com", "does not have the form", "ECR Public is public.ecr.aws")]
#[case("docker.ecr.aws", "does not have the form", "ECR Public is public.ecr.aws")]
#[case("abc.dkr.ecs.eu-west-1.amazonaws.com", "does not have the form", "<region>")]
#[case("abc.ecr.eu-west-1.amazonaws.com", "does not have the form", "<region>")]
#[case("abc.dkr.ecr.eu-west-1.amazonaws.com", "\"abc\" is not an account id", "12 digits")]
#[case(
    "111122223333.dkr.ecr.ireland.amazonaws.com",
    "\"ireland\" is not an AWS region",
    "eu-west-1"
)]
#[case("eu-west-1", "it is a region", "write ACCOUNT/eu-west-1")]
#[case(
    "111122223333:eu-west-1",
    "a slash goes between",
    "did you mean 111122223333/eu-west-1?"
)]
#[case(
    "eu-west-1/111122223333",
    "the account comes before",
    "did you mean 111122223333/eu-west-1?"
)]
#[case("publc", "no registry of this name", "did you mean public?")]
#[case("registry.example.com", "does not have the form of ECR's", "<region>")]
#[case("exa mple", "no host name", "<region>")]
fn near_misses(#[case] arg: &str, #[case] cause: &str, #[case] hint: &str) {
    let error = parse_argument(arg, REGION).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.cause().contains(cause), "{error}");
    assert!(error.hint_text().unwrap().contains(hint), "{error:?}");
}

#[test]
fn an_account_alone_needs_a_region() {
    let error = parse_argument("111122223333", None).unwrap_err();
    assert!(error.cause().contains("region"), "{error}");
    assert!(error.hint_text().unwrap().contains("111122223333/REGION"), "{error:?}");
}

#[test]
fn errors_show_no_password_and_no_control_characters() {
    let error = parse_argument(
        "https://AWS:hunter/2@registry.example.com\x1b[31m/app@sha256:00",
        REGION,
    )
    .unwrap_err();
    let text = format!("{error} {}", error.hint_text().unwrap());
    assert!(!text.contains("hunter"), "{text}");
    assert!(!text.contains(char::is_control), "{text}");
    assert!(text.contains("registry.example.com"), "{text}");
}

#[test]
fn a_region_has_a_regions_shape() {
    assert_eq!(parse_region(" EU-West-1\n").unwrap(), "eu-west-1");
    for wrong in ["", "europe", "x.example.com#", "eu-west"] {
        let error = parse_region(wrong).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{wrong}");
    }
}

#[test]
fn a_long_argument_is_cut_visibly() {
    let what = |letters: usize| {
        parse_argument(&"x".repeat(letters), None)
            .unwrap_err()
            .what()
            .to_owned()
    };
    let shown = "x".repeat(120);
    assert_eq!(what(120), format!("cannot take \"{shown}\" for an ECR registry"));
    assert_eq!(what(121), format!("cannot take \"{shown}…\" for an ECR registry"));
}

#[rstest]
#[case("public", &["public"])]
#[case("111122223333/eu-west-1,public", &["111122223333/eu-west-1", "public"])]
#[case("111122223333/eu-west-1, public\n444455556666", &["111122223333/eu-west-1", "public", "444455556666"])]
#[case("111122223333,444455556666", &["111122223333", "444455556666"])]
#[case("111122223333,eu-west-1", &["111122223333,eu-west-1"])]
#[case(" ,", &[])]
fn several_stand_beside_each_other(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(split_arguments(text), expected);
}
