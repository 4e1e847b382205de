//! Our own folder in the user's state folder: notes, and the locks that nobody else can hold.

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

/// How often a lock is looked for in a folder that goes away meanwhile.
const TRIES: usize = 50;

/// Our own folder in the user's state folder, and until when its locks are waited for.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
    deadline: Instant,
}

impl StateFolder {
    /// The folder that the environment names; `None` without a home. Its locks are waited for as long as the command may take.
    pub fn from_env(env: &Env) -> Option<Self> {
        Some(Self {
            path: env.state_folder()?,
            deadline: env.deadline(),
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, if it is there and ours.
    pub(super) fn open(&self) -> io::Result<WorkFolder> {
        let folder = WorkFolder::open_unled(&self.path)?;
        let is_ours = folder.run(|at| Ok(is_own_or_roots(&fs::metadata(at)?)))?;
        is_ours.then_some(folder).ok_or_else(belongs_to_another)
    }

    /// The folder, made where it is missing and closed to others.
    pub(super) fn make(&self) -> io::Result<WorkFolder> {
        let folder = WorkFolder::make_unled(&self.path)?;
        match folder.run(close_folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(belongs_to_another()),
            closed => closed.map(|()| folder),
        }
    }

    /// Reads a file of secrets in one of its folders, which belongs to the user of the folder `beside`. `None`: there is none.
    ///
    /// # Errors
    /// The system's; of kind `PermissionDenied` where another user could have written the file, or the folders are two users'.
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

    /// Makes one of its folders, for secrets of the user of the folder `beside`, and closes it to others.
    ///
    /// # Errors
    /// The system's; of kind `PermissionDenied` where it is another user's, or the folders are two users'.
    pub fn make_private(&self, folder: &str, beside: &Path) -> io::Result<()> {
        self.make()?;
        let made = WorkFolder::make_unled(&self.path.join(folder))?;
        same_user(&made, beside)?;
        made.run(close_folder)
    }

    /// Takes a lock in the folder. `None`: there are no locks here (a read-only folder, a full disk, a file system without them).
    ///
    /// # Errors
    /// Of kind `TimedOut`: another process has it, and has had it up to the deadline.
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

    /// Removes the folder if nothing is left in it but locks that nobody has. A process that waits for one of these locks, or is about to take one, finds
    /// that the file is no longer at its place, and makes it anew.
    ///
    /// # Errors
    /// The system's: then the folder stays, or is gone already.
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

/// Takes every lock there is before it removes the first one's file, and folders in which nothing is left.
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

/// For a folder without an environment: its locks are waited for as long as a command takes that is told nothing else.
impl From<PathBuf> for StateFolder {
    fn from(path: PathBuf) -> Self {
        let deadline = Instant::now() + Duration::from_secs(15);
        Self { path, deadline }
    }
}

/// What is kept of one user's must not be used for what is another's: one of the two has made it up.
fn same_user(folder: &WorkFolder, beside: &Path) -> io::Result<()> {
    match folder.acts_for() == WorkFolder::open(beside)?.acts_for() {
        true => Ok(()),
        false => Err(belongs_to_another()),
    }
}

fn belongs_to_another() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "its folder belongs to another user")
}
