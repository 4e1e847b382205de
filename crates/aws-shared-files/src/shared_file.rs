//! The two files.

use context::variables;

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedFile {
    /// `~/.aws/credentials`, or what `AWS_SHARED_CREDENTIALS_FILE` names.
    Credentials,
    /// `~/.aws/config`, or what `AWS_CONFIG_FILE` names.
    Config,
}

impl SharedFile {
    /// The variable that names the file.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Credentials => variables::AWS_SHARED_CREDENTIALS_FILE,
            Self::Config => variables::AWS_CONFIG_FILE,
        }
    }

    /// Its name in `~/.aws`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Config => "config",
        }
    }
}
