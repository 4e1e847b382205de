//! Failures with the clients' configuration, their stores, and their calls of the helper.

use diagnostics::Code;

use super::Way;
use crate::doctor::report_of;
use crate::harness::{HOST, Machine, Outcome};

pub const WAYS: &[Way] = &[
    (Code::ClientConfig, || setup("{\"auths\": ", &[])),
    (Code::OtherStore, || {
        let machine = Machine::new();
        let program = machine.write("bin/docker-credential-ecr-login", "");
        std::fs::remove_file(&program).unwrap();
        std::os::unix::fs::symlink(crate::harness::binary(), &program).unwrap();
        let bin = machine.home().join("bin").display().to_string();
        machine.write(".docker/config.json", "{\"credsStore\": \"ecr-login\"}");
        let args = ["setup", "--all", "--client", "docker", "--bin-dir", &bin];
        machine.with("PATH", &bin).run(&args)
    }),
    (Code::StoreFailed, || {
        let lab = crate::lab_machine::lab();
        let machine = crate::lab_machine::machine(&lab);
        machine.write(".docker/config.json", "{\"credsStore\": \"gone\"}");
        machine.run(&["login", "--client", "docker", HOST])
    }),
    (Code::HelperPlace, || {
        let machine = Machine::new();
        machine.write("bin/docker-credential-ecr-auth", "#!/bin/sh\n");
        let bin = machine.home().join("bin").display().to_string();
        machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST])
    }),
    (Code::HelperCall, || Machine::new().helper("fetch", "")),
    (Code::HelperMissing, || report_of("helper named but missing")),
    (Code::HelperHidden, || report_of("helper earlier on PATH")),
    (Code::NotConfigured, || report_of("registry not configured")),
    (Code::KeyNeverMatches, || report_of("key with a scheme")),
    (Code::OldLogin, || report_of("stale auths shadowed")),
];

/// Runs `setup` with this docker configuration.
fn setup(config: &str, more: &[&str]) -> Outcome {
    let machine = Machine::new();
    machine.write(".docker/config.json", config);
    let bin = machine.path("bin").display().to_string();
    let args = ["setup", "--client", "docker", "--bin-dir", &bin];
    machine.run(&[&args, more, &[HOST]].concat())
}
