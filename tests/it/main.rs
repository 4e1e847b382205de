//! The integration tests: the real binary, as a process, against the lab.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod harness;
mod helper_protocol;
mod lab_machine;
mod tokens;
