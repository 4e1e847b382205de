//! One process fetches for all. Tests with many processes are in `processes`.

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
fn a_removed_failure_is_not_shared() {
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
    // A secret stays, and so does the pause after a failed renewal.
    scene.pass(LIFE / 2);
    scene.fail();
    assert_eq!(scene.get().unwrap(), "password 2");
    scene.cache().forget_failures(scene.now.get());
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 3);
}

#[test]
fn a_valid_secret_is_served_while_another_process_renews_it() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    let LockAttempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 1);
}

#[test]
fn fetches_without_the_lock_after_half_of_the_time() {
    let scene = Scene::with_entry();
    scene.pass(LIFE);
    scene.deadline.set(Instant::now() + Duration::from_millis(50));
    let LockAttempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    assert_eq!(scene.get().unwrap(), "password 2");
    // The secret is cached, and the next process does not wait.
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 2);
}

#[test]
fn a_lock_that_is_removed_during_the_wait_is_taken_again() {
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
fn a_lock_on_a_deleted_file_does_not_count() {
    let scene = Scene::with_entry();
    let old = fs::File::open(scene.lock_path()).unwrap();
    assert!(private_files::is_at(&old, &scene.lock_path()));
    fs::remove_file(scene.lock_path()).unwrap();
    assert!(!private_files::is_at(&old, &scene.lock_path()));
    fs::write(scene.lock_path(), "").unwrap();
    assert!(!private_files::is_at(&old, &scene.lock_path()));
}

#[test]
fn names_of_waiting_processes_are_stored_too() {
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
            settings: "",
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
