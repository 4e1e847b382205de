//! Docker's `config.json` and Podman's `auth.json`: which files there are, edits that leave every other byte alone, a
//! replacement that loses nobody's change, and the record that lets `logout` put back what was there before.
//!
//! Knows nothing of AWS: a registry is a host name here, and the helper is a name.

mod configure;
mod diff;
mod edit;
mod files;
mod json;
mod link;
mod merge;
mod place;
mod record;
mod replace;
mod restore;

pub use configure::{Configured, Wish};
pub use diff::unified_diff;
pub use edit::{Edit, HELPER, Malformed, Settings};
pub use files::{Client, ConfigFile, Kind, config_files, shown};
pub use link::{Link, LinkPlan, helper_link, remove_link};
pub use record::{FileRecord, Previous, Record, Remembered};
pub use replace::{Edited, Updated, read_text, real_path, update};
pub use restore::{Restored, restore};

#[cfg(test)]
mod tests;
