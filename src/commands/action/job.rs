//! The folder of this job: what is in it ends with the job, and no other job looks there.

use std::io;
use std::path::{Path, PathBuf};

use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use private_files::WorkFolder;

/// How the folder's name begins; the rest nobody can foretell.
const PREFIX: &str = "ecr-auth-";

/// A folder of the user's alone, below `RUNNER_TEMP`, which the runner empties between jobs.
#[derive(Debug, Clone)]
pub struct JobFolder {
    folder: PathBuf,
    /// Whether this use of the action made it: a second one in the same job takes the first one's.
    pub is_new: bool,
}

impl JobFolder {
    /// The folder that an earlier step of this job made, known by the cache in it, or a new one.
    ///
    /// # Errors
    /// No `RUNNER_TEMP`, or the system's.
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

    /// The folder that the main step made.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            is_new: false,
        }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The token cache.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// The helper's link.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Docker's configuration, where it is isolated.
    pub fn docker(&self) -> PathBuf {
        self.folder.join("docker")
    }

    /// Podman's logins, where docker's configuration is isolated.
    pub fn podman(&self) -> PathBuf {
        self.folder.join("podman/auth.json")
    }

    /// The rules of this job.
    pub fn setup(&self) -> PathBuf {
        self.folder.join("setup.json")
    }

    /// AWS's `config` file.
    pub fn aws_config(&self) -> PathBuf {
        self.folder.join("aws-config")
    }

    /// A folder that stands for this use of the action, for as long as it is there.
    ///
    /// # Errors
    /// The system's.
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
    let folder = cache.parent().filter(|folder| folder.is_dir())?;
    let name = folder.file_name()?.to_str()?;
    let is_ours = cache.ends_with("cache") && folder.parent() == Some(temporary) && name.starts_with(PREFIX);
    is_ours.then(|| folder.to_owned())
}

fn new_folder(parent: &Path, prefix: &str) -> io::Result<PathBuf> {
    Ok(private_files::temporary_folder(prefix, parent)?.keep())
}

/// Copies a file of the user's for this job: mode 0600 from its first byte, as it may hold secrets. Says whether there was one.
///
/// # Errors
/// It can't be read or written.
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
