//! What callers see of the cache, in one process with a clock of its own.

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::UNIX_EPOCH;

use rstest::rstest;
use tempfile::TempDir;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const LIFE: Duration = Duration::from_secs(12 * 3600);
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// A cache in a folder of its own, a clock that stands until it is moved, and a source of secrets that counts.
struct Scene {
    home: TempDir,
    now: Cell<SystemTime>,
    fetches: Cell<usize>,
    budget: Cell<Duration>,
    fails: Cell<bool>,
    takes: Cell<Duration>,
    deadline: Cell<Instant>,
    during_fetch: RefCell<Box<dyn Fn()>>,
}

impl Scene {
    fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            now: Cell::new(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
            fetches: Cell::new(0),
            budget: Cell::new(Duration::ZERO),
            fails: Cell::new(false),
            takes: Cell::new(Duration::ZERO),
            deadline: Cell::new(Instant::now() + Duration::from_secs(15)),
            during_fetch: RefCell::new(Box::new(|| {})),
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("cache/ecr-auth")
    }

    fn cache(&self) -> Cache {
        Cache::open(Some(self.folder()))
    }

    fn entry_path(&self) -> PathBuf {
        self.folder().join(format!("{}.json", key()))
    }

    fn lock_path(&self) -> PathBuf {
        self.folder().join(format!("{}.lock", key()))
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    fn fail(&self) {
        self.fails.set(true);
    }

    fn get(&self) -> Result<String, Error> {
        self.get_key(&key(), HOST)
    }

    fn get_as(&self, name: &str) -> Result<String, Error> {
        self.get_key(&key(), name)
    }

    fn get_key(&self, key: &Key, name: &str) -> Result<String, Error> {
        let request = Request {
            key,
            name,
            started: self.now.get(),
            deadline: self.deadline.get(),
        };
        let secret = self
            .cache()
            .get(&request, &|| self.now.get(), &mut |budget| self.fetch(budget));
        secret.map(|secret| secret.expose().to_owned())
    }

    fn fetch(&self, budget: Duration) -> Result<Fetched, Error> {
        self.fetches.set(self.fetches.get() + 1);
        self.budget.set(budget);
        self.pass(self.takes.get());
        (self.during_fetch.borrow())();
        if self.fails.get() {
            return Err(denial());
        }
        Ok(Fetched {
            secret: Secret::new(format!("password {}", self.fetches.get())),
            expires_at: self.now.get() + LIFE,
        })
    }

    fn warm(&self) -> Option<String> {
        let secret = self.cache().warm(&key(), HOST, self.now.get());
        secret.map(|secret| secret.expose().to_owned())
    }

    fn names(&self) -> Vec<String> {
        self.cache()
            .entries(self.now.get())
            .into_iter()
            .flat_map(|(_, names)| names)
            .collect()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The entry as a get left it, and the two things that every disturbance must leave: the next get works, without a wait.
    fn with_entry() -> Self {
        let scene = Self::new();
        assert_eq!(scene.get().unwrap(), "password 1");
        scene
    }

    /// The get after a disturbance fetches, and succeeds.
    #[track_caller]
    fn fetches_anew(&self) {
        let before = self.fetches.get();
        assert_eq!(self.warm(), None);
        assert_eq!(self.get().unwrap(), format!("password {}", before + 1));
    }

    /// After that the cache works again.
    #[track_caller]
    fn is_mended(&self) {
        let fetches = self.fetches.get();
        assert_eq!(self.get().unwrap(), format!("password {fetches}"));
        assert_eq!(self.warm().unwrap(), format!("password {fetches}"));
        assert_eq!(self.fetches.get(), fetches);
    }
}

fn key() -> Key {
    Key::builder().field("region", "eu-west-1").build()
}

fn other_key(i: usize) -> Key {
    Key::builder().field("other", i.to_string()).build()
}

fn denial() -> Error {
    Error::failed("cannot get a token", "denied").hint("ask for the right")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

// Promise 2: fresh for half its life, then renewed, never past its end.

#[test]
fn fetches_once_and_serves_for_half_of_the_life() {
    let scene = Scene::new();
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 1");
    assert!(scene.budget.get() > Duration::from_secs(13) && scene.budget.get() < Duration::from_secs(15));
    scene.pass(LIFE / 2 - Duration::from_secs(1));
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.warm().unwrap(), "password 1");
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.budget.get(), Duration::from_secs(3));
    assert_eq!(scene.warm().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 2);
}

#[test]
fn renewing_takes_no_longer_than_the_caller_has() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    scene.deadline.set(Instant::now() + Duration::from_secs(2));
    scene.get().unwrap();
    assert!(scene.budget.get() < Duration::from_secs(2));
}

#[test]
fn a_caller_without_time_left_is_no_reason_to_panic() {
    let scene = Scene::new();
    scene.deadline.set(Instant::now());
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.budget.get(), Duration::ZERO);
}

#[test]
fn serves_on_while_renewing_fails_and_tries_once_a_minute() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    scene.fail();
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 2);
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 3);
}

#[test]
fn serves_nothing_past_its_end() {
    let scene = Scene::with_entry();
    scene.fail();
    scene.pass(LIFE);
    assert_eq!(scene.get(), Err(denial()));
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn serves_nothing_that_ended_while_renewing_failed() {
    let scene = Scene::with_entry();
    scene.pass(LIFE - Duration::from_secs(6));
    scene.fail();
    scene.takes.set(Duration::from_secs(3));
    assert_eq!(scene.get(), Err(denial()));
}

// Promise 3: one fetches for all (with processes: see process_tests).

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
fn what_is_valid_is_served_while_another_renews_it() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    let Attempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 1);
}

#[test]
fn waits_for_another_no_longer_than_its_deadline() {
    let scene = Scene::with_entry();
    scene.pass(LIFE);
    scene.deadline.set(Instant::now() + Duration::from_millis(50));
    let Attempt::Held(_lock) = Lock::try_take(&scene.lock_path()) else {
        panic!("the lock is free")
    };
    let error = scene.get().unwrap_err();
    assert!(error.cause().contains("another ecr-auth process"), "{error}");
    assert_eq!(scene.fetches.get(), 1);
}

#[test]
fn a_lock_removed_while_one_waits_is_taken_anew() {
    let scene = Scene::with_entry();
    let path = scene.lock_path();
    let Attempt::Held(lock) = Lock::try_take(&path) else {
        panic!("the lock is free")
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || Lock::take(&path, deadline)
    });
    lock.remove();
    let Attempt::Held(_lock) = waiting.join().unwrap() else {
        panic!("the lock was freed")
    };
    assert!(path.exists());
    assert!(matches!(Lock::try_take(&path), Attempt::Busy));
}

#[test]
fn a_lock_whose_file_is_gone_does_not_count() {
    let scene = Scene::with_entry();
    let old = fs::File::open(scene.lock_path()).unwrap();
    assert!(guard::is_at(&old, &scene.lock_path()));
    fs::remove_file(scene.lock_path()).unwrap();
    assert!(!guard::is_at(&old, &scene.lock_path()));
    fs::write(scene.lock_path(), "").unwrap();
    assert!(!guard::is_at(&old, &scene.lock_path()));
}

// Promise 4: a disturbed cache never makes a get fail.

#[test]
fn creates_a_folder_and_files_that_only_we_can_read() {
    let scene = Scene::with_entry();
    assert_eq!(mode(&scene.folder()), 0o700);
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
fn an_empty_folder_for_an_entry_is_put_away() {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    fs::create_dir(scene.entry_path()).unwrap();
    scene.fetches_anew();
    scene.is_mended();
}

/// Where nothing can be kept, the others don't queue up to fetch one by one.
#[test]
fn a_folder_for_an_entry_means_fetching_without_a_cache_and_without_a_lock() {
    let scene = Scene::with_entry();
    fs::remove_file(scene.entry_path()).unwrap();
    fs::create_dir_all(scene.entry_path().join("below")).unwrap();
    let lock = scene.lock_path();
    *scene.during_fetch.borrow_mut() = Box::new(move || assert!(matches!(Lock::try_take(&lock), Attempt::Held(_))));
    scene.fetches_anew();
    scene.fetches_anew();
    assert_eq!(scene.files().iter().filter(|name| name.starts_with(".new-")).count(), 0);
}

#[test]
fn the_lock_is_held_while_fetching() {
    let scene = Scene::new();
    let lock = scene.lock_path();
    *scene.during_fetch.borrow_mut() = Box::new(move || assert!(matches!(Lock::try_take(&lock), Attempt::Busy)));
    assert_eq!(scene.get().unwrap(), "password 1");
    scene.pass(LIFE / 2);
    assert_eq!(scene.get().unwrap(), "password 2");
}

#[test]
fn a_folder_for_a_lock_means_fetching_without_a_lock() {
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

#[test]
fn a_file_for_a_folder_is_no_folder() {
    let scene = Scene::new();
    fs::create_dir(scene.home.path().join("cache")).unwrap();
    fs::write(scene.folder(), "").unwrap();
    set_mode(&scene.folder(), 0o600);
    scene.fetches_anew();
    scene.fetches_anew();
    assert!(scene.folder().is_file());
}

#[test]
fn without_a_folder_all_is_fetched() {
    let cache = Cache::open(None);
    let key = key();
    let (name, started) = (HOST, UNIX_EPOCH);
    let request = Request {
        key: &key,
        name,
        started,
        deadline: Instant::now() + HOUR,
    };
    let fetches = Cell::new(0);
    let mut fetch = |budget| {
        assert!(budget > HOUR / 2);
        fetches.set(fetches.get() + 1);
        Ok(Fetched {
            secret: Secret::new("password"),
            expires_at: UNIX_EPOCH + LIFE,
        })
    };
    for _ in 0..2 {
        assert_eq!(
            cache.get(&request, &|| UNIX_EPOCH, &mut fetch).unwrap(),
            Secret::new("password")
        );
    }
    assert_eq!(fetches.get(), 2);
    assert_eq!(cache.warm(&key, HOST, UNIX_EPOCH), None);
    assert_eq!(cache.entries(UNIX_EPOCH), []);
    cache.remove(&key);
    cache.clear();
}

// Names, removing, pruning.

#[test]
fn every_name_it_was_handed_out_under_is_listed() {
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
fn a_name_known_is_not_written_again() {
    let scene = Scene::with_entry();
    let before = fs::metadata(scene.entry_path()).unwrap().ino();
    assert!(scene.warm().is_some());
    scene.get().unwrap();
    assert_eq!(fs::metadata(scene.entry_path()).unwrap().ino(), before);
    scene.get_as("second").unwrap();
    assert_ne!(fs::metadata(scene.entry_path()).unwrap().ino(), before);
}

#[test]
fn removing_leaves_nothing_of_that_key_alone() {
    let scene = Scene::with_entry();
    scene.get_key(&other_key(1), HOST).unwrap();
    scene.cache().remove(&key());
    assert!(!scene.entry_path().exists() && !scene.lock_path().exists());
    assert_eq!(scene.cache().entries(scene.now.get()).len(), 1);
    scene.fetches_anew();
}

#[test]
fn removing_does_not_wait_for_ever_and_creates_nothing() {
    let scene = Scene::with_entry();
    let Attempt::Held(lock) = Lock::try_take(&scene.lock_path()) else {
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
fn clearing_leaves_only_what_is_not_ours() {
    let scene = Scene::with_entry();
    scene.get_key(&other_key(1), HOST).unwrap();
    fs::write(scene.folder().join("notes.json"), "").unwrap();
    scene.cache().clear();
    assert_eq!(scene.files(), [".pruned", "notes.json"]);
}

#[test]
fn what_is_spent_is_pruned_once_an_hour() {
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
fn pruning_leaves_what_another_is_working_on_and_what_is_not_ours() {
    let scene = Scene::with_entry();
    let foreign = scene.folder().join("notes.json");
    fs::write(&foreign, "").unwrap();
    let Attempt::Held(lock) = Lock::try_take(&scene.lock_path()) else {
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
    let [old, young] = [path(".new-old"), path(".new-young")];
    let corrupt = path(&format!("{}.json", other_key(1)));
    for path in [&old, &young, &corrupt] {
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
    scene.get().unwrap();
    assert!(!old.exists() && !corrupt.exists());
    assert!(young.exists());
}

#[test]
fn pruning_is_not_put_off_by_a_clock_that_was_ahead() {
    let scene = Scene::new();
    scene.pass(1000 * HOUR);
    scene.get_key(&other_key(1), HOST).unwrap();
    scene.now.set(scene.now.get() - 1000 * HOUR);
    scene.get().unwrap();
    assert!(!scene.folder().join(format!("{}.json", other_key(1))).exists());
}

// Where it lies.

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
