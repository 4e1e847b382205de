//! The overview's line about credentials: whose they are, which are optional, and what hides them.

use lab::Ci;
use rstest::rstest;

use crate::first_minutes::{ALL_IS_SET_UP, KEYS, PERMISSIONS, docker, found, helper_on_path, job, told};
use crate::harness::{HOST, Machine};
use crate::lab_machine::lab;

/// This is the same check as `setup`'s warning.
#[test]
fn a_password_that_comes_before_the_helper_is_what_is_next() {
    let machine = Machine::new().with_all(KEYS).with("AWS_REGION", "eu-west-1");
    docker(&machine, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let variable = format!(r#"{{"auths": {{"{HOST}": {{"auth": "QVdTOm9sZA=="}}}}}}"#);
    let text = told(&helper_on_path(machine).with("DOCKER_AUTH_CONFIG", &variable));
    assert!(
        text.contains(
            "\nNext: docker: the password in auths of DOCKER_AUTH_CONFIG is used before docker-credential-ecr-auth"
        ),
        "{text}"
    );
    assert!(text.contains("; then see\n    ecr-auth doctor\n"), "{text}");
}

/// The role of an EC2 instance needs no token, and only a call can find it.
#[test]
fn a_job_that_is_set_up_and_may_have_an_instances_role_is_not_told_to_get_a_token() {
    let job = job(Ci::Github)
        .without("ACTIONS_ID_TOKEN_REQUEST_URL")
        .without("AWS_EC2_METADATA_DISABLED");
    docker(&job, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let text = told(&helper_on_path(job));
    assert!(!text.contains(PERMISSIONS), "{text}");
    let next = "\nNext: all is set up, if this is an EC2 instance with a role (if not, give the job `permissions: id-token: write`); \
         see that a pull would work\n    ecr-auth doctor\n";
    assert!(text.contains(next), "{text}");
}

#[rstest]
#[case("registries:\n  - match: public.ecr.aws\n")]
#[case("registries:\n  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    optional: true\n")]
fn what_is_optional_needs_no_token(#[case] rules: &str) {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    job.write(".config/ecr-auth/ecr-auth.yml", rules);
    let text = told(&job);
    assert!(!text.contains(PERMISSIONS), "{text}");
    assert!(
        found(&text, "credentials").ends_with(" [EA0301] (optional: pulls go on without)"),
        "{text}"
    );
    let host = rules.split_whitespace().nth(3).unwrap();
    docker(&job, &format!(r#"{{"credHelpers": {{"{host}": "ecr-auth"}}}}"#));
    let text = told(&helper_on_path(job));
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
}

/// Registries without a rule, which nobody asked for, have the same credentials: none.
#[rstest]
#[case::a_rule(
    "registries:\n  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    optional: true\n",
    r#"{"credsStore": "ecr-auth"}"#
)]
#[case::a_public_one("", r#"{"credHelpers": {"public.ecr.aws": "ecr-auth"}, "credsStore": "ecr-auth"}"#)]
fn what_is_optional_stays_so_where_every_registry_is_served(#[case] rules: &str, #[case] config: &str) {
    let of_ci = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    for machine in [Machine::new(), of_ci] {
        machine.write(".config/ecr-auth/ecr-auth.yml", rules);
        docker(&machine, config);
        let text = told(&helper_on_path(machine));
        assert!(
            found(&text, "credentials").ends_with(" [EA0301] (optional: pulls go on without)"),
            "{text}"
        );
        assert!(text.contains(ALL_IS_SET_UP), "{text}");
    }
}

#[test]
fn defaults_are_optional_for_every_registry() {
    let machine = Machine::new();
    let rules = "defaults: { optional: true, profile: missing }\n";
    machine.write(".config/ecr-auth/ecr-auth.yml", rules);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let text = told(&helper_on_path(machine));
    assert!(
        found(&text, "credentials").ends_with(" (optional: pulls go on without)"),
        "{text}"
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
}

/// A registry that must be served counts, even if an optional one with the same problem comes first.
#[test]
fn what_is_optional_hides_nothing_that_needs_a_token() {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    let rules = format!("registries:\n  - match: public.ecr.aws\n  - match: {HOST}\n");
    job.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let text = told(&job);
    assert!(text.contains(PERMISSIONS), "{text}");
    assert!(!text.contains("optional"), "{text}");
}

#[test]
fn the_fourth_registry_that_fails_is_in_the_way_too() {
    let machine = Machine::new().with_all(KEYS);
    let mut rules = String::from("registries:\n");
    for (account, says) in [
        ("111122223333", "source: auto"),
        ("222233334444", "role-arn: a"),
        ("333344445555", "role-arn: b"),
        ("444455556666", "profile: nowhere"),
        ("555566667777", "role-arn: c"),
    ] {
        rules += &format!("  - match: {account}.dkr.ecr.eu-west-1.amazonaws.com\n    {says}\n");
    }
    machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let text = told(&helper_on_path(machine));
    assert!(text.contains("\n  credentials  and 2 more that differ\n"), "{text}");
    let next = "\nNext: 444455556666.dkr.ecr.eu-west-1.amazonaws.com: profile nowhere: ";
    assert!(text.contains(next), "{text}");
}

#[test]
fn registries_with_credentials_of_their_own_are_told_one_by_one() {
    let machine = Machine::new().with_all(KEYS);
    let other = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n  - match: {other}\n    role-arn: pull\n    source: chain\n"),
    );
    let text = told(&machine);
    assert!(
        text.contains(&format!("{HOST}: the environment's access key AKIDEXAMPLE\n")),
        "{text}"
    );
    let role = "arn:aws:iam::444455556666:role/pull by the environment's access key AKIDEXAMPLE";
    assert!(text.contains(&format!("{other}: {role}\n")), "{text}");
    assert!(
        text.contains("Next: set up the registries of ecr-auth.yml\n    ecr-auth setup\n"),
        "{text}"
    );
}

/// Two profiles: one for a registry, and one for all others.
fn machine_with_defaults() -> Machine {
    let machine = Machine::new();
    let keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not-to-be-shown\n";
    let work = format!("[profile work]\nregion = eu-central-1\n{keys}");
    machine.write(".aws/config", &format!("{work}[profile partner]\n{keys}"));
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    profile: partner\ndefaults:\n  profile: work\n"),
    );
    machine
}

#[test]
fn credentials_are_told_with_the_registries_that_they_are_for() {
    let machine = machine_with_defaults();
    let text = told(&machine);
    let partner = format!("\n  credentials  {HOST}: profile partner\n");
    assert!(text.contains(&partner), "{text}");
    assert!(
        text.contains("\n  credentials  other registries: profile work\n"),
        "{text}"
    );
    assert_eq!(found(&text, "region"), "eu-central-1");
    // A store asks for the others too.
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    profile: partner\n"),
    );
    let only = told(&machine);
    assert_eq!(found(&only, "credentials"), "profile partner");
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let machine = machine.with("AWS_PROFILE", "work");
    let text = told(&machine);
    assert!(
        text.contains(&format!("  credentials  {HOST}: profile partner\n")),
        "{text}"
    );
    assert!(
        text.contains("  credentials  other registries: profile work\n"),
        "{text}"
    );
    let machine = machine.with("AWS_PROFILE", "partner");
    assert_eq!(found(&told(&machine), "credentials"), "profile partner");
}

/// A registry that has credentials is not in the way because others have none.
#[test]
fn registries_without_a_rule_need_no_credentials() {
    let machine = machine_with_defaults();
    let rule = format!("registries:\n  - match: {HOST}\n    profile: partner\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let machine = helper_on_path(machine);
    let text = told(&machine);
    assert!(
        text.contains("  credentials  other registries: no AWS credentials: "),
        "{text}"
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
    // A default that is named has to be there.
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("{rule}defaults:\n  profile: nowhere\n"),
    );
    let text = told(&machine);
    assert!(text.contains("\nNext: other registries: profile nowhere: "), "{text}");
}

#[test]
fn an_account_alone_is_in_the_region_of_the_default_profile() {
    let machine = machine_with_defaults();
    let bin = machine.path("bin").display().to_string();
    let setup = ["setup", "--client", "docker", "--bin-dir", &bin, "--dry-run"];
    let account = |more: &[&str]| machine.run(&[&setup[..], &["222233334444"], more].concat());
    let outcome = account(&[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let host = "222233334444.dkr.ecr.eu-central-1.amazonaws.com";
    assert!(outcome.stdout.contains(host), "{outcome:?}");
    // Another identity on the command line replaces the default one.
    for other in [["--profile", "partner"], ["--role-arn", "push"]] {
        let outcome = account(&other);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("[EA0006]"), "{outcome:?}");
    }
    let report = machine.run(&["doctor", "222233334444"]);
    assert!(report.stdout.contains(host), "{report:?}");
    let role = machine.run(&["doctor", "--role-arn", "push", "222233334444"]);
    assert_eq!(role.status, 2, "{role:?}");
}

/// Whose account it is, is asked with the credentials that registries without a rule have.
#[test]
fn the_callers_own_registry_is_that_of_the_default_profile() {
    let lab = lab();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let key = lab.admin();
    machine.write(
        ".aws/config",
        &format!(
            "[profile work]\nregion = eu-central-1\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ),
    );
    machine.write(".config/ecr-auth/ecr-auth.yml", "defaults:\n  profile: work\n");
    let host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    let bin = machine.path("bin").display().to_string();
    let setup = machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, "--dry-run"]);
    assert!(setup.stdout.contains(host), "{setup:?}");
    let login = machine.run(&["login", "--format", "json"]);
    assert!(login.stdout.contains(host), "{login:?}");
    let doctor = machine.run(&["doctor"]);
    assert!(doctor.stdout.contains(host), "{doctor:?}");
    let listed = machine.helper("list", "");
    assert_eq!(listed.stdout, format!("{{\"https://{host}\":\"AWS\"}}\n"), "{listed:?}");
}
