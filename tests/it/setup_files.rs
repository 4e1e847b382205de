//! What `setup` and `logout` make of the clients' files, to the byte.

use std::fs;

use rstest::rstest;

use crate::harness::{HOST, Machine};
use crate::setup_logout::{bin, setup_args};

/// As an editor on Windows leaves it.
#[test]
fn a_file_with_windows_line_ends_is_given_back_byte_for_byte() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let config = "{\r\n  \"auths\": {},\r\n  \"psFormat\": \"ä\"\r\n}\r\n";
    let file = machine.write(".docker/config.json", config);
    for _ in 0..2 {
        let outcome = machine.run(&setup_args(&bin, &[HOST]));
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&format!("\"{HOST}\": \"ecr-auth\"")), "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert_eq!(fs::read(&file).unwrap(), config.as_bytes());
}

#[test]
fn killed_at_any_moment_it_leaves_a_file_that_parses_and_holds_all() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(
        ".docker/config.json",
        "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}}",
    );
    let mut finished = 0;
    for number in 0..100 {
        let registry = format!("111122223{number:03}/eu-west-1");
        let mut child = machine.start(&setup_args(&bin, &[&registry]));
        // The times are spread over the process's life, so that each round is killed at another point.
        for _ in 0..number * 2_000 {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        if child.wait().unwrap().success() {
            finished += 1;
        }
        let config: serde_json::Value = serde_json::from_str(&machine.read(".docker/config.json")).unwrap();
        assert_eq!(config["auths"]["ghcr.io"]["auth"], "eDp5");
        let entries = config["credHelpers"].as_object().map_or(0, serde_json::Map::len);
        assert!(
            entries >= finished,
            "{entries} entries after {finished} finished setups"
        );
    }
    let last = machine.run(&setup_args(&bin, &[HOST]));
    assert_eq!(last.status, 0, "{last:?}");
    let left: Vec<_> = std::fs::read_dir(machine.home().join(".docker"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["config.json"], "what killed runs left is cleaned up");
}

#[test]
fn a_configuration_that_does_not_parse_is_left_alone() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(".docker/config.json", "{\"auths\": ");
    let outcome = machine.run(&setup_args(&bin, &[HOST]));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("config.json") && outcome.stderr.contains("line 1"),
        "{outcome:?}"
    );
    assert_eq!(machine.read(".docker/config.json"), "{\"auths\": ");
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(
        ".docker/config.json",
        "{\n\t\"auths\": {\"ghcr.io\": {\"auth\": \"c2VjcmV0\"}}\n}",
    );
    let outcome = machine.run(&setup_args(&bin, &["--dry-run", HOST]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains(&format!("+\t\t\"{HOST}\": \"ecr-auth\"")),
        "{outcome:?}"
    );
    assert!(!outcome.stdout.contains("c2VjcmV0"), "{outcome:?}");
    assert!(!machine.path("bin").exists());
    assert!(!machine.read(".docker/config.json").contains("ecr-auth"));
}

/// Whatever the files hold beside our changes, even on neighbouring lines.
#[test]
fn a_dry_run_shows_no_value_of_others() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let config = "{\n\t\"credsStore\": \"hunter1\",\n\t\"secretKey\": \"hunter2\",\n\t\"plugins\": {\"x\": {\"apiKey\": \"hunter3\", \"pin\": 47114711}},\n\
        \t\"credHelpers\": {\"x.example\": \"hunter4\", \"a:hunter5@y.example\": \"hunter6\", \"111122223333.dkr.ecr.eu-west-1.amazonaws.com\": \"hunter7\"},\n\
        \t\"list\": [\"hunter8\", \"hunter9\"]\n}";
    machine.write(".docker/config.json", config);
    let rule = |host: &str| {
        format!(
            "{{\"match\":\"{host}\",\"role-arn\":\"arn:aws:iam::111122223333:role/hunter\",\"external-id\":\"hunter0\"}}"
        )
    };
    let hosts = [HOST, "444455556666.dkr.ecr.eu-west-1.amazonaws.com"].map(rule);
    machine.write(
        ".config/ecr-auth/setup.json",
        &format!("{{\n\"registries\":[\n{}\n]}}\n", hosts.join(",\n")),
    );
    let role = "arn:aws:iam::111122223333:role/push";
    let outcome = machine.run(&setup_args(
        &bin,
        &["--dry-run", "--role-arn", role, "--external-id", "ours", HOST],
    ));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains(&format!("\"{HOST}\": \"ecr-auth\"")),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains(role) && outcome.stdout.contains("\"ours\""),
        "{outcome:?}"
    );
    let told = format!("docker: {HOST} has another value now, which logout would put back\n");
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    let shown = outcome.stdout + &outcome.stderr;
    assert!(!shown.contains("hunter") && !shown.contains("4711"), "{shown}");
}

#[test]
fn a_dry_run_shows_no_value_of_another_profile() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(
        ".aws/config",
        "# hunter1\n[default] hunter2\naws_secret_access_key = hunter3\n  hunter4=x\nmfa_process: hunter5\nhunter 6\n; x = hunter7\n",
    );
    let args = [
        "cognito",
        "setup",
        "--dry-run",
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        "--profile",
        "vendor",
        HOST,
    ];
    let pools = "--user-pool-id eu-west-1_AbCdEfGhI --client-id 1h57kf5cpq17m0eml12EXAMPLE --identity-pool-id eu-west-1:12345678-abcd-1234-abcd-123456789012";
    let pools: Vec<&str> = pools.split(' ').chain(["--username", "zoe"]).collect();
    let outcome = machine.run(&[&args[..], &pools].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains("+[profile vendor]\n+credential_process = "),
        "{outcome:?}"
    );
    assert!(
        !outcome.stdout.contains("REDACTED\n+cred") && !outcome.stdout.contains("hunter"),
        "{outcome:?}"
    );
}

/// Another program has written a name in Latin-1: docker and podman read such a file, so it is edited, byte for byte.
#[rstest]
#[case::in_values(b"{\n\t\"psFormat\": \"\xe4\xf6\xed\xa0\x80\xf4\x8f\xbf\xbf\",\n\t\"credHelpers\": {\n\t\t\"\xff\": \"x\"\n\t}\n}\n")]
#[case::behind_the_object(b"{\"auths\":{}}\n\xff\xfe")]
fn bytes_that_are_not_utf_8_stay(#[case] before: &[u8]) {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(".docker/config.json", "");
    let file = machine.home().join(".docker/config.json");
    fs::write(&file, before).unwrap();
    let preview = machine.run(&setup_args(&bin, &["--dry-run", HOST]));
    assert_eq!(preview.status, 0, "{preview:?}");
    assert!(preview.stdout.contains(HOST), "{preview:?}");
    let setup = machine.run(&setup_args(&bin, &[HOST]));
    assert_eq!(setup.status, 0, "{setup:?}");
    let after = fs::read(&file).unwrap();
    let place = |text: &[u8], part: &[u8]| text.windows(part.len()).position(|window| window == part);
    assert!(place(&after, HOST.as_bytes()).is_some(), "{}", after.escape_ascii());
    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert_eq!(
        fs::read(&file).unwrap().escape_ascii().to_string(),
        before.escape_ascii().to_string()
    );
}

/// A file without settings is one too.
#[rstest]
#[case::empty("")]
#[case::blank(" \n")]
#[case::null("null\n")]
#[case::null_helpers("{\"credHelpers\": null}")]
#[case::null_helpers_twice("{\"credHelpers\": null, \"a\": 1, \"credHelpers\": null}")]
#[case::spaced_out("{ }\n")]
#[case::spaced_out_helpers("{\n  \"credHelpers\": {\n  }\n}\n")]
fn a_configuration_without_helpers_comes_back_byte_for_byte(#[case] before: &str) {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(".docker/config.json", before);
    for host in [HOST, "444455556666/eu-west-1"] {
        let setup = machine.run(&setup_args(&bin, &[host]));
        assert_eq!(setup.status, 0, "{setup:?}");
    }
    assert!(machine.read(".docker/config.json").contains(HOST));
    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert_eq!(machine.read(".docker/config.json"), before);
}

/// The settings that `setup --all` and `login` write leave nothing behind.
#[rstest]
#[case::store("{\"credsStore\": null}")]
#[case::empty("")]
fn a_configuration_without_a_store_comes_back_byte_for_byte(#[case] before: &str) {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(".docker/config.json", before);
    let setup = machine.run(&setup_args(&bin, &["--all"]));
    assert_eq!(setup.status, 0, "{setup:?}");
    assert!(machine.read(".docker/config.json").contains("ecr-auth"));
    let logout = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert_eq!(machine.read(".docker/config.json"), before);
}
