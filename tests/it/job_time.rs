//! Builds that outlive their tokens: the lab's clock and the machine's move together.

use std::time::Duration;

use lab::{ACCOUNT, Lab, Service};
use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::jobs::{Job, Kind, WITH_TOKEN, write_rules};
use crate::lab_machine::{GET_TOKEN, lab, later, registry_status};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Returns a job that got a password. Everything lives an hour.
fn signed_in(lab: &Lab, kind: Kind) -> (Job, Machine) {
    lab.set_token_lifetime(HOUR);
    let job = Job::start(lab, kind, "app");
    job.role(lab, ACCOUNT, "push");
    let machine = job.machine(lab);
    write_rules(&machine, &job.rule(HOST, "push"));
    machine.helper("get", HOST).password();
    (job, machine)
}

#[rstest]
fn where_the_ci_can_mint_again_nothing_is_said(
    #[values(Kind::Github, Kind::Circleci, Kind::Buildkite, Kind::Kubernetes)] kind: Kind,
) {
    let lab = lab();
    let (job, mut machine) = signed_in(&lab, kind);
    let first = machine.helper("get", HOST).password();
    for round in 2..=3 {
        machine = later(&lab, machine, 2 * HOUR);
        assert_eq!(registry_status(&lab, HOST, &first), 403, "the first password has ended");
        if kind == Kind::Kubernetes {
            job.rotate(&lab);
        }
        let password = machine.helper("get", HOST).password();
        assert_eq!(registry_status(&lab, HOST, &password), 200);
        assert_eq!(machine.helper("get", HOST).password(), password, "it is kept");
        assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (round, round));
    }
}

#[rstest]
#[case::gitlab(Kind::Gitlab, "the job's timeout")]
#[case::bitbucket(Kind::Bitbucket, "push in a step of its own")]
#[case::jenkins(Kind::Jenkins, "the credential's lifetime")]
#[case::jenkins_file(Kind::JenkinsFile, "the credential's lifetime")]
#[case::circleci(Kind::CircleciAlone, "put the circleci program on PATH")]
#[case::not_rotated(Kind::Kubernetes, "whoever writes the file has to renew it")]
#[case::variable(Kind::Variable, "this CI issues no second one")]
fn elsewhere_it_is_said_what_ended_and_how_to_lengthen_it(#[case] kind: Kind, #[case] way_out: &str) {
    let lab = lab();
    let before = lab.now();
    let (_job, machine) = signed_in(&lab, kind);
    let started = before..=lab.now();
    let machine = later(&lab, machine, 2 * HOUR);
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("ExpiredToken"), "{outcome:?}");
    let (_, hint) = outcome.stderr.split_once("hint: ").unwrap();
    assert!(hint.contains(way_out), "{hint}");
    let (_, shown) = hint.split_once("the job's OIDC token ended at ").unwrap();
    let shown = shown.split_once(": ").unwrap().0;
    let shown = aws_smithy_types::DateTime::from_str(shown, aws_smithy_types::date_time::Format::DateTime).unwrap();
    assert!(started.contains(&(shown.secs() - 3600)), "{shown:?}");
    assert_eq!(lab.count(WITH_TOKEN), 2, "it is not asked again");
}

/// Credentials of `assume` are renewed five minutes before their end.
#[test]
fn sessions_are_renewed_in_time() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let role = job.role(&lab, ACCOUNT, "push");
    let key = |machine: &Machine| {
        let outcome = machine.run(&["assume", "--role-arn", &role]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let mut lines = outcome.stderr.lines();
        assert!(lines.all(|line| line.starts_with("::add-mask::")), "{outcome:?}");
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        answer["AccessKeyId"].as_str().unwrap().to_owned()
    };
    let machine = job.machine(&lab);
    let first = key(&machine);
    let machine = later(&lab, machine, 50 * MINUTE);
    assert_eq!(key(&machine), first);
    let machine = later(&lab, machine, 6 * MINUTE);
    let second = key(&machine);
    assert_ne!(second, first);
    let machine = later(&lab, machine, 2 * HOUR);
    assert_ne!(key(&machine), second);
    assert_eq!(lab.count(WITH_TOKEN), 3);
}

#[test]
fn github_ends_its_jobs_after_six_hours() {
    let lab = lab();
    let (_job, machine) = signed_in(&lab, Kind::Github);
    let outcome = later(&lab, machine, 7 * HOUR).helper("get", HOST);
    assert!(outcome.stdout.contains("GitHub's OIDC token: 127.0.0.1"), "{outcome:?}");
    assert!(outcome.stderr.contains("about 6 hours after its start"), "{outcome:?}");
}

/// The password is renewed after half its life. If that fails, the old one is used without a message.
#[test]
fn a_password_outlives_the_token_that_fetched_it() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Gitlab, "app");
    job.role(&lab, ACCOUNT, "push");
    let machine = job.machine(&lab);
    write_rules(&machine, &job.rule(HOST, "push"));
    let first = machine.helper("get", HOST).password();
    let machine = later(&lab, machine, 7 * HOUR);
    assert_eq!(machine.helper("get", HOST).password(), first);
    assert_eq!(lab.refused(WITH_TOKEN), 1);
    let machine = later(&lab, machine, 6 * HOUR);
    assert_eq!(machine.helper("get", HOST).status, 1);
}

#[rstest]
#[case::about_to_end(Some(59), 1)]
#[case::good_for_a_while(Some(300), 0)]
fn circlecis_token_is_asked_for_again_where_it_is_about_to_end(#[case] lifetime: Option<u32>, #[case] asked: u64) {
    let lab = lab();
    let job = Job::start_with(&lab, Kind::Circleci, "app", lifetime);
    job.role(&lab, ACCOUNT, "push");
    let machine = job.machine(&lab);
    write_rules(&machine, &job.rule(HOST, "push"));
    machine.helper("get", HOST).password();
    assert_eq!(lab.count("circleci:OidcToken"), asked);
}

#[rstest]
#[case(Kind::Github, Service::Github, "github:IdToken")]
#[case(Kind::Buildkite, Service::Buildkite, "buildkite:OidcToken")]
fn these_are_asked_at_each_use(#[case] kind: Kind, #[case] service: Service, #[case] operation: &str) {
    let lab = lab();
    let (_job, machine) = signed_in(&lab, kind);
    assert_eq!(lab.count(operation), 1);
    lab.fail(service, lab::Fault::Status { status: 403 });
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(operation), 1, "a password that is kept needs no token");
    let refused = later(&lab, machine, 2 * HOUR).helper("get", HOST);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_eq!(lab.count(operation), 2, "a denial is not asked for again");
}
