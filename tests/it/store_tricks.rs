//! Attempts of a store behind ecr-auth, or of a client, to redirect a request.

use std::fs;
use std::path::Path;

use rstest::rstest;

use crate::harness::{HOST, Outcome};
use crate::lab_machine::PATIENCE;
use crate::one_store::{docker_asks, machine, program, request, setup, with_desktop};

const DOCKER: &str = ".docker/config.json";

/// The store removes the mark by which ecr-auth would know that its own fallback calls it.
#[rstest]
#[case::as_a_child("unset ECR_AUTH_IN_FALLBACK\ndocker-credential-ecr-auth \"$@\"\n")]
#[case::in_its_own_place("exec env -i HOME=\"$HOME\" PATH=\"$PATH\" docker-credential-ecr-auth \"$@\"\n")]
#[case::under_the_other_name("env -u ECR_AUTH_IN_FALLBACK ecr-auth -q helper \"$@\"\n")]
#[case::in_a_session_of_its_own("env -i HOME=\"$HOME\" PATH=\"$PATH\" setsid -w docker-credential-ecr-auth \"$@\"\n")]
fn a_store_that_leads_back_without_our_mark_ends_too(#[case] call: &str) {
    let machine = machine();
    // The script gives up in the end, so that a loop only makes the test fail.
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = version ] && exit 1\necho >>\"$HOME/calls\"\n[ $(wc -l <\"$HOME/calls\") -lt 20 ] || exit 1\n{call}"
    );
    program(&machine, "docker-credential-lying", &script);
    machine.write(DOCKER, "{\"credsStore\": \"lying\"}");
    setup(&machine, &["--all"]);
    let bin = machine.home().join("bin");
    fs::copy(crate::harness::binary(), bin.join("ecr-auth")).unwrap();
    let _ = fs::remove_file(machine.home().join("calls"));
    let mut command = machine.command(&bin.join("docker-credential-ecr-auth"), &["get"]);
    command.stdin(std::process::Stdio::piped());
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin("ghcr.io").timeout(PATIENCE).output().unwrap();
    let outcome = Outcome::of(&output);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let line = "docker-credential-lying leads back to ecr-auth [EA0102]";
    assert!(
        outcome.stdout.lines().count() == 1 && outcome.stdout.contains(line),
        "{outcome:?}"
    );
    let calls = machine.read("calls").lines().count();
    assert!(calls < 5, "{calls}");
}

/// Stores read their input with Go's decoder, which ignores the case of keys and uses the last value.
#[rstest]
#[case::the_last_names_ecr(&format!(r#"{{"ServerURL":"ghcr.io","Username":"AWS","Secret":"s3cr3t","serverurl":"{HOST}"}}"#))]
#[case::another_case(&format!(r#"{{"SERVERURL":"https://{HOST}/","Username":"AWS","Secret":"s3cr3t"}}"#))]
#[case::another_letter(&format!("{{\"ServerURL\":\"ghcr.io\",\"Username\":\"AWS\",\"Secret\":\"s3cr3t\",\"\u{17f}erverURL\":\"{HOST}\"}}"))]
#[case::more_behind_it(&format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"s3cr3t"}}{{"ServerURL":"ghcr.io"}}"#))]
fn what_the_store_would_read_as_ecrs_is_not_handed_to_it(#[case] input: &str) {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    let outcome = docker_asks(&machine, "store", input);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    assert!(!kept(machine.home()), "{outcome:?}");
}

#[test]
fn what_the_store_reads_as_its_own_is_handed_to_it() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    let input = format!(r#"{{"serverurl":"{HOST}","Username":"x","Secret":"s3cr3t","ServerURL":"ghcr.io"}}"#);
    docker_asks(&machine, "store", &input).prints("");
    assert!(kept(machine.home()));
}

#[rstest]
#[case("")]
#[case(" ")]
fn a_login_without_a_server_is_refused_as_docker_does(#[case] server: &str) {
    for machine in [machine(), with_desktop()] {
        machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
        if machine.home().join("bin/docker-credential-desktop").exists() {
            setup(&machine, &["--all"]);
        }
        let outcome = machine.helper("store", &request(server, "x", "s3cr3t"));
        outcome.is(1, "no credentials server URL\n", "");
    }
}

/// Some programs read ECR's name in these, others read none or another one.
#[rstest]
#[case("https://user@HOST/")]
#[case("https://AWS:x@HOST")]
#[case("user@HOST")]
#[case("https://ghcr.io@HOST/v2/")]
#[case("https://HOST?x")]
#[case("https://HOST#x")]
#[case("https://HOST\\@ghcr.io/")]
#[case("https://HOST@ghcr.io/")]
#[case("//HOST/")]
#[case("ftp://HOST/")]
#[case("https://HOST:x/")]
fn a_name_that_may_be_ecrs_never_reaches_the_store(#[case] server: &str) {
    let server = server.replace("HOST", HOST);
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    docker_asks(&machine, "get", &server).is(1, "credentials not found in native keychain\n", "");
    docker_asks(&machine, "erase", &server).prints("");
    let input = serde_json::json!({"ServerURL": server, "Username": "AWS", "Secret": "s3cr3t"});
    let outcome = docker_asks(&machine, "store", &input.to_string());
    assert!(!kept(machine.home()), "{outcome:?}");
    assert!(!machine.home().join("asked").exists());
    // A path may hold any text.
    docker_asks(&machine, "get", &format!("https://proxy.example/{HOST}"));
    assert!(machine.home().join("asked").exists());
}

fn kept(home: impl AsRef<Path>) -> bool {
    fs::read_dir(home.as_ref().join("kept")).is_ok_and(|mut files| files.next().is_some())
}
