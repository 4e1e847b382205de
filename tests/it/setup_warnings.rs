//! What `setup` warns of: it does its work all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{lab, machine};

fn setup(machine: &Machine, more: &[&str]) -> Outcome {
    let bin = machine.home().join("bin").display().to_string();
    let line = [&["setup", "--client", "docker", "--bin-dir", &bin, HOST], more].concat();
    let outcome = machine.run(&line);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    assert!(machine.read(".docker/config.json").contains(HOST));
    outcome
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let machine = Machine::new();
    machine.write(".aws/config", "[profile dev]\n[profile prod]\n");
    let outcome = setup(&machine, &["--profile", "prd"]);
    let told = format!(
        "warning: {HOST}: profile prd: AWS's shared files have no such profile [EA0303]\nhint: profiles there are: dev, prod\n"
    );
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
}

#[test]
fn missing_credentials_are_told() {
    let outcome = setup(&Machine::new(), &[]);
    let told = format!("warning: {HOST}: no AWS credentials: ");
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    let lab = lab();
    let outcome = setup(&machine(&lab), &[]);
    assert!(!outcome.stderr.contains("AWS credentials"), "{outcome:?}");
}

#[test]
fn a_password_of_the_variable_that_comes_first_is_told() {
    let lab = lab();
    let machine = machine(&lab);
    let docker = machine.write("bin/docker", "#!/bin/sh\necho 'Docker version 28.5.1, build x'\n");
    fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
    let variable = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}}}");
    let outcome = setup(&machine.with("PATH", &path).with("DOCKER_AUTH_CONFIG", &variable), &[]);
    assert!(
        outcome
            .stderr
            .contains("warning: docker: the password that stands in auths of DOCKER_AUTH_CONFIG is used"),
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains("old"), "{outcome:?}");
}

/// It must not lead in a circle: setup says that the folder is not on PATH.
#[test]
fn the_overview_names_the_line_for_path_where_the_helper_is_off_it() {
    let lab = lab();
    let machine = machine(&lab);
    setup(&machine, &[]);
    let overview = machine.run(&[]);
    let line = format!("\n    export PATH=\"{}:$PATH\"\n", machine.home().join("bin").display());
    assert!(overview.stdout.contains(&line), "{overview:?}");
    assert!(overview.stdout.contains("--bin-dir"), "{overview:?}");
}
