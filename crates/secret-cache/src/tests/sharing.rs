//! One fetches for all; how that looks to many processes at once is in `processes`.

use std::sync::mpsc;
use std::thread;

use super::*;

#[test]
fn a_failure_is_shared_at_once_but_not_for_long() {
    let scene = Scene::new();
    scene.fail();
    assert_eq!(scene.get(), Err(denial()));
    scene.pass(Duration::from_secs(2));
    assert_eq!(scene.get(), Err(denial()));
    assert_eq!(scene.fetches.get(), 1);
    scene.pass(Duration::from_secs(1));
    scene.fails.set(false);
    assert_eq!(scene.get().unwrap(), "password 2");
}

#[test]
fn a_failure_forgotten_is_not_shared() {
    let scene = Scene::new();
    scene.fail();
    assert_eq!(scene.get(), Err(denial()));
    scene.cache().remove(&key());
    scene.fails.set(false);
    assert_eq!(scene.get().unwrap(), "password 2");
}

#[test]
fn failures_alone_are_forgotten_together() {
    let scene = Scene::new();
    scene.fail();
    assert_eq!(scene.get(), Err(denial()));
    scene.cache().forget_failures(scene.now.get());
    scene.fails.set(false);
    assert_eq!(scene.get().unwrap(), "password 2");
    // A secret stays, and with it the pause after a renewal that failed.
    scene.pass(LIFE / 2);
    scene.fail();
    assert_eq!(scene.get().unwrap(), "password 2");
    scene.cache().forget_failures(scene.now.get());
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 3);
}

#[test]
fn what_is_valid_is_served_while_another_renews_it() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    let LockAttempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 1);
}

#[test]
fn fetches_by_itself_where_another_has_the_lock_for_half_of_the_time() {
    let scene = Scene::with_entry();
    scene.pass(LIFE);
    scene.deadline.set(Instant::now() + Duration::from_millis(50));
    let LockAttempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    assert_eq!(scene.get().unwrap(), "password 2");
    // It is kept, and the next process does not wait.
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 2);
}

#[test]
fn a_lock_removed_while_one_waits_is_taken_anew() {
    let scene = Scene::with_entry();
    let path = scene.lock_path();
    let LockAttempt::Held(lock) = Lock::try_take(&path) else {
        panic!("the lock is free")
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = thread::spawn({
        let path = path.clone();
        move || Lock::take(&path, deadline)
    });
    lock.remove();
    let LockAttempt::Held(_lock) = waiting.join().unwrap() else {
        panic!("the lock was freed")
    };
    assert!(path.exists());
    assert!(matches!(Lock::try_take(&path), LockAttempt::Busy));
}

#[test]
fn a_lock_whose_file_is_gone_does_not_count() {
    let scene = Scene::with_entry();
    let old = fs::File::open(scene.lock_path()).unwrap();
    assert!(private_files::is_at(&old, &scene.lock_path()));
    fs::remove_file(scene.lock_path()).unwrap();
    assert!(!private_files::is_at(&old, &scene.lock_path()));
    fs::write(scene.lock_path(), "").unwrap();
    assert!(!private_files::is_at(&old, &scene.lock_path()));
}

#[test]
fn who_waited_is_remembered_too() {
    let scene = Scene::with_entry();
    let aside = scene.home.path().join("aside");
    fs::rename(scene.entry_path(), &aside).unwrap();
    let LockAttempt::Held(lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    let (has_looked, looked) = mpsc::channel();
    let (cache, now, deadline) = (scene.cache(), scene.now.get(), scene.deadline.get());
    let waiting = thread::spawn(move || {
        let key = key();
        let (name, started) = ("second", now);
        let request = SecretRequest {
            key: &key,
            name,
            started,
            deadline,
            progress: &Progress::default(),
        };
        let clock = || {
            let _ = has_looked.send(());
            now
        };
        cache.get(&request, &clock, &mut |_| Err(denial()))
    });
    looked.recv().unwrap();
    fs::rename(&aside, scene.entry_path()).unwrap();
    drop(lock);
    assert_eq!(waiting.join().unwrap().unwrap().secret, Secret::new("password 1"));
    assert_eq!(scene.names(), [HOST, "second"]);
}
