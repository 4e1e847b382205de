//! Reads and writes files in the user's home that other programs write too, such as docker's `config.json`.
//!
//! - [`update`] edits a file: under a lock, atomically, through links, keeping mode and owner. An edit is a function from the old
//!   text to the new text, so this crate does not know the contents of the files.
//! - [`UndoLog`] notes what an edit replaced, so that a later command can put it back. The first previous value counts.
//! - [`Notes`] is any other small JSON file of ecr-auth in the user's state folder.
//! - [`read`] and [`read_secret`] read a regular file of a limited size. They never wait for a pipe.
//!
//! ```
//! use private_files::{EditOutcome, Encoding, FileFormat, ReplacedValue, UndoLog, read_text, real_path, update};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const FORMAT: FileFormat = FileFormat {
//!     encoding: Encoding::Utf8,
//!     merge: |_, _, _| None,
//!     blank: "",
//!     elsewhere: diagnostics::Mention::new("--file FILE"),
//! };
//! let home = tempfile::tempdir()?;
//! let file = home.path().join("color");
//! std::fs::write(&file, "red")?;
//! let log: UndoLog = UndoLog::new(home.path().join("state"), "colors");
//!
//! for color in ["green", "blue"] {
//!     update(&file, &FORMAT, Some(log.state()), &mut |old| {
//!         if old == Some(color) {
//!             return Ok(EditOutcome::Unchanged);
//!         }
//!         let noted = ReplacedValue::new(old.map(str::to_owned), color);
//!         let real = real_path(&file, &FORMAT)?;
//!         let _ = log.change_file(&real, &mut |record| {
//!             let noted = noted.clone().after(record.values.get("color"));
//!             record.values.insert("color".to_owned(), noted);
//!         });
//!         Ok(EditOutcome::Text(color.to_owned()))
//!     })?;
//! }
//!
//! assert_eq!(read_text(&file)?.as_deref(), Some("blue"));
//! let noted = log.file(&real_path(&file, &FORMAT)?)?;
//! let color = &noted.values["color"];
//! assert!(color.is_ours("blue"));
//! assert_eq!(color.previous.as_deref(), Some("red"));
//! # Ok(())
//! # }
//! ```

mod diff;
mod encoding;
#[cfg(target_os = "linux")]
mod held;
mod lock;
#[cfg(not(target_os = "linux"))]
mod not_held;
mod notes;
mod own_file;
mod place;
mod platform;
mod read;
mod replace;
#[cfg(target_os = "linux")]
mod rights;
mod state;
mod temporary;
mod undo;
#[cfg(target_os = "linux")]
mod walk;
mod way;
mod work_folder;

pub use diff::unified_diff;
pub use encoding::{Encoding, bytes_of_text, has_stand_in, is_stand_in, text_of_bytes};
pub use lock::{Lock, LockAttempt};
pub use notes::Notes;
pub use own_file::{close, close_folder, is_private_folder, open_own, read_own};
pub use platform::{
    AliveMark, is_at, is_out_of_others_reach, is_own, is_own_or_roots, real, remove_file, replace, replace_program,
    sync,
};
pub use read::{
    CONFIGURATION_LIMIT, TOKEN_LIMIT, is_null_device, open, open_to_append, read, read_as_owner, read_secret,
    read_utf8, way_out,
};
pub use replace::{EditOutcome, FileFormat, UpdateOutcome, read_text, read_text_of, real_path, update, update_private};
pub use state::StateFolder;
pub use temporary::{temporary, temporary_among_others, temporary_folder};
pub use undo::{FileUndo, ReplacedValue, UndoEntries, UndoLog, UndoRecord, remove_made_folders};
pub use way::{LINKS, OutputPlace};
pub use work_folder::{WorkFolder, make_folders};

#[cfg(test)]
#[cfg(unix)]
mod tests;
