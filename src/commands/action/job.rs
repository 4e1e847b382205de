//! The folder of this job. It is removed with the job, and other jobs do not use it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use private_files::WorkFolder;

/// The start of the folder's name. The rest is random.
const PREFIX: &str = "ecr-auth-";

/// A folder of this user alone, below `RUNNER_TEMP`, which the runner empties between jobs.
#[derive(Debug, Clone)]
pub struct JobFolder {
    folder: PathBuf,
    /// Whether this use of the action made it. A second use in the same job finds the first one's.
    pub is_new: bool,
}

impl JobFolder {
    /// Returns the folder that an earlier step of this job made, found by the cache in it, or a new one.
    ///
    /// # Errors
    /// `RUNNER_TEMP` is not set, the system's error, or a link or another user's folder in the place of the earlier step's folder, whose programs are on
    /// PATH.
    pub fn from_env(env: &Env) -> Result<Self> {
        let temporary = env.path(variables::RUNNER_TEMP).ok_or_else(|| {
            Error::failed(
                Code::RunnerFiles,
                "cannot make a folder for this job",
                "RUNNER_TEMP is not set",
            )
            .hint("this is not a step of GitHub Actions; elsewhere use ecr-auth setup, login or assume")
        })?;
        if let Some(folder) = earlier(&temporary, env) {
            own(&folder)
                .and_then(|()| private_files::close_folder(&folder))
                .map_err(|error| {
                    Error::failed(
                        Code::RunnerFiles,
                        format!("cannot use this job's folder {}", folder.display()),
                        error,
                    )
                    .hint("find out who else writes to the folders of this job: the runner may be compromised")
                })?;
            return Ok(Self { folder, is_new: false });
        }
        let folder = new_folder(&temporary, PREFIX).map_err(|error| {
            Error::failed(
                Code::RunnerFiles,
                format!("cannot make a folder for this job in {}", temporary.display()),
                error,
            )
        })?;
        Ok(Self { folder, is_new: true })
    }

    /// Returns the folder that the main step made, or `None` if it no longer exists.
    ///
    /// # Errors
    /// A link or another user's folder has taken its place.
    pub fn at(folder: &Path) -> io::Result<Option<Self>> {
        match own(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            checked => checked?,
        }
        Ok(Some(Self {
            folder: folder.to_owned(),
            is_new: false,
        }))
    }

    /// Returns the path of the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder of the token cache.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// Returns the folder of the helper's link.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Returns the folder of docker's configuration, if it is isolated.
    pub fn docker(&self) -> PathBuf {
        self.folder.join("docker")
    }

    /// Returns podman's file of logins, if docker's configuration is isolated.
    pub fn podman(&self) -> PathBuf {
        self.folder.join("podman").join("auth.json")
    }

    /// Returns the job's `setup.json`.
    pub fn setup(&self) -> PathBuf {
        self.folder.join("setup.json")
    }

    /// Returns the job's copy of AWS's `config` file.
    pub fn aws_config(&self) -> PathBuf {
        self.folder.join("aws-config")
    }

    /// Makes a folder whose existence marks this use of the action.
    ///
    /// # Errors
    /// The system's error.
    pub fn new_use(&self) -> Result<PathBuf> {
        new_folder(&self.folder, "use-").map_err(|error| {
            Error::failed(
                Code::RunnerFiles,
                format!("cannot write to {}", self.folder.display()),
                error,
            )
        })
    }
}

fn earlier(temporary: &Path, env: &Env) -> Option<PathBuf> {
    let cache = env.path(variables::ECR_AUTH_CACHE_DIR)?;
    let folder = cache.parent().filter(|folder| fs::symlink_metadata(folder).is_ok())?;
    let name = folder.file_name()?.to_str()?;
    let is_ours = cache.ends_with("cache") && folder.parent() == Some(temporary) && name.starts_with(PREFIX);
    is_ours.then(|| folder.to_owned())
}

/// Makes sure that a folder is our own, and no link leads to it.
fn own(folder: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(folder)?;
    match found.is_dir() && private_files::is_own(&found) {
        true => Ok(()),
        false => Err(io::Error::other("it is not the folder that the main step made")),
    }
}

fn new_folder(parent: &Path, prefix: &str) -> io::Result<PathBuf> {
    Ok(private_files::temporary_folder(prefix, parent)?.keep())
}

/// Copies a user's file for this job. It has mode 0600 from the start, because it may hold secrets. Returns whether there was a file.
///
/// # Errors
/// The file cannot be read or written.
pub fn copy_private(from: &Path, to: &Path) -> Result<bool> {
    let failed = |error| {
        Error::failed(
            Code::RunnerFiles,
            format!("cannot copy {} for this job", from.display()),
            error,
        )
    };
    let bytes = match private_files::read_as_owner(from, private_files::CONFIGURATION_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let bytes = zeroize::Zeroizing::new(bytes);
    let copy = || -> io::Result<()> {
        let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let name = to.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        WorkFolder::make(folder, 0o700)?.0.run(|at| {
            let mut file = private_files::temporary(PREFIX, at)?;
            private_files::close(file.path())?;
            io::Write::write_all(&mut file, &bytes)?;
            private_files::replace(file.into_temp_path(), &at.join(name))
        })
    };
    copy().map(|()| true).map_err(failed)
}
