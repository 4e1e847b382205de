//! HTTPS at real host names, and regions that must match the host name.

use crate::tools::{boto3, curl, lab};

#[test]
fn a_certificate_for_every_name() {
    let lab = lab();
    for host in [
        "api.ecr.eu-west-1.amazonaws.com",
        "ecr.eu-west-1.api.aws",
        "ecr-fips.us-east-1.amazonaws.com",
        "api.ecr-fips.us-east-1.amazonaws.com",
        "sts-fips.us-east-1.amazonaws.com",
        "sts.eu-west-1.api.aws",
        "api.ecr.cn-north-1.amazonaws.com.cn",
        "sts.us-gov-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "public.ecr.aws",
    ] {
        let got = curl(&lab, &[&format!("https://{host}/v2/")]);
        assert_eq!(got.exit, 0, "{host}");
        assert_ne!(got.status, 0, "{host}");
    }
}

#[test]
fn names_that_aws_does_not_have_are_refused() {
    let lab = lab();
    for host in [
        "api.ecr-public-fips.us-east-1.amazonaws.com",
        "api.ecr.eu-west-1.api.aws",
        "sts-fips.eu-west-1.amazonaws.com",
    ] {
        let got = curl(&lab, &[&format!("https://{host}/v2/")]);
        assert_ne!(got.exit, 0, "{host}");
    }
}

#[test]
fn the_scope_must_match_the_host_name() {
    let lab = lab();
    // Directs botocore's connections for a real name to the lab, as DNS would.
    let script = |region: &str| {
        format!(
            "import socket\n\
             real = socket.create_connection\n\
             import urllib3.util.connection as c\n\
             c.create_connection = lambda address, *a, **k: real(('127.0.0.1', {}))\n\
             e = boto3.client('ecr', region_name='{region}', endpoint_url='https://api.ecr.eu-west-1.amazonaws.com')\n\
             print(e.get_authorization_token()['authorizationData'][0]['proxyEndpoint'])",
            lab.https_addr().port()
        )
    };
    let said = boto3(&lab, &lab.https_url(), Some(lab.admin()), &[], &script("eu-west-1")).unwrap();
    assert_eq!(said, "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    let error = boto3(&lab, &lab.https_url(), Some(lab.admin()), &[], &script("us-east-1")).unwrap_err();
    assert!(
        error.contains("Credential should be scoped to a valid region"),
        "{error}"
    );
}

#[test]
fn an_account_in_china_is_only_known_in_china() {
    let lab = lab();
    lab.add_account("777788889999", "aws-cn");
    let key = lab.add_user("777788889999", "ci");
    let script =
        |region: &str| format!("print(boto3.client('sts', region_name='{region}').get_caller_identity()['Arn'])");
    let url = lab.http_url();
    let who = boto3(&lab, &url, Some(&key), &[], &script("cn-north-1")).unwrap();
    assert_eq!(who, "arn:aws-cn:iam::777788889999:user/ci");
    let error = boto3(&lab, &url, Some(&key), &[], &script("eu-west-1")).unwrap_err();
    assert!(error.contains("InvalidClientTokenId"), "{error}");
}
