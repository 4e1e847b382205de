//! Writes a configuration that docker may be writing at the same moment.

use std::path::{Path, PathBuf};

use super::merge;
use diagnostics::{Mention, Result};
pub use private_files::{EditOutcome, UpdateOutcome};
use private_files::{Encoding, FileFormat, StateFolder};

/// The format of docker's JSON: the changes of two writers can be merged member by member.
const JSON: FileFormat = FileFormat {
    // Go's JSON reads a byte that is not UTF-8 in a string as U+FFFD.
    encoding: Encoding::AnyBytes,
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

/// Returns a configuration's text, or `None` if there is no file. Bytes that are not UTF-8 have [stand-ins](private_files::is_stand_in), which
/// become U+FFFD where a key or value is read.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    private_files::read_text_of(&JSON, path)
}

/// Returns the real configuration file, as [`private_files::real_path`] finds it.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    private_files::real_path(path, &JSON)
}
