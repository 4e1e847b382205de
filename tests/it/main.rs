//! The integration tests: the real binary, as a process, against the lab.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod action;
mod crowds;
mod endpoints;
mod github_runner;
mod harness;
mod helper_protocol;
mod lab_machine;
mod leaks;
mod odd_situations;
mod profiles;
mod python;
mod roles;
mod rules;
mod setup_logout;
mod stored_logins;
mod tokens;
