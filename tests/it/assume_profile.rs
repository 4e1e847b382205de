//! `assume` and profiles that it wrote, or that lead to it.

use std::fs;

use lab::Ci;
use rstest::rstest;

use crate::assume::Session;
use crate::harness::{Machine, binary, in_command_line};
use crate::jobs::WITH_TOKEN;
use crate::lab_machine::lab;

#[test]
fn a_profile_that_leads_back_to_us_ends_in_an_error() {
    let lab = lab();
    let role = "arn:aws:iam::111122223333:role/ci";
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let ours = format!("{} assume --role-arn {role}", in_command_line(&binary()));
    machine.write(
        ".aws/config",
        &format!(
            "[profile ci]\ncredential_process = {ours}\n[profile behind]\nrole_arn = {role}\nsource_profile = ci\n"
        ),
    );
    for profile in ["ci", "behind"] {
        let machine = Machine::new()
            .with("HOME", machine.home().to_str().unwrap())
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with("AWS_PROFILE", profile);
        machine.run(&["assume", "--role-arn", role]).is(
            1,
            "",
            &format!(
                "error: profile {profile}: it takes its credentials from ecr-auth assume, and would need the role again for that [EA0306]\n\
                 hint: give the job its OIDC token, or leave the profile out of AWS_PROFILE for this command\n"
            ),
        );
    }
}

/// A release's file has a longer name than the program.
#[rstest]
#[case("ecr-auth")]
#[case("ecr-auth-x86_64-unknown-linux-musl")]
fn a_profile_that_is_its_own_source_ends_in_an_error(#[case] name: &str) {
    let machine = Machine::new();
    let program = machine.path(name);
    fs::copy(binary(), &program).unwrap();
    let ours = format!("{} assume --profile ci", in_command_line(&program));
    machine.write(".aws/config", &format!("[profile ci]\ncredential_process = {ours}\n"));
    machine.call(&program, &["assume", "--profile", "ci"], "").is(
        1,
        "",
        "error: profile ci: it takes its credentials from ecr-auth assume with this same profile [EA0306]\n\
         hint: name the role in its credential_process with --role-arn, and no profile\n",
    );
}

/// A script in between hides that the call is one of ours.
#[test]
fn a_script_that_leads_back_is_not_run_without_end() {
    let machine = Machine::new();
    let runs = machine.path("runs").display().to_string();
    let script = format!(
        "#!/bin/sh\necho run >>'{runs}'\nexec {} assume --profile ci\n",
        in_command_line(&binary())
    );
    let script = machine.write("script", &script);
    let line = format!("[profile ci]\ncredential_process = sh {}\n", in_command_line(&script));
    machine.write(".aws/config", &line);
    let outcome = machine.run(&["assume", "--profile", "ci"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("its credential_process failed: "),
        "{outcome:?}"
    );
    assert_eq!(fs::read_to_string(&runs).unwrap().lines().count(), 8);
}

#[test]
fn what_narrows_a_role_is_never_left_out_without_a_word() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let user = lab.admin();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write(
        ".aws/config",
        &format!(
            "[profile user]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            user.id, user.secret
        ),
    );
    let token = machine.write("token", &job.environment["ECR_AUTH_ID_TOKEN"]);
    let pod = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    for only_a_roles in [
        ["--chain", &role],
        ["--policy", "{}"],
        ["--policy-arn", "arn:aws:iam::aws:policy/P"],
    ] {
        let of_profile = machine.run(&[&["assume", "--profile", "user"], &only_a_roles[..]].concat());
        let of_pod = pod.run(&[&["assume"], &only_a_roles[..]].concat());
        for refused in [of_profile, of_pod] {
            assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
            assert!(refused.stderr.contains("it needs a role"), "{refused:?}");
        }
    }
    assert!(lab.calls().log.is_empty());
}

#[test]
fn a_profile_written_in_a_pod_takes_the_pods_token() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let machine = Machine::new();
    let file = machine.write("token", &job.environment["ECR_AUTH_ID_TOKEN"]);
    let file = file.display().to_string();
    let machine = machine
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &file);
    let written = machine.run(&["assume", "--format", "profile", "--profile", "ci"]);
    assert_eq!(written.status, 0, "{written:?}");
    let config = machine.read(".aws/config");
    assert!(
        config.ends_with(&format!("assume --role-arn {role} --token-file {file} --source oidc\n")),
        "{config}"
    );
    Session::read(&machine.run(&["assume", "--profile", "ci"]).stdout);
    assert_eq!(lab.count(WITH_TOKEN), 1);
}

#[test]
fn a_policy_of_several_lines_becomes_one_line_of_the_profile() {
    let lab = lab();
    let job = crate::jobs::start_ci(&lab, Ci::Gitlab);
    let role = crate::jobs::ci_role(&lab, &job, lab::ACCOUNT, "ci");
    let machine = crate::jobs::ci_machine(&lab, &job).with("AWS_ROLE_ARN", &role);
    let lines = "{\n  \"Version\": \"2012-10-17\",\r\n\t\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"ecr:*\", \"Resource\": \"* a\"}]\n}\n";
    let file = machine.write("policy.json", lines);
    let from_file = format!("@{}", file.display());
    for (name, policy) in [("one", lines), ("two", &from_file)] {
        let args = ["assume", "--format", "profile", "--profile", name, "--policy", policy];
        let written = machine.run(&args);
        assert_eq!(written.status, 0, "{written:?}");
        Session::read(&machine.run(&["assume", "--profile", name]).stdout);
    }
    let one_line = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"* a"}]}"#;
    // Windows' quotes need backslashes.
    let config = machine.read(".aws/config").replace('\\', "");
    assert!(config.contains(one_line), "{config}");
    assert!(lab.session_calls().iter().all(|call| call.policy));
}
