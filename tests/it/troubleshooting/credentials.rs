//! Failures with AWS credentials.

use std::time::Duration;

use diagnostics::Code;

use super::Way;
use super::command_line::keys;
use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, Machine, Outcome};
use crate::lab_machine::{lab, machine, machine_with, role, session};

pub const WAYS: &[Way] = &[
    (Code::NoCredentials, || Machine::new().helper("get", HOST)),
    (Code::HalfPair, || {
        keys().without("AWS_SECRET_ACCESS_KEY").helper("get", HOST)
    }),
    (Code::Profile, || {
        Machine::new().with("AWS_PROFILE", "gone").helper("get", HOST)
    }),
    (Code::Mfa, || {
        profile(
            "mfa_serial = arn:aws:iam::111122223333:mfa/me\nrole_arn = arn:aws:iam::111122223333:role/push\nsource_profile = keys\n[profile keys]\naws_access_key_id = AKID\naws_secret_access_key = s\n",
        )
    }),
    (Code::NobodySignedIn, || {
        profile(
            "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = push\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n",
        )
    }),
    (Code::ProfileFailed, || profile("credential_process = false\n")),
    (Code::SharedFiles, || profile("aws_access_key_id AKID\n")),
    (Code::ContainerCredentials, || {
        let uri = "http://127.0.0.1:1/credentials";
        Machine::new()
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
            .helper("get", HOST)
    }),
    (Code::UnusableKeys, || {
        keys().with("AWS_SECRET_ACCESS_KEY", "a b").helper("get", HOST)
    }),
    (Code::UnknownKey, || {
        machine(&lab())
            .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .helper("get", HOST)
    }),
    (Code::WrongSecret, || {
        machine(&lab())
            .with("AWS_SECRET_ACCESS_KEY", "another")
            .helper("get", HOST)
    }),
    (Code::SessionExpired, session_expired),
    (Code::ProfileNotWritten, || {
        let machine = Machine::new().with("ECR_AUTH_ID_TOKEN", "token");
        machine.write(".aws/config", "[profile ci]\nsso_session = corp\n");
        let role = "arn:aws:iam::111122223333:role/push";
        machine.run(&["assume", "--format", "profile", "--role-arn", role, "--profile", "ci"])
    }),
    (Code::ProfileShadowed, profile_shadowed),
];

/// Runs a `get` with a profile that has these lines.
fn profile(lines: &str) -> Outcome {
    let machine = Machine::new().with("AWS_PROFILE", "ci");
    machine.write(".aws/config", &format!("[profile ci]\n{lines}"));
    machine.helper("get", HOST)
}

fn session_expired() -> Outcome {
    let lab = lab();
    let session = session(&lab, &role(&lab, "puller"));
    lab.advance(Duration::from_secs(13 * 3600));
    machine_with(&lab, &session).helper("get", HOST)
}

fn profile_shadowed() -> Outcome {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    let keys = crate::lab_machine::key_variables(lab.admin());
    let mut runner = Runner::new(step(&lab, &job).with_all(keys));
    let inputs = [
        ("role-to-assume", role.as_str()),
        ("registries", HOST),
        ("export-credentials", "profile"),
        ("profile", "ci"),
    ];
    runner.main(&inputs).succeeded().outcome
}
