//! A machine in a CI job: nothing but what the CI sets, and the lab as its AWS.

use lab::{Ci, CiJob, Condition, JobSpec, Lab, Operator, Permissions, RoleSpec, Trust};

use crate::harness::Machine;

/// What a job's token becomes a session by.
pub const WITH_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";

/// Starts a job of this CI.
pub fn start(lab: &Lab, ci: Ci) -> CiJob {
    lab.start_job(&JobSpec::new(ci)).unwrap()
}

/// The machine that a job runs on.
pub fn machine(lab: &Lab, job: &CiJob) -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("PATH", &format!("{}:/usr/bin:/bin", job.programs.display()))
        .with_all(job.environment.clone())
}

/// A role that this job, and no other, may assume with its token.
pub fn role(lab: &Lab, job: &CiJob, account: &str, name: &str) -> String {
    lab.add_oidc_provider(account, &job.issuer, &["sts.amazonaws.com", &job.audience]);
    lab.add_role(RoleSpec {
        account: account.into(),
        name: name.into(),
        trust: vec![Trust::WebIdentity {
            provider: job.issuer.trim_start_matches("https://").into(),
            conditions: vec![Condition {
                operator: Operator::StringEquals,
                claim: "sub".into(),
                values: vec![job.subject.clone()],
            }],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

/// A job of a CI on its machine, whose `AWS_ROLE_ARN` names a role of the lab's account that it may assume.
pub fn in_job(lab: &Lab, ci: Ci) -> (CiJob, Machine) {
    let job = start(lab, ci);
    let role = role(lab, &job, lab::ACCOUNT, "ci");
    let machine = machine(lab, &job).with("AWS_ROLE_ARN", &role);
    (job, machine)
}
