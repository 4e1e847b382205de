//! The catalogue of docs/identity.md, row by row: each refusal of STS in its own words, with its own way out, asked once.

use std::fs;
use std::time::Duration;

use lab::{ACCOUNT, AccessKey, Ci, Condition, Fault, GITHUB_ISSUER, JobSpec, Lab, Operator, Service, Trust};
use rstest::rstest;
use serde_json::json;

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{Job, Kind, WITH_TOKEN, role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, lab, machine, machine_with};
use crate::pages::table;

const AUDIENCE: &str = "sts.amazonaws.com";
const CHAINED: &str = "sts:AssumeRole";

/// A job that a role trusts, as long as nothing is wrong.
struct Scene {
    lab: Lab,
    job: Job,
}

impl Scene {
    fn new() -> Self {
        let lab = lab();
        let job = Job::start(&lab, Kind::Jenkins, "app");
        job.role(&lab, ACCOUNT, "push");
        Self { lab, job }
    }

    /// The job with a role of this trust in place of the right one.
    fn with_trust(&self, condition: &str, value: &str) -> Machine {
        trust(&self.lab, &self.job.issuer, condition, value);
        self.machine("")
    }

    /// With more lines for the rule.
    fn machine(&self, rule: &str) -> Machine {
        let machine = self.job.machine(&self.lab);
        write_rules(&machine, &(self.job.rule(HOST, "push") + rule));
        machine
    }

    /// The token is this one.
    fn with_token(&self, token: &str) -> Machine {
        self.machine("").with("ECR_AUTH_ID_TOKEN", token)
    }

    fn failing(&self, fault: Fault) -> Machine {
        self.lab.fail(Service::Sts, fault);
        self.machine("")
    }

    /// A second role that the first one assumes. It asks for this external id, where there is one.
    fn chained(&self, external_id: Option<&str>, rule: &str) -> Machine {
        let users = Trust::Aws {
            principals: vec![ACCOUNT.into()],
            external_id: external_id.map(Into::into),
        };
        role_with(&self.lab, ACCOUNT, "next", vec![users]);
        self.machine(&format!("    chain: [next]\n{rule}"))
    }

    /// Keys of a session in place of the job's token.
    fn machine_of(&self, session: &AccessKey, role: &str) -> Machine {
        let machine = machine_with(&self.lab, session);
        let rule = format!("  - match: {HOST}\n    role-arn: {role}\n    duration: 7200\n");
        write_rules(&machine, &rule);
        machine
    }

    fn with_file(&self, content: Option<&str>) -> Machine {
        let machine = self.machine("");
        let file = machine.path("token");
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let rule = format!(
            "  - match: {HOST}\n    role-arn: push\n    token-file: {}\n",
            file.display()
        );
        write_rules(&machine, &rule);
        machine
    }

    /// The machine of a job for which this is wrong.
    fn machine_where(&self, wrong: &str) -> Machine {
        let lab = &self.lab;
        let issuer = &self.job.issuer;
        match wrong {
            "the trust policy names another subject" => {
                self.with_trust("sub", "https://jenkins.example.com/job/other/")
            }
            "the trust policy names another audience" => self.with_trust("aud", "https://example.com"),
            "the trust policy has GitHub's old subject, the token the immutable one" => github(lab),
            "the provider lists another audience" => {
                lab.add_oidc_provider(ACCOUNT, issuer, &["https://example.com"]);
                self.machine("")
            }
            "the account has no such provider" => {
                let spec = JobSpec::new(Ci::Jenkins).issuer("https://unknown.example.com");
                let other = lab.start_job(&spec).unwrap();
                self.with_token(&other.environment["ECR_AUTH_ID_TOKEN"])
            }
            "the token has ended" => self.with_token(&self.token(-7200)),
            "the token is not a JWT" => self.with_token("glpat-something-else"),
            "the issuer changed its key" => {
                lab.add_issuer(issuer, lab::SigningAlgorithm::ES256).unwrap();
                self.machine("")
            }
            "the issuer's clock is ahead" => self.with_token(&self.token(7200)),
            "the issuer took the token back" => self.failing(Fault::IdpRejectedClaim),
            "AWS can't reach the issuer" => self.failing(Fault::IdpCommunication),
            "throttling" => self.failing(Fault::Throttle),
            "AWS, or a proxy, fails" => self.failing(Fault::Status { status: 503 }),
            "STS is off in this region" => self.failing(Fault::RegionDisabled),
            "the session policy is no IAM policy" => self.machine("    policy: '{\"Statement\":\"all\"}'\n"),
            "policies and tags are too large" => self.machine(&large_policies()),
            "the session is longer than the role allows" => self.machine("    duration: 7200\n"),
            "a session asks for more than an hour" => {
                let task = crate::lab_machine::role(lab, "task");
                let session = crate::lab_machine::session(lab, &task);
                self.machine_of(&session, &crate::lab_machine::role(lab, "next"))
            }
            "the external id is another one" => self.chained(Some("ours"), "    external-id: theirs\n"),
            "the external id is missing" => self.chained(Some("ours"), ""),
            "the trust policy doesn't let the session be tagged" => self.chained(None, "    tag: {Team: build}\n"),
            "GitHub's job has no permission" => {
                let machine = github(lab);
                machine
                    .without("ACTIONS_ID_TOKEN_REQUEST_URL")
                    .without("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
            }
            "the token's file is not there" => self.with_file(None),
            "the token's file is empty" => self.with_file(Some("\n")),
            other => panic!("{other}: the page has what this test doesn't know"),
        }
    }

    /// A token of the job that was issued so many seconds from now, for an hour.
    fn token(&self, from_now: i64) -> String {
        let issued = self.lab.now() + from_now;
        let claims = json!({
            "iss": self.job.issuer, "sub": self.job.subject, "aud": AUDIENCE,
            "iat": issued, "nbf": issued, "exp": issued + 3600,
        });
        self.lab.sign_jwt(&self.job.issuer, &claims).unwrap()
    }
}

fn trust(lab: &Lab, issuer: &str, claim: &str, value: &str) {
    let trust = Trust::WebIdentity {
        provider: issuer.trim_start_matches("https://").into(),
        conditions: vec![Condition {
            operator: Operator::StringLike,
            claim: claim.into(),
            values: vec![value.into()],
        }],
    };
    role_with(lab, ACCOUNT, "push", vec![trust]);
}

/// A job of a new repository, and a trust policy from before.
fn github(lab: &Lab) -> Machine {
    let spec = JobSpec::new(Ci::Github).subject("repo:octo@1/app@2:ref:refs/heads/main");
    let job = lab.start_job(&spec).unwrap();
    lab.add_oidc_provider(ACCOUNT, GITHUB_ISSUER, &[AUDIENCE]);
    trust(lab, GITHUB_ISSUER, "sub", "repo:octo/app:*");
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with_all(job.environment);
    write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
    machine
}

/// Each fits by itself.
fn large_policies() -> String {
    let resource = "x".repeat(1900);
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:ecr:*:*:repository/{resource}")}],
    });
    let arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess";
    format!("    policy: '{policy}'\n    policy-arn: [{arn}, {arn}]\n")
}

/// What a `get` says where this row of the page is wrong.
pub fn refused(wrong: &str) -> Outcome {
    let scene = Scene::new();
    scene
        .machine_where(wrong)
        .with("AWS_MAX_ATTEMPTS", "1")
        .helper("get", HOST)
}

#[test]
fn every_row_of_the_page() {
    let rows = table("| what is wrong | the error | tried again | the hint |");
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let [wrong, error, again, hint] = &row[..] else {
            panic!("{row:?}")
        };
        let scene = Scene::new();
        let machine = scene.machine_where(wrong).with("AWS_MAX_ATTEMPTS", "2");
        let outcome = machine.helper("get", HOST);
        assert_eq!(outcome.status, 1, "{wrong}: {outcome:?}");
        assert!(outcome.stdout.contains(error), "{wrong}: {outcome:?}");
        assert!(outcome.stdout.chars().count() <= 301, "{wrong}: {outcome:?}");
        let (told, hinted) = outcome.stderr.split_once("\nhint: ").expect(wrong);
        assert!(
            told.starts_with("error: ") && told.contains(error),
            "{wrong}: {outcome:?}"
        );
        let mut rest = hinted;
        for part in hint.split(" … ") {
            let at = rest.find(part).unwrap_or_else(|| panic!("{wrong}: {part} in {hinted}"));
            rest = &rest[at..];
        }
        assert!(!outcome.stderr.contains("eyJ"), "{wrong}: {outcome:?}");
        let refused = scene.lab.refused(WITH_TOKEN) + scene.lab.refused(CHAINED);
        let expected = match again.as_str() {
            "no" => 1,
            "yes" => 2,
            _ => 0,
        };
        assert_eq!(refused, expected, "{wrong}: {:?}", scene.lab.calls().log);
        assert_eq!(scene.lab.count(GET_TOKEN), 0, "{wrong}");
    }
}

/// A trust policy names the role of a session, not the session.
#[test]
fn the_role_of_the_session_that_may_not_assume_is_named() {
    let lab = lab();
    let task = crate::lab_machine::role(&lab, "task");
    let session = crate::lab_machine::session(&lab, &task);
    role_with(&lab, ACCOUNT, "next", Vec::new());
    let machine = machine_with(&lab, &session);
    write_rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: next\n    source: chain\n"),
    );
    let outcome = machine.helper("get", HOST);
    let told = format!("    2. Its trust policy must name {task}, with sts:AssumeRole.\n");
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
}

#[rstest]
#[case::idp(Fault::IdpCommunication)]
#[case::throttled(Fault::Throttle)]
#[case::unavailable(Fault::Status { status: 503 })]
#[case::reset(Fault::Reset)]
fn what_passes_is_tried_again(#[case] fault: Fault) {
    let scene = Scene::new();
    scene.lab.fail_next(Service::Sts, 1, fault);
    scene.machine("").helper("get", HOST).password();
    assert_eq!(scene.lab.count(WITH_TOKEN), 2);
}

/// AWS's answer tells the time; the call is signed anew with that.
#[test]
fn a_machine_whose_clock_is_off_is_put_right() {
    let lab = lab();
    crate::lab_machine::role(&lab, "push");
    lab.advance(Duration::from_secs(3600));
    let machine = machine(&lab);
    write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(CHAINED), 2);
    let outcome = machine
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("ECR_AUTH_CACHE", "off")
        .helper("get", HOST);
    assert!(outcome.stdout.contains("SignatureDoesNotMatch"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("hint: this machine's clock is off: "),
        "{outcome:?}"
    );
}
