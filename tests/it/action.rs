//! `ecr-auth action main|post`, as the runner calls them.

use std::fs;
use std::path::{Path, PathBuf};

use lab::{Lab, PARTNER_ACCOUNT};
use serde_json::{Value, json};

use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, Machine};
use crate::jobs::PARTNER_HOST;
use crate::lab_machine::{GET_TOKEN, lab, machine, registry_status};

/// The end of an annotation, before the code's own section.
const SEE: &str = concat!(
    "%0Asee: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/troubleshooting.md"
);

/// A job of octo/app, and the role that it may assume.
pub fn job(lab: &Lab) -> (Runner, String) {
    let role = github_role(lab, lab::ACCOUNT, "path/ci-push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    (Runner::new(step(lab, &job)), role)
}

pub fn docker_config(runner: &Runner) -> Value {
    let folder = runner.machine.variable("DOCKER_CONFIG").filter(|it| !it.is_empty());
    let folder = folder.map_or_else(|| runner.machine.home().join(".docker"), PathBuf::from);
    let text = fs::read_to_string(folder.join("config.json"));
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Checks that no file below the folder holds any of these.
#[track_caller]
pub fn assert_nowhere(folder: &Path, secrets: &[&str]) {
    for file in files_below(folder) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        for secret in secrets {
            assert!(!text.contains(secret), "{} holds a secret", file.display());
        }
    }
}

#[test]
fn helper_mode_serves_docker_until_the_post_step() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner.main(&[("registries", "111122223333/eu-west-1"), ("role-to-assume", &role)]);
    let main = main.succeeded();
    assert_eq!(docker_config(&runner), json!({"credHelpers": {HOST: "ecr-auth"}}));
    assert_eq!(lab.count(GET_TOKEN), 1, "verified");
    let password = runner.docker_asks(HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(lab.count(GET_TOKEN), 1, "from the job's cache");

    let outputs: Vec<_> = main.outputs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let home = runner.machine.home();
    let expiration = main.outputs["expiration"].clone();
    assert_eq!(
        outputs,
        [
            (
                "authenticated-arn",
                "arn:aws:sts::111122223333:assumed-role/ci-push/gha-octo-app-42-1"
            ),
            ("aws-account-id", "111122223333"),
            ("docker-config", home.join(".docker").to_str().unwrap()),
            ("expiration", &expiration),
            ("registries", &format!("[\"{HOST}\"]")),
            ("registry", HOST),
            ("version", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert!(
        main.summary
            .contains(&format!("| {HOST} | 111122223333 | {role} | credential helper |")),
        "{main:?}"
    );
    assert_nowhere(&home, &[&password]);

    let cache = PathBuf::from(&main.env["ECR_AUTH_CACHE_DIR"]);
    assert!(cache.starts_with(runner.temporary()), "{cache:?}");
    let post = runner.post(&main);
    assert_eq!((post.outcome.status, post.outcome.stdout.as_str()), (0, ""), "{post:?}");
    assert_eq!(docker_config(&runner), Value::Null, "as it was");
    assert_nowhere(&runner.temporary(), &[&password]);
    assert!(!cache.exists());
    for variable in ["ECR_AUTH_CACHE_DIR", "ECR_AUTH_SETUP"] {
        assert_eq!(runner.machine.variable(variable), Some(""), "{post:?}");
    }
}

#[test]
fn every_registry_has_its_role() {
    let lab = lab();
    let (mut runner, ours) = job(&lab);
    let theirs = github_role(&lab, PARTNER_ACCOUNT, "partner", SUBJECT);
    let registries = format!("444455556666/us-east-1 role={theirs}\n{HOST}, 444455556666/us-east-1 role={theirs}");
    let main = runner.main(&[
        ("registries", &registries),
        ("role-to-assume", &ours),
        ("role-session-name", "mine"),
    ]);
    let main = main.succeeded();
    let partner = PARTNER_HOST.replace("eu-west-1", "us-east-1");
    assert_eq!(main.outputs["registry"], partner);
    assert_eq!(main.outputs["registries"], format!("[\"{partner}\",\"{HOST}\"]"));
    assert_eq!(main.outputs["aws-account-id"], PARTNER_ACCOUNT);
    for host in [HOST, &partner] {
        let password = runner.docker_asks(host).password();
        assert_eq!(registry_status(&lab, host, &password), 200);
    }
    let sessions = lab.session_calls();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert!(
        sessions.iter().all(|session| session.session_name == "mine"),
        "{sessions:?}"
    );
}

#[test]
fn one_registry_with_two_roles_is_an_error() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let registries = format!("{HOST}\n{HOST} role={role}");
    let main = runner.main(&[("registries", &registries)]);
    assert_eq!(main.outcome.status, 1);
    assert_eq!(
        main.annotation(),
        format!(
            "::error title=ecr-auth::input registries: {HOST} is listed twice, with two roles [EA0903]%0Ahint: a registry has one role: name it once{SEE}#ea0903"
        )
    );
}

/// A mistake is shown by GitHub, and nothing is done before.
#[test]
fn a_wrong_input_is_one_annotation_that_says_what_is_allowed() {
    let mut runner = Runner::new(Machine::new());
    for (inputs, annotation) in [
        (
            ("cleanup", "yes"),
            "input cleanup: \"yes\" is not allowed [EA0903]%0Ahint: write true or false",
        ),
        (
            ("mode", "Helper"),
            "input mode: \"Helper\" is not allowed [EA0903]%0Ahint: write helper, login or none",
        ),
        (
            ("docker-config", "isolate"),
            "input docker-config: \"isolate\" is not allowed [EA0903]%0Ahint: write auto, shared, isolated, or the path of a folder, with a / in it",
        ),
        (
            ("docker-config", "/tmp/x\n::stop-commands::t"),
            "input docker-config: it is not one line of text [EA0903]%0Ahint: write it without line ends and control characters",
        ),
    ] {
        let main = runner.main(&[("registries", HOST), inputs]);
        assert_eq!(main.outcome.status, 1);
        assert_eq!(
            main.annotation(),
            format!("::error title=ecr-auth::{annotation}{SEE}#ea0903")
        );
        assert!(
            main.outputs.is_empty() && main.env.is_empty() && main.state.is_empty(),
            "{main:?}"
        );
        assert_eq!(main.outcome.stderr, "");
    }
    let main = runner.main(&[("registries", "11122223333/eu-west-1")]);
    assert!(main.annotation().contains("leading zero"), "{main:?}");
    assert!(!runner.machine.home().join(".docker").exists());
}

#[test]
fn a_job_without_permission_for_tokens_is_told_so() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "ci-push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    let machine = step(&lab, &job).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    let mut runner = Runner::new(machine.without("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    let main = runner.main(&[("registries", HOST), ("role-to-assume", &role)]);
    assert_eq!(main.outcome.status, 1);
    assert!(main.annotation().contains("id-token: write"), "{main:?}");
    assert_eq!(
        docker_config(&runner),
        Value::Null,
        "nothing is written before the sign-in"
    );
}

#[test]
fn a_role_that_refuses_shows_the_subject_and_the_post_step_still_cleans_up() {
    let lab = lab();
    let (mut runner, _) = job(&lab);
    let other = github_role(&lab, lab::ACCOUNT, "other", "repo:octo/other:ref:refs/heads/main");
    let main = runner.main(&[("registries", HOST), ("role-to-assume", &other)]);
    assert_eq!(main.outcome.status, 1);
    assert!(main.annotation().contains(SUBJECT), "{main:?}");
    assert!(main.env.is_empty() && main.outputs.is_empty(), "{main:?}");
    let post = runner.post(&main);
    assert_eq!((post.outcome.status, post.outcome.stdout.as_str()), (0, ""), "{post:?}");
    let left: Vec<_> = files_below(&runner.temporary());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_account_that_is_not_allowed_is_not_signed_in_to() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", &role),
        ("allowed-account-ids", "444455556666"),
    ];
    let main = runner.main(&inputs);
    assert!(
        main.annotation()
            .contains("is of account 111122223333, and only 444455556666 is allowed"),
        "{main:?}"
    );
    assert!(lab.session_calls().is_empty());
    let inputs = [
        inputs[0],
        inputs[1],
        ("allowed-account-ids", "444455556666, 111122223333"),
    ];
    runner.main(&inputs).succeeded();
}

#[test]
fn without_a_role_the_runners_own_credentials_are_used() {
    let lab = lab();
    let mut runner = Runner::new(machine(&lab));
    let main = runner.main(&[("aws-region", "eu-west-1")]).succeeded();
    assert_eq!(main.outputs["registry"], HOST);
    assert_eq!(
        main.outputs["authenticated-arn"],
        "arn:aws:iam::111122223333:user/admin"
    );
    assert!(!main.env.contains_key("ECR_AUTH_SETUP"), "{main:?}");
    runner.docker_asks(HOST).password();
}

#[test]
fn chained_keys_take_the_place_of_those_they_were_assumed_with() {
    let lab = lab();
    let mut runner = Runner::new(machine(&lab));
    let role = crate::lab_machine::role(&lab, "deploy");
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("role-chaining", "true"),
        ("output-env-credentials", "true"),
    ]);
    let main = main.succeeded();
    assert!(main.env["AWS_ACCESS_KEY_ID"].starts_with("ASIA"), "{main:?}");
    // The role's own session is used, so the role need not trust itself.
    let password = runner.docker_asks(HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(lab.session_calls().len(), 2, "one for the check, one for the export");
}

#[test]
fn so_they_do_where_the_environment_names_the_role() {
    let lab = lab();
    let role = crate::lab_machine::role(&lab, "deploy");
    let mut runner = Runner::new(machine(&lab).with("AWS_ROLE_ARN", &role));
    let inputs = [("registries", HOST), ("export-credentials", "env")];
    let main = runner.main(&inputs).succeeded();
    runner.docker_asks(HOST).password();
    runner.post(&main).succeeded();
    assert_eq!(runner.machine.variable("AWS_ROLE_ARN"), Some(role.as_str()));
}

#[test]
fn public_registries_can_be_done_without() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let theirs = github_role(&lab, lab::ACCOUNT, "stranger", "repo:octo/other:ref:refs/heads/main");
    let registries = format!("{HOST}\npublic role={theirs}");
    let main = runner.main(&[("registries", &registries), ("role-to-assume", &role)]);
    assert_eq!(main.outcome.status, 0, "{main:?}");
    assert!(
        main.annotation()
            .starts_with("::warning title=ecr-auth::public.ecr.aws: going on without it: "),
        "{main:?}"
    );
    assert_eq!(docker_config(&runner)["credHelpers"]["public.ecr.aws"], "ecr-auth");
    // Nobody may send the other registry's password to the first one.
    let registries = format!("public role={theirs}\n{HOST}");
    let main = runner.main(&[
        ("registries", &registries),
        ("role-to-assume", &role),
        ("output-password", "true"),
    ]);
    let main = main.succeeded();
    assert_eq!(main.outputs["registry"], "public.ecr.aws");
    assert!(!main.outputs.contains_key("docker-password"), "{main:?}");
    let own = format!("docker_password_{}", HOST.replace(['.', '-'], "_"));
    assert!(main.outputs.contains_key(&own), "{main:?}");
}

#[test]
fn debug_logging_tells_more_but_no_secret() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    runner.machine.set("RUNNER_DEBUG", "1");
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    assert!(
        main.outcome.stderr.contains(&format!("credentials: {role} by ")),
        "{main:?}"
    );
    let log = main
        .outcome
        .stderr
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"));
    let log: String = log.collect();
    for secret in main.masked() {
        assert!(!log.contains(secret));
    }
}
