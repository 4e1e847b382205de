//! The warnings of `setup`, which does its work all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lab::Lab;
use rstest::rstest;

use crate::harness::{HOST, Machine, Outcome, is_for_windows};
use crate::lab_machine::{lab, machine};

fn setup(machine: &Machine, more: &[&str]) -> Outcome {
    let bin = machine.home().join("bin").display().to_string();
    let line = [&["setup", "--client", "docker", "--bin-dir", &bin, HOST], more].concat();
    let outcome = machine.run(&line);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    assert!(machine.read(".docker/config.json").contains(HOST));
    outcome
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let machine = Machine::new();
    machine.write(".aws/config", "[profile dev]\n[profile prod]\n");
    let outcome = setup(&machine, &["--profile", "prd"]);
    let told = format!(
        "warning: {HOST}: profile prd: AWS's shared files have no such profile [EA0303]\nhint: profiles there are: dev, prod\n"
    );
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
}

#[test]
fn a_dry_run_warns_of_credentials_too() {
    let machine = Machine::new();
    machine.write(".aws/config", "[profile dev]\n[profile prod]\n");
    let bin = machine.home().join("bin").display().to_string();
    let dry = |more: &[&str]| {
        let line = [&["setup", "--dry-run", "--client", "docker", "--bin-dir", &bin], more].concat();
        let outcome = machine.run(&line);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert!(!machine.home().join(".docker").exists());
        outcome.stderr
    };
    let said = dry(&[HOST, "--profile", "prd"]);
    let told = format!(
        "warning: {HOST}: profile prd: AWS's shared files have no such profile [EA0303]\nhint: profiles there are: dev, prod\n"
    );
    assert!(said.contains(&told), "{said}");
    let said = dry(&[HOST]);
    assert!(
        said.contains(&format!("warning: {HOST}: no AWS credentials: ")),
        "{said}"
    );
    let said = dry(&["--all"]);
    assert!(
        said.contains("warning: registries without a rule: no AWS credentials: "),
        "{said}"
    );
    // The rules that are there apply, as they do afterwards.
    let rule = format!("registries:\n  - match: {HOST}\n    profile: nowhere\n");
    machine.write(".config/ecr-auth/ecr-auth.yml", &rule);
    let said = dry(&[HOST]);
    assert!(said.contains(&format!("warning: {HOST}: profile nowhere: ")), "{said}");
}

/// The rule that setup writes is completed by the defaults.
#[test]
fn a_dry_run_warns_of_the_credentials_that_the_written_rule_has() {
    let machine = Machine::new();
    let token = machine.write("token", "header.payload.signature");
    let warnings = |machine: &Machine, more: &[&str]| {
        let bin = machine.home().join("bin").display().to_string();
        let line = [&["setup", "--client", "docker", "--bin-dir", &bin, HOST], more].concat();
        let outcome = machine.run(&line);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let of_credentials = |line: &&str| line.starts_with(&format!("warning: {HOST}"));
        outcome
            .stderr
            .lines()
            .filter(of_credentials)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let file = ".config/ecr-auth/ecr-auth.yml";
    let role = ["--role-arn", "arn:aws:iam::111122223333:role/push"];
    let dry = [&["--dry-run"], &role[..]].concat();
    machine.write(file, &format!("defaults:\n  token-file: {}\n", token.display()));
    assert_eq!(warnings(&machine, &dry), [""; 0]);
    assert_eq!(warnings(&machine, &role), [""; 0]);
    machine.write(file, "defaults:\n  duration: 900\n");
    let told = warnings(&machine, &dry);
    assert!(
        matches!(&told[..], [told] if told.contains(": no AWS credentials: ")),
        "{told:?}"
    );
    assert_eq!(warnings(&machine, &role), told);
    // Where the new rule replaces an earlier one.
    let other = ["--profile", "nowhere"];
    let told = warnings(&machine, &[&["--dry-run"], &other[..]].concat());
    assert!(
        matches!(&told[..], [told] if told.contains(": profile nowhere: ")),
        "{told:?}"
    );
    assert_eq!(warnings(&machine, &other), told);
}

/// As doctor finds it.
#[rstest]
#[case::another_program(
    "exit 1",
    "the first docker-credential-ecr-auth on PATH and not ecr-auth, which hides ",
    " [EA0107]"
)]
#[case::an_old_copy("echo docker-credential-ecr-auth 0.1.0", "ecr-auth 0.1.0, not this ", "")]
fn a_program_that_comes_before_the_helper_is_told(#[case] script: &str, #[case] what: &str, #[case] code: &str) {
    let lab = lab();
    let machine = machine(&lab);
    let source = machine.write("program.sh", &format!("#!/bin/sh\n{script}\n"));
    let earlier = machine.home().join("earlier");
    fs::create_dir(&earlier).unwrap();
    let program = earlier.join("docker-credential-ecr-auth");
    let args = ["-m", "755", source.to_str().unwrap(), program.to_str().unwrap()];
    assert_eq!(machine.call("/usr/bin/install".as_ref(), &args, "").status, 0);
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        earlier.display(),
        machine.home().join("bin").display()
    );
    let machine = machine.with("PATH", &path);
    let outcome = setup(&machine, &[]);
    let mut lines = outcome.stderr.lines();
    let told = lines.find(|line| line.starts_with("warning: clients run ~/earlier/"));
    let told = told.unwrap_or_else(|| panic!("{outcome:?}"));
    assert!(told.contains(what) && told.ends_with(code), "{told}");
    let hint = "hint: remove or rename it, or put the folder of ecr-auth's helper before it on PATH";
    assert_eq!(lines.next(), Some(hint));
    let report = machine.run(&["doctor", HOST]).stdout;
    assert!(report.contains(what), "{report}");
    let first = format!(
        "{}:{}:/usr/bin:/bin",
        machine.home().join("bin").display(),
        earlier.display()
    );
    let outcome = setup(&machine.with("PATH", &first), &[]);
    assert!(!outcome.stderr.contains("clients run"), "{outcome:?}");
}

#[test]
fn missing_credentials_are_told() {
    let outcome = setup(&Machine::new(), &[]);
    let told = format!("warning: {HOST}: no AWS credentials: ");
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    let lab = lab();
    let outcome = setup(&machine(&lab), &[]);
    assert!(!outcome.stderr.contains("AWS credentials"), "{outcome:?}");
}

fn setup_all(machine: &Machine) -> Outcome {
    let bin = machine.home().join("bin").display().to_string();
    let outcome = machine.run(&["setup", "--all", "--client", "all", "--bin-dir", &bin]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    outcome
}

#[test]
fn missing_credentials_are_told_where_every_registry_is_served() {
    let outcome = setup_all(&Machine::new());
    let told = "warning: registries without a rule: no AWS credentials: ";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    let missing = Machine::new().with("AWS_PROFILE", "prd");
    missing.write(".aws/config", "[profile dev]\n[profile prod]\n");
    let outcome = setup_all(&missing);
    let told = "warning: registries without a rule: profile prd: AWS's shared files have no such profile [EA0303]\nhint: profiles there are: dev, prod\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    let lab = lab();
    let outcome = setup_all(&machine(&lab));
    assert!(!outcome.stderr.contains("warning: registries"), "{outcome:?}");
}

/// Podman reads its own passwords before it asks for every registry; docker does not.
#[test]
fn an_old_password_that_podman_uses_first_is_told_where_every_registry_is_served() {
    let lab = lab();
    let machine = machine(&lab);
    let old = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}}}");
    machine.write(".config/containers/auth.json", &old);
    machine.write(".docker/config.json", &old);
    let outcome = setup_all(&machine);
    let told: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("password"))
        .collect();
    assert!(
        matches!(told[..], [told] if told.starts_with("warning: podman: the password in auths of ~/.config/containers/auth.json is used")),
        "{outcome:?}"
    );
}

/// Returns a machine with a docker that reads `DOCKER_AUTH_CONFIG`, and an old password there.
fn with_old_variable(lab: &Lab) -> Machine {
    let machine = machine(lab);
    let docker = machine.write("bin/docker", "#!/bin/sh\necho 'Docker version 28.5.1, build x'\n");
    fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
    let variable = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}}}");
    machine.with("PATH", &path).with("DOCKER_AUTH_CONFIG", &variable)
}

/// The overview names what comes first where every registry is served, and says that all is set up once that is gone.
#[test]
fn an_old_password_is_told_by_the_overview_where_every_registry_is_served() {
    let lab = lab();
    let next = |machine: &Machine, place: &str| {
        let overview = machine.run(&[]).stdout;
        let line = format!("the password in auths of {place} is used before docker-credential-ecr-auth: ");
        let told = overview.lines().find(|line| line.starts_with("Next: "));
        assert!(told.is_some_and(|told| told.contains(&line)), "{overview}");
    };
    let of_variable = with_old_variable(&lab);
    let told = setup_all(&of_variable).stderr;
    let warning =
        "warning: docker: the password in auths of DOCKER_AUTH_CONFIG is used before docker-credential-ecr-auth";
    assert!(told.contains(warning), "{told}");
    next(&of_variable, "DOCKER_AUTH_CONFIG");
    let machine = with_old_variable(&lab).with("DOCKER_AUTH_CONFIG", "");
    setup_all(&machine);
    let overview = machine.run(&[]).stdout;
    assert!(overview.contains("\nNext: all is set up"), "{overview}");
    let old = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}}}");
    machine.write(".config/containers/auth.json", &old);
    next(&machine, "~/.config/containers/auth.json");
}

/// With `DOCKER_CONFIG`, podman reads docker's file alone, and skopeo reads its own files first.
#[test]
fn an_old_password_that_skopeo_alone_uses_first_is_told() {
    let lab = lab();
    let machine = machine(&lab);
    let folder = machine.home().join("elsewhere");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", machine.home().join("bin").display());
    let machine = machine
        .with("PATH", &path)
        .with("DOCKER_CONFIG", folder.to_str().unwrap());
    let old = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"b2xkOm9sZA==\"}}}}}}");
    machine.write(".config/containers/auth.json", &old);
    let bin = machine.home().join("bin").display().to_string();
    let told =
        "skopeo: the password in auths of ~/.config/containers/auth.json is used before docker-credential-ecr-auth";
    for what in [HOST, "--all"] {
        let outcome = machine.run(&["setup", "--bin-dir", &bin, what]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert_eq!(outcome.stderr.matches("the password").count(), 1, "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("warning: {told}")), "{outcome:?}");
        let overview = machine.run(&[]).stdout;
        assert!(overview.contains(&format!("\nNext: {told}")), "{overview}");
        let report = machine.run(&["doctor", HOST]).stdout;
        assert!(report.contains(&format!("\n✗ {told}")), "{report}");
        assert!(
            report.contains("\n✓ podman: docker-credential-ecr-auth is asked"),
            "{report}"
        );
        assert_eq!(machine.run(&["logout"]).status, 0);
    }
    machine.write(".config/containers/auth.json", "{}");
    assert_eq!(machine.run(&["setup", "--bin-dir", &bin, HOST]).status, 0);
    let report = machine.run(&["doctor", HOST]).stdout;
    assert!(!report.contains("skopeo"), "{report}");
}

#[test]
fn a_password_of_the_variable_that_comes_first_is_told() {
    let lab = lab();
    let outcome = setup(&with_old_variable(&lab), &[]);
    assert!(
        outcome
            .stderr
            .contains("warning: docker: the password in auths of DOCKER_AUTH_CONFIG is used"),
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains("old"), "{outcome:?}");
}

/// Docker reads only the first value of a file. Podman refuses a file with more text.
#[test]
fn what_follows_the_configuration_stays_and_is_told() {
    let machine = Machine::new();
    let before = "{\n\t\"credHelpers\": {\n\t\t\"a.io\": \"x\"\n\t}\n}\n}\n";
    let file = machine.write(".docker/config.json", before);
    let outcome = setup(&machine, &[]);
    let told = "warning: ~/.docker/config.json: something after the configuration at line 7 column 1, which docker does not read";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    let after = machine.read(".docker/config.json");
    assert!(
        after.ends_with("\"ecr-auth\"\n\t}\n}\n}\n") && after.contains("\"a.io\": \"x\""),
        "{after}"
    );
    let outcome = machine.run(&["logout", "--client", "docker"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(fs::read_to_string(file).unwrap(), before);
}

/// Docker warns of a value that is not a string, and uses the other values.
#[test]
fn nobody_is_told_that_docker_cannot_read_what_it_reads_in_part() {
    let machine = Machine::new();
    machine.write(".docker/config.json", "{\"credHelpers\":{\"a.io\":5,\"b.io\":\"x\"}}");
    let bin = machine.home().join("bin").display().to_string();
    let outcome = machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let told = "a helper's name that is not a string at line 1 column 24 [EA0101]\nhint: fix the file at that place; it was not changed\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

/// In podman's own file, further text makes all clients refuse it.
#[test]
fn podmans_own_file_with_something_after_it_is_left_alone() {
    let machine = Machine::new();
    let before = "{}\n}\n";
    machine.write(".config/containers/auth.json", before);
    let bin = machine.home().join("bin").display().to_string();
    let outcome = machine.run(&["setup", "--client", "podman", "--bin-dir", &bin, HOST]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("something after the configuration at line 2 column 1"),
        "{outcome:?}"
    );
    assert_eq!(machine.read(".config/containers/auth.json"), before);
    let overview = machine.run(&[]);
    assert!(
        overview.stdout.contains("something after the configuration"),
        "{overview:?}"
    );
}

/// The advice must not be circular, because setup says that the folder is not on PATH.
#[rstest]
#[case::plain("bin", ["", "\""])]
#[case::with_signs_of_shells("a$b'c", ["'", "'"])]
fn the_overview_names_the_line_for_path_where_the_helper_is_off_it(#[case] name: &str, #[case] quotes: [&str; 2]) {
    let lab = lab();
    let machine = machine(&lab);
    let bin = machine.home().join(name).display().to_string();
    let outcome = machine.run(&["setup", "--client", "docker", "--bin-dir", &bin, HOST]);
    let overview = machine.run(&[]);
    let line = match (is_for_windows(), quotes) {
        (false, [quote, _]) => {
            let escaped = bin.replace('\'', r"'\''");
            format!("export PATH={quote}{escaped}:{quote}\"$PATH\"")
        }
        (true, [_, quote]) => {
            let escaped = bin.replace('\'', "''");
            format!(
                "[Environment]::SetEnvironmentVariable('Path', {quote}{escaped};{quote} + [Environment]::GetEnvironmentVariable('Path', 'User'), 'User')"
            )
        }
    };
    assert!(overview.stdout.contains(&format!("\n    {line}\n")), "{overview:?}");
    assert!(overview.stdout.contains("--bin-dir"), "{overview:?}");
    assert!(outcome.stderr.contains(&format!(": {line}\n")), "{outcome:?}");
    if !is_for_windows() {
        let shell = machine.with("PATH", "/bin:/it's");
        let found = shell.call("/bin/sh".as_ref(), &["-c", &format!("{line}; echo \"$PATH\"")], "");
        assert_eq!(found.stdout, format!("{bin}:/bin:/it's\n"));
    }
}

/// On Windows too, where the helper is a copy.
#[test]
fn a_helper_that_clients_find_already_is_not_put_elsewhere_as_well() {
    let lab = lab();
    let machine = machine(&lab);
    setup(&machine, &[]);
    let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
    let outcome = machine.with("PATH", &path).run(&["setup", "--client", "docker", HOST]);
    let told = "helper: already installed as ~/bin/docker-credential-ecr-auth\n";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
    assert!(!outcome.stderr.contains("is not on PATH"), "{outcome:?}");
}
