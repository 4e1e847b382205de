//! Names, removing, pruning, and the cache's files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rstest::rstest;

use super::*;

#[test]
fn every_name_of_an_entry_is_listed() {
    let scene = Scene::with_entry();
    scene.get_as("second").unwrap();
    assert!(scene.cache().warm(&key(), "third", scene.now.get()).is_some());
    scene.get_as("second").unwrap();
    assert_eq!(
        scene.cache().entries(scene.now.get()),
        [(
            key().to_string(),
            vec![HOST.to_owned(), "second".to_owned(), "third".to_owned()]
        )]
    );
    scene.pass(LIFE / 2);
    scene.get_as("fourth").unwrap();
    assert_eq!(scene.names(), [HOST, "second", "third", "fourth"]);
}

#[test]
fn a_known_name_is_not_written_again() {
    let scene = Scene::with_entry();
    let before = fs::metadata(scene.entry_path()).unwrap().ino();
    assert!(scene.warm().is_some());
    scene.get().unwrap();
    assert_eq!(fs::metadata(scene.entry_path()).unwrap().ino(), before);
    scene.get_as("second").unwrap();
    assert_ne!(fs::metadata(scene.entry_path()).unwrap().ino(), before);
}

#[test]
fn removing_deletes_only_the_files_of_one_key() {
    let scene = Scene::with_entry();
    scene.get_key(&other_key(1), HOST).unwrap();
    scene.cache().remove(&key());
    assert!(!scene.entry_path().exists() && !scene.lock_path().exists());
    assert_eq!(scene.cache().entries(scene.now.get()).len(), 1);
    scene.fetches_anew();
}

#[test]
fn a_text_is_kept_until_replaced_or_for_30_days() {
    let scene = Scene::new();
    let cache = scene.cache();
    assert!(!cache.holds_text(&key(), "first"));
    cache.keep_text(&key(), "first");
    assert!(cache.holds_text(&key(), "first") && !cache.holds_text(&other_key(1), "first"));
    cache.keep_text(&key(), "second");
    assert!(cache.holds_text(&key(), "second"));
    for other in ["first", "secon", "seconds", ""] {
        assert!(!cache.holds_text(&key(), other), "{other}");
    }
    scene.now.set(SystemTime::now());
    scene.get().unwrap();
    assert!(cache.holds_text(&key(), "second"));
    scene.pass(30 * 24 * HOUR + HOUR);
    scene.get().unwrap();
    assert!(!cache.holds_text(&key(), "second"));
    assert_eq!(scene.files().len(), 3);
}

#[test]
fn clearing_removes_texts_too() {
    let scene = Scene::with_entry();
    scene.cache().keep_text(&other_key(1), "text");
    scene.cache().clear();
    assert_eq!(scene.files(), [".pruned"]);
}

#[test]
fn removing_waits_a_limited_time_and_creates_nothing() {
    let scene = Scene::with_entry();
    let LockAttempt::Held(lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    scene.cache().remove(&key());
    assert!(!scene.entry_path().exists() && scene.lock_path().exists());
    drop(lock);
    fs::remove_dir_all(scene.folder()).unwrap();
    scene.cache().remove(&key());
    scene.cache().clear();
    assert!(!scene.folder().exists());
}

#[test]
fn removing_waits_for_a_process_that_fetches() {
    let before = Instant::now();
    assert!(Cache::open(None).remove_deadline() >= before + REMOVE_WAIT);
    let env: Env = [("ECR_AUTH_TIMEOUT", "1")].into_iter().collect();
    assert_eq!(Cache::from_env(&env).remove_deadline(), env.deadline());
}

#[test]
fn removing_a_name_covers_all_identities() {
    let scene = Scene::with_entry();
    scene.get_as("second").unwrap();
    scene.get_key(&other_key(1), "second").unwrap();
    scene.get_key(&other_key(2), "third").unwrap();
    scene.cache().remove_named("second");
    assert_eq!(scene.names(), ["third"]);
    assert!(!scene.entry_path().exists() && !scene.lock_path().exists());
    fs::remove_dir_all(scene.folder()).unwrap();
    scene.cache().remove_named("third");
    assert!(!scene.folder().exists());
}

#[test]
fn clearing_leaves_files_of_others() {
    let scene = Scene::with_entry();
    scene.get_key(&other_key(1), HOST).unwrap();
    fs::write(scene.folder().join("notes.json"), "").unwrap();
    scene.cache().clear();
    assert_eq!(scene.files(), [".pruned", "notes.json"]);
}

#[test]
fn expired_entries_are_pruned_once_an_hour() {
    let scene = Scene::new();
    for i in 0..3 {
        scene.get_key(&other_key(i), HOST).unwrap();
    }
    scene.pass(LIFE - HOUR);
    scene.get().unwrap();
    scene.pass(HOUR - Duration::from_secs(1));
    scene.get().unwrap();
    assert_eq!(scene.files().len(), 1 + 2 * 4);
    scene.pass(Duration::from_secs(1));
    scene.get().unwrap();
    assert_eq!(
        scene.files(),
        [
            ".pruned".to_owned(),
            format!("{}.json", key()),
            format!("{}.lock", key())
        ]
    );
}

#[test]
fn pruning_leaves_locked_entries_and_files_of_others() {
    let scene = Scene::with_entry();
    let foreign = scene.folder().join("notes.json");
    fs::write(&foreign, "").unwrap();
    let LockAttempt::Held(lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    scene.pass(LIFE);
    scene.get_key(&other_key(1), HOST).unwrap();
    assert!(scene.entry_path().exists());
    drop(lock);
    scene.pass(HOUR);
    scene.get_key(&other_key(1), HOST).unwrap();
    assert!(!scene.entry_path().exists() && !scene.lock_path().exists());
    assert!(foreign.exists());
}

#[test]
fn pruning_takes_corrupt_entries_and_old_half_written_files() {
    let scene = Scene::with_entry();
    let path = |name: &str| scene.folder().join(name);
    let [old, young, ahead, far_ahead] = [".new-1", ".new-2", ".new-3", ".new-4"].map(path);
    let corrupt = path(&format!("{}.json", other_key(1)));
    for path in [&old, &young, &ahead, &far_ahead, &corrupt] {
        fs::write(path, "{").unwrap();
    }
    scene.pass(HOUR);
    let touch = |path: &Path, time| {
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap()
    };
    touch(&old, scene.now.get() - HOUR);
    touch(&young, scene.now.get() - HOUR + Duration::from_secs(1));
    touch(&ahead, scene.now.get() + Duration::from_secs(1));
    touch(&far_ahead, scene.now.get() + HOUR);
    scene.get().unwrap();
    assert!(!old.exists() && !far_ahead.exists() && !corrupt.exists());
    assert!(young.exists() && ahead.exists());
}

#[test]
fn pruning_runs_although_the_clock_was_ahead_before() {
    let scene = Scene::new();
    scene.pass(1000 * HOUR);
    scene.get_key(&other_key(1), HOST).unwrap();
    scene.now.set(scene.now.get() - 1000 * HOUR);
    scene.get().unwrap();
    assert!(!scene.folder().join(format!("{}.json", other_key(1))).exists());
}

#[rstest]
#[case::default(&[], Some("/home/u/.cache/ecr-auth"))]
#[case::xdg(&[("XDG_CACHE_HOME", "/x")], Some("/x/ecr-auth"))]
#[case::ours(&[("ECR_AUTH_CACHE_DIR", "/a"), ("AWS_ECR_CACHE_DIR", "/b")], Some("/a"))]
#[case::go_helper(&[("AWS_ECR_CACHE_DIR", "/b")], Some("/b"))]
#[case::tilde(&[("AWS_ECR_CACHE_DIR", "~/.ecr")], Some("/home/u/.ecr"))]
#[case::off(&[("ECR_AUTH_CACHE", "off"), ("ECR_AUTH_CACHE_DIR", "/a")], None)]
#[case::off_in_capitals(&[("ECR_AUTH_CACHE", "OFF")], None)]
#[case::not_off(&[("ECR_AUTH_CACHE", "on"), ("ECR_AUTH_CACHE_DIR", "/a")], Some("/a"))]
#[case::go_helper_off(&[("AWS_ECR_DISABLE_CACHE", "false")], None)]
#[case::go_helper_not_off(&[("AWS_ECR_DISABLE_CACHE", ""), ("ECR_AUTH_CACHE_DIR", "/a")], Some("/a"))]
#[case::no_home(&[("HOME", "")], None)]
#[case::no_home_for_a_tilde(&[("HOME", ""), ("ECR_AUTH_CACHE_DIR", "~/c")], None)]
fn the_environment_says_where(#[case] vars: &[(&str, &str)], #[case] expected: Option<&str>) {
    let env: Env = [("HOME", "/home/u")].iter().chain(vars).copied().collect();
    assert_eq!(Cache::folder(&env), expected.map(PathBuf::from));
}
