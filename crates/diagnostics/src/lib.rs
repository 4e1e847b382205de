//! Error messages.
//!
//! An [`Error`] says what failed, why, and what the reader can do. Its [`Code`] names a section of docs/troubleshooting.md, and its [`Exit`]
//! is the exit status of the process. The binary prints an error once, at the end, with [`Error::report`].
//!
//! ```
//! use diagnostics::{Code, Error};
//!
//! let error = Error::failed(Code::NotReadable, "cannot read token.jwt", "no such file").hint("check the path");
//! assert_eq!(error.to_string(), "cannot read token.jwt: no such file [EA0803]");
//! assert_eq!(error.hint_text(), Some("check the path"));
//! assert_eq!(error.exit().code(), 1);
//! ```
//!
//! No part of an error may hold a secret, and addresses lose their passwords ([`without_userinfo`]). Text from outside is made [`inert`] when it is
//! written: messages go to stderr only through a [`MessageWriter`]. Words of commands that a message shows are quoted by [`shell_word`].

mod code;
mod error;
mod inert;
mod mention;
mod shell;

pub use code::*;
pub use error::*;
pub use inert::{MessageWriter, escaped, inert, one_line, with_its_ends};
pub use mention::Mention;
pub use shell::{posix_word, push_quoted, shell_word};
