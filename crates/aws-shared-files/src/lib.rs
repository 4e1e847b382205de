//! AWS's shared configuration files: [`SharedFiles`] reads them, [`profile`] writes one profile and takes it back.

pub mod profile;
mod quoting;
mod shared_files;

pub use quoting::push_quoted;
pub use shared_files::{Profile, SharedFiles};
