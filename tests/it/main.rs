//! The integration tests: the real binary, as a process, against the lab.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod action;
mod assume;
mod aws_tools;
mod chains;
mod ci_jobs;
mod completions;
mod crowds;
mod denials;
mod eks;
mod endpoints;
mod github_runner;
mod harness;
mod helper_protocol;
mod identity_page;
mod install;
mod job_time;
mod jobs;
mod kubelet;
mod kubernetes;
mod lab_machine;
mod leaks;
mod leaks_in_jobs;
mod login;
mod odd_situations;
mod power_cut;
mod profiles;
mod python;
mod rules;
mod setup_logout;
mod sources;
mod stored_logins;
mod tokens;
mod trace;
mod under_fire;
