//! Rules of `ecr-auth.yml` that were written for the user: `logout` as a process takes them back.

use configuration::{RuleEdit, Value};
use context::Env;

use crate::harness::{HOST, Machine};

const CONFIG: &str = ".config/ecr-auth/ecr-auth.yml";

fn env(machine: &Machine) -> Env {
    [("HOME", machine.home().display().to_string())].into_iter().collect()
}

fn write_rule(machine: &Machine) {
    let edit = RuleEdit {
        match_: HOST.to_owned(),
        registry: None,
        keys: vec![("profile", Value::Text("ci".to_owned()))],
    };
    configuration::write(&env(machine), None, None, &[edit]).unwrap();
}

#[test]
fn logout_takes_rules_back() {
    let machine = Machine::new();
    write_rule(&machine);
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let taken_back = format!("configuration: the rule of {HOST} taken back in ");
    assert!(outcome.stderr.contains(&taken_back), "{outcome:?}");
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
        machine.read(CONFIG)
    };
    assert!(logout(&folders[0]).contains(HOST));
    assert_eq!(logout(&folders[1]), before);
}

#[test]
fn an_identity_without_a_registry_is_of_the_roles_own_and_takes_no_other_rules_place() {
    // Without credentials: whose registry it is stands in the role's name.
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
            machine.read(CONFIG),
            format!("{rule}  - match: {HOST}\n    role-arn: arn:aws:iam::111122223333:role/ci\n")
        );
    }
    let store = setup(&["--creds-store"]);
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
    let warning = format!("warning: for {HOST} the rule of *.dkr.ecr.*.amazonaws.com holds no longer");
    assert!(setup("push").contains(&warning));
    assert!(!setup("pull").contains(&warning), "it has a rule of its own by now");
}
