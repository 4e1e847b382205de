//! doctor's reports for programs and for other people: JSON, `--redact`, and the page that shows one.

use rstest::rstest;
use serde_json::{Value, json};

use crate::doctor::Scene;
use crate::harness::{HOST, Machine, binary};
use crate::jobs::write_rules;
use crate::lab_machine::{key_variables, role, session};
use crate::pages;
use crate::python::python_tool;

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

const NOT_ELSEWHERE: &str = "! other-users: sudo and services don't find docker-credential-ecr-auth: it is ~/bin/docker-credential-ecr-auth, and they look in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin
    where docker runs under sudo, or from a service (a GitLab runner, Jenkins): ecr-auth install --to /usr/local/bin (/usr/bin if sudo's secure_path lacks that)
";

/// Compares the page's example with a real run, in which what differs between machines is replaced.
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

#[test]
fn a_redacted_error_keeps_our_own_words() {
    let machine = Machine::new();
    let said = machine.run(&["doctor", "--redact", "docker.io/library/x"]).stderr;
    let form = "<12-digit account>.dkr.ecr.<region>.amazonaws.com";
    assert!(said.contains(form), "{said}");
    let role = "arn:aws:iam::111122223333:role/secretname";
    let said = Scene::new().doctor(&["--redact", "--role-arn", role, HOST]).stdout;
    assert!(said.contains("arn:aws:iam::ACCOUNT-"), "{said}");
    assert!(said.contains(":role/NAME-") && !said.contains("secretname"), "{said}");
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
#[case::account_as_a_flag(&["--111122223333"])]
#[case::account_in_a_flag(&["--foo111122223333", "public"])]
#[case::name_as_a_flag(&["--northwind-prod"])]
#[case::name_as_a_flag_with_a_value(&["--Northwind=another"])]
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
