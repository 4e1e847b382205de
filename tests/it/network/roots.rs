//! The trusted certificates: the same ones for AWS's services and for a container's credentials.

use std::fs;

use lab::Lab;
use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{key_variables, lab, role};

/// A setting that names the lab's authority.
#[derive(Debug, Clone, Copy)]
enum Place {
    Variable,
    VariableInHome,
    SystemsFile,
    Profile,
    ProfileInHome,
}

impl Place {
    fn put(self, machine: Machine, lab: &Lab) -> Machine {
        let ca = lab.ca_file().display().to_string();
        fs::copy(lab.ca_file(), machine.home().join("corp.pem")).unwrap();
        let profile = |path: &str| machine.write(".aws/config", &format!("[default]\nca_bundle = {path}\n"));
        match self {
            Self::Variable => machine.with("AWS_CA_BUNDLE", &ca),
            Self::VariableInHome => machine.with("AWS_CA_BUNDLE", "~/corp.pem"),
            Self::SystemsFile => machine.with("SSL_CERT_FILE", &ca),
            Self::Profile => {
                profile(&ca);
                machine
            }
            Self::ProfileInHome => {
                profile("~/corp.pem");
                machine
            }
        }
    }
}

#[rstest]
fn a_service_is_trusted_by_the_roots_that_are_named(
    #[values(
        Place::Variable,
        Place::VariableInHome,
        Place::SystemsFile,
        Place::Profile,
        Place::ProfileInHome
    )]
    place: Place,
) {
    let lab = lab();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with_all(key_variables(lab.admin()));
    let stranger = machine.helper("get", HOST);
    assert!(stranger.stderr.contains("[EA0503]"), "{stranger:?}");
    // Who does what the hint says is not told the old failure.
    place.put(machine, &lab).helper("get", HOST).password();
}

/// The AWS CLI, by OpenSSL, takes these too.
#[rstest]
#[case::with_the_mark_of_an_encoding(|pem: String| format!("\u{feff}{pem}"))]
#[case::two_files_in_one_each_with_its_mark(|pem: String| format!("\u{feff}# first\r\n\u{feff}{pem}"))]
#[case::under_the_older_name(|pem: String| pem.replace(" CERTIFICATE", " X509 CERTIFICATE"))]
fn certificates_are_read_as_openssl_does(#[case] written: fn(String) -> String) {
    let lab = lab();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with_all(key_variables(lab.admin()));
    let pem = fs::read_to_string(lab.ca_file()).unwrap();
    let file = machine.write("corp.pem", &written(pem));
    let machine = machine.with("AWS_CA_BUNDLE", file.to_str().unwrap());
    machine.helper("get", HOST).password();
}

#[rstest]
#[case::openssls_own_form(
    "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
    "a TRUSTED CERTIFICATE is in it: openssl x509 -in FILE writes it as a plain one"
)]
#[case::broken(
    "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n",
    "certificate 1 in it is broken ["
)]
fn a_certificate_that_cannot_be_used_is_named(#[case] pem: &str, #[case] expected: &str) {
    let machine = Machine::new();
    let file = machine.write("corp.pem", pem);
    let machine = machine
        .with("AWS_CA_BUNDLE", file.to_str().unwrap())
        .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "example");
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stderr.contains(expected), "{outcome:?}");
}

#[rstest]
fn a_containers_credentials_come_over_https_too(
    #[values(
        Place::Variable,
        Place::VariableInHome,
        Place::SystemsFile,
        Place::Profile,
        Place::ProfileInHome
    )]
    place: Place,
) {
    let lab = lab();
    let container = lab.add_container(&role(&lab, "task"));
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}{}", lab.https_url(), container.path),
        )
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
        // No server listens there: this machine's own addresses are called without it.
        .with("HTTPS_PROXY", "http://127.0.0.1:1");
    let stranger = machine.helper("get", HOST);
    assert!(stranger.stderr.contains("[EA0503]"), "{stranger:?}");
    place.put(machine, &lab).helper("get", HOST).password();
}

/// The roots of the role's own profile count, not those of the profile in the environment.
#[test]
fn the_chosen_profile_says_whom_to_trust() {
    let lab = lab();
    let key = lab.admin();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.https_url());
    let (id, secret, ca) = (&key.id, &key.secret, lab.ca_file().display());
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    machine.write(
        ".aws/config",
        &format!("[default]\n{keys}[profile corp]\n{keys}ca_bundle = {ca}\n"),
    );
    let stranger = machine.helper("get", HOST);
    assert!(stranger.stderr.contains("[EA0503]"), "{stranger:?}");
    let machine = machine.with("AWS_PROFILE", "corp");
    machine.helper("get", HOST).password();
    let checks = machine.run(&["doctor", HOST]).stdout;
    let told = format!("certificates are checked by {ca} (ca_bundle of the profile)");
    assert!(checks.contains(&told), "{checks}");
    assert!(
        checks.contains(&format!("network: {} answers", lab.https_url())),
        "{checks}"
    );
    let elsewhere = machine
        .with("AWS_CA_BUNDLE", "/nowhere.pem")
        .with("ECR_AUTH_CACHE", "off")
        .helper("get", HOST);
    assert!(elsewhere.stderr.contains("[EA0513]"), "{elsewhere:?}");
}

#[test]
fn a_bundle_of_the_profile_that_cannot_be_read_is_named() {
    let lab = lab();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with_all(key_variables(lab.admin()));
    machine.write(".aws/config", "[default]\nca_bundle = ~/gone.pem\n");
    let told = machine.helper("get", HOST).stderr;
    let gone = machine.home().join("gone.pem");
    let named = format!("ca_bundle of the profile names, {}", gone.display());
    assert!(told.contains(&named) && told.contains("[EA0513]"), "{told}");
}
