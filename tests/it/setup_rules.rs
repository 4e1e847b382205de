//! Rules of `setup.json`, as `setup` and `logout` write and remove them.

use configuration::{Config, SetupChange, SetupFile, SetupRule};
use context::Env;

use crate::harness::{HOST, Machine};
use crate::lab_machine::{lab, machine, role};

const CONFIG: &str = ".config/ecr-auth/ecr-auth.yml";
const SETUP: &str = ".config/ecr-auth/setup.json";

fn write_rule(machine: &Machine) {
    let env: Env = [("HOME", machine.home().display().to_string())].into_iter().collect();
    let rule = SetupRule {
        host: HOST.to_owned(),
        registry: None,
        keys: [("profile".to_owned(), "ci".into())].into_iter().collect(),
    };
    let change = SetupChange {
        rules: vec![rule],
        ..SetupChange::default()
    };
    let config = Config::load(&env, None).unwrap();
    let file = SetupFile::in_force(&env, None).unwrap();
    file.write(&env, &config, &change).unwrap();
}

#[test]
fn logout_takes_rules_back() {
    let machine = Machine::new();
    write_rule(&machine);
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let taken_back = format!("configuration: the rule of {HOST} taken back in ");
    assert!(outcome.stderr.contains(&taken_back), "{outcome:?}");
    // The folder was made for the file, and is removed too.
    assert!(!machine.home().join(".config/ecr-auth").exists());
    machine.run(&["logout"]).is(0, "", "");
}

#[test]
fn rules_stay_while_a_client_needs_them() {
    let machine = Machine::new();
    let before = "# mine\nregistries:\n  - match: public.ecr.aws # free\n";
    machine.write(CONFIG, before);
    write_rule(&machine);
    let folders: Vec<String> = ["one", "two"]
        .map(|name| machine.path(name).display().to_string())
        .into();
    let bin = machine.path("bin").display().to_string();
    for folder in &folders {
        let setup = [
            "setup",
            "--client",
            "docker",
            "--bin-dir",
            &bin,
            "--docker-config",
            folder,
            HOST,
        ];
        let outcome = machine.run(&setup);
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
    let logout = |folder: &str| {
        let outcome = machine.run(&["logout", "--client", "docker", "--docker-config", folder]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        machine.home().join(SETUP).exists()
    };
    assert!(logout(&folders[0]));
    assert!(!logout(&folders[1]));
    assert_eq!(machine.read(CONFIG), before);
}

#[test]
fn an_identity_without_a_registry_is_of_the_roles_own_and_takes_no_other_rules_place() {
    // Without credentials: the role's ARN tells whose registry it is.
    let machine = Machine::new().with("AWS_REGION", "eu-west-1");
    let rule = "registries:\n  - match: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n    profile: partner\n";
    machine.write(CONFIG, rule);
    let bin = machine.path("bin").display().to_string();
    let setup = |more: &[&str]| {
        let args = ["setup", "--client", "docker", "--bin-dir", &bin, "--role-arn"];
        machine.run(&[&args[..], &["arn:aws:iam::111122223333:role/ci"], more].concat())
    };
    for _ in 0..2 {
        let outcome = setup(&[]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(
            machine.read(SETUP),
            format!(
                "{{\n\"registries\":[\n{{\"match\":\"{HOST}\",\"role-arn\":\"arn:aws:iam::111122223333:role/ci\"}}\n]}}\n"
            )
        );
        assert_eq!(machine.read(CONFIG), rule);
    }
    let store = setup(&["--all"]);
    assert_eq!(store.status, 2, "a store serves every registry: {store:?}");
}

#[test]
fn who_puts_a_rule_in_front_of_a_glob_is_told() {
    let machine = Machine::new();
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        "registries:\n  - match: '*.dkr.ecr.*.amazonaws.com'\n    optional: true\n",
    );
    let bin = machine.home().join("bin").display().to_string();
    let setup = |role: &str| {
        let args = [
            "setup",
            "--client",
            "docker",
            "--bin-dir",
            &bin,
            "--role-arn",
            role,
            HOST,
        ];
        let outcome = machine.run(&args);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.stderr
    };
    let warning = format!("warning: for {HOST} the rule of *.dkr.ecr.*.amazonaws.com no longer applies");
    assert!(setup("push").contains(&warning));
    assert!(!setup("pull").contains(&warning), "it has a rule of its own by now");
}

#[test]
fn who_replaces_a_rule_is_told_what_it_said() {
    let machine = Machine::new();
    let bin = machine.path("bin").display().to_string();
    let setup = |more: &[&str]| {
        let outcome = machine.run(&[&["setup", "--client", "docker", "--bin-dir", &bin], more, &[HOST]].concat());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.stderr
    };
    let role = "arn:aws:iam::111122223333:role/pull";
    let first = setup(&[
        "--role-arn",
        role,
        "--source",
        "chain",
        "--token-command",
        "echo s3cret",
    ]);
    assert!(!first.contains(" before; now "), "{first}");
    let second = setup(&["--profile", "work"]);
    let told = format!(
        "ecr-auth: the rule of {HOST} said role-arn {role}, source chain, token-command before; now it says profile work\n"
    );
    assert!(second.contains(&told), "{second}");
}

/// A profile for all registries stands in `ecr-auth.yml`.
#[test]
fn a_profile_for_every_registry_is_told_where_to_write_it() {
    let machine = Machine::new();
    let outcome = machine.run(&["setup", "--all", "--profile", "work"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let line = "defaults: {profile: work}";
    let hint = format!(
        "hint: name them; or, for all registries, write `{line}` into ~/.config/ecr-auth/ecr-auth.yml, and leave out the flag\n"
    );
    assert!(outcome.stderr.contains(&hint), "{outcome:?}");
    // It does what the hint says.
    machine.write(CONFIG, line);
    let bin = machine.path("bin").display().to_string();
    let outcome = machine.run(&["setup", "--all", "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let report = machine.run(&["doctor", HOST]).stdout;
    assert!(report.contains("profile work"), "{report}");
}

#[test]
fn a_rule_that_people_wrote_for_the_very_host_is_theirs_to_edit() {
    let machine = Machine::new();
    let rules = format!("registries:\n  - match: public.ecr.aws\n  - match: {HOST} # mine\n    profile: everyday\n");
    machine.write(CONFIG, &rules);
    let bin = machine.path("bin").display().to_string();
    let args = [
        "setup",
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        "--profile",
        "ci",
        HOST,
    ];
    for more in [&[][..], &["--dry-run"]] {
        let outcome = machine.run(&[&args[..], more].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        let line = format!("ecr-auth.yml:3: this rule names {HOST} itself");
        assert!(outcome.stderr.contains(&line), "{outcome:?}");
        assert!(
            outcome.stderr.contains("hint: nothing is changed: edit that rule"),
            "{outcome:?}"
        );
    }
    assert_eq!(machine.read(CONFIG), rules);
    for untouched in [SETUP, ".docker", "bin"] {
        assert!(!machine.home().join(untouched).exists(), "{untouched}");
    }
    // Without an identity, no rule is written.
    assert_eq!(
        machine
            .run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST])
            .status,
        0
    );
}

#[test]
fn a_setup_json_that_is_broken_is_named() {
    let machine = Machine::new();
    machine.write(SETUP, "{\n\"registries\":[\n");
    let bin = machine.path("bin").display().to_string();
    let named = ".config/ecr-auth/setup.json:3:0: EOF while parsing a list";
    for args in [
        &[
            "setup",
            "--client",
            "docker",
            "--bin-dir",
            &bin,
            "--profile",
            "ci",
            HOST,
        ][..],
        &["logout"],
    ] {
        let outcome = machine.run(args);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains(named), "{outcome:?}");
    }
    let get = machine.helper("get", HOST);
    assert_eq!(get.status, 1, "{get:?}");
    assert!(get.stdout.contains("setup.json:3:0"), "{get:?}");
    let doctor = machine.run(&["doctor", HOST]);
    assert!(doctor.stdout.contains("setup.json:3:0"), "{doctor:?}");
}

#[test]
fn doctor_names_the_file_that_decides() {
    let machine = Machine::new();
    machine.write(
        CONFIG,
        "registries:\n  - match: '*.dkr.ecr.*.amazonaws.com'\n    profile: everyday\n",
    );
    let decides = |host: &str| {
        let outcome = machine.run(&["doctor", host]);
        let line = outcome.stdout.lines().find(|line| line.starts_with("✓ configuration"));
        line.unwrap_or_else(|| panic!("{outcome:?}")).to_owned()
    };
    assert!(decides(HOST).contains("ecr-auth.yml: the rule of *.dkr.ecr.*.amazonaws.com holds: profile everyday"));
    write_rule(&machine);
    let said = decides(HOST);
    assert!(
        said.contains(&format!("setup.json: the rule of {HOST} holds: profile ci")),
        "{said}"
    );
    assert!(decides("444455556666.dkr.ecr.eu-west-1.amazonaws.com").contains("ecr-auth.yml: the rule of *."));
}

#[test]
fn a_number_that_is_none_is_told_in_plain_words() {
    let machine = Machine::new();
    for (value, column) in [("abc", 15), ("-1", 15), ("1.5", 15)] {
        let text = format!("registries:\n  - match: {HOST}\n    duration: {value}\n");
        let file = machine.write(CONFIG, &text);
        let outcome = machine.run(&["setup", "--client", "docker", HOST]);
        let told = format!(
            "error: {}:3:{column}: expected a whole number [EA0033]\n",
            file.display()
        );
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.starts_with(&told), "{value}: {outcome:?}");
    }
}

/// The region of STS, where it is not the one that completes the registry's name.
#[test]
fn setup_keeps_the_region_that_a_role_is_assumed_in() {
    let lab = lab();
    let role = role(&lab, "push");
    let machine = machine(&lab);
    let bin = machine.home().join("bin").display().to_string();
    for (region, registry, kept) in [("us-west-2", HOST, "us-west-2"), ("eu-west-1", "111122223333", "")] {
        let args = ["setup", "--client", "docker", "--bin-dir", &bin, "--role-arn", &role];
        let outcome = machine.run(&[&args[..], &["--region", region, registry]].concat());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(machine.read(SETUP).contains("\"region\""), !kept.is_empty());
        machine.helper("get", HOST).password();
        let mut calls = lab.calls().log.into_iter();
        let assumed = calls.rfind(|call| call.operation == "sts:AssumeRole").unwrap();
        assert_eq!(assumed.region.as_deref(), Some(region));
        machine.run(&["logout"]);
    }
}
