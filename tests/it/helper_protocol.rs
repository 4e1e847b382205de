//! Every row of the helper's table that needs no AWS, byte for byte.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rstest::rstest;

use crate::harness::{HOST, Machine, binary};

const NOT_FOUND: &str = "credentials not found in native keychain\n";
const VERSION: &str = concat!("docker-credential-ecr-auth ", env!("CARGO_PKG_VERSION"), "\n");

#[test]
fn version_under_all_three_names() {
    let machine = Machine::new();
    machine.run(&["helper", "version"]).prints(VERSION);
    for name in [
        "docker-credential-ecr-auth",
        "docker-credential-ecr-login.exe",
        "docker-credential-ecr-login",
    ] {
        let link = machine.path(name);
        symlink(binary(), &link).unwrap();
        machine.call(&link, &["version"], "").prints(VERSION);
        machine.call(&link, &["--version"], "").prints(VERSION);
        machine.call(&link, &["get"], "docker.io").is(1, NOT_FOUND, "");
    }
}

#[test]
fn a_copy_is_as_good_as_a_link() {
    let machine = Machine::new();
    let copy = machine.path("docker-credential-ecr-auth");
    std::fs::copy(binary(), &copy).unwrap();
    machine.call(&copy, &["version"], "").prints(VERSION);
}

#[test]
fn get_of_any_other_host_is_not_found() {
    let machine = Machine::new();
    for host in [
        "https://index.docker.io/v1/",
        "ghcr.io",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.example.com",
        "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com@example.com",
        "example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "not a host",
    ] {
        machine.helper("get", host).is(1, NOT_FOUND, "");
    }
}

#[test]
fn nothing_on_stdin() {
    let machine = Machine::new();
    for action in ["get", "erase"] {
        for stdin in ["", "\n", " \t\r\n"] {
            machine.helper(action, stdin).is(1, "no credentials server URL\n", "");
        }
    }
}

#[test]
fn get_without_credentials_fails_in_one_line() {
    let machine = Machine::new();
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    let start = format!("ecr-auth: {HOST}: no AWS credentials: ");
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    assert_eq!(outcome.stdout.lines().count(), 1);
    assert!(outcome.stdout.trim_end().chars().count() <= 300);
    assert!(outcome.stderr.starts_with("error: no AWS credentials: "), "{outcome:?}");
    assert!(
        outcome.stderr.lines().nth(1).unwrap().starts_with("hint: "),
        "{outcome:?}"
    );
}

#[test]
fn public_ecr_and_optional_rules_are_never_a_hard_error() {
    let machine = Machine::new();
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    optional: true\n"),
    );
    for host in [
        "public.ecr.aws",
        "https://public.ecr.aws/v2/",
        "ecr-public.aws.com",
        HOST,
    ] {
        let outcome = machine.helper("get", host);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, NOT_FOUND), "{host}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        assert!(outcome.stderr.contains("no AWS credentials"), "{outcome:?}");
    }
}

#[rstest]
#[case::its_own_rule("  - match: HOST\n    optional: true\n    profil: a\n", true)]
#[case::another_rule(
    "  - match: 444455556666.dkr.ecr.eu-west-1.amazonaws.com\n    profil: a\n  - match: HOST\n    optional: true\n",
    true
)]
#[case::default("  - match: HOST\n    profil: a\ndefaults: {optional: true}\n", true)]
#[case::alias(
    "  - match: registry.example.com\n    registry: HOST\n    optional: true\n    profil: a\n",
    false
)]
#[case::first_match(
    "  - match: HOST\n    profil: a\n    optional: false\n  - match: '*.dkr.ecr.*.amazonaws.com'\n    optional: true\n",
    false
)]
#[case::no_boolean("  - match: HOST\n    optional: yes\n", false)]
#[case::no_yaml("  - match: HOST\n    optional: true\n   - \n", false)]
fn an_optional_rule_is_optional_in_an_invalid_file(#[case] rules: &str, #[case] is_optional: bool) {
    let machine = Machine::new();
    let rules = format!("registries:\n{}", rules.replace("HOST", HOST));
    machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert_eq!(outcome.stdout == NOT_FOUND, is_optional, "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count() == 1, is_optional, "{outcome:?}");
    assert!(outcome.stderr.contains("ecr-auth.yml:"), "{outcome:?}");
    if rules.contains("registry.example.com") {
        assert_eq!(machine.helper("get", "registry.example.com").stdout, NOT_FOUND);
    }
}

#[test]
fn store_takes_ecrs_hosts_and_no_other() {
    let machine = Machine::new();
    let stored = |server: &str| format!(r#"{{"ServerURL":"{server}","Username":"AWS","Secret":"s3cr3t"}}"#);
    for host in [HOST, "public.ecr.aws"] {
        let taken = machine.helper("store", &stored(host));
        assert_eq!((taken.status, taken.stdout.as_str()), (0, ""));
        let start =
            format!("ecr-auth: {host}: this password is not kept; ecr-auth signs in by itself, which fails now: ");
        assert!(taken.stderr.starts_with(&start), "{taken:?}");
        assert_eq!(taken.stderr.lines().count(), 1, "{taken:?}");
        assert!(!taken.stderr.contains("s3cr3t"));
    }
    let refused = machine.helper("store", &stored("https://ghcr.io/x"));
    assert_eq!((refused.status, refused.stderr.as_str()), (1, ""));
    let start = "ecr-auth: ghcr.io is not an ECR registry: ";
    assert!(refused.stdout.starts_with(start), "{refused:?}");
    assert!(!refused.stdout.contains("s3cr3t"));
    let ignoring = Machine::new().with("AWS_ECR_IGNORE_CREDS_STORAGE", "true");
    ignoring.helper("store", &stored("https://ghcr.io/x")).prints("");
    machine.helper("store", "s3cr3t").is(
        1,
        "ecr-auth: store: the input is not a JSON object with a ServerURL [EA0105]\n",
        "",
    );
}

#[test]
fn erase_of_any_host_says_nothing() {
    let machine = Machine::new();
    for host in [HOST, "https://index.docker.io/v1/", "nonsense", "public.ecr.aws"] {
        machine.helper("erase", host).prints("");
    }
}

#[test]
fn list_names_the_exact_hosts_configured() {
    let machine = Machine::new();
    let no_region = "ecr-auth: list: no registry is known: no region is set [EA0003]\n";
    machine.helper("list", "").is(0, "{}\n", no_region);
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "registries:\n  - match: {HOST}\n  - match: '444455556666.dkr.ecr.*.amazonaws.com'\n  - match: registry.example.com:5000\n    registry: {HOST}\n"
        ),
    );
    machine.helper("list", "anything").prints(&format!(
        "{{\"https://{HOST}\":\"AWS\",\"https://registry.example.com:5000\":\"AWS\"}}\n"
    ));
}

#[test]
fn a_broken_configuration_is_named() {
    let machine = Machine::new();
    let file = machine.write(".config/ecr-auth/ecr-auth.yml", "registries:\n  - matches: x\n");
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains(&file.display().to_string()), "{outcome:?}");
    let listed = machine.helper("list", "");
    assert_eq!((listed.status, listed.stdout.as_str()), (0, "{}\n"));
    let public = machine.helper("get", "public.ecr.aws");
    assert_eq!((public.status, public.stdout.as_str()), (1, NOT_FOUND));
    assert_eq!(public.stderr.lines().count(), 1, "{public:?}");
    machine
        .helper("store", &format!(r#"{{"ServerURL":"{HOST}"}}"#))
        .prints("");
    machine.helper("erase", HOST).prints("");
}

#[test]
fn an_unknown_action_is_a_usage_error() {
    let outcome = Machine::new().helper("fetch", "");
    outcome.is(
        2,
        "",
        "error: credential helper: there is no action `fetch` [EA0105]\nhint: clients call it with get, store, erase, list or version\n",
    );
}

#[test]
fn input_past_64_kib_is_refused() {
    let outcome = Machine::new().helper("get", &"x".repeat(64 * 1024 + 1));
    outcome.is(1, "ecr-auth: the input is longer than 64 KiB [EA0105]\n", "");
}

#[test]
fn a_closed_stdout_is_no_panic() {
    let shell = Path::new("/bin/sh");
    let line = format!("exec >&-; exec {} helper version", binary().display());
    let outcome = Machine::new().call(shell, &["-c", &line], "");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
}

/// BuildKit asks once for each authentication that it remembers.
#[test]
fn a_failure_is_told_once_to_a_client_that_asks_again_and_again() {
    let machine = Machine::new();
    let helper = machine.home().join("docker-credential-ecr-auth");
    std::os::unix::fs::symlink(crate::harness::binary(), &helper).unwrap();
    let client = |times: usize| {
        let ask = format!("echo {HOST} | {}; ", helper.display().to_string() + " get");
        machine.call("/bin/sh".as_ref(), &["-c", &(ask.repeat(times) + "true")], "")
    };
    let outcome = client(41);
    let errors = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!((outcome.stdout.lines().count(), errors), (41, 1), "{outcome:?}");
    // The failure is printed for another client too.
    let other = client(1);
    assert!(other.stderr.contains("error: no AWS credentials"), "{other:?}");
    // Another failure is printed, even of the same kind.
    let rules = machine.write(".config/ecr-auth/ecr-auth.yml", "").display().to_string();
    let ask = format!("echo {HOST} | {} get; ", helper.display());
    let script = format!("for key in foo foo bar; do echo \"$key: 1\" >{rules}; {ask} done; true");
    let outcome = machine.call("/bin/sh".as_ref(), &["-c", &script], "");
    assert_eq!(outcome.stderr.matches("error: ").count(), 2, "{outcome:?}");
    fs::remove_file(rules).unwrap();
    // Without a cache, the failure is printed each time.
    let outcome = machine.with("ECR_AUTH_CACHE", "off");
    let ask = format!("for i in 1 2 3; do echo {HOST} | {} get; done; true", helper.display());
    let outcome = outcome.call("/bin/sh".as_ref(), &["-c", &ask], "");
    assert_eq!(outcome.stderr.matches("error: ").count(), 3, "{outcome:?}");
}
