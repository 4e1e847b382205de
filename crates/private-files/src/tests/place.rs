//! Replacing a file by a new version, and every way in which another program can save at the same time.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::place::{self, NewVersion, OldVersion, PlaceOutcome};
use crate::platform;

/// A folder with the file that was read.
struct Scene {
    folder: TempDir,
    target: PathBuf,
    read: File,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let target = folder.path().join("config.json");
        fs::write(&target, "old").unwrap();
        let read = File::open(&target).unwrap();
        Self { folder, target, read }
    }

    /// Creates another file in the folder.
    fn aside(&self, text: &str) -> TempPath {
        let file = NamedTempFile::new_in(self.folder.path()).unwrap().into_temp_path();
        fs::write(&file, text).unwrap();
        file
    }

    /// Saves the file like another program, in docker's way.
    fn save(&self, text: &str) {
        self.aside(text).persist(&self.target).unwrap();
    }

    fn with_old<T>(&self, act: impl FnOnce(&OldVersion<'_>) -> T) -> T {
        act(&OldVersion {
            text: b"old",
            metadata: &self.read.metadata().unwrap(),
        })
    }

    fn replace(&self) -> io::Result<PlaceOutcome> {
        self.with_old(|old| place::replace(self.aside("ours"), &self.target, old, b"ours"))
    }

    fn remove(&self) -> io::Result<PlaceOutcome> {
        place::remove(&self.target, self.aside(""), b"old")
    }

    /// Returns the contents of the file. The folder must hold nothing else.
    #[track_caller]
    fn holds(&self, text: Option<&str>) {
        assert_eq!(fs::read_to_string(&self.target).ok().as_deref(), text);
        let files = fs::read_dir(self.folder.path()).unwrap().count();
        assert_eq!(files, usize::from(text.is_some()));
    }
}

fn exposed(hidden: &[(&str, &str)]) -> PlaceOutcome {
    let bytes = |text: &str| text.as_bytes().to_owned();
    PlaceOutcome::Exposed {
        hidden: hidden
            .iter()
            .map(|(base, theirs)| (bytes(base), bytes(theirs)))
            .collect(),
    }
}

#[test]
fn a_file_is_made_where_there_is_none() {
    let scene = Scene::new();
    assert_eq!(
        place::create(scene.aside("ours"), &scene.target).unwrap(),
        PlaceOutcome::Raced
    );
    scene.holds(Some("old"));
    fs::remove_file(&scene.target).unwrap();
    assert_eq!(
        place::create(scene.aside("ours"), &scene.target).unwrap(),
        PlaceOutcome::Done
    );
    scene.holds(Some("ours"));
    let below = scene.target.join("file");
    assert_eq!(
        place::create(scene.aside("ours"), &below).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
}

#[test]
fn the_version_that_was_read_is_replaced() {
    let scene = Scene::new();
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Done);
    scene.holds(Some("ours"));
}

#[test]
fn a_save_before_ours_wins() {
    let scene = Scene::new();
    scene.save("theirs");
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Raced);
    scene.holds(Some("theirs"));
    fs::remove_file(&scene.target).unwrap();
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Raced);
    scene.holds(None);
}

#[test]
fn a_write_to_the_same_file_is_put_back() {
    let scene = Scene::new();
    fs::write(&scene.target, "theirs").unwrap();
    assert_eq!(scene.replace().unwrap(), exposed(&[("old", "theirs")]));
    scene.holds(Some("theirs"));
}

#[test]
fn a_path_that_cannot_be_examined_is_an_error() {
    let scene = Scene::new();
    let below = scene.target.join("file");
    let replaced = scene.with_old(|old| place::replace(scene.aside("ours"), &below, old, b"ours"));
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::NotADirectory);
    assert!(place::remove(&below, scene.aside(""), b"old").is_err());
    scene.holds(Some("old"));
}

/// A path below a file, where nothing can exist.
fn nowhere(scene: &Scene) -> TempPath {
    TempPath::try_from_path(scene.target.join("below")).unwrap()
}

#[test]
fn a_new_version_that_is_gone_is_tried_again_and_one_that_cannot_be_is_an_error() {
    let scene = Scene::new();
    let replace = |new| scene.with_old(|old| place::replace(new, &scene.target, old, b"ours"));
    let gone = scene.aside("ours");
    fs::remove_file(&gone).unwrap();
    assert_eq!(replace(gone).unwrap(), PlaceOutcome::Raced);
    fs::write(&scene.target, "theirs").unwrap();
    assert_eq!(replace(nowhere(&scene)).unwrap_err().kind(), ErrorKind::NotADirectory);
    scene.holds(Some("theirs"));
}

/// If the system refuses the exchange (as for a non-empty folder), the fallback compares the text and finds the other
/// version.
#[test]
fn a_refused_exchange_has_a_fallback() {
    let scene = Scene::new();
    fs::write(&scene.target, "theirs").unwrap();
    let folder = TempPath::try_from_path(scene.folder.path()).unwrap();
    let placed = scene.with_old(|old| place::replace(folder, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), PlaceOutcome::Raced);
    scene.holds(Some("theirs"));
}

#[test]
fn a_change_that_cannot_be_put_back_is_an_error() {
    let scene = Scene::new();
    let aside = scene.aside("first");
    let below = scene.target.join("below");
    let placed = scene.with_old(|old| place::settle(&aside, &below, old, b"ours"));
    assert_eq!(placed.unwrap_err().kind(), ErrorKind::NotADirectory);
}

/// Two saves: one just before our version is put in place, and one on top of it.
#[test]
fn the_newest_of_several_saves_wins() {
    let scene = Scene::new();
    scene.save("second");
    let aside = scene.aside("first");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "first"), ("ours", "second")]));
    assert_eq!(fs::read(&scene.target).unwrap(), b"second");
}

#[test]
fn a_file_that_was_removed_stays_removed() {
    let scene = Scene::new();
    fs::remove_file(&scene.target).unwrap();
    let aside = scene.aside("first");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "first")]));
    assert!(!scene.target.exists());
}

/// A file with the same text that is not the file that was read is another program's save, so it stays.
#[test]
fn the_same_text_in_another_file_is_a_save_too() {
    let scene = Scene::new();
    let aside = scene.aside("old");
    scene.save("ours");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "old")]));
}

#[test]
fn without_the_exchange_the_file_is_compared_once() {
    let scene = Scene::new();
    let rename = || place::rename(scene.aside("ours"), &scene.target, b"old").unwrap();
    assert_eq!(rename(), PlaceOutcome::Done);
    scene.holds(Some("ours"));
    assert_eq!(rename(), PlaceOutcome::Raced);
    scene.holds(Some("ours"));
    fs::remove_file(&scene.target).unwrap();
    assert_eq!(rename(), PlaceOutcome::Raced);
    scene.holds(None);
}

#[test]
fn only_an_unsupported_exchange_has_the_fallback() {
    use rustix::io::Errno;
    for (error, expected) in [(Errno::NOSYS, true), (Errno::INVAL, true), (Errno::ACCESS, false)] {
        assert_eq!(platform::is_unsupported(&error.into()), expected);
    }
}

#[test]
fn only_the_version_that_was_read_is_removed() {
    let scene = Scene::new();
    assert_eq!(scene.remove().unwrap(), PlaceOutcome::Done);
    scene.holds(None);
    assert_eq!(scene.remove().unwrap(), PlaceOutcome::Raced);
    scene.holds(None);
    scene.save("theirs");
    assert_eq!(scene.remove().unwrap(), PlaceOutcome::Raced);
    scene.holds(Some("theirs"));
}

#[test]
fn a_file_that_cannot_be_moved_aside_is_not_removed() {
    let scene = Scene::new();
    let missing = TempPath::try_from_path(scene.folder.path().join("missing/file")).unwrap();
    assert_eq!(
        place::remove(&scene.target, missing, b"old").unwrap(),
        PlaceOutcome::Raced
    );
    let error = place::remove(&scene.target, nowhere(&scene), b"old").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    scene.holds(Some("old"));
}

/// A new version in its place, with its metadata recorded.
fn noted(scene: &Scene) -> NewVersion {
    fs::write(&scene.target, "ours").unwrap();
    NewVersion::note(File::options().write(true).open(&scene.target).unwrap()).unwrap()
}

#[test]
fn an_untouched_version_is_recognised_without_reading() {
    let scene = Scene::new();
    let ours = noted(&scene);
    assert!(ours.stands_at(&scene.target));
    let elsewhere = scene.folder.path().join("elsewhere");
    fs::rename(&scene.target, &elsewhere).unwrap();
    assert!(!ours.stands_at(&scene.target));
    assert!(ours.stands_at(&elsewhere));
    std::os::unix::fs::symlink(&elsewhere, &scene.target).unwrap();
    assert!(!ours.stands_at(&scene.target));
}

#[test]
fn a_replaced_version_is_recognised() {
    let scene = Scene::new();
    let ours = noted(&scene);
    scene.save("ours");
    assert!(!ours.stands_at(&scene.target));
}

/// The other text has the same length and may have the same modification time, within one tick of the file system's
/// clock.
#[test]
fn a_modified_version_is_recognised() {
    let scene = Scene::new();
    fs::write(&scene.target, "ours").unwrap();
    let tick = fs::metadata(&scene.target).unwrap().modified().unwrap();
    let ours = NewVersion::note(File::options().write(true).open(&scene.target).unwrap()).unwrap();
    fs::write(&scene.target, "thei").unwrap();
    assert!(!ours.stands_at(&scene.target));
    File::open(&scene.target).unwrap().set_modified(tick).unwrap();
    assert!(!ours.stands_at(&scene.target));
}
