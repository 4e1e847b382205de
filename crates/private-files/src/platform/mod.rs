//! The file rules of each operating system: replacing and removing files, ownership and access, real paths, and flushing to the disk. The rest of
//! this crate is the same on all systems.

#[cfg(windows)]
mod access_list;
#[cfg(windows)]
mod long_path;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::{
    OpenVersion, close_made, exchange, has_trusted_owners, is_abandoned, is_closed, is_closed_file, is_in_use,
    is_unsupported, is_version, mark_alive, private, private_folder, rename, set_mode, set_rights, sync_folder,
    take_from_others, without_surprises, without_waiting,
};
pub use system::{
    is_at, is_out_of_others_reach, is_own, is_own_or_roots, real, remove_file, replace, replace_program, sync,
};

/// As long as it is kept, it shows others that the process that made a file is alive.
#[derive(Debug)]
pub struct AliveMark {
    _locked: Option<std::fs::File>,
}
