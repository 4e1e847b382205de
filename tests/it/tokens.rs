//! `get` against the lab: tokens that open registries, invalid responses, denials, the sources of credentials.

use lab::{Fault, Permissions, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, lab, machine, machine_with, registry_status, role, session};

#[test]
fn a_token_opens_the_registry_and_nothing_else_is_printed() {
    let lab = lab();
    let machine = machine(&lab);
    let outcome = machine.helper("get", HOST);
    let password = outcome.password();
    outcome.prints(&format!(
        "{{\"ServerURL\":\"{HOST}\",\"Username\":\"AWS\",\"Secret\":\"{password}\"}}\n"
    ));
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(registry_status(&lab, HOST, "invented"), 401);
}

#[test]
fn the_server_url_is_what_was_asked() {
    let lab = lab();
    let machine = machine(&lab);
    for asked in [
        HOST.to_uppercase(),
        format!("https://{HOST}"),
        format!("https://{HOST}/v2/"),
        format!("{HOST}:443/team/app:1"),
        format!("  {HOST}.\n"),
    ] {
        let outcome = machine.helper("get", &asked);
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(answer["ServerURL"], asked.trim(), "{outcome:?}");
    }
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn public_ecr_has_its_own_api() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", "public.ecr.aws").password();
    assert_eq!(lab.count("ecr-public:GetAuthorizationToken"), 1);
    assert_eq!(lab.count(GET_TOKEN), 0);
    assert_eq!(lab.calls().log[0].region.as_deref(), Some("us-east-1"));
}

#[test]
fn the_region_is_the_hosts() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "us-west-2");
    machine.helper("get", HOST).password();
    machine
        .helper("get", "111122223333.dkr.ecr.ap-southeast-2.amazonaws.com")
        .password();
    let regions: Vec<_> = lab.calls().log.into_iter().filter_map(|call| call.region).collect();
    assert_eq!(regions, ["eu-west-1", "ap-southeast-2"]);
}

#[test]
fn an_alias_stands_for_its_registry() {
    let lab = lab();
    let machine = machine(&lab);
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: registry.example.com:5000\n    registry: {HOST}\n"),
    );
    let password = machine.helper("get", "registry.example.com:5000").password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    machine
        .helper("get", "registry.example.com")
        .is(1, "credentials not found in native keychain\n", "");
    machine
        .helper("store", r#"{"ServerURL":"registry.example.com:5000"}"#)
        .prints("");
}

#[rstest]
#[case::denied(Fault::Error { status: 400, code: "AccessDeniedException".into(), message: "no such right".into() }, "AccessDeniedException: no such right")]
#[case::garbage(Fault::Garbage, "the answer is not what the service sends")]
#[case::truncated(Fault::Truncated, "before message")]
#[case::proxy_page(Fault::Status { status: 502 }, "the answer is HTTP status 502 and no error of AWS's")]
#[case::empty(Fault::Empty, "the answer holds no token")]
#[case::odd_base64(Fault::OddBase64, "the token is not base64")]
#[case::no_colon(Fault::NoColon, "the token has no colon between user and password")]
#[case::too_large(Fault::TooLarge, "it is longer than 1 MiB")]
fn answers_that_hold_no_token_are_clear_errors(#[case] fault: Fault, #[case] cause: &str) {
    for (service, host) in [(Service::Ecr, HOST), (Service::EcrPublic, "public.ecr.aws")] {
        let lab = lab();
        lab.fail(service, fault.clone());
        let outcome = machine(&lab).with("AWS_MAX_ATTEMPTS", "1").helper("get", host);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(cause), "{outcome:?}");
        if service == Service::Ecr {
            let start = format!("ecr-auth: {HOST}: Amazon ECR (eu-west-1) GetAuthorizationToken: ");
            assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
            assert!(outcome.stdout.contains(cause), "{outcome:?}");
        } else {
            assert_eq!(outcome.stdout, "credentials not found in native keychain\n");
        }
    }
}

#[rstest]
#[case::throttled(Fault::Throttle)]
#[case::unavailable(Fault::Status { status: 503 })]
#[case::reset(Fault::Reset)]
fn what_passes_is_tried_again(#[case] fault: Fault) {
    let lab = lab();
    lab.fail_next(Service::Ecr, 1, fault);
    machine(&lab).helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 2);
}

#[test]
fn denials_are_not_tried_again() {
    let lab = lab();
    let key = lab.add_user_with("111122223333", "reader", Permissions::deny(["ecr:*"]));
    let outcome = machine_with(&lab, &key).helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome
            .stdout
            .contains("AccessDeniedException: User: arn:aws:iam::111122223333:user/reader"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("hint: give the principal ecr:GetAuthorizationToken on resource *\n    For ECR Public: "),
        "{outcome:?}"
    );
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn wrong_keys_are_told_apart() {
    let lab = lab();
    let wrong_secret = machine(&lab).with("AWS_SECRET_ACCESS_KEY", "wrong").helper("get", HOST);
    assert!(
        wrong_secret.stdout.contains("InvalidSignatureException"),
        "{wrong_secret:?}"
    );
    let unknown = machine(&lab)
        .with("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
        .helper("get", HOST);
    assert!(unknown.stdout.contains("UnrecognizedClientException"), "{unknown:?}");
}

#[test]
fn an_endpoint_that_refuses_is_named_quickly() {
    let lab = lab();
    let outcome = machine(&lab)
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST);
    assert!(outcome.stdout.contains("the connection was refused"), "{outcome:?}");
}

#[test]
fn what_hangs_ends_with_the_time_given() {
    let lab = lab();
    lab.fail(Service::Ecr, Fault::Hang);
    let outcome = machine(&lab).with("ECR_AUTH_TIMEOUT", "1").helper("get", HOST);
    assert!(outcome.stdout.contains("no answer within"), "{outcome:?}");
    assert!(outcome.stderr.contains("ECR_AUTH_TIMEOUT"), "{outcome:?}");
}

#[test]
fn tls_with_the_labs_authority_and_without() {
    let lab = lab();
    let https = || {
        machine(&lab)
            .with("AWS_ENDPOINT_URL", &lab.https_url())
            .with("AWS_MAX_ATTEMPTS", "1")
    };
    let ca = lab.ca_file().display().to_string();
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        https().with(variable, &ca).helper("get", HOST).password();
    }
    let unknown = https().helper("get", HOST);
    assert!(unknown.stdout.contains("UnknownIssuer"), "{unknown:?}");
    let broken = https().with("AWS_CA_BUNDLE", "/dev/null").helper("get", HOST);
    assert!(broken.stdout.contains("AWS_CA_BUNDLE"), "{broken:?}");
}

#[test]
fn plain_http_off_loopback_is_refused() {
    let lab = lab();
    let outcome = machine(&lab)
        .with("AWS_ENDPOINT_URL", "http://192.0.2.1")
        .helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains("ECR_AUTH_ALLOW_HTTP"), "{outcome:?}");
}

#[test]
fn plain_http_off_loopback_is_refused_for_the_roles_of_a_profile_too() {
    let lab = lab();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL_ECR", &lab.http_url())
        .with("AWS_ENDPOINT_URL_STS", "http://192.0.2.1")
        .with("AWS_PROFILE", "role");
    machine.write(
        ".aws/config",
        "[profile base]\naws_access_key_id = AKID\naws_secret_access_key = s\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = base\n",
    );
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stderr.contains("ECR_AUTH_ALLOW_HTTP"), "{outcome:?}");
}

/// The lab's administrator, from every source of the standard chain.
#[test]
fn every_source_of_the_standard_chain() {
    let lab = lab();
    let bare = || Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let role = role(&lab, "puller");
    let key = lab.admin();

    let profile = bare().with("AWS_PROFILE", "static");
    profile.write(
        ".aws/credentials",
        &format!(
            "[static]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ),
    );
    profile.helper("get", HOST).password();

    let assumed = bare().with("AWS_PROFILE", "role");
    assumed.write(
        ".aws/config",
        &format!(
            "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n[profile role]\nrole_arn = {role}\nsource_profile = base\nregion = eu-west-1\n",
            key.id, key.secret
        ),
    );
    assumed.helper("get", HOST).password();
    assert_eq!(lab.count("sts:AssumeRole"), 1);

    let process = bare().with("AWS_PROFILE", "process");
    let json = format!(
        r#"{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}"#,
        key.id, key.secret
    );
    let line = process.command_line(&format!("echo {json}"));
    process.write(
        ".aws/config",
        &format!("[profile process]\ncredential_process = {line}\n"),
    );
    process.helper("get", HOST).password();

    let container = lab.add_container(&role);
    bare()
        .with(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}{}", lab.http_url(), container.path),
        )
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
        .helper("get", HOST)
        .password();

    lab.set_instance_role(Some(&role));
    bare()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        .helper("get", HOST)
        .password();
    assert_eq!(lab.count(GET_TOKEN), 5);
}

/// The AWS CLI still reads the older name.
#[test]
fn a_session_token_may_have_its_older_name() {
    let lab = lab();
    let session = session(&lab, &role(&lab, "puller"));
    let machine = machine_with(&lab, &session).without("AWS_SESSION_TOKEN");
    let told = machine.helper("get", HOST).stderr;
    assert!(!told.is_empty());
    let token = session.session_token.unwrap();
    machine
        .with("AWS_SECURITY_TOKEN", &token)
        .helper("get", HOST)
        .password();
}

#[test]
fn an_expired_session_says_so() {
    let lab = lab();
    let role = role(&lab, "puller");
    let session = session(&lab, &role);
    machine_with(&lab, &session).helper("get", HOST).password();
    lab.advance(std::time::Duration::from_secs(13 * 3600));
    let outcome = machine_with(&lab, &session).helper("get", HOST);
    assert!(outcome.stdout.contains("ExpiredToken"), "{outcome:?}");
}

#[test]
fn a_hanging_metadata_service_is_given_up_soon() {
    let lab = lab();
    lab.fail(Service::Imds, Fault::Hang);
    let outcome = Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        .helper("get", HOST);
    assert!(
        outcome.stdout.contains("no instance metadata service answered in time"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("hop"), "{outcome:?}");
}

#[test]
fn debugging_names_the_source_and_the_cache_but_no_secret() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_LOG", "debug");
    let asked = machine.helper("get", HOST);
    let key = lab.admin();
    assert_eq!(
        asked.stderr,
        format!(
            "credentials: the environment's access key {}\ncache: no fresh token for eu-west-1, asked AWS\n",
            key.id
        )
    );
    let warm = machine.helper("get", HOST);
    assert!(
        warm.stderr.ends_with("cache: a fresh token for eu-west-1\n"),
        "{warm:?}"
    );
}

/// The header `Date` has whole seconds: an end that is corrected by it must not come later than the token's own.
#[test]
fn a_cached_token_ends_no_later_than_aws_says() {
    const LIFE: i64 = 12 * 60 * 60;
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    let latest = lab.now() + LIFE;
    let mut entries = machine.cache_files().into_iter().filter_map(|file| {
        let entry: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).ok()?;
        entry["token"]["expires_at"].as_i64()
    });
    let ends = entries.next().unwrap();
    assert!(ends <= latest * 1000 && ends > (latest - 60) * 1000, "{ends} {latest}");
}
