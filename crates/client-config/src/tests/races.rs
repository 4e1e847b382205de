//! Concurrent processes: killed at any time, many at once, and beside a writer without a lock.
//!
//! Child processes run this test binary again, with [`child`] and its orders in the environment.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ClientUndoLog, ConfigFile, Kind, SetupRequest, restore};
use context::Env;

/// The variable with a child's orders: `once HOST` or `forever HOST`, and the folder.
const ORDERS: &str = "ECR_AUTH_TEST_CHILD";
const FOLDER: &str = "ECR_AUTH_TEST_FOLDER";

fn file(folder: &Path) -> ConfigFile {
    ConfigFile {
        kind: Kind::Docker,
        path: folder.join("config.json"),
    }
}

fn record(folder: &Path) -> ClientUndoLog {
    ClientUndoLog::new(folder.join("state"), "setup")
}

fn configure(folder: &Path, host: &str) {
    let wish = SetupRequest {
        hosts: &[host.to_owned()],
        all: false,
        detected_store: None,
    };
    let done = wish.configure(&file(folder), Some(&record(folder))).unwrap();
    assert!(done.not_recorded.is_none());
}

fn take_back(folder: &Path) {
    let record = record(folder);
    restore(
        &file(folder),
        &[],
        Some(&record),
        &record.load().unwrap(),
        &Env::default(),
    )
    .unwrap();
}

/// Not a test, but the code of a child process. Without orders it does nothing.
#[test]
fn child() {
    let (Ok(orders), Ok(folder)) = (std::env::var(ORDERS), std::env::var(FOLDER)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    match orders.split_once(' ').unwrap() {
        ("once", host) => configure(&folder, host),
        (_, host) => loop {
            configure(&folder, host);
            take_back(&folder);
            println!("round");
        },
    }
}

fn spawn(orders: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::races::child", "--nocapture", "--test-threads=1"])
        .env(ORDERS, orders)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn parsed(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
}

#[test]
fn a_kill_at_any_time_leaves_a_valid_file_with_all_old_entries() {
    let home = TempDir::new().unwrap();
    let old: serde_json::Map<String, Value> = (0..50).map(|n| (format!("host{n}"), json!({"auth": "eA=="}))).collect();
    let original = serde_json::to_string_pretty(&json!({"auths": old, "credHelpers": {"x": "ecr-login"}})).unwrap();
    fs::write(home.path().join("config.json"), &original).unwrap();
    for _ in 0..120 {
        let mut child = spawn("forever x", home.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("round")));
        // Any time will do: no assertion depends on how long this takes.
        thread::sleep(Duration::from_micros(RandomState::new().hash_one(0) % 8000));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = parsed(home.path());
        assert_eq!(now["auths"], json!(old));
        assert!(["ecr-login", "ecr-auth"].contains(&now["credHelpers"]["x"].as_str().unwrap()));
    }
    take_back(home.path());
    assert_eq!(fs::read_to_string(home.path().join("config.json")).unwrap(), original);
    configure(home.path(), "y");
    let names = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let leftovers: Vec<_> = names
        .filter(|name| name.to_string_lossy().contains("ecr-auth-"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn twenty_concurrent_writers_lose_nothing() {
    let home = TempDir::new().unwrap();
    let children: Vec<Child> = (0..20).map(|n| spawn(&format!("once host{n}"), home.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let now = parsed(home.path());
    assert_eq!(now["credHelpers"].as_object().unwrap().len(), 20);
    assert_eq!(
        record(home.path())
            .load()
            .unwrap()
            .files
            .values()
            .next()
            .unwrap()
            .cred_helpers
            .len(),
        20
    );
    take_back(home.path());
    assert!(!home.path().join("config.json").exists());
}

/// Saves a file like docker: read, modify, write a temporary file, rename, without a lock.
fn save_like_docker(folder: &Path, key: &str) {
    let mut config = parsed(folder);
    config["auths"][key] = json!({});
    let temporary = folder.join("config.json1234");
    fs::write(&temporary, serde_json::to_vec_pretty(&config).unwrap()).unwrap();
    fs::rename(temporary, folder.join("config.json")).unwrap();
}

#[test]
fn a_writer_without_a_lock_loses_nothing() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("config.json"), r#"{"auths":{}}"#).unwrap();
    let rounds = 200;
    let round = AtomicUsize::new(0);
    let saved = thread::scope(|scope| {
        // One save per round, at any time in the round.
        let docker = scope.spawn(|| {
            let mut saved = Vec::new();
            while round.load(Ordering::Acquire) < rounds {
                let key = format!("key{}", saved.len());
                save_like_docker(home.path(), &key);
                saved.push(key);
                let now = round.load(Ordering::Acquire);
                while round.load(Ordering::Acquire) == now && now < rounds {
                    thread::yield_now();
                }
            }
            saved
        });
        let ours = scope.spawn(|| {
            for n in 0..rounds {
                configure(home.path(), &format!("host{n}"));
                round.fetch_add(1, Ordering::Release);
            }
        });
        let ours = ours.join();
        round.store(rounds, Ordering::Release);
        ours.unwrap();
        docker.join().unwrap()
    });
    let now = parsed(home.path());
    let lost: Vec<_> = saved.iter().filter(|key| now["auths"].get(key).is_none()).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), saved.len());
}
