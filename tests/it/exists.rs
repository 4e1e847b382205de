//! `ecr-auth exists`: its three exit statuses, and one request of the registry's for them.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use lab::{Fault, Lab, Options, Permissions, Service};

use crate::endpoints::Proxy;
use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{GET_TOKEN, key_variables, lab, registry_status};

fn machine(lab: &Lab) -> Machine {
    Machine::new()
        .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
        .with("HTTPS_PROXY", &format!("http://{}", Proxy::before(lab).address))
        .with_all(key_variables(lab.admin()))
}

fn exists(machine: &Machine, image: &str) -> Outcome {
    machine.run(&["exists", image])
}

/// Puts an empty index of images into the registry, under this tag.
fn put_image(lab: &Lab, repository: &str, tag: &str) {
    let password = lab.issue_token(lab.admin(), Some("eu-west-1")).unwrap();
    assert_eq!(registry_status(lab, HOST, &password), 200);
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = format!("{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"manifests\":[]}}");
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}"));
    let mut connection = TcpStream::connect(lab.http_addr()).unwrap();
    write!(
        connection,
        "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{index}",
        index.len()
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn an_image_is_there_or_not() {
    let lab = Lab::start(Options::default()).unwrap();
    let machine = machine(&lab);
    put_image(&lab, "team/app", "1.0");
    let image = format!("{HOST}/team/app:1.0");
    let there = exists(&machine, &image);
    assert_eq!((there.status, there.stdout.as_str()), (0, ""));
    let said = there
        .stderr
        .strip_prefix(&format!("{image} is there (sha256:"))
        .unwrap();
    let digest = said.trim_end().trim_end_matches(')');
    assert_eq!(digest.len(), 64, "{there:?}");
    machine
        .run(&["exists", "-q", &format!("{HOST}/team/app@sha256:{digest}")])
        .prints("");
    // Under the name that docker shows it by, with a scheme, and with the tag that is meant where none is named.
    assert_eq!(exists(&machine, &format!("https://{image}")).status, 0);
    for missing in [
        format!("{HOST}/team/app:2.0"),
        format!("{HOST}/team/app"),
        format!("{HOST}/other:1.0"),
    ] {
        exists(&machine, &missing).is(1, "", &format!("{missing} is not there\n"));
    }
    machine
        .run(&["exists", "-q", &format!("{HOST}/other:1.0")])
        .is(1, "", "");
    assert_eq!(lab.count(GET_TOKEN), 1, "the helper's cache serves it");
    assert_eq!(lab.count("registry:Ping"), 1, "that of this test alone");
}

#[test]
fn what_cannot_be_told_is_neither_yes_nor_no() {
    let lab = lab();
    let machine = machine(&lab);
    let image = format!("{HOST}/app:1");
    let foreign = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/app:1";
    let refused = exists(&machine, foreign);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    let start = format!("error: cannot tell whether {foreign} is there: the registry answers 403");
    assert!(
        refused.stderr.starts_with(&start) && refused.stderr.contains("[EA0607]"),
        "{refused:?}"
    );
    lab.fail_next(Service::Registry, 1, Fault::Status { status: 500 });
    let broken = exists(&machine, &image);
    assert_eq!((broken.status, broken.stdout.as_str()), (2, ""), "{broken:?}");
    assert!(
        broken.stderr.contains("the registry answers 500 [EA0512]"),
        "{broken:?}"
    );
    let nobody = lab.add_user_with(lab::ACCOUNT, "nobody", Permissions::deny(["ecr:*"]));
    let denied = exists(&self::machine(&lab).with_all(key_variables(&nobody)), &image);
    assert_eq!((denied.status, denied.stdout.as_str()), (2, ""));
    assert!(denied.stderr.contains("AccessDenied"), "{denied:?}");
    for odd in ["app", "ghcr.io/octo/app:1", HOST, &format!("{HOST}/App")] {
        let outcome = exists(&machine, odd);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{odd}: {outcome:?}");
        assert!(outcome.stderr.starts_with("error: "), "{odd}: {outcome:?}");
    }
    assert_eq!(exists(&Machine::new(), &image).status, 2);
}

#[test]
fn anybody_may_ask_ecr_public() {
    let lab = Lab::start(Options::default()).unwrap();
    let machine = machine(&lab)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY");
    let outcome = exists(&machine, "public.ecr.aws/team/app:1");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("going on without credentials"), "{outcome:?}");
    assert!(
        outcome.stderr.ends_with("public.ecr.aws/team/app:1 is not there\n"),
        "{outcome:?}"
    );
}
