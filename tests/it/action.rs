//! `ecr-auth action main|post`, as the runner calls them.

use std::fs;
use std::path::{Path, PathBuf};

use lab::{Lab, PARTNER_ACCOUNT};
use rstest::rstest;
use serde_json::{Value, json};

use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, Machine, assert_private, in_our_words};
use crate::jobs::PARTNER_HOST;
use crate::lab_machine::{GET_TOKEN, lab, machine, registry_call, registry_status};

/// The end of an annotation, before the code's own section.
const SEE: &str = concat!(
    "%0Asee: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/troubleshooting.md"
);

/// A job of octo/app, and the role that it may assume.
fn job(lab: &Lab) -> (Runner, String) {
    let role = github_role(lab, lab::ACCOUNT, "path/ci-push", SUBJECT);
    let job = lab.add_github_job(SUBJECT).unwrap();
    (Runner::new(step(lab, &job)), role)
}

fn docker_config(runner: &Runner) -> Value {
    let folder = runner.machine.variable("DOCKER_CONFIG").filter(|it| !it.is_empty());
    let folder = folder.map_or_else(|| runner.machine.home().join(".docker"), PathBuf::from);
    let text = fs::read_to_string(folder.join("config.json"));
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
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
fn assert_nowhere(folder: &Path, secrets: &[&str]) {
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

/// Wrong inputs, and the input that the error is about. `None` if the error is about a registry, a role or a token.
#[rstest]
#[case(&[("role-duration-seconds", "60")], Some("role-duration-seconds"))]
#[case(&[("role-duration-seconds", "7200"), ("role-chain", "next")], Some("role-duration-seconds"))]
#[case(&[("inline-session-policy", "{")], Some("inline-session-policy"))]
#[case(&[("inline-session-policy", "\"LONG\"")], Some("inline-session-policy"))]
#[case(&[("inline-session-policy", "@nowhere.json")], Some("inline-session-policy"))]
#[case(&[("managed-session-policies", "ReadOnly")], Some("managed-session-policies"))]
#[case(&[("managed-session-policies", "a,b,c,d,e,f,g,h,i,j,k")], Some("managed-session-policies"))]
#[case(&[("session-tags", "a=b")], Some("session-tags"))]
#[case(&[("session-tags", "a=b"), ("source", "oidc")], Some("session-tags"))]
#[case(&[("session-tags", "a#=b"), ("role-chain", "next")], Some("session-tags"))]
#[case(&[("session-tags", "a")], Some("session-tags"))]
#[case(&[("custom-tags", "{"), ("role-chain", "next")], Some("custom-tags"))]
#[case(&[("custom-tags", "a=b"), ("session-tags", "a=b")], Some("custom-tags"))]
#[case(&[("transitive-tag-keys", "a")], Some("transitive-tag-keys"))]
#[case(&[("audience", "a\nb")], Some("audience"))]
#[case(&[("role-session-name", "a\nb")], Some("role-session-name"))]
#[case(&[("role-external-id", "a\nb")], Some("role-external-id"))]
#[case(&[("source", "cognito")], Some("source"))]
#[case(&[("source", "oidc"), ("role-chaining", "true")], Some("role-chaining"))]
#[case(&[("source", "oidc"), ("role-to-assume", "")], Some("source: oidc"))]
#[case(&[("role-chain", "next"), ("role-to-assume", "")], Some("role-chain"))]
#[case(&[("inline-session-policy", "{}"), ("role-to-assume", "")], Some("inline-session-policy"))]
#[case(&[("managed-session-policies", "a"), ("role-to-assume", "")], Some("managed-session-policies"))]
#[case(&[("aws-region", "eu-west")], Some("aws-region"))]
#[case(&[("web-identity-token-file", "~/token")], Some("web-identity-token-file"))]
#[case(&[("web-identity-token-file", "/nowhere/token")], None)]
#[case(&[("role-to-assume", "arn:aws:iam::1:role/x")], None)]
#[case(&[("role-to-assume", "arn:aws-cn:iam::111122223333:role/x")], None)]
#[case(&[("role-to-assume", ""), ("registries", "")], None)]
#[case(&[("role-chain", "a b")], None)]
#[case(&[("registries", "111122223333")], None)]
#[case(&[("registries", "eu-west-1")], None)]
#[case(&[("registries", "nowhere.example.com")], None)]
#[case(&[("registries", "")], None)]
#[case(&[("registries", "public role=a b")], Some("registries"))]
#[case(&[("allowed-account-ids", "11122223333")], Some("allowed-account-ids"))]
#[case(&[("allowed-account-ids", "444455556666")], Some("allowed-account-ids"))]
#[case(&[("docker-config", "~/x")], Some("docker-config"))]
#[case(&[("docker-config", "/dev/null/x")], None)]
#[case(&[("export-credentials", "both")], Some("export-credentials"))]
#[case(&[("export-credentials", "env"), ("role-to-assume", "")], Some("export-credentials"))]
#[case(&[("aws-profile", "x"), ("export-credentials", "env")], Some("aws-profile"))]
#[case(&[("aws-access-key-id", "x")], Some("aws-access-key-id"))]
fn a_wrong_input_is_told_in_the_names_of_the_definition(#[case] wrong: &[(&str, &str)], #[case] about: Option<&str>) {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let mut inputs = vec![("registries", HOST), ("role-to-assume", role.as_str())];
    inputs.retain(|(name, _)| !wrong.iter().any(|(other, _)| other == name));
    let long = format!("\"{}\"", "x".repeat(2048));
    let wrong = wrong
        .iter()
        .map(|(name, text)| (*name, if *text == "\"LONG\"" { &long } else { *text }));
    inputs.extend(wrong);
    let main = runner.main(&inputs);
    assert_eq!(main.outcome.status, 1, "{main:?}");
    let text = main.annotation().replace("%0A", "\n");
    let (_, text) = text.split_once("ecr-auth::").unwrap();
    if let Some(about) = about {
        let what = text.strip_prefix("input ").unwrap_or(text);
        assert!(what.starts_with(&format!("{about}: ")), "{text}");
    }
    assert_names_of_the_definition(text);
}

/// Checks that a text for users of the Action names no flag, no key of `ecr-auth.yml` and no command.
#[track_caller]
fn assert_names_of_the_definition(text: &str) {
    assert!(!text.contains("ecr-auth setup") && !text.contains(" --"), "{text}");
    let definition = include_str!("../../action.yml");
    let is_input = |name: &str| definition.contains(&format!("\n  {name}:"));
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let keys: Vec<&str> = settings::table::TABLE.iter().map(|setting| setting.name).collect();
    for word in words.filter(|word| word.contains('-') && keys.contains(word)) {
        assert!(is_input(word), "{word}: {text}");
    }
    let what = text.split(": ").next().unwrap();
    assert!(!keys.contains(&what) || is_input(what), "{text}");
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
    assert_eq!(main.masked(), ["111122223333", &password, &auth]);
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
    let config = in_our_words(fs::read(&main.env["AWS_CONFIG_FILE"]).unwrap());
    assert!(config.starts_with("[profile other]\n"), "{config}");
    let process = config
        .lines()
        .find_map(|line| line.strip_prefix("credential_process = "))
        .unwrap();
    let answer = runner.machine.call("/bin/sh".as_ref(), &["-c", process], "");
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA"), "{answer}");
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

#[test]
fn an_isolated_configuration_is_a_copy_that_keeps_dockers_ways() {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let before = "{\"auths\": {\"ghcr.io\": {\"auth\": \"eDp5\"}}, \"currentContext\": \"far\"}";
    runner.machine.write(".docker/config.json", before);
    runner.machine.write(".docker/contexts/meta/far/meta.json", "{}");
    runner.machine.write(".docker/cli-plugins/docker-buildx", "");
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
