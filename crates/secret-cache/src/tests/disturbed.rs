//! A cache that is corrupt, foreign or blocked never makes a get fail. Read-only folders and full disks are in
//! `processes`.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use rstest::rstest;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn creates_a_folder_and_files_that_only_we_can_read() {
    let scene = Scene::with_entry();
    for folder in [scene.folder().parent().unwrap(), &scene.folder()] {
        assert_eq!(mode(folder), 0o700);
    }
    assert_eq!(
        scene.files(),
        [
            ".pruned".to_owned(),
            format!("{}.json", key()),
            format!("{}.lock", key())
        ]
    );
    for name in scene.files() {
        assert_eq!(mode(&scene.folder().join(name)), 0o600);
    }
}

#[rstest]
#[case::null(b"null".to_vec())]
#[case::empty(Vec::new())]
#[case::garbage(vec![0xff; 100])]
#[case::wrong_types(br#"{"version":"1","key":5,"names":{},"token":[],"failure":7}"#.to_vec())]
#[case::ten_megabytes(vec![b' '; 10 << 20])]
fn a_corrupt_entry_is_replaced(#[case] content: Vec<u8>) {
    let scene = Scene::with_entry();
    fs::write(scene.entry_path(), content).unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

#[test]
fn a_truncated_entry_is_replaced() {
    let scene = Scene::with_entry();
    let bytes = fs::read(scene.entry_path()).unwrap();
    fs::write(scene.entry_path(), &bytes[..bytes.len() / 2]).unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

#[test]
fn an_entry_of_great_length_is_not_read_even_if_it_is_well_formed() {
    let scene = Scene::with_entry();
    let mut bytes = fs::read(scene.entry_path()).unwrap();
    bytes.resize(entry::MAX_BYTES, b' ');
    fs::write(scene.entry_path(), &bytes).unwrap();
    assert!(scene.warm().is_some());
    bytes.push(b' ');
    fs::write(scene.entry_path(), &bytes).unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

#[test]
fn an_entry_renamed_to_another_key_is_ignored() {
    let scene = Scene::new();
    scene.get_key(&other_key(1), HOST).unwrap();
    fs::rename(
        scene.folder().join(format!("{}.json", other_key(1))),
        scene.entry_path(),
    )
    .unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

#[rstest]
#[case::entry(".json")]
#[case::lock(".lock")]
fn a_fifo_is_not_waited_for(#[case] suffix: &str) {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    let path = scene.folder().join(format!("{}{suffix}", key()));
    let _ = fs::remove_file(&path);
    make_fifo(&path);
    scene.fetches_anew();
    scene.is_mended();
}

#[test]
fn a_fifo_for_a_marker_is_not_waited_for() {
    let scene = Scene::new();
    fs::create_dir_all(scene.folder()).unwrap();
    make_fifo(&scene.folder().join(".pruned"));
    scene.pass(Duration::from_secs(1_000_000_000));
    scene.fetches_anew();
    scene.is_mended();
}

fn make_fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

#[rstest]
#[case::entry(".json")]
#[case::lock(".lock")]
fn a_symbolic_link_is_neither_read_nor_written_through(#[case] suffix: &str) {
    let scene = Scene::with_entry();
    let elsewhere = scene.home.path().join("elsewhere");
    fs::rename(scene.entry_path(), &elsewhere).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    let path = scene.folder().join(format!("{}{suffix}", key()));
    let _ = fs::remove_file(&path);
    symlink(&elsewhere, &path).unwrap();
    scene.fetches_anew();
    scene.is_mended();
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn an_empty_folder_at_an_entrys_path_is_removed() {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    fs::create_dir(scene.entry_path()).unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

/// If nothing can be cached, processes don't wait for each other to fetch.
#[test]
fn a_folder_at_an_entrys_path_disables_cache_and_lock() {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    fs::create_dir_all(scene.entry_path().join("below")).unwrap();
    let lock = scene.lock_path();
    *scene.during_fetch.borrow_mut() = Box::new(move || assert!(matches!(Lock::try_take(&lock), LockAttempt::Held(_))));
    scene.fetches_anew();
    scene.fetches_anew();
    assert_eq!(scene.files().iter().filter(|name| name.starts_with(".new-")).count(), 0);
}

#[test]
fn the_lock_is_held_while_fetching() {
    let scene = Scene::new();
    let lock = scene.lock_path();
    *scene.during_fetch.borrow_mut() = Box::new(move || assert!(matches!(Lock::try_take(&lock), LockAttempt::Busy)));
    assert_eq!(scene.get().unwrap(), "password 1");
    scene.pass(LIFE / 2);
    assert_eq!(scene.get().unwrap(), "password 2");
}

#[test]
fn a_folder_at_a_locks_path_disables_the_lock() {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    fs::remove_file(scene.lock_path()).unwrap();
    fs::create_dir_all(scene.lock_path().join("below")).unwrap();
    scene.fetches_anew();
    scene.is_mended();
    scene.pass(LIFE / 2);
    scene.fail();
    assert_eq!(scene.get().unwrap(), "password 1".replace('1', "2"));
}

#[rstest]
#[case::daemon(1)]
#[case::nobody(65534)]
fn an_entry_of_another_owner_is_not_read(#[case] uid: u32) {
    let scene = Scene::with_entry();
    chown(scene.entry_path(), Some(uid), None).unwrap();
    scene.fetches_anew();
    scene.is_mended();
    assert_eq!(
        fs::metadata(scene.entry_path()).unwrap().uid(),
        rustix::process::geteuid().as_raw()
    );
}

#[rstest]
#[case::daemon(1)]
#[case::nobody(65534)]
fn a_lock_of_another_owner_is_replaced(#[case] uid: u32) {
    let scene = Scene::with_entry();
    chown(scene.lock_path(), Some(uid), None).unwrap();
    scene.pass(LIFE);
    scene.fetches_anew();
    assert_eq!(
        fs::metadata(scene.lock_path()).unwrap().uid(),
        rustix::process::geteuid().as_raw()
    );
}

#[rstest]
#[case::daemon(1)]
#[case::nobody(65534)]
fn a_folder_of_another_owner_is_not_used(#[case] uid: u32) {
    let scene = Scene::with_entry();
    let before = scene.files();
    chown(scene.folder(), Some(uid), None).unwrap();
    scene.fetches_anew();
    scene.fetches_anew();
    scene.cache().remove(&key());
    scene.cache().clear();
    assert_eq!(scene.names(), [""; 0]);
    assert_eq!(scene.files(), before);
}

#[rstest]
#[case::group_reads(0o640)]
#[case::others_read(0o604)]
#[case::others_write(0o602)]
fn an_entry_that_others_may_touch_is_not_read(#[case] wide: u32) {
    let scene = Scene::with_entry();
    set_mode(&scene.entry_path(), wide);
    scene.fetches_anew();
    scene.is_mended();
    assert_eq!(mode(&scene.entry_path()), 0o600);
}

#[test]
fn a_folder_that_is_too_wide_is_narrowed() {
    let scene = Scene::with_entry();
    fs::write(scene.folder().join(".new-1"), "").unwrap();
    set_mode(&scene.folder(), 0o755);
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(mode(&scene.folder()), 0o700);
}

#[test]
fn a_folder_that_others_use_is_neither_narrowed_nor_used() {
    let scene = Scene::with_entry();
    fs::write(scene.folder().join("notes.txt"), "").unwrap();
    assert_eq!(scene.warm().unwrap(), "password 1");
    set_mode(&scene.folder(), 0o1777);
    scene.fetches_anew();
    scene.fetches_anew();
    assert_eq!(mode(&scene.folder()), 0o1777);
}

/// An image's /tmp is empty.
#[test]
fn an_empty_sticky_folder_is_neither_narrowed_nor_used() {
    let scene = Scene::new();
    fs::create_dir_all(scene.folder()).unwrap();
    for wide in [0o1777, 0o1755] {
        set_mode(&scene.folder(), wide);
        scene.fetches_anew();
        assert_eq!(
            (mode(&scene.folder()), fs::read_dir(scene.folder()).unwrap().count()),
            (wide, 0)
        );
    }
    // A volume of Kubernetes.
    set_mode(&scene.folder(), 0o777);
    scene.get().unwrap();
    assert_eq!(mode(&scene.folder()), 0o700);
}

#[test]
fn a_file_at_the_cache_folders_path_disables_the_cache() {
    let scene = Scene::new();
    fs::create_dir(scene.home.path().join("cache")).unwrap();
    fs::write(scene.folder(), "").unwrap();
    set_mode(&scene.folder(), 0o600);
    scene.fetches_anew();
    scene.fetches_anew();
    assert!(scene.folder().is_file());
}

#[test]
fn without_a_folder_every_get_fetches() {
    let cache = Cache::open(None);
    let key = key();
    let (name, started) = (HOST, UNIX_EPOCH);
    let request = SecretRequest {
        key: &key,
        name,
        started,
        settings: "",
        deadline: Instant::now() + HOUR,
        progress: &Progress::default(),
    };
    let fetches = Cell::new(0);
    let mut fetch = |budget| {
        assert!(budget > HOUR / 2);
        fetches.set(fetches.get() + 1);
        Ok(FetchedSecret {
            secret: Secret::new("password"),
            expires_at: UNIX_EPOCH + LIFE,
            renew_at: None,
            name: None,
        })
    };
    for _ in 0..2 {
        assert_eq!(
            cache.get(&request, &|| UNIX_EPOCH, &mut fetch).unwrap().secret,
            Secret::new("password")
        );
    }
    assert_eq!(fetches.get(), 2);
    assert_eq!(cache.warm(&key, HOST, UNIX_EPOCH), None);
    assert_eq!(cache.entries(UNIX_EPOCH), []);
    cache.remove(&key);
    cache.clear();
}

/// Whoever can plant a text could hide that a configuration is broken.
#[test]
fn a_text_that_others_can_write_is_ignored() {
    let scene = Scene::new();
    let path = scene.folder().join(format!("{}.text", key()));
    let believed = |scene: &Scene| scene.cache().holds_text(&key(), "text");
    let keep = || {
        let _ = fs::remove_file(&path);
        scene.cache().keep_text(&key(), "text");
        assert!(believed(&scene));
        assert_eq!(mode(&path), 0o600);
    };
    for wide in [0o644, 0o660, 0o602] {
        keep();
        set_mode(&path, wide);
        assert!(!believed(&scene), "{wide:o}");
    }
    if rustix::process::geteuid().is_root() {
        keep();
        chown(&path, Some(12345), None).unwrap();
        assert!(!believed(&scene));
        keep();
        chown(scene.folder(), Some(12345), None).unwrap();
        assert!(!believed(&scene));
        chown(scene.folder(), Some(0), None).unwrap();
    }
    keep();
    set_mode(&scene.folder(), 0o755);
    assert!(!believed(&scene));
    set_mode(&scene.folder(), 0o700);
    let elsewhere = scene.home.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(!believed(&scene));
    fs::remove_file(&path).unwrap();
    make_fifo(&path);
    assert!(!believed(&scene));
    keep();
}
