//! Notes on disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use tempfile::TempDir;

use crate::Notes;

fn notes(home: &TempDir) -> Notes<BTreeMap<String, u32>> {
    Notes::new(home.path().join("state"), "test")
}

#[test]
fn what_is_noted_is_read() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    assert_eq!(notes.load().unwrap(), BTreeMap::new());
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    notes.change(&mut |all| all.extend([("b".to_owned(), 2)])).unwrap();
    assert_eq!(
        notes.load().unwrap(),
        BTreeMap::from([("a".into(), 1), ("b".into(), 2)])
    );
    let file = fs::metadata(notes.path()).unwrap();
    let folder = fs::metadata(notes.path().parent().unwrap()).unwrap();
    assert_eq!((file.mode() & 0o777, folder.mode() & 0o777), (0o600, 0o700));
}

#[test]
fn nothing_to_say_is_no_file() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    notes.change(&mut BTreeMap::clear).unwrap();
    assert!(!notes.path().exists());
}

#[test]
fn broken_notes_are_told_and_replaced() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    fs::create_dir(notes.path().parent().unwrap()).unwrap();
    fs::write(notes.path(), "{").unwrap();
    assert_eq!(notes.load().unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    assert_eq!(notes.load().unwrap().len(), 1);
}
