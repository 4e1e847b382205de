//! `ecr-auth get`, byte for byte, as Bazel and the tools around it call it.

use base64::Engine;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, lab, machine};

fn ask(machine: &Machine, request: &str) -> Outcome {
    machine.call(&binary(), &["get"], request)
}

fn of(host: &str) -> String {
    format!("{{\"uri\":\"https://{host}/v2/app/manifests/1\"}}")
}

#[test]
fn a_registry_gets_the_header_that_opens_it() {
    let lab = lab();
    let machine = machine(&lab);
    let outcome = ask(&machine, &of(HOST));
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let expires = answer["expires"].as_str().unwrap();
    let password = machine.helper("get", HOST).password();
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}"));
    let golden = format!("{{\"headers\":{{\"Authorization\":[\"Basic {encoded}\"]}},\"expires\":\"{expires}\"}}\n");
    outcome.is(0, &golden, "");
    assert!(expires.ends_with('Z') && expires.contains('T'), "{expires}");
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn any_other_address_gets_no_header() {
    let lab = lab();
    let machine = machine(&lab);
    for uri in [
        "https://docker.io/v2/".to_owned(),
        format!("http://{HOST}/v2/"),
        format!("https://{HOST}.example.com/"),
        format!("https://{HOST}@example.com/"),
        format!("https://example.com/{HOST}"),
        format!("https://{HOST}\\u00a0/"),
        String::new(),
    ] {
        let outcome = ask(&machine, &format!("{{\"uri\":\"{uri}\",\"later\":1}}\n"));
        outcome.is(0, "{\"headers\":{}}\n", "");
    }
    assert_eq!(lab.count(GET_TOKEN), 0);
}

#[test]
fn a_failure_is_one_line_on_stderr() {
    let outcome = ask(&Machine::new(), &of(HOST));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    let start = format!("ecr-auth: {HOST}: no AWS credentials: ");
    assert!(outcome.stderr.starts_with(&start), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    for request in ["", "{}", "[]", "{\"uri\":1}", "text"] {
        let outcome = ask(&Machine::new(), request);
        outcome.is(
            1,
            "",
            "ecr-auth: the request: it is no JSON object with a text uri; docker's protocol is spoken by: ecr-auth helper get [EA0105]\n",
        );
    }
    // Anybody may pull from ECR Public.
    let public = ask(&Machine::new(), &of("public.ecr.aws"));
    assert_eq!((public.status, public.stdout.as_str()), (0, "{\"headers\":{}}\n"));
}
