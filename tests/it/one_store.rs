//! `setup --all`: one store for every registry, with the former store behind it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{key_variables, lab};

pub const DOCKER: &str = ".docker/config.json";
pub const SETUP: &str = ".config/ecr-auth/setup.json";
pub const DROP_IN: &str = ".config/containers/registries.conf.d/zz-ecr-auth.conf";
pub const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// A store like Docker Desktop's: it keeps its input unchanged, and has its own messages, exit status and variables.
const DESKTOP: &str = r#"#!/bin/sh
kept=$HOME/kept
mkdir -p "$kept"
name() { printf %s "$1" | tr '/:' '__'; }
case $1 in
store)
  input=$(cat)
  server=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
  printf '%s' "$input" >"$kept/$(name "$server")" ;;
get)
  server=$(cat)
  printf '%s' "$server" >"$HOME/asked"
  env >"$HOME/environment"
  case $server in *locked*) echo 'a word for people' >&2; printf 'the keychain is locked'; exit 7 ;; esac
  [ -e "$kept/$(name "$server")" ] || { echo 'credentials not found in native keychain'; exit 1; }
  cat "$kept/$(name "$server")" ;;
erase) rm -f "$kept/$(name "$(cat)")" ;;
list)
  [ ! -e "$HOME/broken" ] || { echo 'no list'; exit 0; }
  printf '{'
  comma=
  for file in "$kept"/*; do
    [ -e "$file" ] || continue
    sed 's/.*"ServerURL":"\([^"]*\)","Username":"\([^"]*\)".*/'"$comma"'"\1":"\2"/' "$file"
    comma=,
  done
  printf '}' ;;
version) echo 'docker-credential-desktop v0.9' ;;
*) exit 3 ;;
esac
"#;

/// Returns a machine whose PATH begins with a folder for the test's programs.
pub fn machine() -> Machine {
    let machine = Machine::new();
    fs::create_dir(machine.home().join("bin")).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", machine.home().join("bin").display());
    machine.with("PATH", &path).with("DOCKER_HOST", "unix:///nowhere.sock")
}

pub fn program(machine: &Machine, name: &str, script: &str) -> PathBuf {
    let source = machine.write("program.sh", script);
    let program = machine.home().join("bin").join(name);
    // Another process copies it, because a file cannot be run while a fork of another test's thread has it open for writing.
    let args = ["-m", "755", source.to_str().unwrap(), program.to_str().unwrap()];
    assert_eq!(machine.call(Path::new("/usr/bin/install"), &args, "").status, 0);
    program
}

pub fn with_desktop() -> Machine {
    let machine = machine();
    program(&machine, "docker-credential-desktop", DESKTOP);
    machine
}

#[track_caller]
pub fn setup(machine: &Machine, more: &[&str]) -> Outcome {
    let bin = machine.home().join("bin").display().to_string();
    let outcome = machine.run(&[&["setup", "--bin-dir", &bin], more].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome
}

#[track_caller]
pub fn logout(machine: &Machine) -> Outcome {
    let outcome = machine.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome
}

pub fn request(server: &str, user: &str, secret: &str) -> String {
    format!(r#"{{"ServerURL":"{server}","Username":"{user}","Secret":"{secret}"}}"#)
}

/// Runs the helper as docker does.
pub fn docker_asks(machine: &Machine, action: &str, stdin: &str) -> Outcome {
    let helper = machine.home().join("bin/docker-credential-ecr-auth");
    machine.call(&helper, &[action], stdin)
}

/// Starts a registry on this machine that accepts one password, and returns its name.
pub fn registry(user: &'static str, password: &'static str) -> String {
    use base64::Engine;
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let is_signed_in = lines.iter().any(|line| line.ends_with(&format!("Basic {wanted}")));
            let status = match is_signed_in {
                true => "200 OK",
                false => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"",
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            );
        }
    });
    host
}

pub fn docker(machine: &Machine, args: &[&str], stdin: &str) -> Outcome {
    machine.call(Path::new("/usr/bin/env"), &[&["docker"], args].concat(), stdin)
}

#[track_caller]
pub fn docker_login(machine: &Machine, host: &str, user: &str, password: &str) {
    let outcome = docker(machine, &["login", "-u", user, "--password-stdin", host], password);
    assert!(outcome.stdout.contains("Login Succeeded"), "{outcome:?}");
}

/// Docker tries the credentials that it finds before it asks for a password. (Its engine, which would sign in, is missing.)
#[track_caller]
pub fn docker_finds_a_login(machine: &Machine, host: &str) {
    let again = docker(machine, &["login", host], "");
    let told = again.stdout + &again.stderr;
    assert!(told.contains("Authenticating with existing credentials"), "{told}");
}

pub fn skopeo_user(machine: &Machine, host: &str) -> String {
    let outcome = machine.call(Path::new("/usr/bin/skopeo"), &["login", "--get-login", host], "");
    match outcome.status {
        0 => outcome.stdout.trim().to_owned(),
        _ => "nobody".to_owned(),
    }
}

#[test]
fn a_second_run_changes_nothing() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    let files = [DOCKER, SETUP, DROP_IN].map(|file| machine.read(file));
    setup(&machine, &["--all"]);
    assert_eq!([DOCKER, SETUP, DROP_IN].map(|file| machine.read(file)), files);
    let told = setup(&machine, &["--all", "--dry-run"]);
    assert_eq!(told.stdout, "");
    logout(&machine);
    assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"desktop\"}");
}

#[test]
fn a_dry_run_shows_all_of_it_and_writes_nothing() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    let shown = setup(&machine, &["--all", "--dry-run"]);
    for line in [
        "+{\"credsStore\": \"ecr-auth\"}",
        "+\"fallback\":{\"store\":\"desktop\"},",
        "+credential-helpers = [\"containers-auth.json\", \"ecr-auth\"]",
    ] {
        assert!(shown.stdout.lines().any(|it| it == line), "{line}\n{}", shown.stdout);
    }
    let before = "docker: credsStore has another value now, which logout would put back\n";
    assert!(shown.stderr.contains(before), "{shown:?}");
    assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"desktop\"}");
    assert!(!machine.home().join(".config").exists());
}

#[test]
fn registries_beside_it_get_their_rules() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    let role = "arn:aws:iam::111122223333:role/ci-push";
    setup(&machine, &["--all", "--role-arn", role, HOST]);
    assert!(
        machine
            .read(SETUP)
            .contains(&format!("{{\"match\":\"{HOST}\",\"role-arn\":\"{role}\"}}"))
    );
    assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"ecr-auth\"}");
    logout(&machine);
    assert!(!machine.home().join(SETUP).exists());
}

#[test]
fn ecr_auth_is_never_its_own_store() {
    let machine = machine();
    let refused = |name: &str, script: Option<&str>| {
        let path = machine.home().join("bin").join(format!("docker-credential-{name}"));
        match script {
            Some(script) => drop(program(&machine, &format!("docker-credential-{name}"), script)),
            None => symlink(binary(), &path).unwrap(),
        }
        let before = format!("{{\"credsStore\": \"{name}\"}}");
        machine.write(DOCKER, &before);
        let bin = machine.path("elsewhere").display().to_string();
        let outcome = machine.run(&["setup", "--all", "--bin-dir", &bin]);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains("it would ask itself [EA0102]\nhint: "),
            "{outcome:?}"
        );
        assert_eq!(machine.read(DOCKER), before);
        assert!(!machine.path("elsewhere").exists() && !machine.home().join(SETUP).exists());
    };
    refused("ecr-login", None);
    fs::copy(binary(), machine.home().join("bin/docker-credential-ecr-auth")).unwrap();
    refused("wrapper", Some("#!/bin/sh\nexec docker-credential-ecr-auth \"$@\"\n"));
    refused("twice", Some("#!/bin/sh\nexec docker-credential-wrapper \"$@\"\n"));
}

#[test]
fn a_store_that_leads_back_ends_in_one_line() {
    let machine = machine();
    let lying = "#!/bin/sh\n[ \"$1\" = version ] && exit 1\nexec docker-credential-ecr-auth \"$@\"\n";
    program(&machine, "docker-credential-lying", lying);
    machine.write(DOCKER, "{\"credsStore\": \"lying\"}");
    setup(&machine, &["--all"]);
    for (action, stdin) in [
        ("get", "ghcr.io".to_owned()),
        ("erase", "ghcr.io".to_owned()),
        ("store", request("ghcr.io", "x", "s3cr3t")),
    ] {
        let outcome = docker_asks(&machine, action, &stdin);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""), "{outcome:?}");
        assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
        assert!(
            outcome
                .stdout
                .contains("docker-credential-lying leads back to ecr-auth [EA0102]"),
            "{outcome:?}"
        );
    }
    let listed = docker_asks(&machine, "list", "");
    assert_eq!((listed.status, listed.stdout.as_str()), (0, "{}\n"));
    // This also holds for a file that was edited by hand.
    machine.write(SETUP, r#"{"fallback": {"store": "ecr-auth"}}"#);
    let outcome = docker_asks(&machine, "get", "ghcr.io");
    assert!(outcome.stdout.contains("leads back to ecr-auth"), "{outcome:?}");
}

#[test]
fn a_store_that_is_gone_is_told_in_one_line() {
    let machine = with_desktop();
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all"]);
    fs::remove_file(machine.home().join("bin/docker-credential-desktop")).unwrap();
    docker_asks(&machine, "get", "ghcr.io").is(
        1,
        "ecr-auth: ghcr.io: cannot use the credential store \"desktop\" of setup.json: docker-credential-desktop is not on PATH [EA0103]; install it again, or run: ecr-auth logout\n",
        "",
    );
    let told = machine.run(&["doctor", HOST]);
    let line = "! fallback: cannot use the credential store \"desktop\" of setup.json: docker-credential-desktop is not on PATH";
    assert!(told.stdout.contains(line), "{told:?}");
    let listed = docker_asks(&machine, "list", "");
    assert_eq!((listed.status, listed.stdout.as_str()), (0, "{}\n"));
    assert!(
        listed.stderr.contains("docker-credential-desktop is not on PATH"),
        "{listed:?}"
    );
    logout(&machine);
    assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"desktop\"}");
}

/// As after an uninstalled Docker Desktop.
#[test]
fn a_store_that_is_gone_is_told_by_the_overview_and_a_second_setup() {
    let lab = lab();
    let machine = with_desktop().with_all(key_variables(lab.admin()));
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    let told = setup(&machine, &["--all"]);
    let goes_on = "docker: all other registries go on with docker-credential-desktop\n";
    assert!(told.stderr.contains(goes_on), "{told:?}");
    fs::remove_file(machine.home().join("bin/docker-credential-desktop")).unwrap();
    let overview = machine.run(&[]).stdout;
    let gone = "cannot use the credential store \"desktop\" of setup.json: docker-credential-desktop is not on PATH";
    assert!(overview.contains(&format!("\nNext: {gone}")), "{overview}");
    assert!(
        overview.contains("install it again, or run: ecr-auth logout; then see\n    ecr-auth doctor\n"),
        "{overview}"
    );
    let told = setup(&machine, &["--all"]);
    assert!(!told.stderr.contains(goes_on), "{told:?}");
    assert!(told.stderr.contains(&format!("warning: {gone}")), "{told:?}");
}

#[test]
fn a_configuration_that_was_not_there_goes_again() {
    let machine = machine();
    setup(&machine, &["--all"]);
    assert!(machine.read(DOCKER).contains("\"credsStore\": \"ecr-auth\""));
    let told = logout(&machine);
    assert!(
        told.stderr
            .contains("podman: ~/.config/containers/registries.conf.d/zz-ecr-auth.conf removed\n")
    );
    assert!(!machine.home().join(".docker").exists() && !machine.home().join(".config").exists());
}

#[test]
fn a_store_that_docker_found_by_itself_goes_on() {
    let machine = machine();
    program(&machine, "docker-credential-secretservice", DESKTOP);
    machine.write(DOCKER, "{}");
    setup(&machine, &["--all"]);
    assert!(machine.read(SETUP).contains(r#""fallback":{"store":"secretservice"}"#));
    logout(&machine);
    assert_eq!(machine.read(DOCKER), "{}");
    // A login leaves an entry in `auths`, after which docker would not look for a store.
    setup(&machine, &["--all"]);
    let host = registry("one", "pw-1");
    docker_login(&machine, &host, "one", "pw-1");
    logout(&machine);
    let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
    assert_eq!(config["credsStore"], "secretservice");
}

/// With `credHelpers`, docker no longer looks for a store by itself, and would write passwords into its file.
#[test]
fn a_store_that_docker_found_by_itself_keeps_other_logins_beside_one_registry() {
    let machine = machine();
    program(&machine, "docker-credential-secretservice", DESKTOP);
    let (one, two) = (registry("one", "pw-1"), registry("two", "pw-2"));
    for before in [
        "{}",
        "{\"credsStore\": \"\"}",
        "{\"HttpHeaders\":{\"a\":\"b\"}, \"credsStore\":null}\n",
    ] {
        machine.write(DOCKER, before);
        let told = setup(&machine, &["--client", "docker", HOST]);
        let line =
            "docker: credsStore names secretservice now, which docker has used by itself: other logins stay there\n";
        assert!(told.stderr.contains(line), "{told:?}");
        let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
        assert_eq!(config["credsStore"], "secretservice", "{config}");
        let told = setup(&machine, &["--client", "docker", HOST]);
        assert!(!told.stderr.contains("credsStore"), "{told:?}");
        // The registry's own logout is enough, and so is one after `setup --all`.
        let logged_out = machine.run(&["logout", HOST]);
        assert_eq!((logged_out.status, machine.read(DOCKER).as_str()), (0, before));
        assert!(
            !machine.home().join("bin/docker-credential-ecr-auth").exists(),
            "{logged_out:?}"
        );
        setup(&machine, &["--client", "docker", HOST]);
        setup(&machine, &["--client", "docker", "--all"]);
        assert!(machine.read(SETUP).contains(r#""fallback":{"store":"secretservice"}"#));
        logout(&machine);
        assert_eq!(machine.read(DOCKER), before);
    }
    fs::remove_file(machine.home().join(DOCKER)).unwrap();
    docker_login(&machine, &one, "one", "pw-1");
    fs::remove_file(machine.home().join(DOCKER)).unwrap();
    setup(&machine, &["--client", "docker", HOST]);
    docker_finds_a_login(&machine, &one);
    docker_login(&machine, &two, "two", "pw-2");
    logout(&machine);
    let config: Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
    assert_eq!(config["auths"].as_object().unwrap().len(), 2, "{config}");
    docker_finds_a_login(&machine, &one);
    docker_finds_a_login(&machine, &two);
}

/// Docker looks for a store only in a file without credentials, and a store that fails has none.
#[test]
fn a_store_that_docker_does_not_use_is_not_named() {
    let machine = machine();
    program(&machine, "docker-credential-secretservice", DESKTOP);
    let login = "{\"auths\": {\"a.io\": {\"auth\": \"YTpi\"}}}";
    machine.write(DOCKER, login);
    setup(&machine, &["--client", "docker", HOST]);
    assert!(!machine.read(DOCKER).contains("credsStore"));
    logout(&machine);
    assert_eq!(machine.read(DOCKER), login);
    program(
        &machine,
        "docker-credential-secretservice",
        "#!/bin/sh\necho no D-Bus; exit 1\n",
    );
    machine.write(DOCKER, "{}");
    setup(&machine, &["--client", "docker", HOST]);
    assert!(!machine.read(DOCKER).contains("credsStore"));
}

#[test]
fn one_setup_json_names_one_store() {
    let machine = with_desktop();
    program(&machine, "docker-credential-other", DESKTOP);
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    machine.write("second/config.json", "{\"credsStore\": \"other\"}");
    setup(&machine, &["--all"]);
    let (bin, second) = (machine.home().join("bin"), machine.home().join("second"));
    let (bin, second) = (bin.to_str().unwrap(), second.to_str().unwrap());
    let args = ["setup", "--all", "--bin-dir", bin, "--docker-config", second];
    let refused = machine.run(&args);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("go on with docker-credential-desktop [EA0102]"),
        "{refused:?}"
    );
    assert_eq!(machine.read("second/config.json"), "{\"credsStore\": \"other\"}");
    // If another store has replaced us in the first configuration, it is the store from now on.
    machine.write(DOCKER, "{\"credsStore\": \"other\"}");
    setup(&machine, &["--all"]);
    assert!(machine.read(SETUP).contains(r#""fallback":{"store":"other"}"#));
    logout(&machine);
    assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"other\"}");
}

#[test]
fn helm_alone_has_no_entry_for_every_registry() {
    let machine = machine();
    let outcome = machine.run(&["setup", "--all", "--client", "helm"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(
        outcome.stderr.contains("helm has no entry for every registry"),
        "{outcome:?}"
    );
}

#[test]
fn helms_registry_file_gets_the_helper() {
    let machine = machine();
    setup(&machine, &["--client", "helm", HOST]);
    let file = ".config/helm/registry/config.json";
    let config: Value = serde_json::from_str(&machine.read(file)).unwrap();
    assert_eq!(config["credHelpers"][HOST], "ecr-auth");
    assert!(!machine.home().join(DOCKER).exists());
    logout(&machine);
    assert!(!machine.home().join(".config/helm").exists());
}

#[test]
fn doctor_and_the_overview_know_who_serves_whom() {
    let machine = with_desktop();
    program(&machine, "docker", "#!/bin/sh\necho Docker version 28.3.0, build 1\n");
    let old = format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"QVdTOm9sZA==\"}}}}, \"credsStore\": \"desktop\"}}");
    machine.write(DOCKER, &old);
    machine.write(".config/helm/registry/config.json", "{}");
    setup(&machine, &["--all"]);
    let report = machine.run(&["doctor", HOST]);
    for line in [
        "✓ docker: docker-credential-ecr-auth is asked, by credsStore in ~/.docker/config.json; not used: the password of a login in auths",
        "✓ helm: docker-credential-ecr-auth is asked, by credsStore in ~/.docker/config.json",
    ] {
        assert!(report.stdout.contains(line), "{line}\n{}", report.stdout);
    }
    // Podman reads docker's old password itself, before it asks the helper.
    machine.write(DOCKER, "{\"credsStore\": \"ecr-auth\"}");
    let report = machine.run(&["doctor", HOST]);
    let line = format!("✓ podman: docker-credential-ecr-auth is asked, by credential-helpers in ~/{DROP_IN}");
    assert!(report.stdout.contains(&line), "{}", report.stdout);
    let overview = machine.run(&[]);
    for line in [
        "docker       ecr-auth serves every registry (credsStore), by ~/.docker/config.json",
        "podman       ecr-auth serves every registry (credential-helpers), by ~/.config/containers/registries.conf.d/zz-ecr-auth.conf",
        "helm         ecr-auth serves every registry (credsStore), by ~/.docker/config.json",
    ] {
        assert!(overview.stdout.contains(line), "{line}\n{}", overview.stdout);
    }
}

/// Docker Desktop puts its own store back when it starts.
#[test]
fn doctor_tells_who_served_every_registry_to_do_so_again() {
    let machine = with_desktop();
    program(&machine, "docker", "#!/bin/sh\necho Docker version 28.3.0, build 1\n");
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    let hint = |machine: &Machine| {
        let report = machine.run(&["doctor", HOST]).stdout;
        assert!(
            report.contains("✗ docker: docker-credential-desktop is asked"),
            "{report}"
        );
        let line = report.lines().find_map(|line| line.strip_prefix("Run first: "));
        line.unwrap_or_else(|| panic!("{report}")).to_owned()
    };
    assert_eq!(hint(&machine), format!("ecr-auth setup {HOST}"));
    setup(&machine, &["--all"]);
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    assert_eq!(hint(&machine), "ecr-auth setup --all");
}

/// Under a name that is not a helper's, it does not know the protocol.
#[test]
fn ecr_auth_is_no_store_under_any_name() {
    for is_copy in [false, true] {
        let machine = machine();
        let other = machine.home().join("bin/docker-credential-foo");
        match is_copy {
            true => drop(fs::copy(binary(), &other).unwrap()),
            false => symlink(binary(), &other).unwrap(),
        }
        machine.write(DOCKER, "{\"credsStore\": \"foo\"}");
        let bin = machine.home().join("bin").display().to_string();
        let outcome = machine.run(&["setup", "--all", "--client", "docker", "--bin-dir", &bin]);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains("is ecr-auth, under another name"),
            "{outcome:?}"
        );
        assert_eq!(machine.read(DOCKER), "{\"credsStore\": \"foo\"}");
    }
}

/// The rule for one registry still works, so nothing else would show it.
#[test]
fn the_overview_and_doctor_tell_that_docker_asks_for_all_registries_no_more() {
    let lab = lab();
    let machine = with_desktop().with_all(key_variables(lab.admin()));
    program(&machine, "docker", "#!/bin/sh\necho Docker version 28.3.0, build 1\n");
    machine.write(DOCKER, "{\"credsStore\": \"desktop\"}");
    setup(&machine, &["--all", "--client", "docker"]);
    setup(&machine, &["--client", "docker", HOST]);
    let overview = machine.run(&[]).stdout;
    assert!(overview.contains("\nNext: all is set up"), "{overview}");
    let report = machine.run(&["doctor"]).stdout;
    assert!(report.contains("✓ fallback: "), "{report}");
    for (file, now) in [
        (
            format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-auth\"}}, \"credsStore\": \"desktop\"}}"),
            "it is \"desktop\"",
        ),
        (
            format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-auth\"}}}}"),
            "it is not set",
        ),
    ] {
        machine.write(DOCKER, &file);
        let overview = machine.run(&[]).stdout;
        let line = format!(
            "docker       ecr-auth serves 1 registry, by ~/.docker/config.json; credsStore is no longer ecr-auth: {now}\n"
        );
        assert!(overview.contains(&line), "{overview}");
        let next = "\nNext: have docker ask ecr-auth for every registry again\n    ecr-auth setup --all\n";
        assert!(overview.contains(next), "{overview}");
        let report = machine.run(&["doctor"]).stdout;
        let line = format!(
            "! fallback: credsStore in ~/.docker/config.json is no longer ecr-auth: {now}, so docker does not ask ecr-auth for every registry\n    \
             run: ecr-auth setup --all\n"
        );
        assert!(report.contains(&line), "{report}");
    }
    // It is not set up elsewhere because it was set up here.
    let other = machine.path("other").display().to_string();
    machine.write(DOCKER, "{\"credsStore\": \"ecr-auth\"}");
    let machine = machine.with("DOCKER_CONFIG", &other);
    let overview = machine.run(&[]).stdout;
    assert!(!overview.contains("no longer"), "{overview}");
}
