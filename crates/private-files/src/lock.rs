//! Locks on ecr-auth's own files, by the operating system. The kernel releases them when the process that holds them ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::own_file::open_own;
use super::platform::is_at;

/// The stack size of a waiting thread, which makes one system call.
const WAITER_STACK_BYTES: usize = 64 * 1024;

/// The most tries to take a lock whose file is removed meanwhile. After more, the file system does not identify files (its inode numbers change),
/// so its locks cannot be used.
const TRIES: usize = 100;

/// A held lock. Dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// The result of trying to take a lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// This process holds it.
    Held(Lock),
    /// Another process holds it (and has held it up to the deadline).
    Busy,
    /// Locks do not work here: a read-only folder, a full disk, a file system without them.
    Unavailable,
}

impl LockAttempt {
    /// Returns the lock, if this process holds it.
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

    /// Takes the lock at `path`. Waits for it until `deadline`.
    pub fn take(path: &Path, deadline: Instant) -> LockAttempt {
        Self::take_with(path, |file| wait(file, deadline))
    }

    /// Removes the lock's file. A process that waits for it then sees that the file is no longer at its path, and starts again.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }

    /// Takes a lock, which only counts while its file is the one at the path. Between opening and locking, another process may have removed the
    /// file under its own lock, and a third process may have locked a new file.
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

/// Tries to lock the file. Returns false if another process holds the lock.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Locks the file, unless the deadline comes first. No system has a file lock with a deadline, so a thread waits for it. (Polling would keep two
/// cores busy with hundreds of waiting processes, and be unfair.) After the deadline, the thread is left alone. If it gets the lock later, it
/// releases it.
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
                // The last holder removed its file, and another process has locked a new one since.
                fs::remove_file(&path)?;
                open_own(&path)?;
            }
            Ok(Some(file))
        });
        let lock = attempt.held().unwrap();
        assert!(is_at(&lock.file, &path));
    }
}
