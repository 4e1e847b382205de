//! The figures of docs/scale.md: the lab counts the calls of one node or job, and the rest is computed.

use std::io::Write;
use std::time::Duration;

use lab::{ACCOUNT, Lab, ServiceAccount};
use serde_json::json;

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{Job, Kind, PARTNER_HOST, WITH_TOKEN, write_rules};
use crate::kubelet::{ask, pod_request, pod_role, request, seconds};
use crate::lab_machine::{GET_TOKEN, lab, later, machine};
use crate::pages::table_of;

const PAGE: &str = "scale.md";
const DAY: u64 = 24 * 3600;
/// The time from the end of the kubelet's entry to the next pull, in seconds. In the same second, the cache's half of the life may not be over.
const NEXT_PULL: u64 = 60;

/// Calls of ECR and of STS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Calls {
    ecr: u64,
    sts: u64,
}

fn counted(lab: &Lab) -> Calls {
    let [ecr, sts] = [GET_TOKEN, WITH_TOKEN].map(|operation| {
        assert_eq!(lab.refused(operation), 0);
        lab.count(operation)
    });
    Calls { ecr, sts }
}

#[test]
fn what_one_node_or_job_costs() {
    let rows = table_of(PAGE, "| who | GetAuthorizationToken | AssumeRoleWithWebIdentity |");
    assert_eq!(rows.len(), 11);
    for row in rows {
        let [who, ecr, sts] = row.as_slice() else {
            panic!("{row:?}")
        };
        let said = Calls {
            ecr: ecr.parse().unwrap(),
            sts: sts.parse().unwrap(),
        };
        assert_eq!(measured(who), said, "{who}");
    }
}

fn measured(who: &str) -> Calls {
    let lab = lab();
    let node = machine(&lab);
    let mut before = counted(&lab);
    match who {
        "a node pulls its first image" => {
            pull(&node);
        }
        "a node pulls from 3 registries of a region, 10 images at once from each" => pull_at_once(&node),
        "a node pulls without a pause for a day, at most" => pull_all_day(&lab, node, |_, node| pull(node)),
        "the kubelet of that node restarts" => {
            pull(&node);
            before = counted(&lab);
            pull(&node);
        }
        "the first pull for a service account with a role of its own" => {
            pull_as(&lab, &node, &service_account(&lab));
        }
        "pulls for a service account without a pause for a day, at most" => {
            let account = service_account(&lab);
            pull_all_day(&lab, node, |lab, node| pull_as(lab, node, &account));
        }
        "the kubelet restarts, per such service account" => {
            let account = service_account(&lab);
            pull_as(&lab, &node, &account);
            before = counted(&lab);
            pull_as(&lab, &node, &account);
        }
        "a CI job that asks 50 times, from 2 registries of a region" => job_with_one_role(&lab),
        "a CI job with one role per registry, 2 registries" => job_with_two_roles(&lab),
        "10 jobs on a machine with the machine's own identity" => {
            for _ in 0..10 {
                node.helper("get", HOST).password();
            }
        }
        "the pull-secret CronJob runs once" => refresh(&lab),
        other => panic!("nobody measures: {other}"),
    }
    let after = counted(&lab);
    Calls {
        ecr: after.ecr - before.ecr,
        sts: after.sts - before.sts,
    }
}

/// Pulls an image as the kubelet does. Returns for how many seconds the kubelet keeps the response.
fn pull(node: &Machine) -> u64 {
    kept(&ask(node, &request(&format!("{HOST}/app"))))
}

fn kept(answer: &Outcome) -> u64 {
    assert_eq!(answer.status, 0, "{answer:?}");
    let answer: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    seconds(answer["cacheDuration"].as_str().unwrap())
}

fn pull_at_once(node: &Machine) {
    let hosts = ["111122223333", "444455556666", "777788889999"];
    let started: Vec<_> = (0..30)
        .map(|number| {
            let image = format!(
                "{}.dkr.ecr.eu-west-1.amazonaws.com/app-{number}",
                hosts[number % hosts.len()]
            );
            let mut child = node.start(&["kubelet"]);
            child
                .stdin
                .take()
                .unwrap()
                .write_all(request(&image).as_bytes())
                .unwrap();
            child
        })
        .collect();
    for child in started {
        assert!(kept(&Outcome::of(&child.wait_with_output().unwrap())) > 0);
    }
}

/// The kubelet asks as often as possible: whenever its entry has ended.
fn pull_all_day(lab: &Lab, mut node: Machine, pull: impl Fn(&Lab, &Machine) -> u64) {
    let mut now = 0;
    while now < DAY {
        let wait = pull(lab, &node) + NEXT_PULL;
        assert!(wait > NEXT_PULL, "it is kept");
        node = later(lab, node, Duration::from_secs(wait));
        now += wait;
    }
}

fn service_account(lab: &Lab) -> (ServiceAccount, String) {
    let account = ServiceAccount::new("shop", "web");
    let role = pod_role(lab, &account);
    (account, role)
}

fn pull_as(lab: &Lab, node: &Machine, (account, role): &(ServiceAccount, String)) -> u64 {
    let token = lab.service_account_token(account).unwrap();
    let annotations = json!({"eks.amazonaws.com/ecr-role-arn": role});
    kept(&ask(node, &pod_request(&format!("{HOST}/app"), &token, &annotations)))
}

fn job_with_one_role(lab: &Lab) {
    let job = Job::start(lab, Kind::Gitlab, "app");
    let role = job.role(lab, ACCOUNT, "push");
    let step = job.machine(lab).with("AWS_ROLE_ARN", &role);
    for number in 0..50 {
        step.helper("get", [HOST, PARTNER_HOST][number % 2]).password();
    }
}

fn job_with_two_roles(lab: &Lab) {
    let job = Job::start(lab, Kind::Github, "app");
    job.role(lab, ACCOUNT, "push");
    job.role(lab, "444455556666", "pull");
    let step = job.machine(lab);
    write_rules(&step, &(job.rule(HOST, "push") + &job.rule(PARTNER_HOST, "pull")));
    for host in [HOST, PARTNER_HOST, HOST, PARTNER_HOST] {
        step.helper("get", host).password();
    }
}

/// Runs the CronJob's container, with the variables that EKS sets.
fn refresh(lab: &Lab) {
    let job = Job::start(lab, Kind::Kubernetes, "refresher");
    let role = job.role(lab, ACCOUNT, "pull");
    let token_file = job.token_file().display().to_string();
    let container = job
        .machine(lab)
        .with("AWS_ROLE_ARN", &role)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &token_file);
    let output = container.path("secret.json").display().to_string();
    let args = [
        "login",
        "--format=k8s-secret",
        "--name=ecr-auth",
        "--namespace=shop",
        "--output",
        &output,
        "111122223333/eu-west-1",
    ];
    assert_eq!(container.run(&args).status, 0);
}

/// Returns the number in a row of a two-column table.
fn allowed(call: &str) -> f64 {
    let rows = table_of(PAGE, "| call, in one account and region | a second |");
    let row = rows.iter().find(|row| row[0].starts_with(call));
    row.unwrap_or_else(|| panic!("{call}"))[1].parse().unwrap()
}

#[test]
fn what_many_cost() {
    let per_day = |who: &str| measured(who).ecr as f64;
    let node = per_day("a node pulls without a pause for a day, at most");
    let accounts = 10.0 * per_day("pulls for a service account without a pause for a day, at most");
    let job = per_day("a CI job that asks 50 times, from 2 registries of a region");
    let day = DAY as f64;
    let tokens = allowed("GetAuthorizationToken");
    let each = [
        node,
        node / day,
        1.0 / tokens,
        accounts,
        accounts / day,
        job / day,
        job / tokens,
        10.0 / allowed("GetDownloadUrlForLayer"),
        1.0 / allowed("PutImage"),
    ];
    let rows = table_of(PAGE, "| | 10 | 1,000 | 100,000 |");
    assert_eq!(rows.len(), each.len());
    for (row, each) in rows.iter().zip(each) {
        for (cell, count) in row[1..].iter().zip([10.0, 1_000.0, 100_000.0]) {
            let said: f64 = cell.replace(',', "").parse().unwrap();
            let computed = each * count;
            assert!(is_rounded(said, computed), "{}: {cell} is {computed}", row[0]);
        }
    }
}

/// Whether a figure is the other one, rounded to one or more significant digits.
fn is_rounded(said: f64, computed: f64) -> bool {
    let digit = 10_f64.powf(computed.log10().floor());
    (said - computed).abs() <= digit / 2.0
}
