//! `ecr-auth cognito` without anybody to ask: passwords in files and variables, what is kept, what is refused.

use lab::cognito::{CLIENT_ID, CLIENT_SECRET, IDENTITY_POOL_ID, Mfa, SECRET_CLIENT_ID, USER_POOL_ID, UserSpec};
use lab::{Fault, FaultRule, Lab, Permissions, RoleSpec, Service, Trust};
use rstest::rstest;
use serde_json::Value;

use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{lab, registry_status};

pub const PASSWORD: &str = "Correct-horse-battery-1";

/// A lab with a user who has a password and a licence.
pub fn lab_with_user() -> Lab {
    let lab = lab();
    let user = UserSpec::new("maria")
        .password(PASSWORD)
        .attribute("email", "maria@example.com");
    lab.cognito().add_user(user.group("licensed")).unwrap();
    lab
}

/// A machine of hers, without AWS credentials.
pub fn machine(lab: &Lab) -> Machine {
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write("password", &format!("{PASSWORD}\n"));
    machine
}

/// The vendor's ids in the configuration, and hers.
pub fn configure(machine: &Machine) {
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {CLIENT_ID}\n  identity-pool-id: {IDENTITY_POOL_ID}\n  username: maria\n\
             registries:\n  - match: {HOST}\n    source: cognito\n"
        ),
    );
}

/// The flags of the lab's user pool with an app client, for the commands that change a password.
pub fn password_flags(what: &str, client_id: &str) -> Vec<String> {
    let mut flags = flags(client_id);
    flags.drain(5..7);
    flags.insert(1, what.to_owned());
    flags
}

/// The flags of the lab's pools with an app client.
pub fn flags(client_id: &str) -> Vec<String> {
    let flags = [
        "cognito",
        "--user-pool-id",
        USER_POOL_ID,
        "--client-id",
        client_id,
        "--identity-pool-id",
        IDENTITY_POOL_ID,
        "--username",
        "maria",
    ];
    flags.map(str::to_owned).to_vec()
}

pub fn run(machine: &Machine, client_id: &str, more: &[&str]) -> Outcome {
    let flags = flags(client_id);
    let args: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    machine.run(&args)
}

pub fn with_file(machine: &Machine, client_id: &str) -> Outcome {
    let file = machine.home().join("password");
    run(machine, client_id, &["--password-file", file.to_str().unwrap()])
}

pub fn credentials(outcome: &Outcome) -> Value {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn a_password_becomes_credentials_of_the_groups_role() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let printed = credentials(&with_file(&machine, CLIENT_ID));
    let mut names: Vec<&str> = printed.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AccessKeyId",
            "Expiration",
            "SecretAccessKey",
            "SessionToken",
            "Version"
        ]
    );
    assert_eq!(printed["Version"], 1);
    let text = |name: &str| printed[name].as_str().unwrap().to_owned();
    let machine = machine
        .with("AWS_ACCESS_KEY_ID", &text("AccessKeyId"))
        .with("AWS_SECRET_ACCESS_KEY", &text("SecretAccessKey"))
        .with("AWS_SESSION_TOKEN", &text("SessionToken"));
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
}

/// Takes the AWS credentials out of the cache, and makes what is kept of the sign-in old enough to be refreshed.
pub fn forget_sessions(machine: &Machine) {
    for file in machine.cache_files() {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // A device outlives the sign-in that it was made in.
        if text.contains("group_key") {
            continue;
        }
        if !text.contains("refresh_token") {
            std::fs::remove_file(&file).unwrap();
            continue;
        }
        let mut entry: Value = serde_json::from_str(&text).unwrap();
        let mut kept: Value = serde_json::from_str(entry["token"]["secret"].as_str().unwrap()).unwrap();
        kept["refreshed_at"] = 0.into();
        entry["token"]["secret"] = kept.to_string().into();
        std::fs::write(&file, entry.to_string()).unwrap();
    }
}

#[test]
fn the_helper_takes_the_sign_in_and_never_asks() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    configure(&machine);
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome
            .stdout
            .contains("maria is not signed in [EA0701]; run in a terminal: ecr-auth cognito"),
        "{outcome:?}"
    );
    let file = machine.home().join("password");
    credentials(&machine.run(&["cognito", "--password-file", file.to_str().unwrap()]));
    // At once: those who come together share a failure, and this one is over.
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 1);
    let assumed = machine.run(&["assume", "--source", "cognito"]);
    credentials(&assumed);
}

/// A CI has a password, and nobody to type a code.
#[test]
fn a_second_factor_in_a_ci_says_what_to_do() {
    let lab = lab();
    let user = UserSpec::new("maria").password(PASSWORD).mfa(Mfa::Totp);
    lab.cognito().add_user(user).unwrap();
    let outcome = with_file(&machine(&lab), CLIENT_ID);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = "; in a CI, sign in as a user without a second factor, or give the code with --mfa-code\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    assert!(
        outcome.stderr.contains("code of the authenticator [EA0713]"),
        "{outcome:?}"
    );
}

#[test]
fn an_id_that_nobody_gave_is_missing_and_not_wrong() {
    let outcome = Machine::new().run(&["cognito", "--user-pool-id", USER_POOL_ID]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(
        outcome.stderr.contains("identity-pool-id: it is missing"),
        "{outcome:?}"
    );
}

#[test]
fn without_any_configuration_every_error_names_the_import() {
    let machine = Machine::new().with("AWS_REGION", "eu-west-1");
    for args in [
        &["cognito"][..],
        &["cognito", "setup", HOST],
        &["login", "--source", "cognito", HOST],
        &["assume", "--source", "cognito"],
    ] {
        let outcome = machine.run(args);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("ecr-auth cognito import FILE"), "{outcome:?}");
    }
}

#[rstest]
#[case("InitiateAuth", 2)]
#[case("RespondToAuthChallenge", 1)]
fn only_what_can_be_repeated_is_tried_again(#[case] operation: &str, #[case] calls: u64) {
    let lab = lab_with_user();
    let machine = machine(&lab);
    lab.add_fault(FaultRule {
        service: Service::CognitoIdp,
        operation: Some(operation.into()),
        calls: Some(1),
        fault: Fault::Status { status: 504 },
    });
    let outcome = with_file(&machine, CLIENT_ID);
    assert_eq!(outcome.status == 0, calls > 1, "{outcome:?}");
    assert_eq!(lab.count(&format!("cognito-idp:{operation}")), calls, "{outcome:?}");
}

#[rstest]
#[case("change-password", "--user-pool-id", "evil.invalid/a_z")]
#[case("forgot-password", "--user-pool-id", "evil.invalid/a_z")]
#[case("change-password", "--client-id", "a b")]
#[case("forgot-password", "--username", " ")]
fn ids_are_looked_at_before_anybody_is_asked(#[case] what: &str, #[case] flag: &str, #[case] wrong: &str) {
    let machine = Machine::new().with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let mut args = vec!["cognito", what];
    for (name, right) in [
        ("--user-pool-id", USER_POOL_ID),
        ("--client-id", CLIENT_ID),
        ("--username", "maria"),
    ] {
        args.extend([name, if name == flag { wrong } else { right }]);
    }
    let outcome = machine.run(&args);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(flag.trim_start_matches('-')), "{outcome:?}");
}

#[test]
fn app_clients_with_a_secret() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let without = with_file(&machine, SECRET_CLIENT_ID);
    assert!(without.stderr.contains("--client-secret-file"), "{without:?}");
    let machine = machine.with("ECR_AUTH_COGNITO_CLIENT_SECRET", CLIENT_SECRET);
    credentials(&with_file(&machine, SECRET_CLIENT_ID));
    forget_sessions(&machine);
    credentials(&run(&machine, SECRET_CLIENT_ID, &[]));
}

#[test]
fn what_is_wrong_is_named_with_the_way_out() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", "wrong-Password-1");
    let wrong = run(&machine, CLIENT_ID, &[]);
    assert_eq!(wrong.status, 1);
    assert!(wrong.stderr.contains("Incorrect username or password"), "{wrong:?}");
    assert!(
        wrong.stderr.contains("forgot-password") && !wrong.stderr.contains("wrong-Password-1"),
        "{wrong:?}"
    );
    let unknown = run(&machine, "9unknownclient", &[]);
    assert!(unknown.stderr.contains("--client-id"), "{unknown:?}");
    let nobody = run(&machine.without("ECR_AUTH_COGNITO_PASSWORD"), CLIENT_ID, &[]);
    assert_eq!((nobody.status, nobody.stdout.as_str()), (1, ""));
    assert!(
        nobody
            .stderr
            .contains("hint: run in a terminal: ecr-auth cognito --user-pool-id"),
        "{nobody:?}"
    );
}

#[test]
fn the_role_is_shown_to_who_asks_for_more() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let outcome = run(&machine, CLIENT_ID, &["-v"]);
    assert!(
        outcome
            .stderr
            .contains("role: arn:aws:sts::111122223333:assumed-role/licensed-pull/"),
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains(PASSWORD));
}

#[test]
fn doctor_tells_who_is_signed_in_and_asks_nobody() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    configure(&machine);
    let doctor = |more: &[&str]| machine.run(&[&["doctor"], more, &[HOST]].concat()).stdout;
    let said = doctor(&[]);
    let who = format!("✓ credentials: maria of {USER_POOL_ID} by Cognito's {IDENTITY_POOL_ID}\n");
    assert!(said.contains(&who), "{said}");
    let failed =
        "✗ identity: Amazon Cognito: maria is not signed in [EA0701]\n    run in a terminal: ecr-auth cognito\n";
    assert!(said.contains(failed), "{said}");
    assert!(!machine.home().join(".cache").exists());

    let file = machine.home().join("password");
    credentials(&machine.run(&["cognito", "--password-file", file.to_str().unwrap()]));
    let said = doctor(&[]);
    let who = "✓ identity: AWS knows the credentials: arn:aws:sts::111122223333:assumed-role/licensed-pull/";
    assert!(said.contains(who) && said.contains("✓ token: "), "{said}");
    let said = doctor(&["--redact"]);
    assert!(said.contains("✓ credentials: NAME-"), "{said}");
    let (_, identity_pool) = IDENTITY_POOL_ID.split_once(':').unwrap();
    for name in ["maria", USER_POOL_ID, identity_pool, "licensed-pull"] {
        assert!(!said.contains(name), "{name}: {said}");
    }
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 1);
}

#[test]
fn a_role_that_may_not_sign_in_to_registries_is_named() {
    let lab = lab_with_user();
    lab.cognito().add_group("nobody", Some(&role_of_the_pool(&lab)), 1);
    assert!(lab.cognito().set_groups("maria", &["nobody"]));
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    credentials(&machine.run(&["cognito"]));
    let denied = machine.helper("get", HOST);
    assert_eq!(denied.status, 1);
    assert!(
        denied.stdout.contains("assumed-role/nobody/CognitoIdentityCredentials"),
        "{denied:?}"
    );
}

/// A role that the identity pool may give, and that may do nothing.
fn role_of_the_pool(lab: &Lab) -> String {
    let provider = "cognito-identity.amazonaws.com";
    lab.add_role(RoleSpec {
        account: lab::ACCOUNT.into(),
        name: "nobody".into(),
        trust: vec![
            Trust::WebIdentity {
                provider: provider.into(),
                conditions: Vec::new(),
            },
            Trust::TagSession {
                principals: vec![provider.into()],
            },
        ],
        max_duration: 3600,
        permissions: Permissions::allow([]),
    })
}
