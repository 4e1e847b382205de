//! Which endpoint is really asked: seen by a proxy that takes every name of AWS's to the lab, over TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use lab::Lab;
use rstest::rstest;

use crate::harness::{HOST, Machine, binary};
use crate::lab_machine::{key_variables, lab, role};

/// An HTTP proxy for CONNECT alone, which connects every name to the lab and notes it.
pub struct Proxy {
    pub address: SocketAddr,
    names: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn before(lab: &Lab) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let (noted, target) = (names.clone(), lab.https_addr());
        // Ends with the test's process: nothing is left to join.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = noted.clone();
                thread::spawn(move || tunnel(client, target, &noted));
            }
        });
        Self { address, names }
    }

    /// The names that were asked for, with their ports.
    pub fn asked(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

fn tunnel(mut client: TcpStream, target: SocketAddr, noted: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    noted.lock().unwrap().push(head.split(' ').nth(1).unwrap().to_owned());
    let server = TcpStream::connect(target).unwrap();
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .unwrap();
    let (client_copy, server_copy) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || copy(client_copy, server_copy));
    copy(server, client);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn machine(lab: &Lab, proxy: &Proxy) -> Machine {
    Machine::new()
        .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
        .with("HTTPS_PROXY", &format!("http://{}", proxy.address))
        .with_all(key_variables(lab.admin()))
}

#[rstest]
#[case(
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "api.ecr.eu-west-1.amazonaws.com:443"
)]
#[case(
    "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
    "api.ecr-fips.us-east-1.amazonaws.com:443"
)]
#[case("111122223333.dkr-ecr.eu-west-1.on.aws", "ecr.eu-west-1.api.aws:443")]
#[case("111122223333.dkr-ecr-fips.us-west-2.on.aws", "ecr-fips.us-west-2.api.aws:443")]
#[case(
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "api.ecr.cn-north-1.amazonaws.com.cn:443"
)]
#[case(
    "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
    "api.ecr.us-gov-west-1.amazonaws.com:443"
)]
#[case(
    "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    "api.ecr.eusc-de-east-1.amazonaws.eu:443"
)]
#[case("public.ecr.aws", "api.ecr-public.us-east-1.amazonaws.com:443")]
fn the_api_endpoint_is_of_the_hosts_kind(#[case] host: &str, #[case] endpoint: &str) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let outcome = machine(&lab, &proxy).with("AWS_MAX_ATTEMPTS", "1").helper("get", host);
    assert_eq!(*proxy.names.lock().unwrap(), [endpoint], "{outcome:?}");
    // The lab's administrator is of partition aws alone: elsewhere the lab refuses the key, as AWS does.
    if host.ends_with(".amazonaws.com") && !host.contains("us-gov") || host.ends_with(".aws") {
        outcome.password();
    } else {
        assert!(outcome.stdout.contains("UnrecognizedClientException"), "{outcome:?}");
    }
}

#[test]
fn no_proxy_goes_around_it() {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let outcome = machine(&lab, &proxy)
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("NO_PROXY", "127.0.0.1")
        .helper("get", "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com");
    outcome.password();
    assert!(proxy.names.lock().unwrap().is_empty());
}

#[test]
fn metadata_never_goes_through_the_proxy() {
    let lab = lab();
    let role = crate::lab_machine::role(&lab, "puller");
    lab.set_instance_role(Some(&role));
    let proxy = Proxy::before(&lab);
    Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
        .with("HTTPS_PROXY", &format!("http://{}", proxy.address))
        .with("HTTP_PROXY", &format!("http://{}", proxy.address))
        .helper("get", "111122223333.dkr.ecr.eu-west-1.amazonaws.com")
        .password();
    assert_eq!(*proxy.names.lock().unwrap(), ["api.ecr.eu-west-1.amazonaws.com:443"]);
}

/// One that the settings name, away from this machine. Nothing answers there.
#[test]
fn a_metadata_service_elsewhere_is_asked_without_the_proxy_too() {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let address = format!("http://{}", proxy.address);
    let outcome = Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://255.255.255.255")
        .with("ECR_AUTH_ALLOW_HTTP", "1")
        .with("HTTPS_PROXY", &address)
        .with("HTTP_PROXY", &address)
        .helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(proxy.asked(), [""; 0], "{outcome:?}");
}

/// A closed network often reaches the STS of its own region alone, whatever region the registry is in.
#[rstest]
#[case("us-west-2", "sts.us-west-2.amazonaws.com:443")]
#[case("cn-north-1", "sts.eu-west-1.amazonaws.com:443")]
fn a_web_identity_asks_the_current_regions_sts(#[case] region: &str, #[case] endpoint: &str) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let machine = machine(&lab, &proxy)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_REGION", region)
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci");
    let token = machine.write("token", "e30.e30.c2ln").display().to_string();
    let outcome = machine
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
        .helper("get", "111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    assert_eq!(*proxy.names.lock().unwrap(), [endpoint], "{outcome:?}");
}

/// The rule of every registry: a role that the machine's credentials assume.
fn with_role(machine: &Machine, role: &str) {
    let rule = format!("defaults:\n  role-arn: {role}\n  source: chain\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
}

const FIPS_HOST: &str = "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com";
const DUAL_HOST: &str = "111122223333.dkr-ecr.eu-west-1.on.aws";
const BOTH_HOST: &str = "111122223333.dkr-ecr-fips.us-west-2.on.aws";

#[rstest]
#[case(HOST, ["sts.eu-west-1.amazonaws.com:443", "api.ecr.eu-west-1.amazonaws.com:443"])]
#[case(FIPS_HOST, ["sts-fips.us-east-1.amazonaws.com:443", "api.ecr-fips.us-east-1.amazonaws.com:443"])]
#[case(DUAL_HOST, ["sts.eu-west-1.api.aws:443", "ecr.eu-west-1.api.aws:443"])]
#[case(BOTH_HOST, ["sts-fips.us-west-2.api.aws:443", "ecr-fips.us-west-2.api.aws:443"])]
#[case("ecr-public.aws.com", ["sts.us-east-1.api.aws:443", "ecr-public.us-east-1.api.aws:443"])]
fn sts_is_of_the_hosts_kind_too(#[case] host: &str, #[case] endpoints: [&str; 2]) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let machine = machine(&lab, &proxy);
    with_role(&machine, &role(&lab, "puller"));
    machine.helper("get", host).password();
    assert_eq!(*proxy.names.lock().unwrap(), endpoints);
}

/// The lab knows no role of these partitions, and says so.
#[rstest]
#[case(
    "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
    "aws-us-gov",
    "sts.us-gov-west-1.amazonaws.com:443"
)]
#[case(
    "111122223333.dkr-ecr-fips.us-gov-west-1.on.aws",
    "aws-us-gov",
    "sts-fips.us-gov-west-1.api.aws:443"
)]
#[case(
    "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
    "aws-cn",
    "sts.cn-north-1.api.amazonwebservices.com.cn:443"
)]
#[case(
    "111122223333.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu",
    "aws-eusc",
    "sts.eusc-de-east-1.api.amazonwebservices.eu:443"
)]
fn sts_is_of_the_hosts_partition(#[case] host: &str, #[case] partition: &str, #[case] endpoint: &str) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let machine = machine(&lab, &proxy).with("AWS_MAX_ATTEMPTS", "1");
    with_role(&machine, &format!("arn:{partition}:iam::111122223333:role/puller"));
    let outcome = machine.helper("get", host);
    assert_eq!(*proxy.names.lock().unwrap(), [endpoint], "{outcome:?}");
}

#[rstest]
#[case("us-west-2", "sts-fips.us-west-2.amazonaws.com:443")]
// STS has no FIPS endpoint there.
#[case("eu-west-1", "sts-fips.us-east-1.amazonaws.com:443")]
fn a_fips_host_is_asked_for_from_any_region(#[case] region: &str, #[case] sts: &str) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let machine = machine(&lab, &proxy).with("AWS_REGION", region);
    with_role(&machine, &role(&lab, "puller"));
    machine.helper("get", FIPS_HOST).password();
    assert_eq!(
        *proxy.names.lock().unwrap(),
        [sts, "api.ecr-fips.us-east-1.amazonaws.com:443"]
    );
}

#[test]
fn a_profiles_role_is_assumed_at_the_hosts_kind_of_sts() {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let role = role(&lab, "puller");
    let (admin, machine) = (lab.admin(), machine(&lab, &proxy));
    let machine = machine
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .with("AWS_PROFILE", "puller");
    let config = format!(
        "[profile puller]\nrole_arn = {role}\nsource_profile = admin\n[profile admin]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        admin.id, admin.secret
    );
    machine.write(".aws/config", &config);
    machine.helper("get", FIPS_HOST).password();
    machine.helper("get", DUAL_HOST).password();
    let names = proxy.names.lock().unwrap();
    let sts: Vec<_> = names.iter().filter(|name| name.starts_with("sts")).collect();
    assert_eq!(
        sts,
        ["sts-fips.us-east-1.amazonaws.com:443", "sts.eu-west-1.api.aws:443"]
    );
}

/// ECR Public has no FIPS endpoint; the STS before it has.
#[rstest]
#[case("public.ecr.aws", "AWS_USE_FIPS_ENDPOINT", ["sts-fips.us-east-1.amazonaws.com:443", "api.ecr-public.us-east-1.amazonaws.com:443"])]
#[case("public.ecr.aws", "AWS_USE_DUALSTACK_ENDPOINT", ["sts.us-east-1.api.aws:443", "ecr-public.us-east-1.api.aws:443"])]
#[case("ecr-public.aws.com", "AWS_USE_FIPS_ENDPOINT", ["sts-fips.us-east-1.api.aws:443", "ecr-public.us-east-1.api.aws:443"])]
#[case(FIPS_HOST, "AWS_USE_DUALSTACK_ENDPOINT", ["sts-fips.us-east-1.api.aws:443", "ecr-fips.us-east-1.api.aws:443"])]
fn awss_settings_add_to_the_hosts_kind(#[case] host: &str, #[case] variable: &str, #[case] endpoints: [&str; 2]) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let machine = machine(&lab, &proxy).with(variable, "true");
    with_role(&machine, &role(&lab, "puller"));
    machine.helper("get", host).password();
    assert_eq!(*proxy.names.lock().unwrap(), endpoints);
}

#[rstest]
#[case(HOST)]
#[case(FIPS_HOST)]
#[case(DUAL_HOST)]
#[case(BOTH_HOST)]
#[case("public.ecr.aws")]
#[case("ecr-public.aws.com")]
fn doctor_asks_the_servers_that_get_asks(#[case] host: &str) {
    let lab = lab();
    let role = role(&lab, "puller");
    let asked = |args: &[&str], stdin: &str| {
        let proxy = Proxy::before(&lab);
        let machine = machine(&lab, &proxy);
        with_role(&machine, &role);
        let outcome = machine.call(&binary(), args, stdin);
        let names = proxy.names.lock().unwrap();
        let apis = names.iter().filter(|name| !name.starts_with(host)).cloned();
        (apis.collect::<std::collections::BTreeSet<_>>(), outcome)
    };
    let (by_get, _) = asked(&["helper", "get"], host);
    let (by_doctor, outcome) = asked(&["doctor", host], "");
    assert_eq!(by_doctor, by_get, "{outcome:?}");
    let api = by_get
        .iter()
        .find(|name| !name.starts_with("sts"))
        .unwrap()
        .trim_end_matches(":443");
    assert!(
        outcome.stdout.contains(&format!("network: https://{api} answers")),
        "{outcome:?}"
    );
}

/// Whoever answers in STS's place says whose token it is: it is not served to those who ask STS itself.
#[rstest]
#[case("AWS_ENDPOINT_URL_STS")]
#[case("AWS_USE_DUALSTACK_ENDPOINT")]
#[case("AWS_REGION")]
fn a_token_is_served_only_on_the_way_it_came(#[case] variable: &str) {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let mut machine = machine(&lab, &proxy).with("NO_PROXY", "127.0.0.1");
    with_role(&machine, &role(&lab, "puller"));
    let get = |machine: &Machine| machine.helper("get", DUAL_HOST).password();
    let value = match variable {
        "AWS_ENDPOINT_URL_STS" => lab.https_url(),
        "AWS_REGION" => "us-west-2".to_owned(),
        // The host asks for it already: it changes nothing.
        _ => "true".to_owned(),
    };
    let plain = get(&machine);
    machine.set(variable, &value);
    let is_same = get(&machine) == plain;
    assert_eq!(is_same, variable == "AWS_USE_DUALSTACK_ENDPOINT");
    assert_eq!(get(&machine.without(variable)), plain);
}

/// Two roles one after the other, and the token: STS is asked twice over one connection, and the certificates are read once for all.
#[test]
fn a_chain_connects_once_to_each_service_and_reads_the_roots_once() {
    let lab = lab();
    let proxy = Proxy::before(&lab);
    let (first, second) = (role(&lab, "first"), role(&lab, "second"));
    let machine = machine(&lab, &proxy);
    let rule = format!("defaults:\n  role-arn: {first}\n  chain: [{second}]\n  source: chain\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    let trace = machine.path("trace").display().to_string();
    let binary = binary().display().to_string();
    let strace = ["-f", "-e", "trace=open,openat", "-o", &trace, &binary, "helper", "get"];
    machine.call(Path::new("/usr/bin/strace"), &strace, HOST).password();
    assert_eq!(
        *proxy.names.lock().unwrap(),
        ["sts.eu-west-1.amazonaws.com:443", "api.ecr.eu-west-1.amazonaws.com:443"]
    );
    let opened = std::fs::read_to_string(&trace).unwrap();
    let roots = lab.ca_file().display().to_string();
    assert_eq!(opened.matches(&format!("\"{roots}\"")).count(), 1, "{opened}");
}
