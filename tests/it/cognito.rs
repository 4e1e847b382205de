//! `ecr-auth cognito` without anybody to ask: passwords in files and variables, what is kept, what is refused.

use lab::cognito::{
    CLIENT_ID, CLIENT_SECRET, IDENTITY_POOL_ID, LICENSED_ROLE, LoginProvider, Mfa, ROTATING_CLIENT_ID,
    SECRET_CLIENT_ID, USER_POOL_ID, UserSpec,
};
use lab::{Fault, FaultRule, Lab, Permissions, RoleSpec, Service, SigningAlgorithm, Trust};
use rstest::rstest;
use serde_json::Value;

use crate::harness::{HOST, Machine, Outcome, assert_private};
use crate::lab_machine::{PATIENCE, lab, registry_status};

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

/// The flags of the lab's pools with an app client.
fn flags(client_id: &str) -> Vec<String> {
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

fn with_file(machine: &Machine, client_id: &str) -> Outcome {
    let file = machine.home().join("password");
    run(machine, client_id, &["--password-file", file.to_str().unwrap()])
}

fn credentials(outcome: &Outcome) -> Value {
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

#[test]
fn a_password_file_that_is_missing_says_what_it_has_to_be() {
    let lab = lab_with_user();
    let outcome = run(&machine(&lab), CLIENT_ID, &["--password-file", "/nowhere"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    let told = "[EA0714]\nhint: the option has to name a file of yours with the password in its first line\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    let machine = machine(&lab);
    let empty = machine.write("empty", "\nsecond\n");
    let outcome = run(&machine, CLIENT_ID, &["--password-file", empty.to_str().unwrap()]);
    let told = "[EA0714]\nhint: write the password into the first line of the file\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
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

#[rstest]
#[case(&["--flow", "user-password"])]
#[case(&["--identity-flow", "classic", "--role-arn", LICENSED_ROLE, "--duration", "900"])]
#[case(&["--role-arn", LICENSED_ROLE])]
fn other_ways(#[case] flags: &[&str]) {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let printed = credentials(&run(&machine, CLIENT_ID, flags));
    assert_eq!(printed["Version"], 1);
}

#[test]
fn passwords_come_from_commands_but_never_from_the_command_line() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let command = machine.command_line(&format!("printf '%s\\nmore' '{PASSWORD}'"));
    credentials(&run(&machine, CLIENT_ID, &["--password-command", &command]));
    for flag in ["-ps3cret", "--password=s3cret", "-p"] {
        let outcome = run(&machine, CLIENT_ID, &[flag]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{flag}");
        assert!(
            outcome.stderr.contains("--password-file") && !outcome.stderr.contains("s3cret"),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_password_command_is_run_once_to_change_the_password() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let new = machine.write("new-password", "Another-horse-battery-2\n");
    let runs = machine.write("runs", "");
    let command = format!("echo run >>'{}'; printf %s '{PASSWORD}'", runs.display());
    let command = machine.command_line(&command);
    let mut args = flags(CLIENT_ID);
    args.insert(1, "change-password".to_owned());
    args.extend(["--password-command".to_owned(), command]);
    args.extend(["--new-password-file".to_owned(), new.display().to_string()]);
    let outcome = machine.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
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

#[test]
fn another_providers_token_needs_no_password() {
    let lab = lab();
    let issuer = "https://accounts.google.com";
    lab.add_issuer(issuer, SigningAlgorithm::RS256).unwrap();
    lab.cognito().add_login_provider(LoginProvider {
        key: "accounts.google.com".into(),
        issuer: issuer.into(),
        audiences: vec!["app".into()],
    });
    let claims = serde_json::json!({"iss": issuer, "sub": "1", "aud": "app", "exp": lab.now() + 600});
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let file = machine.write("token", &lab.sign_jwt(issuer, &claims).unwrap());
    let provider = [
        "--provider",
        "accounts.google.com",
        "--id-token-file",
        file.to_str().unwrap(),
    ];
    let args = [&["cognito", "--identity-pool-id", IDENTITY_POOL_ID], &provider[..]].concat();
    credentials(&machine.run(&args));
    machine.write("token", "no token");
    let refused = machine.run(&args);
    assert_eq!(
        (refused.status, refused.stdout.as_str()),
        (1, ""),
        "another token is another user: {refused:?}"
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

/// No password helps where the flow asks for a code.
#[test]
fn a_job_whose_flow_sends_a_code_is_told_of_no_password() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("CI", "true").with("GITLAB_CI", "true");
    configure(&machine);
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    let by_code = text.replace("  username: maria\n", "  username: maria\n  flow: email-otp\n");
    std::fs::write(&path, by_code).unwrap();
    let signed_out = machine.helper("get", HOST);
    assert!(
        signed_out.stdout.contains("maria is not signed in [EA0701]"),
        "{signed_out:?}"
    );
    assert!(!signed_out.stdout.contains("PASSWORD"), "{signed_out:?}");
}

#[test]
fn a_job_is_told_the_variable_of_the_password() {
    let lab = lab_with_user();
    let machine = machine(&lab).with("CI", "true").with("GITLAB_CI", "true");
    configure(&machine);
    let no_password = machine.run(&["cognito"]);
    assert_eq!(no_password.status, 1, "{no_password:?}");
    let told = "error: no terminal: it is needed to ask for: password of maria [EA0713]\n\
                hint: give the password in ECR_AUTH_COGNITO_PASSWORD or a file with it: --password-file FILE\n";
    assert!(no_password.stderr.starts_with(told), "{no_password:?}");
    let signed_out = machine.helper("get", HOST);
    let told = "maria is not signed in [EA0701]; run before it in this job, with the password in ECR_AUTH_COGNITO_PASSWORD: ecr-auth cognito --output ";
    assert!(signed_out.stdout.contains(told), "{signed_out:?}");
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("  username: maria\n", "")).unwrap();
    let no_name = machine.run(&["cognito"]);
    let told = "error: no terminal: it is needed to ask for: user name [EA0713]\n\
                hint: give --username NAME, and the password in ECR_AUTH_COGNITO_PASSWORD or a file with it: --password-file FILE\n";
    assert!(no_name.stderr.starts_with(told), "{no_name:?}");
    let signed_out = machine.helper("get", HOST);
    let told = "nobody is signed in [EA0701]; run before it in this job, with the password in ECR_AUTH_COGNITO_PASSWORD: ecr-auth cognito --username NAME --output ";
    assert!(signed_out.stdout.contains(told), "{signed_out:?}");
    let machine = machine.with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    let no_name = machine.run(&["cognito"]);
    let told = "error: no terminal: it is needed to ask for: user name [EA0713]\nhint: give --username NAME\n";
    assert!(no_name.stderr.starts_with(told), "{no_name:?}");
    // Where there is no terminal for another reason, one could be opened.
    let machine = machine
        .without("CI")
        .without("GITLAB_CI")
        .without("ECR_AUTH_COGNITO_PASSWORD");
    let no_name = machine.run(&["cognito"]);
    let told = "[EA0713]\nhint: run in a terminal: ecr-auth cognito --user-pool-id ";
    assert!(no_name.stderr.contains(told), "{no_name:?}");
    let told = "\n    Without a terminal, give --username NAME, and the password in ECR_AUTH_COGNITO_PASSWORD or a file with it: --password-file FILE\n";
    assert!(no_name.stderr.contains(told), "{no_name:?}");
}

#[test]
fn where_nobody_can_be_asked_the_command_to_run_is_told_whole() {
    let lab = lab_with_user();
    let machine = machine(&lab);
    let secret = machine.write("client secret", CLIENT_SECRET).display().to_string();
    let flags = flags(SECRET_CLIENT_ID);
    let ids = flags[1..].join(" ");
    let run = |what: &str| {
        let mut args = vec!["cognito", what];
        args.extend(flags[1..].iter().map(String::as_str));
        args.extend(["--client-secret-file", &secret]);
        machine.run(&args)
    };
    let change = run("change-password");
    assert_eq!(change.status, 1, "{change:?}");
    let command = |what: &str| format!("ecr-auth cognito {what} {ids} --client-secret-file");
    let said = format!("hint: run in a terminal: {} ", command("change-password"));
    assert!(change.stderr.contains(&said), "{change:?}");
    let forgot = run("forgot-password");
    assert_eq!(forgot.status, 1, "{forgot:?}");
    let said = format!("hint: run: {} ", command("forgot-password"));
    assert!(forgot.stderr.contains(&said), "{forgot:?}");
    assert!(
        forgot
            .stderr
            .contains("client secret' --code CODE --new-password-file FILE")
            || forgot
                .stderr
                .contains("client secret\" --code CODE --new-password-file FILE"),
        "{forgot:?}"
    );
}
