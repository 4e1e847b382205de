//! Tests what is kept of a sign-in to Cognito, and for whom.

use lab::Service;
use lab::cognito::{CLIENT_ID, LICENSED_ROLE, ROTATING_CLIENT_ID, USER_POOL_ID, UserSpec};
use rstest::rstest;

use crate::cognito::{
    PASSWORD, configure, credentials, flags, forget_sessions, lab_with_user, machine, run, with_file,
};
use crate::harness::{HOST, Outcome, assert_private};
use crate::lab_machine::PATIENCE;

#[test]
fn the_second_run_asks_nobody_and_the_next_hours_the_refresh_token() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let first = credentials(&with_file(&machine, CLIENT_ID));
    let calls = lab.calls().log.len();
    assert_eq!(credentials(&run(&machine, CLIENT_ID, &[])), first);
    assert_eq!(lab.calls().log.len(), calls);
    for file in machine.cache_files() {
        assert_private(&file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(PASSWORD), "{file:?}");
    }
}

#[rstest]
#[case(CLIENT_ID)]
#[case(ROTATING_CLIENT_ID)]
fn when_the_credentials_are_gone_the_refresh_token_gives_new_ones(#[case] client: &str) {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let mut before = credentials(&with_file(&machine, client));
    for _ in 0..3 {
        forget_sessions(&machine);
        let after = credentials(&run(&machine, client, &[]));
        assert_ne!(after, before);
        before = after;
    }
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 1);
}

#[test]
fn without_a_name_one_users_token_is_not_handed_to_another() {
    let lab = lab_with_user();
    let eve = UserSpec::new("eve").password(PASSWORD).group("licensed");
    lab.cognito().add_user(eve).unwrap();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("  username: maria\n", "")).unwrap();
    let nobody = machine.helper("get", HOST);
    let told = "nobody is signed in [EA0701]; run in a terminal: ecr-auth cognito";
    assert!(nobody.stdout.contains(told), "{nobody:?}");
    credentials(&machine.run(&["cognito", "--username", "eve"]));
    machine.helper("get", HOST).password();
    let of_eve = credentials(&machine.run(&["assume", "--source", "cognito"]));
    assert_eq!(of_eve["Version"], 1);
    credentials(&machine.run(&["cognito", "--username", "maria"]));
    let calls = lab.calls().log.len();
    let either = machine.helper("get", HOST);
    let told = "more than one user is signed in, and no user name is given [EA0701]; name the user with username";
    assert!(either.stdout.contains(told), "{either:?}");
    let assumed = machine.run(&["assume", "--source", "cognito"]);
    assert_eq!((assumed.status, assumed.stdout.as_str()), (1, ""), "{assumed:?}");
    assert_eq!(lab.calls().log.len(), calls);
}

#[test]
fn a_revoked_refresh_token_says_what_to_run() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    credentials(&with_file(&machine, CLIENT_ID));
    forget_sessions(&machine);
    lab.cognito().revoke("maria");
    let outcome = run(&machine, CLIENT_ID, &[]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("maria is no longer signed in"), "{outcome:?}");
    assert!(
        outcome.stderr.contains(&format!(
            "hint: run in a terminal: ecr-auth cognito --user-pool-id {USER_POOL_ID}"
        )),
        "{outcome:?}"
    );
    credentials(&with_file(&machine, CLIENT_ID));
}

#[test]
fn a_refresh_token_is_shown_to_nobody_but_who_gave_it_out() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    credentials(&with_file(&machine, CLIENT_ID));
    forget_sessions(&machine);
    let other = crate::lab_machine::lab();
    let machine = machine.with("AWS_ENDPOINT_URL", &other.http_url());
    let outcome = run(&machine, CLIENT_ID, &[]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert_eq!(other.calls().log.len(), 0);
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_CACHE", "off");
    credentials(&with_file(&machine, CLIENT_ID));
    assert_eq!(machine.cache_files().len(), 0);
    credentials(&with_file(&machine, CLIENT_ID));
    assert_eq!(lab.count("cognito-idp:InitiateAuth"), 2);
    configure(&machine);
    let told = machine.helper("get", HOST).stderr;
    let hint = "the cache is off, so that no session can be kept: unset ECR_AUTH_CACHE and AWS_ECR_DISABLE_CACHE; then, run in a terminal: ";
    assert!(told.contains(hint), "{told}");
}

#[test]
fn a_sign_in_that_cannot_be_kept_is_not_called_kept() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let folder = machine.write("file", "no folder").join("x");
    let machine = machine.with("ECR_AUTH_CACHE_DIR", folder.to_str().unwrap());
    let outcome = with_file(&machine, CLIENT_ID);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let warning = format!("warning: the sign-in can't be kept in {}", folder.display());
    assert!(outcome.stderr.contains(&warning), "{outcome:?}");
}

#[test]
fn processes_that_come_at_once_share_one_refresh() {
    let lab = lab_with_user();
    lab.cognito().set_rotation_grace(0);
    let machine = machine(&lab);
    credentials(&with_file(&machine, ROTATING_CLIENT_ID));
    forget_sessions(&machine);
    // Roles asked for by name have keys of their own in the cache: each process gets its own credentials.
    let with_role = flags(ROTATING_CLIENT_ID);
    let args = |more: &[&'static str]| -> Vec<String> {
        let more = more.iter().map(|flag| (*flag).to_owned());
        with_role.iter().cloned().chain(more).collect()
    };
    let lines = [
        args(&[]),
        args(&["--role-arn", LICENSED_ROLE]),
        args(&[]),
        args(&["--role-arn", LICENSED_ROLE]),
    ];
    let started: Vec<_> = lines
        .iter()
        .map(|line| machine.start(&line.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    for process in started {
        let output = process.wait_with_output().unwrap();
        credentials(&Outcome::of(&output));
    }
    assert_eq!(lab.count("cognito-idp:GetTokensFromRefreshToken"), 1);
}

#[test]
fn a_sign_in_is_renewed_before_the_lock_of_what_it_is_for_is_taken() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    configure(&machine);
    credentials(&with_file(&machine, CLIENT_ID));
    forget_sessions(&machine);
    lab.hold(Service::CognitoIdp);
    let get = machine.start_helper("get", HOST);
    assert!(lab.wait_for_calls("cognito-idp:GetTokensFromRefreshToken", 1, PATIENCE));
    let is_locked = |path: &std::path::PathBuf| {
        let file = std::fs::File::open(path).unwrap();
        matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
    };
    let held: Vec<_> = machine.cache_files().into_iter().filter(is_locked).collect();
    assert_eq!(held.len(), 1, "{held:?}");
    lab.release(Service::CognitoIdp);
    let outcome = Outcome::of(&get.wait_with_output().unwrap());
    assert_eq!(outcome.status, 0, "{outcome:?}");
}
