//! The flow of each subcommand: parse, plan, do, report. Subcommands do not use each other. Their common parts are `identity` (flags),
//! `setup_plan`, `deliver`, `destination`, `fallback`, `hosts`, `masks`, `mfa`, `passwords` and `store_for_all`.

pub mod action;
pub mod assume;
pub mod bazel;
pub mod cognito;
mod deliver;
mod destination;
pub mod doctor;
pub mod exists;
mod fallback;
pub mod helper;
mod hosts;
mod identity;
pub mod install;
pub mod kubelet;
pub mod login;
pub mod logout;
mod masks;
mod mfa;
pub mod overview;
mod passwords;
mod run_with;
pub mod setup;
mod setup_plan;
mod setup_warnings;
mod sign_in;
mod sign_out;
mod store_for_all;
pub mod trust_policy;

#[cfg(test)]
mod tests;
