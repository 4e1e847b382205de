//! Notes on disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::Notes;

fn notes(home: &TempDir) -> Notes<BTreeMap<String, u32>> {
    Notes::new(home.path().join("state"), "test")
}

#[test]
fn notes_are_read_back() {
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
fn empty_notes_make_no_file() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    notes.change(&mut BTreeMap::clear).unwrap();
    assert!(!notes.path().exists());
}

#[test]
fn the_empty_folder_is_removed_with_its_locks() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    let folder = notes.state().path().to_owned();
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(notes.state().remove_if_unused().is_err());
    assert!(notes.path().exists() && folder.join("test.lock").exists());
    notes.change(&mut BTreeMap::clear).unwrap();
    let lock = fs::File::open(folder.join("test.lock")).unwrap();
    lock.lock().unwrap();
    assert!(notes.state().remove_if_unused().is_err());
    assert!(folder.join("test.lock").exists());
    drop(lock);
    notes.state().remove_if_unused().unwrap();
    assert!(!folder.exists());
}

/// If a lock could be taken on a deleted file, two processes would write at once, and one note would be lost.
#[test]
fn no_note_is_lost_while_the_folder_goes_and_comes() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    let is_over = AtomicBool::new(false);
    let went = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                went.fetch_add(usize::from(notes.state().remove_if_unused().is_ok()), Ordering::Relaxed);
            }
        });
        let writers: Vec<_> = (0..4_u32)
            .map(|writer| {
                let notes = notes.clone();
                scope.spawn(move || {
                    for round in 0..40 {
                        let name = writer.to_string();
                        notes.change(&mut |all| all.extend([(name.clone(), round)])).unwrap();
                        assert_eq!(notes.load().unwrap().get(&name), Some(&round));
                        notes.change(&mut |all| all.retain(|known, _| *known != name)).unwrap();
                    }
                })
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join().is_ok()).collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(ended, [true; 4]);
    });
    assert!(went.into_inner() > 0, "the folder never went");
}

#[test]
fn broken_notes_are_reported_and_replaced() {
    let home = TempDir::new().unwrap();
    let notes = notes(&home);
    fs::create_dir(notes.path().parent().unwrap()).unwrap();
    fs::write(notes.path(), "{").unwrap();
    assert_eq!(notes.load().unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    notes.change(&mut |all| all.extend([("a".to_owned(), 1)])).unwrap();
    assert_eq!(notes.load().unwrap().len(), 1);
}
