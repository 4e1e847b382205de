//! Failures on the way to AWS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use diagnostics::Code;
use lab::{Fault, Service};

use super::Way;
use super::command_line::keys;
use crate::harness::{HOST, Outcome};
use crate::lab_machine::{lab, machine};

pub const WAYS: &[Way] = &[
    // No label is empty (RFC 1035, 2.3.1): no name server is asked.
    (Code::Dns, || at("http://nowhere..invalid")),
    (Code::Connection, || at("https://127.0.0.1:1")),
    (Code::UnknownRoot, || failing_tls(Fault::WrongCertificate)),
    (Code::CertificateExpired, || failing_tls(Fault::ExpiredCertificate)),
    (Code::Certificate, || failing_tls(Fault::OtherNamesCertificate)),
    (Code::Proxy, || {
        let proxy = refusing_proxy();
        keys()
            .with("HTTPS_PROXY", &proxy)
            .with("AWS_MAX_ATTEMPTS", "1")
            .helper("get", HOST)
    }),
    (Code::PlainHttp, || {
        let address = "http://ecr.example.com";
        keys().with("AWS_ENDPOINT_URL", address).helper("get", HOST)
    }),
    (Code::Timeout, || failing(Fault::Hang)),
    (Code::Clock, || failing(Fault::Skew { seconds: 600 })),
    (Code::Throttled, || failing(Fault::Throttle)),
    (Code::ServerError, || failing(Fault::Status { status: 503 })),
    (Code::OddAnswer, || failing(Fault::Garbage)),
    (Code::RootsFile, || {
        keys().with("AWS_CA_BUNDLE", "/nowhere.pem").helper("get", HOST)
    }),
    (Code::UnusableProxy, || {
        let proxy = "socks5://127.0.0.1:1";
        keys().with("HTTPS_PROXY", proxy).helper("get", HOST)
    }),
];

/// Runs a `get` with AWS at this address.
fn at(address: &str) -> Outcome {
    keys()
        .with("AWS_ENDPOINT_URL", address)
        .with("ECR_AUTH_ALLOW_HTTP", "1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST)
}

/// Runs a `get` with this failure of ECR.
fn failing(fault: Fault) -> Outcome {
    let lab = lab();
    lab.fail(Service::Ecr, fault);
    machine(&lab)
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("ECR_AUTH_TIMEOUT", "3")
        .helper("get", HOST)
}

fn failing_tls(fault: Fault) -> Outcome {
    let lab = lab();
    lab.fail(Service::Ecr, fault);
    machine(&lab)
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST)
}

/// A proxy that refuses every connection.
fn refusing_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test's process: nothing is left to join.
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    format!("http://{address}")
}
