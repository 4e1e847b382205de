//! The questions about the way to a folder, and where a way ends.

use std::ffi::OsString;
use std::path::PathBuf;

/// The number of links that the system follows in one path.
pub const LINKS: usize = 40;

/// Which walkers follow a stranger's links. A stranger is any user other than root and this process's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// Root, which takes the stranger's rights.
    Root,
    /// No walker.
    Nobody,
}

/// Where a path for a result leads.
#[derive(Debug)]
pub enum OutputPlace<F> {
    /// An end that the caller knows, such as `/dev/stdout`.
    End(PathBuf),
    /// A file in a folder, which may not exist yet.
    File(F, OsString),
}

/// A folder's path without links, and the open folder if a stranger could redirect that path.
pub(super) type FolderReached<H> = (PathBuf, Option<H>);
