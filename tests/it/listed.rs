//! `list` and `store` against the lab: the registries that are listed without any configuration, and passwords that are not ours.

use rstest::rstest;
use serde_json::Value;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, lab, machine, machine_with, role, session};

const CONFIG: &str = ".config/ecr-auth/ecr-auth.yml";

fn own() -> String {
    format!("{{\"https://{HOST}\":\"AWS\"}}\n")
}

#[test]
fn the_callers_own_registry_is_listed_by_one_call_whose_token_is_kept() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    machine.helper("list", "").prints(&own());
    assert_eq!(lab.calls().log.len(), 1);
    machine.helper("get", HOST).password();
    machine.helper("list", "").prints(&own());
    assert_eq!(lab.calls().log.len(), 1);
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn the_region_may_be_the_profiles() {
    let lab = lab();
    let machine = machine(&lab);
    machine.write(".aws/config", "[default]\nregion = eu-west-1\n");
    machine.helper("list", "").prints(&own());
}

#[test]
fn a_registry_that_is_known_makes_no_call() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    machine.write(
        CONFIG,
        "registries:\n  - match: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n",
    );
    machine
        .helper("list", "")
        .prints("{\"https://444455556666.dkr.ecr.eu-west-1.amazonaws.com\":\"AWS\"}\n");
    assert_eq!(lab.calls().log.len(), 0);
}

/// GitLab Runner asks for no password of a registry that is not listed, and a name of one's own is none of ECR's hosts.
#[test]
fn the_callers_own_registry_is_listed_beside_a_name_of_ones_own() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    let alias =
        "registries:\n  - match: registry.example.com\n    registry: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n";
    machine.write(CONFIG, alias);
    let both = format!("{{\"https://{HOST}\":\"AWS\",\"https://registry.example.com\":\"AWS\"}}\n");
    machine.helper("list", "").prints(&both);
    // Who has no other registry is not told that there is none.
    let alone = Machine::new();
    alone.write(CONFIG, alias);
    alone
        .helper("list", "")
        .prints("{\"https://registry.example.com\":\"AWS\"}\n");
}

#[test]
fn the_identity_is_that_of_a_get() {
    let lab = lab();
    let arn = role(&lab, "pull");
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    machine.write(
        CONFIG,
        &format!("registries:\n  - match: '*.dkr.ecr.eu-west-1.amazonaws.com'\n    role-arn: {arn}\n"),
    );
    machine.helper("list", "").prints(&own());
    let calls = lab.calls().log.len();
    machine.helper("get", HOST).password();
    assert_eq!(lab.calls().log.len(), calls);
    assert_eq!(lab.count("sts:AssumeRole"), 1);
}

#[test]
fn however_many_ask_one_call_is_made() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    let asking: Vec<_> = (0..8).map(|_| machine.start_helper("list", "")).collect();
    for child in asking {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), own());
    }
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn without_a_cache_it_is_listed_too() {
    let lab = lab();
    let machine = machine(&lab)
        .with("AWS_REGION", "eu-west-1")
        .with("ECR_AUTH_CACHE", "off");
    machine.helper("list", "").prints(&own());
}

#[test]
fn without_credentials_nothing_is_listed_and_one_line_says_why() {
    let machine = Machine::new().with("AWS_REGION", "eu-west-1");
    let outcome = machine.helper("list", "");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "{}\n"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("ecr-auth: list: no AWS credentials: "),
        "{outcome:?}"
    );
}

#[test]
fn the_stores_list_comes_with_it() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    machine.write(
        ".docker/config.json",
        "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}}",
    );
    let bin = machine.home().join("bin").display().to_string();
    let outcome = machine.run(&["setup", "--all", "--verify", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stderr.contains(&format!("verified: {HOST} gives out tokens")),
        "{outcome:?}"
    );
    let listed: Value = serde_json::from_str(&machine.helper("list", "").stdout).unwrap();
    assert_eq!(
        listed,
        serde_json::json!({"ghcr.io": "x", format!("https://{HOST}"): "AWS"})
    );
}

fn stored(password: &str) -> String {
    format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"{password}"}}"#)
}

#[test]
fn a_password_that_we_handed_out_is_taken_in_silence() {
    let lab = lab();
    let machine = machine(&lab);
    let password = machine.helper("get", HOST).password();
    machine.helper("store", &stored(&password)).prints("");
}

#[test]
fn a_foreign_password_is_told_of_with_who_signs_in() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    let calls = lab.calls().log.len();
    let key = &lab.admin().id;
    machine.helper("store", &stored("of-somebody-else")).is(
        0,
        "",
        &format!(
            "ecr-auth: {HOST}: this password is not kept; ecr-auth signs in with the environment's access key {key}\n"
        ),
    );
    assert_eq!(lab.calls().log.len(), calls, "no network");
}

#[test]
fn a_password_that_another_identity_was_handed_here_is_ours_too() {
    let lab = lab();
    let machine = machine(&lab);
    let password = machine.helper("get", HOST).password();
    let other = session(&lab, &role(&lab, "pull"));
    let elsewhere = machine_with(&lab, &other).with("HOME", machine.variable("HOME").unwrap());
    elsewhere.helper("store", &stored(&password)).prints("");
}

/// GitLab Runner and docker's classic builder send nothing to a registry that is not listed.
#[rstest]
#[case(&["setup"])]
#[case(&["setup", "--all"])]
fn what_was_set_up_is_listed_until_logout(#[case] setup: &[&str]) {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    let bin = machine.path("bin").display().to_string();
    let args = [
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        "444455556666/us-east-1",
        "public",
    ];
    assert_eq!(machine.run(&[setup, &args].concat()).status, 0);
    machine.helper("list", "").prints(
        "{\"https://444455556666.dkr.ecr.us-east-1.amazonaws.com\":\"AWS\",\"https://public.ecr.aws\":\"AWS\"}\n",
    );
    assert_eq!(lab.calls().log.len(), 0);
    assert_eq!(machine.run(&["logout"]).status, 0);
    machine.helper("list", "").prints(&own());
}

/// A rule without settings would come before the user's own.
#[test]
fn a_store_for_all_leaves_the_rule_of_a_registry_that_is_named() {
    let lab = lab();
    let machine = machine(&lab);
    machine.write(
        CONFIG,
        "registries:\n  - match: '*.dkr.ecr.*.amazonaws.com'\n    profile: partner\n",
    );
    let bin = machine.path("bin").display().to_string();
    let setup = ["setup", "--all", "--client", "docker", "--bin-dir", &bin, HOST];
    assert_eq!(machine.run(&setup).status, 0);
    let report = machine.run(&["doctor", HOST]);
    assert!(report.stdout.contains("profile partner"), "{report:?}");
}
