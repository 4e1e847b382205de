//! Cognito as moto emulates it: independent code reads our requests and writes the responses. moto accepts any password in SRP and ignores
//! `Logins`. The lab tests those, and what moto lacks (RevokeToken, GetTokensFromRefreshToken, and an `MFA_SETUP` in Cognito's form).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::cognito::forget_sessions;
use crate::harness::{Machine, Outcome};
use crate::python::moto_python;
use crate::terminal::{Stdout, Terminal};

const PASSWORD: &str = "Correct-horse-battery-1";
const NEW: &str = "Another-horse-battery-2";
const NAME: &str = "known@example.com";

#[derive(Deserialize)]
struct Ids {
    url: String,
    user_pool_id: String,
    client_id: String,
    secret_client_id: String,
    client_secret: String,
    identity_pool_id: String,
    role: String,
}

/// A process of moto, which ends with its stdin.
struct Moto {
    process: Child,
    ids: Ids,
}

impl Moto {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/server.py");
        let mut process = Command::new(moto_python())
            .arg(script)
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ids = serde_json::from_str(&line).unwrap();
        Self { process, ids }
    }

    /// Returns a machine whose AWS is moto.
    fn machine(&self) -> Machine {
        Machine::new().with("AWS_ENDPOINT_URL", &self.ids.url)
    }

    /// Returns a machine that knows the password, and keeps nothing.
    fn machine_with_password(&self) -> Machine {
        self.machine()
            .with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD)
            .with("ECR_AUTH_CACHE", "off")
    }

    /// Returns `cognito` with the pools' ids, an app client and further arguments.
    fn args<'a>(&'a self, subcommand: &[&'a str], client_id: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let pools = ["--identity-pool-id", &self.ids.identity_pool_id];
        // A password is of the user pool alone.
        let pools = if subcommand.is_empty() { &pools[..] } else { &[] };
        let ids = ["--user-pool-id", &self.ids.user_pool_id, "--client-id", client_id];
        [&["cognito"], subcommand, &ids, pools, more].concat()
    }

    fn run(&self, machine: &Machine, subcommand: &[&str], more: &[&str]) -> Outcome {
        let more = [&["--username", NAME], more].concat();
        machine.run(&self.args(subcommand, &self.ids.client_id, &more))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Checks that credentials were printed.
fn is_signed_in(outcome: &Outcome) {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    assert!(
        outcome.stdout.starts_with(r#"{"Version":1,"AccessKeyId":""#),
        "{outcome:?}"
    );
}

#[test]
fn moto_signs_in_by_every_flow() {
    let moto = Moto::start();
    let machine = moto.machine_with_password();
    is_signed_in(&moto.run(&machine, &[], &[]));
    is_signed_in(&moto.run(&machine, &[], &["--flow", "user-password"]));
    let classic = [
        "--identity-flow",
        "classic",
        "--role-arn",
        &moto.ids.role,
        "--duration",
        "900",
    ];
    is_signed_in(&moto.run(&machine, &[], &classic));
    let machine = machine.with("ECR_AUTH_COGNITO_CLIENT_SECRET", &moto.ids.client_secret);
    is_signed_in(&machine.run(&moto.args(&[], &moto.ids.secret_client_id, &["--username", NAME])));
    let wrong = machine.with("ECR_AUTH_COGNITO_PASSWORD", NEW);
    let wrong = moto.run(&wrong, &[], &["--flow", "user-password"]);
    assert!(wrong.stderr.contains("NotAuthorizedException"), "{wrong:?}");
}

#[test]
fn moto_wants_a_new_password_at_the_first_sign_in_and_refreshes() {
    let moto = Moto::start();
    let machine = moto.machine();
    let name = ["--username", "new@example.com"];
    let args = moto.args(&[], &moto.ids.client_id, &name);
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Password of new@example.com: ").answer(PASSWORD);
    terminal.expect("digits and a symbol): ").answer(NEW);
    terminal.expect("Repeat it: ").answer(NEW);
    terminal.expect("Signed in as new@example.com.");
    assert_eq!(terminal.end().status, 0);
    forget_sessions(&machine);
    is_signed_in(&machine.run(&args));
}

#[test]
fn moto_changes_and_replaces_passwords() {
    let moto = Moto::start();
    let machine = moto.machine_with_password();
    let file = machine.write("new", NEW);
    let file = ["--new-password-file", file.to_str().unwrap()];
    let said = |outcome: Outcome, text: &str| assert!(outcome.stderr.contains(text), "{outcome:?}");
    said(
        moto.run(&machine, &["change-password"], &file),
        "the password of known@example.com is changed",
    );
    let machine = machine.with("ECR_AUTH_COGNITO_PASSWORD", NEW);
    is_signed_in(&moto.run(&machine, &[], &["--flow", "user-password"]));

    said(moto.run(&machine, &["forgot-password"], &[]), "a code was sent to ");
    let with_code = |code| [&["--code", code], &file[..]].concat();
    let wrong = with_code("moto-confirmation-code:1");
    said(moto.run(&machine, &["forgot-password"], &wrong), "ExpiredCodeException");
    // moto accepts any other code.
    let right = with_code("123456");
    said(
        moto.run(&machine, &["forgot-password"], &right),
        "the password of known@example.com is replaced",
    );
}

#[derive(Deserialize)]
struct PlayedStack {
    url: String,
    outputs: std::collections::BTreeMap<String, String>,
}

/// Tests the vendor's part and the customer's: the template's resources, the script that makes `vendor.yml` from its outputs, the import, a
/// sign-in.
#[test]
fn the_template_of_the_pages_serves_a_customer() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/template.py");
    let mut process = Command::new(moto_python())
        .arg(script)
        .env_remove("AWS_ENDPOINT_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let stack: PlayedStack = serde_json::from_str(&line).unwrap();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &stack.url);
    let file = vendor_file(&machine, &stack);
    assert!(
        file.contains("  domain: northwind.auth.eu-west-1.amazoncognito.com\n"),
        "{file}"
    );
    let path = machine.write("vendor.yml", &file).display().to_string();
    let bin = machine.path("bin").display().to_string();
    let import = [
        "cognito",
        "import",
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        "--username",
        "zoe@example.com",
        "--yes",
        &path,
    ];
    let imported = machine.run(&import);
    assert_eq!(imported.status, 0, "{imported:?}");
    let machine = machine.with("ECR_AUTH_COGNITO_PASSWORD", PASSWORD);
    is_signed_in(&machine.run(&["cognito"]));
    drop(process.stdin.take());
    process.wait().unwrap();
}

/// Which users the template's policies accept and refuse, by IAM's rules.
#[test]
fn the_template_lets_in_whom_the_pages_say() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/policies.py");
    let outcome = Command::new(moto_python()).arg(script).output().unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
}

/// The template's app client sends browsers back to the addresses on which ecr-auth listens.
#[test]
fn the_template_lists_our_addresses() {
    let template = include_str!("../../docs/cognito/template.yml");
    let port = settings::CognitoSettings::default().callback_port();
    for (key, address) in [
        ("CallbackURLs", cognito::managed_login::CALLBACK),
        ("LogoutURLs", cognito::managed_login::SIGNED_OUT),
    ] {
        let line = format!("      {key}: ['http://localhost:{port}{address}']\n");
        assert!(template.contains(&line), "{line}");
    }
}

/// Returns the output of the vendor's script, with a fake AWS CLI that knows the stack's outputs.
fn vendor_file(machine: &Machine, stack: &PlayedStack) -> String {
    let known: Vec<String> = stack
        .outputs
        .iter()
        .map(|(name, value)| format!("*\"OutputKey=='{name}'\"*) echo '{value}' ;;\n"))
        .collect();
    let aws = format!("#!/bin/sh\ncase \"$*\" in\n{}*) echo None ;;\nesac\n", known.concat());
    let aws = machine.write("tools/aws", &aws);
    std::fs::set_permissions(&aws, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cognito/vendor-file.sh");
    let printed = Command::new(script)
        .arg("image-customers")
        .env("PATH", format!("{}:/usr/bin:/bin", aws.parent().unwrap().display()))
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    String::from_utf8(printed.stdout).unwrap()
}
