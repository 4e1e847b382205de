//! An empty variable counts as one that is not set, because a CI passes on variables without a value.

use context::variables::GROUPS;
use lab::{Lab, Options};
use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{key_variables, lab, role};

/// The source of the credentials.
#[derive(Debug, Clone, Copy)]
enum From {
    Keys,
    Profile,
    Process,
    Container,
    Instance,
}

fn machine(lab: &Lab, from: From) -> Machine {
    let machine = Machine::new().with("ECR_AUTH_CACHE", "off");
    let machine = match from {
        From::Keys | From::Profile | From::Process => machine.with("AWS_ENDPOINT_URL", &lab.http_url()),
        From::Container | From::Instance => machine.with("AWS_ENDPOINT_URL_ECR", &lab.http_url()),
    };
    let (id, secret) = (&lab.admin().id, &lab.admin().secret);
    match from {
        From::Keys => machine.with_all(key_variables(lab.admin())),
        From::Profile => {
            let keys = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
            machine.write(".aws/credentials", &keys);
            machine
        }
        From::Process => {
            let answer = format!(
                r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}","SessionToken":"","Expiration":""}}"#
            );
            let file = machine.write("answer", &answer);
            let process = format!("[default]\ncredential_process = cat {}\n", file.display());
            machine.write(".aws/config", &process);
            machine
        }
        From::Container => {
            let container = lab.add_container(&role(lab, "task"));
            let uri = format!("{}{}", lab.http_url(), container.path);
            machine
                .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
                .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
        }
        From::Instance => {
            lab.set_instance_role(Some(&role(lab, "instance")));
            machine
                .without("AWS_EC2_METADATA_DISABLED")
                .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        }
    }
}

/// Returns all variables that are read, including those in lower case, and the addresses of all services.
fn names() -> Vec<String> {
    let all = GROUPS.iter().flat_map(|(_, variables)| *variables);
    let mut names: Vec<String> = all.map(|variable| variable.name.to_owned()).collect();
    names.retain(|name| !name.ends_with('_'));
    let services = ["ECR", "ECR_PUBLIC", "STS", "SSO", "SSO_OIDC", "SIGNIN"];
    names.extend(services.map(|service| format!("AWS_ENDPOINT_URL_{service}")));
    names.extend(["https_proxy", "http_proxy", "all_proxy", "no_proxy"].map(str::to_owned));
    names
}

#[rstest]
fn a_get_is_the_same_where_every_other_variable_is_blank(
    #[values(From::Keys, From::Profile, From::Process, From::Container, From::Instance)] from: From,
) {
    let lab = lab();
    let machine = machine(&lab, from);
    machine.helper("get", HOST).password();
    let unset: Vec<_> = names()
        .into_iter()
        .filter(|name| machine.variable(name).is_none())
        .collect();
    assert!(unset.len() > 60, "{unset:?}");
    let machine = machine.with_all(unset.into_iter().map(|name| (name, "")));
    machine.helper("get", HOST).password();
}

/// Over TLS, so that the system's roots are used.
#[test]
fn blank_names_of_roots_leave_the_systems() {
    let lab = Lab::start(Options::default().registry(false)).unwrap();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with_all(key_variables(lab.admin()))
        .with_all(["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, "")));
    let told = machine.helper("get", HOST).stderr;
    assert!(told.contains("UnknownIssuer") && told.contains("[EA0503]"), "{told}");
}
