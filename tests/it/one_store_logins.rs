//! `setup --all`: the former store, and docker's own logins, go on answering.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{HOST, Machine, assert_private};
use crate::one_store::{
    DOCKER, DROP_IN, NOT_FOUND, SETUP, docker, docker_asks, docker_finds_a_login, docker_login, logout, machine,
    registry, request, setup, skopeo_user, with_desktop,
};

#[test]
fn a_store_goes_on_answering_byte_for_byte() {
    let machine = with_desktop();
    let desktop = machine.home().join("bin/docker-credential-desktop");
    let before = "{\n  \"auths\": {\"ghcr.io\": {}},\n  \"credsStore\": \"desktop\"\n}\n";
    machine.write(DOCKER, before);
    for (server, user) in [("ghcr.io", "octocat"), ("https://index.docker.io/v1/", "moby")] {
        let stored = machine.call(&desktop, &["store"], &request(server, user, "s3cr3t"));
        assert_eq!(stored.status, 0, "{stored:?}");
    }
    let told = setup(&machine, &["--all"]);
    assert!(
        told.stderr
            .contains("docker: all other registries go on with docker-credential-desktop\n"),
        "{told:?}"
    );
    assert_eq!(machine.read(DOCKER), before.replace("desktop", "ecr-auth"));
    assert!(machine.read(SETUP).contains(r#""fallback":{"store":"desktop"}"#));

    for asked in [
        "ghcr.io",
        "https://index.docker.io/v1/\n",
        "never.example",
        "locked.example",
        " not a host",
    ] {
        let through_us = docker_asks(&machine, "get", asked);
        assert_eq!(through_us, machine.call(&desktop, &["get"], asked), "{asked}");
    }
    assert_eq!(docker_asks(&machine, "get", "locked.example").status, 7);
    docker_asks(&machine, "get", " https://index.docker.io/v1/ \n");
    assert_eq!(machine.read("asked"), " https://index.docker.io/v1/ ");
    docker_asks(&machine, "store", &request("new.example", "me", "n3w")).prints("");
    assert_eq!(machine.read("kept/new.example"), request("new.example", "me", "n3w"));
    docker_asks(&machine, "erase", "new.example").prints("");
    assert!(!machine.home().join("kept/new.example").exists());

    logout(&machine);
    assert_eq!(machine.read(DOCKER), before);
    assert!(!machine.home().join(SETUP).exists());
    assert!(!machine.home().join(DROP_IN).exists());
    assert!(!machine.home().join(".local/state/ecr-auth/setup.json").exists());
}

#[test]
fn the_store_has_the_environment_that_docker_gives() {
    let machine = with_desktop()
        .with("AWS_SECRET_ACCESS_KEY", "of-the-user")
        .with("DISPLAY", ":7");
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    docker_asks(&machine, "get", "ghcr.io");
    let environment = machine.read("environment");
    for line in ["AWS_SECRET_ACCESS_KEY=of-the-user", "DISPLAY=:7"] {
        assert!(environment.lines().any(|it| it == line), "{environment}");
    }
}

#[test]
fn both_lists_are_one() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    docker_store(&machine, "ghcr.io", "octocat");
    docker_store(&machine, HOST, "old");
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n"),
    );
    setup(&machine, &["--all"]);
    docker_asks(&machine, "list", "").prints(&format!("{{\"ghcr.io\":\"octocat\",\"https://{HOST}\":\"AWS\"}}\n"));

    machine.write("broken", "");
    let listed = docker_asks(&machine, "list", "");
    assert_eq!(listed.stdout, format!("{{\"https://{HOST}\":\"AWS\"}}\n"));
    assert_eq!((listed.status, listed.stderr.lines().count()), (0, 1), "{listed:?}");
    assert!(listed.stderr.contains("docker-credential-desktop list"), "{listed:?}");
}

/// Clients keep a registry's name in any form, and ask for it as `https://HOST`.
#[test]
fn a_registry_of_the_stores_list_has_the_form_of_ours() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    docker_store(&machine, HOST, "old");
    docker_store(&machine, &format!("https://{HOST}/v1/"), "older");
    setup(&machine, &["--all"]);
    docker_asks(&machine, "list", "").prints(&format!("{{\"https://{HOST}\":\"AWS\"}}\n"));

    let machine = self::machine();
    machine.write(
        DOCKER,
        &format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"QVdTOm9sZA==\"}}}}}}"),
    );
    setup(&machine, &["--all"]);
    docker_asks(&machine, "list", "").prints(&format!("{{\"https://{HOST}\":\"AWS\"}}\n"));
}

fn docker_store(machine: &Machine, server: &str, user: &str) {
    let desktop = machine.home().join("bin/docker-credential-desktop");
    machine
        .call(&desktop, &["store"], &request(server, user, "s3cr3t"))
        .prints("");
}

#[test]
fn ecrs_registries_and_aliases_never_reach_the_store() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: registry.example.com\n    registry: {HOST}\n"),
    );
    setup(&machine, &["--all"]);
    for host in [HOST, "registry.example.com"] {
        let got = docker_asks(&machine, "get", host);
        assert!(got.stdout.contains("no AWS credentials"), "{got:?}");
        docker_asks(&machine, "erase", host).prints("");
        assert_eq!(docker_asks(&machine, "store", &request(host, "AWS", "x")).status, 0);
    }
    assert!(!machine.home().join("asked").exists());
    assert_eq!(fs::read_dir(machine.home().join("kept")).unwrap().count(), 0);
}

#[test]
fn dockers_own_logins_go_on_being_found_and_come_back() {
    let (first, second) = (registry("one", "pw-1"), registry("two", "pw-2"));
    let machine = machine();
    machine.write(DOCKER, "{\"credHelpers\": {\"gcr.io\": \"gcloud\"}}");
    docker_login(&machine, &first, "one", "pw-1");
    let before = machine.read(DOCKER);
    assert!(before.contains(&first), "{before}");

    setup(&machine, &["--all"]);
    logout(&machine);
    assert_eq!(machine.read(DOCKER), before);

    let told = setup(&machine, &["--all"]);
    assert!(
        told.stderr
            .contains("docker: all other registries go on with the logins in ~/.docker/config.json\n"),
        "{told:?}"
    );
    docker_asks(&machine, "get", &first).prints(&format!("{}\n", request(&first, "one", "pw-1")));
    docker_asks(&machine, "get", "never.example").is(1, NOT_FOUND, "");
    docker_finds_a_login(&machine, &first);
    docker_login(&machine, &second, "two", "pw-2");
    let listed: Value = serde_json::from_str(&docker_asks(&machine, "list", "").stdout).unwrap();
    assert_eq!(listed, serde_json::json!({&first: "one", &second: "two"}));
    let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
    assert_eq!(config["auths"][&second], serde_json::json!({}));
    assert!(!machine.read(DOCKER).contains("pw-2"));
    let kept = kept_logins(&machine);
    assert_private(&kept);
    assert_eq!(
        skopeo_user(&machine, &second),
        "two",
        "podman's family finds it by the drop-in"
    );

    logout(&machine);
    assert!(!kept.exists());
    let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
    assert_eq!(config.get("credsStore"), None);
    assert_eq!(config["credHelpers"]["gcr.io"], "gcloud");
    for host in [&first, &second] {
        docker_finds_a_login(&machine, host);
    }
}

/// Returns the only file with the logins that docker gave us.
fn kept_logins(machine: &Machine) -> PathBuf {
    let folder = machine.home().join(".local/state/ecr-auth/logins");
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[test]
fn docker_logout_forgets_old_and_new_logins() {
    let (first, second) = (registry("one", "pw-1"), registry("two", "pw-2"));
    let machine = machine();
    docker_login(&machine, &first, "one", "pw-1");
    setup(&machine, &["--all"]);
    docker_login(&machine, &second, "two", "pw-2");
    for host in [&first, &second] {
        let outcome = docker(&machine, &["logout", host], "");
        assert_eq!(outcome.status, 0, "{outcome:?}");
        docker_asks(&machine, "get", host).is(1, NOT_FOUND, "");
    }
    logout(&machine);
    let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
    assert_eq!(config["auths"], serde_json::json!({}));
}
