//! A CI job's OIDC token becomes a role's credentials inside the helper.

use lab::{Condition, GITHUB_ISSUER, GithubJob, Lab, Operator, Permissions, RoleSpec, Service, Trust};
use serde_json::json;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, lab, machine, registry_status};

pub const PARTNER_HOST: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
pub const SUBJECT: &str = "repo:octo/app:ref:refs/heads/main";
const WITH_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";

/// A role of an account that GitHub's jobs of this subject may assume.
pub fn github_role(lab: &Lab, account: &str, name: &str, subject: &str) -> String {
    lab.add_oidc_provider(account, GITHUB_ISSUER, &["sts.amazonaws.com"]);
    let condition = |claim: &str, value: &str| Condition {
        operator: Operator::StringEquals,
        claim: claim.into(),
        values: vec![value.into()],
    };
    lab.add_role(RoleSpec {
        account: account.into(),
        name: name.into(),
        trust: vec![Trust::WebIdentity {
            provider: GITHUB_ISSUER.trim_start_matches("https://").into(),
            conditions: vec![condition("aud", "sts.amazonaws.com"), condition("sub", subject)],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

/// A step of a GitHub job: nothing but what GitHub sets.
pub fn step(lab: &Lab, job: &GithubJob) -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_REPOSITORY", "octo/app")
        .with("GITHUB_RUN_ID", "42")
        .with("GITHUB_RUN_ATTEMPT", "1")
        .with(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            &format!("{}{}", lab.http_url(), job.path),
        )
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &job.request_token)
}

fn rules(machine: &Machine, rules: &str) {
    machine.write(".config/ecr-auth/ecr-auth.yml", &format!("registries:\n{rules}"));
}

#[test]
fn two_registries_two_roles_one_job() {
    let lab = lab();
    let ours = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let theirs = github_role(&lab, lab::PARTNER_ACCOUNT, "push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    let machine = step(&lab, &job);
    // A name alone is completed with the registry's account.
    rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: push\n  - match: {PARTNER_HOST}\n    role-arn: {theirs}\n"),
    );
    for host in [HOST, PARTNER_HOST, HOST, PARTNER_HOST] {
        let password = machine.helper("get", host).password();
        assert_eq!(registry_status(&lab, host, &password), 200);
    }
    assert_eq!(
        (lab.count("github:IdToken"), lab.count(WITH_TOKEN), lab.count(GET_TOKEN)),
        (2, 2, 2)
    );
    let sessions: Vec<_> = lab.calls().log.into_iter().filter_map(|call| call.principal).collect();
    for role in [ours, theirs] {
        let session = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/gha-octo-app-42-1";
        assert!(sessions.contains(&session), "{session} in {sessions:?}");
    }
}

#[test]
fn aws_role_arn_alone_takes_the_token_too() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    step(&lab, &job)
        .with("AWS_ROLE_ARN", &role)
        .helper("get", HOST)
        .password();
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn another_job_gets_nothing_of_the_first_ones_cache() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let first = step(&lab, &lab.add_github_job(SUBJECT).unwrap()).with("AWS_ROLE_ARN", &role);
    let cache = first.path("cache").display().to_string();
    let first = first.with("ECR_AUTH_CACHE_DIR", &cache);
    first.helper("get", HOST).password();
    let refused = lab.add_github_job("repo:octo/other:ref:refs/heads/main").unwrap();
    let second = step(&lab, &refused)
        .with("AWS_ROLE_ARN", &role)
        .with("ECR_AUTH_CACHE_DIR", &cache);
    assert_eq!(second.helper("get", HOST).status, 1);
    let without = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("GITHUB_ACTIONS", "true")
        .with("AWS_ROLE_ARN", &role)
        .with("ECR_AUTH_CACHE_DIR", &cache);
    assert_eq!(without.helper("get", HOST).status, 1);
}

#[test]
fn a_denial_shows_what_the_token_says_and_never_the_token() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", "repo:octo@1/app@2:ref:refs/heads/main");
    let job = lab.add_github_job(SUBJECT).unwrap();
    let outcome = step(&lab, &job).with("AWS_ROLE_ARN", &role).helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.contains("AssumeRoleWithWebIdentity: AccessDenied"),
        "{outcome:?}"
    );
    let provider = "token.actions.githubusercontent.com";
    for part in [
        format!("iss {GITHUB_ISSUER}, aud sts.amazonaws.com, sub {SUBJECT}"),
        format!("{provider}:sub = {SUBJECT}"),
    ] {
        assert!(outcome.stderr.contains(&part), "{part} in {outcome:?}");
    }
    assert!(
        !outcome.stderr.contains("eyJ") && !outcome.stdout.contains("eyJ"),
        "{outcome:?}"
    );
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn a_job_without_permission_is_told_what_is_missing() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("GITHUB_ACTIONS", "true")
        .with("AWS_ROLE_ARN", &role);
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains("permissions: id-token: write"), "{outcome:?}");
}

#[test]
fn a_token_in_a_variable_as_gitlab_and_jenkins_hand_it_out() {
    let lab = lab();
    let issuer = "https://gitlab.example.com";
    lab.add_issuer(issuer, lab::SigningAlgorithm::RS256).unwrap();
    lab.add_oidc_provider(lab::ACCOUNT, issuer, &["sts.amazonaws.com"]);
    let role = lab.add_role(RoleSpec {
        account: lab::ACCOUNT.into(),
        name: "push".into(),
        trust: vec![Trust::WebIdentity {
            provider: "gitlab.example.com".into(),
            conditions: Vec::new(),
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    });
    let token = |end: i64| {
        let now = lab.now();
        let claims =
            json!({"iss": issuer, "sub": "project_path:a/b", "aud": "sts.amazonaws.com", "iat": now, "exp": now + end});
        lab.sign_jwt(issuer, &claims).unwrap()
    };
    let job = |token: String| {
        Machine::new()
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with("GITLAB_CI", "true")
            .with("CI_JOB_ID", "7")
            .with("CI_PROJECT_PATH", "a/b")
            .with("AWS_ROLE_ARN", &role)
            .with("ECR_AUTH_ID_TOKEN", &token)
    };
    job(token(300)).helper("get", HOST).password();
    let ended = job(token(-10)).helper("get", HOST);
    assert!(ended.stderr.contains("the job's OIDC token ended at 20"), "{ended:?}");
}

#[test]
fn a_chain_of_roles_one_after_the_other() {
    let lab = lab();
    let first = github_role(&lab, lab::ACCOUNT, "ci", SUBJECT);
    let last = lab.add_role(RoleSpec {
        account: lab::PARTNER_ACCOUNT.into(),
        name: "pull".into(),
        trust: vec![Trust::Aws {
            principals: vec![first.clone()],
            external_id: Some("ours".into()),
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    });
    let job = lab.add_github_job(SUBJECT).unwrap();
    let rule = |more: &str| format!("  - match: {PARTNER_HOST}\n    role-arn: {first}\n    chain: ['{last}']\n{more}");
    let machine = step(&lab, &job);
    rules(&machine, &rule("    external-id: ours\n    duration: 900\n"));
    machine.helper("get", PARTNER_HOST).password();
    assert_eq!((lab.count(WITH_TOKEN), lab.count("sts:AssumeRole")), (1, 1));
    rules(&machine, &rule("    external-id: wrong\n"));
    let denied = machine.helper("get", PARTNER_HOST);
    assert!(denied.stderr.contains("external id"), "{denied:?}");
    rules(&machine, &rule("    duration: 7200\n"));
    let too_long = machine.helper("get", PARTNER_HOST);
    assert!(
        too_long.stdout.contains("too long for a role that a role assumes"),
        "{too_long:?}"
    );
    assert_eq!(
        lab.count("sts:AssumeRole"),
        2,
        "the plan is checked before the first call"
    );
}

#[test]
fn a_role_by_the_standard_chain() {
    let lab = lab();
    let role = crate::lab_machine::role(&lab, "push");
    let machine = machine(&lab);
    rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: {role}\n    source: chain\n"),
    );
    machine.helper("get", HOST).password();
    assert_eq!((lab.count("sts:AssumeRole"), lab.count(GET_TOKEN)), (1, 1));
    rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: {role}\n    source: oidc\n"),
    );
    let insisted = machine.helper("get", HOST);
    assert!(insisted.stdout.contains("no OIDC token"), "{insisted:?}");
}

#[test]
fn githubs_moment_of_weakness_is_ridden_out() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    lab.fail_next(Service::Github, 1, lab::Fault::Status { status: 503 });
    step(&lab, &job)
        .with("AWS_ROLE_ARN", &role)
        .helper("get", HOST)
        .password();
    assert_eq!(lab.count("github:IdToken"), 2);
    let ended = lab.add_github_job(SUBJECT).unwrap();
    let outcome = step(&lab, &ended)
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ended")
        .with("AWS_ROLE_ARN", &role)
        .helper("get", HOST);
    assert!(outcome.stdout.contains("HTTP status 401"), "{outcome:?}");
}
