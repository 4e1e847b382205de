//! Failures with a job's OIDC token.

use diagnostics::Code;
use lab::{Ci, Fault, Service};

use super::Way;
use crate::denials::refused;
use crate::harness::{HOST, Machine};
use crate::jobs::{ci_machine, start_ci, write_rules};
use crate::lab_machine::lab;

pub const WAYS: &[Way] = &[
    (Code::NoToken, || {
        let machine = Machine::new().with("GITLAB_CI", "true");
        write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
        machine.helper("get", HOST)
    }),
    (Code::GithubPermission, || refused("GitHub's job has no permission")),
    (Code::TokenFile, || refused("the token's file is not there")),
    (Code::TokenCommand, || {
        let role = "arn:aws:iam::111122223333:role/push";
        Machine::new().run(&["assume", "--role-arn", role, "--token-command", "false"])
    }),
    (Code::GithubToken, || {
        let lab = lab();
        let machine = ci_machine(&lab, &start_ci(&lab, Ci::Github));
        lab.fail(Service::Github, Fault::Status { status: 401 });
        write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
        machine.helper("get", HOST)
    }),
    (Code::TokenExpired, || refused("the token has ended")),
    (Code::TokenMalformed, || refused("the token is not a JWT")),
    (Code::TokenRejected, || refused("the issuer changed its key")),
    (Code::TokenRequest, || {
        let lab = lab();
        let machine = ci_machine(&lab, &start_ci(&lab, Ci::Azure));
        lab.fail(Service::Ci, Fault::Status { status: 401 });
        write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
        machine.helper("get", HOST)
    }),
];
