//! `doctor`: each of twenty breakages made on purpose, and its first ✗ names the cause; what it says where all is well; what
//! must not happen: a change, a secret, a name in a redacted report.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lab::{ACCOUNT, Ci, Condition, Fault, GITHUB_ISSUER, JobSpec, Lab, Operator, Permissions, Service, Trust};
use rstest::rstest;
use serde_json::{Value, json};

use crate::endpoints::Proxy;
use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::{role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, key_variables, lab, role, session};

/// A machine on which a pull works: the helper on PATH, docker's configuration, AWS under its own names.
pub struct Scene {
    pub lab: Lab,
    pub machine: Machine,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(lab())
    }

    pub fn with(lab: Lab) -> Self {
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

    pub fn docker(&self, config: &Value) {
        self.machine.write(".docker/config.json", &config.to_string());
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.machine.set(name, value);
    }

    /// A job of GitHub's whose role trusts this subject and audience.
    pub fn github(&mut self, claim: &str, value: &str) {
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
    pub fn breaks(&mut self, breakage: &str) {
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

    pub fn doctor(&self, args: &[&str]) -> Outcome {
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

pub fn program(machine: &Machine, below: &str, script: &str) {
    let path = machine.path(below);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The `auth` of a password as ECR gives them out, which ended 20 hours ago.
pub fn stale() -> String {
    auth(SystemTime::now() - Duration::from_secs(20 * 3600 + 60))
}

pub fn auth(end: SystemTime) -> String {
    let expiration = end.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let password = json!({"payload": "cGF5bG9hZA==", "datakey": "a2V5", "version": "2", "type": "DATA_KEY", "expiration": expiration});
    BASE64_STANDARD.encode(format!("AWS:{}", BASE64_STANDARD.encode(password.to_string())))
}

pub fn failures(outcome: &Outcome) -> Vec<&str> {
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
