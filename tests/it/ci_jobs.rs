//! From a CI's environment alone: a role per registry, one call for each, and nothing for other jobs.

use std::process::Child;

use lab::{ACCOUNT, Ci, Fault, PARTNER_ACCOUNT, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{Job, Kind, PARTNER_HOST, WITH_TOKEN, in_job, write_rules};
use crate::lab_machine::{GET_TOKEN, lab, registry_status};

/// Processes at once; enough time for all of them on a busy machine.
const CROWD: usize = 10;
const PATIENT: &str = "300";

fn gets(machine: &Machine, hosts: &[&str]) -> Vec<String> {
    let start = |host: &&str| machine.start_helper("get", host);
    let children: Vec<Child> = (0..CROWD).flat_map(|_| hosts.iter().map(start)).collect();
    let end = |child: Child| Outcome::of(&child.wait_with_output().unwrap()).password();
    children.into_iter().map(end).collect()
}

#[rstest]
fn two_accounts_with_two_roles(
    #[values(
        Kind::Github,
        Kind::Gitlab,
        Kind::Circleci,
        Kind::CircleciAlone,
        Kind::Bitbucket,
        Kind::Buildkite,
        Kind::Jenkins,
        Kind::JenkinsFile,
        Kind::Forgejo,
        Kind::Gitea,
        Kind::Azure,
        Kind::Kubernetes,
        Kind::Variable
    )]
    kind: Kind,
) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    let ours = job.role(&lab, ACCOUNT, "push");
    let theirs = job.role(&lab, PARTNER_ACCOUNT, "pull");
    let machine = job.machine(&lab).with("ECR_AUTH_TIMEOUT", PATIENT);
    // A name alone is completed with the registry's account.
    let rules = job.rule(HOST, "push") + &job.rule(PARTNER_HOST, &theirs);
    write_rules(&machine, &rules);
    let hosts = [HOST, PARTNER_HOST];
    for (at, password) in gets(&machine, &hosts).iter().enumerate() {
        assert_eq!(registry_status(&lab, hosts[at % 2], password), 200);
    }
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (2, 2));
    assert_eq!(lab.count("sts:AssumeRole"), 0);
    let sessions = lab.session_calls();
    for role in [ours, theirs] {
        let session = sessions.iter().find(|session| session.role_arn == role).unwrap();
        assert_eq!(session.session_name, kind.session_name());
        let token = session.web_identity.as_ref().unwrap();
        assert_eq!(
            (&token.iss, &token.aud, &token.sub),
            (&job.issuer, &job.audience, &job.subject)
        );
    }
}

#[rstest]
fn two_registries_of_one_region_under_one_role_are_one_call(
    #[values(Kind::Github, Kind::Gitlab, Kind::Kubernetes)] kind: Kind,
) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    let role = job.role(&lab, ACCOUNT, "push");
    let machine = job.machine(&lab).with("ECR_AUTH_TIMEOUT", PATIENT);
    write_rules(&machine, &job.rule("*.dkr.ecr.*.amazonaws.com", &role));
    gets(&machine, &[HOST, PARTNER_HOST]);
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (1, 1));
    machine
        .helper("get", "111122223333.dkr.ecr.eu-central-1.amazonaws.com")
        .password();
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (2, 2));
}

#[rstest]
fn a_forged_token_gets_nothing_either(
    #[values(
        Kind::Gitlab,
        Kind::CircleciAlone,
        Kind::Bitbucket,
        Kind::Jenkins,
        Kind::JenkinsFile,
        Kind::Kubernetes,
        Kind::Variable
    )]
    kind: Kind,
) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    job.role(&lab, ACCOUNT, "push");
    let machine = job.machine(&lab);
    write_rules(&machine, &job.rule(HOST, "push"));
    machine.helper("get", HOST).password();
    let cache = machine.home().join(".cache/ecr-auth").display().to_string();
    let forger = job.machine_with_forged_token(&lab).with("ECR_AUTH_CACHE_DIR", &cache);
    write_rules(&forger, &job.rule(HOST, "push"));
    let refused = forger.helper("get", HOST);
    assert!(refused.stdout.contains("InvalidIdentityToken"), "{refused:?}");
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn githubs_moment_of_weakness_is_ridden_out() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    job.role(&lab, ACCOUNT, "push");
    let machine = job.machine(&lab);
    write_rules(&machine, &job.rule(HOST, "push"));
    lab.fail_next(Service::Github, 1, Fault::Status { status: 503 });
    machine.helper("get", HOST).password();
    assert_eq!(lab.count("github:IdToken"), 2);
    let outcome = machine
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of a job that has ended")
        .helper("get", HOST);
    assert!(outcome.stdout.contains("HTTP status 401"), "{outcome:?}");
    assert_eq!(lab.count("github:IdToken"), 3, "a denial is not asked for again");
}

#[rstest]
#[case("1", 1)]
#[case("2", 2)]
fn github_is_asked_as_often_as_is_said(#[case] attempts: &str, #[case] calls: u64) {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let machine = job.machine(&lab).with("AWS_MAX_ATTEMPTS", attempts);
    write_rules(&machine, &job.rule(HOST, "push"));
    lab.fail(Service::Github, Fault::Status { status: 503 });
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains("HTTP status 503"), "{outcome:?}");
    assert_eq!(lab.count("github:IdToken"), calls);
}

#[rstest]
fn what_a_job_without_a_token_lacks_is_named(
    #[values(
        Kind::Github,
        Kind::Gitlab,
        Kind::Circleci,
        Kind::Bitbucket,
        Kind::Buildkite,
        Kind::Jenkins,
        Kind::Forgejo,
        Kind::Gitea,
        Kind::Azure
    )]
    kind: Kind,
) {
    let piece = kind.missing_piece();
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    let machine = job.machine_without_token(&lab);
    for source in ["auto", "oidc"] {
        write_rules(&machine, &(job.rule(HOST, "push") + &format!("    source: {source}\n")));
        let outcome = machine.helper("get", HOST);
        assert!(outcome.stdout.contains("no OIDC token: "), "{outcome:?}");
        let (_, hint) = outcome.stderr.split_once("hint: ").unwrap();
        assert!(hint.contains(piece), "{outcome:?}");
    }
    assert!(lab.calls().counts.is_empty());
}

/// Every CI that the lab plays signs in by its token alone, and without a token gets the hint about it.
#[test]
fn every_ci_that_the_lab_plays_gives_its_jobs_a_role() {
    for ci in Ci::ALL {
        let lab = lab();
        let (job, machine) = in_job(&lab, ci);
        machine.helper("get", HOST).password();
        let session = lab.session_calls().pop().unwrap();
        assert_ne!(
            session.session_name, "ecr-auth",
            "{ci:?}: the session is named after the job"
        );
        assert_eq!(session.web_identity.unwrap().sub, job.subject, "{ci:?}");
        let secrets = job
            .environment
            .iter()
            .filter(|(_, value)| job.secrets().contains(&value.as_str()));
        let without = secrets.fold(machine, |machine, (name, _)| machine.without(name));
        let outcome = without.with("AWS_ENDPOINT_URL", &lab.http_url()).helper("get", HOST);
        assert!(outcome.stdout.contains("no OIDC token: "), "{ci:?}: {outcome:?}");
        assert!(outcome.stderr.contains("\nhint: "), "{ci:?}: {outcome:?}");
    }
}

/// The instance metadata service is asked last, and fails: here its address has no server.
#[rstest]
#[case(
    Kind::Github,
    "name the role that takes GitHub's token for this job: --role-arn of ecr-auth setup, the action's role-to-assume"
)]
#[case(
    Kind::Bitbucket,
    "name the role that takes the token in BITBUCKET_STEP_OIDC_TOKEN: --role-arn"
)]
#[case(Kind::Jenkins, "name the role that takes the token in ECR_AUTH_ID_TOKEN: --role-arn")]
fn a_job_whose_role_was_forgotten_is_told_to_name_it(#[case] kind: Kind, #[case] hint: &str) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    for disabled in ["true", "false"] {
        let outcome = job
            .machine(&lab)
            .with("AWS_EC2_METADATA_DISABLED", disabled)
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
            .helper("get", HOST);
        assert!(outcome.stdout.contains("no AWS credentials: "), "{outcome:?}");
        let (_, told) = outcome.stderr.split_once("hint: ").unwrap();
        assert!(told.starts_with(hint), "{outcome:?}");
    }
}

#[test]
fn a_token_by_command() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Kubernetes, "app");
    job.role(&lab, ACCOUNT, "push");
    job.role(&lab, PARTNER_ACCOUNT, "push");
    let command = format!("cat {}", job.token_file().display());
    let machine = job.machine(&lab);
    let outcome = machine.run(&[
        "login",
        "--format",
        "json",
        "--role-arn",
        "push",
        "--token-command",
        &command,
        HOST,
        PARTNER_HOST,
    ]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (2, 2));
    let subjects = lab
        .session_calls()
        .into_iter()
        .map(|call| call.web_identity.unwrap().sub);
    assert!(subjects.into_iter().all(|subject| subject == job.subject));
}

#[rstest]
fn another_job_gets_nothing_of_the_first_ones_cache(
    #[values(
        Kind::Github,
        Kind::Gitlab,
        Kind::Circleci,
        Kind::Bitbucket,
        Kind::Buildkite,
        Kind::Jenkins,
        Kind::JenkinsFile,
        Kind::Forgejo,
        Kind::Gitea,
        Kind::Azure,
        Kind::Kubernetes,
        Kind::Variable
    )]
    kind: Kind,
) {
    let lab = lab();
    let shared = tempfile::tempdir().unwrap();
    let cache = shared.path().display().to_string();
    let get = |job: &Job, machine: Machine, role: &str| {
        let machine = machine.with("ECR_AUTH_CACHE_DIR", &cache);
        write_rules(&machine, &job.rule(HOST, role));
        machine.helper("get", HOST)
    };
    let first = Job::start(&lab, kind, "app");
    let role = first.role(&lab, ACCOUNT, "push");
    get(&first, first.machine(&lab), &role).password();
    get(&first, first.machine(&lab), &role).password();
    assert_eq!(
        lab.count(GET_TOKEN),
        1,
        "the first job's second step is served from the cache"
    );

    let second = Job::start(&lab, kind, "other");
    let refused = get(&second, second.machine(&lab), &role);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        ["AccessDenied", "InvalidIdentityToken"]
            .iter()
            .any(|code| refused.stdout.contains(code)),
        "{refused:?}"
    );

    let without = get(&first, first.machine_without_token(&lab), &role);
    assert_eq!(without.status, 1, "{without:?}");
    assert_eq!(lab.count(GET_TOKEN), 1);
}
