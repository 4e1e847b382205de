//! The instance metadata service and a container's credentials, also as other implementations serve them.

use lab::{ACCOUNT, Fault, FaultRule, Lab, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{lab, role};

/// Returns an EC2 instance with a role.
fn instance(lab: &Lab) -> Machine {
    lab.set_instance_role(Some(&role(lab, "puller")));
    Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        .with("ECR_AUTH_TIMEOUT", "60")
}

#[test]
fn a_line_end_belongs_to_no_answer() {
    let lab = lab();
    lab.fail(Service::Imds, Fault::LineEnd);
    lab.fail(Service::Container, Fault::LineEnd);
    instance(&lab).helper("get", HOST).password();
    of_container(&lab, &role(&lab, "task")).helper("get", HOST).password();
}

/// Returns a container whose endpoint gives out credentials of this principal.
fn of_container(lab: &Lab, principal: &str) -> Machine {
    let container = lab.add_container(principal);
    let uri = format!("{}{}", lab.http_url(), container.path);
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
}

/// A developer's own server gives out the keys of a user, which have no session token.
#[test]
fn an_empty_token_is_none() {
    let lab = lab();
    let _key = lab.add_user(ACCOUNT, "developer");
    let machine = of_container(&lab, &format!("arn:aws:iam::{ACCOUNT}:user/developer"));
    machine.helper("get", HOST).password();
}

/// A line end that came into a file or a variable is none of the token's, and would be none of a header's.
#[test]
fn a_token_with_a_line_end_is_named() {
    let lab = lab();
    let container = of_container(&lab, &role(&lab, "task"));
    let in_variable = container.with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token\r\n");
    let file = in_variable.write("token", "to\nken");
    let in_file =
        of_container(&lab, &role(&lab, "task")).with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap());
    for (machine, name) in [
        (&in_variable, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        (&in_file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ] {
        let outcome = machine.helper("get", HOST);
        let expected = format!("the container's token of {name}: a line end or another control character is in it");
        assert!(outcome.stderr.contains(&expected), "{outcome:?}");
    }
}

/// As for the AWS CLI and the Go helper.
#[rstest]
#[case("1", true)]
#[case("yes", true)]
#[case("false", true)]
#[case("true", false)]
#[case("TRUE", false)]
fn only_true_switches_the_service_off(#[case] value: &str, #[case] is_asked: bool) {
    let lab = lab();
    let outcome = instance(&lab)
        .with("AWS_EC2_METADATA_DISABLED", value)
        .helper("get", HOST);
    assert_eq!(outcome.status == 0, is_asked, "{outcome:?}");
}

#[test]
fn a_service_without_sessions_is_told() {
    let lab = lab();
    lab.add_fault(FaultRule {
        service: Service::Imds,
        operation: Some("Token".to_owned()),
        calls: None,
        fault: Fault::Status { status: 404 },
    });
    let told = instance(&lab).helper("get", HOST).stderr;
    assert!(
        told.contains("it knows no sessions of IMDSv2: HTTP status 404"),
        "{told}"
    );
}

/// Slower than one second, which is a request's default time limit.
#[test]
fn a_slow_service_gets_the_time_that_the_settings_give_it() {
    let lab = lab();
    lab.fail(Service::Imds, Fault::Slow { milliseconds: 1200 });
    let told = instance(&lab).helper("get", HOST).stderr;
    assert!(told.contains("no instance metadata service answered in time"), "{told}");
    assert!(told.contains("raise AWS_METADATA_SERVICE_TIMEOUT"), "{told}");
    instance(&lab)
        .with("AWS_METADATA_SERVICE_TIMEOUT", "20")
        .helper("get", HOST)
        .password();
    let in_profile = instance(&lab);
    in_profile.write(".aws/config", "[default]\nmetadata_service_timeout = 20\n");
    in_profile.helper("get", HOST).password();
}

#[rstest]
#[case::by_itself(&[], 3)]
#[case::as_the_aws_cli(&[("AWS_METADATA_SERVICE_TIMEOUT", "20")], 1)]
#[case::as_is_said(&[("AWS_METADATA_SERVICE_TIMEOUT", "20"), ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "4")], 4)]
#[case::blank(&[("AWS_METADATA_SERVICE_TIMEOUT", ""), ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "")], 3)]
fn a_service_that_fails_is_asked_as_often_as_is_said(#[case] settings: &[(&str, &str)], #[case] calls: u64) {
    let lab = lab();
    lab.add_fault(FaultRule {
        service: Service::Imds,
        operation: Some("Token".to_owned()),
        calls: Some(calls),
        fault: Fault::Status { status: 500 },
    });
    let machine = instance(&lab).with_all(settings.iter().copied());
    let told = machine.helper("get", HOST).stderr;
    assert!(told.contains("HTTP status 500"), "{told}");
    assert_eq!(lab.count("imds:Token"), calls);
    machine.with("ECR_AUTH_CACHE", "off").helper("get", HOST).password();
}

#[rstest]
#[case("AWS_METADATA_SERVICE_TIMEOUT", "soon")]
#[case("AWS_METADATA_SERVICE_TIMEOUT", "0")]
#[case("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "-1")]
fn a_setting_that_is_no_number_is_named(#[case] name: &str, #[case] value: &str) {
    let lab = lab();
    let told = instance(&lab).with(name, value).helper("get", HOST).stderr;
    let error = format!("error: {name}: {value} is not a whole number from 1");
    assert!(told.starts_with(&error), "{told}");
    assert_eq!(lab.count("imds:Token"), 0);
}

#[rstest]
#[case("metadata_service_timeout", "soon")]
#[case("metadata_service_num_attempts", "-1")]
#[case("max_attempts", "x")]
fn a_setting_of_the_profile_that_is_no_number_is_named(#[case] name: &str, #[case] value: &str) {
    let lab = lab();
    let machine = instance(&lab).with("AWS_PROFILE", "node");
    machine.write(".aws/config", &format!("[profile node]\n{name} = {value}\n"));
    let told = machine.helper("get", HOST).stderr;
    let error = format!("error: profile node: {name} in AWS's file: {value} is not a whole number from 1 [EA0307]");
    assert!(told.starts_with(&error), "{told}");
    assert!(
        told.contains("hint: set it to a whole number from 1, or remove the line"),
        "{told}"
    );
}

/// The service is also not called if a profile names it as its source.
#[test]
fn a_service_that_is_switched_off_is_not_asked() {
    let lab = lab();
    let machine = instance(&lab);
    machine.write(
        ".aws/config",
        &format!(
            "[default]\nrole_arn = {}\ncredential_source = Ec2InstanceMetadata\n",
            role(&lab, "other")
        ),
    );
    machine.helper("get", HOST).password();
    let asked = lab.count("imds:Token");
    let told = machine
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("ECR_AUTH_CACHE", "off")
        .helper("get", HOST)
        .stderr;
    assert!(told.contains("AWS_EC2_METADATA_DISABLED is set"), "{told}");
    assert_eq!(lab.count("imds:Token"), asked);
}

/// The profile's address of the service is part of the path, so a token that came from it is not shared with others.
#[test]
fn the_profile_may_say_where_the_service_is() {
    let lab = lab();
    let machine = instance(&lab).without("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let config = |address: &str| format!("[default]\nec2_metadata_service_endpoint = {address}\n");
    machine.write(".aws/config", &config(&lab.http_url()));
    machine.helper("get", HOST).password();
    machine.write(".aws/config", &config("http://127.0.0.1:1"));
    let told = machine.helper("get", HOST).stderr;
    assert!(told.contains("127.0.0.1:1: the connection was refused"), "{told}");
    machine.write(".aws/config", &config("http://192.0.2.1"));
    let told = machine.helper("get", HOST).stderr;
    assert!(told.contains("ECR_AUTH_ALLOW_HTTP"), "{told}");
}
