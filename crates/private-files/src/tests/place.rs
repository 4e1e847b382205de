//! One new version put in the place of the one that was read, and every way in which somebody else can be faster.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::place::{self, NewVersion, OldVersion, PlaceOutcome};
use crate::platform;

/// A folder with the file as it was read.
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

    /// A file beside it.
    fn aside(&self, text: &str) -> TempPath {
        let file = NamedTempFile::new_in(self.folder.path()).unwrap().into_temp_path();
        fs::write(&file, text).unwrap();
        file
    }

    /// Somebody else's save, as docker does it.
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

    /// The contents of the place. The folder must hold nothing else.
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
fn what_was_read_is_replaced() {
    let scene = Scene::new();
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Done);
    scene.holds(Some("ours"));
}

#[test]
fn what_was_saved_before_ours_stands() {
    let scene = Scene::new();
    scene.save("theirs");
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Raced);
    scene.holds(Some("theirs"));
    fs::remove_file(&scene.target).unwrap();
    assert_eq!(scene.replace().unwrap(), PlaceOutcome::Raced);
    scene.holds(None);
}

#[test]
fn what_was_written_into_the_very_file_is_put_back() {
    let scene = Scene::new();
    fs::write(&scene.target, "theirs").unwrap();
    assert_eq!(scene.replace().unwrap(), exposed(&[("old", "theirs")]));
    scene.holds(Some("theirs"));
}

#[test]
fn a_place_that_cannot_be_looked_at_is_an_error() {
    let scene = Scene::new();
    let below = scene.target.join("file");
    let replaced = scene.with_old(|old| place::replace(scene.aside("ours"), &below, old, b"ours"));
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::NotADirectory);
    assert!(place::remove(&below, scene.aside(""), b"old").is_err());
    scene.holds(Some("old"));
}

/// A name below a file, which nothing can have.
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

/// Where the system refuses to exchange (as it does a folder with what lies in it), the plain look comes next, and sees their text.
#[test]
fn a_refused_exchange_is_made_up_for() {
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

/// Two saves: one just before our version took the place, one on top of it.
#[test]
fn the_newest_of_several_saves_stands() {
    let scene = Scene::new();
    scene.save("second");
    let aside = scene.aside("first");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "first"), ("ours", "second")]));
    assert_eq!(fs::read(&scene.target).unwrap(), b"second");
}

#[test]
fn a_file_that_was_taken_away_stays_away() {
    let scene = Scene::new();
    fs::remove_file(&scene.target).unwrap();
    let aside = scene.aside("first");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "first")]));
    assert!(!scene.target.exists());
}

/// A file that holds the same but isn't the one that was read was saved since: somebody may count on it.
#[test]
fn the_same_text_in_another_file_is_a_save_too() {
    let scene = Scene::new();
    let aside = scene.aside("old");
    scene.save("ours");
    let placed = scene.with_old(|old| place::settle(&aside, &scene.target, old, b"ours"));
    assert_eq!(placed.unwrap(), exposed(&[("old", "old")]));
}

#[test]
fn where_files_cannot_be_exchanged_one_look_has_to_do() {
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
fn only_a_system_without_the_exchange_does_without() {
    use rustix::io::Errno;
    for (error, expected) in [(Errno::NOSYS, true), (Errno::INVAL, true), (Errno::ACCESS, false)] {
        assert_eq!(platform::is_unsupported(&error.into()), expected);
    }
}

#[test]
fn only_what_was_read_is_removed() {
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
fn what_cannot_be_put_aside_is_not_removed() {
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

/// A new version in its place, as it was noted.
fn noted(scene: &Scene) -> NewVersion {
    fs::write(&scene.target, "ours").unwrap();
    NewVersion::note(File::options().write(true).open(&scene.target).unwrap()).unwrap()
}

#[test]
fn a_new_version_that_nobody_touched_is_told_without_reading() {
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
fn a_new_version_that_somebody_saved_over_is_told() {
    let scene = Scene::new();
    let ours = noted(&scene);
    scene.save("ours");
    assert!(!ours.stands_at(&scene.target));
}

/// With as many bytes, and within one tick of the clock by which the system tells the times of files.
#[test]
fn a_new_version_that_somebody_wrote_into_is_told() {
    let scene = Scene::new();
    fs::write(&scene.target, "ours").unwrap();
    let tick = fs::metadata(&scene.target).unwrap().modified().unwrap();
    let ours = NewVersion::note(File::options().write(true).open(&scene.target).unwrap()).unwrap();
    fs::write(&scene.target, "thei").unwrap();
    assert!(!ours.stands_at(&scene.target));
    File::open(&scene.target).unwrap().set_modified(tick).unwrap();
    assert!(!ours.stands_at(&scene.target));
}
