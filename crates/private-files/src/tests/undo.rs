//! The values that are restored: those from before our first write.

use std::fs;
use std::os::unix::fs::chown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[cfg(target_os = "linux")]
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::{FileUndo, ReplacedValue, UndoLog, remove_made_folders};

fn replaced(previous: &str, written: &str) -> ReplacedValue {
    ReplacedValue::new(Some(previous.to_owned()), written)
}

#[test]
fn the_first_previous_value_wins() {
    let first = replaced("theirs", "one");
    let second = replaced("one", "two").after(Some(&first));
    assert_eq!(second.previous.as_deref(), Some("theirs"));
    assert!(second.is_ours("two") && second.is_ours("one") && !second.is_ours("theirs"));
    let third = replaced("two", "three").after(Some(&second));
    assert_eq!(
        (third.previous.as_deref(), third.is_ours("one")),
        (Some("theirs"), false)
    );
}

#[test]
fn a_value_that_others_wrote_meanwhile_is_the_one_to_put_back() {
    let first = replaced("theirs", "ours");
    let second = replaced("theirs again", "ours").after(Some(&first));
    assert_eq!(second, replaced("theirs again", "ours"));
    let removed = ReplacedValue::new(None, "ours").after(Some(&first));
    assert_eq!(removed.previous, None);
}

/// The note is made before the write. A run that repeats because it was killed in between, or because of another
/// writer, makes the same note.
#[test]
fn a_write_that_did_not_happen_changes_nothing() {
    let first = replaced("theirs", "one");
    let noted = replaced("one", "two").after(Some(&first));
    let again = replaced("one", "two").after(Some(&noted));
    assert_eq!(again, noted);
    let other = replaced("one", "three").after(Some(&noted));
    assert_eq!(other.previous.as_deref(), Some("theirs"));
}

#[test]
fn what_was_inserted_around_the_first_value_is_kept() {
    let mut first = replaced("x", "one");
    first.previous = None;
    first.around = Some(("[section]\n".into(), "\n".into()));
    let second = replaced("one", "two").after(Some(&first));
    assert_eq!((second.previous, second.around), (None, first.around));
}

#[test]
fn a_file_is_noted_until_nothing_is_left_to_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let log: UndoLog = UndoLog::new(folder.path().join("state"), "undo");
    let file = folder.path().join("file");
    let newer = |value: ReplacedValue, created| FileUndo {
        created,
        values: [("key".to_owned(), value)].into(),
        ..FileUndo::default()
    };
    log.change_file(&file, &mut |record| {
        record.merge(newer(replaced("theirs", "one"), true))
    })
    .unwrap();
    log.change_file(&file, &mut |record| record.merge(newer(replaced("one", "two"), false)))
        .unwrap();
    let noted = log.file(&file).unwrap();
    assert!(noted.created && noted.values["key"].previous.as_deref() == Some("theirs"));
    log.change_file(&file, &mut |record| record.values.clear()).unwrap();
    assert_eq!(log.file(&file).unwrap(), FileUndo::default());
    assert!(!log.path().exists());
}

#[test]
fn files_whose_folder_is_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let log: UndoLog = UndoLog::new(folder.path().join("state"), "undo");
    let job = folder.path().join("job");
    fs::create_dir(&job).unwrap();
    let note = |name: &str| {
        log.change_file(&job.parent().unwrap().join(name), &mut |record| {
            record.values.insert("key".into(), replaced("a", "b"));
        })
        .unwrap();
    };
    note("job/file");
    assert_eq!(log.load().unwrap().files.len(), 1);
    fs::remove_dir_all(&job).unwrap();
    note("other");
    assert_eq!(log.load().unwrap().files.len(), 1);
}

#[test]
fn folders_with_other_contents_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (outer, inner) = (folder.path().join("a"), folder.path().join("a/b"));
    fs::create_dir_all(&inner).unwrap();
    fs::write(outer.join("file"), "").unwrap();
    remove_made_folders(&[outer.clone(), inner.clone()], &inner.join("file"));
    assert!(outer.is_dir() && !inner.exists());
}

/// A user swaps the notes' folder for one of root's without notes while root reads. The notes must be the user's, and
/// not trusted for root's files, or empty. Looking at the folder twice would get hundreds of the reads wrong.
#[cfg(target_os = "linux")]
#[test]
fn notes_are_never_taken_for_those_of_whom_the_folder_belongs_to_later() {
    const USER: u32 = 54_601;
    const READINGS: usize = 3000;
    let home = TempDir::new().unwrap();
    let (users, roots) = (home.path().join("state"), home.path().join("other"));
    let of_root = TempDir::new().unwrap();
    let place = of_root.path().join("config.json");
    for folder in [&users, &roots] {
        fs::create_dir(folder).unwrap();
    }
    let log: UndoLog = UndoLog::new(users.clone(), "log");
    let noted = serde_json::json!({"files": {place.display().to_string(): {"values": {"a": {"previous": null, "written": [""]}}}}});
    fs::write(users.join("log.json"), noted.to_string()).unwrap();
    for theirs in [home.path(), &users, &users.join("log.json")] {
        chown(theirs, Some(USER), Some(USER)).unwrap();
    }
    let is_over = AtomicBool::new(false);
    let (believed, unbelieved) = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &users, CWD, &roots, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let mut seen = (0, 0);
        for _ in 0..READINGS {
            if let Ok(entries) = log.load() {
                seen.0 += entries.files.len();
                seen.1 += entries.unbelieved.len();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        seen
    });
    assert_eq!(believed, 0);
    assert!(unbelieved > 0, "the race did not take place");
}
