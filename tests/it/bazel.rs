//! `ecr-auth get`, byte for byte, as Bazel and the tools around it call it.

use std::process::Command;

use base64::Engine;
use serde_json::json;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, lab, machine};
use crate::python::python_tool;

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
            "ecr-auth: the request: it is not a JSON object with a text uri; for docker's protocol, use: ecr-auth helper get [EA0105]\n",
        );
    }
    // Anybody may pull from ECR Public.
    let public = ask(&Machine::new(), &of("public.ecr.aws"));
    assert_eq!((public.status, public.stdout.as_str()), (0, "{\"headers\":{}}\n"));
}

/// The specification's schemas (EngFlow/credential-helper-spec), with what it recommends: nothing beside `headers` and `expires`, which is a time of
/// RFC 3339.
#[test]
fn answers_are_as_the_specification_has_them() {
    let lab = lab();
    let machine = machine(&lab);
    let headers = json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"headers": headers, "expires": {"type": "string", "format": "date-time"}},
        "required": ["headers"],
        "additionalProperties": false,
    });
    let schema = machine.write("schema.json", &schema.to_string());
    let nobody = Machine::new();
    let asked = [
        (&machine, format!("https://{HOST}/v2/app/blobs/sha256:1?x=%7B#y")),
        (&machine, format!("https://{HOST}")),
        (&machine, "https://public.ecr.aws/v2/".to_owned()),
        (&machine, "https://example.com/".to_owned()),
        (&machine, format!("grpcs://{HOST}/com.example.Service/Method")),
        (&machine, "no address".to_owned()),
        (&nobody, "https://public.ecr.aws/v2/".to_owned()),
    ];
    let answers = asked.iter().enumerate().map(|(number, (asking, uri))| {
        let outcome = ask(asking, &json!({"uri": uri, "of-a-later-version": [{}]}).to_string());
        assert_eq!(
            (outcome.status, outcome.stdout.lines().count()),
            (0, 1),
            "{uri}: {outcome:?}"
        );
        machine.write(&format!("answer-{number}.json"), &outcome.stdout)
    });
    let check = Command::new(python_tool("check-jsonschema"))
        .arg("--schemafile")
        .arg(&schema)
        .args(answers)
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    // A failure is reported by the exit status, and stdout stays empty.
    for request in [
        of("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
        "{\"uri\": null}".to_owned(),
    ] {
        let outcome = ask(&nobody, &request);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{request}");
    }
}
