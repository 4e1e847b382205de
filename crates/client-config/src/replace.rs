//! Writes a configuration that docker may be writing at the same moment.

use std::path::{Path, PathBuf};

use super::merge;
use diagnostics::{Mention, Result};
pub use private_files::{EditOutcome, UpdateOutcome, read_text};
use private_files::{FileFormat, StateFolder};

/// The format of docker's JSON: the changes of two writers can be merged member by member.
const JSON: FileFormat = FileFormat {
    // A text that does not parse has no change to merge.
    merge: |text, base, theirs| merge::three_way(text, base, theirs).ok(),
    blank: "{}",
    elsewhere: Mention::new("docker-config"),
};

/// Edits a client's configuration in place, as [`private_files::update`] does. If another program writes on top of our version, both changes are
/// merged.
pub fn update(
    path: &Path,
    state: Option<&StateFolder>,
    edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>,
) -> Result<UpdateOutcome> {
    private_files::update(path, &JSON, state, edit)
}

/// Edits a file that holds a password afterwards, as [`private_files::update_private`] does.
pub fn update_private(
    path: &Path,
    state: Option<&StateFolder>,
    edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>,
) -> Result<UpdateOutcome> {
    private_files::update_private(path, &JSON, state, edit)
}

/// Returns the real configuration file, as [`private_files::real_path`] finds it.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    private_files::real_path(path, &JSON)
}
