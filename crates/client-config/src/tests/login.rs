//! What `login` stores in one file, and how `logout` removes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::store::{KEEPING, PASSWORD, Stores};
use crate::{
    ClientUndoEntries, ClientUndoLog, ConfigFile, FileRecord, Kind, PasswordPlace, RegistryLogin, RemovedPassword,
    RestoreOutcome, SetupRequest, StoreOutcome, StoredLogin, restore, store,
};
use context::Env;
use diagnostics::Error;
use secret::Secret;

/// `AWS:` and [`PASSWORD`] in docker's encoding.
const AUTH: &str = "QVdTOmV5SndZWGxzYjJGa0lqb2lVMFZEVWtWVUszQmhjM04zYjNKa0x3PT0=";

/// The encoding of the password `another`.
const NEXT: &str = "QVdTOmFub3RoZXI=";

/// A folder for a configuration file and a record, with the programs on PATH.
struct Home {
    folder: TempDir,
    stores: Stores,
    kind: Kind,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            stores: Stores::new(),
            kind: Kind::Docker,
        }
    }

    /// Creates a folder with this configuration, readable by everybody.
    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir(home.folder.path().join("docker")).unwrap();
        fs::write(home.path(), text).unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o644)).unwrap();
        home
    }

    fn with_store(self, name: &str, script: &str) -> Self {
        let stores = self.stores.with(name, script);
        Self { stores, ..self }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("docker/config.json")
    }

    fn file(&self) -> ConfigFile {
        ConfigFile {
            kind: self.kind,
            path: self.path(),
        }
    }

    fn record(&self) -> ClientUndoLog {
        ClientUndoLog::new(self.folder.path().join("state"), "setup")
    }

    fn known(&self) -> FileRecord {
        self.record()
            .load()
            .unwrap()
            .files
            .into_values()
            .next()
            .unwrap_or_default()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn mode(&self) -> u32 {
        fs::metadata(self.path()).unwrap().mode() & 0o7777
    }

    fn env(&self) -> Env {
        self.stores.env()
    }

    fn try_login(&self, hosts: &[&str], password: &str) -> Result<StoreOutcome, Error> {
        let password = Secret::new(password);
        let logins = hosts.iter().map(|host| RegistryLogin {
            host,
            password: &password,
        });
        store(
            &self.file(),
            &logins.collect::<Vec<_>>(),
            Some(&self.record()),
            &self.env(),
        )
    }

    fn login(&self, hosts: &[&str], password: &str) -> Vec<StoredLogin> {
        let stored = self.try_login(hosts, password).unwrap();
        assert!(stored.not_recorded.is_none());
        stored.logins
    }

    fn logout(&self, hosts: &[&str]) -> RestoreOutcome {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let remembered = self.record().load().unwrap();
        let done = restore(&self.file(), &hosts, Some(&self.record()), &remembered, &self.env()).unwrap();
        assert!(done.not_recorded.is_none());
        done
    }
}

fn in_file(host: &str, replaced: bool) -> StoredLogin {
    StoredLogin {
        host: host.to_owned(),
        place: PasswordPlace::File,
        replaced,
    }
}

fn in_store(host: &str, store: &str, replaced: bool) -> StoredLogin {
    StoredLogin {
        place: PasswordPlace::Store(store.to_owned()),
        ..in_file(host, replaced)
    }
}

fn out(host: &str, store: Option<&str>, had_replaced: bool) -> RemovedPassword {
    RemovedPassword {
        host: host.to_owned(),
        store: store.map(str::to_owned),
        had_replaced,
    }
}

#[test]
fn logout_removes_the_file_and_folder_that_login_created() {
    let home = Home::new();
    assert_eq!(
        home.login(&["h", "i"], PASSWORD),
        [in_file("h", false), in_file("i", false)]
    );
    let written: Value = serde_json::from_str(&home.text()).unwrap();
    assert_eq!(written["auths"]["h"]["auth"], AUTH);
    assert_eq!(home.mode(), 0o600);
    let known = home.known();
    assert!(known.created && known.created_auths && known.created_folders.len() == 1);

    assert_eq!(home.logout(&["h"]).passwords, [out("h", None, false)]);
    assert!(!home.text().contains("\"h\"") && home.text().contains("\"i\""));
    let done = home.logout(&[]);
    assert_eq!(done.passwords, [out("i", None, false)]);
    assert!(done.removed && !home.folder.path().join("docker").exists());
    assert!(!home.record().path().exists());
}

#[rstest]
#[case::nothing("{}")]
#[case::empty_auths("{\n\t\"auths\": {}\n}")]
#[case::empty_entry("{\n\t\"auths\": {\n\t\t\"h\": {}\n\t}\n}\n")]
#[case::with_more(r#"{ "auths": {"h": {"email": "e"}, "g":{"auth":"Z2c="}}, "n": 1.0e2 }"#)]
fn logout_gives_the_original_bytes(#[case] text: &str) {
    let home = Home::with(text);
    home.login(&["h"], PASSWORD);
    assert!(home.text().contains(AUTH));
    assert_eq!(home.mode(), 0o600, "a file with a secret is for its owner alone");
    home.login(&["h"], "another");
    assert!(home.text().contains(NEXT));
    assert_eq!(home.logout(&[]).passwords, [out("h", None, false)]);
    assert_eq!(home.text(), text);
    assert!(!home.record().path().exists());
}

#[test]
fn the_record_holds_no_secret() {
    let home = Home::with(r#"{"credHelpers":{"i":"keeping"}}"#).with_store("keeping", KEEPING);
    home.login(&["h", "i"], PASSWORD);
    let record = fs::read_to_string(home.record().path()).unwrap();
    for secret in [PASSWORD, AUTH] {
        assert!(!record.contains(&secret[..10]), "{record}");
    }
    let hashes: Vec<_> = home.known().logins.into_iter().map(|login| login.hashes).collect();
    assert_eq!(hashes.len(), 2);
    assert_eq!(hashes[0], hashes[1]);
    // printf %s 'QVdTOm…' | sha256sum
    assert_eq!(
        hashes[0],
        ["d5924629f35808d9d2c81557f6ee74afb4192cdbd4b1f64b5eb65c11fe01d6db"]
    );
}

#[rstest]
#[case::password(r#"{"auths":{"h":{"auth":"eDp5"}}}"#)]
#[case::token(r#"{"auths":{"h":{"identitytoken":"t"}}}"#)]
fn overwriting_a_login_of_others_is_reported(#[case] text: &str) {
    let home = Home::with(text);
    assert_eq!(home.login(&["h"], PASSWORD), [in_file("h", true)]);
    assert_eq!(home.login(&["h"], "another"), [in_file("h", false)]);
    assert_eq!(home.logout(&[]).passwords, [out("h", None, true)]);
    assert_eq!(home.text(), r#"{"auths":{}}"#);
}

#[test]
fn a_later_login_of_others_is_left_alone() {
    let home = Home::with("{}");
    home.login(&["h"], PASSWORD);
    let theirs = r#"{"auths":{"h":{"auth":"eDp5"}}}"#;
    home.write(theirs);
    assert_eq!(home.logout(&[]).passwords, []);
    assert_eq!(home.text(), theirs);
    assert!(!home.record().path().exists());
}

#[test]
fn a_password_that_is_there_already_is_not_ours() {
    let text = format!(r#"{{"auths":{{"h":{{"auth":"{AUTH}"}}}}}}"#);
    let home = Home::with(&text);
    assert_eq!(home.login(&["h"], PASSWORD), [in_file("h", false)]);
    assert_eq!((home.text(), home.mode()), (text.clone(), 0o600));
    home.logout(&[]);
    assert_eq!(home.text(), text);
}

#[test]
fn logout_undoes_a_run_that_was_killed_before_writing() {
    let home = Home::with("{}");
    home.login(&["h"], PASSWORD);
    let before = home.text();
    home.login(&["h"], "another");
    home.write(&before);
    assert_eq!(home.logout(&[]).passwords, [out("h", None, false)]);
    assert_eq!(home.text(), "{}");
}

#[test]
fn logout_undoes_setup_and_login_together() {
    let home = Home::new().with_store("ecr-auth", "");
    home.login(&["i"], PASSWORD);
    let wish = SetupRequest {
        hosts: &["h".to_owned()],
        all: false,
        detected_store: None,
    };
    wish.configure(&home.file(), Some(&home.record())).unwrap();
    home.login(&["i", "j"], "another");
    let done = home.logout(&[]);
    assert_eq!(done.taken_back, ["h"]);
    assert_eq!(done.passwords.len(), 2);
    assert!(done.removed && !home.record().path().exists());
}

#[test]
fn the_store_of_the_configuration_keeps_the_password() {
    let text = r#"{"credsStore":"keeping","credHelpers":{"i":"other","j":""}}"#;
    let home = Home::with(text)
        .with_store("keeping", KEEPING)
        .with_store("other", KEEPING);
    let stored = home.login(&["h", "i", "j"], PASSWORD);
    assert_eq!(
        stored,
        [
            in_store("h", "keeping", false),
            in_store("i", "other", false),
            in_file("j", false)
        ]
    );
    assert!(home.stores.has("keeping", "h").unwrap().contains(PASSWORD));
    assert!(home.stores.has("other", "i").unwrap().contains(PASSWORD));
    assert_eq!(home.stores.has("keeping", "i"), None);
    assert!(!home.text().contains("\"h\"") && home.text().contains(AUTH));

    // A newer password of ours replaces our older one.
    assert!(home.login(&["h"], "another").iter().all(|login| !login.replaced));
    assert_eq!(home.logout(&["h"]).passwords, [out("h", Some("keeping"), false)]);
    assert_eq!(home.stores.has("keeping", "h"), None);
    let rest = home.logout(&[]).passwords;
    assert_eq!(rest, [out("j", None, false), out("i", Some("other"), false)]);
    assert_eq!(home.stores.has("other", "i"), None);
    assert_eq!(home.text(), text);
    assert!(!home.record().path().exists());
}

#[test]
fn a_file_that_keeps_no_secret_stays_as_it_is() {
    let text = r#"{"credsStore":"keeping"}"#;
    let home = Home::with(text).with_store("keeping", KEEPING);
    home.login(&["h"], PASSWORD);
    assert_eq!((home.text().as_str(), home.mode()), (text, 0o644));
}

#[test]
fn podman_has_no_default_store() {
    let home = Home {
        kind: Kind::Podman,
        ..Home::with(r#"{"credsStore":"gone","credHelpers":{"i":"keeping"}}"#)
    };
    let home = home.with_store("keeping", KEEPING);
    let stored = home.login(&["h", "i"], PASSWORD);
    assert_eq!(stored, [in_file("h", false), in_store("i", "keeping", false)]);
}

#[test]
fn overwriting_a_login_in_a_store_is_reported() {
    let home = Home::with(r#"{"credsStore":"keeping"}"#).with_store("keeping", KEEPING);
    let kept = home.stores.kept("keeping").join("h");
    fs::write(&kept, r#"{"Username":"AWS","Secret":"theirs"}"#).unwrap();
    assert_eq!(home.login(&["h"], PASSWORD), [in_store("h", "keeping", true)]);
    assert_eq!(home.logout(&[]).passwords, [out("h", Some("keeping"), true)]);

    home.login(&["h"], PASSWORD);
    let theirs = format!(r#"{{"Username":"me","Secret":"{PASSWORD}"}}"#);
    fs::write(&kept, &theirs).unwrap();
    assert_eq!(home.logout(&[]).passwords, []);
    assert_eq!(home.stores.has("keeping", "h"), Some(theirs));
}

#[test]
fn a_store_with_the_same_password_is_not_written() {
    let home = Home::with(r#"{"credsStore":"keeping"}"#).with_store("keeping", KEEPING);
    home.login(&["h"], PASSWORD);
    home.login(&["h"], PASSWORD);
    assert_eq!(home.stores.calls("keeping").matches("\nstore\n").count(), 1);
}

#[test]
fn a_store_that_shows_nothing_still_takes_a_password() {
    let script = format!("[ \"$1\" != get ] || {{ echo 'no passphrase'; exit 2; }}\n{KEEPING}");
    let home = Home::with(r#"{"credsStore":"silent"}"#).with_store("silent", &script);
    assert_eq!(home.login(&["h"], PASSWORD), [in_store("h", "silent", false)]);
    assert!(home.stores.has("silent", "h").unwrap().contains(PASSWORD));
    // It is unknown whether the stored password is still ours.
    let done = home.logout(&[]);
    assert_eq!(done.failed[0].cause(), "no passphrase");
    assert!(home.stores.has("silent", "h").is_some());
    assert_eq!(home.known().logins.len(), 1);
}

#[test]
fn a_missing_store_at_logout_keeps_only_its_own_record() {
    let home = Home::with(r#"{"credHelpers":{"h":"keeping"}}"#).with_store("keeping", KEEPING);
    home.login(&["g", "h"], PASSWORD);
    let program = home.stores.kept("keeping").with_file_name("docker-credential-keeping");
    let away = program.with_extension("away");
    fs::rename(&program, &away).unwrap();
    let done = home.logout(&[]);
    assert_eq!(done.passwords, [out("g", None, false)]);
    assert_eq!(
        done.failed[0].to_string(),
        "cannot use the credential store \"keeping\" of login: docker-credential-keeping is not on PATH [EA0103]"
    );
    assert_eq!(
        done.failed[0].hint_text(),
        Some("put docker-credential-keeping on PATH again, and run logout again")
    );
    let hosts: Vec<_> = home.known().logins.into_iter().map(|login| login.host).collect();
    assert_eq!(hosts, ["h"]);

    fs::rename(&away, &program).unwrap();
    assert_eq!(home.logout(&[]).passwords, [out("h", Some("keeping"), false)]);
    assert!(!home.record().path().exists());
}

#[test]
fn nothing_is_stored_if_one_store_is_missing() {
    let text = r#"{"credHelpers":{"h":"keeping","i":"gone"}}"#;
    let home = Home::with(text).with_store("keeping", KEEPING);
    let error = home.try_login(&["f", "h", "i"], PASSWORD).unwrap_err();
    assert!(error.to_string().contains("\"gone\" of credHelpers"), "{error}");
    assert_eq!((home.text().as_str(), home.stores.has("keeping", "h")), (text, None));
    assert!(!home.record().path().exists());
}

#[rstest]
#[case::under_its_own_name("ecr-auth", "exit 1", true)]
#[case::under_the_others("ecr-login", "echo docker-credential-ecr-auth 0.1.0", true)]
#[case::the_other("ecr-login", "[ $1 = version ] && exec echo 0.6.0; cat >/dev/null", false)]
fn a_store_that_is_ecr_auth_gets_no_password(#[case] name: &str, #[case] script: &str, #[case] ourselves: bool) {
    let home = Home::with(&format!(r#"{{"credHelpers":{{"h":"{name}"}}}}"#)).with_store(name, script);
    let place = home.login(&["h"], PASSWORD).remove(0).place;
    let expected = match ourselves {
        true => PasswordPlace::Helper(name.to_owned()),
        false => PasswordPlace::Store(name.to_owned()),
    };
    assert_eq!(place, expected);
    assert_eq!(home.stores.calls(name).contains("\nstore\n"), !ourselves);
    assert_eq!(home.record().path().exists(), !ourselves);
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    for text in ["{", r#"{"auths":{"h":"hunter2"}}"#] {
        let home = Home::with(text);
        let error = home.try_login(&["h"], PASSWORD).unwrap_err();
        assert!(
            error.what().starts_with("cannot edit ") && !error.cause().contains("hunter2"),
            "{error}"
        );
        assert_eq!(home.text(), text);
    }
}

#[test]
fn without_a_home_it_is_said_that_nothing_is_recorded() {
    let home = Home::with(r#"{"auths":{"h":{"auth":"eDp5"}}}"#);
    let password = Secret::new(PASSWORD);
    let login = RegistryLogin {
        host: "h",
        password: &password,
    };
    let stored = store(&home.file(), &[login], None, &home.env()).unwrap();
    assert_eq!(stored.not_recorded.unwrap().to_string(), "this user has no home folder");
    assert_eq!(stored.logins, [in_file("h", true)]);
    // It is then unknown whose password it is.
    restore(&home.file(), &[], None, &ClientUndoEntries::default(), &home.env()).unwrap();
    assert!(home.text().contains(AUTH));
}

#[test]
fn a_token_beside_ours_is_somebody_elses() {
    let home = Home::with("{}");
    home.login(&["h"], PASSWORD);
    home.write(&format!(
        r#"{{"auths":{{"h":{{"auth":"{AUTH}","identitytoken":"t"}}}}}}"#
    ));
    assert_eq!(home.login(&["h"], PASSWORD), [in_file("h", true)]);
    assert!(!home.text().contains("identitytoken"));
    assert_eq!(home.logout(&[]).passwords, [out("h", None, true)]);
}

#[test]
fn a_login_during_logout_stays_recorded() {
    let home = Home::with("{}");
    home.login(&["h"], PASSWORD);
    let remembered = home.record().load().unwrap();
    home.login(&["h"], "another");
    let done = restore(&home.file(), &[], Some(&home.record()), &remembered, &home.env()).unwrap();
    assert_eq!(done.passwords, []);
    assert_eq!(home.logout(&[]).passwords, [out("h", None, false)]);
}

#[test]
fn concurrent_logins_lose_nothing() {
    let home = Home::with("{}");
    let results: Vec<StoreOutcome> = std::thread::scope(|scope| {
        let home = &home;
        let runs: Vec<_> = (0..12)
            .map(|number| {
                let own = format!("h{number}");
                scope.spawn(move || {
                    home.try_login(&[&own, "shared"], &format!("password {number}"))
                        .unwrap()
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(
        results
            .iter()
            .flat_map(|stored| &stored.logins)
            .all(|login| !login.replaced)
    );
    let written: Value = serde_json::from_str(&home.text()).unwrap();
    assert_eq!(written["auths"].as_object().unwrap().len(), 13);
    assert_eq!(home.logout(&[]).passwords.len(), 13);
    assert_eq!(home.text(), "{}");
}

/// What happens to a registry's entry.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Login(u8),
    /// Another program's login.
    Foreign(u8),
    /// Docker's empty entry beside a credential store.
    Emptied,
    /// Another program's logout.
    Removed,
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..3_u8).prop_map(Deed::Login),
        1 => (0..3_u8).prop_map(Deed::Foreign),
        1 => Just(Deed::Emptied),
        1 => Just(Deed::Removed),
    ]
}

/// Writes the entry of another program.
fn meddle(home: &Home, host: &str, entry: Option<Value>) {
    let mut top: Value = serde_json::from_str(&home.text()).unwrap();
    let top = top.as_object_mut().unwrap();
    let auths = top.entry("auths").or_insert_with(|| json!({})).as_object_mut().unwrap();
    match entry {
        Some(entry) => drop(auths.insert(host.to_owned(), entry)),
        None => drop(auths.remove(host)),
    }
    home.write(&json!(top).to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn logout_removes_only_our_logins(deeds in prop::collection::vec(("[ab]", any_deed()), 1..8)) {
        let home = Home::with("{}");
        // The entry that logout must leave for each registry.
        let mut left = serde_json::Map::new();
        let mut ours = std::collections::BTreeSet::new();
        for (host, deed) in deeds {
            let foreign = |number| json!({"auth": format!("Zm9yZWlnbj{number}")});
            match deed {
                Deed::Login(number) => {
                    home.login(&[&host], &format!("password {number}"));
                    if ours.insert(host.clone()) && left.get(&host).is_some_and(|entry| *entry != json!({})) {
                        left.remove(&host);
                    }
                    continue;
                }
                Deed::Foreign(number) => drop(left.insert(host.clone(), foreign(number))),
                Deed::Emptied => drop(left.insert(host.clone(), json!({}))),
                Deed::Removed => drop(left.remove(&host)),
            }
            ours.remove(&host);
            meddle(&home, &host, left.get(&host).cloned());
        }
        let taken: std::collections::BTreeSet<_> = home.logout(&[]).passwords.into_iter().map(|out| out.host).collect();
        prop_assert_eq!(taken, ours);
        let text: Value = serde_json::from_str(&home.text()).unwrap();
        prop_assert_eq!(text.get("auths").cloned().unwrap_or(json!({})), Value::Object(left));
        prop_assert!(!home.record().path().exists());
    }
}
