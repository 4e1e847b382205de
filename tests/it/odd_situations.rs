//! Real machines: pasted keys, odd files, programs that fail, addresses with passwords in them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use lab::{Fault, Service};
use rstest::rstest;

use crate::cognito;
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, key_variables, lab, machine, role};

#[test]
fn blanks_around_pasted_keys_are_no_part_of_them() {
    let lab = lab();
    let key = lab.admin();
    let machine = machine(&lab)
        .with("AWS_ACCESS_KEY_ID", &format!("{}\n", key.id))
        .with("AWS_SECRET_ACCESS_KEY", &format!(" {}\r\n", key.secret));
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn keys_with_odd_characters_are_an_error() {
    let lab = lab();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIA\nSECRET"),
        ("AWS_SESSION_TOKEN", "SECRET\r\nx: y"),
    ] {
        let outcome = machine(&lab).with(name, value).helper("get", HOST);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stdout.contains("unusable AWS credentials"), "{outcome:?}");
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:?}");
    }
}

#[test]
fn what_a_credential_process_writes_for_people_is_not_shown() {
    let machine = Machine::new().with("AWS_PROFILE", "broken");
    let line = machine.command_line("sh -c 'echo s3cret >&2; echo s3cret; exit 3'");
    let config = format!("[profile broken]\ncredential_process = {line}\n");
    machine.write(".aws/config", &config);
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome
            .stdout
            .contains("credential_process failed: it ended with exit status: 3"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("--profile broken"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

#[test]
fn a_name_with_a_line_break_stays_in_one_line() {
    let outcome = Machine::new().with("AWS_PROFILE", "a\nb").helper("get", HOST);
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    let starts: Vec<_> = outcome
        .stderr
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(starts, ["error:", "hint:", "see:"], "{outcome:?}");
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    let lab = lab();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://user:s3cret@192.0.2.1"),
        ("AWS_ENDPOINT_URL", "http://user:s3 cret@192.0.2.1"),
    ] {
        let outcome = machine(&lab).with(name, value).helper("get", HOST);
        assert_eq!(outcome.status, 1);
        assert!(!format!("{outcome:?}").contains("s3"), "{outcome:?}");
    }
    let container = Machine::new()
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://user:s3cret@192.0.2.1/c")
        .helper("get", HOST);
    assert!(container.stdout.contains("http://192.0.2.1/c"), "{container:?}");
    assert!(!format!("{container:?}").contains("s3cret"), "{container:?}");
    let proxy = machine(&lab)
        .with("AWS_ENDPOINT_URL", "https://ecr.example.com")
        .with("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST);
    assert!(proxy.stdout.contains("the connection was refused"), "{proxy:?}");
    assert!(!format!("{proxy:?}").contains("s3cret"), "{proxy:?}");
}

#[test]
fn a_web_identity_is_not_sent_over_plain_http() {
    let machine = Machine::new()
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci")
        .with("AWS_ENDPOINT_URL_STS", "http://192.0.2.1");
    let token = machine.write("token", "e30.e30.c2ln").display().to_string();
    let outcome = machine.with("AWS_WEB_IDENTITY_TOKEN_FILE", &token).helper("get", HOST);
    assert!(outcome.stdout.contains("ECR_AUTH_ALLOW_HTTP"), "{outcome:?}");
}

#[test]
fn no_number_of_attempts_outlasts_the_time_given() {
    let outcome = Machine::new()
        .with_all([("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s")])
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "4294967295")
        .with("ECR_AUTH_TIMEOUT", "1")
        .helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
}

#[rstest]
#[case("1", 1)]
#[case("3", 3)]
fn a_container_is_asked_as_often_as_is_said(#[case] attempts: &str, #[case] calls: u64) {
    let lab = lab();
    let container = lab.add_container(&role(&lab, "task"));
    lab.fail(Service::Container, Fault::Status { status: 500 });
    let outcome = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}{}", lab.http_url(), container.path),
        )
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
        .with("AWS_MAX_ATTEMPTS", attempts)
        .helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(lab.count("container:Credentials"), calls);
}

#[test]
fn a_proxy_is_not_asked_for_what_is_on_this_machine() {
    let lab = lab();
    let machine = machine(&lab)
        .with("HTTP_PROXY", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1");
    machine.helper("get", HOST).password();
}

/// The proxy is not named either if the failed call did not go through it.
#[rstest]
#[case::this_machine("http://127.0.0.1:1", "")]
#[case::taken_out("https://127.0.0.1:1", "127.0.0.1")]
#[case::another_scheme("http://ecr..invalid", "")]
fn a_proxy_that_was_not_asked_is_not_blamed(#[case] address: &str, #[case] except: &str) {
    let machine = proxied(address).with("NO_PROXY", except);
    let told = machine.helper("get", HOST).stderr;
    assert!(told.contains("hint: check the network, DNS, "), "{told}");
    let checks = machine.run(&["doctor", HOST]).stdout;
    let of = |start: &str| checks.lines().find(|line| line.contains(start)).unwrap_or_default();
    assert!(
        of(" network: ").contains("cannot reach ") && !of(" network: ").contains("by the proxy"),
        "{checks}"
    );
    assert!(of(" proxy: ").contains(" is asked without it"), "{checks}");
    assert!(!checks.contains("check that the proxy runs"), "{checks}");
}

#[rstest]
#[case::https("https://ecr.example.com", "HTTPS_PROXY")]
#[case::http("http://ecr.example.com", "HTTP_PROXY")]
fn the_proxy_that_was_asked_is_named(#[case] address: &str, #[case] variable: &str) {
    let machine = proxied(address)
        .with(variable, "http://127.0.0.1:2")
        .with("NO_PROXY", "localhost");
    let told = machine.helper("get", HOST).stderr;
    let blamed = format!("look at the proxy http://127.0.0.1:2 ({variable}) first");
    assert!(told.contains(&blamed), "{told}");
    let checks = machine.run(&["doctor", HOST]).stdout;
    let blamed = format!("by the proxy http://127.0.0.1:2 ({variable})");
    assert!(checks.contains(&blamed), "{checks}");
}

/// Returns a machine whose AWS is at this address, and with a missing proxy for https.
fn proxied(address: &str) -> Machine {
    Machine::new()
        .with_all([("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s")])
        .with("AWS_ENDPOINT_URL", address)
        .with("ECR_AUTH_ALLOW_HTTP", "1")
        .with("HTTPS_PROXY", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
}

#[test]
fn whoever_is_asked_a_stranger_in_their_place_has_the_same_way_out() {
    let lab = lab();
    let at_strangers = |machine: Machine| {
        let machine = machine
            .with("AWS_ENDPOINT_URL", &lab.https_url())
            .with("AWS_MAX_ATTEMPTS", "1");
        let told = machine.helper("get", HOST).stderr;
        assert!(told.contains("[EA0503]"), "{told}");
        assert!(told.contains("name the CA it signs with in SSL_CERT_FILE"), "{told}");
        assert!(!told.contains("--profile"), "{told}");
    };
    at_strangers(machine(&lab));
    let borrowed = machine(&lab).with("AWS_PROFILE", "borrowed");
    let config = format!(
        "[profile borrowed]\nrole_arn = {}\ncredential_source = Environment\n",
        role(&lab, "ci")
    );
    borrowed.write(".aws/config", &config);
    at_strangers(borrowed);
    let maria = cognito::machine(&lab);
    cognito::configure(&maria);
    let password = maria.home().join("password").display().to_string();
    let outcome = maria
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("AWS_MAX_ATTEMPTS", "1")
        .run(&["cognito", "--password-file", &password]);
    assert!(
        outcome.stderr.contains("name the CA it signs with in SSL_CERT_FILE"),
        "{outcome:?}"
    );
}

/// The named roots are read although they are not needed here, so that a mistake is reported early.
#[test]
fn root_certificates_that_are_named_are_looked_at_whoever_is_asked() {
    let lab = lab();
    let outcome = machine(&lab).with("AWS_CA_BUNDLE", "/nowhere.pem").helper("get", HOST);
    assert!(outcome.stderr.contains("[EA0513]"), "{outcome:?}");
}

#[test]
fn a_folder_without_root_certificates_is_named() {
    let lab = lab();
    let outcome = machine(&lab)
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("SSL_CERT_DIR", "/nonexistent")
        .helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains("SSL_CERT_DIR"), "{outcome:?}");
}

#[test]
fn without_credentials_the_profiles_that_exist_are_named() {
    let machine = Machine::new();
    machine.write(
        ".aws/config",
        "[profile dev]\nregion = eu-west-1\n[profile prod]\nregion = eu-west-1\n",
    );
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("hint: name a profile that exists (dev, prod) for this registry: ecr-auth setup --profile PROFILE REGISTRY; or set AWS_PROFILE to it, or AWS_ACCESS_KEY_ID"),
        "{outcome:?}"
    );
}

/// A session file that is missing is no more than that.
#[test]
fn who_is_signed_out_of_sso_reads_no_path() {
    let machine = Machine::new().with("AWS_PROFILE", "work");
    machine.write(
        ".aws/config",
        "[profile work]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = dev\n[sso-session s]\nsso_start_url = https://octo.awsapps.com/start\nsso_region = eu-west-1\n",
    );
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = "profile work: nobody is signed in [EA0305]\nhint: run: aws sso login --profile work\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

#[rstest]
#[case::credential_process("AWS_PROFILE", "profile slow: its credential_process failed: it took longer than")]
#[case::token_command("AWS_ROLE_ARN", "the token command: it took longer than")]
fn a_program_that_hangs_is_named_with_its_time_and_ended(#[case] source: &str, #[case] cause: &str) {
    let value = if source == "AWS_PROFILE" {
        "slow"
    } else {
        "arn:aws:iam::111122223333:role/x"
    };
    let machine = Machine::new().with(source, value).with("ECR_AUTH_TIMEOUT", "1");
    // The programs hold the pipe open for writing, so its reader sees the end when the last of them has ended.
    let pipe = machine.home().join("pipe");
    make_pipe(&pipe);
    let script = machine.write("slow", "#!/bin/sh\nexec 9>\"$HOME/pipe\"\nsleep 300\n");
    fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    let line = machine.command_line(&format!("sh -c '{}; true'", script.display()));
    machine.write(".aws/config", &format!("[profile slow]\ncredential_process = {line}\n"));
    if source == "AWS_ROLE_ARN" {
        let rule = format!(
            "registries:\n  - match: {HOST}\n    token-command: [{}]\n",
            script.display()
        );
        machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    }
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains(cause), "{outcome:?}");
    reader.join().unwrap();
}

/// A rule's profile uses the environment's keys: a process with other keys, or none, gets nothing from the cache.
#[test]
fn a_profile_that_takes_the_environments_keys_shares_with_their_holder_alone() {
    let lab = lab();
    let role = role(&lab, "ci");
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let config = format!("[profile borrowed]\nrole_arn = {role}\ncredential_source = Environment\n");
    machine.write(".aws/config", &config);
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    profile: borrowed\n"),
    );
    let holder = machine.with_all(key_variables(lab.admin()));
    holder.helper("get", HOST).password();
    holder.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
    let pasted = format!("{}\n", lab.admin().id);
    let holder = holder.with("AWS_ACCESS_KEY_ID", &pasted).with("ECR_AUTH_CACHE", "off");
    holder.helper("get", HOST).password();
    let other = holder
        .with("ECR_AUTH_CACHE", "on")
        .with("AWS_SECRET_ACCESS_KEY", "wrong");
    let outcome = other.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let nobody = other.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let outcome = nobody.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
}

#[test]
fn a_configuration_on_the_helpers_command_line_counts() {
    let machine = Machine::new();
    let missing = machine.path("missing.yml").display().to_string();
    let outcome = machine.call(&binary(), &["--config", &missing, "helper", "get"], HOST);
    assert!(outcome.stdout.contains("missing.yml"), "{outcome:?}");
    let file = machine.write("named.yml", &format!("registries:\n  - match: {HOST}\n"));
    let outcome = machine.run(&["helper", "list", "--config", &file.display().to_string()]);
    outcome.prints(&format!("{{\"https://{HOST}\":\"AWS\"}}\n"));
}

#[test]
fn a_home_that_is_closed_to_this_user_is_an_empty_one() {
    let lab = lab();
    let machine = machine(&lab);
    machine.write(".config/ecr-auth/ecr-auth.yml", "not: read\n");
    machine.write(".aws/config", "[default]\nregion = eu-west-1\n");
    let outcome = with_closed_home(&machine, HOST);
    outcome.password();
    with_closed_home(&machine, "docker.io").is(1, "credentials not found in native keychain\n", "");
}

#[test]
fn logging_out_needs_no_files_of_awss() {
    let machine = Machine::new();
    make_pipe(&machine.write(".aws/x", "").with_file_name("config"));
    machine.run(&["logout"]).prints("");
}

#[test]
fn a_region_that_is_none_is_asked_nowhere() {
    let lab = lab();
    let outcome = machine(&lab).run(&["setup", "--region", "europe", "--dry-run"]);
    outcome.is(
        2,
        "",
        "error: the region: \"europe\" is not an AWS region [EA0006]\nhint: a region looks like eu-west-1 or us-gov-east-1\n",
    );
    assert_eq!(lab.calls().log.len(), 0);
}

#[test]
fn a_list_names_the_region_that_is_none() {
    let lab = lab();
    let outcome = machine(&lab).with("AWS_REGION", "europe").helper("list", "");
    assert_eq!(outcome.stdout, "{}\n", "{outcome:?}");
    let expected = "the region: \"europe\" is not an AWS region [EA0006]";
    assert!(outcome.stderr.contains(expected), "{outcome:?}");
}

/// Without the quotes, the message would contradict itself.
#[rstest]
#[case("ECR_AUTH_TIMEOUT", "5 ", r#"ECR_AUTH_TIMEOUT: "5 " is not a number of seconds"#)]
#[case("AWS_CA_BUNDLE", "/nowhere.pem\n", r#"AWS_CA_BUNDLE names, "/nowhere.pem\n": "#)]
#[case("AWS_ENDPOINT_URL", "http://127.0.0.1:1 ", r#""http://127.0.0.1:1 " is not a URL"#)]
fn a_blank_at_the_end_of_a_value_is_seen(#[case] variable: &str, #[case] value: &str, #[case] expected: &str) {
    let lab = lab();
    let outcome = machine(&lab).with(variable, value).helper("get", HOST);
    assert!(outcome.stderr.contains(expected), "{outcome:?}");
}

#[test]
fn root_certificates_that_are_set_to_nothing_are_unset() {
    let lab = lab();
    let outcome = machine(&lab)
        .with("AWS_ENDPOINT_URL", &lab.https_url())
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("SSL_CERT_FILE", "")
        .helper("get", HOST);
    assert!(outcome.stdout.contains("UnknownIssuer"), "{outcome:?}");
}

#[test]
fn a_broken_file_of_awss_is_explained() {
    let machine = Machine::new();
    machine.write(
        ".aws/credentials",
        "\u{feff}[default]\naws_access_key_id = AKIA1\naws_secret_access_key s3cret\n",
    );
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains("profile default: line 3 of "), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

/// `sudo ecr-auth setup` with HOME kept must not leave root's folders in the user's home.
#[test]
fn what_root_makes_in_a_home_belongs_to_whom_the_home_does() {
    let machine = Machine::new();
    let home = machine.home();
    if rustix::process::geteuid().is_root() {
        chown(&home, Some(65534), Some(65534)).unwrap();
    }
    let bin = machine.path("bin").display().to_string();
    let outcome = machine.run(&["-q", "setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    outcome.prints("");
    let owner = fs::metadata(&home).unwrap().uid();
    for made in [
        ".docker",
        ".docker/config.json",
        ".local",
        ".local/state/ecr-auth",
        ".local/state/ecr-auth/setup.json",
        ".local/state/ecr-auth/setup.lock",
    ] {
        assert_eq!(fs::metadata(home.join(made)).unwrap().uid(), owner, "{made}");
    }
    let mode = |made: &str| fs::metadata(home.join(made)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".docker"), mode(".docker/config.json")), (0o700, 0o600));
}

#[test]
fn only_the_cache_itself_is_roots_in_somebodys_home() {
    let lab = lab();
    let machine = machine(&lab);
    let home = machine.home();
    if rustix::process::geteuid().is_root() {
        chown(&home, Some(65534), Some(65534)).unwrap();
    }
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
    let owner = |path: &str| fs::metadata(home.join(path)).unwrap().uid();
    assert_eq!(owner(".cache"), owner(""));
    assert_eq!(owner(".cache/ecr-auth"), rustix::process::geteuid().as_raw());
}

#[test]
fn a_registry_that_is_named_twice_is_one() {
    let machine = Machine::new();
    let bin = machine.path("bin").display().to_string();
    let client = ["--client", "docker", "--bin-dir", &bin];
    let outcome = machine.run(&[&["setup", HOST, "111122223333/eu-west-1"], &client[..]].concat());
    assert!(outcome.stderr.contains("docker: 1 registry in"), "{outcome:?}");
}

fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A `get` by a user who may not look into the home. For root no folder is closed, so root becomes the user `nobody`.
fn with_closed_home(machine: &Machine, stdin: &str) -> Outcome {
    let copy = machine.path("docker-credential-ecr-auth");
    if !copy.exists() {
        fs::copy(binary(), &copy).unwrap();
    }
    fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(machine.home(), Permissions::from_mode(0o000)).unwrap();
    let outcome = if rustix::process::geteuid().is_root() {
        let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let command = [&become_nobody[..], &[copy.to_str().unwrap(), "get"]].concat();
        machine.call(Path::new("/usr/bin/setpriv"), &command, stdin)
    } else {
        machine.call(&copy, &["get"], stdin)
    };
    fs::set_permissions(machine.home(), Permissions::from_mode(0o700)).unwrap();
    outcome
}

/// RFC 3339 allows it in the place of the `T`, and Python writes times so.
#[test]
fn a_time_may_have_a_blank_between_day_and_hour() {
    let machine = Machine::new();
    let answer = r#"{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-02 04:04:05+01:00"}"#;
    let file = machine.write("answer", answer).display().to_string();
    machine.write(
        ".aws/config",
        &format!("[profile spaced]\ncredential_process = cat {file}\n"),
    );
    let outcome = machine.run(&["assume", "--profile", "spaced"]);
    assert!(
        outcome.stdout.contains(r#""Expiration":"2099-01-02T03:04:05Z""#),
        "{outcome:?}"
    );
}
