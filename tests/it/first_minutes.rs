//! `ecr-auth` without a command: the state it shows in each environment, and the next command it suggests.

use std::os::unix::fs::PermissionsExt;

use lab::{Ci, JobSpec};
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::lab;

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "not-to-be-shown"),
];

const ALL_IS_SET_UP: &str = "Next: all is set up; see that a pull would work\n    ecr-auth doctor\n";

const PERMISSIONS: &str = "    permissions:\n      id-token: write\n      contents: read\n";

/// Returns the output, which must be short, only on stdout, and without a secret.
#[track_caller]
fn told(machine: &Machine) -> String {
    let Outcome { status, stdout, stderr } = machine.run(&[]);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.lines().count() <= 14, "{stdout}");
    assert!(!stdout.contains("not-to-be-shown"), "{stdout}");
    assert!(stdout.ends_with("All commands: ecr-auth --help\n"), "{stdout}");
    stdout
}

/// Returns the line with a name.
#[track_caller]
fn found<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim_start()[name.len()..].trim()
}

/// Returns a job of the lab's, without the program's folder on PATH.
fn job(ci: Ci) -> Machine {
    let job = lab().start_job(&JobSpec::new(ci)).unwrap();
    Machine::new().with_all(job.environment)
}

fn docker(machine: &Machine, text: &str) {
    machine.write(".docker/config.json", text);
}

fn helper_on_path(machine: Machine) -> Machine {
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(binary(), bin.join("docker-credential-ecr-auth")).unwrap();
    machine.with("PATH", bin.to_str().unwrap())
}

#[test]
fn an_empty_machine_is_told_where_credentials_come_from() {
    let machine = Machine::new().with("PATH", "/nowhere");
    let version = env!("CARGO_PKG_VERSION");
    machine.run(&[]).prints(&format!(
        "ecr-auth {version}: Docker login for Amazon ECR that never expires. Here:
  place        no CI
  credentials  no AWS credentials: none in the environment, the shared files, a web identity or a container's variables, and \
         AWS_EC2_METADATA_DISABLED is set [EA0301]
  region       none is set
  docker       not set up, in ~/.docker/config.json
  helper       docker-credential-ecr-auth is not on PATH
Next: name a profile that has credentials (an EC2 instance with a role needs none), and a registry
    ecr-auth setup --profile PROFILE ACCOUNT/REGION
All commands: ecr-auth --help
"
    ));
    let text = told(&machine.without("AWS_EC2_METADATA_DISABLED"));
    assert_eq!(
        found(&text, "credentials"),
        "none known here; the instance metadata service would be asked"
    );
    assert!(
        text.contains("\n    ecr-auth setup --profile PROFILE ACCOUNT/REGION\n"),
        "{text}"
    );
}

#[test]
fn a_job_of_githubs_without_a_token_gets_the_permissions_to_write() {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    let text = told(&job);
    assert_eq!(
        found(&text, "place"),
        "GitHub Actions, without an OIDC token for this job"
    );
    assert!(text.contains(PERMISSIONS), "{text}");
    let text = told(&job.with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/push"));
    assert_eq!(
        found(&text, "credentials"),
        "no OIDC token: the role asks for one, and this job has none [EA0202]"
    );
    assert!(text.contains(PERMISSIONS), "{text}");
}

/// As doctor and `get` find it: nothing else is known that could assume the role.
#[test]
fn a_job_that_is_set_up_with_a_role_and_has_no_token_is_told_so() {
    let job = job(Ci::Jenkins)
        .without("ECR_AUTH_ID_TOKEN")
        .without("AWS_EC2_METADATA_DISABLED");
    let rule = format!(r#"{{"registries":[{{"match":"{HOST}","role-arn":"ci-push"}}]}}"#);
    job.write(".config/ecr-auth/setup.json", &rule);
    docker(&job, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let machine = helper_on_path(job);
    let text = told(&machine);
    assert!(!text.contains("all is set up"), "{text}");
    let next = "\nNext: no OIDC token: name an OIDC token credential (credentialsId of withEcrAuth), or bind one to ECR_AUTH_ID_TOKEN around this step\n";
    assert!(text.contains(next), "{text}");
    let chain = rule.replace(r#""ci-push""#, r#""ci-push","source":"chain""#);
    machine.write(".config/ecr-auth/setup.json", &chain);
    assert!(
        told(&machine).contains("\nNext: all is set up"),
        "the machine's role is what was asked for"
    );
}

#[test]
fn a_job_of_githubs_without_a_token_that_has_keys_needs_none() {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    let text = told(&job.with_all(KEYS).with("AWS_REGION", "eu-west-1"));
    assert_eq!(found(&text, "credentials"), "the environment's access key AKIDEXAMPLE");
    assert!(text.contains("\n    ecr-auth setup\n"), "{text}");
}

#[test]
fn a_job_of_githubs_with_a_token_is_asked_for_its_role_unless_it_is_named() {
    let job = job(Ci::Github).without("AWS_EC2_METADATA_DISABLED");
    let text = told(&job);
    assert_eq!(found(&text, "place"), "GitHub Actions, with an OIDC token for this job");
    let line = "\n    ecr-auth setup --role-arn arn:aws:iam::ACCOUNT:role/ROLE ACCOUNT/REGION\n";
    assert!(text.contains(line), "{text}");
    let named = job.with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/push");
    let text = told(&named.with("AWS_REGION", "eu-west-1"));
    assert_eq!(
        found(&text, "credentials"),
        "arn:aws:iam::111122223333:role/push by GitHub's token for this job"
    );
    assert!(text.contains("\n    ecr-auth setup\n"), "{text}");
}

#[test]
fn a_job_of_gitlabs_without_a_token_gets_the_keys_to_write() {
    let text = told(&job(Ci::Gitlab).without("ECR_AUTH_ID_TOKEN"));
    assert_eq!(found(&text, "place"), "GitLab CI, without an OIDC token for this job");
    let keys = "    id_tokens:\n      ECR_AUTH_ID_TOKEN:\n        aud: sts.amazonaws.com\n";
    assert!(text.contains(keys), "{text}");
}

#[rstest]
#[case(
    "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not-to-be-shown\n",
    "profile work"
)]
#[case(
    "role_arn = arn:aws:iam::111122223333:role/r\ncredential_source = Ec2InstanceMetadata\n",
    "profile work (role_arn arn:aws:iam::111122223333:role/r)"
)]
fn a_profile_with_a_region_is_ready_to_be_set_up(#[case] keys: &str, #[case] credentials: &str) {
    let machine = Machine::new()
        .with("AWS_PROFILE", "work")
        .with_all(KEYS.iter().copied().skip(2));
    machine.write(".aws/config", &format!("[profile work]\nregion = eu-central-1\n{keys}"));
    let text = told(&machine);
    assert_eq!(
        (found(&text, "credentials"), found(&text, "region")),
        (credentials, "eu-central-1")
    );
    assert!(
        text.contains("Next: set up the registry of your own account\n    ecr-auth setup\n"),
        "{text}"
    );
}

#[test]
fn what_is_set_up_is_checked_next_and_a_missing_helper_mended() {
    let machine = Machine::new().with_all(KEYS);
    docker(
        &machine,
        &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth", "ghcr.io": "gh"}}}}"#),
    );
    let text = told(&machine);
    assert_eq!(
        found(&text, "docker"),
        "ecr-auth serves 1 registry, by ~/.docker/config.json"
    );
    assert!(
        text.contains(&format!(
            "Next: have clients find the helper\n    ecr-auth setup {HOST}\n"
        )),
        "{text}"
    );
    let machine = helper_on_path(machine);
    let text = told(&machine);
    assert_eq!(
        found(&text, "helper"),
        format!(
            "clients run {}, which is this ecr-auth",
            machine.path("bin/docker-credential-ecr-auth").display()
        )
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let text = told(&machine);
    assert!(
        found(&text, "docker").starts_with("ecr-auth serves every registry"),
        "{text}"
    );
}

/// The Go helper's own name also counts as ours, if it only leads to us.
#[test]
fn a_machine_with_the_go_helper_is_not_set_up_yet() {
    let machine = Machine::new().with_all(KEYS);
    docker(&machine, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-login"}}}}"#));
    let machine = helper_on_path(machine);
    let program = machine.path("bin/docker-credential-ecr-login");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = told(&machine);
    assert_eq!(
        found(&text, "docker"),
        format!(
            "{}, not ecr-auth, serves 1 registry, by ~/.docker/config.json",
            program.display()
        )
    );
    assert!(
        text.contains(&format!(
            "Next: have ecr-auth asked in its place; ecr-auth logout gives it back\n    ecr-auth setup {HOST}\n"
        )),
        "{text}"
    );
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink(binary(), &program).unwrap();
    let text = told(&machine);
    assert!(
        found(&text, "docker").starts_with("ecr-auth serves 1 registry"),
        "{text}"
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
}

/// Returns doctor's line about the helper, without its sign.
fn doctors_helper(machine: &Machine) -> String {
    let report = machine.run(&["doctor"]).stdout;
    let line = report.lines().find_map(|line| line.split_once(" helper: "));
    line.unwrap_or_else(|| panic!("{report}")).1.to_owned()
}

/// The name in the client's file counts, and doctor agrees.
#[rstest]
#[case("ecr-login", "ecr-auth", &format!("ecr-auth setup {HOST}"))]
#[case("ecr-auth", "ecr-login", &format!("ecr-auth setup {HOST}"))]
#[case("ecr-login", "ecr-login", "ecr-auth doctor")]
fn the_helper_is_looked_for_by_the_name_that_the_clients_file_has(
    #[case] named: &str,
    #[case] there: &str,
    #[case] next: &str,
) {
    let machine = Machine::new().with_all(KEYS);
    docker(&machine, &format!(r#"{{"credHelpers": {{"{HOST}": "{named}"}}}}"#));
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(binary(), bin.join(format!("docker-credential-{there}"))).unwrap();
    let machine = machine.with("PATH", bin.to_str().unwrap());
    let text = told(&machine);
    assert_eq!(found(&text, "helper"), doctors_helper(&machine));
    assert_eq!(found(&text, "helper").ends_with("[EA0106]"), named != there, "{text}");
    assert_eq!(text.contains(ALL_IS_SET_UP), named == there, "{text}");
    assert!(text.contains(&format!("\n    {next}\n")), "{text}");
}

/// `setup` without arguments would ask STS for the caller's own registry.
#[test]
fn a_store_and_single_registries_are_set_up_again_as_they_are() {
    let machine = Machine::new().with_all(KEYS).with("PATH", "/nowhere");
    docker(
        &machine,
        &format!(
            r#"{{"credHelpers": {{"{HOST}": "ecr-auth", "public.ecr.aws": "ecr-auth", "$(id)": "ecr-auth"}}, "credsStore": "ecr-login"}}"#
        ),
    );
    let lines = format!("\n    ecr-auth setup {HOST} public.ecr.aws\n    ecr-auth setup --all\n");
    let text = told(&machine);
    assert!(text.contains(&lines), "{text}");
}

#[test]
fn a_program_that_hides_the_helper_is_not_set_up_over() {
    let machine = Machine::new().with_all(KEYS);
    docker(&machine, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = bin.join("docker-credential-ecr-auth");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = told(&machine.with("PATH", bin.to_str().unwrap()));
    let next = format!(
        "\nNext: {} is not ecr-auth: remove or rename it, or ",
        program.display()
    );
    assert!(text.contains(&next), "{text}");
}

#[rstest]
#[case("rules/x.yml", "rules/x.yml")]
#[case("it's mine.yml", r"'it'\''s mine.yml'")]
fn a_configuration_that_is_named_is_named_in_what_to_type(#[case] file: &str, #[case] typed: &str) {
    let machine = Machine::new().with_all(KEYS);
    let path = machine.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("registries:\n  - match: {HOST}\n")).unwrap();
    let Outcome { status, stdout, stderr } = machine.run(&["--config", file]);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    let line = format!("\n    ecr-auth --config {typed} setup\n");
    assert!(stdout.contains(&line), "{stdout}");
    // The shell reads it as the original text.
    let shown = machine.call("/bin/sh".as_ref(), &["-c", &format!("printf %s {typed}")], "");
    assert_eq!(shown.stdout, file);
    let text = told(&machine.with("ECR_AUTH_CONFIG", path.to_str().unwrap()));
    assert!(text.contains("\n    ecr-auth setup\n"), "{text}");
}

/// The findings are on stdout all the same.
#[rstest]
#[case::missing(None, "cannot read FILE")]
#[case::wrong(Some("registries:\n  - mtach: x\n"), "FILE:2:5")]
fn a_configuration_that_is_named_and_cannot_be_used_is_an_error(
    #[case] content: Option<&str>,
    #[case] what: &str,
    #[values(true, false)] by_flag: bool,
) {
    let machine = Machine::new().with_all(KEYS);
    let path = machine.path("x.yml");
    if let Some(content) = content {
        std::fs::write(&path, content).unwrap();
    }
    let file = path.to_str().unwrap();
    let Outcome { status, stdout, stderr } = match by_flag {
        true => machine.run(&["--config", file]),
        false => machine.with("ECR_AUTH_CONFIG", file).run(&[]),
    };
    assert_eq!(status, 2, "{stdout}{stderr}");
    let [error, hint, see] = stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{stderr}")
    };
    assert!(see.starts_with("see: "), "{stderr}");
    assert_eq!(found(&stdout, "ecr-auth.yml"), error.strip_prefix("error: ").unwrap());
    let (what, hint) = (what.replace("FILE", file), hint.strip_prefix("hint: ").unwrap());
    assert!(stdout.contains(&format!("\nNext: {what}: {hint}\n")), "{stdout}");
    assert!(stdout.ends_with("All commands: ecr-auth --help\n"), "{stdout}");
}

#[test]
fn a_hint_comes_with_what_it_is_about() {
    let text = told(&Machine::new().with_all(KEYS).with("AWS_REGION", "eu_west_1"));
    assert!(text.contains("\nNext: the region: did you mean eu-west-1?\n"), "{text}");
}

#[test]
fn the_profiles_that_there_are_are_named() {
    let machine = Machine::new();
    machine.write(
        ".aws/config",
        "[profile dev]\nregion = eu-west-1\n[profile work]\nregion = eu-west-1\n",
    );
    let text = told(&machine);
    assert!(
        text.contains("\nNext: name a profile that has credentials (dev, work; an EC2 instance"),
        "{text}"
    );
}

/// This is the same check as `setup`'s warning.
#[test]
fn a_password_that_comes_before_the_helper_is_what_is_next() {
    let machine = Machine::new().with_all(KEYS).with("AWS_REGION", "eu-west-1");
    docker(&machine, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let variable = format!(r#"{{"auths": {{"{HOST}": {{"auth": "QVdTOm9sZA=="}}}}}}"#);
    let text = told(&helper_on_path(machine).with("DOCKER_AUTH_CONFIG", &variable));
    assert!(
        text.contains(
            "\nNext: docker: the password in auths of DOCKER_AUTH_CONFIG is used before docker-credential-ecr-auth"
        ),
        "{text}"
    );
    assert!(text.contains("; then see\n    ecr-auth doctor\n"), "{text}");
}

/// Podman may have two files: the one that is set up is enough.
#[test]
fn a_client_that_is_set_up_is_not_also_told_as_not_set_up() {
    let machine = Machine::new().with_all(KEYS);
    let runtime = machine.path("run");
    let machine = machine.with("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
    machine.write(
        ".config/containers/auth.json",
        &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#),
    );
    let text = told(&helper_on_path(machine));
    let podman: Vec<&str> = text.lines().filter(|line| line.starts_with("  podman")).collect();
    assert_eq!(
        podman,
        ["  podman       ecr-auth serves 1 registry, by ~/.config/containers/auth.json"],
        "{text}"
    );
}

/// The role of an EC2 instance needs no token, and only a call can find it.
#[test]
fn a_job_that_is_set_up_and_may_have_an_instances_role_is_not_told_to_get_a_token() {
    let job = job(Ci::Github)
        .without("ACTIONS_ID_TOKEN_REQUEST_URL")
        .without("AWS_EC2_METADATA_DISABLED");
    docker(&job, &format!(r#"{{"credHelpers": {{"{HOST}": "ecr-auth"}}}}"#));
    let text = told(&helper_on_path(job));
    assert!(!text.contains(PERMISSIONS), "{text}");
    let next = "\nNext: all is set up, if this is an EC2 instance with a role (if not, give the job `permissions: id-token: write`); \
         see that a pull would work\n    ecr-auth doctor\n";
    assert!(text.contains(next), "{text}");
}

#[rstest]
#[case("registries:\n  - match: public.ecr.aws\n")]
#[case("registries:\n  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    optional: true\n")]
fn what_is_optional_needs_no_token(#[case] rules: &str) {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    job.write(".config/ecr-auth/ecr-auth.yml", rules);
    let text = told(&job);
    assert!(!text.contains(PERMISSIONS), "{text}");
    assert!(
        found(&text, "credentials").ends_with(" [EA0301] (optional: pulls go on without)"),
        "{text}"
    );
    let host = rules.split_whitespace().nth(3).unwrap();
    docker(&job, &format!(r#"{{"credHelpers": {{"{host}": "ecr-auth"}}}}"#));
    let text = told(&helper_on_path(job));
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
}

/// Registries without a rule, which nobody asked for, have the same credentials: none.
#[rstest]
#[case::a_rule(
    "registries:\n  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    optional: true\n",
    r#"{"credsStore": "ecr-auth"}"#
)]
#[case::a_public_one("", r#"{"credHelpers": {"public.ecr.aws": "ecr-auth"}, "credsStore": "ecr-auth"}"#)]
fn what_is_optional_stays_so_where_every_registry_is_served(#[case] rules: &str, #[case] config: &str) {
    let of_ci = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    for machine in [Machine::new(), of_ci] {
        machine.write(".config/ecr-auth/ecr-auth.yml", rules);
        docker(&machine, config);
        let text = told(&helper_on_path(machine));
        assert!(
            found(&text, "credentials").ends_with(" [EA0301] (optional: pulls go on without)"),
            "{text}"
        );
        assert!(text.contains(ALL_IS_SET_UP), "{text}");
    }
}

#[test]
fn defaults_are_optional_for_every_registry() {
    let machine = Machine::new();
    let rules = "defaults: { optional: true, profile: missing }\n";
    machine.write(".config/ecr-auth/ecr-auth.yml", rules);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let text = told(&helper_on_path(machine));
    assert!(
        found(&text, "credentials").ends_with(" (optional: pulls go on without)"),
        "{text}"
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
}

/// A registry that must be served counts, even if an optional one with the same problem comes first.
#[test]
fn what_is_optional_hides_nothing_that_needs_a_token() {
    let job = job(Ci::Github).without("ACTIONS_ID_TOKEN_REQUEST_URL");
    let rules = format!("registries:\n  - match: public.ecr.aws\n  - match: {HOST}\n");
    job.write(".config/ecr-auth/ecr-auth.yml", &rules);
    let text = told(&job);
    assert!(text.contains(PERMISSIONS), "{text}");
    assert!(!text.contains("optional"), "{text}");
}

#[test]
fn the_fourth_registry_that_fails_is_in_the_way_too() {
    let machine = Machine::new().with_all(KEYS);
    let mut rules = String::from("registries:\n");
    for (account, says) in [
        ("111122223333", "source: auto"),
        ("222233334444", "role-arn: a"),
        ("333344445555", "role-arn: b"),
        ("444455556666", "profile: nowhere"),
        ("555566667777", "role-arn: c"),
    ] {
        rules += &format!("  - match: {account}.dkr.ecr.eu-west-1.amazonaws.com\n    {says}\n");
    }
    machine.write(".config/ecr-auth/ecr-auth.yml", &rules);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let text = told(&helper_on_path(machine));
    assert!(text.contains("\n  credentials  and 2 more that differ\n"), "{text}");
    let next = "\nNext: 444455556666.dkr.ecr.eu-west-1.amazonaws.com: profile nowhere: ";
    assert!(text.contains(next), "{text}");
}

#[test]
fn registries_with_credentials_of_their_own_are_told_one_by_one() {
    let machine = Machine::new().with_all(KEYS);
    let other = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n  - match: {other}\n    role-arn: pull\n    source: chain\n"),
    );
    let text = told(&machine);
    assert!(
        text.contains(&format!("{HOST}: the environment's access key AKIDEXAMPLE\n")),
        "{text}"
    );
    let role = "arn:aws:iam::444455556666:role/pull by the environment's access key AKIDEXAMPLE";
    assert!(text.contains(&format!("{other}: {role}\n")), "{text}");
    assert!(
        text.contains("Next: set up the registries of ecr-auth.yml\n    ecr-auth setup\n"),
        "{text}"
    );
}

/// Two profiles: one for a registry, and one for all others.
fn machine_with_defaults() -> Machine {
    let machine = Machine::new();
    let keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not-to-be-shown\n";
    let work = format!("[profile work]\nregion = eu-central-1\n{keys}");
    machine.write(".aws/config", &format!("{work}[profile partner]\n{keys}"));
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    profile: partner\ndefaults:\n  profile: work\n"),
    );
    machine
}

#[test]
fn credentials_are_told_with_the_registries_that_they_are_for() {
    let machine = machine_with_defaults();
    let text = told(&machine);
    let partner = format!("\n  credentials  {HOST}: profile partner\n");
    assert!(text.contains(&partner), "{text}");
    assert!(
        text.contains("\n  credentials  other registries: profile work\n"),
        "{text}"
    );
    assert_eq!(found(&text, "region"), "eu-central-1");
    // A store asks for the others too.
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {HOST}\n    profile: partner\n"),
    );
    let only = told(&machine);
    assert_eq!(found(&only, "credentials"), "profile partner");
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let machine = machine.with("AWS_PROFILE", "work");
    let text = told(&machine);
    assert!(
        text.contains(&format!("  credentials  {HOST}: profile partner\n")),
        "{text}"
    );
    assert!(
        text.contains("  credentials  other registries: profile work\n"),
        "{text}"
    );
    let machine = machine.with("AWS_PROFILE", "partner");
    assert_eq!(found(&told(&machine), "credentials"), "profile partner");
}

/// A registry that has credentials is not in the way because others have none.
#[test]
fn registries_without_a_rule_need_no_credentials() {
    let machine = machine_with_defaults();
    let rule = format!("registries:\n  - match: {HOST}\n    profile: partner\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    docker(&machine, r#"{"credsStore": "ecr-auth"}"#);
    let machine = helper_on_path(machine);
    let text = told(&machine);
    assert!(
        text.contains("  credentials  other registries: no AWS credentials: "),
        "{text}"
    );
    assert!(text.contains(ALL_IS_SET_UP), "{text}");
    // A default that is named has to be there.
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("{rule}defaults:\n  profile: nowhere\n"),
    );
    let text = told(&machine);
    assert!(text.contains("\nNext: other registries: profile nowhere: "), "{text}");
}

#[test]
fn an_account_alone_is_in_the_region_of_the_default_profile() {
    let machine = machine_with_defaults();
    let bin = machine.path("bin").display().to_string();
    let setup = ["setup", "--client", "docker", "--bin-dir", &bin, "--dry-run"];
    let account = |more: &[&str]| machine.run(&[&setup[..], &["222233334444"], more].concat());
    let outcome = account(&[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let host = "222233334444.dkr.ecr.eu-central-1.amazonaws.com";
    assert!(outcome.stdout.contains(host), "{outcome:?}");
    // Another identity on the command line replaces the default one.
    for other in [["--profile", "partner"], ["--role-arn", "push"]] {
        let outcome = account(&other);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("[EA0006]"), "{outcome:?}");
    }
    let report = machine.run(&["doctor", "222233334444"]);
    assert!(report.stdout.contains(host), "{report:?}");
    let role = machine.run(&["doctor", "--role-arn", "push", "222233334444"]);
    assert_eq!(role.status, 2, "{role:?}");
}

/// Whose account it is, is asked with the credentials that registries without a rule have.
#[test]
fn the_callers_own_registry_is_that_of_the_default_profile() {
    let lab = lab();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let key = lab.admin();
    machine.write(
        ".aws/config",
        &format!(
            "[profile work]\nregion = eu-central-1\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ),
    );
    machine.write(".config/ecr-auth/ecr-auth.yml", "defaults:\n  profile: work\n");
    let host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    let bin = machine.path("bin").display().to_string();
    let setup = machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, "--dry-run"]);
    assert!(setup.stdout.contains(host), "{setup:?}");
    let login = machine.run(&["login", "--format", "json"]);
    assert!(login.stdout.contains(host), "{login:?}");
    let doctor = machine.run(&["doctor"]);
    assert!(doctor.stdout.contains(host), "{doctor:?}");
    let listed = machine.helper("list", "");
    assert_eq!(listed.stdout, format!("{{\"https://{host}\":\"AWS\"}}\n"), "{listed:?}");
}

/// Each problem is reported. None makes it fail or stop looking.
#[rstest]
#[case(
    ".docker/config.json",
    "{\"auths\": {},}",
    "docker",
    "~/.docker/config.json can't be read: "
)]
#[case(
    ".docker/config.json",
    "\u{fffd}\u{0}[2J",
    "docker",
    "~/.docker/config.json can't be read: "
)]
#[case(".config/ecr-auth/ecr-auth.yml", "registries: [\n", "ecr-auth.yml", "")]
#[case(".config/ecr-auth/ecr-auth.yml", "registries:\n  - mtach: x\n", "ecr-auth.yml", "")]
#[case(".aws/config", "[profile\nregion", "credentials", "")]
#[case(".aws/config", "[default]\nregion = \u{1b}[31mnowhere\n", "region", "the region: ")]
fn odd_files_are_told(#[case] file: &str, #[case] content: &str, #[case] name: &str, #[case] begin: &str) {
    let machine = Machine::new().with_all(KEYS);
    machine.write(file, content);
    let text = told(&machine);
    assert!(found(&text, name).starts_with(begin), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("\nNext: "), "{text}");
}

#[test]
fn a_pipe_and_a_folder_hold_it_up_in_nothing() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.home().join(".docker/config.json")).unwrap();
    std::fs::create_dir_all(machine.home().join(".config/ecr-auth")).unwrap();
    let pipe = machine.home().join(".config/ecr-auth/ecr-auth.yml");
    assert_eq!(machine.call("mkfifo".as_ref(), &[pipe.to_str().unwrap()], "").status, 0);
    let text = told(&machine);
    assert!(found(&text, "docker").contains("can't be read"), "{text}");
}

#[test]
fn nothing_is_asked_of_the_network_and_nothing_is_left_behind() {
    let lab = lab();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_REGION", "eu-west-1")
        .with_all(KEYS);
    told(&machine);
    assert_eq!(lab.calls().counts.len(), 0);
    assert_eq!(std::fs::read_dir(machine.home()).unwrap().count(), 0);
}

#[rstest]
#[case(&["stup"], "error: the command line: unrecognized subcommand 'stup' [EA0001]\nhint: did you mean setup? Otherwise read: ecr-auth --help\n")]
#[case(&["login", "--frmat", "json"], "error: the command line: unexpected argument '--frmat' found [EA0001]\nhint: did you mean --format? Otherwise read: ecr-auth login --help\n")]
#[case(
    &["login", "--format", "jsno"],
    "error: the command line: invalid value 'jsno' for '--format <FORMAT>' [possible values: docker, github, dotenv, json, password, k8s-secret] [EA0001]\n\
     hint: did you mean json? Otherwise read: ecr-auth login --help\n"
)]
#[case(&["cognito", "chnage-password"], "error: the command line: unrecognized subcommand 'chnage-password' [EA0001]\nhint: did you mean change-password or forgot-password? Otherwise read: ecr-auth cognito --help\n")]
#[case(&["cognito", "--pasword", "x"], "error: the command line: unexpected argument '--pasword' found [EA0001]\nhint: read: ecr-auth cognito --help\n")]
#[case(&["erase"], "error: the command line: unrecognized subcommand 'erase' [EA0001]\nhint: did you mean helper erase? Otherwise read: ecr-auth --help\n")]
#[case(&["install"], "error: the command line: the following required arguments were not provided: --to <DIR> [EA0001]\nhint: read: ecr-auth install --help\n")]
fn a_slip_of_the_keys_gets_the_nearest_word(#[case] args: &[&str], #[case] stderr: &str) {
    Machine::new().run(args).is(2, "", stderr);
}
