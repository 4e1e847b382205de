//! The calls that go through the proxy. A call without the proxy uses a name for which no name server is asked, because a label is empty (RFC 1035,
//! 2.3.1).

use std::process::{Command, Stdio};

use aws_access::net::proxy_of;
use context::Env;
use fastrand::Rng;
use rstest::rstest;
use serde_json::json;

use crate::endpoints::Proxy;
use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{key_variables, lab};
use crate::python::python_tool;

/// Runs a `get` whose ECR has this address, with a proxy that notes its requests.
fn get(address: &str, variables: &[(&str, &str)]) -> (Vec<String>, Outcome, String) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let proxy_url = format!("http://{}", proxy.address);
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, value.replace("PROXY", &proxy_url)));
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", address)
        .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
        .with("AWS_MAX_ATTEMPTS", "1")
        .with_all(key_variables(lab.admin()))
        .with_all(variables);
    let outcome = machine.helper("get", HOST);
    let asked = proxy.asked();
    let checks = machine.run(&["doctor", HOST]).stdout;
    let told = checks
        .lines()
        .find(|line| line.contains(" proxy: "))
        .unwrap_or_default();
    (asked, outcome, told.to_owned())
}

#[rstest]
#[case("*", "https://ecr..invalid")]
#[case("ecr.example.com *", "https://ecr..invalid")]
#[case("*..invalid", "https://ecr..invalid")]
#[case(".invalid", "https://ecr..invalid")]
#[case("*.INVALID", "https://ecr..invalid")]
#[case("invalid", "https://ecr..invalid")]
#[case("ecr..invalid:443", "https://ecr..invalid")]
#[case("a, ecr..invalid:8443 ,b", "https://ecr..invalid:8443")]
fn what_is_taken_out_goes_past_the_proxy(
    #[case] list: &str,
    #[case] address: &str,
    #[values("NO_PROXY", "no_proxy")] variable: &str,
) {
    let (asked, outcome, told) = get(address, &[("HTTPS_PROXY", "PROXY"), (variable, list)]);
    assert_eq!(asked, [""; 0], "{outcome:?}");
    assert!(outcome.stderr.contains("[EA0501]"), "{outcome:?}");
    assert!(told.contains("is asked without it"), "{told}");
}

#[rstest]
#[case("", "https://ecr.example.com", "ecr.example.com:443")]
#[case("example.org, xample.com", "https://ecr.example.com", "ecr.example.com:443")]
#[case("*.ecr.example.com", "https://ecr.example.com", "ecr.example.com:443")]
#[case("ecr.example.com:8443", "https://ecr.example.com", "ecr.example.com:443")]
#[case("192.0.2.0/25", "https://192.0.2.128:8443", "192.0.2.128:8443")]
fn all_else_goes_through_it(#[case] list: &str, #[case] address: &str, #[case] name: &str) {
    let (asked, outcome, told) = get(address, &[("HTTPS_PROXY", "PROXY"), ("NO_PROXY", list)]);
    assert_eq!(asked, [name], "{outcome:?}");
    assert!(told.contains("HTTPS_PROXY has ecr-auth go through"), "{told}");
}

/// A CI passes on variables without a value.
#[rstest]
#[case(&[("HTTPS_PROXY", ""), ("https_proxy", "PROXY")])]
#[case(&[("HTTPS_PROXY", ""), ("https_proxy", ""), ("ALL_PROXY", "PROXY")])]
#[case(&[("ALL_PROXY", ""), ("all_proxy", "PROXY"), ("NO_PROXY", "")])]
#[case(&[("HTTPS_PROXY", "PROXY"), ("NO_PROXY", ""), ("no_proxy", "example.org")])]
fn a_variable_that_is_set_to_nothing_hides_no_other(#[case] variables: &[(&str, &str)]) {
    let (asked, outcome, _) = get("https://ecr.example.com", variables);
    assert_eq!(asked, ["ecr.example.com:443"]);
    outcome.password();
}

#[test]
fn a_list_in_small_letters_counts_where_the_other_is_set_to_nothing() {
    let lists = [("HTTPS_PROXY", "PROXY"), ("NO_PROXY", ""), ("no_proxy", ".invalid")];
    let (asked, outcome, _) = get("https://ecr..invalid", &lists);
    assert_eq!(asked, [""; 0], "{outcome:?}");
}

/// Without the error, the call would take another way than somebody wanted.
#[rstest]
#[case("socks5://127.0.0.1:9", "socks5://127.0.0.1:9")]
#[case("socks5://user:s3cret@127.0.0.1:9", "socks5://127.0.0.1:9")]
#[case("http:/127.0.0.1:9", "http:/127.0.0.1:9")]
#[case(":8080", ":8080")]
#[case("ftp://p:1", "ftp://p:1")]
#[case("http://pröxy.example:1", "http://pröxy.example:1")]
fn a_proxy_that_cannot_be_used_is_an_error(
    #[case] value: &str,
    #[case] shown: &str,
    #[values("HTTPS_PROXY", "https_proxy")] variable: &str,
) {
    let (_, outcome, told) = get("https://ecr..invalid", &[(variable, value), ("ALL_PROXY", "PROXY")]);
    let cause = format!("{variable} names no http or https proxy: {shown}");
    assert!(outcome.stdout.contains(&cause), "{outcome:?}");
    assert!(outcome.stderr.contains("[EA0514]"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("hint: name it as http://HOST:PORT"),
        "{outcome:?}"
    );
    assert_eq!(told, format!("✗ proxy: {cause} [EA0514]"));
    assert!(!format!("{outcome:?}").contains("s3cret"));
    let list = ("NO_PROXY", "ecr..invalid");
    let (_, outcome, told) = get("https://ecr..invalid", &[(variable, value), list]);
    assert!(outcome.stderr.contains("[EA0501]"), "{outcome:?}");
    assert!(
        told.starts_with(&format!("✓ proxy: {variable} names {shown}, but ")),
        "{told}"
    );
}

/// AWS's own programs don't read `ALL_PROXY`, and curl's SOCKS proxies are common in it.
#[test]
fn all_proxy_is_skipped_if_it_names_another_kind() {
    let (_, outcome, told) = get("https://ecr..invalid", &[("ALL_PROXY", "socks5://127.0.0.1:9")]);
    assert!(outcome.stderr.contains("[EA0501]"), "{outcome:?}");
    assert!(told.contains("ALL_PROXY names socks5://127.0.0.1:9, but "), "{told}");
}

const BOTOCORE: &str = r"
import json, os, sys
from botocore.utils import should_bypass_proxies
for line in sys.stdin:
    case = json.loads(line)
    os.environ['no_proxy'] = case['list']
    print(json.dumps(bool(should_bypass_proxies(case['url']))))
";

/// Returns an entry and a host, which often match. The forms are those of Python's urllib: no `*.NAME`, no network, and a port only if the address
/// has one.
fn entry_and_host(rng: &mut Rng) -> (String, String) {
    let label = |rng: &mut Rng| ["a", "b", "aws", "ECR", "x-1"][rng.usize(..5)].to_owned();
    let name = |rng: &mut Rng| {
        let labels: Vec<_> = (0..rng.usize(1..4)).map(|_| label(rng)).collect();
        labels.join(".") + ".test"
    };
    let mut host = match rng.u8(..4) {
        0 => format!("192.0.2.{}", rng.u8(1..4)),
        _ => name(rng),
    };
    let mut entry = match rng.u8(..4) {
        0 => name(rng),
        1 => host.split_once('.').map_or(host.clone(), |(_, below)| below.to_owned()),
        _ => host.clone(),
    };
    let is_address = |text: &str| text.starts_with("192.") || text.starts_with("0.2.");
    if is_address(&entry) {
        entry = format!("192.0.2.{}", rng.u8(1..4));
    } else if rng.bool() {
        entry = format!(".{entry}");
    }
    if rng.u8(..4) == 0 {
        let port = if rng.bool() { 8443 } else { 8444 };
        host = format!("{host}:{port}");
        if rng.bool() {
            entry = format!("{entry}:8443");
        }
    }
    (entry, host)
}

#[test]
fn botocore_takes_the_same_hosts_out() {
    let mut rng = Rng::with_seed(7);
    let cases: Vec<(String, String)> = (0..2000)
        .map(|_| {
            let (entry, host) = entry_and_host(&mut rng);
            let (other, _) = entry_and_host(&mut rng);
            let separator = [",", ", ", " ,\t"][rng.usize(..3)];
            let list = match rng.u8(..5) {
                0 => "*".to_owned(),
                1 => String::new(),
                _ => [other, entry].join(separator),
            };
            (list, format!("https://{host}/"))
        })
        .collect();
    let mut python = Command::new(python_tool("python"))
        .args(["-c", BOTOCORE])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = python.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|(list, url)| format!("{}\n", json!({"list": list, "url": url})))
        .collect();
    std::thread::spawn(move || std::io::Write::write_all(&mut questions, lines.as_bytes()).unwrap());
    let answers = python.wait_with_output().unwrap().stdout;
    let answers: Vec<bool> = String::from_utf8(answers)
        .unwrap()
        .lines()
        .map(|line| line == "true")
        .collect();
    assert_eq!(answers.len(), cases.len());
    assert!(answers.iter().filter(|is_past| **is_past).count() > 200);
    for ((list, url), theirs) in cases.iter().zip(answers) {
        let env: Env = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", list)]
            .into_iter()
            .collect();
        assert_eq!(proxy_of(&env, url) == Ok(None), theirs, "{list:?} {url}");
    }
}
