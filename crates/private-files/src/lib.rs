//! Editing files that other programs write too: locked against ourselves, atomic against everybody, links followed, mode and
//! owner kept. And the notes of our own in the user's state folder that tell what was there before.
//!
//! Knows nothing of what the files say: an edit is a function from text to text.

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
