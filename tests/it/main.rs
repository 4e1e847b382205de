//! The integration tests: the real binary, as a process, against the lab.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod action;
mod assume;
mod aws_tools;
mod chains;
mod ci_jobs;
mod cognito;
mod cognito_terminal;
mod completions;
mod crowds;
mod denials;
mod doctor;
mod eks;
mod endpoints;
mod faults;
mod floods;
mod fuzz;
mod github_runner;
mod harness;
mod helper_protocol;
mod hostile;
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
mod scale;
mod setup_cognito;
mod setup_from;
mod setup_logout;
mod sources;
mod stored_logins;
mod terminal;
mod tokens;
mod under_fire;
