//! The flow of each subcommand: parse, plan, do, report. They don't know each other.

pub mod helper;
pub mod logout;
pub mod setup;
