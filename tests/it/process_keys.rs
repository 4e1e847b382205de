//! A password that was fetched with a `credential_process` is only shared with a caller who would get the same credentials.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lab::{Ci, Lab};
use rstest::rstest;

use crate::harness::{HOST, Machine, binary, in_command_line};
use crate::jobs::{Job, Kind, WITH_TOKEN, in_job};
use crate::lab_machine::{GET_TOKEN, lab};

/// Returns a job whose profile `ci` was written by `assume --format profile`, without the variables that name the role.
fn with_own_profile(lab: &Lab) -> Machine {
    let (_, machine) = in_job(lab, Ci::Github);
    let machine = machine.with("AWS_REGION", "eu-west-1");
    let role = machine.variable("AWS_ROLE_ARN").unwrap().to_owned();
    let args = ["assume", "--format", "profile", "--profile", "ci", "--role-arn", &role];
    assert_eq!(machine.run(&args).status, 0);
    machine.without("AWS_ROLE_ARN").with("AWS_PROFILE", "ci")
}

#[test]
fn a_second_job_without_a_token_gets_nothing_of_the_first_ones() {
    let lab = lab();
    let first = with_own_profile(&lab);
    assert_ne!(first.helper("get", HOST).password(), "");
    let second = first.without("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let outcome = second.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("credential_process failed"), "{outcome:?}");
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[rstest]
#[case::another_step("GITHUB_ACTION", "other", 0)]
#[case::a_variable_that_we_do_not_read("PYTHONPATH", "/other", 0)]
#[case::another_request_token("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "forged", 1)]
#[case::another_sts("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9", 1)]
fn a_call_of_ours_is_told_by_what_it_would_fetch(#[case] name: &str, #[case] value: &str, #[case] status: i32) {
    let lab = lab();
    let machine = with_own_profile(&lab);
    machine.helper("get", HOST).password();
    let again = machine.with(name, value).helper("get", HOST);
    assert_eq!(again.status, status, "{again:?}");
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (1, 1));
}

/// The claims of a token prove nothing, so a forged token gets no cached password.
#[test]
fn a_call_with_a_token_file_is_told_by_the_whole_token() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Kubernetes, "app");
    let role = job.role(&lab, lab::ACCOUNT, "push");
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let file = machine.write("token", &fs::read_to_string(job.token_file()).unwrap());
    let (program, file) = (in_command_line(&binary()), file.display().to_string());
    let line = format!("{program} assume --role-arn {role} --token-file {file} --source oidc");
    machine.write(".aws/config", &format!("[default]\ncredential_process = {line}\n"));
    machine.helper("get", HOST).password();
    let token = machine.read("token");
    let (claims, _) = token.rsplit_once('.').unwrap();
    machine.write("token", &format!("{claims}.Zm9yZ2Vk"));
    let outcome = machine.helper("get", HOST);
    assert_eq!((outcome.status, lab.count(GET_TOKEN)), (1, 1), "{outcome:?}");
}

/// A program of the user's that prints the keys in its environment.
fn with_foreign_process(lab: &Lab) -> Machine {
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let key = lab.admin();
    let script = machine.write(
        "keys",
        &format!(
            "#!/bin/sh\nif [ \"$LOGIN\" != \"valid\" ]; then exit 1; fi\n\
             printf '{{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\"}}' '{}' '{}'\n",
            key.id, key.secret
        ),
    );
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    machine.write(
        ".aws/config",
        &format!("[default]\ncredential_process = {}\n", in_command_line(&script)),
    );
    machine.with("LOGIN", "valid")
}

#[test]
fn a_foreign_process_is_told_by_the_environment_that_it_sees() {
    let lab = lab();
    let machine = with_foreign_process(&lab);
    let password = machine.helper("get", HOST).password();
    // Another terminal of the same user gets the same password.
    let machine = machine.with("TERM", "xterm").with("SHLVL", "3");
    assert_eq!(machine.helper("get", HOST).password(), password);
    assert_eq!(lab.count(GET_TOKEN), 1);
    // Another user has not signed in.
    let outcome = machine.with("LOGIN", "none").helper("get", HOST);
    assert_eq!((outcome.status, lab.count(GET_TOKEN)), (1, 1), "{outcome:?}");
}

/// A program may read files in its folder, so the folder is part of the key.
#[test]
fn a_foreign_process_is_told_by_its_folder() {
    let lab = lab();
    let machine = with_foreign_process(&lab);
    machine.helper("get", HOST).password();
    let other = machine.home().join("other");
    fs::create_dir(&other).unwrap();
    let line = format!(
        "cd {} && echo {HOST} | {} helper get",
        other.display(),
        binary().display()
    );
    let outcome = machine.call("/bin/sh".as_ref(), &["-c", &line], "");
    assert_eq!((outcome.status, lab.count(GET_TOKEN)), (0, 2), "{outcome:?}");
}

/// The command line names a profile, whose keys are in the files.
#[test]
fn a_call_that_names_a_profile_is_told_by_the_files() {
    let lab = lab();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let config = |secret: &str| {
        let (program, id) = (in_command_line(&binary()), &lab.admin().id);
        let text = format!(
            "[default]\ncredential_process = {program} assume --profile q\n\
             [profile q]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
        );
        machine.write(".aws/config", &text);
    };
    config(&lab.admin().secret);
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
    config("guessed");
    assert_eq!(machine.helper("get", HOST).status, 1);
}
