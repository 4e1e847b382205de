//! What people's machines really look like: pasted keys, odd files, programs that fail, addresses with passwords in them.

use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, lab, machine};

#[test]
fn blanks_around_pasted_keys_are_no_part_of_them() {
    let lab = lab();
    let key = lab.admin();
    let machine = machine(&lab)
        .with("AWS_ACCESS_KEY_ID", &format!("{}\n", key.id))
        .with("AWS_SECRET_ACCESS_KEY", &format!(" {}\r\n", key.secret));
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn keys_with_odd_characters_are_an_error() {
    let lab = lab();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIA\nSECRET"),
        ("AWS_SESSION_TOKEN", "SECRET\r\nx: y"),
    ] {
        let outcome = machine(&lab).with(name, value).helper("get", HOST);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stdout.contains("unusable AWS credentials"), "{outcome:?}");
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:?}");
    }
}

#[test]
fn what_a_credential_process_writes_for_people_is_not_shown() {
    let machine = Machine::new().with("AWS_PROFILE", "broken");
    machine.write(
        ".aws/config",
        "[profile broken]\ncredential_process = sh -c 'echo s3cret >&2; echo s3cret; exit 3'\n",
    );
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.contains("credential_process failed (exit status 3)"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("--profile broken"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

#[test]
fn a_name_with_a_line_break_stays_in_one_line() {
    let outcome = Machine::new().with("AWS_PROFILE", "a\nb").helper("get", HOST);
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:?}");
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    let lab = lab();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://user:s3cret@192.0.2.1"),
        ("AWS_ENDPOINT_URL", "http://user:s3 cret@192.0.2.1"),
    ] {
        let outcome = machine(&lab).with(name, value).helper("get", HOST);
        assert_eq!(outcome.status, 1);
        assert!(!format!("{outcome:?}").contains("s3"), "{outcome:?}");
    }
    let container = Machine::new()
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://user:s3cret@192.0.2.1/c")
        .helper("get", HOST);
    assert!(container.stdout.contains("http://192.0.2.1/c"), "{container:?}");
    assert!(!format!("{container:?}").contains("s3cret"), "{container:?}");
    let proxy = machine(&lab)
        .with("AWS_ENDPOINT_URL", "https://ecr.example.com")
        .with("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST);
    assert!(proxy.stdout.contains("the connection was refused"), "{proxy:?}");
    assert!(!format!("{proxy:?}").contains("s3cret"), "{proxy:?}");
}

#[test]
fn a_web_identity_is_not_sent_over_plain_http() {
    let machine = Machine::new()
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci")
        .with("AWS_ENDPOINT_URL_STS", "http://192.0.2.1");
    let token = machine.write("token", "e30.e30.c2ln").display().to_string();
    let outcome = machine.with("AWS_WEB_IDENTITY_TOKEN_FILE", &token).helper("get", HOST);
    assert!(outcome.stdout.contains("ECR_AUTH_ALLOW_HTTP"), "{outcome:?}");
}

#[test]
fn a_proxy_is_not_asked_for_what_is_on_this_machine() {
    let lab = lab();
    let machine = machine(&lab)
        .with("HTTP_PROXY", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1");
    machine.helper("get", HOST).password();
}

#[test]
fn a_folder_without_root_certificates_is_named() {
    let lab = lab();
    let outcome = machine(&lab)
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("SSL_CERT_DIR", "/nonexistent")
        .helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains("SSL_CERT_DIR"), "{outcome:?}");
}
