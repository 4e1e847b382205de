//! STS and ECR through boto3 and the AWS CLI.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lab::{ACCOUNT, Condition, Fault, Lab, Operator, Permissions, RoleSpec, Service, SigningAlgorithm, Trust};
use serde_json::{Value, json};

use crate::tools::{aws, boto3, lab};

const WHO: &str = "print(boto3.client('sts').get_caller_identity()['Arn'])";
const TOKEN: &str =
    "print(boto3.client('ecr').get_authorization_token()['authorizationData'][0]['authorizationToken'])";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn role(name: &str, trust: Trust) -> RoleSpec {
    RoleSpec {
        account: ACCOUNT.into(),
        name: name.into(),
        trust: vec![trust],
        max_duration: 3600,
        permissions: Permissions::default(),
    }
}

fn trusting(principal: &str) -> Trust {
    Trust::Aws {
        principals: vec![principal.into()],
        external_id: None,
    }
}

#[test]
fn boto3_and_the_cli_get_their_identity_over_http_and_https() {
    let lab = lab();
    for endpoint in [lab.http_url(), lab.https_url()] {
        let arn = "arn:aws:iam::111122223333:user/admin";
        assert_eq!(boto3(&lab, &endpoint, Some(lab.admin()), &[], WHO).unwrap(), arn);
        let said = aws(&lab, &endpoint, Some(lab.admin()), &["sts", "get-caller-identity"]).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&said["Arn"], &said["Account"]), (&json!(arn), &json!(ACCOUNT)));
    }
    assert_eq!(lab.count("sts:GetCallerIdentity"), 4);
    assert_eq!(lab.refused("sts:GetCallerIdentity"), 0);
}

#[test]
fn boto3_and_the_cli_get_registry_tokens() {
    let lab = lab();
    for endpoint in [lab.http_url(), lab.https_url()] {
        let token = boto3(&lab, &endpoint, Some(lab.admin()), &[], TOKEN).unwrap();
        let decoded = String::from_utf8(BASE64_STANDARD.decode(token).unwrap()).unwrap();
        assert!(decoded.starts_with("AWS:") && decoded.len() > 1000);
        let said = aws(&lab, &endpoint, Some(lab.admin()), &["ecr", "get-login-password"]).unwrap();
        assert!(said.len() > 1000);
        let said = aws(
            &lab,
            &endpoint,
            Some(lab.admin()),
            &["ecr-public", "get-login-password", "--region", "us-east-1"],
        );
        assert!(said.unwrap().len() > 1000);
    }
    let script = "d = boto3.client('ecr').get_authorization_token(registryIds=['444455556666'])['authorizationData'][0]\n\
                  print(d['proxyEndpoint'], int(d['expiresAt'].timestamp()))";
    let said = boto3(&lab, &lab.http_url(), Some(lab.admin()), &[], script).unwrap();
    let (endpoint, expires) = said.split_once(' ').unwrap();
    assert_eq!(endpoint, "https://444455556666.dkr.ecr.eu-west-1.amazonaws.com");
    let left = expires.parse::<i64>().unwrap() - lab.now();
    assert!((43_100..=43_200).contains(&left), "{left}");
}

fn refused_both(lab: &Lab, key: &lab::AccessKey, ecr: &str, sts: &str) {
    let url = lab.http_url();
    let error = boto3(lab, &url, Some(key), &[], TOKEN).unwrap_err();
    assert!(error.contains(ecr), "{error}");
    let error = aws(lab, &url, Some(key), &["sts", "get-caller-identity"]).unwrap_err();
    assert!(error.contains(sts), "{error}");
}

#[test]
fn wrong_keys_get_awss_error_codes() {
    let lab = lab();
    let mut wrong = lab.admin().clone();
    wrong.secret = "wrong".into();
    refused_both(&lab, &wrong, "(InvalidSignatureException)", "(SignatureDoesNotMatch)");
    let mut unknown = lab.admin().clone();
    unknown.id = "AKIAUNKNOWN".into();
    refused_both(
        &lab,
        &unknown,
        "(UnrecognizedClientException)",
        "(InvalidClientTokenId)",
    );
    let mut odd = lab.admin().clone();
    odd.session_token = Some("of another key".into());
    refused_both(&lab, &odd, "(UnrecognizedClientException)", "(InvalidClientTokenId)");
    assert_eq!(lab.refused("ecr:GetAuthorizationToken"), 3);
}

#[test]
fn a_wrong_clock_is_refused() {
    let lab = lab();
    lab.advance(Duration::from_secs(3600));
    let error = aws(
        &lab,
        &lab.http_url(),
        Some(lab.admin()),
        &["sts", "get-caller-identity"],
    )
    .unwrap_err();
    assert!(error.contains("Signature expired"), "{error}");
}

#[test]
fn denied_actions_are_refused() {
    let lab = lab();
    let key = lab.add_user_with(
        ACCOUNT,
        "reader",
        Permissions::allow(["ecr:GetAuthorizationToken", "ecr-public:*"]),
    );
    boto3(&lab, &lab.http_url(), Some(&key), &[], TOKEN).unwrap();
    let public = ["ecr-public", "get-login-password", "--region", "us-east-1"];
    let error = aws(&lab, &lab.http_url(), Some(&key), &public).unwrap_err();
    assert!(
        error.contains("AccessDeniedException") && error.contains("sts:GetServiceBearerToken"),
        "{error}"
    );
    let arn = "arn:aws:iam::111122223333:user/reader";
    assert!(lab.set_permissions(arn, Permissions::deny(["ecr:GetAuthorizationToken"])));
    let error = boto3(&lab, &lab.http_url(), Some(&key), &[], TOKEN).unwrap_err();
    assert!(error.contains("with an explicit deny"), "{error}");
    lab.fail_next(Service::Ecr, 1, Fault::Throttle);
    let error = boto3(&lab, &lab.http_url(), Some(lab.admin()), &[], TOKEN).unwrap_err();
    assert!(error.contains("ThrottlingException"), "{error}");
}

fn assume(lab: &Lab, key: &lab::AccessKey, more: &str) -> Result<Value, String> {
    let script = format!(
        "c = boto3.client('sts').assume_role(RoleSessionName='ci', {more})['Credentials']\n\
         c['Expiration'] = int(c['Expiration'].timestamp())\nprint(json.dumps(c))"
    );
    boto3(lab, &lab.http_url(), Some(key), &[], &script).map(|said| serde_json::from_str(&said).unwrap())
}

fn session_key(said: &Value) -> lab::AccessKey {
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    lab::AccessKey {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
        expires: said["Expiration"].as_i64(),
    }
}

#[test]
fn roles_are_assumed_and_chained_until_their_sessions_end() {
    let lab = lab();
    let first = lab.add_role(role("first", trusting("arn:aws:iam::111122223333:user/admin")));
    let mut spec = role("second", trusting(&first));
    spec.max_duration = 7200;
    let second = lab.add_role(spec);

    let session = session_key(&assume(&lab, lab.admin(), &format!("RoleArn='{first}', DurationSeconds=900")).unwrap());
    assert!((session.expires.unwrap() - lab.now() - 900).abs() < 60);
    let chained = session_key(&assume(&lab, &session, &format!("RoleArn='{second}'")).unwrap());
    let who = boto3(&lab, &lab.http_url(), Some(&chained), &[], WHO).unwrap();
    assert_eq!(who, "arn:aws:sts::111122223333:assumed-role/second/ci");

    let error = assume(&lab, &session, &format!("RoleArn='{second}', DurationSeconds=7200")).unwrap_err();
    assert!(error.contains("role chaining"), "{error}");
    let error = assume(&lab, lab.admin(), &format!("RoleArn='{first}', DurationSeconds=7200")).unwrap_err();
    assert!(error.contains("MaxSessionDuration"), "{error}");
    let error = assume(&lab, lab.admin(), &format!("RoleArn='{second}'")).unwrap_err();
    assert!(
        error.contains("(AccessDenied)") && error.contains("sts:AssumeRole"),
        "{error}"
    );
}

#[test]
fn external_ids_names_and_durations_are_checked() {
    let lab = lab();
    let arn = lab.add_role(role(
        "partner",
        Trust::Aws {
            principals: vec!["444455556666".into()],
            external_id: Some("s3cr3t".into()),
        },
    ));
    assume(&lab, lab.partner(), &format!("RoleArn='{arn}', ExternalId='s3cr3t'")).unwrap();
    let error = assume(&lab, lab.partner(), &format!("RoleArn='{arn}', ExternalId='other'")).unwrap_err();
    assert!(error.contains("(AccessDenied)"), "{error}");
    // Sends values that botocore itself would refuse.
    let call = |more: &str| {
        let script = format!(
            "from botocore.config import Config\n\
             c = boto3.client('sts', config=Config(parameter_validation=False))\n\
             c.assume_role(RoleArn='{arn}', {more})"
        );
        boto3(&lab, &lab.http_url(), Some(lab.partner()), &[], &script).unwrap_err()
    };
    let error = call("RoleSessionName='a b'");
    assert!(error.contains("(ValidationError)"), "{error}");
    let error = call("RoleSessionName='ci', DurationSeconds=60");
    assert!(error.contains("greater than or equal to 900"), "{error}");
    let error = call("RoleSessionName='ci', DurationSeconds=43201");
    assert!(error.contains("less than or equal to 43200"), "{error}");
}

#[test]
fn sessions_expire() {
    let lab = lab();
    let arn = lab.add_role(role("ci", trusting(ACCOUNT)));
    let session = session_key(&assume(&lab, lab.admin(), &format!("RoleArn='{arn}', DurationSeconds=900")).unwrap());
    lab.advance(Duration::from_secs(901));
    // botocore doesn't correct its clock, so a small wrapper shifts it to the lab's time.
    let shift = "import botocore.auth, datetime\n\
        real = botocore.auth.get_current_datetime\n\
        botocore.auth.get_current_datetime = lambda *a, **k: real(*a, **k) + datetime.timedelta(seconds=901)\n";
    let error = boto3(&lab, &lab.http_url(), Some(&session), &[], &format!("{shift}{WHO}")).unwrap_err();
    assert!(error.contains("(ExpiredToken)"), "{error}");
    let error = boto3(&lab, &lab.http_url(), Some(&session), &[], &format!("{shift}{TOKEN}")).unwrap_err();
    assert!(error.contains("(ExpiredTokenException)"), "{error}");
}

fn web_identity(lab: &Lab, token: &str) -> Result<String, String> {
    let script = "r = boto3.client('sts').assume_role_with_web_identity(RoleArn=os.environ['ROLE'], \
                  RoleSessionName='ci', WebIdentityToken=os.environ['JWT'])\n\
                  print(r['AssumedRoleUser']['Arn'], r['SubjectFromWebIdentityToken'], r['Audience'])";
    let role = "arn:aws:iam::111122223333:role/web";
    boto3(lab, &lab.http_url(), None, &[("ROLE", role), ("JWT", token)], script)
}

fn web_lab(algorithm: SigningAlgorithm) -> Lab {
    let lab = lab();
    lab.add_issuer(ISSUER, algorithm).unwrap();
    lab.add_oidc_provider(ACCOUNT, ISSUER, &["sts.amazonaws.com", "other"]);
    let condition = |operator, claim: &str, value: &str| Condition {
        operator,
        claim: claim.into(),
        values: vec![value.into()],
    };
    lab.add_role(role(
        "web",
        Trust::WebIdentity {
            provider: "token.actions.githubusercontent.com".into(),
            conditions: vec![
                condition(Operator::StringEquals, "aud", "sts.amazonaws.com"),
                condition(Operator::StringLike, "sub", "repo:org/app:*"),
            ],
        },
    ));
    lab
}

fn claims(lab: &Lab) -> Value {
    json!({
        "iss": ISSUER, "aud": "sts.amazonaws.com", "sub": "repo:org/app:ref:refs/heads/main",
        "iat": lab.now(), "nbf": lab.now() - 5, "exp": lab.now() + 300,
    })
}

#[test]
fn web_identity_tokens_open_a_session() {
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::RS256] {
        let lab = web_lab(algorithm);
        let token = lab.sign_jwt(ISSUER, &claims(&lab)).unwrap();
        assert_eq!(
            web_identity(&lab, &token).unwrap(),
            "arn:aws:sts::111122223333:assumed-role/web/ci repo:org/app:ref:refs/heads/main sts.amazonaws.com"
        );
    }
}

#[test]
fn web_identity_tokens_are_checked() {
    let lab = web_lab(SigningAlgorithm::ES256);
    let sign = |claim: &str, value: Value| {
        let mut claims = claims(&lab);
        claims[claim] = value;
        lab.sign_jwt(ISSUER, &claims).unwrap()
    };
    let cases = [
        (sign("exp", json!(lab.now() - 1)), "(ExpiredTokenException)"),
        (sign("nbf", json!(lab.now() + 60)), "(InvalidIdentityToken)"),
        (sign("aud", json!("nobody's")), "Incorrect token audience"),
        (sign("aud", json!("other")), "(AccessDenied)"),
        (
            sign("sub", json!("repo:other/app:ref:refs/heads/main")),
            "(AccessDenied)",
        ),
        (
            sign("iss", json!("https://issuer.example")),
            "No OpenIDConnect provider found",
        ),
        ("not.a.token".into(), "is not a valid JWT"),
    ];
    for (token, wanted) in cases {
        let error = web_identity(&lab, &token).unwrap_err();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let stolen = lab.sign_jwt(ISSUER, &claims(&lab)).unwrap();
    lab.add_issuer(ISSUER, SigningAlgorithm::ES256).unwrap();
    let error = web_identity(&lab, &stolen).unwrap_err();
    assert!(
        error.contains("(InvalidIdentityToken)"),
        "signed with a key that was rotated away: {error}"
    );
}
