//! `setup` and `logout` as processes: the caller's registry, verification, many processes at once.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;

use lab::{Permissions, Service};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, machine, machine_with};

/// Returns arguments with a folder for the helper's link, so that only the test's own folder is written.
pub fn setup_args<'a>(bin: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["setup", "--client", "docker", "--bin-dir", bin], more].concat()
}

pub fn bin(machine: &Machine) -> String {
    machine.path("bin").display().to_string()
}

#[test]
fn without_a_registry_it_is_the_callers_own() {
    let lab = lab();
    let machine = machine(&lab).with("AWS_REGION", "eu-west-1");
    let bin = bin(&machine);
    let outcome = machine.run(&setup_args(&bin, &[]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let config = machine.read(".docker/config.json");
    assert_eq!(
        config,
        format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecr-auth\"\n\t}}\n}}")
    );
    assert_eq!(lab.count("sts:GetCallerIdentity"), 1);
    assert_eq!(lab.count(GET_TOKEN), 0);

    let helper = machine.path("bin/docker-credential-ecr-auth");
    machine.call(&helper, &["get"], HOST).password();

    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert!(!machine.home().join(".docker/config.json").exists());
    assert!(!helper.exists());
    // The token is removed, so the caller's own registry is requested again.
    machine
        .helper("list", "")
        .prints(&format!("{{\"https://{HOST}\":\"AWS\"}}\n"));
    assert_eq!(lab.count(GET_TOKEN), 2);
}

#[test]
fn without_a_registry_and_a_region_the_way_out_is_named() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.run(&setup_args(&bin, &[])).is(
        2,
        "",
        "error: no registry: none is named, and no region is set to find the caller's own [EA0003]\nhint: name one (ACCOUNT/REGION or a host), or set --region or AWS_REGION\n",
    );
    assert!(!machine.home().join(".docker").exists());
}

#[test]
fn registries_by_every_name() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let outcome = machine.run(&setup_args(
        &bin,
        &[
            "--region",
            "eu-west-1",
            "111122223333",
            "444455556666/us-east-1",
            "public",
            &format!("https://{HOST}/app:1"),
        ],
    ));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let config: serde_json::Value = serde_json::from_str(&machine.read(".docker/config.json")).unwrap();
    let hosts: Vec<_> = config["credHelpers"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        hosts,
        [HOST, "444455556666.dkr.ecr.us-east-1.amazonaws.com", "public.ecr.aws"]
    );
}

#[test]
fn an_eleven_digit_account_gets_the_yaml_hint() {
    let machine = Machine::new();
    let outcome = machine.run(&["setup", "11122223333/eu-west-1"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("leading zero"), "{outcome:?}");
}

/// A wrong role is not removed if the second call names no role.
#[test]
fn a_registry_that_is_named_again_keeps_its_role_and_that_is_told() {
    let machine = Machine::new();
    let bin = machine.path("bin").display().to_string();
    let first = machine.run(&setup_args(&bin, &["--role-arn", "ci-psuh", HOST]));
    assert_eq!(first.status, 0, "{first:?}");
    let told = format!("ecr-auth: the rule of {HOST} in ~/.config/ecr-auth/setup.json holds: role ci-psuh\n");
    assert!(!first.stderr.contains(&told), "{first:?}");
    let again = machine.run(&setup_args(&bin, &[HOST]));
    assert!(again.stderr.contains(&told), "{again:?}");
}

#[test]
fn slips_are_answered_with_what_is_meant() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let session = "arn:aws:sts::111122223333:assumed-role/push/alice";
    for (args, hint) in [
        (
            &["eu-west-1/111122223333"][..],
            "hint: did you mean 111122223333/eu-west-1?\n",
        ),
        (&["publc"], "hint: did you mean public?\n"),
        (
            &["111122223333,eu-west-1"],
            "hint: did you mean 111122223333/eu-west-1?\n",
        ),
        (
            &["--role-arn", session, HOST],
            "hint: the role is arn:aws:iam::111122223333:role/push; if the role has a path",
        ),
    ] {
        let outcome = machine.run(&setup_args(&bin, args));
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains(hint), "{outcome:?}");
        assert!(!machine.home().join(".docker/config.json").exists(), "{outcome:?}");
    }
    let both = format!("{HOST},444455556666/eu-west-1, public");
    let outcome = machine.run(&setup_args(&bin, &[&both]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let config = machine.read(".docker/config.json");
    for host in [HOST, "444455556666.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws"] {
        assert!(config.contains(host), "{config}");
    }
}

#[test]
fn verify_fetches_one_token_per_region_and_says_what_fails() {
    let lab = lab();
    let machine = machine(&lab);
    let bin = bin(&machine);
    let registries = [HOST, "444455556666/eu-west-1", "111122223333/us-east-1"];
    let outcome = machine.run(&setup_args(&bin, &[&["--verify"], &registries[..]].concat()));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stderr.matches("verified: ").count(), 3, "{outcome:?}");
    assert_eq!(lab.count(GET_TOKEN), 2);

    let key = lab.add_user_with("111122223333", "denied", Permissions::deny(["ecr:*"]));
    let denied = machine_with(&lab, &key);
    let bin = self::bin(&denied);
    let outcome = denied.run(&setup_args(&bin, &["--verify", HOST]));
    assert_eq!(outcome.status, 1);
    let (_, cause) = outcome.stderr.split_once(&format!("error: {HOST}: ")).unwrap();
    assert!(cause.contains("AccessDeniedException"), "{outcome:?}");
    assert!(!cause.contains("error: "), "nothing comes after the cause: {outcome:?}");
}

#[test]
fn twenty_setups_at_once_lose_no_entry() {
    // One waits for the other, and a busy machine takes its time.
    let machine = Machine::new().with("ECR_AUTH_TIMEOUT", "300");
    let bin = bin(&machine);
    let config = "{\n  \"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}},\n  \"experimental\": 1.0e2\n}\n";
    machine.write(".docker/config.json", config);
    let children: Vec<_> = (0..20)
        .map(|number| {
            let registry = format!("1111222233{number:02}/eu-west-1");
            machine.start(&setup_args(&bin, &[&registry]))
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let text = machine.read(".docker/config.json");
    assert!(text.contains("\"experimental\": 1.0e2"), "{text}");
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["credHelpers"].as_object().unwrap().len(), 20, "{text}");
    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert_eq!(machine.read(".docker/config.json"), config);
}

/// On Windows the helper is a copy, and a program that runs cannot be written to.
#[test]
fn a_helper_that_runs_is_upgraded_and_ends_its_work() {
    let lab = lab();
    let machine = machine(&lab).with("ECR_AUTH_TIMEOUT", "300");
    let folder = bin(&machine);
    let setup = || {
        let outcome = machine.run(&setup_args(&folder, &[HOST]));
        assert_eq!(outcome.status, 0, "{outcome:?}");
    };
    setup();
    let helper = machine.path("bin/docker-credential-ecr-auth");
    let copy = helper.with_extension("exe");
    let version = fs::read(&copy).ok();
    if let Some(version) = &version {
        fs::write(&copy, [version, &b"older"[..]].concat()).unwrap();
    }
    lab.hold(Service::Ecr);
    let mut running = machine
        .command(&helper, &["get"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(HOST.as_bytes()).unwrap();
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    setup();
    assert!(fs::read(&copy).ok() == version, "it is of this version");
    lab.release(Service::Ecr);
    let password = Outcome::of(&running.wait_with_output().unwrap()).password();
    assert_eq!(machine.call(&helper, &["get"], HOST).password(), password);
    assert_eq!(machine.run(&["logout"]).status, 0);
    assert!(!helper.exists() && !copy.exists(), "nothing is left of either");
}

/// The record of `setup` may be lost, and a client must not call a helper that is gone.
#[test]
fn logout_takes_out_what_people_wrote_themselves_too() {
    let machine = Machine::new();
    machine.write(
        ".docker/config.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-auth\",\"x.example\":\"y\"}},\"credsStore\":\"ecr-auth\"}}"),
    );
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(
        machine.read(".docker/config.json"),
        "{\"credHelpers\":{\"x.example\":\"y\"}}"
    );
    for name in [HOST, "credsStore"] {
        let told = format!("docker: {name} taken back in ~/.docker/config.json\n");
        assert!(outcome.stderr.contains(&told), "{outcome:?}");
    }
}

#[test]
fn help_and_usage() {
    let machine = Machine::new();
    let help = machine.run(&["setup", "--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("Examples:"));
    let wrong = machine.run(&["setup", "--no-such-flag"]);
    assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.starts_with("error: "), "{wrong:?}");
    let quiet = machine.run(&["-q", "setup", "--bin-dir", &bin(&machine), "--client", "docker", HOST]);
    quiet.prints("");
}

/// As with `/usr/local/bin`, if the user's group may write to it.
#[test]
fn a_helper_for_all_users_stays_unless_it_is_to_go() {
    let machine = Machine::new();
    let user = 54_401;
    for (folder, mode) in [("", 0o755), ("home", 0o755), ("bin", 0o1777), ("tools", 0o755)] {
        fs::create_dir_all(machine.path(folder)).unwrap();
        fs::set_permissions(machine.path(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    for folder in ["home", "tools"] {
        chown(machine.path(folder), Some(user), Some(user)).unwrap();
    }
    let copy = machine.path("ecr-auth");
    fs::copy(binary(), &copy).unwrap();
    let ids = [format!("--reuid={user}"), format!("--regid={user}")];
    let run = |args: &[&str]| {
        let become_user = [&ids[0], &ids[1], "--clear-groups", copy.to_str().unwrap()];
        let outcome = machine.call(Path::new("/usr/bin/setpriv"), &[&become_user[..], args].concat(), "");
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.stderr
    };
    let helper = machine.path("bin/docker-credential-ecr-auth");
    let stays = format!(
        "helper: {} stays, as its folder is for all users; to remove it: ecr-auth logout --remove-helper\n",
        helper.display()
    );
    run(&setup_args(&bin(&machine), &[HOST]));
    for _ in 0..2 {
        assert!(run(&["logout"]).contains(&stays));
        assert!(helper.is_symlink() && !machine.home().join(".docker").exists());
    }
    assert_eq!(
        run(&["logout", "--remove-helper"]),
        format!("helper: {} taken back\n", helper.display())
    );
    assert!(!helper.is_symlink() && !machine.home().join(".local/state/ecr-auth").exists());
    // The user's own folder, whether or not others can read it.
    for own in ["tools", "home/bin"] {
        run(&setup_args(machine.path(own).to_str().unwrap(), &[HOST]));
        assert!(run(&["logout"]).contains("docker-credential-ecr-auth taken back"));
        assert!(!machine.path(own).join("docker-credential-ecr-auth").is_symlink());
    }
}

#[test]
fn a_logout_of_everything_leaves_no_folder_of_ours() {
    let lab = lab();
    let machine = machine(&lab);
    let bin = bin(&machine);
    let role = crate::lab_machine::role(&lab, "puller");
    let setup = setup_args(&bin, &[HOST, "--role-arn", &role, "--source", "chain"]);
    assert_eq!(machine.run(&setup).status, 0);
    machine.helper("get", HOST).password();
    machine.run(&["login", HOST, "--client", "podman"]);
    let profile = [
        "assume",
        "--format",
        "profile",
        "--profile",
        "ci",
        "--role-arn",
        &role,
        "--source",
        "chain",
    ];
    assert_eq!(machine.run(&profile).status, 0);
    for folder in [".local/state/ecr-auth", ".cache/ecr-auth", ".config/ecr-auth"] {
        assert!(machine.home().join(folder).exists(), "{folder}");
    }
    // One registry is removed, and the others still need the rest.
    assert_eq!(
        machine
            .run(&["logout", "222233334444.dkr.ecr.eu-west-1.amazonaws.com"])
            .status,
        0
    );
    assert!(machine.home().join(".local/state/ecr-auth/setup.json").exists());
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    for folder in [
        ".local/state/ecr-auth",
        ".cache/ecr-auth",
        ".config/ecr-auth",
        ".docker",
    ] {
        assert!(!machine.home().join(folder).exists(), "{folder}: {outcome:?}");
    }
    // A folder that the environment names belongs to the user.
    fs::create_dir(machine.path("cache")).unwrap();
    let cache = machine.path("cache").display().to_string();
    let machine = machine.with("ECR_AUTH_CACHE_DIR", &cache);
    machine.helper("get", HOST).password();
    assert_eq!(machine.run(&["logout"]).status, 0);
    assert!(machine.path("cache").exists());
}

#[test]
fn the_helper_of_a_binary_with_another_name_goes_with_it() {
    let machine = Machine::new();
    let copy = machine.path("mytool");
    let args = ["-m", "755", binary().to_str().unwrap(), copy.to_str().unwrap()].map(str::to_owned);
    let args = args.each_ref().map(String::as_str);
    assert_eq!(machine.call(Path::new("/usr/bin/install"), &args, "").status, 0);
    let bin = bin(&machine);
    let outcome = machine.call(&copy, &setup_args(&bin, &[HOST]), "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let helper = machine.path("bin/docker-credential-ecr-auth");
    assert_eq!(fs::read_link(&helper).unwrap(), copy);
    let outcome = machine.call(&copy, &["logout"], "");
    assert!(
        outcome.stderr.contains("bin/docker-credential-ecr-auth taken back\n"),
        "{outcome:?}"
    );
    assert!(!helper.is_symlink());
}
