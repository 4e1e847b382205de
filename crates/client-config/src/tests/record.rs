//! The record that `setup` and `login` keep for `logout`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use private_files::{ReplacedValue, UndoRecord};

use crate::{ClientUndoEntries, ClientUndoLog, FileRecord, LoginRecord};

fn previous(previous: Option<&str>) -> ReplacedValue {
    ReplacedValue::new(previous.map(str::to_owned), "ecr-auth")
}

/// The record of one registry in a file. `helper` is the helper that the registry had before.
fn of_host(host: &str, helper: Option<&str>) -> FileRecord {
    FileRecord {
        cred_helpers: [(host.to_owned(), previous(helper))].into(),
        ..FileRecord::default()
    }
}

fn remember(record: &ClientUndoLog, file: &Path, what: &FileRecord) {
    let add = &mut |all: &mut ClientUndoEntries| drop(all.files.insert(file.to_owned(), what.clone()));
    record.change(add).unwrap();
}

#[test]
fn changes_of_one_file_are_added_up() {
    let mut first = FileRecord {
        creds_store: Some(previous(Some("desktop"))),
        created_folders: vec!["/a".into()],
        ..of_host("h", Some("ecr-login"))
    };
    first.merge(FileRecord {
        created: true,
        created_helpers: true,
        creds_store: Some(previous(Some("ecr-auth"))),
        created_folders: vec!["/a/b".into()],
        cred_helpers: [
            ("h".to_owned(), previous(Some("ecr-auth"))),
            ("i".to_owned(), previous(None)),
        ]
        .into(),
        ..FileRecord::default()
    });
    assert_eq!(
        first,
        FileRecord {
            created: true,
            created_helpers: true,
            creds_store: Some(previous(Some("desktop"))),
            created_folders: vec!["/a".into(), "/a/b".into()],
            cred_helpers: [
                ("h".to_owned(), previous(Some("ecr-login"))),
                ("i".to_owned(), previous(None))
            ]
            .into(),
            ..FileRecord::default()
        }
    );
    first.merge(of_host("j", None));
    assert!(first.created && first.created_helpers);
}

#[test]
fn a_finished_record_is_not_extended() {
    let mut over = FileRecord {
        created: true,
        ..FileRecord::default()
    };
    assert!(over.is_empty());
    over.merge(of_host("h", None));
    assert_eq!(over, of_host("h", None));
    let store_alone = FileRecord {
        creds_store: Some(previous(None)),
        ..FileRecord::default()
    };
    assert!(!store_alone.is_empty() && !over.is_empty());
}

fn login(host: &str, store: Option<&str>, hash: &str) -> LoginRecord {
    LoginRecord {
        host: host.to_owned(),
        store: store.map(str::to_owned),
        hashes: vec![hash.to_owned()],
        had_entry: false,
        replaced: false,
    }
}

#[test]
fn the_newest_password_of_each_place_is_recorded() {
    let mut known = FileRecord {
        logins: vec![
            login("h", None, "1"),
            login("h", Some("pass"), "2"),
            login("i", None, "3"),
        ],
        ..FileRecord::default()
    };
    assert!(!known.is_empty());
    known.merge(FileRecord {
        created_auths: true,
        logins: vec![login("h", None, "4")],
        ..FileRecord::default()
    });
    assert!(known.created_auths);
    assert_eq!(known.logins.len(), 3);
    let hash = |host, store| known.login(host, store).map(|login| login.hashes[0].as_str());
    assert_eq!(hash("h", None), Some("4"));
    assert_eq!(hash("h", Some("pass")), Some("2"));
    assert_eq!(hash("i", None), Some("3"));
    assert_eq!(hash("i", Some("pass")), None);
}

#[test]
fn a_record_from_before_there_were_logins_is_read() {
    let home = TempDir::new().unwrap();
    let record = ClientUndoLog::new(home.path().to_owned(), "setup");
    let text = r#"{"files": {"/f": {"created": true, "createdHelpers": false, "createdFolders": [],
        "credHelpers": {"h": {"previous": "x", "written": ["ecr-auth"]}}, "credsStore": null}}, "links": {}}"#;
    fs::write(record.path(), text).unwrap();
    let expected = FileRecord {
        created: true,
        ..of_host("h", Some("x"))
    };
    assert_eq!(record.load().unwrap().files, [("/f".into(), expected)].into());
}

#[test]
fn a_record_is_read_until_it_is_empty() {
    let home = TempDir::new().unwrap();
    let (file, state) = (home.path().join("config.json"), home.path().join("a/state"));
    let record = ClientUndoLog::new(state.clone(), "setup");
    assert_eq!(record.load().unwrap(), ClientUndoEntries::default());
    remember(&record, &file, &of_host("h", Some("x")));
    assert_eq!(
        record.load().unwrap().files,
        [(file.clone(), of_host("h", Some("x")))].into()
    );
    assert_eq!(record.path(), state.join("setup.json"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&record.path())), (0o700, 0o600));

    remember(&record, &file, &FileRecord::default());
    assert!(!record.path().exists());
    // A second time, with nothing to remove.
    remember(&record, &file, &FileRecord::default());
}

#[test]
fn an_unchanged_record_is_not_written() {
    let home = TempDir::new().unwrap();
    let record = ClientUndoLog::new(home.path().join("state"), "setup");
    let links = &mut |all: &mut ClientUndoEntries| drop(all.links.insert("/bin/helper".into(), None));
    record.change(links).unwrap();
    let number = || fs::metadata(record.path()).unwrap().ino();
    let before = number();
    record.change(links).unwrap();
    assert_eq!(number(), before);
    record.change(&mut |all| all.links.clear()).unwrap();
    assert!(!record.path().exists());
}

#[test]
fn files_of_folders_that_are_gone_are_forgotten() {
    let home = TempDir::new().unwrap();
    let record = ClientUndoLog::new(home.path().join("state"), "setup");
    let (here, gone) = (home.path().join("config.json"), home.path().join("job-1/config.json"));
    fs::create_dir(home.path().join("job-1")).unwrap();
    remember(&record, &gone, &of_host("h", None));
    fs::remove_dir(home.path().join("job-1")).unwrap();
    remember(&record, &here, &of_host("h", None));
    assert_eq!(
        record.load().unwrap().files.into_keys().collect::<Vec<PathBuf>>(),
        [here]
    );
}

#[test]
fn a_record_that_does_not_parse_is_replaced_and_one_that_cannot_be_read_is_an_error() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.json");
    let record = ClientUndoLog::new(home.path().join("state"), "setup");
    fs::create_dir(home.path().join("state")).unwrap();
    fs::write(record.path(), "nonsense").unwrap();
    assert_eq!(record.load().unwrap_err().kind(), ErrorKind::InvalidData);
    remember(&record, &file, &of_host("h", None));
    assert_eq!(record.load().unwrap().files.len(), 1);

    fs::remove_file(record.path()).unwrap();
    fs::create_dir(record.path()).unwrap();
    assert_eq!(record.load().unwrap_err().kind(), ErrorKind::IsADirectory);
    let mut changed = false;
    assert!(record.change(&mut |_| changed = true).is_err());
    assert!(!changed);
}
