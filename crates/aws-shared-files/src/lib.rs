//! AWS's shared files, `~/.aws/config` and `~/.aws/credentials`.
//!
//! [`SharedFiles`] reads both, as tolerantly as the AWS CLI. [`profile`] writes one profile whose `credential_process` is this program, and removes
//! it again.
//!
//! ```
//! use aws_shared_files::SharedFiles;
//! use context::{Env, variables};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("config");
//! std::fs::write(&path, "[profile ci]\nregion = eu-west-1\n").unwrap();
//! let env: Env = [(variables::AWS_CONFIG_FILE, path.to_str().unwrap())].into_iter().collect();
//! let files = SharedFiles::read(&env).unwrap();
//! assert_eq!(files.profile("ci").unwrap().get("region"), Some("eu-west-1"));
//! ```

mod header_line;
mod ini;
pub mod profile;
mod section;
mod shared_file;
mod shared_files;
mod text;
mod words;

pub use shared_file::SharedFile;
pub use shared_files::{Profile, SharedFiles};
