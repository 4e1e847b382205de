//! The action twice in one job, for the same registry.

use lab::{Lab, PARTNER_ACCOUNT};
use rstest::rstest;
use serde_json::{Value, json};

use crate::action::job;
use crate::github_runner::{Ended, Runner, SUBJECT, github_role};
use crate::harness::HOST;
use crate::lab_machine::lab;

/// The roles of the job's rules.
fn rules(main: &Ended) -> Value {
    let text = std::fs::read_to_string(&main.env["ECR_AUTH_SETUP"]).unwrap();
    let setup: Value = serde_json::from_str(&text).unwrap();
    let rules = setup["registries"].as_array().unwrap();
    rules.iter().map(|rule| rule["role-arn"].clone()).collect()
}

/// A job with a first use that has signed in to the registry.
fn signed_in(lab: &Lab) -> (Runner, Ended, String) {
    let (mut runner, role) = job(lab);
    let first = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    assert_eq!(rules(&first), json!([role]));
    (runner, first, role)
}

/// The first use's role is all that later steps have.
#[rstest]
#[case::of_an_account_that_is_not_allowed(PARTNER_ACCOUNT, SUBJECT, "only 111122223333 is allowed")]
#[case::that_refuses(lab::ACCOUNT, "repo:octo/other:ref:refs/heads/main", "must match this token")]
fn a_second_use_that_fails_leaves_the_first_one_as_it_was(
    #[case] account: &str,
    #[case] subject: &str,
    #[case] told: &str,
) {
    let lab = lab();
    let (mut runner, first, role) = signed_in(&lab);
    let password = runner.docker_asks(HOST).password();
    let other = github_role(&lab, account, "other", subject);
    let second = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &other),
        ("allowed-account-ids", "111122223333"),
    ]);
    assert_eq!(second.outcome.status, 1, "{second:?}");
    assert!(second.annotation().contains(told), "{second:?}");
    assert_eq!(rules(&first), json!([role]));
    assert_eq!(runner.docker_asks(HOST).password(), password);
    runner.post(&second).succeeded();
    assert_eq!(runner.docker_asks(HOST).password(), password);
}

#[test]
fn the_end_of_a_second_use_puts_the_first_ones_role_back() {
    let lab = lab();
    let (mut runner, first, role) = signed_in(&lab);
    let other = github_role(&lab, lab::ACCOUNT, "other", SUBJECT);
    let second = runner
        .main(&[("registries", HOST), ("role-to-assume", &other)])
        .succeeded();
    assert_eq!(rules(&first), json!([other]));
    runner.post(&second).succeeded();
    assert_eq!(rules(&first), json!([role]));
    runner.docker_asks(HOST).password();
    runner.post(&first).succeeded();
    assert!(!std::path::Path::new(&first.env["ECR_AUTH_SETUP"]).exists());
}

#[test]
fn with_mode_none_docker_signs_in_as_before() {
    let lab = lab();
    let (mut runner, first, role) = signed_in(&lab);
    let other = github_role(&lab, lab::ACCOUNT, "other", SUBJECT);
    let second = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &other),
        ("mode", "none"),
        ("export-credentials", "profile"),
    ]);
    let second = second.succeeded();
    assert_eq!(rules(&first), json!([role]));
    runner.post(&second).succeeded();
    assert_eq!(rules(&first), json!([role]));
}
