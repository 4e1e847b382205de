//! IMDSv2 and container credentials through botocore.

use lab::{ACCOUNT, Fault, Lab, Permissions, RoleSpec, Service};

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

/// Plays a credential server that a developer runs.
#[test]
fn a_container_of_a_user_gets_a_key_without_an_expiry() {
    let lab = lab();
    let key = lab.add_user(ACCOUNT, "developer");
    let container = lab.add_container(&format!("arn:aws:iam::{ACCOUNT}:user/developer"));
    let authorization = format!("authorization: {}", container.token);
    let answer = at_http(&lab, &container.path, &["-H", &authorization]);
    let fields = [r#""Token":"""#, r#""Expiration":"""#].map(str::to_owned);
    let fields = fields.into_iter().chain([format!(r#""AccessKeyId":"{}""#, key.id)]);
    assert!(fields.into_iter().all(|field| answer.contains(&field)), "{answer}");
}

#[test]
fn a_line_end_after_an_answer_is_in_its_length() {
    let lab = lab();
    lab.set_instance_role(Some(&role(&lab)));
    let seconds = ["-X", "PUT", "-H", "x-aws-ec2-metadata-token-ttl-seconds: 60"];
    let session = at_http(&lab, "/latest/api/token", &seconds);
    let session = session.split("\r\n\r\n").nth(1).unwrap().lines().next().unwrap();
    lab.fail(Service::Imds, Fault::LineEnd);
    let header = format!("x-aws-ec2-metadata-token: {session}");
    let answer = at_http(&lab, "/latest/meta-data/iam/security-credentials/", &["-H", &header]);
    assert!(
        answer.contains("content-length: 5\r\n") && answer.contains("\r\n\r\nnode\n"),
        "{answer}"
    );
}

/// Returns the answer at a path of the lab's HTTP address.
fn at_http(lab: &Lab, path: &str, arguments: &[&str]) -> String {
    let port = lab.http_addr().port();
    let here = format!("imds.example:{port}:127.0.0.1:{port}");
    let url = format!("http://imds.example:{port}{path}");
    let arguments: Vec<&str> = ["--connect-to", &here, &url]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    curl(lab, &arguments).text
}
