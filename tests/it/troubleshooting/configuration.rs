//! Failures with ecr-auth.yml, or with a vendor's file.

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
    (Code::VendorFile, || import(&format!("{VENDOR}    profile: mine\n"))),
    (Code::RuleByHand, by_hand),
];

/// Runs a `get` by a rule with these lines.
fn rule(lines: &str) -> Outcome {
    let machine = keys();
    write_rules(&machine, &format!("  - match: {HOST}\n{lines}"));
    machine.helper("get", HOST)
}

fn by_hand() -> Outcome {
    let machine = keys();
    write_rules(&machine, &format!("  - match: {HOST}\n    profile: mine\n"));
    let bin = machine.path("bin").display().to_string();
    machine.run(&["setup", "--bin-dir", &bin, "--role-arn", ROLE, HOST])
}

fn import(vendor: &str) -> Outcome {
    let machine = keys();
    let file = machine.write("vendor.yml", vendor).display().to_string();
    let bin = machine.path("bin").display().to_string();
    machine.run(&["cognito", "import", "--client", "docker", "--bin-dir", &bin, &file])
}

pub fn not_confirmed() -> Outcome {
    import(VENDOR)
}
