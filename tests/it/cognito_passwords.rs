//! Where the password of a Cognito user comes from.

use lab::SigningAlgorithm;
use lab::cognito::{
    CLIENT_ID, CLIENT_SECRET, IDENTITY_POOL_ID, LICENSED_ROLE, LoginProvider, SECRET_CLIENT_ID, USER_POOL_ID,
};
use rstest::rstest;

use crate::cognito::{PASSWORD, configure, credentials, lab_with_user, machine, password_flags, run};
use crate::harness::{HOST, Machine};
use crate::lab_machine::lab;

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
    // Editors on Windows write a mark of the encoding before it.
    let marked = machine.write("marked", &format!("\u{feff}{PASSWORD}\r\n"));
    let outcome = run(&machine, CLIENT_ID, &["--password-file", marked.to_str().unwrap()]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
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
    let mut args = password_flags("change-password", CLIENT_ID);
    args.extend(["--password-command".to_owned(), command]);
    args.extend(["--new-password-file".to_owned(), new.display().to_string()]);
    let outcome = machine.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
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
    let run = |what: &str| {
        let flags = password_flags(what, SECRET_CLIENT_ID);
        let mut args: Vec<_> = flags.iter().map(String::as_str).collect();
        args.extend(["--client-secret-file", &secret]);
        machine.run(&args)
    };
    let change = run("change-password");
    assert_eq!(change.status, 1, "{change:?}");
    let command = |what: &str| {
        let flags = password_flags(what, SECRET_CLIENT_ID).join(" ");
        format!("ecr-auth {flags} --client-secret-file")
    };
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

/// An option that nothing reads is a mistake of whoever gives it: here, of somebody who means `--new-password-file`.
#[rstest]
#[case("forgot-password", "--password-file")]
#[case("forgot-password", "--password-command")]
#[case("forgot-password", "--mfa-code")]
#[case("forgot-password", "--flow")]
#[case("change-password", "--code")]
fn options_that_only_other_commands_read_are_refused(#[case] what: &str, #[case] flag: &str) {
    assert_unknown(what, flag);
}

#[rstest]
fn a_password_on_the_command_line_is_refused_with_the_reason(
    #[values("", "change-password", "forgot-password")] what: &str,
    #[values("-p", "--password")] flag: &str,
) {
    let args = ["cognito", what, flag, "secret"];
    let outcome = Machine::new().run(&args.into_iter().filter(|arg| !arg.is_empty()).collect::<Vec<_>>());
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("[EA0714]"), "{outcome:?}");
}

#[rstest]
fn a_password_needs_no_options_of_the_aws_credentials(
    #[values("change-password", "forgot-password")] what: &str,
    #[values(
        "--domain",
        "--callback-port",
        "--identity-flow",
        "--role-arn",
        "--duration",
        "--policy",
        "--provider",
        "--id-token-file",
        "--browser",
        "--output"
    )]
    flag: &str,
) {
    assert_unknown(what, flag);
}

#[track_caller]
fn assert_unknown(what: &str, flag: &str) {
    let lab = lab_with_user();
    let machine = machine(&lab).with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    configure(&machine);
    let outcome = machine.run(&["cognito", what, flag, "srp"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let told = format!("error: the command line: unexpected argument '{flag}' found [EA0001]\n");
    assert!(outcome.stderr.starts_with(&told), "{outcome:?}");
    let help = machine.run(&["cognito", what, "--help"]).stdout;
    assert!(!help.contains(&format!(" {flag} ")), "{help}");
    assert_eq!(lab.count("cognito-idp:ForgotPassword"), 0);
}

/// The configuration has a browser and pools for AWS credentials. The command that a hint repeats has none of them, and is taken.
#[rstest]
#[case("change-password", " --flow user-password")]
#[case("forgot-password", "")]
fn a_repeated_command_has_only_its_own_options(#[case] what: &str, #[case] flow: &str) {
    let lab = lab_with_user();
    let machine = machine(&lab);
    configure(&machine);
    let path = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "  username: maria\n  flow: user-password\n  domain: login.example.com\n  callback-port: 9000\n";
    std::fs::write(&path, text.replace("  username: maria\n", more)).unwrap();
    let outcome = machine.run(&["cognito", what]);
    let told =
        format!("ecr-auth cognito {what} --user-pool-id {USER_POOL_ID} --client-id {CLIENT_ID} --username maria{flow}");
    let (_, repeated) = outcome.stderr.split_once(&told).expect(&outcome.stderr);
    assert!(
        repeated.starts_with('\n') || repeated.starts_with(" --code CODE "),
        "{outcome:?}"
    );
    let words: Vec<&str> = told.split(' ').skip(1).collect();
    let again = machine.run(&words);
    assert_eq!(again.status, 1, "{again:?}");
}
