//! `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`, as EKS gives them to a pod.

use std::fs;

use lab::{ACCOUNT, Lab};

use crate::harness::{HOST, Machine};
use crate::jobs::{Job, Kind, WITH_TOKEN};
use crate::lab_machine::{GET_TOKEN, lab};

fn pod(lab: &Lab) -> (Job, Machine) {
    let job = Job::start(lab, Kind::Kubernetes, "builder");
    let role = job.role(lab, ACCOUNT, "pod");
    let file = job.token_file().display().to_string();
    let machine = job
        .machine(lab)
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &file);
    (job, machine)
}

#[test]
fn a_password_is_for_who_holds_the_token_that_fetched_it() {
    let lab = lab();
    let (job, machine) = pod(&lab);
    let first = machine.helper("get", HOST).password();
    assert_eq!(machine.helper("get", HOST).password(), first);
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (1, 1));
    let token = fs::read_to_string(job.token_file()).unwrap();
    // The same claims with an invalid signature.
    let forged = format!("{}.c2lnbmF0dXJl", token.trim().rsplit_once('.').unwrap().0);
    fs::write(job.token_file(), forged).unwrap();
    let refused = machine.helper("get", HOST);
    assert_eq!(refused.status, 1, "{refused:?}");
    job.rotate(&lab);
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 2);
    let sessions = lab.session_calls();
    let token = sessions[0].web_identity.as_ref().unwrap();
    assert_eq!((&token.iss, &token.sub), (&job.issuer, &job.subject));
}

#[test]
fn the_token_is_read_anew_at_each_use() {
    let lab = lab();
    let (job, machine) = pod(&lab);
    let machine = machine.with("ECR_AUTH_CACHE", "off");
    machine.helper("get", HOST).password();
    // What was there before is refused from now on.
    lab.add_issuer(&job.issuer, lab::SigningAlgorithm::ES256).unwrap();
    assert_eq!(machine.helper("get", HOST).status, 1);
    job.rotate(&lab);
    machine.helper("get", HOST).password();
}

#[test]
fn a_newline_at_the_end_is_no_part_of_the_token() {
    let lab = lab();
    let (job, machine) = pod(&lab);
    let token = fs::read_to_string(job.token_file()).unwrap();
    let file = machine.path("token");
    fs::write(&file, format!("{token}\r\n")).unwrap();
    machine
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &file.display().to_string())
        .helper("get", HOST)
        .password();
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let lab = lab();
    let (job, machine) = pod(&lab);
    let data = job.token_file().with_file_name("..data");
    let aside = data.with_file_name("aside");
    fs::rename(&data, &aside).unwrap();
    let outcome = machine.helper("get", HOST);
    let start = format!(
        "ecr-auth: {HOST}: cannot read the token in {}: ",
        job.token_file().display()
    );
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    assert!(
        outcome.stderr.contains("hint: check that the file is mounted"),
        "{outcome:?}"
    );
    fs::rename(&aside, &data).unwrap();
    machine.helper("get", HOST).password();
}

#[test]
fn a_denial_tells_whose_token_it_was() {
    let lab = lab();
    let (_, machine) = pod(&lab);
    let other = Job::start(&lab, Kind::Kubernetes, "other");
    let file = other.token_file().display().to_string();
    let outcome = machine.with("AWS_WEB_IDENTITY_TOKEN_FILE", &file).helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.contains("AssumeRoleWithWebIdentity: AccessDenied"),
        "{outcome:?}"
    );
    for part in [
        "    sub = system:serviceaccount:ci:other\n",
        "arn:aws:iam::111122223333:role/pod",
        "{\"Federated\": \"arn:aws:iam::111122223333:oidc-provider/oidc.eks.",
        ":sub\": \"system:serviceaccount:ci:other\"",
        ":aud\": \"sts.amazonaws.com\"",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
    }
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn the_sessions_name_is_what_the_environment_says() {
    let lab = lab();
    let (_job, machine) = pod(&lab);
    machine.helper("get", HOST).password();
    let machine = machine.with("AWS_ROLE_SESSION_NAME", "nightly build");
    machine.helper("get", HOST).password();
    let names: Vec<_> = lab.session_calls().into_iter().map(|call| call.session_name).collect();
    assert_eq!(names, ["ecr-auth", "nightly-build"]);
}

#[test]
fn jenkins_file_with_a_role_has_the_builds_name() {
    let lab = lab();
    let job = Job::start(&lab, Kind::JenkinsFile, "app");
    let role = job.role(&lab, ACCOUNT, "push");
    job.machine(&lab)
        .with("AWS_ROLE_ARN", &role)
        .helper("get", HOST)
        .password();
    assert_eq!(lab.session_calls()[0].session_name, "jenkins-octo-app-42");
}
