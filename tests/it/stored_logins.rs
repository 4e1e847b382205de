//! Passwords in the clients' own files and stores: what real clients read, and how `logout` removes them.

use std::fs;
use std::path::{Path, PathBuf};

use client_config::{ClientUndoLog, ConfigFile, Kind, RegistryLogin};
use context::Env;
use secret::Secret;

use crate::harness::{HOST, Machine};
use crate::trace::{Secrets, Trace};

const OTHER: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

const PASSWORD: &str = "eyJwYXlsb2FkIjoic3RvcmVkLWxvZ2lucyJ9";

/// Keeps its input in a folder, as real stores do in a keychain.
const STORE: &str = r#"#!/bin/sh
kept=$HOME/kept
mkdir -p "$kept"
case $1 in
store)
  input=$(cat)
  printf %s "$input" >"$kept/$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')" ;;
get)
  host=$(cat)
  [ -e "$kept/$host" ] || { echo 'credentials not found in native keychain'; exit 1; }
  cat "$kept/$host" ;;
erase) rm "$kept/$(cat)" ;;
esac
"#;

/// Stores the password of these hosts for docker and podman, as `login` does.
fn login(machine: &Machine, hosts: &[&str]) {
    let home = machine.home();
    let path = format!("{}:/usr/bin:/bin", home.join("bin").display());
    let vars = [("HOME", home.to_str().unwrap()), ("PATH", path.as_str())];
    let env: Env = vars.into_iter().collect();
    let password = Secret::new(PASSWORD);
    let logins = hosts.iter().map(|host| RegistryLogin {
        host,
        password: &password,
    });
    let logins: Vec<_> = logins.collect();
    let record = ClientUndoLog::new(home.join(".local/state/ecr-auth"), "setup");
    for (kind, path) in [
        (Kind::Docker, ".docker/config.json"),
        (Kind::Podman, ".config/containers/auth.json"),
    ] {
        let file = ConfigFile {
            kind,
            path: home.join(path),
        };
        let stored = client_config::store(&file, &logins, Some(&record), &env).unwrap();
        assert!(stored.not_recorded.is_none());
    }
}

/// Returns a machine with a credential store on PATH.
fn with_store() -> Machine {
    add_store(Machine::new().with("PATH", "/usr/bin:/bin"))
}

/// Adds a credential store, `keeping`, at the start of a machine's PATH. It keeps everything in `kept` below the home.
pub fn add_store(machine: Machine) -> Machine {
    let source = machine.write("store.sh", STORE);
    let program = machine.home().join("bin/docker-credential-keeping");
    fs::create_dir(machine.home().join("bin")).unwrap();
    // Another process copies it, because a file cannot be run while a fork of another test's thread has it open for writing.
    let args = ["-m", "755", source.to_str().unwrap(), program.to_str().unwrap()];
    assert_eq!(machine.call(Path::new("/usr/bin/install"), &args, "").status, 0);
    let behind = machine.env().get("PATH").unwrap().to_owned();
    let path = format!("{}:{behind}", machine.home().join("bin").display());
    machine.with("PATH", &path)
}

/// Returns the user name that a client has for a registry.
fn user_of(machine: &Machine, client: &str, file: &str, host: &str) -> String {
    let file = machine.home().join(file);
    let args = ["login", "--get-login", "--authfile", file.to_str().unwrap(), host];
    let outcome = machine.call(&PathBuf::from("/usr/bin").join(client), &args, "");
    match outcome.status {
        0 => outcome.stdout.trim().to_owned(),
        _ => "nobody".to_owned(),
    }
}

#[test]
fn skopeo_and_podman_read_what_is_in_the_files() {
    let machine = Machine::new();
    machine.write(
        ".docker/config.json",
        "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}}\n",
    );
    login(&machine, &[HOST, OTHER]);
    for client in ["skopeo", "podman"] {
        for file in [".docker/config.json", ".config/containers/auth.json"] {
            assert_eq!(user_of(&machine, client, file, HOST), "AWS", "{client} {file}");
        }
        assert_eq!(user_of(&machine, client, ".docker/config.json", "ghcr.io"), "x");
    }

    let outcome = machine.run(&["logout", HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(user_of(&machine, "skopeo", ".docker/config.json", HOST), "nobody");
    assert_eq!(user_of(&machine, "skopeo", ".docker/config.json", OTHER), "AWS");

    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let line = format!("docker: the password for {OTHER} taken out of ~/.docker/config.json\n");
    assert!(outcome.stderr.contains(&line), "{outcome:?}");
    assert_eq!(
        machine.read(".docker/config.json"),
        "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}}\n"
    );
    assert!(!machine.home().join(".config").exists());
    assert!(!machine.home().join(".local/state/ecr-auth/setup.json").exists());
}

#[test]
fn skopeo_reads_what_is_in_a_store() {
    let machine = with_store();
    let config = format!("{{\"credHelpers\": {{\"{HOST}\": \"keeping\"}}}}\n");
    machine.write(".docker/config.json", &config);
    machine.write(".config/containers/auth.json", &config);
    login(&machine, &[HOST]);
    for file in [".docker/config.json", ".config/containers/auth.json"] {
        assert_eq!(machine.read(file), config);
        assert_eq!(user_of(&machine, "skopeo", file, HOST), "AWS", "{file}");
    }

    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let line = format!("docker: the password for {HOST} taken out of the credential store keeping\n");
    assert!(outcome.stderr.contains(&line), "{outcome:?}");
    assert_eq!(user_of(&machine, "skopeo", ".docker/config.json", HOST), "nobody");
}

#[test]
fn logout_says_what_cannot_be_put_back() {
    let machine = Machine::new();
    let config = format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"eDp5\"}}}}}}\n");
    machine.write(".docker/config.json", &config);
    login(&machine, &[HOST]);
    let outcome = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stderr.contains(&format!(
            "warning: ~/.docker/config.json had another login for {HOST} before, which cannot be put back"
        )),
        "{outcome:?}"
    );
    assert_eq!(machine.read(".docker/config.json"), "{\"auths\": {}}\n");
}

#[test]
fn logout_gives_back_a_file_without_settings_byte_for_byte() {
    let machine = Machine::new();
    let (docker, podman) = ("null\n", "{\"auths\": null, \"a\": { }}");
    machine.write(".docker/config.json", docker);
    machine.write(".config/containers/auth.json", podman);
    login(&machine, &[HOST, OTHER]);
    assert!(machine.read(".docker/config.json").contains(OTHER));
    let outcome = machine.run(&["logout", "--client", "all"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(machine.read(".docker/config.json"), docker);
    assert_eq!(machine.read(".config/containers/auth.json"), podman);
}

#[test]
fn logout_fails_where_a_store_is_gone_and_takes_back_the_rest() {
    let machine = with_store();
    let config = format!("{{\"credHelpers\": {{\"{HOST}\": \"keeping\"}}}}\n");
    machine.write(".docker/config.json", &config);
    login(&machine, &[HOST, OTHER]);
    fs::rename(
        machine.home().join("bin/docker-credential-keeping"),
        machine.home().join("away"),
    )
    .unwrap();
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("error: cannot use the credential store \"keeping\" of login: docker-credential-keeping is not on PATH [EA0103]\nhint: "),
        "{outcome:?}"
    );
    assert_eq!(machine.read(".docker/config.json"), config);
    assert!(!machine.home().join(".config").exists());
}

#[test]
fn no_secret_is_in_an_argument_or_in_a_readable_file() {
    let machine = with_store();
    machine.write(".docker/config.json", "{\"credsStore\": \"keeping\"}");
    login(&machine, &[HOST]);
    let (outcome, trace) = Trace::of(&machine, &["logout"], "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let mut secrets = Secrets::default();
    secrets.mark([PASSWORD]);
    let executed: Vec<_> = trace.executed().map(|(arguments, _)| arguments).collect();
    for action in ["get", "erase"] {
        let run = format!("docker-credential-keeping\", \"{action}\"");
        assert!(
            executed.iter().any(|arguments| arguments.ends_with(&run)),
            "{executed:?}"
        );
    }
    trace.assert_programs_have_no_secrets(&secrets, &[]);
    trace.assert_files_are_private(&secrets, &machine);
    secrets.assert_unsaid(&outcome.stderr, &["logout"]);
}
