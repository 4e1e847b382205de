//! The action on a machine that others use too: isolated configurations, other jobs, and what was there before.

use std::fs;
use std::path::PathBuf;

use lab::{ACCOUNT, PARTNER_ACCOUNT, Trust};
use serde_json::{Value, json};

use crate::action::{assert_nowhere, docker_config, files_below, job};
use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, assert_private, is_for_windows};
use crate::jobs::{PARTNER_HOST, role_with};
use crate::lab_machine::{lab, machine, registry_status};

#[test]
fn an_isolated_configuration_is_a_copy_that_keeps_dockers_ways() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let before = "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}, \"currentContext\": \"far\"}";
    runner.machine.write(".docker/config.json", before);
    runner.machine.write(".docker/contexts/meta/far/meta.json", "{}");
    runner.machine.write(".docker/cli-plugins/docker-buildx", "");
    runner.machine.write(".docker/key.pem", "a key");
    runner.machine.set("RUNNER_ENVIRONMENT", "self-hosted");
    let first = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    let folder = PathBuf::from(&first.env["DOCKER_CONFIG"]);
    assert!(folder.starts_with(runner.temporary()), "{folder:?}");
    assert_eq!(first.outputs["docker-config"], folder.to_str().unwrap());
    assert_eq!(
        first.env["BUILDX_CONFIG"],
        runner.machine.home().join(".docker/buildx").to_str().unwrap()
    );
    assert_private(&folder.join("config.json"));
    assert!(folder.join("contexts/meta/far/meta.json").is_file() && folder.join("cli-plugins/docker-buildx").is_file());
    assert_eq!(docker_config(&runner)["currentContext"], "far");

    let second = runner
        .main(&[("registries", "public\n444455556666/eu-west-1"), ("verify", "false")])
        .succeeded();
    assert_eq!(
        second.outputs["docker-config"],
        folder.to_str().unwrap(),
        "the same folder"
    );
    let hosts = docker_config(&runner)["credHelpers"].as_object().unwrap().len();
    assert_eq!(hosts, 3);
    assert_eq!(runner.machine.read(".docker/config.json"), before);

    runner.post(&second).succeeded();
    assert_eq!(docker_config(&runner)["credHelpers"], json!({HOST: "ecr-auth"}));
    runner.docker_asks(HOST).password();
    runner.post(&first).succeeded();
    assert!(folder.is_dir() && !folder.join("config.json").exists());
    if is_for_windows() {
        // Copies there: a context has keys.
        assert!(!folder.join("contexts").exists() && !folder.join("key.pem").exists());
    }
    assert_eq!(runner.machine.variable("DOCKER_CONFIG"), Some(""));
    assert_eq!(runner.machine.read(".docker/config.json"), before);
    assert!(
        runner
            .machine
            .home()
            .join(".docker/contexts/meta/far/meta.json")
            .is_file()
    );
}

#[test]
fn an_isolated_login_stays_out_of_the_users_credential_store() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    runner.machine = crate::stored_logins::add_store(runner.machine);
    let before = "{\"credsStore\": \"keeping\"}";
    runner.machine.write(".docker/config.json", before);
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("mode", "login"),
        ("docker-config", "isolated"),
    ];
    let step = runner.main(&inputs).succeeded();
    let config = docker_config(&runner);
    assert_eq!(config["credHelpers"], json!({HOST: ""}));
    assert!(config["auths"][HOST]["auth"].is_string(), "{config}");
    assert!(!runner.machine.home().join("kept").exists(), "the store was asked");
    runner.post(&step).succeeded();
    assert_eq!(runner.machine.read(".docker/config.json"), before);
}

#[test]
fn podman_keeps_its_logins_when_isolated() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let before = "{\"auths\": {\"quay.io\": {\"auth\": \"eDp5\"}}}";
    runner.machine.write(".config/containers/auth.json", before);
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("docker-config", "isolated"),
    ];
    let main = runner.main(&inputs).succeeded();
    let logins = PathBuf::from(&main.env["REGISTRY_AUTH_FILE"]);
    let text: Value = serde_json::from_str(&fs::read_to_string(&logins).unwrap()).unwrap();
    assert_eq!(
        text,
        json!({"auths": {"quay.io": {"auth": "eDp5"}}, "credHelpers": {HOST: "ecr-auth"}})
    );
    runner.post(&main).succeeded();
    assert!(!logins.exists());
    assert_eq!(runner.machine.read(".config/containers/auth.json"), before);
}

#[test]
fn two_jobs_with_one_home_do_not_disturb_each_other() {
    let lab = lab();
    let (mut one, role) = job(&lab);
    let home = one.machine.home().display().to_string();
    let another = lab.add_github_job(SUBJECT).unwrap();
    let mut two = Runner::new(step(&lab, &another).with("HOME", &home));
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("docker-config", "shared"),
    ];
    let first = one.main(&inputs).succeeded();
    let second = two.main(&inputs).succeeded();
    one.post(&first).succeeded();
    assert_eq!(
        docker_config(&one),
        json!({"credHelpers": {HOST: "ecr-auth"}}),
        "the other still needs it"
    );
    two.docker_asks(HOST).password();
    two.post(&second).succeeded();
    assert_eq!(docker_config(&one), Value::Null);
}

/// A job that ended without its post step, for example: its entry comes before any password, but its helper was removed with the job.
#[test]
fn a_login_finds_the_helper_of_another_jobs_entry() {
    let lab = lab();
    let (mut one, role) = job(&lab);
    let home = one.machine.home().display().to_string();
    let another = lab.add_github_job(SUBJECT).unwrap();
    let mut two = Runner::new(step(&lab, &another).with("HOME", &home));
    let inputs = [("registries", HOST), ("role-to-assume", role.as_str())];
    one.main(&inputs).succeeded();
    fs::remove_dir_all(one.temporary()).unwrap();
    let main = two.main(&[inputs[0], inputs[1], ("mode", "login")]).succeeded();
    let password = two.docker_asks(HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    two.post(&main).succeeded();
    assert_eq!(docker_config(&two), Value::Null);
}

#[test]
fn what_was_set_up_on_the_machine_stays() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let config = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-auth\", \"{PARTNER_HOST}\": \"ecr-login\"}}}}");
    runner.machine.write(".docker/config.json", &config);
    let registries = format!("{HOST},{PARTNER_HOST}");
    let main = runner
        .main(&[
            ("registries", &registries),
            ("role-to-assume", &role),
            ("verify", "false"),
        ])
        .succeeded();
    assert_eq!(docker_config(&runner)["credHelpers"][PARTNER_HOST], "ecr-auth");
    runner.post(&main).succeeded();
    assert_eq!(runner.machine.read(".docker/config.json"), config);
}

#[test]
fn the_post_step_leaves_what_somebody_has_changed_since() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("docker-config", "isolated"),
    ]);
    let main = main.succeeded();
    runner.machine.set("DOCKER_CONFIG", "/elsewhere");
    let post = runner.post(&main).succeeded();
    assert!(!post.env.contains_key("DOCKER_CONFIG"), "{post:?}");

    let (mut runner, role) = job(&self::lab());
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role), ("verify", "false")])
        .succeeded();
    runner.machine.write(
        ".docker/config.json",
        &format!("{{\"credHelpers\": {{\"{HOST}\": \"mine\"}}}}"),
    );
    runner.post(&main).succeeded();
    assert_eq!(docker_config(&runner)["credHelpers"][HOST], "mine");
}

#[test]
fn a_post_step_that_cannot_clean_up_warns_and_succeeds() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role), ("verify", "false")])
        .succeeded();
    runner.machine.write(".docker/config.json", "{");
    let post = runner.post(&main);
    assert_eq!(post.outcome.status, 0);
    assert!(post.annotation().starts_with("::warning title=ecr-auth::"), "{post:?}");
    let nothing = runner.post(&post);
    assert_eq!((nothing.outcome.status, nothing.outcome.stdout.as_str()), (0, ""));
}

#[test]
fn without_cleanup_all_stays() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role), ("skip-logout", "true")])
        .succeeded();
    // The runner itself warns of an old name, by action.yml's deprecationMessage, so we must not warn again.
    assert_eq!(main.outcome.stdout, "");
    runner.post(&main).succeeded();
    runner.docker_asks(HOST).password();
    assert_eq!(docker_config(&runner), json!({"credHelpers": {HOST: "ecr-auth"}}));
}

/// As in amazon-ecr-login: the case of its inputs does not matter, and `registry-type: public` leaves the other registries out.
#[test]
fn the_inputs_of_amazon_ecr_login_mean_what_they_meant() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("registry-type", "PUBLIC"),
        ("skip-logout", "tRue"),
    ]);
    let main = main.succeeded();
    assert_eq!(main.outputs["registry"], "public.ecr.aws");
    assert_eq!(main.outputs["registries"], "[\"public.ecr.aws\"]");
    runner.post(&main).succeeded();
    assert_eq!(
        docker_config(&runner),
        json!({"credHelpers": {"public.ecr.aws": "ecr-auth"}})
    );
}

/// As in configure-aws-credentials.
#[test]
fn custom_tags_may_be_numbers_and_booleans() {
    let lab = lab();
    let principals = vec![ACCOUNT.to_owned()];
    let tag = Trust::TagSession {
        principals: principals.clone(),
    };
    let external_id = None;
    let trust = vec![
        Trust::Aws {
            principals,
            external_id,
        },
        tag,
    ];
    let role = role_with(&lab, ACCOUNT, "tagged", trust);
    let mut runner = Runner::new(machine(&lab));
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("source", "chain"),
        (
            "custom-tags",
            r#"{"build": 42, "ok": true, "version": 1.50, "Team": "build"}"#,
        ),
    ]);
    main.succeeded();
    let tags = json!({"build": "42", "ok": "true", "version": "1.50", "Team": "build"});
    assert_eq!(json!(lab.session_calls()[0].tags), tags);
}

#[test]
fn the_machines_own_rules_hold_beside_the_jobs() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let theirs = github_role(&lab, PARTNER_ACCOUNT, "partner", SUBJECT);
    let rules = format!("registries:\n  - match: {PARTNER_HOST}\n    role-arn: {theirs}\n");
    runner.machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    for host in [HOST, PARTNER_HOST] {
        let password = runner.docker_asks(host).password();
        assert_eq!(registry_status(&lab, host, &password), 200);
    }
    runner.post(&main).succeeded();
    assert_eq!(runner.machine.read(".config/ecr-auth/ecr-auth.yml"), rules);
}

#[test]
fn relative_paths_of_the_machines_rules_keep_working() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let theirs = github_role(&lab, PARTNER_ACCOUNT, "partner", SUBJECT);
    let rules = format!("registries:\n  - match: {PARTNER_HOST}\n    role-arn: {theirs}\n    policy: '@narrow.json'\n");
    runner.machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let policy = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"ecr:*\", \"Resource\": \"*\"}]}";
    runner.machine.write(".config/ecr-auth/narrow.json", policy);
    runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    runner.docker_asks(PARTNER_HOST).password();
}

#[test]
fn a_jobs_role_comes_before_the_machines_rule_for_the_very_registry() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let rules = format!("registries:\n  - match: {HOST}\n    profile: nobody\n");
    runner.machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    let password = runner.docker_asks(HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    let setup = PathBuf::from(&main.env["ECR_AUTH_SETUP"]);
    assert!(setup.starts_with(runner.temporary()) && setup.exists(), "{setup:?}");
    runner.post(&main).succeeded();
    assert!(!setup.exists());
    assert_eq!(runner.machine.read(".config/ecr-auth/ecr-auth.yml"), rules);
    assert_eq!(
        runner.machine.helper("get", HOST).status,
        1,
        "the machine's own rule holds again"
    );
}

#[test]
fn a_job_that_was_killed_leaves_nothing_that_the_next_one_does_not_take_back() {
    let lab = lab();
    let (mut killed, role) = job(&lab);
    let config = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-login\"}}}}");
    killed.machine.write(".docker/config.json", &config);
    let inputs = [("registries", HOST), ("role-to-assume", role.as_str())];
    killed.main(&inputs).succeeded();
    // The runner empties it before the next job.
    fs::remove_dir_all(killed.temporary()).unwrap();

    let another = lab.add_github_job(SUBJECT).unwrap();
    let home = killed.machine.home().display().to_string();
    let mut next = Runner::new(step(&lab, &another).with("HOME", &home));
    assert_nowhere(&killed.machine.home(), &["eyJ"]);
    let main = next.main(&inputs).succeeded();
    next.post(&main).succeeded();
    assert_eq!(killed.machine.read(".docker/config.json"), config);
}

#[test]
fn a_home_that_cannot_be_written_takes_an_isolated_configuration() {
    let lab = lab();
    let (runner, role) = job(&lab);
    // No user may write there, not even root.
    let mut runner = Runner {
        machine: runner.machine.with("HOME", "/proc/self"),
        ..runner
    };
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("docker-config", "isolated"),
    ];
    let main = runner.main(&inputs).succeeded();
    runner.docker_asks(HOST).password();
    runner.post(&main).succeeded();
    assert_eq!(
        files_below(&PathBuf::from(&main.env["DOCKER_CONFIG"])),
        Vec::<PathBuf>::new()
    );
}

#[test]
fn many_jobs_at_once_lose_nothing_and_leave_nothing() {
    let lab = lab();
    let (first, role) = job(&lab);
    let before = "{\n  \"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}\n}\n";
    first.machine.write(".docker/config.json", before);
    let home = first.machine.home().display().to_string();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let own = lab.add_github_job(SUBJECT).unwrap();
                // This waits for seven other edits, on a disk that may be slow.
                let step = step(&lab, &own).with("HOME", &home).with("ECR_AUTH_TIMEOUT", "60");
                let mut runner = Runner::new(step);
                let main = runner
                    .main(&[("registries", HOST), ("role-to-assume", &role)])
                    .succeeded();
                let config = fs::read_to_string(format!("{home}/.docker/config.json")).unwrap();
                assert!(config.contains(&format!("\"{HOST}\": \"ecr-auth\"")), "{config}");
                runner.docker_asks(HOST).password();
                runner.post(&main).succeeded();
            });
        }
    });
    assert_eq!(first.machine.read(".docker/config.json"), before);
}
