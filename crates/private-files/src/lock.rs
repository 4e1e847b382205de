//! Locks on files of our own: the operating system's, which the kernel releases when their holder dies, however it dies.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::own_file::open_own;
use super::platform::is_at;

/// The waiting thread does nothing but one system call.
const WAITER_STACK_BYTES: usize = 64 * 1024;

/// How often a lock is taken anew because its file was removed meanwhile. More often than that, the file system doesn't tell the
/// same file from another (its inode numbers change), and has no locks to rely on.
const TRIES: usize = 100;

/// A lock that is held; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// What came of asking for a lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours.
    Held(Lock),
    /// Another process has it (and has had it up to the deadline).
    Busy,
    /// There are no locks here: a read-only folder, a full disk, a file system without them.
    Unavailable,
}

impl LockAttempt {
    /// The lock, if it is ours.
    pub fn held(self) -> Option<Lock> {
        match self {
            Self::Held(lock) => Some(lock),
            Self::Busy | Self::Unavailable => None,
        }
    }
}

impl Lock {
    /// Takes the lock at `path` if it is free.
    pub fn try_take(path: &Path) -> LockAttempt {
        Self::take_with(path, |file| Ok(try_lock(&file)?.then_some(file)))
    }

    /// Takes the lock at `path`, waiting for it until `deadline`.
    pub fn take(path: &Path, deadline: Instant) -> LockAttempt {
        Self::take_with(path, |file| wait(file, deadline))
    }

    /// Removes the lock's file. Whoever waits on it finds that it is no longer the one at its path, and starts over.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }

    /// A lock counts only while its file is the one at its path: another process may have removed it, holding the lock,
    /// between our opening and our locking it, and a third may hold the lock on a new file by now.
    fn take_with(path: &Path, lock: impl Fn(File) -> io::Result<Option<File>>) -> LockAttempt {
        for _ in 0..TRIES {
            match open_own(path).and_then(&lock) {
                Ok(Some(file)) if is_at(&file, path) => {
                    let path = path.to_owned();
                    return LockAttempt::Held(Self { file, path });
                }
                Ok(Some(_)) => {}
                Ok(None) => return LockAttempt::Busy,
                Err(_) => return LockAttempt::Unavailable,
            }
        }
        LockAttempt::Unavailable
    }
}

/// False if another has it.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Locks the file, unless the deadline comes first. No system has a file lock with a deadline, so a thread waits for it. (To
/// ask again and again instead keeps two cores busy when hundreds wait, and lets the late ones in first.) If the deadline
/// comes, the thread is left to itself; should it ever get the lock, it finds nobody to hand it to and lets go.
fn wait(file: File, deadline: Instant) -> io::Result<Option<File>> {
    if try_lock(&file)? {
        return Ok(Some(file));
    }
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().stack_size(WAITER_STACK_BYTES).spawn(move || {
        let _ = sender.send(file.lock().map(|()| file));
    })?;
    let left = deadline.saturating_duration_since(Instant::now());
    receiver.recv_timeout(left).ok().transpose()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_lock_on_a_file_that_was_removed_meanwhile_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let raced = Cell::new(false);
        let attempt = Lock::take_with(&path, |file| {
            if !raced.replace(true) {
                // The holder before removed its file, and another process has locked a new one since.
                fs::remove_file(&path)?;
                open_own(&path)?;
            }
            Ok(Some(file))
        });
        let lock = attempt.held().unwrap();
        assert!(is_at(&lock.file, &path));
    }
}
