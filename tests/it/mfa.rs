//! Profiles whose role asks for an MFA code: a person types it once, and pulls go on without one.

use lab::{Lab, Permissions, RoleSpec, Trust};

use crate::harness::{HOST, Machine};
use crate::lab_machine::{lab, registry_status};
use crate::python::python_tool;
use crate::terminal::{Ended, Stdout, Terminal};

const QUESTION: &str = "Code of the MFA device arn:aws:iam::111122223333:mfa/mia: ";
/// Prints the key that a command got.
const SHOW_KEY: [&str; 4] = ["--", "sh", "-c", "echo key $AWS_ACCESS_KEY_ID"];

/// A lab with a user who has an MFA device, and a machine with her profile.
struct Office {
    lab: Lab,
    machine: Machine,
    device: String,
}

impl Office {
    fn new() -> Self {
        let lab = lab();
        let key = lab.add_user(lab::ACCOUNT, "mia");
        let (serial, device) = lab.add_mfa_device(lab::ACCOUNT, "mia");
        let principals = vec![lab::ACCOUNT.to_owned()];
        let add_role = |name: &str, trust| {
            let permissions = Permissions::default();
            let (account, name) = (lab::ACCOUNT.into(), name.into());
            lab.add_role(RoleSpec {
                account,
                name,
                trust: vec![trust],
                max_duration: 3600,
                permissions,
            })
        };
        let careful = add_role(
            "careful",
            Trust::AwsWithMfa {
                principals: principals.clone(),
            },
        );
        let next = add_role(
            "next",
            Trust::Aws {
                principals,
                external_id: None,
            },
        );
        let machine = Machine::new()
            .with("AWS_ENDPOINT_URL", &lab.http_url())
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_DEFAULT_REGION", "eu-west-1");
        let (id, secret) = (&key.id, &key.secret);
        machine.write(
            ".aws/config",
            &format!(
                "[profile keys]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
                 [profile prod]\nrole_arn = {careful}\nsource_profile = keys\nmfa_serial = {serial}\n\
                 [profile next]\nrole_arn = {next}\nsource_profile = prod\n"
            ),
        );
        Self { lab, machine, device }
    }

    fn code(&self) -> String {
        self.lab.cognito().totp_of(&self.device).unwrap()
    }

    /// Runs a command at a terminal, and types the code.
    fn with_code(&self, args: &[&str]) -> Ended {
        let mut terminal = Terminal::run(&self.machine, args, Stdout::Pipe);
        terminal.expect(QUESTION).answer(&self.code());
        let ended = terminal.end();
        assert!(!ended.shown.contains(&self.code()), "{ended:?}");
        ended
    }

    fn assumed(&self) -> u64 {
        self.lab.count("sts:AssumeRole")
    }
}

fn assume<'a>(profile: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["assume", "--profile", profile], rest].concat()
}

#[test]
fn a_session_that_a_person_began_serves_pulls() {
    let office = Office::new();
    let ended = office.with_code(&assume("prod", &SHOW_KEY));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("key ASIA"), "{ended:?}");
    // The profile is named by the variable, by the flag and by a rule, without a terminal and without a new session.
    let machine = &office.machine;
    let again = machine.run(&assume("prod", &SHOW_KEY));
    again.is(0, &ended.stdout, "");
    let rule = format!("registries:\n  - match: {HOST}\n    profile: prod\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&office.lab, HOST, &password), 200);
    machine.write(".config/ecr-auth/ecr-auth.yml", "");
    assert_eq!(office.assumed(), 1);
}

#[test]
fn a_role_after_the_one_that_asks_uses_the_kept_session() {
    let office = Office::new();
    let ended = office.with_code(&assume("next", &SHOW_KEY));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(office.assumed(), 2);
    let role = "arn:aws:iam::111122223333:role/next";
    let machine = office.machine.with("AWS_PROFILE", "next");
    assert_ne!(machine.helper("get", HOST).password(), "");
    // The role of a flag is assumed with the same session.
    let other = machine.run(&["assume", "--role-arn", role, "--", "true"]);
    other.is(0, "", "");
}

#[test]
fn login_asks_once_for_all_registries() {
    let office = Office::new();
    let other = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
    let ended = office.with_code(&["login", "--profile", "prod", "--format", "json", HOST, other]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(office.assumed(), 1);
    // This also works if the caller's registry has to be found first.
    let office = Office::new();
    let ended = office.with_code(&["login", "--profile", "prod", "--format", "json"]);
    assert_eq!((ended.status, office.assumed()), (0, 1), "{ended:?}");
}

#[test]
fn without_a_terminal_the_error_names_the_command() {
    let office = Office::new();
    let cause = "arn:aws:iam::111122223333:role/careful asks for a code of the MFA device \
                 arn:aws:iam::111122223333:mfa/mia, and no session is kept";
    let outcome = office.machine.run(&assume("prod", &["--", "true"]));
    let told = format!(
        "error: profile prod: {cause} [EA0304]\nhint: at a terminal, run: ecr-auth assume --profile prod -- true\n"
    );
    outcome.is(1, "", &told);
    let machine = office.machine.with("AWS_PROFILE", "prod");
    let pull = machine.helper("get", HOST);
    assert_eq!(pull.status, 1);
    assert!(
        pull.stderr.contains("ecr-auth assume --profile prod -- true"),
        "{pull:?}"
    );
    assert_eq!(office.lab.calls().log.len(), 0);
}

#[test]
fn a_wrong_code_is_told_apart_from_a_denial() {
    let office = Office::new();
    for (typed, cause) in [
        (
            "000000",
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
        ),
        ("12345", "a code has 6 digits"),
        ("", "the answer is empty"),
    ] {
        let mut terminal = Terminal::run(&office.machine, &assume("prod", &["--", "true"]), Stdout::Pipe);
        terminal.expect(QUESTION).answer(typed);
        let ended = terminal.end();
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.shown.contains(cause), "{ended:?}");
    }
    // Nothing is kept.
    assert_eq!(office.with_code(&assume("prod", &["--", "true"])).status, 0);
}

#[test]
fn with_the_cache_off_a_session_is_for_one_command() {
    let mut office = Office::new();
    office.machine.set("ECR_AUTH_CACHE", "off");
    assert_eq!(office.with_code(&assume("prod", &["--", "true"])).status, 0);
    let pull = office
        .machine
        .run(&["login", "--profile", "prod", "--format", "password", HOST]);
    assert_eq!(pull.status, 1);
    assert!(pull.stderr.contains("the cache is off"), "{pull:?}");
}

#[test]
fn another_source_of_the_profile_does_not_get_the_session() {
    let office = Office::new();
    assert_eq!(office.with_code(&assume("prod", &["--", "true"])).status, 0);
    let config = office.machine.read(".aws/config");
    let secret = config.lines().find(|line| line.starts_with("aws_secret")).unwrap();
    office.machine.write(
        ".aws/config",
        &config.replace(secret, "aws_secret_access_key = guessed"),
    );
    assert_eq!(office.machine.run(&assume("prod", &["--", "true"])).status, 1);
}

/// The AWS CLI gets a session by the same code.
#[test]
fn the_aws_cli_gets_a_session_from_the_same_profile() {
    let office = Office::new();
    let line = [
        "sts",
        "get-caller-identity",
        "--profile",
        "prod",
        "--query",
        "Arn",
        "--output",
        "text",
    ];
    let mut terminal = Terminal::run_program(&office.machine, &python_tool("aws"), &line, Stdout::Pipe);
    terminal
        .expect("Enter MFA code for arn:aws:iam::111122223333:mfa/mia: ")
        .answer(&office.code());
    let ended = terminal.end();
    assert!(
        ended
            .stdout
            .starts_with("arn:aws:sts::111122223333:assumed-role/careful/"),
        "{ended:?}"
    );
}
