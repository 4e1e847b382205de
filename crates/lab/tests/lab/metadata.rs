//! IMDSv2 and container credentials, as botocore uses them.

use lab::{ACCOUNT, Lab, Permissions, RoleSpec};

use crate::tools::{boto3, curl, lab};

const WHO: &str = "print(boto3.client('sts').get_caller_identity()['Arn'])";

fn role(lab: &Lab) -> String {
    lab.add_role(RoleSpec {
        account: ACCOUNT.into(),
        name: "node".into(),
        trust: Vec::new(),
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

#[test]
fn an_instance_gets_its_roles_credentials() {
    let lab = lab();
    assert!(
        boto3(&lab, &lab.http_url(), None, &[], WHO)
            .unwrap_err()
            .contains("NoCredentials")
    );
    let arn = role(&lab);
    lab.set_instance_role(Some(&arn));
    let who = boto3(&lab, &lab.http_url(), None, &[], WHO).unwrap();
    assert_eq!(who, "arn:aws:sts::111122223333:assumed-role/node/i-0123456789abcdef0");
    assert!(lab.count("imds:Token") >= 2);
}

#[test]
fn imds_version_one_is_refused() {
    let lab = lab();
    lab.set_instance_role(Some(&role(&lab)));
    let url = format!(
        "http://imds.example:{}/latest/meta-data/iam/security-credentials/",
        lab.http_addr().port()
    );
    let here = format!("imds.example:{0}:127.0.0.1:{0}", lab.http_addr().port());
    assert_eq!(curl(&lab, &["--connect-to", &here, &url]).status, 401);
    let token_url = format!("http://imds.example:{}/latest/api/token", lab.http_addr().port());
    assert_eq!(
        curl(&lab, &["--connect-to", &here, "-X", "PUT", &token_url]).status,
        400
    );
}

#[test]
fn a_container_gets_credentials_for_its_token() {
    let lab = lab();
    let container = lab.add_container(&role(&lab));
    let uri = format!("{}{}", lab.http_url(), container.path);
    let env = |token| {
        [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token),
        ]
    };
    let who = boto3(&lab, &lab.http_url(), None, &env(&container.token), WHO).unwrap();
    assert_eq!(who, "arn:aws:sts::111122223333:assumed-role/node/container");
    assert!(boto3(&lab, &lab.http_url(), None, &env("wrong"), WHO).is_err());
    assert!(lab.refused("container:Credentials") >= 1);
}
