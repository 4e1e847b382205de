//! Profiles whose session `aws login` began: kept by the AWS CLI, used and renewed by us.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use lab::{AccessKey, Lab};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{HOST, Machine, assert_private};
use crate::lab_machine::{GET_TOKEN, lab, role, session};

const SESSION: &str = "arn:aws:iam::111122223333:user/maria";
/// A key that AWS's SDK has in its tests.
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBMB/RwQERsVoqWRQG4zK8CnaAa5dfrpbm+9tFdBh3z4oAoGCCqGSM49\nAwEHoUQDQgAEWb1VLi1EA2hJaTz4yYuxSELvY+1GAfL+8rUTCAdiFid87Bf6GY+s\n2+1RpqDv0RpZiDIMCrZrsAh+RK9S3QCaGA==\n-----END EC PRIVATE KEY-----\n";
const ENDED: &str = "2020-01-01T00:00:00Z";
const LATE: &str = "2099-01-01T00:00:00Z";

/// AWS Sign-In, which gives one answer to all and notes what it was asked.
struct SignIn {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl SignIn {
    fn start(status: u16, answer: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (noted, body) = (asked.clone(), answer.to_string());
        // Ends with the test's process: nothing is left to join.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer_one(client, status, &body, &noted);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer_one(mut client: TcpStream, status: u16, body: &str, noted: &Mutex<Vec<(String, Value)>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let mut asked = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    reader.read_exact(&mut asked).unwrap();
    noted
        .lock()
        .unwrap()
        .push((head, serde_json::from_slice(&asked).unwrap()));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    client.write_all(answer.as_bytes()).unwrap();
}

fn keys(key: &AccessKey) -> Value {
    json!({"accessKeyId": key.id, "secretAccessKey": key.secret, "sessionToken": key.session_token})
}

/// What AWS Sign-In gives for a refresh token.
fn renewed(key: &AccessKey) -> Value {
    json!({"accessToken": keys(key), "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "second"})
}

/// A machine on which somebody signed in, with these keys until then. The region's Sign-In is at this address.
fn machine(lab: &Lab, key: &AccessKey, expires_at: &str, sign_in: &str) -> (Machine, PathBuf) {
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL_ECR", &lab.http_url())
        .with("AWS_ENDPOINT_URL_SIGNIN", sign_in)
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("ECR_AUTH_CACHE", "off");
    machine.write(
        ".aws/config",
        &format!("[default]\nregion = eu-west-1\nlogin_session = {SESSION}\n"),
    );
    let name: String = Sha256::digest(SESSION)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut access_token = keys(key);
    access_token["expiresAt"] = expires_at.into();
    access_token["accountId"] = "111122223333".into();
    let kept = json!({
        "accessToken": access_token,
        "tokenType": "aws_sigv4",
        "idToken": "who",
        "refreshToken": "first",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": KEY,
    });
    let file = machine.write(&format!(".aws/login/cache/{name}.json"), &kept.to_string());
    (machine, file)
}

fn read(file: &PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn a_session_is_used_until_its_end() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let sign_in = SignIn::start(500, &json!({}));
    let (machine, file) = machine(&lab, &key, LATE, &sign_in.url);
    let before = read(&file);
    machine.helper("get", HOST).password();
    assert_eq!((sign_in.asked().len(), read(&file)), (0, before));
}

/// A CI hands on variables that it has no value for.
#[test]
fn one_that_has_ended_is_renewed_and_kept() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let sign_in = SignIn::start(200, &renewed(&key));
    let (machine, file) = machine(&lab, &key, ENDED, &sign_in.url);
    let machine =
        machine.with_all(["AWS_ENDPOINT_URL", "AWS_LOGIN_CACHE_DIRECTORY", "AWS_REGION"].map(|name| (name, "")));
    machine.helper("get", HOST).password();
    let asked = sign_in.asked();
    let [(head, body)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert!(
        head.starts_with("post /v1/token http/1.1\r\n") && head.contains("\r\ndpop: ey"),
        "{head}"
    );
    assert!(!head.contains("authorization: "), "{head}");
    let expected = json!({
        "clientId": "arn:aws:signin:::devtools/same-device", "grantType": "refresh_token", "refreshToken": "first"
    });
    assert_eq!(*body, expected);
    let kept = read(&file);
    assert_eq!(
        (&kept["refreshToken"], &kept["idToken"]),
        (&json!("second"), &json!("who"))
    );
    assert_eq!(kept["accessToken"]["accessKeyId"], key.id);
    assert_eq!(kept["accessToken"]["accountId"], "111122223333");
    assert_private(&file);
    machine.helper("get", HOST).password();
    assert_eq!(sign_in.asked().len(), 1, "what was renewed is used");
}

#[test]
fn one_that_ends_soon_serves_where_it_cannot_be_renewed() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let soon = std::process::Command::new("date")
        .args(["-u", "-d", "+2 minutes", "+%FT%TZ"])
        .output()
        .unwrap()
        .stdout;
    let soon = String::from_utf8(soon).unwrap();
    let sign_in = SignIn::start(500, &json!({}));
    let (machine, _) = machine(&lab, &key, soon.trim(), &sign_in.url);
    machine.helper("get", HOST).password();
    assert_eq!(sign_in.asked().len(), 1);
}

#[test]
fn what_sign_in_refuses_is_told_with_the_way_out() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let refused = json!({"error": "TOKEN_EXPIRED", "message": "Your session has expired"});
    for (status, answer, said) in [
        (400, refused, "AWS Sign-In (eu-west-1)"),
        (200, json!({}), "the answer holds no credentials"),
        (
            200,
            json!({"tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "r"}),
            "the answer holds no credentials",
        ),
    ] {
        let sign_in = SignIn::start(status, &answer);
        let (machine, file) = machine(&lab, &key, ENDED, &sign_in.url);
        let before = read(&file);
        let told = machine.helper("get", HOST).stderr;
        assert!(
            told.starts_with("error: profile default: ") && told.contains(said),
            "{told}"
        );
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(read(&file), before);
    }
}

#[test]
fn nobody_who_is_signed_in_is_told_so() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let (machine, file) = machine(&lab, &key, LATE, "http://127.0.0.1:1");
    let told = |machine: &Machine| machine.helper("get", HOST).stderr;
    fs::write(&file, "{}").unwrap();
    assert!(
        told(&machine).contains("can't be read: it is not a session"),
        "{}",
        told(&machine)
    );
    fs::remove_file(&file).unwrap();
    let gone = told(&machine);
    assert!(
        gone.contains("nobody is signed in") && gone.contains("hint: run: aws login"),
        "{gone}"
    );
}

/// Whoever holds the session: not who looks for it elsewhere, and nobody after signing out.
#[test]
fn what_a_session_led_to_is_kept_for_whoever_holds_it() {
    let lab = lab();
    let key = session(&lab, &role(&lab, "maria"));
    let (machine, file) = machine(&lab, &key, LATE, "http://127.0.0.1:1");
    let mut machine = machine.without("ECR_AUTH_CACHE");
    let password = machine.helper("get", HOST).password();
    let empty = machine.path("empty").display().to_string();
    machine.set("AWS_LOGIN_CACHE_DIRECTORY", &empty);
    let elsewhere = machine.helper("get", HOST);
    assert!(elsewhere.stdout.contains("nobody is signed in"), "{elsewhere:?}");
    machine.set("AWS_LOGIN_CACHE_DIRECTORY", "");
    assert_eq!(machine.helper("get", HOST).password(), password);
    assert_eq!(lab.count(GET_TOKEN), 1);
    fs::remove_file(&file).unwrap();
    let signed_out = machine.helper("get", HOST);
    assert!(signed_out.stdout.contains("nobody is signed in"), "{signed_out:?}");
}
