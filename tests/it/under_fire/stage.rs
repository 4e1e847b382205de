//! A home in which commands run as an ordinary user and with limited memory, on its own file system, which can be full or read-only. Needs root to
//! become another user.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use sha2::{Digest, Sha256};

use crate::harness::{Machine, Outcome, binary};
use crate::lab_machine::PATIENCE;

/// The user who runs the commands, and another user.
pub const USER: u32 = 12345;
pub const FOREIGNER: u32 = 23456;

/// The memory limit of a command, including address space: 512 MiB.
const MEMORY: &str = "--as=536870912";

/// The home's own file system is in memory, because writing everything to a disk would take most of the time.
const DISK: &str = "mode=755,uid=12345,gid=12345,size=";

/// Larger files are only compared by their length.
const READ_WHOLE: u64 = 32 << 20;

pub struct Stage {
    machine: Machine,
    /// Holds the mount namespace, and ends with its stdin.
    holder: Child,
}

/// What is at a path: its kind, mode, owner and contents.
pub type Tree = BTreeMap<PathBuf, (String, u32, u32, u64, Vec<u8>)>;

impl Stage {
    /// `disk` is the size of the home's file system, for mount.
    pub fn new(machine: Machine, disk: &str) -> Self {
        fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
        let mount = format!(
            "mount -t tmpfs -o {DISK}{disk} tmpfs '{}' && echo mounted && exec cat",
            machine.home().display()
        );
        let args = ["--mount", "--propagation", "private", "sh", "-c", &mount];
        let mut command = machine.command(Path::new("/usr/bin/unshare"), &args);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let answer = BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line);
        assert_eq!((answer.unwrap(), line.as_str()), (8, "mounted\n"));
        Self { machine, holder }
    }

    /// Returns a path below the home, as this process finds it.
    pub fn seen(&self, below: &str) -> PathBuf {
        let path = self.machine.home().join(below);
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), path.display()))
    }

    pub fn home(&self) -> PathBuf {
        self.machine.home()
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.machine.set(name, value);
    }

    /// Writes a file of the user's.
    pub fn write(&self, below: &str, content: &[u8]) {
        let path = self.seen(below);
        self.make_folder(path.parent().unwrap());
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(USER), Some(USER)).unwrap();
    }

    fn make_folder(&self, folder: &Path) {
        if !folder.exists() {
            self.make_folder(folder.parent().unwrap());
            fs::create_dir(folder).unwrap();
            fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
            chown(folder, Some(USER), Some(USER)).unwrap();
        }
    }

    /// Makes the home's file system read-only.
    pub fn make_read_only(&self) {
        let home = self.home().display().to_string();
        let outcome = self.inside(&["mount", "-o", "remount,ro", &home], "");
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }

    /// Fills the home's file system completely.
    pub fn fill_disk(&self) {
        let mut file = File::create(self.seen("filled")).unwrap();
        let mut block = 1 << 16;
        while block > 0 {
            if file.write(&vec![0; block]).is_err() {
                block /= 2;
            }
        }
    }

    /// Runs the binary as the user. A process that still runs after [`PATIENCE`] is killed, which is a failure.
    pub fn run(&self, args: &[&str], stdin: &str) -> Outcome {
        let copy = self.machine.path("ecr-auth");
        if !copy.exists() {
            // If the tests' own folder is closed to others, they cannot run its programs.
            fs::hard_link(binary(), &copy)
                .or_else(|_| fs::copy(binary(), &copy).map(drop))
                .unwrap();
        }
        let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
        let become_user = ["prlimit", MEMORY, "setpriv", &user, &group, "--clear-groups"];
        self.inside(&[&become_user[..], &[copy.to_str().unwrap()], args].concat(), stdin)
    }

    fn inside(&self, args: &[&str], stdin: &str) -> Outcome {
        let namespace = format!("--mount=/proc/{}/ns/mnt", self.holder.id());
        let enter = ["nsenter", &namespace, "--"];
        let args = [&enter[..], args].concat();
        let command = self.machine.command(Path::new("/usr/bin/env"), &args);
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(stdin)
            .timeout(PATIENCE)
            .output()
            .unwrap();
        Outcome::of(&output)
    }

    /// Returns everything below the home.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        let home = self.seen("");
        add(&home, &home, &mut tree);
        tree
    }
}

fn add(home: &Path, path: &Path, tree: &mut Tree) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let kind = metadata.file_type();
    let held = match () {
        () if kind.is_symlink() => fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(),
        () if kind.is_file() && metadata.len() <= READ_WHOLE => Sha256::digest(fs::read(path).unwrap()).to_vec(),
        () => Vec::new(),
    };
    let below = path.strip_prefix(home).unwrap().to_owned();
    let size = if kind.is_file() { metadata.len() } else { 0 };
    tree.insert(
        below,
        (format!("{kind:?}"), metadata.mode(), metadata.uid(), size, held),
    );
    if kind.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add(home, &entry.unwrap().path(), tree);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
