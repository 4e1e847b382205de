//! Failures that ECR reports.

use diagnostics::Code;
use lab::{Fault, Permissions, Service};

use super::Way;
use crate::doctor::report_of_image;
use crate::harness::{HOST, Outcome};
use crate::jobs::PARTNER_HOST;
use crate::lab_machine::{lab, machine, machine_with};

pub const WAYS: &[Way] = &[
    (Code::TokenDenied, || by_a_user_with(Permissions::allow(["s3:*"]))),
    (Code::ExplicitDeny, || by_a_user_with(Permissions::deny(["ecr:*"]))),
    (Code::AwsRefuses, || {
        let lab = lab();
        let fault = Fault::Error {
            status: 400,
            code: "OptInRequired".to_owned(),
            message: "the account is not signed up".to_owned(),
        };
        lab.fail(Service::Ecr, fault);
        machine(&lab).helper("get", HOST)
    }),
    (Code::NotVerified, || {
        let lab = lab();
        let machine = machine(&lab).with("AWS_SECRET_ACCESS_KEY", "another");
        let bin = machine.path("bin").display().to_string();
        machine.run(&[
            "setup",
            "--client",
            "docker",
            "--bin-dir",
            &bin,
            "--verify",
            HOST,
            "111122223333/us-east-1",
        ])
    }),
    (Code::PasswordRefused, || {
        let image = format!("{HOST}/app:1");
        report_of_image(&image, Some(Fault::Status { status: 401 }))
    }),
    (Code::NoImage, || report_of_image(&format!("{HOST}/app:1"), None)),
    (Code::NotAllowed, || {
        report_of_image(&format!("{PARTNER_HOST}/app:1"), None)
    }),
];

fn by_a_user_with(permissions: Permissions) -> Outcome {
    let lab = lab();
    let key = lab.add_user_with(lab::ACCOUNT, "nobody", permissions);
    machine_with(&lab, &key).helper("get", HOST)
}
