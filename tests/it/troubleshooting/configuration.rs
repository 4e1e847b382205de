//! What is wrong with ecr-auth.yml, or with a file to take one from.

use diagnostics::Code;

use super::Way;
use super::command_line::keys;
use crate::harness::{HOST, Outcome, VENDOR};
use crate::jobs::write_rules;

const ROLE: &str = "arn:aws:iam::111122223333:role/push";

pub const WAYS: &[Way] = &[
    (Code::ConfigNotReadable, || {
        keys().run(&["--config", "/nowhere/ecr-auth.yml", "login", HOST])
    }),
    (Code::ConfigSyntax, || rule("\tprofile: x\n")),
    (Code::ConfigKey, || rule("    porfile: x\n")),
    (Code::ConfigValue, || rule("    region: europe\n")),
    (Code::ConfigNumber, || rule("    profile: 111122223333\n")),
    (Code::ConfigRule, || rule("    profile: x\n    role-arn: push\n")),
    (Code::ConfigEdit, not_to_be_edited),
    (Code::VendorFile, || from(&format!("{VENDOR}    profile: mine\n"))),
];

/// A `get` by a rule with these lines.
fn rule(lines: &str) -> Outcome {
    let machine = keys();
    write_rules(&machine, &format!("  - match: {HOST}\n{lines}"));
    machine.helper("get", HOST)
}

fn not_to_be_edited() -> Outcome {
    let machine = keys();
    write_rules(&machine, &format!("  - profile: x # mine\n    match: {HOST}\n"));
    let bin = machine.path("bin").display().to_string();
    machine.run(&["setup", "--bin-dir", &bin, "--role-arn", ROLE, HOST])
}

fn from(vendor: &str) -> Outcome {
    let machine = keys();
    let file = machine.write("vendor.yml", vendor).display().to_string();
    let bin = machine.path("bin").display().to_string();
    machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, "--from", &file])
}

pub fn not_confirmed() -> Outcome {
    from(VENDOR)
}
