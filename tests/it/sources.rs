//! The table of sources in docs/identity.md, row by row: the existing sources decide which identity asks ECR, and no other source is asked.

use std::collections::BTreeSet;

use lab::{ACCOUNT, AccessKey, ContainerCredentials, Lab, Trust};

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{Job, Kind, role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, key_variables, lab};
use crate::pages::table;

/// Everything that a row may name, each with its own principal.
struct Scene {
    lab: Lab,
    /// Has the CI token.
    job: Job,
    /// Has the web identity's token.
    pod: Job,
    keys: AccessKey,
    container: ContainerCredentials,
    /// A profile `ci` and one `default`, each with a user.
    shared_files: [String; 2],
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

impl Scene {
    fn new() -> Self {
        let lab = lab();
        let job = Job::start(&lab, Kind::Gitlab, "app");
        let pod = Job::start(&lab, Kind::Kubernetes, "app");
        for name in ["rule", "env"] {
            let users = Trust::Aws {
                principals: vec![ACCOUNT.into()],
                external_id: None,
            };
            let trust = vec![job.trusted(&lab, ACCOUNT), pod.trusted(&lab, ACCOUNT), users];
            role_with(&lab, ACCOUNT, name, trust);
        }
        pod.role(&lab, ACCOUNT, "pod");
        let task = role_with(&lab, ACCOUNT, "task", Vec::new());
        lab.set_instance_role(Some(&role_with(&lab, ACCOUNT, "instance", Vec::new())));
        let section = |name: &str| {
            let key = lab.add_user(ACCOUNT, name);
            format!(
                "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                key.id, key.secret
            )
        };
        Self {
            keys: lab.add_user(ACCOUNT, "keys"),
            container: lab.add_container(&task),
            shared_files: ["ci", "default"].map(section),
            lab,
            job,
            pod,
        }
    }

    /// Returns a machine with everything that a row names.
    fn machine(&self, row: &[&str]) -> Machine {
        let has = |name: &str| row.contains(&name);
        let mut machine = Machine::new().with("AWS_ENDPOINT_URL", &self.lab.http_url());
        for thing in row {
            machine = self.put(machine, thing);
        }
        let [ci, default] = &self.shared_files;
        let default = if has("default profile") { default } else { "" };
        machine.write(".aws/credentials", &format!("{ci}{default}"));
        let mut rule = format!("  - match: {HOST}\n");
        for (word, line) in [
            ("rule's role", "    role-arn: rule\n"),
            ("rule's profile", "    profile: ci\n"),
            ("source: chain", "    source: chain\n"),
            ("source: oidc", "    source: oidc\n"),
        ] {
            rule += if has(word) { line } else { "" };
        }
        write_rules(&machine, &rule);
        machine
    }

    fn put(&self, machine: Machine, thing: &str) -> Machine {
        let pod_file = self.pod.token_file().display().to_string();
        match thing {
            "keys" => machine.with_all(key_variables(&self.keys)),
            "AWS_ACCESS_KEY_ID" => machine.with(thing, &self.keys.id),
            "AWS_SECRET_ACCESS_KEY" => machine.with(thing, &self.keys.secret),
            "AWS_SESSION_TOKEN" => machine.with(thing, "of another session"),
            "AWS_PROFILE" => machine.with(thing, "ci"),
            "AWS_ROLE_ARN" => machine.with(thing, &role_arn("env")),
            "AWS_WEB_IDENTITY_TOKEN_FILE" => machine.with(thing, &pod_file),
            "web identity" => machine
                .with("AWS_ROLE_ARN", &role_arn("pod"))
                .with("AWS_WEB_IDENTITY_TOKEN_FILE", &pod_file),
            "CI token" => machine.with_all(self.job.variables()),
            "container" => machine
                .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &self.container_uri())
                .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &self.container.token),
            "instance" => machine
                .without("AWS_EC2_METADATA_DISABLED")
                .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.lab.http_url()),
            "nothing" | "default profile" | "rule's role" | "rule's profile" | "source: chain" | "source: oidc" => {
                machine
            }
            other => panic!("{other}: the table names what this test doesn't know"),
        }
    }

    fn container_uri(&self) -> String {
        format!("{}{}", self.lab.http_url(), self.container.path)
    }

    /// Returns the name that `-v` shows for it.
    fn shown(&self, thing: &str) -> Option<String> {
        let pod_file = self.pod.token_file().display().to_string();
        Some(match thing {
            "keys" => format!("the environment's access key {}", self.keys.id),
            "profile" | "AWS_PROFILE" | "rule's profile" => "profile ci".to_owned(),
            "default profile" => "profile default".to_owned(),
            "web identity" => format!("{} by the token in {pod_file}", role_arn("pod")),
            "web identity token" | "AWS_WEB_IDENTITY_TOKEN_FILE" => format!("the token in {pod_file}"),
            "CI token" => "the token in ECR_AUTH_ID_TOKEN".to_owned(),
            "container" => format!("the container's credentials at {}", self.container_uri()),
            "instance" => "the instance metadata service".to_owned(),
            "role of AWS_ROLE_ARN" => role_arn("env"),
            "rule's role" => role_arn("rule"),
            "AWS_ROLE_ARN" => format!("{} of AWS_ROLE_ARN", role_arn("env")),
            _ => return None,
        })
    }

    /// Runs a row. Its source is `taken`, which may be a role that `by` assumes.
    fn check(&self, row: &[&str], taken: &str, by: Option<&str>) {
        let outcome = self.machine(row).run_with_stdin(&["-v", "helper", "get"], HOST);
        assert_eq!(outcome.status, 0, "{row:?}: {outcome:?}");
        let log = self.lab.calls().log;
        let askers: Vec<_> = log.iter().filter(|call| call.operation == GET_TOKEN).collect();
        assert_eq!(askers.len(), 1, "{row:?}");
        let asker = askers[0].principal.clone().unwrap();
        assert!(asker.starts_with(&principal(taken)), "{row:?}: {asker} asked");
        let mut expected = vec![principal(taken)];
        expected.extend(by.filter(|by| !by.ends_with("token")).map(principal));
        for call in &log {
            let known = |known: &String| call.principal.as_ref().is_none_or(|asks| asks.starts_with(known));
            assert!(expected.iter().any(known), "{row:?}: {call:?}");
        }
        let subjects: Vec<_> = self
            .lab
            .session_calls()
            .into_iter()
            .filter_map(|call| call.web_identity)
            .collect();
        let subjects: Vec<&str> = subjects.iter().map(|token| token.sub.as_str()).collect();
        let vouched: &[&str] = match by.unwrap_or(taken) {
            "CI token" => &[&self.job.subject],
            "web identity" | "web identity token" => &[&self.pod.subject],
            _ => &[],
        };
        assert_eq!(subjects, vouched, "{row:?}");
        self.check_explanation(row, taken, by, &outcome);
    }

    /// Checks that `-v` names the source, and all other existing sources.
    fn check_explanation(&self, row: &[&str], taken: &str, by: Option<&str>, outcome: &Outcome) {
        let name = |thing: &str| self.shown(thing).unwrap();
        let source = by.map_or_else(|| name(taken), |by| format!("{} by {}", name(taken), name(by)));
        let mut lines = outcome.stderr.lines();
        assert_eq!(lines.next(), Some(format!("credentials: {source}").as_str()), "{row:?}");
        let mut told = BTreeSet::new();
        for line in lines.filter_map(|line| line.strip_prefix("passed over: ")) {
            let (what, why) = line.rsplit_once(": ").unwrap();
            assert!(!why.is_empty() && told.insert(what.to_owned()), "{row:?}: {line}");
        }
        let is_hidden = |thing: &&str| *thing == "default profile" && row.contains(&"AWS_PROFILE");
        let used = [Some(taken), by].map(|thing| thing.map(name));
        let others = row.iter().filter(|thing| !is_hidden(thing));
        // Only a call can tell whether the instance has a role.
        let others = others.filter(|thing| !matches!(**thing, "instance" | "rule's role"));
        let others = others.filter_map(|thing| self.shown(thing));
        let is_used = |shown: &String| {
            used.iter().flatten().any(|used| used == shown) || shown == &format!("{} of AWS_ROLE_ARN", name(taken))
        };
        let expected: BTreeSet<String> = others.filter(|shown| !is_used(shown)).collect();
        assert_eq!(told, expected, "{row:?}: {outcome:?}");
    }

    fn check_error(&self, row: &[&str], what: &str) {
        let outcome = self.machine(row).helper("get", HOST);
        assert_eq!(outcome.status, 1, "{row:?}: {outcome:?}");
        let start = format!("ecr-auth: {HOST}: {what}: ");
        assert!(outcome.stdout.starts_with(&start), "{row:?}: {outcome:?}");
        assert!(outcome.stderr.contains("\nhint: "), "{row:?}: {outcome:?}");
        let calls = self.lab.calls().counts;
        assert!(
            calls.keys().all(|operation| operation.starts_with("imds:")),
            "{row:?}: {calls:?}"
        );
    }
}

/// Returns the start of the ARN of a source's principal.
fn principal(source: &str) -> String {
    let user = |name: &str| format!("arn:aws:iam::{ACCOUNT}:user/{name}");
    let session = |role: &str| format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/");
    match source {
        "keys" => user("keys"),
        "profile" => user("ci"),
        "default profile" => user("default"),
        "web identity" => session("pod"),
        "container" => session("task"),
        "instance" => session("instance"),
        "role of AWS_ROLE_ARN" => session("env"),
        "rule's role" => session("rule"),
        other => panic!("{other}: the table names what this test doesn't know"),
    }
}

#[test]
fn every_row_of_the_page() {
    let scene = Scene::new();
    let rows = table("| what is there | what asks ECR |");
    assert!(rows.len() > 40, "{rows:?}");
    for row in rows {
        scene.lab.reset();
        let there: Vec<&str> = row[0].split(", ").collect();
        match row[1].strip_prefix("error: ") {
            Some(what) => scene.check_error(&there, what),
            None => match row[1].split_once(" by ") {
                Some((role, by)) => scene.check(&there, role, Some(by)),
                None => scene.check(&there, &row[1], None),
            },
        }
    }
}

/// The default profile and the profile `work`, each with a region of its own.
fn with_regions(machine: &Machine) {
    let config = "[default]\nregion = ap-south-1\n[profile work]\nregion = eu-north-1\n";
    machine.write(".aws/config", config);
    let key = |name: &str| machine.variable(name).unwrap().to_owned();
    let (id, secret) = (key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY"));
    let keys = format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    machine.write(".aws/credentials", &keys);
}

#[test]
fn an_account_alone_is_completed_by_the_region_of_the_profile_that_is_named() {
    let lab = crate::lab_machine::lab();
    let machine = crate::lab_machine::machine(&lab);
    with_regions(&machine);
    for (args, region) in [
        (&["111122223333"][..], "ap-south-1"),
        (&["111122223333", "--profile", "work"], "eu-north-1"),
        (&["--profile", "work"], "eu-north-1"),
        (
            &["--profile", "work", "--region", "sa-east-1", "111122223333"],
            "sa-east-1",
        ),
    ] {
        let outcome = machine.run(&[&["login", "--format", "json"], args].concat());
        let host = format!("\"registry\":\"111122223333.dkr.ecr.{region}.amazonaws.com\"");
        assert!(outcome.stdout.contains(&host), "{args:?}: {outcome:?}");
    }
}

#[test]
fn assume_hands_over_the_region_of_the_profile_that_is_named() {
    let lab = crate::lab_machine::lab();
    let machine = crate::lab_machine::machine(&lab);
    with_regions(&machine);
    let outcome = machine.run(&["assume", "--profile", "work", "--format", "dotenv"]);
    assert!(outcome.stdout.contains("\nAWS_REGION=eu-north-1\n"), "{outcome:?}");
    let machine = machine.with("AWS_REGION", "us-west-2");
    let outcome = machine.run(&["assume", "--profile", "work", "--format", "dotenv"]);
    assert!(outcome.stdout.contains("\nAWS_REGION=us-west-2\n"), "{outcome:?}");
}
