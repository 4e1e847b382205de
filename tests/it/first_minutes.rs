//! `ecr-auth` without a command: the state it shows in each environment, and the next command it suggests.

use std::os::unix::fs::PermissionsExt;

use lab::{Ci, JobSpec};
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, binary, is_for_windows};
use crate::lab_machine::lab;

pub const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "not-to-be-shown"),
];

pub const ALL_IS_SET_UP: &str = "Next: all is set up; see that a pull would work\n    ecr-auth doctor\n";

pub const PERMISSIONS: &str = "    permissions:\n      id-token: write\n      contents: read\n";

/// Returns the output, which must be short, only on stdout, and without a secret.
#[track_caller]
pub fn told(machine: &Machine) -> String {
    let Outcome { status, stdout, stderr } = machine.run(&[]);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.lines().count() <= 14, "{stdout}");
    assert!(!stdout.contains("not-to-be-shown"), "{stdout}");
    assert!(stdout.ends_with("All commands: ecr-auth --help\n"), "{stdout}");
    stdout
}

/// Returns the line with a name.
#[track_caller]
pub fn found<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim_start()[name.len()..].trim()
}

/// Returns a job of the lab's, without the program's folder on PATH.
pub fn job(ci: Ci) -> Machine {
    let job = lab().start_job(&JobSpec::new(ci)).unwrap();
    Machine::new().with_all(job.environment)
}

pub fn docker(machine: &Machine, text: &str) {
    machine.write(".docker/config.json", text);
}

pub fn helper_on_path(machine: Machine) -> Machine {
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
#[case("rules/x.yml", ["rules/x.yml"; 2])]
#[case("it's mine.yml", [r"'it'\''s mine.yml'", "\"it's mine.yml\""])]
fn a_configuration_that_is_named_is_named_in_what_to_type(#[case] file: &str, #[case] typed: [&str; 2]) {
    let typed = typed[usize::from(is_for_windows())];
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
