//! `login` and `logout` as processes: into clients' stores and every other format; masked, all or nothing, and undone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab::{Ci, Lab, Permissions};
use serde_json::{Value, json};

use crate::harness::{HOST, Machine, Outcome, assert_private};
use crate::jobs::{self, WITH_TOKEN, in_job};
use crate::lab_machine::{self, GET_TOKEN, lab, registry_status};
use crate::python::python_tool;
use crate::stored_logins::add_store;

const PARTNER_HOST: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
const DOCKER: &str = ".docker/config.json";
const PODMAN: &str = ".config/containers/auth.json";

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns a registry's password in a client's file.
fn password_in(machine: &Machine, file: &str, host: &str) -> String {
    let config = json_of(&machine.read(file));
    let auth = config["auths"][host]["auth"].as_str().unwrap();
    let pair = String::from_utf8(STANDARD.decode(auth).unwrap()).unwrap();
    pair.strip_prefix("AWS:").unwrap().to_owned()
}

fn base64_of(password: &str) -> String {
    STANDARD.encode(format!("AWS:{password}"))
}

#[track_caller]
fn is_done(outcome: &Outcome) {
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
}

/// Checks the message about a stored password.
#[track_caller]
fn tells(outcome: &Outcome, start: &str, end: &str) {
    let found = outcome
        .stderr
        .lines()
        .any(|line| line.starts_with(start) && line.ends_with(end));
    assert!(found, "{start}…{end} in {outcome:?}");
}

/// Returns a job that may assume a role in each of two accounts, with the rules for it.
fn two_accounts(lab: &Lab) -> Machine {
    let job = jobs::start_ci(lab, Ci::Github);
    let ours = jobs::ci_role(lab, &job, lab::ACCOUNT, "push");
    let theirs = jobs::ci_role(lab, &job, lab::PARTNER_ACCOUNT, "push");
    let machine = jobs::ci_machine(lab, &job);
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "registries:\n  - match: {HOST}\n    role-arn: {ours}\n  - match: {PARTNER_HOST}\n    role-arn: {theirs}\n"
        ),
    );
    machine
}

#[test]
fn docker_and_podman_get_what_opens_the_registry_and_logout_takes_it_out() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let before = "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}}\n";
    machine.write(DOCKER, before);
    let outcome = machine.run(&["login", HOST]);
    is_done(&outcome);
    tells(
        &outcome,
        &format!("docker: signed in to {HOST} until 20"),
        ", in ~/.docker/config.json",
    );
    tells(
        &outcome,
        &format!("podman: signed in to {HOST} until 20"),
        "Z, in ~/.config/containers/auth.json",
    );
    for file in [DOCKER, PODMAN] {
        assert_eq!(
            registry_status(&lab, HOST, &password_in(&machine, file, HOST)),
            200,
            "{file}"
        );
        assert_private(&machine.home().join(file));
    }
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (1, 1));

    let outcome = machine.run(&["logout"]);
    is_done(&outcome);
    assert_eq!(machine.read(DOCKER), before);
    assert!(!machine.home().join(PODMAN).exists());
    assert!(!machine.home().join(".local/state/ecr-auth/setup.json").exists());
    let kept = machine.cache_files();
    assert!(
        kept.iter()
            .all(|file| !fs::read_to_string(file).unwrap().contains("secret")),
        "{kept:?}"
    );
}

#[test]
fn the_clients_own_store_gets_it_through_stdin() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let machine = add_store(machine);
    let config = format!("{{\"credsStore\": \"keeping\", \"credHelpers\": {{\"{PARTNER_HOST}\": \"\"}}}}");
    machine.write(DOCKER, &config);
    let outcome = machine.run(&["login", "--client", "docker", HOST]);
    is_done(&outcome);
    tells(
        &outcome,
        &format!("docker: signed in to {HOST} until 20"),
        "in the credential store keeping",
    );
    assert_eq!(machine.read(DOCKER), config);
    let kept = json_of(&machine.read(&format!("kept/{HOST}")));
    assert_eq!(kept["Username"], "AWS");
    assert_eq!(registry_status(&lab, HOST, kept["Secret"].as_str().unwrap()), 200);
    is_done(&machine.run(&["logout"]));
    assert!(!machine.home().join("kept").join(HOST).exists());
}

#[test]
fn a_store_that_fails_or_is_not_there_is_an_error_and_nothing_is_stored() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let machine = add_store(machine);
    let config = format!("{{\"credHelpers\": {{\"{PARTNER_HOST}\": \"gone\"}}}}");
    machine.write(DOCKER, &config);
    let outcome = machine.run(&["login", "--client", "docker", HOST, PARTNER_HOST]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("docker-credential-gone is not on PATH"),
        "{outcome:?}"
    );
    assert_eq!(machine.read(DOCKER), config);
}

#[test]
fn where_ecr_auth_is_the_helper_nothing_is_stored_and_a_flag_without_effect_is_told() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let role = machine.env().get("AWS_ROLE_ARN").unwrap().to_owned();
    let bin = machine.path("bin").display().to_string();
    let path = format!("{bin}:/usr/bin:/bin");
    let machine = machine.with("PATH", &path);
    is_done(&machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST]));
    let config = machine.read(DOCKER);
    let outcome = machine.run(&["login", "--client", "docker", HOST]);
    outcome.is(
        0,
        "",
        &format!("docker: signed in to {HOST} by the credential helper ecr-auth: nothing had to be stored\n"),
    );
    let outcome = machine.run(&["login", "--client", "docker", "--role-arn", &role, HOST]);
    is_done(&outcome);
    tells(
        &outcome,
        &format!("warning: docker asks the helper for {HOST}, where"),
        "writes it there",
    );
    assert_eq!(machine.read(DOCKER), config);
}

#[test]
fn two_accounts_two_roles_and_one_fetch_for_each_even_without_a_cache() {
    let lab = lab();
    let machine = two_accounts(&lab).with("ECR_AUTH_CACHE", "off");
    let outcome = machine.run(&["login", "--format", "json", HOST, PARTNER_HOST, HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let document = json_of(&outcome.stdout);
    let found = document["registries"].as_array().unwrap();
    let hosts: Vec<_> = found.iter().map(|it| it["registry"].as_str().unwrap()).collect();
    assert_eq!(hosts, [HOST, PARTNER_HOST]);
    for it in found {
        let password = it["password"].as_str().unwrap();
        assert_eq!(registry_status(&lab, it["registry"].as_str().unwrap(), password), 200);
    }
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (2, 2));
    let roles: BTreeSet<_> = lab.session_calls().into_iter().map(|call| call.role_arn).collect();
    assert_eq!(roles.len(), 2);

    // With one role for both, one token opens both.
    let role = lab.session_calls()[0].role_arn.clone();
    let outcome = machine.run(&["login", "--format", "json", "--role-arn", &role, HOST, PARTNER_HOST]);
    let document = json_of(&outcome.stdout);
    assert_eq!(
        document["registries"][0]["password"],
        document["registries"][1]["password"]
    );
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (3, 3));
}

#[test]
fn a_token_command_is_run_once_for_all_registries() {
    let lab = lab();
    let (job, machine) = in_job(&lab, Ci::Gitlab);
    let token = machine.write("token", &job.environment["ECR_AUTH_ID_TOKEN"]);
    let runs = machine.write("runs", "");
    let command = format!("echo >>{}; cat {}", runs.display(), token.display());
    let command = machine.command_line(&command);
    let machine = machine.without("ECR_AUTH_ID_TOKEN");
    let args = ["login", "--format", "json", "--token-command", &command];
    let outcome = machine.run(&[&args[..], &[HOST, PARTNER_HOST]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(machine.read("runs"), "\n");
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (1, 1));
}

#[test]
fn one_denied_is_none_stored_unless_its_rule_is_optional() {
    let lab = lab();
    let machine = two_accounts(&lab);
    let denied = format!("arn:aws:iam::{}:role/push", lab::PARTNER_ACCOUNT);
    assert!(lab.set_permissions(&denied, Permissions::deny(["ecr:GetAuthorizationToken"])));
    let outcome = machine.run(&["login", "--client", "docker", HOST, PARTNER_HOST]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("AccessDenied"), "{outcome:?}");
    assert!(!machine.home().join(".docker").exists());

    let rules = machine.read(".config/ecr-auth/ecr-auth.yml");
    machine.write(".config/ecr-auth/ecr-auth.yml", &format!("{rules}    optional: true\n"));
    let outcome = machine.run(&["login", "--client", "docker", HOST, PARTNER_HOST]);
    is_done(&outcome);
    tells(&outcome, &format!("warning: {PARTNER_HOST}: going on without it: "), "");
    assert_eq!(registry_status(&lab, HOST, &password_in(&machine, DOCKER, HOST)), 200);
    assert_eq!(json_of(&machine.read(DOCKER))["auths"].as_object().unwrap().len(), 1);
    // Alone, it is the requested registry.
    let outcome = machine.run(&["login", "--client", "docker", PARTNER_HOST]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
}

#[test]
fn github_masks_first_and_writes_outputs_as_the_runner_reads_them() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let file = machine.write("github-output", "");
    let outputs = machine.with("GITHUB_OUTPUT", file.to_str().unwrap());
    let outcome = outputs.run(&["login", "--format", "github", HOST]);
    is_done(&outcome);
    let written = outputs.read("github-output");
    let lines: Vec<&str> = written.lines().collect();
    let password = lines[4];
    let name = "111122223333_dkr_ecr_eu_west_1_amazonaws_com";
    let (_, delimiter) = lines[0].split_once("<<").unwrap();
    assert!(delimiter.starts_with("ghadelimiter_"), "{written}");
    assert_eq!(
        written,
        format!(
            "docker_username_{name}<<{delimiter}\nAWS\n{delimiter}\ndocker_password_{name}<<{delimiter}\n{password}\n{delimiter}\n"
        )
    );
    let minted = outcome
        .stderr
        .lines()
        .nth(2)
        .and_then(|line| line.strip_prefix("::add-mask::eyJ"));
    let minted = minted.unwrap_or_else(|| panic!("{outcome:?}"));
    assert_eq!(
        outcome.stderr,
        format!(
            "::add-mask::{password}\n::add-mask::{}\n::add-mask::eyJ{minted}\nthe step's outputs have the passwords, masked\n",
            base64_of(password)
        )
    );
    assert_eq!(registry_status(&lab, HOST, password), 200);

    let without = outputs.without("GITHUB_OUTPUT").with("ECR_AUTH_CACHE", "off");
    let outcome = without.run(&["login", "--format", "github", HOST]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome
            .stderr
            .starts_with("error: cannot write to $GITHUB_OUTPUT: it is not set"),
        "{outcome:?}"
    );
    assert_eq!(lab.count(GET_TOKEN), 1, "nothing was fetched for nothing");

    // Behind `env -i`, a step has at most the file's name.
    let keys = lab_machine::machine(&lab).with("GITHUB_OUTPUT", file.to_str().unwrap());
    let outcome = keys.run(&["login", "--format", "github", HOST]);
    is_done(&outcome);
    assert!(outcome.stderr.starts_with("::add-mask::"), "{outcome:?}");
}

#[test]
fn an_output_file_takes_the_place_of_the_store_and_of_the_steps_outputs() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let file = machine.home().join("out");
    let login = |format: &str, more: &[&str]| {
        let output = ["login", HOST, "--format", format, "--output", file.to_str().unwrap()];
        machine.run(&[&output, more].concat())
    };
    let outcome = login("docker", &[]);
    is_done(&outcome);
    assert_private(&file);
    let password = password_in(&machine, "out", HOST);
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(
        json_of(&machine.read("out")),
        json!({"auths": {HOST: {"auth": base64_of(&password)}}})
    );
    assert!(!machine.home().join(DOCKER).exists());
    let masks = format!("::add-mask::{password}\n::add-mask::{}\n", base64_of(&password));
    assert!(outcome.stderr.starts_with(&masks), "{outcome:?}");

    let outcome = login("github", &[]);
    is_done(&outcome);
    assert_private(&file);
    let name = "111122223333_dkr_ecr_eu_west_1_amazonaws_com";
    assert_eq!(
        machine.read("out"),
        format!("docker_username_{name}=AWS\ndocker_password_{name}={password}\n")
    );
    assert!(outcome.stderr.starts_with(&masks), "{outcome:?}");

    let outcome = login("docker", &["--client", "podman"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
}

#[test]
fn other_cis_are_told_in_their_own_way_or_not_at_all() {
    let lab = lab();
    let (job, gitlab) = in_job(&lab, Ci::Gitlab);
    let password = gitlab.run(&["login", "--format", "password", HOST]);
    password.prints(&password.stdout);
    let password = password.stdout.trim().to_owned();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    let azure = gitlab.without("GITLAB_CI").with("TF_BUILD", "True");
    azure.run(&["login", "--format", "password", HOST]).is(
        0,
        &format!("{password}\n"),
        &format!(
            "##vso[task.setsecret]{password}\n##vso[task.setsecret]{}\n##vso[task.setsecret]{}\n",
            base64_of(&password),
            job.environment["ECR_AUTH_ID_TOKEN"],
        ),
    );

    let (job, buildkite) = in_job(&lab, Ci::Buildkite);
    let outcome = buildkite.run(&["login", "--format", "password", HOST]);
    outcome.prints(&outcome.stdout);
    let password = outcome.stdout.trim();
    let hidden = lab.redactions(&job.id);
    assert_eq!(hidden[..2], [password.to_owned(), base64_of(password)]);
    assert!(
        hidden.len() == 3 && hidden[2].starts_with("eyJ"),
        "the job's token: {hidden:?}"
    );
    // If the agent cannot be asked to hide secrets, nothing is output.
    let outcome = buildkite
        .without("BUILDKITE_AGENT_JOB_API_TOKEN")
        .run(&["login", "--format", "password", HOST]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    tells(
        &outcome,
        "error: cannot have Buildkite hide the secrets in its log: buildkite-agent: it ended with exit status: 1",
        "not shown [EA0901]",
    );
}

#[test]
fn files_and_texts_for_other_programs() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    let password = machine
        .run(&["login", "--format", "password", HOST])
        .stdout
        .trim()
        .to_owned();
    machine.run(&["login", "--format", "dotenv", HOST]).prints(&format!(
        "DOCKER_USERNAME_111122223333_DKR_ECR_EU_WEST_1_AMAZONAWS_COM=AWS\nDOCKER_PASSWORD_111122223333_DKR_ECR_EU_WEST_1_AMAZONAWS_COM={password}\n"
    ));
    let path = machine.path("secret.json");
    let file = path.to_str().unwrap();
    let outcome = machine.run(&[
        "login",
        "--format",
        "k8s-secret",
        "--name",
        "ecr",
        "--namespace",
        "build",
        "--output",
        file,
        HOST,
    ]);
    outcome.is(0, "", &format!("written: {file}\n"));
    assert_private(&path);
    let valid = Command::new(python_tool("kubernetes-validate"))
        .arg("--strict")
        .arg(&path)
        .output()
        .unwrap();
    assert!(valid.status.success(), "{valid:?}");
    let secret = json_of(&fs::read_to_string(&path).unwrap());
    assert_eq!(secret["metadata"], json!({"name": "ecr", "namespace": "build"}));
    let config = STANDARD
        .decode(secret["data"][".dockerconfigjson"].as_str().unwrap())
        .unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["auths"][HOST]["password"], password.as_str());
    assert_eq!(config["auths"][HOST]["auth"], base64_of(&password));
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is_fetched() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    machine.run(&["login", "--format", "password", HOST, PARTNER_HOST]).is(
        2,
        "",
        "error: cannot print the password alone: 2 registries are asked for [EA0002]\nhint: name one registry, or use --format json\n",
    );
    for wrong in [
        &["--output", "x", "--client", "docker", HOST][..],
        &["--format", "json", "--client", "docker", HOST],
        &["--format", "json", "--name", "ecr", HOST],
        &["--format", "k8s-secret", "--name", "Ecr", HOST],
        &["--profile", "a", "--role-arn", "b", HOST],
        &["example.com"],
    ] {
        let outcome = machine.run(&[&["login"], wrong].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    }
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!(
            "registries:\n  - {{match: a-b.example.com, registry: {HOST}}}\n  - {{match: a.b.example.com, registry: {HOST}}}\n"
        ),
    );
    let outcome = machine.run(&["login", "--format", "dotenv"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("a-b.example.com and a.b.example.com both become"),
        "{outcome:?}"
    );
    assert_eq!((lab.count(WITH_TOKEN), lab.count(GET_TOKEN)), (0, 0));
}

#[test]
fn without_a_registry_it_is_the_roles_own() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Github);
    let machine = machine.with("AWS_REGION", "eu-west-1");
    let outcome = machine.run(&["login", "--client", "docker"]);
    is_done(&outcome);
    assert!(
        outcome
            .stderr
            .contains(&format!("registry: {HOST}, the caller's own\n")),
        "{outcome:?}"
    );
    assert_eq!(registry_status(&lab, HOST, &password_in(&machine, DOCKER, HOST)), 200);
    assert_eq!(
        lab.count("sts:GetCallerIdentity"),
        0,
        "the role's name tells the account"
    );
    let unnamed = machine.without("AWS_REGION").run(&["login"]);
    assert_eq!(unnamed.status, 2, "{unnamed:?}");
    assert!(unnamed.stderr.contains("set --region or AWS_REGION"), "{unnamed:?}");
}

#[test]
fn a_terminal_is_shown_no_password() {
    let lab = lab();
    let (_, machine) = in_job(&lab, Ci::Gitlab);
    for format in ["password", "json", "dotenv", "k8s-secret"] {
        let line = format!(
            "'{}' login --format {format} {HOST}",
            crate::harness::binary().display()
        );
        let refused = machine.call(Path::new("/usr/bin/script"), &["-qec", &line, "/dev/null"], "");
        assert_eq!(refused.status, 2, "{refused:?}");
    }
    assert_eq!(lab.count(WITH_TOKEN), 0);
}
