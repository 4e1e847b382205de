//! A machine beside a lab: credentials of the lab's administrator, and the lab as its AWS.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use lab::{AccessKey, Lab, Options, Permissions, RoleSpec, Trust};

use crate::harness::Machine;

/// The name of this call in the lab's counts.
pub const GET_TOKEN: &str = "ecr:GetAuthorizationToken";

/// A time limit for anything that should end. A test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a lab without docker-registry behind it. Its registries still check tokens.
pub fn lab() -> Lab {
    Lab::start(Options::default().registry(false)).unwrap()
}

/// Returns a machine whose AWS is the lab, over HTTP, with these keys.
pub fn machine_with(lab: &Lab, key: &AccessKey) -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with_all(key_variables(key))
}

/// Returns a machine whose AWS is the lab, with the administrator's keys.
pub fn machine(lab: &Lab) -> Machine {
    machine_with(lab, lab.admin())
}

/// Returns the variables with an access key.
pub fn key_variables(key: &AccessKey) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", key.id.clone()),
        ("AWS_SECRET_ACCESS_KEY", key.secret.clone()),
    ];
    variables.extend(key.session_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)));
    variables
}

/// Adds a role of the lab's account that the account's own principals may assume.
pub fn role(lab: &Lab, name: &str) -> String {
    lab.add_role(RoleSpec {
        account: lab::ACCOUNT.into(),
        name: name.into(),
        trust: vec![Trust::Aws {
            principals: vec![lab::ACCOUNT.into()],
            external_id: None,
        }],
        max_duration: 43_200,
        permissions: Permissions::default(),
    })
}

/// Returns temporary credentials of a role, from the lab's container endpoint.
pub fn session(lab: &Lab, role: &str) -> AccessKey {
    let container = lab.add_container(role);
    let authorization = format!("Authorization: {}", container.token);
    let (status, body) = http_get(lab, "127.0.0.1", &container.path, &authorization);
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    AccessKey {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        session_token: Some(text("Token")),
        expires: None,
    }
}

/// Returns the HTTP status of `/v2/` with this password.
pub fn registry_status(lab: &Lab, host: &str, password: &str) -> u16 {
    registry_call(lab, host, "GET", "/v2/", password)
}

/// Returns the HTTP status of a request to the registry with this password.
pub fn registry_call(lab: &Lab, host: &str, method: &str, path: &str, password: &str) -> u16 {
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}"));
    http_call(lab, host, method, path, &format!("Authorization: Basic {credentials}")).0
}

fn http_get(lab: &Lab, host: &str, path: &str, header: &str) -> (u16, String) {
    http_call(lab, host, "GET", path, header)
}

fn http_call(lab: &Lab, host: &str, method: &str, path: &str, header: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(lab.http_addr()).unwrap();
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Returns the library that changes the clock of one process. Debian's folder for it is named after the architecture.
fn libfaketime() -> String {
    let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let found = files.find(|file| file.exists());
    found
        .expect("scripts/install.sh test installs libfaketime")
        .display()
        .to_string()
}

/// Moves the clocks of the lab and the machine. Times that the machine wrote before do not change.
pub fn later(lab: &Lab, machine: Machine, by: Duration) -> Machine {
    lab.advance(by);
    at_the_labs_time(lab, machine)
}

pub fn at_the_labs_time(lab: &Lab, machine: Machine) -> Machine {
    let real = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let ahead = lab.now() - i64::try_from(real).unwrap();
    machine
        .with("LD_PRELOAD", &libfaketime())
        .with("FAKETIME", &format!("{ahead:+}"))
        .with("DONT_FAKE_MONOTONIC", "1")
}
