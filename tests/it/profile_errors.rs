//! What is said of a profile that can't be used: which one, why, and a command to copy.

use rstest::rstest;

use crate::harness::{HOST, Machine, is_for_windows};

const SSO: &str = "sso_session = s\nsso_account_id = 111122223333\nsso_role_name = dev\n[sso-session s]\nsso_start_url = https://octo.awsapps.com/start\nsso_region = eu-west-1\n";
const LOGIN: &str = "login_session = arn:aws:iam::111122223333:user/maria\n";
const KEYS: &str = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n";

/// Returns what a `get` says with this profile and these files.
fn told(profile: Option<&str>, config: &str, credentials: &str) -> String {
    let machine = Machine::new();
    machine.write(".aws/config", config);
    machine.write(".aws/credentials", credentials);
    let machine = match profile {
        Some(profile) => machine.with("AWS_PROFILE", profile),
        None => machine,
    };
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    outcome.stderr
}

#[rstest]
#[case::sso(
    SSO,
    "profile b: nobody is signed in [EA0305]\nhint: run: aws sso login --profile b\n"
)]
#[case::login(LOGIN, "hint: run: aws login --profile b\n")]
#[case::process(
    "credential_process = exit 3\n",
    "profile b: its credential_process failed: it ended with exit status: 3; what it wrote may hold secrets and is not shown [EA0306]\nhint: run: aws sts get-caller-identity --profile b\n"
)]
fn the_profile_that_a_role_starts_from_is_named(#[case] lines: &str, #[case] expected: &str) {
    let role = |name: &str, source: &str| {
        format!("[profile {name}]\nrole_arn = arn:aws:iam::111122223333:role/{name}\nsource_profile = {source}\n")
    };
    let config = format!("{}{}[profile b]\n{lines}", role("work", "a"), role("a", "b"));
    let told = told(Some("work"), &config, "");
    assert!(
        told.starts_with("error: profile b: ") && told.contains(expected),
        "{told}"
    );
}

#[rstest]
#[case::sso(SSO, "aws sso login --profile 'Build Box 7'\n")]
#[case::login(LOGIN, "aws login --profile 'Build Box 7'\n")]
#[case::process(
    "credential_process = exit 3\n",
    "aws sts get-caller-identity --profile 'Build Box 7'\n"
)]
#[case::mfa(
    "role_arn = arn:aws:iam::111122223333:role/x\nsource_profile = k\nmfa_serial = m\n[profile k]\naws_access_key_id = A\naws_secret_access_key = s\n",
    "ecr-auth assume --profile 'Build Box 7' -- true\n"
)]
fn a_command_to_copy_has_the_name_in_quotes(#[case] lines: &str, #[case] expected: &str) {
    let told = told(Some("Build Box 7"), &format!("[profile 'Build Box 7']\n{lines}"), "");
    let expected = match is_for_windows() {
        true => expected.replace('\'', "\""),
        false => expected.to_owned(),
    };
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn nobody_who_is_signed_in_has_one_code() {
    for lines in [SSO, LOGIN] {
        let told = told(None, &format!("[default]\n{lines}"), "");
        assert!(told.contains("profile default: nobody is signed in"), "{told}");
        assert!(told.contains("[EA0305]"), "{told}");
    }
}

#[rstest]
#[case::settings("region = eu-west-1\n", "profile work holds no credentials: ")]
#[case::source("source_profile = other\n", "profile work has a source_profile and no role_arn: ")]
#[case::sso(
    "sso_session = s\n[sso-session s]\nsso_region = eu-west-1\n",
    "profile work has an sso_session, but no sso_account_id and no sso_role_name: "
)]
#[case::export(
    "export AWS_ACCESS_KEY_ID=AKIDEXAMPLE\nexport AWS_SECRET_ACCESS_KEY=s\n",
    "profile work has lines that begin with export: "
)]
fn a_profile_that_is_skipped_is_named(#[case] lines: &str, #[case] why: &str) {
    let other = format!("[profile other]\n{KEYS}");
    let text = told(Some("work"), &format!("{other}[profile work]\n{lines}"), "");
    assert!(
        text.starts_with("error: no AWS credentials: ") && text.contains("[EA0301]"),
        "{text}"
    );
    assert!(text.contains(&format!("hint: {why}")), "{text}");
    assert!(
        text.contains("name a profile that has some (other) for this registry"),
        "{text}"
    );
    let alone = told(Some("work"), &format!("[profile work]\n{lines}"), "");
    assert!(
        alone.contains(&format!("hint: {why}")) && !alone.contains("()"),
        "{alone}"
    );
}

#[test]
fn a_profile_that_is_skipped_is_told_beside_what_is_used() {
    let lab = crate::lab_machine::lab();
    let key = lab.add_user(lab::ACCOUNT, "maria");
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_PROFILE", "work")
        .with_all(crate::lab_machine::key_variables(&key));
    machine.write(".aws/config", "[profile work]\nregion = eu-west-1\n");
    let outcome = machine.with("ECR_AUTH_LOG", "debug").helper("get", HOST);
    assert!(
        outcome
            .stderr
            .contains("passed over: profile work: it holds no credentials"),
        "{outcome:?}"
    );
}

#[test]
fn a_profile_without_a_name_is_not_listed() {
    let text = told(None, "[profile \"\"]\nregion = eu-west-1\n", "");
    assert!(text.contains("hint: set AWS_PROFILE, or"), "{text}");
}

/// Sections that are nearly the profile's.
#[rstest]
#[case::comment(
    "[profile work #old]",
    "write [profile work #old] in AWS's config file as [profile work]\n"
)]
#[case::case("[Profile work]", "write [Profile work] in AWS's config file as [profile work]\n")]
#[case::blank("[profilework]", "write [profilework] in AWS's config file as [profile work]\n")]
#[case::bracket("[profile work]]", "write [profile work]] in AWS's config file as [profile work]\n")]
#[case::unmarked("[work]", "write [work] in AWS's config file as [profile work]\n")]
#[case::kind("[profile a]\n[sso-session work]", "profiles there are: a\n")]
fn a_section_that_is_nearly_the_profiles_is_named(#[case] header: &str, #[case] hint: &str) {
    let text = told(Some("work"), &format!("{header}\n{KEYS}"), "");
    assert!(
        text.contains("profile work: AWS's shared files have no such profile [EA0303]"),
        "{text}"
    );
    assert!(text.contains(&format!("hint: {hint}")), "{text}");
}

#[test]
fn a_section_that_is_nearly_the_profiles_is_named_in_either_file() {
    for header in ["[work]]", "[work #old]", "[profile work]"] {
        let text = told(Some("work"), "", &format!("{header}\n{KEYS}"));
        let hint = format!("hint: write {header} in AWS's credentials file as [work]\n");
        assert!(text.contains(&hint), "{text}");
    }
    let text = told(Some("a b"), &format!("[profile  a b]x]\n{KEYS}"), "");
    assert!(!text.contains("write ["), "{text}");
    for profile in [None, Some("default")] {
        let text = told(profile, &format!("[ default ]\n{KEYS}"), "");
        assert!(
            text.contains("hint: write [ default ] in AWS's config file as [default]"),
            "{text}"
        );
    }
}

#[test]
fn a_section_below_an_indented_line_is_named() {
    let text = told(Some("work"), "", &format!("[a]\n{KEYS}  [work]\n  region = x\n"));
    assert!(
        text.contains("hint: line 4 of AWS's credentials file, [work], belongs to the setting above it: write it without blanks before it\n"),
        "{text}"
    );
}

#[rstest]
#[case::missing(
    "no-such-program --x",
    "there is no such program (exit status: 127)",
    "by its whole path"
)]
#[case::no_program(
    "/dev/null",
    "the program may not be run (exit status: 126)",
    "that this user may run it"
)]
#[case::killed(
    "sh -c 'kill -9 $$'; exit $?",
    "a signal (9) ended the program (exit status: 137)",
    "what ends it"
)]
fn what_the_shell_says_of_a_process_is_explained(#[case] line: &str, #[case] cause: &str, #[case] hint: &str) {
    let text = told(
        Some("work"),
        &format!("[profile work]\ncredential_process = {line}\n"),
        "",
    );
    assert!(
        text.contains(&format!("its credential_process failed: {cause} [EA0306]\nhint: ")),
        "{text}"
    );
    assert!(text.contains(hint), "{text}");
}

#[test]
fn a_process_that_leaves_its_stdout_open_is_told_from_one_that_hangs() {
    let machine = Machine::new().with("AWS_PROFILE", "work").with("ECR_AUTH_TIMEOUT", "1");
    machine.write(
        ".aws/config",
        "[profile work]\ncredential_process = sleep 300 & echo {}\n",
    );
    let text = machine.helper("get", HOST).stderr;
    assert!(
        text.contains("its credential_process failed: it ended, and a program that it started held its stdout open for longer than"),
        "{text}"
    );
}

/// Answers every request with credentials whose end is not a time.
fn service() -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the test's process: nothing is left to join.
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = String::new();
            let mut reader = BufReader::new(client.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let body = match head.contains("/latest/api/token") || head.contains("/security-credentials/ ") {
                true => "role",
                false => r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"soon"}"#,
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = client.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn an_end_that_is_no_time_is_named() {
    let address = service();
    let of_container = Machine::new().with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{address}/keys"));
    let text = of_container.helper("get", HOST).stderr;
    assert!(text.contains("keys: the Expiration in the answer is not a time [EA0308]\nhint: AWS_CONTAINER_CREDENTIALS_* name that address: its Expiration must be a time"), "{text}");
    let of_instance = Machine::new()
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address);
    let text = of_instance.helper("get", HOST).stderr;
    assert!(
        text.contains("and the instance metadata service's can't be used (")
            && text.contains("the Expiration in the answer is not a time"),
        "{text}"
    );
}
