//! Errors as people read them. An [`Error`] says what failed, why, and what to do about it; its [`Code`] leads to a section of
//! docs/troubleshooting.md, and its [`Exit`] is the status of the process.
//!
//! ```
//! use diagnostics::{Code, Error};
//!
//! let error = Error::failed(Code::NotReadable, "cannot read token.jwt", "no such file").hint("check the path");
//! assert_eq!(error.to_string(), "cannot read token.jwt: no such file [EA0803]");
//! assert_eq!(error.exit().code(), 1);
//! ```

mod code;
mod error;
mod mention;

pub use code::*;
pub use error::*;
pub use mention::Mention;
