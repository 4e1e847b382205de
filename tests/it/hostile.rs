//! Attacks by a checkout, a variable or a server, which all fail. docs/security.md names each of these.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use rstest::rstest;

use crate::harness::{HOST, Machine};

/// Returns a machine with long-lived keys, which does not retry.
fn with_keys() -> Machine {
    Machine::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .with("AWS_MAX_ATTEMPTS", "1")
}

/// A server's address, and the server, before the first connection.
fn server() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

#[track_caller]
fn nobody_came(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Answers a request with this, and returns the request's head.
fn answer(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    stream.write_all(answer.as_bytes()).unwrap();
    // A connection that is closed before the whole request is read is reset, and Windows drops the answer then.
    stream.shutdown(Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    String::from_utf8(head).unwrap()
}

#[test]
fn no_configuration_is_taken_from_the_working_directory() {
    let machine = with_keys()
        .with("DOCKER_CONFIG", "docker")
        .with("XDG_CONFIG_HOME", "config");
    let alias = format!("registries:\n  - match: evil.example.com\n    registry: {HOST}\n");
    for below in [
        "",
        ".ecr-auth/",
        "ecr-auth/",
        ".config/ecr-auth/",
        "config/ecr-auth/",
        "docker/",
        ".docker/",
    ] {
        let folder = machine.path(below);
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["ecr-auth.yml", "ecr-auth.yaml", ".ecr-auth.yml"] {
            std::fs::write(folder.join(name), &alias).unwrap();
        }
        let setup = format!("{{\"registries\":[{{\"match\":\"evil.example.com\",\"registry\":\"{HOST}\"}}]}}");
        std::fs::write(folder.join("setup.json"), setup).unwrap();
    }
    machine
        .helper("get", "evil.example.com")
        .is(1, "credentials not found in native keychain\n", "");
}

#[rstest]
#[case(301)]
#[case(302)]
#[case(307)]
#[case(308)]
fn a_redirection_is_not_followed_with_credentials(#[case] status: u16) {
    let ((asked, asked_server), (other, other_server)) = (server(), server());
    let machine = with_keys().with("AWS_ENDPOINT_URL_ECR", &format!("http://{asked}"));
    let serving = thread::spawn(move || {
        let moved = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: http://{other}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        answer(&asked_server, &moved)
    });
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.contains(&format!("HTTP status {status}")),
        "{}",
        outcome.stdout
    );
    assert!(serving.join().unwrap().contains("AWS4-HMAC-SHA256"));
    nobody_came(&other_server);
}

#[test]
fn a_redirection_of_githubs_gets_no_request_token() {
    let ((asked, asked_server), (other, other_server)) = (server(), server());
    let machine = Machine::new()
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci")
        .with("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("http://{asked}/token?a=b"))
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cret-request-token");
    let serving = thread::spawn(move || {
        let moved = format!(
            "HTTP/1.1 307 Moved\r\nLocation: http://{other}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        answer(&asked_server, &moved)
    });
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains("HTTP status 307"), "{}", outcome.stdout);
    assert!(serving.join().unwrap().contains("s3cret-request-token"));
    nobody_came(&other_server);
}

#[rstest]
#[case("AWS_ENDPOINT_URL_ECR")]
#[case("AWS_ENDPOINT_URL")]
#[case("AWS_EC2_METADATA_SERVICE_ENDPOINT")]
#[case("AWS_CONTAINER_CREDENTIALS_FULL_URI")]
#[case("ACTIONS_ID_TOKEN_REQUEST_URL")]
fn nothing_is_asked_over_plain_http_off_this_machine(#[case] variable: &str) {
    // TEST-NET-1 (RFC 5737): there is no server, and a client that tried would wait.
    let mut machine = Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with(variable, "http://192.0.2.1/x");
    if variable.starts_with("AWS_ENDPOINT") {
        machine = with_keys().with(variable, "http://192.0.2.1/x");
    }
    machine.set("ECR_AUTH_TIMEOUT", "60");
    for (name, value) in [
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "s3cret-container"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cret-request"),
    ] {
        machine.set(name, value);
    }
    if variable.starts_with("ACTIONS") {
        machine.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci");
    }
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let (says, secret) = (outcome.stdout + &outcome.stderr, "s3cret");
    assert!(says.contains("192.0.2.1") && !says.contains(secret), "{says}");
    assert!(
        says.contains("plain http") || says.contains("not refer to an allowed IP"),
        "{says}"
    );
}

/// Only the agents of ECS and EKS have known link-local addresses. Any other may belong to another machine.
#[test]
fn a_containers_credentials_come_from_no_other_link_local_address() {
    let outcome = Machine::new()
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.3/x")
        .helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("is plain http"), "{outcome:?}");
}

/// Checks that a ClientHello (RFC 8446, section 4.1.2) offers no version before TLS 1.2.
#[test]
fn tls_is_1_2_or_later() {
    let (address, listener) = server();
    let machine = with_keys().with("AWS_ENDPOINT_URL_ECR", &format!("https://{address}"));
    let hearing = thread::spawn(move || hello(listener.accept().unwrap().0));
    assert_eq!(machine.helper("get", HOST).status, 1);
    let hello = hearing.join().unwrap();
    // Handshake, ClientHello, legacy_version; then the random, the session's id, the ciphers, the compressions.
    assert_eq!((hello[0], hello[4..6].to_vec()), (1, vec![3, 3]));
    let mut at = 6 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + length(&hello[at..]);
    at += 1 + usize::from(hello[at]) + 2;
    let mut versions = Vec::new();
    while at + 4 <= hello.len() {
        let (kind, size) = (length(&hello[at..]), length(&hello[at + 2..]));
        let extension = &hello[at + 4..at + 4 + size];
        if kind == 43 {
            versions = extension[1..].chunks(2).map(<[u8]>::to_vec).collect();
        }
        at += 4 + size;
    }
    versions.sort();
    assert_eq!(versions, [[3, 3], [3, 4]]);
}

/// Returns the first handshake message of a client, without its record's header.
fn hello(mut stream: TcpStream) -> Vec<u8> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).unwrap();
    let mut message = vec![0; length(&header[3..])];
    stream.read_exact(&mut message).unwrap();
    message
}

fn length(bytes: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// ASCII blanks around a name are trimmed. Any other character makes it another name.
#[rstest]
#[case::no_break_space('\u{a0}')]
#[case::em_space('\u{2003}')]
#[case::ideographic_space('\u{3000}')]
#[case::line_separator('\u{2028}')]
#[case::next_line('\u{85}')]
#[case::vertical_tab('\u{b}')]
#[case::zero_width_space('\u{200b}')]
#[case::byte_order_mark('\u{feff}')]
fn a_name_with_other_blanks_around_it_is_nobodys(#[case] blank: char) {
    let (address, listener) = server();
    let machine = with_keys()
        .with("AWS_ENDPOINT_URL", &format!("http://{address}"))
        .with("ECR_AUTH_TIMEOUT", "2");
    for host in [
        format!("{HOST}{blank}"),
        format!("{blank}{HOST}"),
        format!("{blank}{HOST}\n"),
    ] {
        let outcome = machine.helper("get", &host);
        let none = "credentials not found in native keychain\n";
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, none), "{outcome:?}");
        let stored = serde_json::json!({ "ServerURL": host, "Username": "AWS", "Secret": "x" });
        assert_eq!(machine.helper("store", &stored.to_string()).status, 1);
        for args in [
            &["login", "--format", "password", &host][..],
            &["setup", "--bin-dir", "bin", &host],
            &["doctor", &host],
            &["login", "--format", "password", &format!("{host}/app")],
            &[
                "login",
                "--format",
                "password",
                "--region",
                &format!("eu-west-1{blank}"),
                "111122223333",
            ],
            &[
                "login",
                "--format",
                "password",
                &format!("111122223333/eu-west-1{blank}"),
            ],
        ] {
            let outcome = machine.run(args);
            assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        }
        let request = serde_json::json!({ "uri": format!("https://{host}/v2/") });
        machine
            .run_with_stdin(&["get"], &request.to_string())
            .is(0, "{\"headers\":{}}\n", "");
        let input = machine.path("input");
        std::fs::create_dir_all(&input).unwrap();
        let args = [
            &format!("INPUT_REGISTRIES={host}"),
            &format!("RUNNER_TEMP={}", input.display()),
        ];
        let binary = crate::harness::binary();
        let args = [args[0], args[1], binary.to_str().unwrap(), "action", "main"];
        assert_eq!(machine.call("/usr/bin/env".as_ref(), &args, "").status, 1);
    }
    nobody_came(&listener);
}
