//! `ecr-auth kubelet`, byte for byte: the kubelet's requests, and the responses.

use std::time::Duration;

use lab::{Condition, EKS_ISSUER, Lab, Operator, Options, Permissions, RoleSpec, ServiceAccount, Trust};
use serde_json::json;

use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{GET_TOKEN, lab, machine, registry_status, role};

const WITH_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";
const HALF_OF_TWELVE_HOURS: u64 = 6 * 3600;
/// The response for an image that is not ours, or that can be pulled without a password.
const NOTHING: &str = "{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\
                       \"cacheKeyType\":\"Registry\",\"cacheDuration\":\"0s\",\"auth\":{}}\n";
const NO_CREDENTIALS: &str = "none in the environment, the shared files, a web identity or a container's variables, and \
                              AWS_EC2_METADATA_DISABLED is set [EA0301]";
const BAD_REQUEST_HINT: &str = "hint: the kubelet runs this command and feeds it a CredentialProviderRequest of \
                                credentialprovider.kubelet.k8s.io/v1: set that apiVersion in its CredentialProviderConfig\n";

pub fn request(image: &str) -> String {
    format!(
        "{{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"image\":\"{image}\"}}\n"
    )
}

pub fn ask(machine: &Machine, request: &str) -> Outcome {
    machine.call(&crate::harness::binary(), &["kubelet"], request)
}

/// Checks an answer with credentials byte for byte, but for the password, which is returned, and the seconds that went by before the
/// answer was written.
#[track_caller]
fn opens(outcome: &Outcome, host: &str, half: u64) -> String {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let password = answer["auth"][host]["password"].as_str().unwrap().to_owned();
    let kept = answer["cacheDuration"].as_str().unwrap();
    let seconds = seconds(kept);
    assert!(seconds <= half && seconds + 120 > half, "{kept}");
    let golden = format!(
        "{{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\
         \"cacheKeyType\":\"Registry\",\"cacheDuration\":\"{kept}\",\
         \"auth\":{{\"{host}\":{{\"username\":\"AWS\",\"password\":\"{password}\"}}}}}}\n"
    );
    assert_eq!(outcome.stdout, golden);
    password
}

/// Parses a duration as Go's `time.ParseDuration` does.
#[track_caller]
pub fn seconds(duration: &str) -> u64 {
    let mut seconds = 0;
    for part in duration.split_inclusive(['h', 'm', 's']) {
        let (number, unit) = part.split_at(part.len() - 1);
        let unit = match unit {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            other => panic!("{other} in {duration}"),
        };
        seconds += number.parse::<u64>().unwrap() * unit;
    }
    seconds
}

fn rules(machine: &Machine, rules: &str) {
    machine.write(".config/ecr-auth/ecr-auth.yml", &format!("registries:\n{rules}"));
}

#[test]
fn the_nodes_own_credentials_open_the_images_registry() {
    let lab = lab();
    let machine = machine(&lab);
    let first = ask(&machine, &request(&format!("{HOST}/team/app")));
    let password = opens(&first, HOST, HALF_OF_TWELVE_HOURS);
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    // Another image, in another registry of the region, needs no further call.
    let other = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    let second = ask(&machine, &request(&format!("{other}/app")));
    assert_eq!(opens(&second, other, HALF_OF_TWELVE_HOURS), password);
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn the_kubelet_keeps_it_for_half_of_what_is_left() {
    let lab = Lab::start(
        Options::default()
            .registry(false)
            .token_lifetime(Duration::from_secs(5400)),
    )
    .unwrap();
    opens(&ask(&machine(&lab), &request(&format!("{HOST}/app"))), HOST, 2700);
}

#[test]
fn keys_are_as_the_image_has_them() {
    let lab = lab();
    let machine = machine(&lab);
    for host in [
        format!("{HOST}:443"),
        HOST.to_uppercase(),
        "111122223333.dkr-ecr-fips.us-east-1.on.aws".to_owned(),
    ] {
        opens(
            &ask(&machine, &request(&format!("{host}/app"))),
            &host,
            HALF_OF_TWELVE_HOURS,
        );
    }
}

#[test]
fn rules_and_aliases_hold_for_the_kubelet_too() {
    let lab = lab();
    let machine = machine(&lab);
    let role = role(&lab, "pull");
    rules(
        &machine,
        &format!("  - match: images.example.com:5000\n    registry: {HOST}\n    role-arn: {role}\n    source: chain\n"),
    );
    let alias = "images.example.com:5000";
    let answer = ask(&machine, &request(&format!("{alias}/app")));
    let password = opens(&answer, alias, HALF_OF_TWELVE_HOURS);
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(lab.session_calls()[0].role_arn, role);
    // The port is part of the name.
    ask(&machine, &request("images.example.com/app")).prints(NOTHING);
}

#[test]
fn images_from_elsewhere_get_nothing() {
    let machine = Machine::new();
    for image in [
        "docker.io/library/busybox",
        "quay.io/team/app",
        "busybox",
        "localhost:5000/app",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.example.com/app",
        "example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com/app",
    ] {
        ask(&machine, &request(image)).prints(NOTHING);
    }
}

#[test]
fn what_anybody_may_pull_is_pulled_without_credentials() {
    let public = ask(&Machine::new(), &request("public.ecr.aws/docker/library/busybox"));
    let line =
        |host: &str| format!("ecr-auth: {host}: going on without credentials: no AWS credentials: {NO_CREDENTIALS}\n");
    public.is(0, NOTHING, &line("public.ecr.aws"));
    let machine = Machine::new();
    rules(&machine, &format!("  - match: {HOST}\n    optional: true\n"));
    ask(&machine, &request(&format!("{HOST}/app"))).is(0, NOTHING, &line(HOST));
    // A configuration that cannot be read has no rule for it, but ECR Public needs no credentials.
    rules(&machine, "  - mtach: x\n");
    assert_eq!(ask(&machine, &request("public.ecr.aws/x/y")).stdout, NOTHING);
    let broken = ask(&machine, &request(&format!("{HOST}/app")));
    assert_eq!((broken.status, broken.stdout.as_str()), (2, ""));
}

#[test]
fn what_fails_says_why_and_answers_nothing() {
    let stderr = format!(
        "error: no AWS credentials: {NO_CREDENTIALS}\n\
         hint: give the node an instance role with the policy AmazonEC2ContainerRegistryPullOnly.\n    If the node has one, look at its \
         metadata service: is it on, and does its hop limit let this process through?\n    aws ec2 modify-instance-metadata-options \
         --instance-id ID --http-endpoint enabled --http-put-response-hop-limit 2\n"
    );
    ask(&Machine::new(), &request(&format!("{HOST}/app"))).is(1, "", &stderr);
    let lab = lab();
    let nobody = lab.add_user_with(lab::ACCOUNT, "nobody", Permissions::deny(["ecr:*"]));
    let denied = ask(
        &crate::lab_machine::machine_with(&lab, &nobody),
        &request(&format!("{HOST}/app")),
    );
    assert_eq!((denied.status, denied.stdout.as_str()), (1, ""));
    assert!(denied.stderr.contains("AccessDenied"), "{denied:?}");
}

/// The kubelet has no flags.
#[test]
fn a_hint_names_a_setting_as_a_rule_has_it() {
    let lab = lab();
    let machine = machine(&lab);
    rules(&machine, &format!("  - match: {HOST}\n    role-arn: nobodys\n"));
    let denied = ask(&machine, &request(&format!("{HOST}/app")));
    assert_eq!((denied.status, denied.stdout.as_str()), (1, ""), "{denied:?}");
    assert!(denied.stderr.contains("[EA0405]"), "{denied:?}");
    assert!(
        denied
            .stderr
            .contains("if it asks for one, give it with `external-id:` of a rule."),
        "{denied:?}"
    );
    assert!(!denied.stderr.contains("--external-id"), "{denied:?}");
}

#[test]
fn a_request_that_is_not_right_is_an_error() {
    let head = "\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\"";
    for (request, cause) in [
        (String::new(), "nothing is on stdin".to_owned()),
        (" \n".to_owned(), "nothing is on stdin".to_owned()),
        ("image".to_owned(), "it is not a JSON object: line 1 column 1".to_owned()),
        (format!("{{{head},\"image\":\"i\"}}{{}}"), format!("it is not a JSON object: line 1 column {}", head.len() + 15)),
        (format!("{{{head}}}"), format!("missing field `image` at line 1 column {}", head.len() + 2)),
        (
            "{\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"image\":\"i\"}".to_owned(),
            "missing field `kind` at line 1 column 65".to_owned(),
        ),
        (
            format!("{{{head},\"Image\":\"i\"}}"),
            format!("missing field `image` at line 1 column {}", head.len() + 14),
        ),
        (
            format!("{{{head},\"image\":\"i\",\"image\":\"j\"}}"),
            format!("duplicate field `image` at line 1 column {}", head.len() + 21),
        ),
        (
            format!("{{{head},\"image\":7}}"),
            format!("a field has the wrong type at line 1 column {}", head.len() + 11),
        ),
        (
            "{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"image\":\"i\"}".to_owned(),
            "kind is CredentialProviderResponse, and not CredentialProviderRequest".to_owned(),
        ),
        (
            "{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1beta1\",\"image\":\"i\"}".to_owned(),
            "apiVersion is credentialprovider.kubelet.k8s.io/v1beta1, and not credentialprovider.kubelet.k8s.io/v1".to_owned(),
        ),
        (format!("{{{head},\"image\":\"\"}}"), "\"\" is not an image name".to_owned()),
        (
            format!("{{{head},\"image\":\"https://{HOST}/app\"}}"),
            format!("\"https://{HOST}/app\" is not an image name"),
        ),
    ] {
        let stderr = format!("error: the kubelet's request: {cause} [EA0921]\n{BAD_REQUEST_HINT}");
        ask(&Machine::new(), &request).is(1, "", &stderr);
    }
}

#[test]
fn a_wrong_annotation_is_named_and_is_no_fault_of_the_command_line() {
    let lab = lab();
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(&lab, &account);
    let token = lab.service_account_token(&account).unwrap();
    let request = |role: &str| {
        let annotations = json!({"eks.amazonaws.com/ecr-role-arn": role});
        pod_request(&format!("{HOST}/app"), &token, &annotations)
    };
    let outcome = ask(&machine(&lab), &request("x y"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    let error = "error: role x y of eks.amazonaws.com/ecr-role-arn: this is not a role name [EA0007]";
    assert!(outcome.stderr.starts_with(error), "{outcome:?}");
    opens(
        &ask(&machine(&lab), &request(&format!(" {role}\n"))),
        HOST,
        HALF_OF_TWELVE_HOURS,
    );
}

/// Adds a role that pulls images for the pods of one service account.
pub fn pod_role(lab: &Lab, account: &ServiceAccount) -> String {
    lab.add_oidc_provider(lab::ACCOUNT, EKS_ISSUER, &["sts.amazonaws.com"]);
    let condition = |claim: &str, value: &str| Condition {
        operator: Operator::StringEquals,
        claim: claim.into(),
        values: vec![value.into()],
    };
    lab.add_role(RoleSpec {
        account: lab::ACCOUNT.into(),
        name: "shop-pull".into(),
        trust: vec![Trust::WebIdentity {
            provider: EKS_ISSUER.trim_start_matches("https://").into(),
            conditions: vec![
                condition("aud", "sts.amazonaws.com"),
                condition("sub", &account.subject()),
            ],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

pub fn pod_request(image: &str, token: &str, annotations: &serde_json::Value) -> String {
    json!({
        "kind": "CredentialProviderRequest",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "image": image,
        "serviceAccountToken": token,
        "serviceAccountAnnotations": annotations,
    })
    .to_string()
}

#[test]
fn a_service_accounts_token_is_its_role_and_leaves_nothing_behind() {
    let lab = lab();
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(&lab, &account);
    // The node has its own identity and a rule. Neither is used for the pod.
    let machine = machine(&lab).with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/node");
    rules(&machine, &format!("  - match: {HOST}\n    profile: node\n"));
    let before = files(&machine);
    let token = lab.service_account_token(&account).unwrap();
    let request = pod_request(
        &format!("{HOST}/app"),
        &token,
        &json!({"eks.amazonaws.com/ecr-role-arn": role}),
    );
    let first = opens(&ask(&machine, &request), HOST, HALF_OF_TWELVE_HOURS);
    assert_eq!(registry_status(&lab, HOST, &first), 200);
    let second = opens(&ask(&machine, &request), HOST, HALF_OF_TWELVE_HOURS);
    assert_ne!(first, second, "the kubelet keeps it, nobody else");
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (2, 2));
    assert_eq!(files(&machine), before);
    let session = &lab.session_calls()[0];
    assert_eq!(
        (session.role_arn.as_str(), session.session_name.as_str()),
        (role.as_str(), "kubelet-shop-web")
    );
    let asked: Vec<_> = lab
        .calls()
        .log
        .into_iter()
        .filter(|call| call.operation == GET_TOKEN)
        .collect();
    let principal = "arn:aws:sts::111122223333:assumed-role/shop-pull/kubelet-shop-web";
    assert!(
        asked.iter().all(|call| call.principal.as_deref() == Some(principal)),
        "{asked:?}"
    );
}

/// Every file below the home.
fn files(machine: &Machine) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![machine.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_pod_gets_nothing_of_the_nodes_cache_and_the_node_nothing_of_the_pods() {
    let lab = lab();
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(&lab, &account);
    let machine = machine(&lab);
    let image = format!("{HOST}/app");
    let nodes = opens(&ask(&machine, &request(&image)), HOST, HALF_OF_TWELVE_HOURS);
    let token = lab
        .service_account_token(&ServiceAccount::new("shop", "other"))
        .unwrap();
    let refused = ask(
        &machine,
        &pod_request(&image, &token, &json!({"eks.amazonaws.com/ecr-role-arn": role})),
    );
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
    assert!(
        refused.stderr.contains("sub = system:serviceaccount:shop:other"),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains("eyJ"), "{refused:?}");
    assert_eq!(
        opens(&ask(&machine, &request(&image)), HOST, HALF_OF_TWELVE_HOURS),
        nodes
    );
    assert_eq!(lab.count(GET_TOKEN), 1);
}

/// As in Amazon's own provider, the variable names the role, and without it the node's credentials are used.
#[test]
fn a_token_without_its_annotation_goes_by_the_variable_or_by_the_node() {
    let lab = lab();
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(&lab, &account);
    let machine = machine(&lab);
    let token = lab.service_account_token(&account).unwrap();
    let before = files(&machine);
    for annotations in [
        json!(null),
        json!({}),
        json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x"}),
    ] {
        let request = pod_request(&format!("{HOST}/app"), &token, &annotations);
        opens(&ask(&machine, &request), HOST, HALF_OF_TWELVE_HOURS);
        assert_eq!(lab.count(WITH_TOKEN), 0);
        ask(&machine, &pod_request("quay.io/app", &token, &annotations)).prints(NOTHING);
    }
    // Nothing is left that another pod could use.
    assert_eq!((lab.count(GET_TOKEN), files(&machine)), (3, before));
    let machine = machine.with("AWS_ECR_ROLE_ARN", &role);
    let request = pod_request(&format!("{HOST}/app"), &token, &json!({}));
    opens(&ask(&machine, &request), HOST, HALF_OF_TWELVE_HOURS);
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn a_service_accounts_token_that_is_no_jwt_is_not_the_users_variable() {
    let lab = lab();
    let role = pod_role(&lab, &ServiceAccount::new("shop", "web"));
    let annotations = json!({"eks.amazonaws.com/ecr-role-arn": role});
    let outcome = ask(
        &machine(&lab),
        &pod_request(&format!("{HOST}/app"), "no-token", &annotations),
    );
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = "[EA0207]\nhint: the service account's token is not a JWT: the kubelet has it from the API server";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

/// A configuration for Amazon's provider works if only the binary changes.
#[test]
fn a_configuration_of_amazons_provider_works_as_it_is() {
    let lab = lab();
    let machine = machine(&lab);
    let provider = machine.path("ecr-credential-provider");
    std::os::unix::fs::symlink(crate::harness::binary(), &provider).unwrap();
    let image = request(&format!("{HOST}/app"));
    for args in [&[][..], &["get-credentials"], &["-v"]] {
        let outcome = machine.call(&provider, args, &image);
        opens(
            &Outcome {
                stderr: String::new(),
                ..outcome
            },
            HOST,
            HALF_OF_TWELVE_HOURS,
        );
    }
    let outcome = machine.call(&crate::harness::binary(), &["kubelet", "get-credentials"], &image);
    opens(&outcome, HOST, HALF_OF_TWELVE_HOURS);
    assert_eq!(lab.count(GET_TOKEN), 1);
    // Like Amazon's provider, it does not know klog's flags.
    let refused = machine.call(&provider, &["--v=2"], &image);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
}

#[test]
fn a_request_may_grow() {
    let lab = lab();
    let head = "\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\"";
    let request = format!("{{{head},\"image\":\"{HOST}/app\",\"later\":{{\"a\":[1]}}}}");
    opens(&ask(&machine(&lab), &request), HOST, HALF_OF_TWELVE_HOURS);
}

#[test]
fn a_token_that_ended_is_the_clocks_fault() {
    let lab = lab();
    let account = ServiceAccount {
        lifetime: 600,
        ..ServiceAccount::new("shop", "web")
    };
    let role = pod_role(&lab, &account);
    let token = lab.service_account_token(&account).unwrap();
    lab.advance(Duration::from_secs(601));
    let ended = ask(
        &Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url()),
        &pod_request(
            &format!("{HOST}/app"),
            &token,
            &json!({"eks.amazonaws.com/ecr-role-arn": role}),
        ),
    );
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
    assert!(
        ended.stderr.contains("the service account's token ended at 20"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("look at this node's"), "{ended:?}");
}

#[test]
fn the_token_is_nowhere_to_be_read_however_much_is_told() {
    let lab = lab();
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(&lab, &account);
    let token = lab.service_account_token(&account).unwrap();
    let request = pod_request(
        &format!("{HOST}/app"),
        &token,
        &json!({"eks.amazonaws.com/ecr-role-arn": role}),
    );
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let outcome = machine.call(&crate::harness::binary(), &["kubelet", "-vvv"], &request);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let said = format!("credentials: {role} by the token of the pod's service account\n");
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    for secret in [token.as_str(), answer["auth"][HOST]["password"].as_str().unwrap()] {
        assert!(!outcome.stderr.contains(secret), "{outcome:?}");
    }
}
