//! `doctor`: each of twenty breakages made on purpose, and its first ✗ names the cause; what it says where all is well; what
//! must not happen: a change, a secret, a name in a redacted report.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use context::{Context, Progress, Verbosity};
use diagnostics::MessageWriter;
use lab::{
    ACCOUNT, Ci, Condition, CreationTemplate, Fault, GITHUB_ISSUER, JobSpec, Lab, Operator, Permissions, Service, Trust,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::cognito::{PASSWORD, configure, lab_with_user};
use crate::endpoints::Proxy;
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::{role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, PATIENCE, key_variables, lab, role, session};
use crate::pages;
use crate::python::python_tool;

/// A machine on which a pull works: the helper on PATH, docker's configuration, AWS under its own names.
struct Scene {
    lab: Lab,
    machine: Machine,
}

impl Scene {
    fn new() -> Self {
        Self::with(lab())
    }

    fn with(lab: Lab) -> Self {
        let proxy = Proxy::before(&lab);
        let mut machine = Machine::new()
            .with("SSL_CERT_FILE", lab.ca_file().to_str().unwrap())
            .with("HTTPS_PROXY", &format!("http://{}", proxy.address))
            .with("AWS_REGION", "eu-west-1")
            .with_all(key_variables(lab.admin()));
        let bin = machine.path("bin");
        program(&machine, "bin/docker", "echo Docker version 28.3.0, build 38b7060");
        symlink(binary(), bin.join("docker-credential-ecr-auth")).unwrap();
        machine.set("PATH", &bin.display().to_string());
        let scene = Self { lab, machine };
        scene.docker(&json!({"credHelpers": {HOST: "ecr-auth"}}));
        scene
    }

    fn docker(&self, config: &Value) {
        self.machine.write(".docker/config.json", &config.to_string());
    }

    fn set(&mut self, name: &str, value: &str) {
        self.machine.set(name, value);
    }

    /// A job of GitHub's whose role trusts this subject and audience.
    fn github(&mut self, claim: &str, value: &str) {
        let spec = JobSpec::new(Ci::Github)
            .project("acme", "app")
            .subject("repo:acme@65/app@74:ref:refs/heads/main");
        let job = self.lab.start_job(&spec).unwrap();
        self.lab
            .add_oidc_provider(ACCOUNT, GITHUB_ISSUER, &["sts.amazonaws.com"]);
        let trust = Trust::WebIdentity {
            provider: GITHUB_ISSUER.trim_start_matches("https://").into(),
            conditions: vec![Condition {
                operator: Operator::StringLike,
                claim: claim.into(),
                values: vec![value.into()],
            }],
        };
        role_with(&self.lab, ACCOUNT, "push", vec![trust]);
        write_rules(&self.machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
        self.set("AWS_ACCESS_KEY_ID", "");
        self.set("AWS_SECRET_ACCESS_KEY", "");
        for (name, value) in job.environment {
            self.set(&name, &value);
        }
    }

    /// Returns the same machine with this fault.
    fn breaks(&mut self, breakage: &str) {
        let other_key = |id: &str| (id.to_owned(), "x".repeat(40));
        match breakage {
            "malformed config.json" => drop(self.machine.write(".docker/config.json", "{\n  \"auths\": {},\n}")),
            "key with a scheme" => self.docker(&json!({"credHelpers": {format!("https://{HOST}"): "ecr-auth"}})),
            "registry not configured" => self.docker(&json!({"credHelpers": {"public.ecr.aws": "ecr-auth"}})),
            "helper named but missing" => fs::remove_file(self.machine.path("bin/docker-credential-ecr-auth")).unwrap(),
            "helper earlier on PATH" => {
                program(&self.machine, "earlier/docker-credential-ecr-auth", "echo another 1.0");
                let path = [self.machine.path("earlier"), self.machine.path("bin")];
                self.set("PATH", std::env::join_paths(path).unwrap().to_str().unwrap());
            }
            "sudo without PATH" => {
                program(&self.machine, "sbin/docker", "exit 0");
                self.set("SUDO_USER", "alice");
                self.set("PATH", &self.machine.path("sbin").display().to_string());
            }
            "stale auths shadowed" => self.docker(&json!({
                "auths": {format!("https://{HOST}/v2/"): {"auth": stale()}}, "credHelpers": {"public.ecr.aws": "ecr-auth"},
            })),
            "DOCKER_AUTH_CONFIG wins" => {
                let config = json!({"auths": {HOST: {"auth": stale()}}});
                self.set("DOCKER_AUTH_CONFIG", &config.to_string());
            }
            "podman's file wins" => {
                program(&self.machine, "bin/podman", "exit 0");
                let runtime = self.machine.path("runtime");
                fs::create_dir_all(runtime.join("containers")).unwrap();
                let config = json!({"auths": {HOST: {"auth": stale()}}});
                fs::write(runtime.join("containers/auth.json"), config.to_string()).unwrap();
                self.set("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
            }
            "malformed ecr-auth.yml" => write_rules(&self.machine, &format!("  - match: {HOST}\n    rolearn: push\n")),
            "no credentials" => {
                self.set("AWS_ACCESS_KEY_ID", "");
                self.set("AWS_SECRET_ACCESS_KEY", "");
            }
            "half a key" => self.set("AWS_SECRET_ACCESS_KEY", ""),
            "wrong secret" => self.set("AWS_SECRET_ACCESS_KEY", &other_key("").1),
            "expired session" => {
                let key = session(&self.lab, &role(&self.lab, "task"));
                for (name, value) in key_variables(&key) {
                    self.set(name, &value);
                }
                for (service, code) in [(Service::Sts, "ExpiredToken"), (Service::Ecr, "ExpiredTokenException")] {
                    let message = "The security token included in the request is expired".into();
                    self.lab.fail(
                        service,
                        Fault::Error {
                            status: 403,
                            code: code.into(),
                            message,
                        },
                    );
                }
            }
            "denied GetAuthorizationToken" => {
                let denied = Permissions::deny([GET_TOKEN]);
                let key = self.lab.add_user_with(ACCOUNT, "reader", denied);
                for (name, value) in key_variables(&key) {
                    self.set(name, &value);
                }
            }
            "missing id-token: write" => {
                self.github("sub", "*");
                self.set("ACTIONS_ID_TOKEN_REQUEST_URL", "");
                self.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "");
            }
            "trust policy with the old subject" => self.github("sub", "repo:acme/app:*"),
            "wrong audience" => {
                self.github("sub", "*");
                write_rules(&self.machine, &format!("  - match: {HOST}\n    role-arn: push\n    audience: https://example.com\n"));
            }
            "clock an hour off" => self.lab.advance(Duration::from_secs(3600)),
            "proxy that refuses" => {
                // A port below the kernel's own choice: one that was free a moment ago may by now be another test's lab.
                self.set("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:1");
            }
            other => panic!("{other}"),
        }
    }

    fn doctor(&self, args: &[&str]) -> Outcome {
        self.machine.run(&[&["doctor"], args].concat())
    }
}

/// What `doctor` reports where this is wrong.
pub fn report_of(breakage: &str) -> Outcome {
    let mut scene = Scene::new();
    scene.breaks(breakage);
    scene.doctor(&[HOST])
}

/// What it reports of an image, where ECR's registry fails so.
pub fn report_of_image(image: &str, fault: Option<Fault>) -> Outcome {
    let scene = Scene::with(Lab::start(lab::Options::default()).unwrap());
    if let Some(fault) = fault {
        scene.lab.fail(Service::Registry, fault);
    }
    scene.doctor(&[image])
}

fn program(machine: &Machine, below: &str, script: &str) {
    let path = machine.path(below);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The `auth` of a password as ECR gives them out, which ended 20 hours ago.
fn stale() -> String {
    auth(SystemTime::now() - Duration::from_secs(20 * 3600 + 60))
}

fn auth(end: SystemTime) -> String {
    let expiration = end.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let password = json!({"payload": "cGF5bG9hZA==", "datakey": "a2V5", "version": "2", "type": "DATA_KEY", "expiration": expiration});
    BASE64_STANDARD.encode(format!("AWS:{}", BASE64_STANDARD.encode(password.to_string())))
}

fn failures(outcome: &Outcome) -> Vec<&str> {
    outcome.stdout.lines().filter(|line| line.starts_with('✗')).collect()
}

/// The twenty. The last column is what the helper tells docker, where docker calls the helper: docker shows it beside its own line.
#[rstest]
#[case(
    "malformed config.json",
    "✗ docker: docker cannot read ~/.docker/config.json: key must be a string at line 3 column 1",
    None
)]
#[case(
    "key with a scheme",
    "✗ docker: the key https://HOST in credHelpers of ~/.docker/config.json never matches",
    None
)]
#[case(
    "registry not configured",
    "✗ docker: no helper is set for HOST in ~/.docker/config.json, except public.ecr.aws",
    None
)]
#[case(
    "helper named but missing",
    "✗ helper: docker-credential-ecr-auth is not on PATH",
    None
)]
#[case(
    "helper earlier on PATH",
    "earlier/docker-credential-ecr-auth, the first docker-credential-ecr-auth on PATH and not ecr-auth",
    None
)]
#[case(
    "sudo without PATH",
    "✗ helper: docker-credential-ecr-auth is not on the PATH that sudo gives",
    None
)]
#[case(
    "stale auths shadowed",
    "✗ docker: the password in auths of ~/.docker/config.json is used: it ended 20 hours ago",
    None
)]
#[case(
    "DOCKER_AUTH_CONFIG wins",
    "✗ docker: the password in auths of DOCKER_AUTH_CONFIG is used before docker-credential-ecr-auth: it ended",
    None
)]
#[case(
    "podman's file wins",
    "✗ podman: the password in auths of RUNTIME/containers/auth.json is used before docker-credential-ecr-auth: it ended",
    None
)]
#[case(
    "malformed ecr-auth.yml",
    "✗ configuration: HOME/.config/ecr-auth/ecr-auth.yml:3:5:",
    Some("ecr-auth.yml:3:5:")
)]
#[case("no credentials", "✗ credentials: no AWS credentials", Some("no AWS credentials"))]
#[case(
    "half a key",
    "✗ credentials: half a pair of keys: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
    Some("half a pair of keys")
)]
#[case(
    "wrong secret",
    "✗ identity: AWS STS (eu-west-1) GetCallerIdentity: SignatureDoesNotMatch",
    Some("InvalidSignatureException")
)]
#[case(
    "expired session",
    "✗ identity: AWS STS (eu-west-1) GetCallerIdentity: ExpiredToken",
    Some("ExpiredTokenException")
)]
#[case(
    "denied GetAuthorizationToken",
    "✗ token: Amazon ECR (eu-west-1) GetAuthorizationToken: AccessDeniedException",
    Some("AccessDeniedException")
)]
#[case("missing id-token: write", "✗ ci: no OIDC token", Some("id-token: write"))]
#[case(
    "trust policy with the old subject",
    "✗ identity: AWS STS (eu-west-1) AssumeRoleWithWebIdentity: AccessDenied",
    Some("AccessDenied")
)]
#[case(
    "wrong audience",
    "✗ identity: AWS STS (eu-west-1) AssumeRoleWithWebIdentity: InvalidIdentityToken: Incorrect token audience",
    Some("Incorrect token audience")
)]
#[case(
    "clock an hour off",
    "✗ clock: this machine's clock is 60 minutes behind AWS's",
    None
)]
#[case(
    "proxy that refuses",
    "✗ network: cannot reach https://api.ecr.eu-west-1.amazonaws.com/: by the proxy http://127.0.0.1",
    Some("; look at the proxy http://127.0.0.1")
)]
fn the_first_failure_names_the_cause(#[case] breakage: &str, #[case] expected: &str, #[case] told: Option<&str>) {
    let mut scene = Scene::new();
    scene.breaks(breakage);
    let outcome = scene.doctor(&[HOST]);
    let expected = expected
        .replace("HOST", HOST)
        .replace("RUNTIME", &scene.machine.path("runtime").display().to_string())
        .replace("HOME", &scene.machine.home().display().to_string());
    let first = failures(&outcome).first().copied().unwrap_or_default();
    assert!(first.contains(&expected), "{first}\n{}", outcome.stdout);
    assert_eq!(outcome.status, 1);
    assert!(!outcome.stdout.contains("s3cret"), "{}", outcome.stdout);
    let after: Vec<&str> = outcome.stdout.split(first).nth(1).unwrap().lines().collect();
    assert!(after[1].starts_with("    "), "no way out: {}", outcome.stdout);
    if let Some(told) = told {
        let line = scene.machine.helper("get", HOST).stdout;
        assert!(line.contains(told), "{line}");
    }
}

/// What depends on what failed is left out, so that there is one cause to read.
#[rstest]
#[case("no credentials")]
#[case("malformed ecr-auth.yml")]
#[case("proxy that refuses")]
#[case("missing id-token: write")]
#[case("wrong secret")]
fn one_cause_is_one_failure(#[case] breakage: &str) {
    let mut scene = Scene::new();
    scene.breaks(breakage);
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(failures(&outcome).len(), 1, "{}", outcome.stdout);
    assert!(
        outcome
            .stderr
            .contains("checks were skipped: they depend on what failed"),
        "{}",
        outcome.stderr
    );
}

/// The message is not "its token is not used", because there is no token. A user who forgot to request one looks for this message.
#[test]
fn a_job_without_a_token_is_said_to_have_none() {
    let mut scene = Scene::new();
    scene.set("CIRCLECI", "true");
    for finding in ["this job has no OIDC token", "its token is not used"] {
        let outcome = scene.doctor(&[HOST]);
        let line = format!("✓ ci: CircleCI: {finding}\n");
        assert!(outcome.stdout.contains(&line), "{}", outcome.stdout);
        scene.set("CIRCLE_OIDC_TOKEN_V2", "token");
    }
}

#[test]
fn where_all_is_well_nothing_is_changed() {
    let scene = Scene::new();
    let files = |scene: &Scene| {
        let found = std::process::Command::new("find")
            .arg(scene.machine.home())
            .args(["-printf", "%p %s %T@ %m\\n"])
            .output();
        String::from_utf8(found.unwrap().stdout).unwrap()
    };
    let before = files(&scene);
    let outcome = scene.doctor(&[HOST]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
    assert_eq!(files(&scene), before);
    assert!(
        outcome
            .stdout
            .contains("✓ identity: AWS knows the credentials: arn:aws:iam::111122223333:user/admin"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stdout
            .contains(&format!("✓ registry: {HOST} accepts the token")),
        "{}",
        outcome.stdout
    );
    // A warm cache is reported but not used: doctor asks AWS itself.
    scene.machine.helper("get", HOST).password();
    let before = files(&scene);
    let outcome = scene.doctor(&[HOST]);
    assert!(
        outcome.stdout.contains("a token fetched 0 seconds ago") || outcome.stdout.contains("a token fetched"),
        "{}",
        outcome.stdout
    );
    assert_eq!(files(&scene), before);
    assert_eq!(scene.lab.count(GET_TOKEN), 3);
}

#[test]
fn without_an_argument_all_registries_that_are_configured() {
    let scene = Scene::new();
    let frankfurt = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    scene.docker(&json!({"credHelpers": {HOST: "ecr-auth", frankfurt: "ecr-auth", "ghcr.io": "other"}}));
    let outcome = scene.doctor(&[]);
    for host in [HOST, frankfurt] {
        assert!(
            outcome.stdout.contains(&format!("\n\n{host}\n✓ docker: ")),
            "{outcome:?}"
        );
    }
    assert!(!outcome.stdout.contains("ghcr.io"), "{outcome:?}");
    for once in ["binary", "helper", "other-users", "proxy", "tls", "clock"] {
        assert_eq!(
            outcome.stdout.matches(&format!(" {once}: ")).count(),
            1,
            "{once}: {outcome:?}"
        );
    }
    assert_eq!(outcome.stdout.matches("✓ registry: ").count(), 2, "{outcome:?}");
    assert!(outcome.stdout.ends_with("\n0 problems\n"), "{outcome:?}");
    scene.docker(&json!({}));
    let outcome = scene.doctor(&[]);
    assert!(
        outcome
            .stdout
            .contains(&format!("✗ docker: no helper is set for {HOST}")),
        "{outcome:?}"
    );
}

/// Separated by blanks or commas, as `setup` takes them, and each once.
#[test]
fn several_registries_have_a_heading_each() {
    let scene = Scene::new();
    let frankfurt = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    scene.docker(&json!({"credHelpers": {HOST: "ecr-auth", frankfurt: "ecr-auth"}}));
    for args in [
        &[HOST, "111122223333/eu-central-1"][..],
        &[&format!("{HOST},{frankfurt}")],
        &[&format!("{HOST} {frankfurt}"), HOST],
    ] {
        let outcome = scene.doctor(args);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        for host in [HOST, frankfurt] {
            let heading = format!("\n\n{host}\n✓ docker: ");
            assert_eq!(outcome.stdout.matches(&heading).count(), 1, "{outcome:?}");
        }
    }
}

#[test]
fn what_is_no_registry_is_an_error_of_usage() {
    let scene = Scene::new();
    for args in [
        &["ghcr.io/octo/app"][..],
        &["--check-push", HOST],
        &["--check-push", &format!("{HOST}/app:1"), HOST],
        &[&format!("{HOST}/App")],
        &[""],
    ] {
        assert_eq!(scene.doctor(args).status, 2, "{args:?}");
    }
}

#[test]
fn the_image_and_the_push_are_asked_of_the_registry() {
    let scene = Scene::with(Lab::start(lab::Options::default()).unwrap());
    let image = format!("{HOST}/team/app:1.0");
    let outcome = scene.doctor(&[&image]);
    let missing = format!("✗ image: there is no {image}: the registry answers 404");
    assert_eq!(failures(&outcome).len(), 1, "{outcome:?}");
    assert!(outcome.stdout.contains(&missing), "{outcome:?}");
    assert_eq!(scene.lab.count("registry:Push"), 0);
    let outcome = scene.doctor(&["--check-push", &image]);
    assert!(
        outcome.stderr.contains("begins an upload and cancels it"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains("may be pushed to: an upload was begun, and cancelled"),
        "{outcome:?}"
    );
    assert_eq!(scene.lab.count("registry:Push"), 2);
    let foreign = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/app:1";
    let outcome = scene.doctor(&[foreign]);
    assert!(
        outcome.stdout.contains(&format!(
            "✗ image: {foreign} may not be pulled: the registry answers 403"
        )),
        "{outcome:?}"
    );
}

#[test]
fn a_repository_that_is_not_there_is_told_with_the_template_that_would_make_it() {
    let scene = Scene::with(Lab::start(lab::Options::default()).unwrap());
    let image = format!("{HOST}/team/app:1.0");
    let template = |prefix: &str, applied_for: &str| CreationTemplate {
        account: ACCOUNT.into(),
        region: "eu-west-1".into(),
        prefix: prefix.into(),
        applied_for: vec![applied_for.into()],
    };
    scene.lab.remove_repository(ACCOUNT, "eu-west-1", "team/app");
    let push = |told: &str| {
        let outcome = scene.doctor(&["--check-push", &image]);
        assert!(outcome.stdout.contains(told), "{told}: {outcome:?}");
        outcome
    };
    let missing = format!(
        "✗ push: there is no repository {HOST}/team/app (NAME_UNKNOWN: The repository with name 'team/app' does not exist in the registry \
         with id '111122223333'); "
    );
    let first = push(&format!("{missing}no repository creation template matches it [EA0606]"));
    let hint = "let ECR make them on the first push: aws ecr create-repository-creation-template --region eu-west-1 --prefix ROOT \
                --applied-for CREATE_ON_PUSH";
    assert!(first.stdout.contains(hint), "{first:?}");
    assert!(
        first.stdout.contains("a pull-through cache rule on its first pull"),
        "{first:?}"
    );
    scene.lab.add_creation_template(template("team", "PULL_THROUGH_CACHE"));
    push(&format!(
        "{missing}the creation template team matches it, but does not apply to pushes (CREATE_ON_PUSH) [EA0606]"
    ));
    scene.lab.add_creation_template(template("team/app", "CREATE_ON_PUSH"));
    push("✓ push: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app may be pushed to: an upload was begun");
}

#[test]
fn templates_that_may_not_be_read_are_said_to_be_unknown() {
    let mut scene = Scene::new();
    scene.lab.remove_repository(ACCOUNT, "eu-west-1", "app");
    let denied = Permissions::deny(["ecr:DescribeRepositoryCreationTemplates"]);
    let user = scene.lab.add_user_with(ACCOUNT, "pusher", denied);
    for (name, value) in key_variables(&user) {
        scene.set(name, &value);
    }
    let outcome = scene.doctor(&["--check-push", &format!("{HOST}/app:1")]);
    assert!(
        outcome
            .stdout
            .contains("cannot tell whether a creation template matches it: AccessDenied"),
        "{outcome:?}"
    );
}

#[test]
fn json_is_as_its_schema_says() {
    let mut scene = Scene::new();
    for breakage in [None, Some("no credentials")] {
        if let Some(breakage) = breakage {
            scene.breaks(breakage);
        }
        let outcome = scene.doctor(&["--json", HOST]);
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(document["ok"], json!(breakage.is_none()), "{outcome:?}");
        let file = scene.machine.write("report.json", &outcome.stdout);
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.schema.json");
        let check = std::process::Command::new(python_tool("check-jsonschema"))
            .args(["--schemafile", schema])
            .arg(file)
            .output()
            .unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn a_redacted_report_names_nobody() {
    let mut scene = Scene::new();
    scene.github("sub", "repo:acme/app:*");
    scene.set("USER", "alice");
    scene.set("AWS_PROFILE", "");
    let home = scene.machine.home().display().to_string();
    let names = ["111122223333", "acme", "alice", "role/push", &home];
    let image = format!("{HOST}/team/shop:1");
    for args in [&["--redact", &image][..], &["--redact", "--json", &image]] {
        let outcome = scene.doctor(args);
        for name in names.into_iter().chain(["team/shop"]) {
            assert!(!outcome.stdout.contains(name), "{name}: {}", outcome.stdout);
        }
        assert!(outcome.stdout.contains("ACCOUNT-1"), "{}", outcome.stdout);
    }
}

#[test]
fn a_redacted_report_names_no_server_without_a_domain() {
    let scene = Scene::new();
    scene.docker(&json!({"credHelpers": {"corpreg:5000": "ecr-auth"}}));
    let of_another = scene.doctor(&["--redact", HOST]).stdout;
    assert!(of_another.contains(", except NAME-1:5000"), "{of_another}");
    write_rules(
        &scene.machine,
        &format!("  - match: corpreg:5000\n    registry: {HOST}\n"),
    );
    let of_itself = scene.doctor(&["--redact", "corpreg:5000"]).stdout;
    assert!(
        !of_itself.contains("corpreg") && of_itself.contains("NAME-1"),
        "{of_itself}"
    );
}

/// Neither keys nor tokens, which all begin as JSON does in base64, nor a proxy's password.
#[test]
fn no_report_holds_a_secret() {
    for breakage in [
        "",
        "stale auths shadowed",
        "DOCKER_AUTH_CONFIG wins",
        "wrong secret",
        "expired session",
        "wrong audience",
        "proxy that refuses",
    ] {
        let mut scene = Scene::new();
        let key = session(&scene.lab, &role(&scene.lab, "task"));
        for (name, value) in key_variables(&key) {
            scene.set(name, &value);
        }
        if !breakage.is_empty() {
            scene.breaks(breakage);
        }
        let secrets = [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        ];
        let secrets = secrets
            .iter()
            .filter_map(|name| scene.machine.variable(name))
            .filter(|value| !value.is_empty());
        let secrets: Vec<&str> = secrets.chain(["eyJ", "s3cret"]).collect();
        for args in [&["-vv", HOST][..], &["--json", HOST], &["--redact", HOST]] {
            let outcome = scene.doctor(args);
            for secret in &secrets {
                assert!(
                    !format!("{outcome:?}").contains(secret),
                    "{breakage}: {secret} in {outcome:?}"
                );
            }
        }
    }
}

/// A docker that doesn't read the variable goes on to its files.
#[test]
fn docker_auth_config_counts_for_a_docker_that_reads_it() {
    let mut scene = Scene::new();
    scene.breaks("DOCKER_AUTH_CONFIG wins");
    program(
        &scene.machine,
        "bin/docker",
        "echo Docker version 20.10.24+dfsg1, build 297e128",
    );
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains("! docker: DOCKER_AUTH_CONFIG has a password"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("✓ docker: docker-credential-ecr-auth is asked"),
        "{outcome:?}"
    );
}

/// Files that docker reads, though no client writes them so: doctor says what docker uses there.
#[rstest]
#[case::null_members(
    r#"{"auths":{"HOST":{"auth":null,"email":"\ud800"}},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "✓ docker: docker-credential-ecr-auth is asked, by credHelpers"
)]
#[case::a_login_of_the_wrong_type(
    r#"{"auths":{"ghcr.io":{"auth":5}},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; docker warns of a member of an entry of auths that is not a string at line 1 column 29"
)]
#[case::a_brace_too_many(
    "{\"credHelpers\":{\"HOST\":\"ecr-auth\"}}\n}",
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::two_objects(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credHelpers":{"b.io":"y"}}"#,
    "✓ docker: docker-credential-ecr-auth is asked"
)]
#[case::empty_helper_name(
    r#"{"auths":{"HOST":{"auth":"QVdTOng="}},"credHelpers":{"HOST":""},"credsStore":"desktop"}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
#[case::user_name_and_password(
    r#"{"auths":{"HOST":{"username":"AWS","password":"x"}}}"#,
    "✗ docker: the password in auths of ~/.docker/config.json is used"
)]
fn what_docker_reads_is_read_as_docker_does(#[case] config: &str, #[case] expected: &str) {
    let scene = Scene::new();
    scene
        .machine
        .write(".docker/config.json", &config.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

/// What is meant is named, for what no client reads so.
#[rstest]
#[case::setting(
    r#"{"credsHelper":{"HOST":"ecr-auth"}}"#,
    "✗ docker: the key credsHelper of ~/.docker/config.json is not a setting: did you mean credHelpers? [EA0109]"
)]
#[case::store(r#"{"credStore":"ecr-auth"}"#, "is not a setting: did you mean credsStore? [EA0109]")]
#[case::whole_program(
    r#"{"credHelpers":{"HOST":"docker-credential-ecr-auth"}}"#,
    "did you mean ecr-auth? Clients put"
)]
#[case::port(
    r#"{"auths":{"HOST:443":{"auth":"QVdTOng="}}}"#,
    "the key HOST:443 in auths of ~/.docker/config.json never matches"
)]
#[case::beside_what_works(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credStore":"x"}"#,
    "! docker: docker-credential-ecr-auth is asked, by credHelpers in ~/.docker/config.json; the key credStore is not a setting"
)]
#[case::store_that_is_missing(
    r#"{"credHelpers":{"HOST":"ecr-auth"},"credsStore":"desktop"}"#,
    "docker-credential-desktop of credsStore is not on PATH"
)]
fn slips_are_told_with_what_is_meant(#[case] config: &str, #[case] expected: &str) {
    let scene = Scene::new();
    scene
        .machine
        .write(".docker/config.json", &config.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    assert!(outcome.stdout.contains(&expected.replace("HOST", HOST)), "{outcome:?}");
}

/// Docker 28.3 and later take nothing from it then, and go on to the file.
#[rstest]
#[case::helpers(
    r#"{"auths":{},"credHelpers":{"HOST":"ecr-auth"}}"#,
    "something beside auths at line 1 column 13"
)]
#[case::quotes(
    r#"'{"auths":{"HOST":{"auth":"QVdTOng="}}}'"#,
    "quotes that belong to the value at line 1 column 1"
)]
#[case::no_auth(
    r#"{"auths":{"HOST":{"auth":""}}}"#,
    "an entry of auths without an auth at line 1 column 11"
)]
#[case::user_name(r#"{"auths":{"HOST":{"username":"AWS"}}}"#, "something beside auth at line 1 column")]
#[case::two(
    r#"{"auths":{}} {"auths":{}}"#,
    "something after the configuration at line 1 column 14"
)]
fn a_variable_that_docker_drops_is_told(#[case] variable: &str, #[case] expected: &str) {
    let mut scene = Scene::new();
    scene.set("DOCKER_AUTH_CONFIG", &variable.replace("HOST", HOST));
    let outcome = scene.doctor(&[HOST]);
    let told = format!("! docker: docker drops DOCKER_AUTH_CONFIG: {expected}");
    assert!(outcome.stdout.contains(&told), "{outcome:?}");
    assert!(
        outcome.stdout.contains("✓ docker: docker-credential-ecr-auth is asked"),
        "{outcome:?}"
    );
}

#[test]
fn a_key_with_a_scheme_never_matches_in_the_variable() {
    let mut scene = Scene::new();
    let variable = json!({"auths": {format!("https://{HOST}"): {"auth": stale()}}});
    scene.set("DOCKER_AUTH_CONFIG", &variable.to_string());
    let outcome = scene.doctor(&[HOST]);
    let told = format!("; the key https://{HOST} in auths never matches");
    assert!(outcome.stdout.contains(&told), "{outcome:?}");
    assert!(!outcome.stdout.contains("is used"), "{outcome:?}");
}

/// In a closed network STS may be out of reach, and ECR not: the pull works.
#[test]
fn sts_is_not_needed_for_a_pull() {
    let scene = Scene::new();
    scene.lab.fail(Service::Sts, Fault::Status { status: 503 });
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("! identity: AWS STS"), "{outcome:?}");
}

#[test]
fn a_proxy_that_opens_tls_is_told_from_one_that_is_gone() {
    let scene = Scene::new();
    let outcome = scene.machine.without("SSL_CERT_FILE").run(&["doctor", HOST]);
    let first = failures(&outcome)[0].to_owned();
    assert!(
        first.starts_with("✗ network: ") && first.contains("certificate"),
        "{first}"
    );
    assert!(
        outcome.stdout.contains("name the CA it signs with in SSL_CERT_FILE"),
        "{outcome:?}"
    );
}

/// One client is used here, and the other only installed.
#[test]
fn a_client_that_is_not_used_is_no_failure() {
    let scene = Scene::new();
    program(&scene.machine, "bin/podman", "exit 0");
    fs::remove_file(scene.machine.home().join(".docker/config.json")).unwrap();
    let config = json!({"credHelpers": {HOST: "ecr-auth"}});
    scene.machine.write(".config/containers/auth.json", &config.to_string());
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("! docker: no helper is set"), "{outcome:?}");
    assert!(outcome.stdout.contains("✓ podman: "), "{outcome:?}");
}

/// What another store holds is as good as what a login left there.
#[rstest]
#[case::nothing(
    1,
    "✗ docker: docker-credential-keychain is asked, by credsStore in ~/.docker/config.json, and has nothing for"
)]
#[case::a_password(
    0,
    "! docker: the password that a login left in keychain is used: it ends in 11 hours"
)]
fn another_store_is_asked_what_it_has(#[case] works: i32, #[case] expected: &str) {
    let scene = Scene::new();
    scene.docker(&json!({"credsStore": "keychain"}));
    let end = SystemTime::now() + Duration::from_secs(11 * 3600);
    let password = String::from_utf8(BASE64_STANDARD.decode(auth(end)).unwrap()).unwrap();
    let answer = json!({"ServerURL": HOST, "Username": "AWS", "Secret": password.strip_prefix("AWS:").unwrap()});
    let says = match works {
        0 => format!("echo '{answer}'"),
        _ => "echo 'credentials not found in native keychain'; exit 1".to_owned(),
    };
    program(&scene.machine, "bin/docker-credential-keychain", &says);
    let outcome = scene.doctor(&[HOST]);
    assert_eq!(outcome.status, works, "{outcome:?}");
    assert!(outcome.stdout.contains(expected), "{outcome:?}");
}

/// ECR Public serves anybody: what is wrong with the credentials is a warning.
#[test]
fn public_images_need_no_credentials() {
    let mut scene = Scene::new();
    scene.docker(&json!({}));
    scene.breaks("no credentials");
    let outcome = scene.doctor(&["public.ecr.aws"]);
    assert!(
        outcome.stdout.contains("! docker: no helper is set for public.ecr.aws"),
        "{outcome:?}"
    );
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains("! credentials: no AWS credentials"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("✓ registry: public.ecr.aws accepts the token"),
        "{outcome:?}"
    );
}

const NOT_ELSEWHERE: &str = "! other-users: sudo and services don't find docker-credential-ecr-auth: it is ~/bin/docker-credential-ecr-auth, and they look in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin
    where docker runs under sudo, or from a service (a GitLab runner, Jenkins): ecr-auth install --to /usr/local/bin (/usr/bin if sudo's secure_path lacks that)
";

/// Of the page, what a run really prints; what is this machine's own is put as it would be elsewhere.
#[test]
fn the_page_shows_a_real_run_and_names_every_check() {
    let mut scene = Scene::new();
    scene.breaks("trust policy with the old subject");
    let image = format!("{HOST}/app:1.0");
    let outcome = scene.doctor(&[&image]);
    let own = [
        (scene.machine.path("bin").display().to_string(), "~/bin".to_owned()),
        (binary().display().to_string(), "~/bin/ecr-auth".to_owned()),
        (
            scene.lab.ca_file().display().to_string(),
            "/etc/ssl/company.pem".to_owned(),
        ),
        (
            scene.machine.variable("HTTPS_PROXY").unwrap().to_owned(),
            "http://proxy.example.com:3128".to_owned(),
        ),
    ];
    let run = own
        .iter()
        .fold(outcome.stdout, |run, (here, elsewhere)| run.replace(here, elsewhere));
    // A machine that has a helper in /usr/local/bin says so.
    let is_elsewhere = "✓ other-users: services find /usr/local/bin/docker-credential-ecr-auth too, and sudo does where /usr/local/bin is in its secure_path\n";
    let run = run.replace(is_elsewhere, NOT_ELSEWHERE);
    let page = pages::page("doctor.md");
    let (_, shown) = page.split_once(&format!("$ ecr-auth doctor {image}\n")).unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    assert_eq!(run, shown, "docs/doctor.md shows another run:\n{run}");

    let schema = pages::page("doctor.schema.json");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let ids = schema.pointer("/properties/checks/items/properties/id/enum").unwrap();
    let (_, checks) = page.split_once("\n## The checks\n").unwrap();
    let (checks, _) = checks.split_once("\n## ").unwrap();
    let rows = checks
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: Vec<Value> = rows.map(|(id, _)| json!(id)).collect();
    assert_eq!(*ids, json!(named));
}

/// What a terminal shows, and a way to wait for it.
#[derive(Clone, Default)]
struct Screen(Arc<(Mutex<String>, Condvar)>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (text, changed) = &*self.0;
        text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn shows(&self, wanted: &str) -> bool {
        let (text, changed) = &*self.0;
        let waited = changed.wait_timeout_while(text.lock().unwrap(), PATIENCE, |text| !text.contains(wanted));
        !waited.unwrap().1.timed_out()
    }
}

/// What a terminal shows where this variable is set.
fn on_a_terminal(variable: &str, value: &str) -> String {
    let machine = Machine::new()
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with(variable, value);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut context = Context {
        env: machine.env(),
        exe: binary(),
        clock: &SystemTime::now,
        stdin: &mut io::empty(),
        stdout: &mut stdout,
        stdout_is_terminal: true,
        stderr: MessageWriter::new(&mut stderr),
        progress: Progress::default(),
        verbosity: Verbosity::Normal,
        started: SystemTime::now(),
        began: Instant::now(),
    };
    ecr_auth::run(&["ecr-auth".into(), "doctor".into(), HOST.into()], &mut context);
    String::from_utf8(stdout).unwrap()
}

#[test]
fn colours_are_for_a_terminal_that_wants_them() {
    let coloured = on_a_terminal("TERM", "xterm");
    assert!(coloured.contains("\x1b[32m✓\x1b[0m binary: "), "{coloured}");
    assert!(coloured.contains("\x1b[31m✗\x1b[0m credentials: "), "{coloured}");
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(variable, value);
        assert!(plain.contains("✗ credentials: ") && !plain.contains('\x1b'), "{plain}");
    }
}

/// Only what deserves a look or fails, each with its registry.
#[test]
fn a_quiet_doctor_prints_problems_alone() {
    let mut scene = Scene::new();
    scene.breaks("no credentials");
    let outcome = scene.doctor(&["-q", HOST]);
    let lines = outcome.stdout.lines().filter(|line| !line.starts_with("    "));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.iter().all(|line| line.starts_with(['!', '✗'])), "{outcome:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&format!("✗ credentials: {HOST}: no AWS credentials"))),
        "{outcome:?}"
    );
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""), "{outcome:?}");
}

#[test]
fn the_summary_counts_the_problems_and_names_what_to_run_first() {
    let mut scene = Scene::new();
    scene.breaks("registry not configured");
    let outcome = scene.doctor(&[HOST]);
    let end = format!(
        "\n\n{} problems\nRun first: ecr-auth setup {HOST}\n",
        failures(&outcome).len()
    );
    assert!(outcome.stdout.ends_with(&end), "{outcome:?}");
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    let outcome = scene.doctor(&["--redact", HOST]);
    assert!(outcome.stdout.contains("\n\n1 problems\n"), "{outcome:?}");
    assert!(!outcome.stdout.contains("111122223333"), "{outcome:?}");
}

#[test]
fn the_second_run_checks_what_the_first_one_was_asked() {
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    scene.breaks("proxy that refuses");
    let last = |args: &[&str]| {
        let report = scene.doctor(args).stdout;
        report.lines().last().unwrap_or_default().to_owned()
    };
    let again = "After the first ✗ is fixed, run: ecr-auth ";
    let image = format!("{HOST}/team/app:1");
    assert_eq!(last(&[HOST]), format!("{again}doctor {HOST}"));
    assert_eq!(last(&[&image]), format!("{again}doctor {image}"));
    let digest = format!("{HOST}/app@sha256:{}", "0".repeat(64));
    assert_eq!(last(&[&digest]), format!("{again}doctor {digest}"));
    let args = ["--check-push", "--profile", "it's mine", &image];
    assert_eq!(
        last(&args),
        format!(r"{again}doctor --check-push --profile 'it'\''s mine' {image}")
    );
    assert_eq!(
        last(&[&image, "public.ecr.aws/x/y:1", &digest]),
        format!("{again}doctor {image} {digest}")
    );
    assert_eq!(
        last(&["--session-name", "", "--profile", "a  b", &image]),
        format!("{again}doctor --session-name '' --profile 'a  b' {image}")
    );
    let secret = "echo s3cret";
    let said = last(&["--token-command", secret, "--region", "eu-west-1", &image]);
    assert_eq!(said, format!("{again}doctor --region eu-west-1 {image}"));
    let redacted = last(&["--redact", &image]);
    assert!(
        !redacted.contains("team") && !redacted.contains("111122223333"),
        "{redacted}"
    );
}

/// The line is for convenience: the checks are made without it.
#[test]
fn what_no_line_can_name_does_not_keep_doctor_from_its_checks() {
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    let odd = OsStr::from_bytes(b"token-\xff");
    fs::write(scene.machine.path("").join(odd), "token").unwrap();
    let mut command = scene.machine.command(&binary(), &["doctor", HOST]);
    command.arg("--token-file").arg(odd);
    let outcome = Outcome::of(&command.output().unwrap());
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let last = outcome.stdout.lines().last();
    let told = "After the first ✗ is fixed, run the same command again";
    assert_eq!(last, Some(told), "{outcome:?}");
}

/// A kubelet needs neither docker nor podman.
#[test]
fn a_node_is_not_told_to_set_up_docker() {
    let scene = Scene::new();
    let folder = scene.machine.path("libexec");
    let installed = scene.machine.run(&["install", "--to", folder.to_str().unwrap()]);
    assert_eq!(installed.status, 0, "{installed:?}");
    symlink("ecr-auth", folder.join("ecr-auth-node")).unwrap();
    fs::remove_file(scene.machine.home().join(".docker/config.json")).unwrap();
    let outcome = scene.machine.call(&folder.join("ecr-auth"), &["doctor", HOST], "");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("✓ registry: "), "{outcome:?}");
    for never in ["docker: ", "podman: ", "helper: ", "ecr-auth setup"] {
        assert!(!outcome.stdout.contains(never), "{never}: {outcome:?}");
    }
}

/// A customer has no AWS account to allow anything in.
#[test]
fn a_user_of_cognito_asks_the_vendor_for_an_image() {
    let scene = Scene::with(lab_with_user());
    let foreign = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    configure(&scene.machine);
    let rules = scene.machine.read(".config/ecr-auth/ecr-auth.yml");
    scene
        .machine
        .write(".config/ecr-auth/ecr-auth.yml", &rules.replace(HOST, foreign));
    scene.docker(&json!({"credHelpers": {foreign: "ecr-auth"}}));
    let file = scene.machine.write("password", PASSWORD).display().to_string();
    let signed_in = scene.machine.run(&["cognito", "--password-file", &file]);
    assert_eq!(signed_in.status, 0, "{signed_in:?}");
    let outcome = scene.doctor(&[&format!("{foreign}/app:1")]);
    assert!(outcome.stdout.contains("app:1 may not be pulled"), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains("\n    if the images are not yours, ask whoever sent you"),
        "{outcome:?}"
    );
    assert!(!outcome.stdout.contains("allow the principal"), "{outcome:?}");
}

#[test]
fn a_helper_that_is_not_installed_is_to_be_replaced() {
    let scene = Scene::new();
    scene.docker(&json!({"credHelpers": {HOST: "ecr-login"}}));
    let outcome = scene.doctor(&[HOST]);
    let told = "✗ helper: docker-credential-ecr-login isn't installed, ";
    assert!(outcome.stdout.contains(told), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains(&format!("    Replace it: ecr-auth setup {HOST}\n")),
        "{outcome:?}"
    );
    scene.docker(&json!({"credHelpers": {HOST: "gcloud"}}));
    let outcome = scene.doctor(&[HOST]);
    assert!(
        outcome.stdout.contains("docker-credential-gcloud is not on PATH"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains(&format!("    replace it for this registry: ecr-auth setup {HOST}\n")),
        "{outcome:?}"
    );
}

/// Other programs read docker's file: that it is right says nothing of a docker that isn't there.
#[test]
fn a_docker_that_is_not_installed_gets_no_tick() {
    let scene = Scene::new();
    fs::remove_file(scene.machine.path("bin/docker")).unwrap();
    let outcome = scene.doctor(&[HOST]);
    assert!(!outcome.stdout.contains("✓ docker"), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains("! docker: docker is not on PATH; for other programs"),
        "{outcome:?}"
    );
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

#[test]
fn a_terminal_is_told_what_is_waited_for() {
    let lab = lab();
    let name = format!("127.0.0.1:{}", lab.https_addr().port());
    lab.add_host_alias(&name, HOST).unwrap();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_CA_BUNDLE", lab.ca_file().to_str().unwrap())
        .with_all(key_variables(lab.admin()));
    write_rules(&machine, &format!("  - match: {name}\n    registry: {HOST}\n"));
    lab.hold(Service::Ecr);
    let screen = Screen::default();
    let mut stderr = screen.clone();
    let env = machine.env();
    let progress = Progress::on(screen.clone());
    let doctor = std::thread::spawn(move || {
        let mut stdout = Vec::new();
        let mut context = Context {
            env,
            exe: binary(),
            clock: &SystemTime::now,
            stdin: &mut io::empty(),
            stdout: &mut stdout,
            stdout_is_terminal: true,
            stderr: MessageWriter::new(&mut stderr),
            progress,
            verbosity: Verbosity::Normal,
            started: SystemTime::now(),
            began: Instant::now(),
        };
        ecr_auth::run(&["ecr-auth".into(), "doctor".into(), name.into()], &mut context);
        String::from_utf8(stdout).unwrap()
    });
    assert!(screen.shows("… asking Amazon ECR for a token"));
    lab.release(Service::Ecr);
    let report = doctor.join().unwrap();
    assert!(screen.shows("\r\x1b[K"), "the line is taken back");
    assert!(report.contains(" registry: 127.0.0.1:"), "{report}");
}

/// What `doctor --redact` says where it makes no report at all.
#[rstest]
#[case::registry(&["Northwind-Prod/app"])]
#[case::value_of_redact(&["northwind"])]
#[case::short_name(&["northwind:1"])]
#[case::host(&["registry.northwind.example/team/app:1"])]
#[case::alias_with_a_port(&["northwind:5000/app"])]
#[case::image(&["111122223333.dkr.ecr.eu-west-1.amazonaws.com/Northwind App"])]
#[case::check_push(&["--check-push", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"])]
#[case::account(&["northwind.dkr.ecr.eu-west-1.amazonaws.com"])]
#[case::region_of_a_host(&["111122223333.dkr.ecr.northwind.amazonaws.com"])]
#[case::account_and_region(&["111122223333/northwind"])]
#[case::long(&["northwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwindnorthwind"])]
#[case::two_subjects(&["northwind", "another"])]
#[case::unknown_flag(&["--profil", "northwind"])]
#[case::flag_with_a_value(&["--source=northwind"])]
#[case::region(&["--region", "northwind-1", "111122223333"])]
#[case::policy(&["--policy", "@/srv/northwind/northwind.json", "111122223333/eu-west-1"])]
#[case::config(&["--config", "/srv/northwind/northwind.yml", "not-one"])]
#[case::invisible(&["north\u{200b}wind"])]
#[case::no_break_space(&["x\u{a0}northwind"])]
fn an_error_of_a_redacted_doctor_names_nobody(#[case] args: &[&str]) {
    let machine = Machine::new()
        .with("ECR_AUTH_LOG", "debug")
        .with("AWS_ROLE_SESSION_NAME", "northwind");
    let redact = if args == ["northwind"] {
        "--redact=northwind"
    } else {
        "--redact"
    };
    let outcome = machine.run(&[&["doctor", redact], args].concat());
    assert!(outcome.status > 0, "{outcome:?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr).to_lowercase();
    for name in ["northwind", "north", "another", "111122223333"] {
        assert!(!said.contains(name), "{outcome:?}");
    }
    assert!(
        !outcome.stderr.contains("see: ") || outcome.stderr.contains("see: https://github.com/"),
        "{outcome:?}"
    );
}
