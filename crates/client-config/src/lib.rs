//! Docker's `config.json` and Podman's `auth.json`: finding them, editing them, and undoing the edits.
//!
//! The crate does not know AWS: a registry is a host name here, and a credential helper is a name.
//!
//! - [`Kind`]: the clients. Each has a [`ClientDescriptor`] with its properties.
//! - [`config_files`]: which files the installed clients read.
//! - [`ConfigEdit`]: an edit that leaves every other byte alone. [`update`] applies it to a file without losing other changes.
//! - [`look_up`]: which credentials each client would use for a host.
//! - [`CredentialStore`], [`store`]: the stores that a configuration names, and storing a password.
//! - [`PreviousStore`], [`AuthsStore`], [`DropIn`]: the store that one entry for every registry replaces, and podman's form of that entry.
//! - [`ClientUndoLog`], [`restore`]: recording what was replaced, and putting it back.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use client_config::{ConfigEdit, HelperSettings};
//!
//! let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
//! let helpers = BTreeMap::from([(host.to_owned(), Some("ecr-auth".to_owned()))]);
//! let edit = ConfigEdit { helpers, ..ConfigEdit::default() };
//! let text = edit.apply("{ \"credsStore\": \"desktop\" }").unwrap();
//! assert!(text.starts_with("{ \"credsStore\": \"desktop\", \"credHelpers\""));
//! assert_eq!(HelperSettings::read(&text).unwrap().helpers[host], "ecr-auth");
//! ```

mod auths;
mod auths_store;
mod client;
mod configure;
mod credential;
mod diff;
mod drop_in;
mod edit;
mod empty_parts;
mod files;
mod helper_name;
mod host_map;
mod json;
mod link;
mod login;
mod lookup;
mod member_types;
mod members;
mod merge;
mod passwords;
mod previous_store;
mod record;
mod replace;
mod restore;
mod slips;
mod store;
mod variable;

pub use auths::AuthEdit;
pub use auths_store::AuthsStore;
pub use client::{Client, ClientDescriptor, EntryForAll, Kind, chosen};
pub use configure::{SetupOutcome, SetupRequest};
pub use credential::{StoredCredential, StoredPassword};
pub use diff::unified_diff;
pub use drop_in::{DropIn, DropInWritten};
pub use edit::{CREDS_STORE, ConfigEdit, HELPER, HelperSettings, Malformed};
pub use empty_parts::EmptyParts;
pub use files::{ConfigFile, ConfigLocation, config_files, shown};
pub use helper_name::helper_meant;
pub use link::{HELPER_NAMES, LinkPlan, LinkState, helper_link, is_for_all_users, is_helper_name, remove_link};
pub use login::{PasswordPlace, RegistryLogin, StoreOutcome, StoredLogin, store};
pub use lookup::{ClientCredentials, FoundCredentials, Lookup, look_up, look_up_as_skopeo, password_keys};
pub use passwords::{FileWarning, PasswordLoss};
pub use previous_store::{PreviousStore, store_in_use};
pub use private_files::UndoRecord;
pub use record::{ClientUndoEntries, ClientUndoLog, FileRecord, LoginRecord, set_up_hosts, undo_log};
pub use replace::{EditOutcome, UpdateOutcome, read_text, real_path, update, update_private};
pub use restore::{RemovedPassword, RestoreOutcome, restore};
pub use slips::{NearMiss, Slip};
pub use store::{CredentialStore, NOT_FOUND};

#[cfg(test)]
mod tests;
