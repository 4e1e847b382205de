//! Failures of a command line.

use diagnostics::Code;

use super::Way;
use crate::harness::{HOST, Machine, Outcome};
use crate::terminal::{Stdout, Terminal};

const ROLE: &str = "arn:aws:iam::111122223333:role/push";

pub const WAYS: &[Way] = &[
    (Code::CommandLine, || run(&["setpu"])),
    (Code::Options, || run(&["login", "--name", "pull", HOST])),
    (Code::NoRegistry, || run(&["setup"])),
    (Code::NotEcr, || run(&["login", "ghcr.io"])),
    (Code::LeadingZero, || run(&["login", "11122223333/eu-west-1"])),
    (Code::Region, || run(&["login", "111122223333/europe"])),
    (Code::Role, || {
        run(&["assume", "--role-arn", "arn:aws:iam::111122223333:user/ci"])
    }),
    (Code::SessionSetting, || {
        run(&["assume", "--role-arn", ROLE, "--duration", "60"])
    }),
    (Code::SecretOnTerminal, secret_on_terminal),
    (Code::Variable, || {
        keys().with("ECR_AUTH_TIMEOUT", "soon").helper("get", HOST)
    }),
    (Code::NotConfirmed, super::configuration::not_confirmed),
];

/// A machine with unknown keys, which must make no calls.
pub fn keys() -> Machine {
    Machine::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
}

fn run(args: &[&str]) -> Outcome {
    keys().run(args)
}

fn secret_on_terminal() -> Outcome {
    let ended = Terminal::run(&keys(), &["assume"], Stdout::Terminal).end();
    Outcome {
        status: ended.status,
        stdout: ended.stdout,
        stderr: ended.shown.replace('\r', ""),
    }
}
