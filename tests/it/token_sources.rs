//! Sources of tokens with their own options, each against the lab's issuer: Buildkite's claims, Azure's service connections, Bitbucket's audiences,
//! and the claims that STS's denials show.

use lab::{ACCOUNT, Ci, CiJob, Condition, GITHUB_ISSUER, JobSpec, Lab, Operator, Trust};
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{WITH_TOKEN, ci_machine, ci_role, role_with, start_ci, write_rules};
use crate::lab_machine::{GET_TOKEN, lab};

const AUDIENCE: &str = "sts.amazonaws.com";

fn condition(claim: &str, value: &str) -> Condition {
    Condition {
        operator: Operator::StringEquals,
        claim: claim.into(),
        values: vec![value.into()],
    }
}

/// Returns a role's trust in the tokens of an issuer under this condition.
fn trust(lab: &Lab, issuer: &str, claim: &str, value: &str) -> Trust {
    let trust = Trust::WebIdentity {
        provider: issuer.trim_start_matches("https://").into(),
        conditions: vec![condition(claim, value)],
    };
    role_with(lab, ACCOUNT, "push", vec![trust.clone()]);
    trust
}

/// Returns the job's machine, with a rule for the role `push`.
fn with_rule(lab: &Lab, job: &CiJob) -> Machine {
    // The next call would share a failure, and some tests fix its cause.
    let machine = ci_machine(lab, job).with("ECR_AUTH_CACHE", "off");
    write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
    machine
}

fn hint(outcome: &Outcome) -> &str {
    outcome.stderr.split_once("\nhint: ").unwrap().1
}

#[test]
fn buildkite_gives_the_subject_the_claims_and_the_tags_that_a_job_asks_for() {
    let lab = lab();
    let job = start_ci(&lab, Ci::Buildkite);
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &[AUDIENCE]);
    let subjects = || -> Vec<String> {
        let calls = lab.session_calls().into_iter();
        calls.filter_map(|call| Some(call.web_identity?.sub)).collect()
    };
    trust(&lab, &job.issuer, "sub", &job.subject);
    let machine = with_rule(&lab, &job).without("ECR_AUTH_CACHE");
    machine.helper("get", HOST).password();
    // Another subject is another identity, and gets nothing of the first one's.
    let mut machine = machine.with("BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM", "pipeline_id");
    let refused = machine.helper("get", HOST);
    assert!(refused.stdout.contains("AccessDenied"), "{refused:?}");
    let pipeline = subjects().pop().unwrap();
    assert_ne!(pipeline, job.subject);
    let trusted = trust(&lab, &job.issuer, "sub", &pipeline);
    machine.set("ECR_AUTH_CACHE", "off");
    machine.helper("get", HOST).password();
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (3, 2));
    // A token with tags only opens sessions that may be tagged.
    machine.set(
        "BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS",
        "organization_slug,pipeline_slug",
    );
    let refused = machine.helper("get", HOST);
    assert!(refused.stdout.contains("sts:TagSession"), "{refused:?}");
    let tagging = Trust::TagSession {
        principals: vec![job.issuer.trim_start_matches("https://").into()],
    };
    role_with(&lab, ACCOUNT, "push", vec![trusted, tagging]);
    machine.helper("get", HOST).password();
    // A token only has this claim on request.
    let refused = machine
        .with("BUILDKITE_OIDC_TOKEN_CLAIMS", "cluster_id,no_such_claim")
        .helper("get", HOST);
    assert!(
        refused
            .stdout
            .contains("buildkite-agent oidc request-token: it ended with"),
        "{refused:?}"
    );
}

#[test]
fn an_agent_that_is_too_old_for_an_option_mints_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let lab = lab();
    let job = start_ci(&lab, Ci::Buildkite);
    ci_role(&lab, &job, ACCOUNT, "push");
    let machine = with_rule(&lab, &job).with("BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM", "pipeline_id");
    let old = "#!/bin/sh\ncase \"$*\" in *--subject-claim*) exit 1 ;; esac\nexec /usr/bin/false\n";
    let agent = machine.write("bin/buildkite-agent", old);
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", agent.parent().unwrap().display());
    let outcome = machine.with("PATH", &path).helper("get", HOST);
    assert!(outcome.stdout.contains("it ended with exit status: 1"), "{outcome:?}");
}

#[test]
fn azures_token_is_made_out_for_the_service_connection_that_is_named() {
    let lab = lab();
    let job = start_ci(&lab, Ci::Azure);
    ci_role(&lab, &job, ACCOUNT, "push");
    let machine = with_rule(&lab, &job);
    machine.helper("get", HOST).password();
    let right = job.environment["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"].clone();
    // Ours comes first, and each connection is its own identity.
    let other = with_rule(&lab, &job).with("ECR_AUTH_SERVICE_CONNECTION_ID", "7c1e9d5e-0000-4000-8000-000000000000");
    let refused = other.helper("get", HOST);
    assert!(refused.stdout.contains("Azure Pipelines' OIDC token: "), "{refused:?}");
    assert!(
        refused.stdout.contains("HTTP status 404") && refused.stdout.contains("[EA0209]"),
        "{refused:?}"
    );
    assert!(hint(&refused).contains("ECR_AUTH_SERVICE_CONNECTION_ID"), "{refused:?}");
    let named = with_rule(&lab, &job)
        .without("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
        .with("ECR_AUTH_SERVICE_CONNECTION_ID", &right);
    named.helper("get", HOST).password();
    let ended = with_rule(&lab, &job).with("SYSTEM_ACCESSTOKEN", "of a job that has ended");
    assert!(ended.helper("get", HOST).stdout.contains("HTTP status 401"));
    assert_eq!(lab.count(GET_TOKEN), 2);
}

/// A server at another address is another issuer. Its tokens are not used under the right one's name.
#[rstest]
fn the_address_that_gives_tokens_is_part_of_the_key(#[values(Ci::Github, Ci::Forgejo, Ci::Gitea, Ci::Azure)] ci: Ci) {
    let lab = lab();
    let job = start_ci(&lab, ci);
    ci_role(&lab, &job, ACCOUNT, "push");
    let mut machine = with_rule(&lab, &job).without("ECR_AUTH_CACHE");
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
    let variable = match ci {
        Ci::Azure => "SYSTEM_OIDCREQUESTURI",
        _ => "ACTIONS_ID_TOKEN_REQUEST_URL",
    };
    let url = machine.variable(variable).unwrap().replace("127.0.0.1", "localhost");
    machine.set(variable, &url);
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 2);
}

#[test]
fn bitbuckets_token_may_have_several_audiences() {
    let lab = lab();
    let spec = JobSpec::new(Ci::Bitbucket).audiences(&[AUDIENCE, "https://vault.example.com"]);
    let job = lab.start_job(&spec).unwrap();
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &[AUDIENCE]);
    trust(&lab, &job.issuer, "sub", &job.subject);
    with_rule(&lab, &job).helper("get", HOST).password();
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &["https://other.example.com"]);
    let refused = with_rule(&lab, &job).helper("get", HOST);
    assert!(refused.stdout.contains("Incorrect token audience"), "{refused:?}");
    let told = hint(&refused);
    assert!(
        told.contains("doesn't list sts.amazonaws.com or https://vault.example.com as an audience"),
        "{refused:?}"
    );
    let unknown = JobSpec::new(Ci::Bitbucket)
        .audiences(&[AUDIENCE, "vault"])
        .project("new", "app");
    let job = lab.start_job(&unknown).unwrap();
    let refused = with_rule(&lab, &job).helper("get", HOST);
    assert!(
        hint(&refused).contains("--client-id-list sts.amazonaws.com vault"),
        "{refused:?}"
    );
}

#[rstest]
#[case("repository_id", "74")]
#[case("environment", "production")]
#[case("enterprise_id", "7")]
fn a_denial_shows_the_claims_that_a_policy_may_name(#[case] claim: &str, #[case] value: &str) {
    let lab = lab();
    lab.add_oidc_provider(ACCOUNT, GITHUB_ISSUER, &[AUDIENCE]);
    let spec = JobSpec::new(Ci::Github).environment("production");
    let job = lab.start_job(&spec).unwrap();
    let machine = with_rule(&lab, &job);
    trust(&lab, GITHUB_ISSUER, claim, "another");
    let refused = machine.helper("get", HOST);
    assert!(refused.stdout.contains("[EA0401]"), "{refused:?}");
    let told = hint(&refused);
    for said in [
        "repository = octo/app",
        "repository_id = 74",
        "repository_owner_id = 65",
        "ref = refs/heads/main",
        "environment = production",
        "job_workflow_ref = octo/app/.github/workflows/ci.yml@refs/heads/main",
        "actor_id = 583231",
        "enterprise_id = 7",
    ] {
        assert!(told.contains(said), "{said}: {refused:?}");
    }
    assert!(!told.contains("base_ref") && !told.contains("run_id"), "{refused:?}");
    trust(&lab, GITHUB_ISSUER, claim, value);
    machine.helper("get", HOST).password();
}

#[test]
fn a_denial_shows_no_claims_that_the_token_lacks() {
    let lab = lab();
    lab.add_oidc_provider(ACCOUNT, GITHUB_ISSUER, &[AUDIENCE]);
    let job = start_ci(&lab, Ci::Github);
    let refused = with_rule(&lab, &job).helper("get", HOST);
    assert!(!hint(&refused).contains("environment"), "{refused:?}");
}

#[rstest]
#[case::tag("repo:octo/app:ref:refs/tags/@scope/pkg@1.2.3", "[EA0401]")]
#[case::branch("repo:octo/app:ref:refs/heads/me@home", "[EA0401]")]
#[case::environment("repo:octo/app:environment:prod@eu", "[EA0401]")]
#[case::ids("repo:octo@1/app@2:ref:refs/tags/@scope/pkg@1.2.3", "[EA0404]")]
fn an_at_sign_of_a_tag_or_branch_is_not_an_id(#[case] subject: &str, #[case] code: &str) {
    let lab = lab();
    lab.add_oidc_provider(ACCOUNT, GITHUB_ISSUER, &[AUDIENCE]);
    let job = lab.start_job(&JobSpec::new(Ci::Github).subject(subject)).unwrap();
    let refused = with_rule(&lab, &job).helper("get", HOST);
    assert!(refused.stdout.contains(code), "{refused:?}");
}
