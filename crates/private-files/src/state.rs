//! ecr-auth's folder in the user's state folder: notes, and locks that no other user can hold.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::lock::{Lock, LockAttempt};
use super::own_file::{close_folder, is_private_folder, read_own};
use super::platform::is_own_or_roots;
use super::read::CONFIGURATION_LIMIT;
use super::work_folder::WorkFolder;
use zeroize::Zeroizing;

use context::Env;

/// The most tries to take a lock in a folder that is removed meanwhile.
const TRIES: usize = 50;

/// ecr-auth's folder in the user's state folder, and how long to wait for its locks.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
    deadline: Instant,
}

impl StateFolder {
    /// Returns the folder that the environment names, or `None` without a home. Its locks are waited for as long as the command may take.
    pub fn from_env(env: &Env) -> Option<Self> {
        Some(Self {
            path: env.state_folder()?,
            deadline: env.deadline(),
        })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder, if it exists and belongs to this user.
    pub(super) fn open(&self) -> io::Result<WorkFolder> {
        let folder = WorkFolder::open_unled(&self.path)?;
        let is_ours = folder.run(|at| Ok(is_own_or_roots(&fs::metadata(at)?)))?;
        is_ours.then_some(folder).ok_or_else(belongs_to_another)
    }

    /// Makes the folder if it is missing, and closes it to others.
    pub(super) fn make(&self) -> io::Result<WorkFolder> {
        let folder = WorkFolder::make_unled(&self.path)?;
        match folder.run(close_folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(belongs_to_another()),
            closed => closed.map(|()| folder),
        }
    }

    /// Reads a file of secrets in a sub-folder, which belongs to the user of the folder `beside`. `None` if there is none.
    ///
    /// # Errors
    /// The system's error. It has the kind `PermissionDenied` if another user could have written the file, or the folders belong to two users.
    pub fn read_private(&self, folder: &str, name: &str, beside: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let found = self
            .open()
            .and_then(|_| WorkFolder::open_unled(&self.path.join(folder)));
        let found = found.and_then(|folder| {
            same_user(&folder, beside)?;
            folder.run(|at| match is_private_folder(at)? {
                true => read_own(&at.join(name), CONFIGURATION_LIMIT),
                false => Err(belongs_to_another()),
            })
        });
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a sub-folder for secrets of the user of the folder `beside`, and closes it to others.
    ///
    /// # Errors
    /// The system's error. It has the kind `PermissionDenied` if it is another user's, or the folders belong to two users.
    pub fn make_private(&self, folder: &str, beside: &Path) -> io::Result<()> {
        self.make()?;
        let made = WorkFolder::make_unled(&self.path.join(folder))?;
        same_user(&made, beside)?;
        made.run(close_folder)
    }

    /// Takes a lock in the folder. `None` if locks do not work here (a read-only folder, a full disk, a file system without them).
    ///
    /// # Errors
    /// An error of kind `TimedOut` if another process holds the lock up to the deadline.
    pub(super) fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        for _ in 0..TRIES {
            let folder = match self.make() {
                Ok(folder) => folder,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(_) => return Ok(None),
            };
            match folder.run(|at| Ok(Lock::take(&at.join(name), self.deadline)))? {
                LockAttempt::Held(lock) => return Ok(Some(lock)),
                // Another process may just have removed the folder.
                LockAttempt::Unavailable => {}
                LockAttempt::Busy => {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        format!(
                            "another ecr-auth process holds {}, and the time for waiting is over",
                            self.path.join(name).display()
                        ),
                    ));
                }
            }
        }
        Ok(None)
    }

    /// Removes the folder if it holds only free locks. A process that waits for one of these locks, or is about to take one, finds that the file is
    /// no longer at its path, and makes a new one.
    ///
    /// # Errors
    /// The system's error. The folder then stays, or is already gone.
    pub fn remove_if_unused(&self) -> io::Result<()> {
        let (Some(around), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(());
        };
        let folder = self.open()?;
        folder.run(remove_locks)?;
        let around = WorkFolder::open_unled(around)?;
        match around.acts_for() == folder.acts_for() {
            true => around.run(|at| fs::remove_dir(at.join(name))),
            false => Err(belongs_to_another()),
        }
    }
}

/// Takes all locks before it removes their files, and then empty folders.
fn remove_locks(folder: &Path) -> io::Result<()> {
    let mut locks = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "lock") {
            let lock = Lock::try_take(&path).held();
            locks.push(lock.ok_or(ErrorKind::WouldBlock)?);
        } else {
            fs::remove_dir(path)?;
        }
    }
    locks.into_iter().for_each(Lock::remove);
    Ok(())
}

/// Uses a folder without an environment. Its locks are waited for as long as a command takes by default.
impl From<PathBuf> for StateFolder {
    fn from(path: PathBuf) -> Self {
        let deadline = Instant::now() + Duration::from_secs(15);
        Self { path, deadline }
    }
}

/// Refuses two folders of different users: one of the users could have made up what the other relies on.
fn same_user(folder: &WorkFolder, beside: &Path) -> io::Result<()> {
    match folder.acts_for() == WorkFolder::open(beside)?.acts_for() {
        true => Ok(()),
        false => Err(belongs_to_another()),
    }
}

fn belongs_to_another() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "its folder belongs to another user")
}
