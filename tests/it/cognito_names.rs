//! The names of settings in hints about a sign-in to Cognito: those of the surface that gave them.

use lab::cognito::{CLIENT_ID, CLIENT_SECRET, IDENTITY_POOL_ID, SECRET_CLIENT_ID, USER_POOL_ID};
use lab::{Fault, FaultRule, Lab, Service};
use rstest::rstest;

use crate::cognito::{PASSWORD, configure, credentials, forget_sessions, lab_with_user, machine, run};
use crate::harness::{HOST, Machine, Outcome};

/// The service, its operation, the error's code and message, and the hint with each setting in braces.
type Refusal = (Service, &'static str, &'static str, &'static str, &'static str);

const CLIENT: Refusal = (
    Service::CognitoIdp,
    "InitiateAuth",
    "ResourceNotFoundException",
    "User pool client x does not exist.",
    "check {client-id}, and that it is of this user pool",
);
const USER_POOL: Refusal = (
    Service::CognitoIdp,
    "InitiateAuth",
    "ResourceNotFoundException",
    "User pool x does not exist.",
    "check {user-pool-id}: its region comes first",
);
const IDENTITY_POOL: Refusal = (
    Service::CognitoIdentity,
    "GetId",
    "ResourceNotFoundException",
    "IdentityPool 'x' not found.",
    "check {identity-pool-id}: its region comes first",
);
const NO_SRP: Refusal = (
    Service::CognitoIdp,
    "InitiateAuth",
    "InvalidParameterException",
    "USER_SRP_AUTH is not enabled for the client.",
    "allow the app client ALLOW_USER_SRP_AUTH, or sign in with {flow=user-password} where it has that",
);
const NO_CODE: Refusal = (
    Service::CognitoIdp,
    "InitiateAuth",
    "InvalidParameterException",
    "USER_AUTH is not enabled for the client.",
    "allow the app client ALLOW_USER_AUTH and the user pool e-mail codes as a first factor, or sign in with {flow=srp} or {browser}",
);
const NO_PASSWORD: Refusal = (
    Service::CognitoIdp,
    "InitiateAuth",
    "InvalidParameterException",
    "USER_PASSWORD_AUTH flow not enabled for this client",
    "allow the app client ALLOW_USER_PASSWORD_AUTH, or sign in with {flow=srp}",
);

/// Lets the lab refuse a call.
fn refuse(lab: &Lab, (service, operation, code, message, _): Refusal) {
    lab.add_fault(FaultRule {
        service,
        operation: Some(operation.into()),
        calls: None,
        fault: Fault::Error {
            status: 400,
            code: code.into(),
            message: message.into(),
        },
    });
}

/// Returns a lab that refuses a call, and a machine that knows the password.
fn refusing(refusal: Refusal) -> (Lab, Machine) {
    let lab = lab_with_user();
    refuse(&lab, refusal);
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    (lab, machine)
}

/// Returns the hint with names as a surface has them: `named` makes one from the setting and its value.
fn with_names(hint: &str, named: fn(&str, Option<&str>) -> String) -> String {
    let mut text = String::new();
    for part in hint.split('{') {
        match part.split_once('}') {
            None => text.push_str(part),
            Some((inside, rest)) => {
                let (name, value) = inside.split_once('=').map_or((inside, None), |(n, v)| (n, Some(v)));
                text.push_str(&named(name, value));
                text.push_str(rest);
            }
        }
    }
    text
}

fn flag(name: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!("--{name}"), |value| format!("--{name} {value}"))
}

fn key(name: &str, value: Option<&str>) -> String {
    let text = value.map_or_else(|| format!("{name}:"), |value| format!("{name}: {value}"));
    format!("`{text}` under `cognito:`")
}

#[track_caller]
fn assert_hint(outcome: &Outcome, hint: &str) {
    let line = format!("\nhint: {hint}\n");
    assert!(outcome.stderr.contains(&line), "{line}{outcome:?}");
}

/// Adds lines to the block `cognito` of the machine's `ecr-auth.yml`.
fn add_to_block(machine: &Machine, lines: &str) {
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("registries:\n", &format!("{lines}registries:\n"))).unwrap();
}

#[rstest]
#[case(CLIENT, &[])]
#[case(USER_POOL, &[])]
#[case(IDENTITY_POOL, &[])]
#[case(NO_SRP, &[])]
#[case(NO_PASSWORD, &["--flow", "user-password"])]
#[case(NO_CODE, &["--flow", "email-otp"])]
fn a_flag_is_named_as_a_flag(#[case] refusal: Refusal, #[case] more: &[&str]) {
    let (_lab, machine) = refusing(refusal);
    let outcome = run(&machine, CLIENT_ID, more);
    assert_hint(&outcome, &with_names(refusal.4, flag));
    // The pools are those of the flags, whatever a file says.
    configure(&machine);
    let outcome = run(&machine, CLIENT_ID, more);
    assert_hint(&outcome, &with_names(refusal.4, flag));
}

#[rstest]
#[case(CLIENT, "")]
#[case(USER_POOL, "")]
#[case(IDENTITY_POOL, "")]
#[case(NO_PASSWORD, "  flow: user-password\n")]
fn a_key_is_named_as_a_key(#[case] refusal: Refusal, #[case] lines: &str) {
    let (_lab, machine) = refusing(refusal);
    configure(&machine);
    add_to_block(&machine, lines);
    assert_hint(&machine.run(&["cognito"]), &with_names(refusal.4, key));
}

#[test]
fn what_nothing_gives_is_named_as_a_flag() {
    let (_lab, machine) = refusing(NO_SRP);
    configure(&machine);
    assert_hint(&machine.run(&["cognito"]), &with_names(NO_SRP.4, flag));
}

/// A flag beside a file: each has its own name.
#[test]
fn what_comes_from_two_surfaces_has_the_names_of_both() {
    let (_lab, machine) = refusing(CLIENT);
    configure(&machine);
    let outcome = machine.run(&["cognito", "--client-id", "9other"]);
    assert_hint(&outcome, &with_names(CLIENT.4, flag));
    let (_lab, machine) = refusing(NO_PASSWORD);
    configure(&machine);
    add_to_block(&machine, "  flow: email-otp\n");
    let outcome = machine.run(&["cognito", "--flow", "user-password"]);
    assert_hint(&outcome, &with_names(NO_PASSWORD.4, flag));
    let (_lab, machine) = refusing(NO_CODE);
    configure(&machine);
    add_to_block(&machine, "  flow: email-otp\n");
    let both = NO_CODE
        .4
        .replace("{flow=srp}", &key("flow", Some("srp")))
        .replace("{browser}", "--browser");
    assert_hint(&machine.run(&["cognito"]), &both);
    // change-password has no such flag.
    let none = both.replace("--browser", &key("browser", None));
    let outcome = machine.run(&["cognito", "change-password"]);
    assert_hint(&outcome, &none);
}

/// The vendor's file is no `ecr-auth.yml`, and has the same keys.
#[test]
fn a_key_of_a_vendors_file_is_named_as_a_key() {
    let (_lab, machine) = refusing(CLIENT);
    let vendor = format!(
        "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {CLIENT_ID}\n  identity-pool-id: {IDENTITY_POOL_ID}\n\
         registries:\n  - match: {HOST}\n    source: cognito\n"
    );
    let file = machine.write("vendor.yml", &vendor).display().to_string();
    let bin = machine.path("bin").display().to_string();
    let import = [
        "cognito",
        "import",
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        &file,
        "--yes",
    ];
    assert_eq!(machine.run(&import).status, 0);
    let outcome = machine.run(&["cognito", "--username", "maria"]);
    assert_hint(&outcome, &with_names(CLIENT.4, key));
}

/// `doctor` has no flag for it, so it cannot be one.
#[test]
fn a_command_without_the_flag_names_the_key() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    credentials(&machine.run(&["cognito"]));
    forget_sessions(&machine);
    refuse(
        &lab,
        (CLIENT.0, "GetTokensFromRefreshToken", CLIENT.2, CLIENT.3, CLIENT.4),
    );
    let said = machine.run(&["doctor", HOST]).stdout;
    let hint = with_names(CLIENT.4, key);
    assert!(said.contains(&hint) && !said.contains("--client-id"), "{hint}: {said}");
    let denied = machine.run(&["assume", "--source", "cognito"]);
    assert_hint(&denied, &hint);
}

/// The app client's secret has a flag, a key and a variable. Where nothing gives it, every way to give it is named.
#[test]
fn the_client_secret_is_named_where_it_is_given() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let secret = machine
        .write("secret", "no-secret-of-this-client")
        .display()
        .to_string();
    let hint = |place: &str| format!("give the app client's secret with {place}, or none if it has none");
    let nowhere = run(&machine, SECRET_CLIENT_ID, &[]);
    assert_hint(
        &nowhere,
        &hint("--client-secret-file or ECR_AUTH_COGNITO_CLIENT_SECRET"),
    );
    let by_flag = run(&machine, SECRET_CLIENT_ID, &["--client-secret-file", &secret]);
    assert_hint(&by_flag, &hint("--client-secret-file"));
    let machine = machine.with("ECR_AUTH_COGNITO_CLIENT_SECRET", "no-secret-of-this-client");
    let by_variable = run(&machine, SECRET_CLIENT_ID, &[]);
    assert_hint(&by_variable, &hint("ECR_AUTH_COGNITO_CLIENT_SECRET"));
    configure(&machine);
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace(CLIENT_ID, SECRET_CLIENT_ID);
    std::fs::write(&path, text).unwrap();
    let by_variable = machine.run(&["cognito"]);
    assert_hint(&by_variable, &hint("ECR_AUTH_COGNITO_CLIENT_SECRET"));
    add_to_block(&machine, &format!("  client-secret-file: {secret}\n"));
    let by_key = machine.run(&["cognito"]);
    assert_hint(&by_key, &hint("`client-secret-file:` under `cognito:`"));
    // The right one is taken.
    machine.write("secret", CLIENT_SECRET);
    credentials(&machine.run(&["cognito"]));
}

/// The literals of mentions name settings that exist.
#[test]
fn every_mention_in_a_literal_is_of_a_setting() {
    use settings::{CognitoSettings, SettingValues};

    let literal = regex_lite::Regex::new(r#"mention!\("([a-z-]+)"(?:, "([a-z-]+)")?\)"#).unwrap();
    let mut count = 0;
    for file in [
        include_str!("../../crates/cognito/src/refusal.rs"),
        include_str!("../../crates/cognito/src/managed_login.rs"),
        include_str!("../../crates/cognito/src/sign_in.rs"),
        include_str!("../../src/browser/callback.rs"),
    ] {
        count += file.matches("mention!(").count();
        for found in literal.captures_iter(file) {
            let setting = SettingValues::<CognitoSettings>::setting(&found[1]).expect(&found[0]);
            let value = found.get(2).map(|value| value.as_str());
            if let (Some(value), settings::ValueKind::OneOf(words)) = (value, setting.kind) {
                assert!(words.iter().any(|(word, _)| *word == value), "{}", &found[0]);
            }
            count -= 1;
        }
    }
    assert_eq!(count, 0, "a mention of another form");
}
