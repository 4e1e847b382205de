//! User pools that remember devices, codes that take a password's place, and what a sign-in that is over leaves.

use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, Mfa, ROTATING_CLIENT_ID, USER_POOL_ID, UserSpec};
use lab::{Fault, FaultRule, Lab, Service};
use rstest::rstest;

use crate::cognito::{PASSWORD, configure, forget_sessions, lab_with_user, machine, run};
use crate::harness::{HOST, Machine};
use crate::lab_machine::{lab, registry_status};
use crate::terminal::{Stdout, Terminal};

/// A lab that remembers devices, with a user who has an authenticator.
fn tracking() -> Lab {
    let lab = lab();
    let user = UserSpec::new("maria")
        .password(PASSWORD)
        .mfa(Mfa::Totp)
        .group("licensed");
    lab.cognito().add_user(user).unwrap();
    lab.cognito().remember_devices(true);
    lab
}

fn with_code(lab: &Lab, machine: &Machine, client: &str) -> crate::harness::Outcome {
    let code = lab.cognito().totp("maria").unwrap();
    run(machine, client, &["--mfa-code", &code])
}

#[rstest]
#[case(CLIENT_ID)]
#[case(ROTATING_CLIENT_ID)]
fn a_device_is_confirmed_and_shown_with_every_refresh(#[case] client: &str) {
    let lab = tracking();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    assert_eq!(with_code(&lab, &machine, client).status, 0);
    assert_eq!(lab.count("cognito-idp:ConfirmDevice"), 1);
    for _ in 0..2 {
        forget_sessions(&machine);
        let outcome = run(&machine, client, &[]);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    }
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 1);
}

/// Some stand-ins know the older call alone.
#[test]
fn the_older_refresh_shows_the_device_too() {
    let lab = tracking();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    assert_eq!(with_code(&lab, &machine, CLIENT_ID).status, 0);
    forget_sessions(&machine);
    lab.add_fault(FaultRule {
        service: Service::CognitoIdp,
        operation: Some("GetTokensFromRefreshToken".into()),
        calls: None,
        fault: Fault::Error {
            status: 400,
            code: "UnknownOperationException".into(),
            message: String::new(),
        },
    });
    let outcome = run(&machine, CLIENT_ID, &[]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
}

/// A sign-in that came to its end is done anew on the same device: the device spares the code.
#[test]
fn a_remembered_device_spares_the_second_factor() {
    let lab = tracking();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    assert_eq!(with_code(&lab, &machine, CLIENT_ID).status, 0);
    forget_sessions(&machine);
    lab.cognito().revoke("maria");
    let again = run(&machine, CLIENT_ID, &[]);
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(lab.count("cognito-idp:ConfirmDevice"), 1);
    forget_sessions(&machine);
    assert_eq!(run(&machine, CLIENT_ID, &[]).status, 0);
}

/// The user pool's owner may forget a device: the next sign-in makes a new one.
#[test]
fn a_device_that_was_forgotten_is_made_anew() {
    let lab = tracking();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    assert_eq!(with_code(&lab, &machine, CLIENT_ID).status, 0);
    forget_sessions(&machine);
    lab.cognito().revoke("maria");
    lab.cognito().forget_devices();
    lab.advance(std::time::Duration::from_secs(60));
    let again = with_code(&lab, &machine, CLIENT_ID);
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(lab.count("cognito-idp:ConfirmDevice"), 2);
}

/// A customer without a password: the code comes by e-mail, or by SMS.
fn by_code(user: UserSpec, question: &str) -> (Lab, Machine) {
    let lab = lab();
    lab.cognito().add_user(user.group("licensed")).unwrap();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {ROTATING_CLIENT_ID}\n  identity-pool-id: {IDENTITY_POOL_ID}\n  \
             username: maria\n  flow: email-otp\nregistries:\n  - match: {HOST}\n    source: cognito\n"
        ),
    );
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect(question).expect(": ").answer("1");
    terminal.expect("Not accepted: CodeMismatchException");
    terminal.expect(question).expect(": ");
    let sent = lab.cognito().messages("maria");
    terminal.answer(&sent.last().unwrap().code);
    terminal.expect(&format!("Signed in as maria. Next: docker pull {HOST}/REPOSITORY"));
    assert_eq!(terminal.end().status, 0);
    (lab, machine)
}

#[test]
fn a_code_by_e_mail_takes_the_passwords_place() {
    let user = UserSpec::new("maria").passkey().attribute("email", "maria@example.com");
    let (lab, machine) = by_code(user, "Code sent to m***@e***");
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 1);
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
}

#[test]
fn without_an_e_mail_address_the_code_comes_by_sms() {
    let user = UserSpec::new("maria")
        .passkey()
        .attribute("phone_number", "+15555550100");
    by_code(user, "Code sent to +");
}

#[test]
fn a_user_who_is_sent_no_code_reads_what_there_is() {
    let lab = lab();
    let user = UserSpec::new("maria").password(PASSWORD);
    lab.cognito().add_user(user).unwrap();
    let outcome = run(&machine(&lab), ROTATING_CLIENT_ID, &["--flow", "email-otp"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("sends this user no code to sign in with, and offers: PASSWORD_SRP [EA0706]"),
        "{outcome:?}"
    );
    let refused = run(&machine(&lab), CLIENT_ID, &["--flow", "email-otp"]);
    assert!(
        refused.stderr.contains("allow the app client ALLOW_USER_AUTH"),
        "{refused:?}"
    );
}

/// The pools' owner ends it; the next renewal hears of it, and from then on nothing that came of the sign-in is handed out.
#[rstest]
#[case::disabled(|lab: &Lab| assert!(lab.cognito().set_enabled("maria", false)))]
#[case::revoked(|lab: &Lab| assert!(lab.cognito().revoke("maria")))]
fn a_user_whose_sign_in_is_over_is_served_no_more(#[case] end: fn(&Lab)) {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    assert_eq!(machine.run(&["cognito"]).status, 0);
    machine.helper("get", HOST).password();
    end(&lab);
    // Within the hour, nothing is asked.
    machine.helper("get", HOST).password();
    let machine = machine.without("ECR_AUTH_COGNITO_PASSWORD");
    make_sign_in_old(&machine);
    let heard = machine.run(&["cognito"]);
    assert_eq!(heard.status, 1, "{heard:?}");
    assert!(heard.stderr.contains("maria is no longer signed in"), "{heard:?}");
    let after = machine.helper("get", HOST);
    assert_eq!(after.status, 1, "{after:?}");
    assert!(after.stdout.contains("maria is not signed in"), "{after:?}");
    // It is gone, and not only hidden.
    for file in machine.cache_files() {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let empty = text.matches("\"secret\":\"\"").count();
        assert_eq!(text.matches("\"secret\":\"").count(), empty, "{file:?}: {text}");
    }
}

/// The password is renewed with the session, an hour after it was fetched, and not after six: what is refused then is not served on.
#[test]
fn a_password_of_a_user_is_renewed_with_the_session() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    assert_eq!(machine.run(&["cognito"]).status, 0);
    machine.helper("get", HOST).password();
    lab.cognito().set_enabled("maria", false);
    make_sign_in_old(&machine);
    renew_passwords_now(&machine);
    let refused = machine.helper("get", HOST);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stdout.contains("maria is no longer signed in"), "{refused:?}");
}

/// A failing network does not mean that Cognito refuses: the password is used while it is valid.
#[test]
fn a_network_that_is_down_ends_nothing() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    assert_eq!(machine.run(&["cognito"]).status, 0);
    machine.helper("get", HOST).password();
    make_sign_in_old(&machine);
    renew_passwords_now(&machine);
    lab.add_fault(FaultRule {
        service: Service::CognitoIdp,
        operation: None,
        calls: None,
        fault: Fault::Status { status: 503 },
    });
    machine.helper("get", HOST).password();
}

/// As an hour makes it: its tokens have to be renewed, and its session is gone.
fn make_sign_in_old(machine: &Machine) {
    for file in machine.cache_files() {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.contains("secret_access_key") {
            std::fs::remove_file(&file).unwrap();
        } else if text.contains("refresh_token") {
            change_entry(&file, |entry| {
                let mut kept: serde_json::Value =
                    serde_json::from_str(entry["token"]["secret"].as_str().unwrap()).unwrap();
                kept["refreshed_at"] = 0.into();
                entry["token"]["secret"] = kept.to_string().into();
            });
        }
    }
}

/// As the time makes them that is written beside them.
fn renew_passwords_now(machine: &Machine) {
    let mut found = 0;
    for file in machine.cache_files() {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.contains(HOST) {
            change_entry(&file, |entry| {
                let renew_at = entry["token"]["renew_at"]
                    .as_u64()
                    .expect("the password says when it is renewed");
                let fetched_at = entry["token"]["fetched_at"].as_u64().unwrap();
                assert!(renew_at - fetched_at <= 3600 * 1000, "{entry}");
                entry["token"]["renew_at"] = fetched_at.into();
            });
            found += 1;
        }
    }
    assert_eq!(found, 1);
}

fn change_entry(file: &std::path::Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut entry: serde_json::Value = serde_json::from_str(&text).unwrap();
    change(&mut entry);
    std::fs::write(file, entry.to_string()).unwrap();
}
