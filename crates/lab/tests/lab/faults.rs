//! Faults, held calls, and the control endpoint.

use std::time::Duration;

use lab::{Fault, FaultRule, Lab, Service};
use serde_json::{Value, json};

use crate::tools::{Got, curl, lab};

const ENDPOINT: &str = "https://api.ecr.eu-west-1.amazonaws.com/";
const TARGET: &str = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const CALL: &str = "ecr:GetAuthorizationToken";
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes an unsigned call, which gets a 400 without a fault.
fn ask(lab: &Lab) -> Got {
    curl(lab, &["--header", TARGET, "--data", "{}", ENDPOINT])
}

#[test]
fn every_fault_has_its_effect() {
    let lab = lab();
    let error = Fault::Error {
        status: 400,
        code: "AccessDeniedException".into(),
        message: "no".into(),
    };
    let cases: [(Fault, &[i32], u16, &str); 11] = [
        (error, &[0], 400, r#""__type":"AccessDeniedException""#),
        (Fault::Throttle, &[0], 400, "ThrottlingException"),
        (Fault::Status { status: 503 }, &[0], 503, ""),
        (Fault::Garbage, &[0], 200, "hotel"),
        (Fault::Empty, &[0], 200, "{}"),
        (Fault::OddBase64, &[0], 200, "*!"),
        (Fault::NoColon, &[0], 200, "QVdTcGFzc3dvcmQ="),
        (Fault::TooLarge, &[0], 200, "content-length: 2097153"),
        // The exit statuses of curl 7.88 and curl 8.14.
        (Fault::Truncated, &[18, 56], 200, "authorizationData"),
        (Fault::Reset, &[56], 0, ""),
        (Fault::WrongCertificate, &[60], 0, ""),
    ];
    for (fault, exits, status, text) in cases {
        lab.fail_next(Service::Ecr, 1, fault.clone());
        let got = ask(&lab);
        assert!(exits.contains(&got.exit), "{fault:?}: curl ended with {}", got.exit);
        assert_eq!(got.status, status, "{fault:?}");
        assert!(
            got.text.contains(text),
            "{fault:?}: {}",
            &got.text[..got.text.len().min(500)]
        );
        let next = ask(&lab);
        assert!(
            next.text.contains("MissingAuthenticationTokenException"),
            "only one call fails: {fault:?}"
        );
    }
    lab.fail(Service::Ecr, Fault::ExpiredCertificate);
    assert_eq!((ask(&lab).exit, ask(&lab).exit), (60, 60));
    lab.clear_faults();
    assert_eq!(ask(&lab).exit, 0);
}

#[test]
fn a_fault_can_apply_to_one_operation_only() {
    let lab = lab();
    lab.add_fault(FaultRule {
        service: Service::Ecr,
        operation: Some("DescribeRepositories".into()),
        calls: None,
        fault: Fault::Status { status: 500 },
    });
    assert_eq!(ask(&lab).status, 400);
    lab.fail(Service::Sts, Fault::Status { status: 500 });
    assert_eq!(ask(&lab).status, 400);
}

#[test]
fn held_calls_wait_until_they_are_released() {
    let lab = lab();
    lab.hold(Service::Ecr);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&lab));
        let second = scope.spawn(|| ask(&lab));
        assert!(lab.wait_for_calls(CALL, 2, PATIENCE));
        assert_eq!(lab.calls().log.len(), 0, "nothing is answered yet");
        lab.fail_next(Service::Ecr, 1, Fault::Status { status: 503 });
        lab.release(Service::Ecr);
        let mut seen = [first.join().unwrap().status, second.join().unwrap().status];
        seen.sort_unstable();
        assert_eq!(seen, [400, 503], "held calls still meet other faults");
    });
    assert_eq!(ask(&lab).status, 400);
    assert!(!lab.wait_for_calls(CALL, 4, Duration::ZERO));
}

#[test]
fn slow_calls_get_the_correct_answer_and_are_timed() {
    let lab = lab();
    lab.fail_next(Service::Ecr, 1, Fault::Slow { milliseconds: 50 });
    assert_eq!(ask(&lab).status, 400);
    assert_eq!(ask(&lab).status, 400);
    let report = lab.calls();
    assert!(report.log[0].microseconds >= 50_000, "{:?}", report.log[0]);
    assert_eq!((report.connections, report.counts[CALL]), (2, 2));
}

#[test]
fn hanging_calls_end_when_the_fault_is_cleared_or_the_lab_stops() {
    for stop in [false, true] {
        let lab = lab();
        lab.fail(Service::Ecr, Fault::Hang);
        let (ca, port) = (lab.ca_pem().to_owned(), lab.https_addr().port());
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, ca).unwrap();
        let mut child = std::process::Command::new("curl")
            .args([
                "--silent",
                "--noproxy",
                "*",
                "--max-time",
                "60",
                "--header",
                TARGET,
                "--data",
                "{}",
            ])
            .args(["--connect-to", &format!("::127.0.0.1:{port}"), ENDPOINT, "--cacert"])
            .arg(&ca_file)
            .spawn()
            .unwrap();
        assert!(lab.wait_for_calls(CALL, 1, PATIENCE));
        if stop {
            drop(lab);
        } else {
            lab.clear_faults();
        }
        let exit = child.wait().unwrap().code().unwrap();
        assert!(matches!(exit, 52 | 56), "the server closed without an answer: {exit}");
    }
}

fn control(lab: &Lab, method: &str, name: &str, body: &Value) -> (u16, Value) {
    let port = lab.http_addr().port();
    let here = format!("control.example:{port}:127.0.0.1:{port}");
    let url = format!("http://control.example:{port}/_lab/{name}");
    let body = body.to_string();
    let got = curl(
        lab,
        &["--connect-to", &here, "--request", method, "--data", &body, &url],
    );
    let (_, rest) = got.text.split_once("\r\n\r\n").unwrap();
    let (body, _) = rest.rsplit_once('\n').unwrap();
    (got.status, serde_json::from_str(body).unwrap())
}

#[test]
fn the_control_endpoint_does_what_the_methods_do() {
    let lab = lab();
    let post = |name: &str, body: Value| {
        let (status, answer) = control(&lab, "POST", name, &body);
        assert_eq!(status, 200, "{name}: {answer}");
        answer
    };
    post(
        "faults",
        json!({"service": "ecr", "calls": 1, "kind": "status", "status": 503}),
    );
    assert_eq!((ask(&lab).status, ask(&lab).status), (503, 400));
    let (_, calls) = control(&lab, "GET", "calls", &json!({}));
    assert_eq!(
        (&calls["counts"][CALL], &calls["refused"][CALL]),
        (&json!(2), &json!(2))
    );
    assert_eq!(calls["log"][0]["host"], "api.ecr.eu-west-1.amazonaws.com");
    let before = lab.now();
    post("advance", json!({"seconds": 7200}));
    assert!(lab.now() - before >= 7200);
    let user = post("users", json!({"account": "111122223333", "name": "ci"}));
    let role = json!({"account": "111122223333", "name": "r", "trust": [{"kind": "aws", "principals": ["*"]}]});
    assert_eq!(post("roles", role)["arn"], "arn:aws:iam::111122223333:role/r");
    post("remove-key", json!({"id": user["id"]}));
    post("issuers", json!({"issuer": "https://i.example", "algorithm": "ES256"}));
    post(
        "oidc-providers",
        json!({"account": "111122223333", "issuer": "https://i.example", "audiences": ["a"]}),
    );
    let jwt = post("jwt", json!({"issuer": "https://i.example", "claims": {"sub": "s"}}));
    assert_eq!(jwt["token"].as_str().unwrap().split('.').count(), 3);
    let policy = json!({"account": "111122223333", "region": "eu-west-1", "repository": "*", "principal": "*", "access": "pull"});
    post("repository-policies", policy);
    post("token-lifetime", json!({"seconds": 60}));
    post("revoke-tokens", json!({}));
    post("hold", json!({"service": "sts"}));
    post("release", json!({"service": "sts"}));
    post("containers", json!({"role_arn": "arn:aws:iam::111122223333:role/r"}));
    post("instance-role", json!({"arn": "arn:aws:iam::111122223333:role/r"}));
    post(
        "permissions",
        json!({"arn": "arn:aws:iam::111122223333:role/r", "permissions": {"allow": ["ecr:*"]}}),
    );
    post("accounts", json!({"account": "777788889999", "partition": "aws-cn"}));
    post("public-aliases", json!({"alias": "a", "account": "111122223333"}));
    post(
        "host-aliases",
        json!({"host": "r.example", "registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com"}),
    );
    post("reset", json!({}));
    assert_eq!(lab.count(CALL), 0);
    assert_eq!(control(&lab, "POST", "no-such-thing", &json!({})).0, 404);
    assert_eq!(control(&lab, "POST", "advance", &json!({"minutes": 1})).0, 400);
    assert_eq!(control(&lab, "DELETE", "faults", &json!({})).0, 200);
}
