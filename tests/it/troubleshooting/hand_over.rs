//! Failures when results are passed to a CI, a command or the kubelet.

use diagnostics::Code;

use super::Way;
use super::command_line::keys;
use super::files::with_profile;
use crate::harness::{HOST, Machine};
use crate::kubelet::ask;
use crate::lab_machine::{lab, machine};

pub const WAYS: &[Way] = &[
    (Code::NotHidden, || {
        // No agent is on its PATH.
        let lab = lab();
        machine(&lab)
            .with("BUILDKITE", "true")
            .run(&["login", "--format", "password", HOST])
    }),
    (Code::RunnerFiles, || keys().run(&["assume", "--format", "github"])),
    (Code::ActionInput, || {
        Machine::new().with("INPUT_CLEANUP", "yes").run(&["action", "main"])
    }),
    (Code::Command, || {
        with_profile().run(&["assume", "--profile", "ci", "--", "no-such-program"])
    }),
    (Code::KubeletRequest, || ask(&Machine::new(), "")),
];
