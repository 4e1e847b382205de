//! The cache used by many real processes at once. This test binary runs itself as the children. The children ask the
//! cache for a secret, and ask the test over a loopback connection for what they "fetch".

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use super::{NO_FORK, no_fork};
use crate::{Cache, CacheKey, CachedSecret, FetchedSecret, SecretRequest};
use context::Progress;
use diagnostics::{Code, Error};
use secret::Secret;

const ADDRESS: &str = "ECR_AUTH_TEST_CACHE_ADDRESS";
const FOLDER: &str = "ECR_AUTH_TEST_CACHE_FOLDER";
const KEY: &str = "ECR_AUTH_TEST_CACHE_KEY";
const CHILD: &str = "tests::processes::child";

/// Long enough for a busy machine. No test waits for all of it.
const PATIENCE: Duration = Duration::from_secs(120);
const LIFE: Duration = Duration::from_secs(12 * 3600);
const NOBODY: u32 = 65534;

/// The code of the children: says `asking`, asks the cache, says `fetching` when it has to fetch, and reports its
/// result. Without the variables it does nothing.
#[test]
fn child() {
    let Ok(address) = env::var(ADDRESS) else { return };
    let started = SystemTime::now();
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    let key = key(env::var(KEY).unwrap().parse().unwrap());
    let mut test = TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();
    say(&mut test, "asking");
    let mut answers = BufReader::new(test.try_clone().unwrap()).lines();
    let deadline = Instant::now() + PATIENCE;
    let request = SecretRequest {
        key: &key,
        name: "host",
        started,
        settings: "",
        deadline,
        progress: &Progress::default(),
    };
    let result = Cache::open(Some(folder)).get(&request, &SystemTime::now, &mut |_| {
        say(&mut test, "fetching");
        let answer = answers.next().unwrap().unwrap();
        match answer.strip_prefix("secret ") {
            Some(secret) => Ok(fetched(secret)),
            None => Err(denial()),
        }
    });
    say(&mut test, &format!("got {}", told(&result)));
}

fn say(stream: &mut TcpStream, line: &str) {
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Formats a result in one line, with everything that a user would see.
fn told(result: &Result<CachedSecret, Error>) -> String {
    match result {
        Ok(held) => held.secret.expose().to_owned(),
        Err(error) => format!(
            "{} {error} ({})",
            error.exit().code(),
            error.hint_text().unwrap_or("no hint")
        ),
    }
}

fn key(number: usize) -> CacheKey {
    CacheKey::builder().field("number", number.to_string()).build()
}

fn denial() -> Error {
    Error::failed(Code::TokenDenied, "cannot get a token", "denied").hint("ask for the right")
}

fn fetched(secret: &str) -> FetchedSecret {
    FetchedSecret {
        secret: Secret::new(secret),
        expires_at: SystemTime::now() + LIFE,
        renew_at: None,
        name: None,
    }
}

enum Said {
    Asking,
    Fetching(TcpStream),
    Got(String),
}

/// The test's side: starts children, reads their messages, and answers when the test wants.
struct Stage {
    home: TempDir,
    address: SocketAddr,
    heard: Receiver<Said>,
    children: Vec<Child>,
    asking: usize,
    fetches: usize,
    /// Children that fetch and have no answer yet.
    fetching: Vec<TcpStream>,
    results: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || listen(stream.unwrap(), &sender));
            }
        });
        let home = TempDir::new().unwrap();
        // For the children of another user.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            home,
            address,
            heard,
            children: Vec::new(),
            asking: 0,
            fetches: 0,
            fetching: Vec::new(),
            results: Vec::new(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    fn cache(&self) -> Cache {
        Cache::open(Some(self.folder()))
    }

    /// Puts an entry into the cache that was fetched this long ago.
    fn cached(&self, secret: &str, age: Duration) {
        let _no_fork = no_fork();
        let then = SystemTime::now() - age;
        let (key, deadline) = (key(0), Instant::now() + PATIENCE);
        let request = SecretRequest {
            key: &key,
            name: "host",
            started: then,
            settings: "",
            deadline,
            progress: &Progress::default(),
        };
        let expires_at = then + LIFE;
        let mut fetch = |_| {
            Ok(FetchedSecret {
                expires_at,
                ..fetched(secret)
            })
        };
        self.cache().get(&request, &|| then, &mut fetch).unwrap();
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let vars = [(ADDRESS, self.address.to_string()), (KEY, "0".to_owned())];
        command
            .envs(vars)
            .env(FOLDER, self.folder())
            .current_dir("/")
            .stdout(Stdio::null());
        command
    }

    fn start(&mut self, command: &mut Command) {
        let _fork = NO_FORK.write().unwrap_or_else(PoisonError::into_inner);
        self.children.push(command.spawn().unwrap());
    }

    fn start_child(&mut self, key: usize) {
        let mut command = self.command(env::current_exe().unwrap());
        self.start(
            command
                .args(["--exact", CHILD, "--nocapture"])
                .env(KEY, key.to_string()),
        );
    }

    /// Starts three children at once in their own mount namespace, after `preparation` (a shell script, in which
    /// `$CACHE` is the folder).
    fn start_three_after(&mut self, preparation: &str) {
        let script = format!("set -e; CACHE=${FOLDER}; {preparation}; for i in 1 2 3; do \"$0\" \"$@\" & done; wait");
        let mut command = self.command("unshare");
        command
            .args(["--mount", "sh", "-c", &script])
            .arg(env::current_exe().unwrap());
        self.start(command.args(["--exact", CHILD, "--nocapture"]));
    }

    /// Starts a child as another user, who may not be able to reach this binary's folder.
    fn start_child_as(&mut self, uid: u32) {
        let binary = File::open(env::current_exe().unwrap()).unwrap();
        let mut command = self.command(format!("/proc/self/fd/{}", binary.as_raw_fd()));
        self.start(command.args(["--exact", CHILD, "--nocapture"]).uid(uid).gid(uid));
    }

    /// Reads messages until the condition holds. More fetches than allowed fail at once.
    #[track_caller]
    fn until(&mut self, fetches: usize, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            match self.heard.recv_timeout(PATIENCE).expect("the children say something") {
                Said::Asking => self.asking += 1,
                Said::Fetching(stream) => {
                    self.fetches += 1;
                    self.fetching.push(stream);
                }
                Said::Got(result) => self.results.push(result),
            }
            assert!(self.fetches <= fetches, "{} fetch where {fetches} should", self.fetches);
        }
    }

    /// Reads messages until this many children ask and this many fetch.
    #[track_caller]
    fn until_asking(&mut self, asking: usize, fetches: usize) {
        self.until(fetches, |stage| stage.asking == asking && stage.fetches == fetches);
    }

    fn answer(&mut self, answer: &str) {
        for mut stream in self.fetching.drain(..) {
            say(&mut stream, answer);
        }
    }

    /// Reads messages to the end: this many children must get exactly this result.
    #[track_caller]
    fn all_got(&mut self, count: usize, expected: &str) {
        let fetches = self.fetches;
        self.until(fetches, |stage| stage.results.len() == count);
        for result in &self.results {
            assert_eq!(result, expected);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            if thread::panicking() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }
}

fn listen(stream: TcpStream, sender: &Sender<Said>) {
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let said = match line.unwrap_or_default().as_str() {
            "asking" => Said::Asking,
            "fetching" => Said::Fetching(stream.try_clone().unwrap()),
            other => match other.strip_prefix("got ") {
                Some(result) => Said::Got(result.to_owned()),
                None => return,
            },
        };
        if sender.send(said).is_err() {
            return;
        }
    }
}

#[test]
fn one_of_fifty_concurrent_processes_fetches() {
    let mut stage = Stage::new();
    for _ in 0..50 {
        stage.start_child(0);
    }
    stage.until_asking(50, 1);
    stage.answer("secret password");
    stage.all_got(50, "password");
}

#[test]
fn three_hundred_processes_share_one_denial() {
    let mut stage = Stage::new();
    for _ in 0..300 {
        stage.start_child(0);
    }
    stage.until_asking(300, 1);
    stage.answer("denied");
    stage.all_got(300, "1 cannot get a token: denied [EA0601] (ask for the right)");
}

#[test]
fn two_hundred_different_keys_are_fetched_side_by_side_and_all_kept() {
    let mut stage = Stage::new();
    for key in 0..200 {
        stage.start_child(key);
    }
    stage.until_asking(200, 200);
    stage.answer("secret password");
    stage.all_got(200, "password");
    for number in 0..200 {
        assert!(
            stage.cache().warm(&key(number), "host", SystemTime::now()).is_some(),
            "{number}"
        );
    }
    assert_eq!(stage.cache().entries(SystemTime::now()).len(), 200);
}

#[test]
fn if_the_fetching_process_is_killed_the_next_one_fetches() {
    let mut stage = Stage::new();
    stage.start_child(0);
    stage.until_asking(1, 1);
    for _ in 0..3 {
        stage.start_child(0);
    }
    stage.until_asking(4, 1);
    stage.children[0].kill().unwrap();
    stage.fetching.clear();
    stage.until_asking(4, 2);
    stage.answer("secret password");
    stage.all_got(3, "password");
}

#[test]
fn others_are_served_during_a_renewal_even_if_it_is_killed() {
    let mut stage = Stage::new();
    stage.cached("old", LIFE / 2);
    stage.start_child(0);
    stage.until_asking(1, 1);
    for _ in 0..3 {
        stage.start_child(0);
    }
    stage.all_got(3, "old");
    stage.children[0].kill().unwrap();
    stage.children[0].wait().unwrap();
    stage.fetching.clear();
    stage.results.clear();
    stage.start_child(0);
    stage.until_asking(5, 2);
    stage.answer("denied");
    stage.all_got(1, "old");
}

const READ_ONLY: &str = "mount --bind \"$CACHE\" \"$CACHE\"; mount -o remount,bind,ro \"$CACHE\"";

#[test]
fn a_read_only_cache_is_read() {
    let mut stage = Stage::new();
    stage.cached("old", LIFE / 3);
    stage.start_three_after(READ_ONLY);
    stage.all_got(3, "old");
}

#[test]
fn in_a_read_only_folder_every_process_renews_and_falls_back() {
    let mut stage = Stage::new();
    stage.cached("old", LIFE / 2);
    stage.start_three_after(READ_ONLY);
    stage.until_asking(3, 3);
    stage.answer("denied");
    stage.all_got(3, "old");
}

#[test]
fn in_a_read_only_folder_every_process_fetches() {
    let mut stage = Stage::new();
    stage.cached("old", LIFE);
    stage.start_three_after(READ_ONLY);
    stage.until_asking(3, 3);
    stage.answer("secret password");
    stage.all_got(3, "password");
}

/// A full disk can still store an empty file, such as a lock. No process may wait for a secret that cannot be cached.
#[test]
fn on_a_full_disk_every_process_fetches() {
    let mut stage = Stage::new();
    fs::create_dir(stage.folder()).unwrap();
    let full = "mount -t tmpfs -o size=64k,mode=0700 none \"$CACHE\"; head -c 1M /dev/zero >\"$CACHE/.new-x\" 2>/dev/null || true";
    stage.start_three_after(full);
    stage.until_asking(3, 3);
    stage.answer("secret password");
    stage.all_got(3, "password");
}

#[test]
fn without_write_permission_every_process_fetches() {
    let mut stage = Stage::new();
    fs::create_dir(stage.folder()).unwrap();
    fs::set_permissions(stage.folder(), fs::Permissions::from_mode(0o500)).unwrap();
    chown(stage.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    for _ in 0..3 {
        stage.start_child_as(NOBODY);
    }
    stage.until_asking(3, 3);
    stage.answer("secret password");
    stage.all_got(3, "password");
    assert_eq!(fs::read_dir(stage.folder()).unwrap().count(), 0);
}

#[test]
fn without_a_cache_folder_every_process_fetches() {
    let mut stage = Stage::new();
    for _ in 0..3 {
        stage.start_child_as(NOBODY);
    }
    stage.until_asking(3, 3);
    stage.answer("secret password");
    stage.all_got(3, "password");
    assert!(!stage.folder().exists());
}
