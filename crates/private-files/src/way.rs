//! What can be asked of the way to a folder, and where a way ends.

use std::ffi::OsString;
use std::path::PathBuf;

/// Whether a stranger may lead: any user but root and this process's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// Where root takes the stranger's rights.
    Root,
    /// Nobody.
    Nobody,
}

/// Where a path leads that this user named for a result.
#[derive(Debug)]
pub enum OutputPlace<F> {
    /// To an end that the caller knows, such as `/dev/stdout`.
    End(PathBuf),
    /// To a file in a folder, or to where one can be made.
    File(F, OsString),
}

/// A folder's path without links, and the open folder, where a stranger could lead that path elsewhere.
pub(super) type FolderReached<H> = (PathBuf, Option<H>);
