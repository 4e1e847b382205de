//! The action's passwords and profile for later steps and jobs.

use std::fs;
use std::path::Path;

use lab::PARTNER_ACCOUNT;
use rstest::rstest;
use serde_json::Value;

use crate::action::{assert_nowhere, docker_config, job};
use crate::github_runner::{Ended, Runner};
use crate::harness::{HOST, Machine, in_our_words};
use crate::jobs::PARTNER_HOST;
use crate::lab_machine::{lab, registry_call, registry_status};

#[test]
fn login_stores_passwords_and_hands_them_on_masked() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let config = "{\n  \"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}\n}\n";
    runner.machine.write(".docker/config.json", config);
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("mode", "login"),
        ("output-password", "true"),
        ("mask-account-id", "true"),
    ]);
    let main = main.succeeded();
    let password = main.outputs["docker-password"].clone();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(main.outputs["docker-username"], "AWS");
    let name = HOST.replace(['.', '-'], "_");
    assert_eq!(main.outputs[&format!("docker_password_{name}")], password);
    let auth = docker_config(&runner)["auths"][HOST]["auth"]
        .as_str()
        .unwrap()
        .to_owned();
    let masked = main.masked();
    assert_eq!(masked[..3], ["111122223333", &password, &auth]);
    assert!(
        masked.len() == 4 && masked[3].starts_with("eyJ"),
        "the job's token: {masked:?}"
    );
    assert!(
        main.outcome.stderr.starts_with("::add-mask::"),
        "before anything else: {main:?}"
    );

    runner.post(&main).succeeded();
    assert_eq!(runner.machine.read(".docker/config.json"), config);
    assert_nowhere(&runner.machine.home(), &[&password, &auth]);
}

#[test]
fn accounts_of_registries_are_masked_before_anybody_is_asked() {
    let mut runner = Runner::new(Machine::new());
    let registries = format!("{HOST}\n{PARTNER_HOST}\npublic");
    let main = runner.main(&[
        ("registries", &registries),
        ("verify", "false"),
        ("mask-account-id", "true"),
    ]);
    let main = main.succeeded();
    assert_eq!(main.masked(), ["111122223333", PARTNER_ACCOUNT]);
    assert!(main.outcome.stderr.starts_with("::add-mask::"), "{main:?}");
}

#[test]
fn no_secret_is_in_what_the_runner_keeps_but_masked() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("export-credentials", "env"),
        ("output-password", "true"),
    ]);
    let main = main.succeeded();
    let masked = main.masked();
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        assert!(masked.contains(&main.env[name].as_str()), "{name}");
    }
    let request_token = runner.machine.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN").unwrap();
    let state = format!("{:?}", main.state);
    let told = main.outcome.stdout.clone() + &main.summary;
    let log = main
        .outcome
        .stderr
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"));
    let log: String = log.collect::<Vec<_>>().join("\n");
    for secret in masked.iter().chain([&request_token]) {
        for text in [&state, &told, &log] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(!format!("{:?}{:?}{log}", main.env, main.outputs).contains(request_token));

    runner.post(&main).succeeded();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        assert_eq!(runner.machine.variable(name), Some(""), "{name}");
    }
}

/// GitHub drops masked values from the outputs of jobs, so this password is not masked. It only opens the named repositories.
#[test]
fn a_password_for_later_jobs_opens_the_named_repositories_alone() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("container-repositories", "base\n team/app"),
    ]);
    let main = main.succeeded();
    assert_eq!(main.outputs["container-username"], "AWS");
    let password = &main.outputs["container-password"];
    assert!(!main.masked().contains(&password.as_str()));
    assert!(
        !format!(
            "{}{}{:?}{:?}",
            main.outcome.stdout, main.outcome.stderr, main.state, main.env
        )
        .contains(password)
    );
    assert_nowhere(&runner.temporary(), &[password]);
    let own = runner.docker_asks(HOST).password();
    assert_ne!(*password, own);
    let status = |password: &str, repository: &str, method: &str, kind: &str| {
        registry_call(&lab, HOST, method, &format!("/v2/{repository}/{kind}"), password)
    };
    for (repository, pulled) in [("base", 404), ("team/app", 404), ("other", 403), ("team", 403)] {
        assert_eq!(
            status(password, repository, "HEAD", "manifests/1"),
            pulled,
            "{repository}"
        );
        assert_eq!(
            status(password, repository, "POST", "blobs/uploads/"),
            403,
            "{repository}"
        );
        assert_eq!(status(&own, repository, "HEAD", "manifests/1"), 404, "{repository}");
    }
    let narrowed: Vec<bool> = lab.session_calls().iter().map(|session| session.policy).collect();
    assert!(narrowed.contains(&true) && narrowed.contains(&false), "{narrowed:?}");
}

#[rstest]
#[case::a_glob(&[("container-repositories", "team/*")], "\"team/*\" is not a repository name")]
#[case::public(&[("container-repositories", "app"), ("registries", "public")], "the first registry is not a private one")]
#[case::a_policy(&[("container-repositories", "app"), ("inline-session-policy", "{}")], "the session is narrowed by a policy of its own, too")]
#[case::no_role(&[("container-repositories", "app"), ("role-to-assume", "")], "no role is named, and only a role's session can be narrowed")]
fn a_password_that_cannot_be_narrowed_is_not_handed_out(#[case] wrong: &[(&str, &str)], #[case] told: &str) {
    let lab = lab();
    let (runner, role) = job(&lab);
    let keys = crate::lab_machine::key_variables(lab.admin());
    let mut runner = Runner {
        machine: runner.machine.with_all(keys),
        ..runner
    };
    let given = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("verify", "false"),
    ];
    let inputs: Vec<_> = given
        .iter()
        .filter(|(name, _)| wrong.iter().all(|(other, _)| other != name))
        .chain(wrong)
        .copied()
        .collect();
    let main = runner.main(&inputs);
    assert_eq!(main.outcome.status, 1, "{main:?}");
    assert!(
        main.annotation()
            .contains(&format!("input container-repositories: {told}")),
        "{main:?}"
    );
    assert!(main.outputs.is_empty(), "{main:?}");
}

/// Returns the job's AWS configuration, and the session that the `credential_process` in it prints.
#[track_caller]
fn from_profile(runner: &Runner, main: &Ended) -> (String, Value) {
    let config = in_our_words(fs::read(&main.env["AWS_CONFIG_FILE"]).unwrap());
    let process = config
        .lines()
        .find_map(|line| line.strip_prefix("credential_process = "))
        .unwrap();
    let answer = runner.machine.call("/bin/sh".as_ref(), &["-c", process], "");
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA"), "{answer}");
    (config, answer)
}

#[test]
fn a_profile_renews_itself_and_is_this_jobs_alone() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    runner
        .machine
        .write(".aws/config", "[profile other]\nregion = eu-west-1\n");
    let main = runner.main(&[
        ("role-to-assume", &role),
        ("mode", "none"),
        ("aws-region", "eu-west-1"),
        ("export-credentials", "profile"),
        ("profile", "ci"),
    ]);
    let main = main.succeeded();
    assert_eq!(
        (main.env["AWS_PROFILE"].as_str(), main.env["AWS_REGION"].as_str()),
        ("ci", "eu-west-1")
    );
    assert_eq!(main.outputs["aws-account-id"], "111122223333");
    assert!(!main.outputs.contains_key("registry"), "{main:?}");
    let (config, answer) = from_profile(&runner, &main);
    assert!(config.starts_with("[profile other]\n"), "{config}");
    assert_eq!(
        runner.machine.read(".aws/config"),
        "[profile other]\nregion = eu-west-1\n"
    );

    runner.post(&main).succeeded();
    assert!(!Path::new(&main.env["AWS_CONFIG_FILE"]).exists());
    assert_eq!(runner.machine.variable("AWS_PROFILE"), Some(""));
    let secret = answer["SecretAccessKey"].as_str().unwrap();
    assert_nowhere(&runner.temporary(), &[secret]);
}

#[test]
fn a_policy_of_several_lines_is_handed_on_in_a_profile() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let policy = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n    \"Effect\": \"Allow\",\n    \"Action\": \"ecr:*\",\n    \"Resource\": \"*\"\n  }]\n}\n";
    let main = runner.main(&[
        ("registries", HOST),
        ("role-to-assume", &role),
        ("export-credentials", "profile"),
        ("inline-session-policy", policy),
    ]);
    let main = main.succeeded();
    from_profile(&runner, &main);
    runner.docker_asks(HOST).password();
    assert!(lab.session_calls().iter().all(|call| call.policy));
}

/// boto3 refuses keys after the end in AWS_CREDENTIAL_EXPIRATION, and reads AWS_SECURITY_TOKEN before AWS_SESSION_TOKEN.
#[test]
fn what_is_left_of_other_credentials_becomes_empty_beside_the_exported_keys() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("export-credentials", "env"),
    ];
    let main = runner.main(&inputs).succeeded();
    for name in ["AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
        assert!(!main.env.contains_key(name), "{main:?}");
    }
    runner.machine.set("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
    runner.machine.set("AWS_SECURITY_TOKEN", "old");
    let main = runner.main(&inputs).succeeded();
    assert_ne!(main.env["AWS_SESSION_TOKEN"], "");
    for name in ["AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
        assert_eq!(main.env.get(name).map(String::as_str), Some(""), "{name}");
    }
}

/// As `login` and `setup` do.
#[test]
fn the_profile_of_the_defaults_names_the_callers_own_registry_and_region() {
    let lab = lab();
    let (mut runner, _) = job(&lab);
    let key = lab.admin();
    runner.machine.write(
        ".aws/config",
        &format!(
            "[profile work]\nregion = eu-central-1\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ),
    );
    let defaults = "defaults:\n  profile: work\n";
    runner.machine.write(".config/ecr-auth/ecr-auth.yml", defaults);
    runner.machine.set("RUNNER_ENVIRONMENT", "self-hosted");
    let main = runner.main(&[]).succeeded();
    let host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    assert_eq!(main.outputs["registry"], host);
    runner.post(&main).succeeded();
    let main = runner.main(&[("mode", "none")]).succeeded();
    assert_eq!(main.outputs["aws-account-id"], "111122223333");
}
