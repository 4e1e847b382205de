//! Writing a configuration that docker may be writing at the same moment.

use std::path::{Path, PathBuf};

use super::merge;
use crate::error::Result;
use crate::file::{self, Format};
pub use crate::file::{Edited, Updated, read_text};

/// Docker's JSON: the changes of two writers can be brought together member by member.
const JSON: Format = Format {
    // What does not parse has no change to bring over.
    merge: |text, base, theirs| merge::three_way(text, base, theirs).ok(),
    blank: "{}",
    elsewhere: "--docker-config DIR",
};

/// Edits a client's configuration in place, as [`file::update`] does; what another program wrote on top of a moment's version
/// is brought together with ours.
pub fn update(path: &Path, edit: &mut dyn FnMut(Option<&str>) -> Result<Edited>) -> Result<Updated> {
    file::update(path, &JSON, edit)
}

/// [`update`] of a file that holds a password afterwards, as [`file::update_private`] does.
pub fn update_private(path: &Path, edit: &mut dyn FnMut(Option<&str>) -> Result<Edited>) -> Result<Updated> {
    file::update_private(path, &JSON, edit)
}

/// The configuration behind the path, as [`file::real_path`] finds it.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    file::real_path(path, &JSON)
}
