//! What `setup` writes to one file, and how `logout` undoes it. The commands themselves are tested in `commands`.

use std::fs;

use tempfile::TempDir;

use private_files::ReplacedValue;

use crate::{ClientUndoLog, ConfigFile, FileRecord, Kind, RestoreOutcome, SetupOutcome, SetupRequest, restore};
use context::Env;
use diagnostics::Error;

/// A folder for a configuration file and a record.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Creates a folder with this configuration.
    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir(home.0.path().join("docker")).unwrap();
        fs::write(home.file().path, text).unwrap();
        home
    }

    fn file(&self) -> ConfigFile {
        ConfigFile {
            kind: Kind::Docker,
            path: self.0.path().join("docker/config.json"),
        }
    }

    fn record(&self) -> ClientUndoLog {
        ClientUndoLog::new(self.0.path().join("state"), "setup")
    }

    /// Returns the record of the file.
    fn known(&self) -> FileRecord {
        let files = self.record().load().unwrap().files;
        assert!(files.len() <= 1);
        files.into_values().next().unwrap_or_default()
    }

    fn text(&self) -> Option<String> {
        fs::read_to_string(self.file().path).ok()
    }

    fn configure(&self, hosts: &[&str], all: bool) -> Result<SetupOutcome, Error> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let hosts = &hosts;
        let wish = SetupRequest {
            hosts,
            all,
            detected_store: None,
        };
        let preview = wish.preview(&self.file());
        let done = wish.configure(&self.file(), Some(&self.record()))?;
        assert_eq!(done.changed, !preview?.is_empty());
        assert!(done.not_recorded.is_none());
        Ok(done)
    }

    fn restore(&self, hosts: &[&str]) -> RestoreOutcome {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let remembered = self.record().load().unwrap();
        let done = restore(&self.file(), &hosts, Some(&self.record()), &remembered, &Env::default()).unwrap();
        assert!(done.not_recorded.is_none());
        done
    }
}

fn had(name: &str, helper: &str) -> (String, String) {
    (name.to_owned(), helper.to_owned())
}

fn previous(previous: Option<&str>) -> ReplacedValue {
    ReplacedValue::new(previous.map(str::to_owned), "ecr-auth")
}

#[test]
fn logout_removes_the_file_and_folders_that_setup_created() {
    let home = Home::new();
    let done = home.configure(&["h"], false).unwrap();
    assert!(done.changed && done.replaced.is_empty());
    let folder = home.0.path().canonicalize().unwrap().join("docker");
    let known = home.known();
    assert!(known.created && known.created_helpers);
    assert_eq!(known.created_folders, [folder]);
    assert_eq!(known.cred_helpers, [("h".to_owned(), previous(None))].into());

    let restored = home.restore(&[]);
    assert!(restored.removed);
    assert_eq!(restored.taken_back, ["h"]);
    assert!(!home.0.path().join("docker").exists() && !home.record().path().exists());
}

#[test]
fn a_folder_that_others_use_since_stays() {
    let home = Home::new();
    home.configure(&["h"], false).unwrap();
    fs::write(home.0.path().join("docker/other"), "").unwrap();
    assert!(home.restore(&[]).removed);
    assert!(home.0.path().join("docker/other").exists() && home.text().is_none());
}

#[test]
fn an_existing_file_stays_even_if_it_becomes_empty() {
    let home = Home::with("{}");
    home.configure(&["h"], false).unwrap();
    assert!(!home.known().created && home.known().created_helpers);
    let restored = home.restore(&[]);
    assert!(!restored.removed);
    assert_eq!(home.text().unwrap(), "{}");
}

#[test]
fn a_created_file_that_others_use_since_stays() {
    let home = Home::new();
    home.configure(&["h"], false).unwrap();
    let text = home.text().unwrap().replacen('{', r#"{"auths":{},"#, 1);
    fs::write(home.file().path, text).unwrap();
    assert!(!home.restore(&[]).removed);
    assert_eq!(
        home.text().unwrap(),
        r#"{"auths":{}
}"#
    );
}

#[test]
fn nothing_is_recorded_where_nothing_is_changed() {
    let home = Home::with(r#"{"credHelpers":{"h":"ecr-auth"}}"#);
    assert!(!home.configure(&["h"], false).unwrap().changed);
    assert_eq!(home.known(), FileRecord::default());
    assert!(!home.record().path().exists());
}

#[test]
fn only_entries_with_another_helper_count_as_replaced() {
    let home = Home::with(r#"{"credHelpers":{"a":"ecr-auth","b":"ecr-login"}}"#);
    let done = home.configure(&["a", "b", "c"], false).unwrap();
    assert_eq!(done.replaced, [had("b", "ecr-login")]);
    let known = home.known();
    let expected = [
        ("b".to_owned(), previous(Some("ecr-login"))),
        ("c".to_owned(), previous(None)),
    ];
    assert_eq!(known.cred_helpers, expected.into());
    assert!(!known.created_helpers && !known.created);
    // Entries of ours from before the record existed are removed too, because it is unknown what they replaced.
    assert_eq!(home.restore(&[]).taken_back, ["a", "b", "c"]);
    assert_eq!(home.text().unwrap(), r#"{"credHelpers":{"b":"ecr-login"}}"#);
}

#[test]
fn an_empty_helper_comes_back_as_it_was_written() {
    for empty in ["null", r#""""#] {
        let text = format!(r#"{{"credHelpers": {{"h": {empty}, "other": null}}}}"#);
        let home = Home::with(&text);
        home.configure(&["h"], false).unwrap();
        assert_ne!(home.text().unwrap(), text);
        home.configure(&["h"], false).unwrap();
        home.restore(&[]);
        assert_eq!(home.text().unwrap(), text);
    }
}

#[test]
fn an_empty_helper_written_later_comes_back() {
    let home = Home::with(r#"{"credHelpers": {"h": null}}"#);
    home.configure(&["h"], false).unwrap();
    let later = r#"{"credHelpers": {"h": ""}}"#;
    fs::write(home.file().path, later).unwrap();
    home.configure(&["h"], false).unwrap();
    home.restore(&[]);
    assert_eq!(home.text().unwrap(), later);
}

#[test]
fn a_store_is_replaced_and_comes_back() {
    let original = r#"{"credHelpers":{"other":"x"},"credsStore":"desktop"}"#;
    let home = Home::with(original);
    let done = home.configure(&["h", "other"], true).unwrap();
    assert_eq!(done.replaced, [had("other", "x"), had("credsStore", "desktop")]);
    let text = r#"{"credHelpers":{"other":"ecr-auth"},"credsStore":"ecr-auth"}"#;
    assert_eq!(home.text().unwrap(), text);
    assert!(!home.configure(&["h", "other"], true).unwrap().changed);
    assert_eq!(home.restore(&[]).taken_back, ["other", "credsStore"]);
    assert_eq!(home.text().unwrap(), original);
    assert_eq!(home.known(), FileRecord::default());
}

#[test]
fn a_store_is_written_where_there_was_none() {
    let home = Home::with("{}");
    assert!(home.configure(&[], true).unwrap().replaced.is_empty());
    assert_eq!(home.known().creds_store, Some(previous(None)));
    assert_eq!(home.restore(&[]).taken_back, ["credsStore"]);
    assert_eq!(home.text().unwrap(), "{}");
}

#[test]
fn podman_knows_no_store() {
    let wish = SetupRequest {
        hosts: &[],
        all: true,
        detected_store: None,
    };
    assert!(wish.is_store_of(Kind::Docker) && !wish.is_store_of(Kind::Podman));
    assert!(!SetupRequest { all: false, ..wish }.is_store_of(Kind::Docker));
    assert_eq!((Kind::Docker.name(), Kind::Podman.name()), ("docker", "podman"));
}

#[test]
fn entries_that_others_changed_are_left_alone() {
    let home = Home::with(r#"{"credHelpers":{"h":"x"},"credsStore":"s"}"#);
    home.configure(&["h"], false).unwrap();
    home.configure(&[], true).unwrap();
    let theirs = r#"{"credHelpers":{"h":"mine","i":"x"},"credsStore":"mine"}"#;
    fs::write(home.file().path, theirs).unwrap();
    assert_eq!(home.restore(&[]).taken_back, [""; 0]);
    assert_eq!(home.text().unwrap(), theirs);
    assert!(!home.record().path().exists());
}

#[test]
fn one_registry_is_taken_back_and_forgotten_alone() {
    let home = Home::with(r#"{"credHelpers":{"a":"x"}}"#);
    home.configure(&["a", "b"], false).unwrap();
    assert_eq!(home.restore(&["a"]).taken_back, ["a"]);
    assert_eq!(home.text().unwrap(), r#"{"credHelpers":{"a":"x","b":"ecr-auth"}}"#);
    assert_eq!(home.known().cred_helpers, [("b".to_owned(), previous(None))].into());
}

#[test]
fn without_a_file_there_is_nothing_to_take_back() {
    let home = Home::new();
    let restored = home.restore(&[]);
    assert!(restored.taken_back.is_empty() && !restored.removed);
    assert_eq!(fs::read_dir(home.0.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_does_not_parse_is_an_error_with_a_way_out() {
    let home = Home::with("{");
    let error = home.configure(&["h"], false).unwrap_err();
    assert_eq!(error.cause(), "EOF while parsing an object at line 1 column 1");
    assert!(
        error
            .hint_text()
            .unwrap()
            .starts_with("fix the file at that place; it was not changed")
    );
    let wish = SetupRequest {
        hosts: &[],
        all: false,
        detected_store: None,
    };
    assert!(wish.preview(&home.file()).is_err());
}

#[test]
fn without_a_home_it_is_said_that_nothing_is_recorded() {
    let home = Home::with("{}");
    let wish = SetupRequest {
        hosts: &["h".to_owned()],
        all: false,
        detected_store: None,
    };
    let done = wish.configure(&home.file(), None).unwrap();
    assert_eq!(done.not_recorded.unwrap().to_string(), "this user has no home folder");
    assert!(done.changed);
}
