//! Docker's `config.json` and Podman's `auth.json`: which files there are, edits that leave every other byte alone, a
//! replacement that loses nobody's change, the credential stores that they name, and the record that lets `logout` put back
//! what was there before.
//!
//! Knows nothing of AWS: a registry is a host name here, and the helper is a name.

mod auths;
mod configure;
mod diff;
mod edit;
mod files;
mod json;
mod link;
mod login;
mod lookup;
mod merge;
mod record;
mod replace;
mod restore;
mod store;

pub use auths::AuthEdit;
pub use configure::{Configured, Wish};
pub use diff::unified_diff;
pub use edit::{Edit, HELPER, Malformed, Settings};
pub use files::{Client, ConfigFile, Kind, config_files, shown};
pub use link::{HELPER_NAMES, Link, LinkPlan, helper_link, remove_link};
pub use login::{Login, Place, Stored, StoredLogin, store};
pub use lookup::{Answer, Found, Lookup, NearMiss, StoredPassword, Where, look_up};
pub use private_files::UndoRecord;
pub use record::{FileRecord, LoginRecord, Record, Remembered, undo_log};
pub use replace::{Edited, Updated, read_text, real_path, update, update_private};
pub use restore::{Restored, TakenOut, restore};
pub use store::{CredentialStore, StoredCredential};

#[cfg(test)]
mod tests;
