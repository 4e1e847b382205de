//! Roles one after the other, as STS is asked for them.

use lab::{ACCOUNT, Lab, PARTNER_ACCOUNT, SessionCall, SigningAlgorithm, Trust};
use rstest::rstest;
use serde_json::json;

use crate::harness::{HOST, Machine};
use crate::jobs::{Job, Kind, PARTNER_HOST, WITH_TOKEN, role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, lab, registry_status};

const CHAINED: &str = "sts:AssumeRole";
const MANAGED: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

/// Two roles after the job's. Both trust the account's principals, with or without tags.
struct Scene {
    lab: Lab,
    job: Job,
}

impl Scene {
    fn new() -> Self {
        let lab = lab();
        let job = Job::start(&lab, Kind::Github, "app");
        job.role(&lab, ACCOUNT, "first");
        for name in ["second", "third"] {
            let principals = vec![ACCOUNT.to_owned()];
            let external_id = None;
            let tag = Trust::TagSession {
                principals: principals.clone(),
            };
            role_with(
                &lab,
                ACCOUNT,
                name,
                vec![
                    Trust::Aws {
                        principals,
                        external_id,
                    },
                    tag,
                ],
            );
        }
        Self { lab, job }
    }

    fn machine(&self, rule: &str) -> Machine {
        let machine = self.job.machine(&self.lab);
        write_rules(&machine, &(self.job.rule(HOST, "first") + rule));
        machine
    }

    /// What STS is asked for by a `get` with these lines in the rule.
    fn sessions(&self, rule: &str) -> Vec<SessionCall> {
        self.machine(rule).helper("get", HOST).password();
        self.lab.session_calls()
    }
}

fn role_names(sessions: &[SessionCall]) -> Vec<&str> {
    sessions
        .iter()
        .map(|call| call.role_arn.rsplit('/').next().unwrap())
        .collect()
}

#[test]
fn transitive_tags_are_said_once_and_others_at_each_role() {
    let scene = Scene::new();
    let sessions = scene.sessions(
        "    chain: [second, third]\n    tag: {Team: build, Cost: '42'}\n    transitive-tag: [Team]\n    session-name: nightly\n",
    );
    assert_eq!(role_names(&sessions), ["first", "second", "third"]);
    assert!(sessions.iter().all(|call| call.session_name == "nightly"));
    let tags = |at: usize| json!(sessions[at].tags);
    assert_eq!(tags(0), json!({}), "a token brings its own");
    assert_eq!(tags(1), json!({"Team": "build", "Cost": "42"}));
    assert_eq!(tags(2), json!({"Cost": "42"}), "Team comes down by itself");
    let transitive: Vec<_> = sessions.iter().map(|call| call.transitive_tags.len()).collect();
    assert_eq!(transitive, [0, 1, 0]);
}

#[test]
fn policies_and_duration_are_the_last_roles_alone() {
    let scene = Scene::new();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}"#;
    let narrowed = format!("    policy: '{policy}'\n    policy-arn: [{MANAGED}]\n    duration: 900\n");
    let sessions = scene.sessions(&format!("    chain: [second, third]\n{narrowed}"));
    for (at, is_last) in [(0, false), (1, false), (2, true)] {
        let call = &sessions[at];
        assert_eq!(
            (call.policy, call.policy_arns.len(), call.duration),
            (is_last, usize::from(is_last), is_last.then_some(900)),
            "{call:?}"
        );
    }
    scene.lab.reset();
    let alone = scene.sessions(&narrowed);
    assert!(
        alone.len() == 1 && alone[0].policy && alone[0].policy_arns == [MANAGED],
        "{alone:?}"
    );
}

/// They narrow what the password opens, too.
#[test]
fn a_session_policy_holds() {
    let scene = Scene::new();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let outcome = scene.machine(&format!("    policy: '{policy}'\n")).helper("get", HOST);
    assert!(outcome.stdout.contains("AccessDeniedException"), "{outcome:?}");
    assert!(outcome.stdout.contains(":assumed-role/first/"), "{outcome:?}");
}

#[test]
fn the_external_id_is_for_roles_that_credentials_assume() {
    let scene = Scene::new();
    let trust = Trust::Aws {
        principals: vec![ACCOUNT.into()],
        external_id: Some("ours".into()),
    };
    role_with(&scene.lab, ACCOUNT, "second", vec![trust]);
    let sessions = scene.sessions("    chain: [second]\n    external-id: ours\n");
    let ids: Vec<_> = sessions.iter().map(|call| call.external_id.as_deref()).collect();
    assert_eq!(ids, [None, Some("ours")]);
}

#[test]
fn one_role_twice_is_assumed_twice() {
    let scene = Scene::new();
    let sessions = scene.sessions("    chain: [second, second]\n");
    assert_eq!(role_names(&sessions), ["first", "second", "second"]);
    let sessions = scene.lab.calls().log;
    assert_eq!(scene.lab.count(GET_TOKEN), 1, "{sessions:?}");
}

#[rstest]
#[case::of_a_session(
    "    chain: [second]\n    duration: 3601\n",
    "too long for a role that a role assumes"
)]
#[case::too_short("    duration: 899\n", "not a session length")]
#[case::tags_of_a_token("    tag: {Team: build}\n", "takes its tags from the token's own claims")]
#[case::transitive_without_tag("    chain: [second]\n    transitive-tag: [Team]\n", "there is no tag Team")]
#[case::no_json("    policy: '{'\n", "it is not JSON")]
#[case::no_role("    chain: ['arn:aws:iam::1:role/x']\n", "not the ARN of a role")]
fn plans_are_checked_before_the_first_call(#[case] rule: &str, #[case] cause: &str) {
    let scene = Scene::new();
    let outcome = scene.machine(rule).helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.contains(cause), "{outcome:?}");
    assert_eq!(scene.lab.calls().counts.len(), 0);
}

/// No session asks for it, so AWS's hour doesn't hold.
#[test]
fn a_role_by_a_users_keys_may_live_twelve_hours() {
    let scene = Scene::new();
    let lab = &scene.lab;
    let role = crate::lab_machine::role(lab, "long");
    let machine = crate::lab_machine::machine(lab);
    write_rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: {role}\n    duration: 43200\n"),
    );
    machine.helper("get", HOST).password();
    assert_eq!(lab.session_calls()[0].duration, Some(43_200));
}

#[rstest]
#[case::the_rules("    region: eu-central-1\n", Some("us-west-2"), "eu-central-1")]
#[case::the_environments("", Some("us-west-2"), "us-west-2")]
#[case::the_registrys("", None, "eu-west-1")]
#[case::of_another_partition("", Some("cn-north-1"), "eu-west-1")]
fn the_region_whose_sts_is_asked(#[case] rule: &str, #[case] environment: Option<&str>, #[case] region: &str) {
    let scene = Scene::new();
    let mut machine = scene.machine(&format!("    chain: [second]\n{rule}"));
    if let Some(current) = environment {
        machine = machine.with("AWS_REGION", current);
    }
    machine.helper("get", HOST).password();
    let log = scene.lab.calls().log;
    let region_of = |operation: &str| {
        log.iter()
            .find(|call| call.operation == operation)
            .unwrap()
            .region
            .clone()
    };
    // The call with the token is unsigned, and the lab's address names no region: the next one is signed for the same.
    assert_eq!(region_of(CHAINED).as_deref(), Some(region));
    assert_eq!(
        region_of(GET_TOKEN).as_deref(),
        Some("eu-west-1"),
        "ECR is asked where the registry is"
    );
}

#[rstest]
#[case::china(
    "aws-cn",
    "777788889999.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "sts.amazonaws.com.cn",
    "cn-north-1"
)]
#[case::govcloud(
    "aws-us-gov",
    "777788889999.dkr.ecr.us-gov-west-1.amazonaws.com",
    "sts.amazonaws.com",
    "us-gov-west-1"
)]
fn other_partitions(#[case] partition: &str, #[case] host: &str, #[case] audience: &str, #[case] region: &str) {
    const THEIRS: &str = "777788889999";
    let lab = lab();
    lab.add_account(THEIRS, partition);
    let mut job = Job::start(&lab, Kind::Github, "app");
    job.audience = audience.to_owned();
    job.role(&lab, THEIRS, "push");
    let users = Trust::Aws {
        principals: vec![THEIRS.into()],
        external_id: None,
    };
    role_with(&lab, THEIRS, "next", vec![users]);
    let machine = job.machine(&lab).with("AWS_REGION", "eu-west-1");
    // Names alone.
    write_rules(&machine, &(job.rule(host, "push") + "    chain: [next]\n"));
    let password = machine.helper("get", host).password();
    assert_eq!(registry_status(&lab, host, &password), 200);
    let sessions = lab.session_calls();
    let roles: Vec<&str> = sessions.iter().map(|call| call.role_arn.as_str()).collect();
    let arn = |name: &str| format!("arn:{partition}:iam::{THEIRS}:role/{name}");
    assert_eq!(roles, [arn("push"), arn("next")]);
    assert_eq!(sessions[0].web_identity.as_ref().unwrap().aud, audience);
    let log = lab.calls().log;
    let regions: Vec<_> = log
        .iter()
        .filter(|call| call.operation == CHAINED)
        .map(|call| &call.region)
        .collect();
    assert_eq!(regions, [&Some(region.to_owned())]);
}

/// A rule's own role ends what `defaults` say of roles after it.
#[test]
fn each_rule_has_a_chain_of_its_own() {
    let scene = Scene::new();
    let partner = scene.job.role(&scene.lab, PARTNER_ACCOUNT, "pull");
    let machine = scene.job.machine(&scene.lab);
    let rules = scene.job.rule(HOST, "first") + "    chain: [second]\n" + &scene.job.rule(PARTNER_HOST, &partner);
    write_rules(&machine, &rules);
    for host in [HOST, PARTNER_HOST] {
        let password = machine.helper("get", host).password();
        assert_eq!(registry_status(&scene.lab, host, &password), 200);
    }
    assert_eq!((scene.lab.count(WITH_TOKEN), scene.lab.count(CHAINED)), (2, 1));
    scene
        .lab
        .add_issuer(&scene.job.issuer, SigningAlgorithm::ES256)
        .unwrap();
    machine.helper("get", HOST).password();
    assert_eq!(scene.lab.count(WITH_TOKEN), 2, "both are kept");
}
