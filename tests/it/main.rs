//! The integration tests: the real binary, as a process, against the lab.

mod harness;
mod helper_protocol;
