//! Our own folder in the user's state folder: notes, and the locks that nobody else can hold.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::lock::{Lock, LockAttempt};
use super::own_file::{close_folder, is_own_or_roots};
use super::work_folder::WorkFolder;
use context::Env;

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
        let folder = WorkFolder::open(&self.path)?;
        let is_ours = folder.run(|at| Ok(is_own_or_roots(&fs::metadata(at)?)))?;
        is_ours.then_some(folder).ok_or_else(belongs_to_another)
    }

    /// The folder, made where it is missing and closed to others.
    pub(super) fn make(&self) -> io::Result<WorkFolder> {
        let (folder, _) = WorkFolder::make(&self.path, 0o700)?;
        match folder.run(close_folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(belongs_to_another()),
            closed => closed.map(|()| folder),
        }
    }

    /// Takes a lock in the folder. `None`: there are no locks here (a read-only folder, a full disk, a file system without them).
    ///
    /// # Errors
    /// Of kind `TimedOut`: another process has it, and has had it up to the deadline.
    pub(super) fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let Ok(folder) = self.make() else {
            return Ok(None);
        };
        let attempt = folder.run(|at| Ok(Lock::take(&at.join(name), self.deadline)))?;
        match attempt {
            LockAttempt::Held(lock) => Ok(Some(lock)),
            LockAttempt::Unavailable => Ok(None),
            LockAttempt::Busy => Err(io::Error::new(
                ErrorKind::TimedOut,
                format!(
                    "another ecr-auth process holds {}, and the time for waiting is over",
                    self.path.join(name).display()
                ),
            )),
        }
    }
}

/// For a folder without an environment: its locks are waited for as long as a command takes that is told nothing else.
impl From<PathBuf> for StateFolder {
    fn from(path: PathBuf) -> Self {
        let deadline = Instant::now() + Duration::from_secs(15);
        Self { path, deadline }
    }
}

fn belongs_to_another() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "its folder belongs to another user")
}
