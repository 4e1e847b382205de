//! Many processes at once, and the cache between them.

use std::path::Path;
use std::process::Child;

use lab::{Permissions, Service};

use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, machine, machine_with, registry_status};

const NEIGHBOUR: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

/// A call that is held must not be given up, and made anew, while a busy machine still starts the others.
const PATIENT: &str = "300";

fn start(machine: &Machine, count: usize) -> Vec<Child> {
    (0..count).map(|_| machine.start_helper("get", HOST)).collect()
}

fn end(children: Vec<Child>) -> Vec<Outcome> {
    children
        .into_iter()
        .map(|child| Outcome::of(&child.wait_with_output().unwrap()))
        .collect()
}

#[test]
fn fifty_cold_gets_at_once_make_one_call() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", PATIENT);
    lab.hold(Service::Ecr);
    let children = start(&machine, 50);
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    lab.release(Service::Ecr);
    let passwords: Vec<String> = end(children).iter().map(Outcome::password).collect();
    assert_eq!(passwords.len(), 50);
    assert!(passwords.iter().all(|password| *password == passwords[0]));
    assert_eq!(registry_status(&lab, HOST, &passwords[0]), 200);
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn three_hundred_at_once_against_a_denial_make_one_call() {
    let lab = lab();
    let key = lab.add_user_with("111122223333", "denied", Permissions::deny(["ecr:*"]));
    let machine = machine_with(&lab, &key).with("ECR_AUTH_TIMEOUT", PATIENT);
    lab.hold(Service::Ecr);
    let children = start(&machine, 300);
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    lab.release(Service::Ecr);
    for outcome in end(children) {
        assert_eq!(outcome.status, 1);
        assert!(outcome.stdout.contains("AccessDeniedException"), "{outcome:?}");
    }
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn two_hundred_identities_at_once_are_all_cached() {
    let lab = lab();
    let keys: Vec<_> = (0..200)
        .map(|number| lab.add_user("111122223333", &format!("user-{number}")))
        .collect();
    let shared = Machine::new();
    let cache = shared.path("cache").display().to_string();
    let machines: Vec<_> = keys
        .iter()
        .map(|key| machine_with(&lab, key).with("ECR_AUTH_CACHE_DIR", &cache))
        .collect();
    let children: Vec<_> = machines
        .iter()
        .map(|machine| machine.start_helper("get", HOST))
        .collect();
    let first: Vec<String> = end(children).iter().map(Outcome::password).collect();
    assert_eq!(lab.count(GET_TOKEN), 200);
    let again: Vec<String> = machines
        .iter()
        .map(|machine| machine.helper("get", HOST).password())
        .collect();
    assert_eq!(again, first);
    assert_eq!(lab.count(GET_TOKEN), 200);
}

#[test]
fn when_the_one_who_asks_is_killed_another_asks() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", PATIENT);
    lab.hold(Service::Ecr);
    let mut first = start(&machine, 1);
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    let others = start(&machine, 5);
    first[0].kill().unwrap();
    end(first);
    assert!(lab.wait_for_calls(GET_TOKEN, 2, PATIENCE));
    lab.release(Service::Ecr);
    for outcome in end(others) {
        outcome.password();
    }
    assert_eq!(lab.count(GET_TOKEN), 2);
}

#[test]
fn a_warm_get_needs_no_aws() {
    let lab = lab();
    let machine = machine(&lab);
    let password = machine.helper("get", HOST).password();
    drop(lab);
    assert_eq!(machine.helper("get", HOST).password(), password);
    assert_eq!(machine.helper("get", NEIGHBOUR).password(), password);
}

#[test]
fn a_warm_get_opens_no_socket_and_starts_no_thread() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    let trace = machine.path("trace");
    let traced = machine.call(
        Path::new("/usr/bin/strace"),
        &[
            "-f",
            "-e",
            "trace=%network,clone,clone3,fork,vfork,epoll_create1",
            "-o",
            trace.to_str().unwrap(),
            crate::harness::binary().to_str().unwrap(),
            "helper",
            "get",
        ],
        HOST,
    );
    traced.password();
    let calls = std::fs::read_to_string(trace).unwrap();
    let calls: Vec<_> = calls.lines().filter(|line| !line.contains("+++ exited")).collect();
    assert_eq!(calls, Vec::<&str>::new());
}

#[test]
fn only_who_holds_what_fetched_a_token_gets_it() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    for (name, value) in [
        ("AWS_SECRET_ACCESS_KEY", "guessed"),
        ("AWS_SESSION_TOKEN", "invented"),
        ("AWS_ACCESS_KEY_ID", "AKIAOTHER"),
    ] {
        let thief = machine_with(&lab, lab.admin())
            .with(
                "ECR_AUTH_CACHE_DIR",
                &machine.home().join(".cache/ecr-auth").display().to_string(),
            )
            .with(name, value);
        assert_eq!(thief.helper("get", HOST).status, 1, "{name}");
    }
    let without = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url()).with(
        "ECR_AUTH_CACHE_DIR",
        &machine.home().join(".cache/ecr-auth").display().to_string(),
    );
    assert_eq!(without.helper("get", HOST).status, 1);
    assert_eq!(machine.helper("get", HOST).status, 0);
}

#[test]
fn the_cache_can_be_off_or_elsewhere() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_CACHE", "off");
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!((lab.count(GET_TOKEN), machine.cache_files().len()), (2, 0));
    let folder = machine.path("elsewhere");
    let machine = machine
        .without("ECR_AUTH_CACHE")
        .with("AWS_ECR_CACHE_DIR", folder.to_str().unwrap());
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!((lab.count(GET_TOKEN), machine.cache_files().len()), (3, 0));
    assert!(folder.is_dir());
    let machine = machine.with("AWS_ECR_DISABLE_CACHE", "yes");
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 4);
}

/// Without a region, the caller's own registry cannot be found.
const NO_REGION: &str = "ecr-auth: list: no registry is known: no region is set [EA0003]\n";

#[test]
fn list_names_the_hosts_this_identity_holds_tokens_for() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    machine.helper("get", NEIGHBOUR).password();
    let both = format!("{{\"https://{HOST}\":\"AWS\",\"https://{NEIGHBOUR}\":\"AWS\"}}\n");
    machine.helper("list", "").prints(&both);
    let cache = machine.home().join(".cache/ecr-auth").display().to_string();
    let other = machine_with(&lab, lab.partner()).with("ECR_AUTH_CACHE_DIR", &cache);
    other.helper("list", "").is(0, "{}\n", NO_REGION);
    machine.helper("erase", NEIGHBOUR).prints("");
    machine.helper("list", "").is(0, "{}\n", NO_REGION);
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn erase_drops_the_token_and_the_next_get_asks() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    machine.helper("erase", &format!("https://{HOST}")).prints("");
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 2);
    machine.helper("erase", "ghcr.io").prints("");
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 2);
}

#[test]
fn a_corrupt_cache_is_fetched_anew() {
    let lab = lab();
    let machine = machine(&lab);
    machine.helper("get", HOST).password();
    let entry = machine
        .cache_files()
        .into_iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    for (round, content) in ["null", "", "{", "{\"secret\":1}"].into_iter().enumerate() {
        std::fs::write(&entry, content).unwrap();
        machine.helper("get", HOST).password();
        assert_eq!(lab.count(GET_TOKEN), 2 + round as u64, "{content}");
    }
}
