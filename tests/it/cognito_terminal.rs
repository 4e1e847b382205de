//! `ecr-auth cognito` with a person at the terminal: the first sign-in, codes, wrong answers, passwords changed and forgotten.

use std::path::Path;

use lab::Lab;
use lab::cognito::{CLIENT_ID, DEMO_PASSWORD, IDENTITY_POOL_ID, Mfa, ROTATING_CLIENT_ID, USER_POOL_ID, UserSpec};
use rstest::rstest;
use rustix::process::Signal;

use crate::harness::{HOST, Machine, binary};
use crate::lab_machine::{lab, registry_status};
use crate::terminal::{CTRL_C, Stdout, Terminal};

const PASSWORD: &str = "Correct-horse-battery-1";
const NEW: &str = "Another-horse-battery-2";

/// A customer's machine: the vendor's ids are in its configuration.
fn machine(lab: &Lab, client_id: &str) -> Machine {
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "cognito:\n  user-pool-id: {USER_POOL_ID}\n  client-id: {client_id}\n  identity-pool-id: {IDENTITY_POOL_ID}\n\
             registries:\n  - match: {HOST}\n    source: cognito\n"
        ),
    );
    machine
}

fn add(lab: &Lab, user: UserSpec) {
    let user = user
        .attribute("email", "ada@example.com")
        .attribute("phone_number", "+15555550100");
    lab.cognito().add_user(user.group("licensed")).unwrap();
}

fn user() -> UserSpec {
    UserSpec::new("maria").password(PASSWORD)
}

/// The key in the URI that the terminal shows.
fn totp_key(shown: &str) -> String {
    let (_, after) = shown.split_once("?secret=").unwrap();
    after.split('&').next().unwrap().to_owned()
}

#[test]
fn a_first_sign_in_with_a_temporary_password_and_an_authenticator_to_set_up() {
    let lab = lab();
    lab.cognito().require_attributes(&["email", "name"]);
    let user = UserSpec::new("maria").temporary_password(PASSWORD).mfa(Mfa::Setup);
    add(&lab, user);
    let machine = machine(&lab, ROTATING_CLIENT_ID);
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect("User name: ").answer("maria");
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal.expect("First sign-in: choose a new password (at least 12 characters, ");
    terminal.expect("): ").answer("short");
    terminal.expect("Repeat it: ").answer("short");
    terminal.expect("Your name: ").answer("Maria");
    terminal.expect("Not accepted: InvalidPasswordException");
    terminal.expect("): ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("otpauth://totp/").expect("Code it shows: ");
    let key = totp_key(terminal.shown());
    terminal.answer("000000");
    terminal
        .expect("Not accepted: EnableSoftwareTokenMFAException")
        .expect("Code it shows: ");
    terminal.answer(&lab.cognito().totp_of(&key).unwrap());
    terminal.expect(&format!("Signed in as maria. Next: docker pull {HOST}/REPOSITORY"));
    let ended = terminal.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    for secret in [PASSWORD, NEW, "SecretAccessKey", "arn:aws"] {
        assert!(!ended.shown.contains(secret), "{ended:?}");
    }
    // The next pull asks nothing.
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
}

#[test]
fn every_kind_of_code() {
    for (kind, question) in [(Mfa::Sms, "Code sent to +"), (Mfa::Email, "Code sent to a***@e***")] {
        let lab = lab();
        add(&lab, user().mfa(kind));
        let machine = machine(&lab, CLIENT_ID);
        let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Pipe);
        terminal.expect("Password of maria: ").answer(PASSWORD);
        terminal.expect(question).expect(": ").answer("1");
        // Up to the question itself: what is typed before it is thrown away.
        terminal.expect("Not accepted: CodeMismatchException");
        terminal.expect(question).expect(": ");
        let sent = lab.cognito().messages("maria");
        terminal.answer(&sent.last().unwrap().code);
        let ended = terminal.end();
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(ended.stdout.starts_with(r#"{"Version":1,"#), "{ended:?}");
        assert_eq!(sent.len(), 1, "a wrong code has no other one sent");
    }
}

#[test]
fn one_of_several_kinds_is_chosen() {
    let lab = lab();
    add(
        &lab,
        user().mfa(Mfa::Totp).mfa(Mfa::Sms).totp_secret("JBSWY3DPEHPK3PXP"),
    );
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal
        .expect("1  a code of the authenticator")
        .expect("Which code, 1 to 2: ")
        .answer("1");
    terminal
        .expect("Code of the authenticator: ")
        .answer(&lab.cognito().totp("maria").unwrap());
    terminal.expect("Signed in as maria");
    assert_eq!(terminal.end().status, 0);
}

/// A person whose stderr goes into a file sees the question. The caller of a `credential_process` that reads stdout and stderr shows nothing.
#[test]
fn questions_go_to_the_terminal_though_stderr_is_a_file() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let line = format!("'{}' cognito --username maria 2>\"$HOME/log\"", binary().display());
    let of_shell = |stdout| Terminal::run_program(&machine, Path::new("/bin/sh"), &["-c", &line], stdout);
    let ended = of_shell(Stdout::Pipe).end();
    assert_eq!((ended.status, ended.shown.as_str()), (1, ""), "{ended:?}");
    assert!(machine.read("log").contains("error: no terminal: "), "{ended:?}");
    let mut terminal = of_shell(Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    let ended = terminal.end();
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn questions_go_to_the_terminal_though_stdin_is_a_pipe() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let line = format!("echo wrong | '{}' cognito --username maria", binary().display());
    let mut terminal = Terminal::run_program(&machine, Path::new("/bin/sh"), &["-c", &line], Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal.expect("Signed in as maria");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn the_helper_asks_nothing_though_there_is_a_terminal() {
    let lab = lab();
    let machine = machine(&lab, CLIENT_ID);
    let rules = machine.read(".config/ecr-auth/ecr-auth.yml");
    let rules = rules.replacen("cognito:\n", "cognito:\n  username: maria\n", 1);
    machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let mut terminal = Terminal::run(&machine, &["helper", "get"], Stdout::Terminal);
    terminal.press(HOST).press("\r\x04").expect("maria is not signed in");
    let ended = terminal.end();
    assert_eq!(ended.status, 1);
    assert!(!ended.shown.contains("Password"), "{ended:?}");
}

#[test]
fn giving_up_leaves_the_terminal_as_it_was() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Terminal);
    terminal.expect("Password of maria: ");
    terminal.press("half").press(CTRL_C);
    terminal.expect("error: sign-in: given up");
    let ended = terminal.end();
    assert_eq!(ended.status, 1);
    assert!(!ended.shown.contains("half"), "{ended:?}");
}

#[rstest]
#[case(Signal::TERM)]
#[case(Signal::HUP)]
#[case(Signal::INT)]
fn a_signal_leaves_the_terminal_as_it_was(#[case] signal: Signal) {
    let lab = lab();
    add(&lab, user().mfa(Mfa::Totp).totp_secret("JBSWY3DPEHPK3PXP"));
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Terminal);
    terminal.expect("Password of maria: ").press("half").signal(signal);
    assert_eq!(terminal.end().status, -signal.as_raw(), "it ends as anybody does");
    // Also where it is not the first question.
    let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal.expect("Code of the authenticator: ").signal(signal);
    assert_eq!(terminal.end().status, -signal.as_raw());
}

#[test]
fn credentials_that_cannot_be_kept_are_not_called_kept() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let folder = machine.write("file", "no folder").join("x");
    let machine = machine.with("ECR_AUTH_CACHE_DIR", folder.to_str().unwrap());
    let mut terminal = Terminal::run(&machine, &["cognito", "--username", "maria"], Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal.expect("could not be kept");
    terminal.end();
}

#[test]
fn a_line_can_be_corrected() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(&machine, &["cognito"], Stdout::Terminal);
    terminal.expect("User name: ").press("evé\x7f\x15marix\x7fa\r");
    terminal
        .expect("Password of maria: ")
        .press("wrong\x15")
        .answer(PASSWORD);
    terminal.expect("Signed in as maria");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn a_password_is_changed_and_the_old_one_counts_no_more() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(
        &machine,
        &["cognito", "change-password", "--username", "maria"],
        Stdout::Terminal,
    );
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal.expect("New password: ").answer("short");
    terminal.expect("Repeat it: ").answer("short");
    terminal.expect("Not accepted: InvalidPasswordException");
    terminal.expect("New password: ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("the password of maria is changed");
    assert_eq!(terminal.end().status, 0);
    let old = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let config = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let args = ["--config", config.to_str().unwrap(), "cognito", "--username", "maria"];
    let refused = old.with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD).run(&args);
    assert!(refused.stderr.contains("Incorrect username or password"), "{refused:?}");
    let other = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    assert_eq!(other.with("ECR_AUTH_COGNITO_PASSWORD", NEW).run(&args).status, 0);
}

#[test]
fn a_forgotten_password_is_replaced() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let mut terminal = Terminal::run(
        &machine,
        &["cognito", "forgot-password", "--username", "maria"],
        Stdout::Terminal,
    );
    terminal.expect("A code was sent to ").expect("Code: ");
    terminal.answer("000000");
    terminal.expect("New password: ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("Not accepted: CodeMismatchException").expect("Code: ");
    let sent = lab.cognito().messages("maria");
    terminal.answer(&sent.last().unwrap().code);
    terminal.expect("the password of maria is replaced");
    assert_eq!(terminal.end().status, 0);
    let machine = machine.with("ECR_AUTH_COGNITO_PASSWORD", NEW);
    assert_eq!(machine.run(&["cognito", "--username", "maria"]).status, 0);
}

#[test]
fn another_password_is_asked_for_after_a_wrong_code_too() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    let args = ["cognito", "forgot-password", "--username", "maria"];
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Code: ").answer("000000");
    terminal.expect("New password: ").answer("short");
    terminal.expect("Repeat it: ").answer("short");
    terminal.expect("Not accepted: CodeMismatchException").expect("Code: ");
    let sent = lab.cognito().messages("maria");
    terminal.answer(&sent.last().unwrap().code);
    terminal.expect("Not accepted: InvalidPasswordException");
    terminal.expect("New password: ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("the password of maria is replaced");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn the_first_password_is_not_replaced_before_it_was_used() {
    let lab = lab();
    add(&lab, UserSpec::new("maria").temporary_password(PASSWORD));
    let machine = machine(&lab, CLIENT_ID);
    let outcome = machine.run(&["cognito", "forgot-password", "--username", "maria"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = "User password cannot be reset in the current state. [EA0704]\n\
                hint: the first password was never used: ask whoever sent you the file for another one; a company's user has no password here\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

#[test]
fn a_slip_in_the_repetition_is_asked_for_again() {
    let lab = lab();
    add(&lab, UserSpec::new("maria").temporary_password(PASSWORD));
    let machine = machine(&lab, CLIENT_ID);
    let args = ["cognito", "--username", "maria"];
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(PASSWORD);
    terminal
        .expect("First sign-in: choose a new password")
        .expect("): ")
        .answer(NEW);
    terminal.expect("Repeat it: ").answer("Another-horse-battery-3");
    terminal.expect("Not accepted: the two are not the same");
    terminal
        .expect("First sign-in: choose a new password")
        .expect("): ")
        .answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("Signed in as maria");
    assert_eq!(terminal.end().status, 0);
    // Not for ever.
    let args = ["cognito", "change-password"];
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Password of maria: ").answer(NEW);
    for typed in ["1", "2", "3"] {
        terminal.expect("New password: ").answer(PASSWORD);
        terminal.expect("Repeat it: ").answer(typed);
    }
    terminal.expect("error: new password: the two are not the same [EA0709]");
    let ended = terminal.end();
    assert_eq!(ended.status, 1, "{ended:?}");
}

#[test]
fn a_forgotten_password_is_replaced_by_a_script() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID);
    machine.write("new", NEW);
    let asked = machine.run(&["cognito", "forgot-password", "--username", "maria"]);
    assert_eq!(asked.status, 1);
    assert!(
        asked.stderr.contains("a code was sent to") && asked.stderr.contains("--code CODE"),
        "{asked:?}"
    );
    let code = lab.cognito().messages("maria").pop().unwrap().code;
    let file = machine.home().join("new");
    let args = [
        "cognito",
        "forgot-password",
        "--username",
        "maria",
        "--code",
        &code,
        "--new-password-file",
    ];
    let args = [&args[..], &[file.to_str().unwrap()]].concat();
    assert_eq!(machine.run(&args).status, 0);
}

#[test]
fn the_last_day_logout_revokes() {
    let lab = lab();
    add(&lab, user());
    let machine = machine(&lab, CLIENT_ID).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    assert_eq!(machine.run(&["cognito", "--username", "maria"]).status, 0);
    let out = machine.run(&["logout"]);
    assert!(out.stderr.contains("cognito: maria signed out of"), "{out:?}");
    assert_eq!(lab.count("cognito-idp:RevokeToken"), 1);
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
}

#[test]
fn the_temporary_password_of_the_demo_is_no_password_for_good() {
    let lab = lab();
    let machine = machine(&lab, CLIENT_ID).with("ECR_AUTH_COGNITO_PASSWORD", DEMO_PASSWORD);
    let outcome = machine.run(&["cognito", "--username", "ada"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome
            .stderr
            .contains("it is needed to ask for: first sign-in: choose a new password"),
        "{outcome:?}"
    );
}
