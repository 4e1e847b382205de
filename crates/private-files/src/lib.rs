//! Reading and writing files that hold secrets, or that other programs write too.
//!
//! - [`read`], [`read_utf8`], [`read_secret`]: read a file of limited size. They never wait for a pipe or a device.
//! - [`update`], [`update_private`]: edit a file under a lock, and replace it in one step. Links, mode and owner stay. A change that another
//!   program made meanwhile is never lost.
//! - [`Notes`]: what ecr-auth must remember, in the user's state folder, to undo its changes.
//!
//! The crate does not know what the files say: an edit is a function from text to text.
//!
//! ```
//! use private_files::{Edited, Format, update};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("config.json");
//! let format = Format { merge: |_, _, _| None, blank: "{}", elsewhere: "--config" };
//! update(&path, &format, &mut |text| {
//!     Ok(match text {
//!         None => Edited::Text("{}".to_owned()), // The file does not exist yet.
//!         Some(_) => Edited::Unchanged,
//!     })
//! })
//! .unwrap();
//! assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}");
//! ```

mod diff;
mod folders;
mod notes;
mod place;
mod read;
mod replace;
mod temporary;

pub use diff::unified_diff;
pub use folders::{adopt, make_folders};
pub use notes::Notes;
pub use read::{CONFIGURATION_LIMIT, TOKEN_LIMIT, open, open_to_append, read, read_secret, read_utf8, way_out};
pub use replace::{Edited, Format, Updated, read_text, real_path, update, update_private};
pub use temporary::temporary_among_others;

#[cfg(test)]
mod tests;
