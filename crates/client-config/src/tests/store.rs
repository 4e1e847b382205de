//! Credential stores, played by shell scripts that record how they were called.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::CredentialStore;
use context::Env;
use secret::Secret;

/// A password that cannot occur elsewhere by chance, like one of ECR's.
pub(super) const PASSWORD: &str = "eyJwYXlsb2FkIjoiU0VDUkVUK3Bhc3N3b3JkLw==";

/// A store that keeps each credential in `$kept/<host>`.
pub(super) const KEEPING: &str = r#"
case $1 in
store)
  input=$(cat)
  host=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
  printf %s "$input" >"$kept/$host" ;;
get)
  read -r host
  [ -e "$kept/$host" ] || { echo 'credentials not found in native keychain'; exit 1; }
  cat "$kept/$host" ;;
erase)
  read -r host
  rm "$kept/$host" ;;
esac
"#;

/// A folder on PATH with credential stores.
pub(super) struct Stores(TempDir);

impl Stores {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Adds a store whose program is this script. Before the script, the program records its arguments and its
    /// environment.
    pub fn with(self, name: &str, script: &str) -> Self {
        let kept = self.kept(name);
        fs::create_dir(&kept).unwrap();
        let script = format!(
            "#!/bin/sh\nkept='{}'\ntr '\\0' '\\n' </proc/$$/cmdline >>\"$kept/.argv\"\nenv >>\"$kept/.env\"\n{script}",
            kept.display()
        );
        install(&script, &self.0.path().join(format!("docker-credential-{name}")));
        self
    }

    pub fn env(&self) -> Env {
        let path = format!("bin:{}:/usr/bin:/bin", self.0.path().display());
        [("PATH", path.as_str()), ("MARK", "seen")].into_iter().collect()
    }

    /// The folder in which a store keeps credentials.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}-kept"))
    }

    /// Returns what a store has for a host.
    pub fn has(&self, name: &str, host: &str) -> Option<String> {
        fs::read_to_string(self.kept(name).join(host)).ok()
    }

    pub fn calls(&self, name: &str) -> String {
        fs::read_to_string(self.kept(name).join(".argv")).unwrap_or_default()
    }
}

/// Writes the program from another process. If this process had the file open for writing, a fork in another test's
/// thread would keep it open, and it could not be executed.
fn install(script: &str, path: &Path) {
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    install.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
}

fn secret() -> Secret {
    Secret::new(PASSWORD)
}

#[test]
fn stores_gets_and_erases() {
    let stores = Stores::new().with("keeping", KEEPING);
    let env = stores.env();
    let store = CredentialStore::find("keeping", "credsStore", &env).unwrap();
    assert_eq!(store.get("h").unwrap(), None);
    store.store("h", "AWS", &secret()).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&stores.has("keeping", "h").unwrap()).unwrap();
    assert_eq!(kept, json!({"ServerURL": "h", "Username": "AWS", "Secret": PASSWORD}));
    let found = store.get("h").unwrap().unwrap();
    assert_eq!((found.username.as_str(), found.secret), ("AWS", secret()));
    store.erase("h").unwrap();
    assert_eq!(store.get("h").unwrap(), None);
}

#[test]
fn the_password_goes_through_stdin_alone() {
    let stores = Stores::new().with("keeping", KEEPING);
    let env = stores.env();
    let store = CredentialStore::find("keeping", "credsStore", &env).unwrap();
    store.store("h", "AWS", &secret()).unwrap();
    let environment = fs::read_to_string(stores.kept("keeping").join(".env")).unwrap();
    assert!(environment.contains("MARK=seen"), "{environment}");
    assert!(stores.calls("keeping").ends_with("\nstore\n"));
    for text in [environment, stores.calls("keeping")] {
        assert!(!text.contains(&PASSWORD[..10]), "{text}");
    }
}

#[rstest]
#[case::on_stdout("echo 'the keychain is locked'; exit 1", "the keychain is locked")]
#[case::on_stderr("echo 'no\nkeychain' >&2; exit 3", "no keychain")]
#[case::nothing("exit 3", "it ended with exit status: 3 and said nothing")]
#[case::the_password(
    "cat; exit 1",
    "it ended with exit status: 1; what it said is not shown, as it may hold the password"
)]
#[case::a_piece_of_it(
    "sed 's/.*:\".*\\(.\\{20\\}\\)\"}/no: \\1/'; exit 1",
    "it ended with exit status: 1; what it said is not shown, as it may hold the password"
)]
fn a_failure_quotes_the_store_without_the_password(#[case] script: &str, #[case] cause: &str) {
    let stores = Stores::new().with("failing", script);
    let env = stores.env();
    let store = CredentialStore::find("failing", "credsStore", &env).unwrap();
    let error = store.store("h", "AWS", &secret()).unwrap_err();
    assert_eq!(error.what(), "docker-credential-failing cannot store a password for h");
    assert_eq!(error.cause(), cause);
    assert!(!format!("{error:?}").contains(&PASSWORD[..10]));
}

/// The error message of `docker-credential-wincred` on Windows.
#[test]
fn a_password_that_is_too_long_for_windows_is_explained() {
    let stores = Stores::new().with("wincred", "echo 'The stub received bad data.'; exit 1");
    let env = stores.env();
    let store = CredentialStore::find("wincred", "credsStore", &env).unwrap();
    let error = store.store("h", "AWS", &secret()).unwrap_err();
    assert_eq!(error.cause(), "The stub received bad data.");
    let hint = error.hint_text().unwrap();
    assert!(
        hint.contains("2,560 bytes") && hint.contains("ecr-auth setup"),
        "{hint}"
    );
}

#[test]
fn a_long_failure_is_cut() {
    let stores = Stores::new().with("chatty", "head -c 300000 /dev/zero | tr '\\0' x; exit 1");
    let env = stores.env();
    let store = CredentialStore::find("chatty", "credsStore", &env).unwrap();
    assert_eq!(store.erase("h").unwrap_err().cause(), "x".repeat(300));
}

#[test]
fn an_invalid_answer_is_not_shown() {
    let stores = Stores::new().with("odd", r#"echo '{"Username":"AWS","Sekret":"hunter2"}'"#);
    let env = stores.env();
    let store = CredentialStore::find("odd", "credsStore", &env).unwrap();
    let error = store.get("h").unwrap_err();
    assert_eq!(
        error.to_string(),
        "docker-credential-odd cannot get the password for h: its answer is not a credential [EA0103]"
    );
}

#[test]
fn erasing_a_missing_credential_succeeds() {
    let stores = Stores::new()
        .with("empty", "echo 'credentials not found in native keychain'; exit 1")
        .with("broken", "echo 'other words'; exit 1");
    let env = stores.env();
    let find = |name| CredentialStore::find(name, "credsStore", &env).unwrap();
    find("empty").erase("h").unwrap();
    assert_eq!(find("broken").erase("h").unwrap_err().cause(), "other words");
    assert_eq!(find("broken").get("h").unwrap_err().cause(), "other words");
}

#[test]
fn a_store_that_never_answers_times_out() {
    let stores = Stores::new().with("waiting", "exec sleep 1000");
    let env = stores.env();
    let store = CredentialStore::find("waiting", "credsStore", &env).unwrap();
    let error = store.within(Duration::from_millis(50)).get("h").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("docker-credential-waiting get: no answer within"),
        "{error}"
    );
}

#[test]
fn a_store_that_does_not_read_stdin_succeeds() {
    let stores = Stores::new().with("deaf", "exec <&-; exit 0");
    let env = stores.env();
    let store = CredentialStore::find("deaf", "credsStore", &env).unwrap();
    // More than the capacity of a pipe.
    let long = Secret::new("x".repeat(1 << 20));
    store.store("h", "AWS", &long).unwrap();
}

#[rstest]
#[case("")]
#[case("../evil")]
#[case("a/b")]
#[case("a b")]
#[case("a\\b")]
fn a_name_that_is_no_name_is_refused(#[case] name: &str) {
    let error = CredentialStore::find(name, "credsStore", &Env::default()).unwrap_err();
    assert!(
        error.cause().starts_with("a store's name has letters, digits"),
        "{error}"
    );
}

#[test]
fn a_missing_store_is_named_with_its_setting() {
    let stores = Stores::new().with("there", "");
    fs::write(stores.0.path().join("docker-credential-data"), "").unwrap();
    for name in ["gone", "data"] {
        let error = CredentialStore::find(name, "credHelpers", &stores.env()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot use the credential store {name:?} of credHelpers: docker-credential-{name} is not on PATH [EA0103]"
            )
        );
        assert_eq!(error.hint_text(), Some("install it, or take it out of credHelpers"));
    }
}

#[test]
fn programs_are_taken_from_absolute_folders_alone() {
    let stores = Stores::new().with("here", "");
    let relative = pathdiff(stores.0.path());
    let env: Env = [("PATH", relative.as_str())].into_iter().collect();
    assert!(Path::new(&relative).join("docker-credential-here").is_file());
    assert!(CredentialStore::find("here", "credsStore", &env).is_err());
}

/// Returns the relative path of a folder from the working directory.
fn pathdiff(folder: &Path) -> String {
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    format!("{}{}", "../".repeat(depth), folder.strip_prefix("/").unwrap().display())
}

#[rstest]
#[case("echo docker-credential-ecr-auth 0.1.0", true)]
#[case("echo docker-credential-ecr-login 0.6.0", false)]
#[case("echo docker-credential-ecr-auth 0.1.0; exit 1", false)]
fn our_own_program_is_recognised_by_its_version(#[case] script: &str, #[case] ours: bool) {
    let stores = Stores::new().with("ecr-login", script);
    let env = stores.env();
    let store = CredentialStore::find("ecr-login", "credsStore", &env).unwrap();
    assert_eq!(store.is_ourselves().unwrap(), ours);
}
