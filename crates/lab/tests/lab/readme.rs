//! The Rust of README.md: its lines stand here in their order, are compiled and run. Lines between them play what the page leaves to its
//! reader.

use lab::LabError;

use crate::tools::curl;

const PAGE: &str = include_str!("../../README.md");
const HERE: &str = include_str!("readme.rs");

#[rustfmt::skip]
fn in_a_test() -> Result<(), LabError> {
use lab::{Fault, Lab, Options, Service};

let lab = Lab::start(Options::default().registry(false))?; // no docker-registry behind: starts in milliseconds
// Point the client at lab.http_url() (or https_url() with ca_file()) and give it lab.admin().id and .secret.
lab.fail_next(Service::Ecr, 1, Fault::Throttle);
let call = ["--header", "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", "--data", "{}", "https://api.ecr.eu-west-1.amazonaws.com/"];
assert!(curl(&lab, &call).text.contains("ThrottlingException"));
curl(&lab, &call);
assert_eq!(lab.count("ecr:GetAuthorizationToken"), 2);
Ok(())
}

#[rustfmt::skip]
fn a_job(lab: &lab::Lab) -> Result<(), LabError> {
use lab::{ACCOUNT, Ci, JobSpec};

let job = lab.start_job(&JobSpec::new(Ci::Buildkite).project("octo", "app").number(7))?;
lab.add_oidc_provider(ACCOUNT, &job.issuer, &["sts.amazonaws.com"]); // and a role that trusts job.subject
// Run the program in job.environment, with job.programs on its PATH.
let asked = lab.session_calls(); // role, session name, duration, tags, policies; iss, aud and sub of the token
assert!(asked.is_empty() && job.environment.contains_key("BUILDKITE") && job.programs.join("buildkite-agent").exists());
lab.end_job(&job.id);
Ok(())
}

#[rustfmt::skip]
fn users(lab: &lab::Lab) -> Result<(), LabError> {
use lab::cognito::{Mfa, UserSpec};

let cognito = lab.cognito();
cognito.add_user(UserSpec::new("kim").temporary_password("Temporary-1").attribute("email", "kim@example.com").group("licensed").mfa(Mfa::Setup))?;
cognito.add_user(UserSpec::new("lee@example.com").password("Lees-Password-1"))?; // signs in with the address; the real name is a UUID
let code = cognito.totp("kim"); // once the app is set up; cognito.totp_of(secret) before
let sent = cognito.messages("kim"); // codes by SMS and e-mail
assert!(code.is_none() && sent.is_empty());
cognito.revoke("kim"); // all refresh tokens
Ok(())
}

#[test]
fn the_readmes_code_runs() {
    in_a_test().unwrap();
    let lab = crate::tools::lab();
    a_job(&lab).unwrap();
    users(&lab).unwrap();
}

#[test]
fn all_code_of_the_readme_is_tested() {
    let mut here = HERE.lines().map(str::trim);
    let blocks = PAGE
        .split("```rust\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    for line in blocks.flat_map(str::lines).map(str::trim) {
        assert!(
            here.any(|other| other == line),
            "README.md has a line that readme.rs doesn't run: {line}"
        );
    }
}
