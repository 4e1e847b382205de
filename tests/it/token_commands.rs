//! `token-command` in the user's own file: the helper mints a token whenever it needs one, and a warm `get` runs nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lab::{ACCOUNT, Condition, Lab, Operator, Trust};
use rstest::rstest;
use serde_json::json;

use crate::harness::{HOST, Machine, Outcome, is_for_windows};
use crate::jobs::{Job, Kind, WITH_TOKEN, role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, lab, later};
use crate::pages::page;

/// A machine whose program `mint` prints the token of a file, counts its runs and writes to stderr.
struct Scene {
    lab: Lab,
    job: Job,
    machine: Machine,
}

const MINT: &str = "#!/bin/sh\nread token <\"$TOKEN_FILE\"\necho run >>\"$RUNS\"\necho \"s3cret $token\" >&2\nprintf '%s\\n' \"$token\"\n";

impl Scene {
    fn new(list: &str) -> Self {
        let lab = lab();
        let job = Job::start(&lab, Kind::Kubernetes, "app");
        job.role(&lab, ACCOUNT, "push");
        let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
        program(&machine, "bin/mint", MINT);
        let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
        let runs = machine.path("runs").display().to_string();
        let token = job.token_file().display().to_string();
        let machine = machine
            .with("PATH", &path)
            .with("RUNS", &runs)
            .with("TOKEN_FILE", &token);
        write_rules(
            &machine,
            &format!("  - match: {HOST}\n    role-arn: push\n    token-command: {list}\n"),
        );
        Self { lab, job, machine }
    }

    fn get(&self) -> Outcome {
        self.machine.helper("get", HOST)
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.machine.path("runs")).map_or(0, |runs| runs.lines().count())
    }
}

fn program(machine: &Machine, below: &str, text: &str) {
    let path = machine.write(below, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[rstest]
#[case::on_path("[mint]")]
#[case::with_arguments("[mint, 'an argument', '']")]
#[case::beside_the_file("['../../bin/mint']")]
#[case::a_shell_that_is_named("[sh, -c, 'mint | cat']")]
fn the_helper_mints_when_it_has_to_and_a_warm_get_runs_nothing(#[case] list: &str) {
    let scene = Scene::new(list);
    let first = scene.get().password();
    assert_eq!(scene.runs(), 1);
    assert_eq!(scene.get().password(), first);
    assert_eq!((scene.runs(), scene.lab.count(GET_TOKEN)), (1, 1));
    // After half of the password's life, it is renewed with a new token.
    scene.lab.advance(Duration::from_secs(7 * 3600));
    scene.job.rotate(&scene.lab);
    let machine = later(&scene.lab, scene.machine, Duration::ZERO);
    machine.helper("get", HOST).password();
    assert_eq!((scene.lab.count(WITH_TOKEN), scene.lab.count(GET_TOKEN)), (2, 2));
}

/// On Windows, it is a batch file.
#[rstest]
#[case::on_path("[mint.cmd]")]
#[case::beside_the_file("['../../bin/mint.cmd']")]
fn a_program_is_named_with_its_ending(#[case] list: &str) {
    let scene = Scene::new(list);
    let text = if is_for_windows() {
        "@type \"%TOKEN_FILE%\"\r\n"
    } else {
        MINT
    };
    program(&scene.machine, "bin/mint.cmd", text);
    scene.get().password();
}

#[test]
fn no_shell_reads_the_list() {
    let scene = Scene::new("[mint, '$(touch owned)', ';touch owned']");
    scene.get().password();
    assert!(!scene.machine.path("owned").exists() && !scene.machine.home().join("owned").exists());
}

/// The key holds the command, its folder and its environment: a process without one of them could not have run the command.
#[rstest]
#[case::another_environment("MINTING_SECRET", "other")]
#[case::no_such_program("PATH", "/usr/bin:/bin")]
fn whoever_cannot_run_the_command_as_it_was_run_gets_nothing(#[case] name: &str, #[case] value: &str) {
    let scene = Scene::new("[mint]");
    let machine = scene.machine.with("MINTING_SECRET", "ours");
    machine.helper("get", HOST).password();
    machine.helper("get", HOST).password();
    assert_eq!(scene.lab.count(GET_TOKEN), 1);
    fs::write(scene.job.token_file(), "").unwrap();
    let outcome = machine.with(name, value).helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("the token command: "), "{outcome:?}");
    assert_eq!(scene.lab.count(GET_TOKEN), 1);
}

#[test]
fn another_step_of_the_job_is_served() {
    let scene = Scene::new("[mint]");
    scene.get().password();
    let step = [
        ("GITHUB_STATE", "/2"),
        ("TERM", "dumb"),
        ("PWD", "/elsewhere"),
        ("SHLVL", "4"),
    ];
    scene.machine.with_all(step).helper("get", HOST).password();
    assert_eq!(
        (
            scene.lab.count(GET_TOKEN),
            fs::read_to_string(scene.job.token_file()).is_ok()
        ),
        (1, true)
    );
}

#[rstest]
#[case::fails("echo s3cret; echo s3cret >&2; exit 7", "it ended with exit status: 7")]
#[case::nothing("echo s3cret >&2", "it printed nothing")]
#[case::hangs("exec sleep 600", "it took longer than 0.")]
fn a_command_that_fails_is_named_and_nothing_of_what_it_wrote(#[case] script: &str, #[case] cause: &str) {
    let scene = Scene::new("[mint, 'in the arguments']");
    program(&scene.machine, "bin/mint", &format!("#!/bin/sh\n{script}\n"));
    let outcome = scene.machine.with("ECR_AUTH_TIMEOUT", "1").helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = format!("error: the token command: {cause}");
    assert!(outcome.stderr.starts_with(&told), "{outcome:?}");
    assert!(
        outcome.stderr.contains("[EA0204]\nhint: run it by hand: "),
        "{outcome:?}"
    );
    for secret in ["s3cret", "in the arguments"] {
        assert!(
            !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
            "{outcome:?}"
        );
    }
}

#[rstest]
#[case::a_line("mint", "ecr-auth.yml:4:20: ")]
#[case::empty("[]", "\"token-command\" is empty")]
#[case::blank("['']", "\"token-command\" is empty")]
#[case::two("[mint]\n    token-env: MINE", "\"token-env\" and \"token-command\" are in one rule")]
fn a_list_that_is_none_is_an_error_with_its_place(#[case] list: &str, #[case] cause: &str) {
    let scene = Scene::new(list);
    let outcome = scene.get();
    assert_eq!((outcome.status, scene.runs()), (1, 0), "{outcome:?}");
    assert!(outcome.stderr.contains("ecr-auth.yml:"), "{outcome:?}");
    assert!(outcome.stderr.contains(cause), "{outcome:?}");
}

#[test]
fn setup_stores_the_line_and_the_helper_runs_it() {
    let scene = Scene::new("[mint]");
    scene.machine.write(".config/ecr-auth/ecr-auth.yml", "");
    let bin = scene.machine.home().join("bin").display().to_string();
    let outcome = scene.machine.run(&[
        "setup",
        "--client",
        "docker",
        "--bin-dir",
        &bin,
        "--role-arn",
        "push",
        "--token-command",
        "mint | tr -d '\\n'",
        HOST,
    ]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let stored: serde_json::Value = serde_json::from_str(&scene.machine.read(".config/ecr-auth/setup.json")).unwrap();
    assert_eq!(
        stored["registries"][0]["token-command"],
        json!(["/bin/sh", "-c", "mint | tr -d '\\n'"])
    );
    assert_eq!(scene.runs(), 0, "setup only stores it");
    scene.get().password();
    scene.get().password();
    assert_eq!((scene.runs(), scene.lab.count(GET_TOKEN)), (1, 1));
}

/// The recipes of docs/ci.md, each with a program that prints like the real one.
#[rstest]
#[case::gcp(
    "gcloud",
    "case \"$*\" in 'auth print-identity-token --audiences=sts.amazonaws.com') ;; *) exit 2 ;; esac\ncat \"$TOKEN_FILE\"\n"
)]
#[case::azure(
    "az",
    "case \"$*\" in 'account get-access-token --resource api://APP-ID --query accessToken --output tsv') ;; *) exit 2 ;; esac\ncat \"$TOKEN_FILE\"; echo\n"
)]
#[case::spiffe(
    "spire-agent",
    "case \"$*\" in 'api fetch jwt -audience sts.amazonaws.com -output json') ;; *) exit 2 ;; esac\nprintf '[{\"svids\":[{\"spiffe_id\":\"spiffe://example.org/ci\",\"svid\":\"%s\"}]},{\"bundles\":{}}]\\n' \"$(cat \"$TOKEN_FILE\")\"\n"
)]
fn the_recipes_of_the_page(#[case] name: &str, #[case] script: &str) {
    let lab = lab();
    let job = Job::start(&lab, Kind::Kubernetes, "app");
    let condition = Condition {
        operator: Operator::StringEquals,
        claim: "sub".into(),
        values: vec![job.subject.clone()],
    };
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &[&job.audience]);
    let provider = job.issuer.trim_start_matches("https://").into();
    role_with(
        &lab,
        ACCOUNT,
        "ci-push",
        vec![Trust::WebIdentity {
            provider,
            conditions: vec![condition],
        }],
    );
    let end = if name == "spire-agent" { " " } else { "," };
    let page = page("ci.md");
    let recipes = page.split("```yaml\n").map(|block| block.split("```").next().unwrap());
    let recipe = recipes
        .into_iter()
        .find(|block| block.contains("token-command:") && block.contains(&format!("{name}{end}")));
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    machine.write(".config/ecr-auth/ecr-auth.yml", recipe.expect(name));
    program(&machine, &format!("bin/{name}"), &format!("#!/bin/sh\n{script}"));
    let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
    let token = job.token_file().display().to_string();
    let machine = machine.with("PATH", &path).with("TOKEN_FILE", &token);
    machine.helper("get", HOST).password();
}
