//! Docker's `config.json` and Podman's `auth.json`: finding them, editing them, and undoing the edits.
//!
//! The crate does not know AWS: a registry is a host name here, and a credential helper is a name.
//!
//! - [`Kind`]: the clients. Each has a [`ClientDescriptor`], which says what is its own.
//! - [`config_files`]: which files the installed clients read.
//! - [`Edit`]: an edit that leaves every other byte alone. [`update`] applies it to a file without losing anybody's change.
//! - [`look_up`]: which credentials each client would use for a host.
//! - [`CredentialStore`], [`store`]: the stores that a configuration names, and storing a password.
//! - [`Record`], [`restore`]: what was there before, and putting it back.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use client_config::{Edit, Settings};
//!
//! let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
//! let helpers = BTreeMap::from([(host.to_owned(), Some("ecr-auth".to_owned()))]);
//! let edit = Edit { helpers, ..Edit::default() };
//! let text = edit.apply("{ \"credsStore\": \"desktop\" }").unwrap();
//! assert!(text.starts_with("{ \"credsStore\": \"desktop\", \"credHelpers\""));
//! assert_eq!(Settings::read(&text).unwrap().helpers[host], "ecr-auth");
//! ```

mod auths;
mod client;
mod configure;
mod diff;
mod edit;
mod files;
mod json;
mod link;
mod login;
mod lookup;
mod members;
mod merge;
mod record;
mod replace;
mod restore;
mod store;

pub use auths::AuthEdit;
pub use client::{Client, ClientDescriptor, Kind};
pub use configure::{Configured, Wish};
pub use diff::unified_diff;
pub use edit::{Edit, HELPER, Malformed, Settings};
pub use files::{ConfigFile, config_files, shown};
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
