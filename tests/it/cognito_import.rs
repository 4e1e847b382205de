//! `cognito import`: a file that somebody else wrote, what is asked before it is taken, and what it can't take away.

use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, USER_POOL_ID, UserSpec};

use rstest::rstest;

use crate::cognito::lab_with_user;
use crate::harness::{HOST, Machine, Outcome, with_links};
use crate::lab_machine::{lab, registry_status};
use crate::terminal::{CTRL_C, Stdout, Terminal};

const VENDOR: &str = "\
cognito:
  user-pool-id: eu-west-1_AbCdEfGhI
  client-id: 1h57kf5cpq17m0eml12EXAMPLE
  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012
registries:
  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    source: cognito
  - match: images.northwind.example
    registry: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    source: cognito
";
const RULES: &str = ".config/ecr-auth/setup.json";
const PEOPLE: &str = ".config/ecr-auth/ecr-auth.yml";
const ALIAS: &str = "images.northwind.example";
const DOCKER: &str = ".docker/config.json";

/// A machine with the vendor's file.
fn machine(vendor: &str) -> Machine {
    let machine = Machine::new();
    machine.write("vendor.yml", vendor);
    machine
}

/// The file of a vendor without an alias.
fn without_alias() -> String {
    VENDOR.split("  - match: images").next().unwrap().to_owned()
}

/// The vendor's file with the pools that the lab has.
fn of_the_lab() -> String {
    VENDOR
        .replace("eu-west-1_AbCdEfGhI", USER_POOL_ID)
        .replace("1h57kf5cpq17m0eml12EXAMPLE", CLIENT_ID)
        .replace("eu-west-1:12345678-abcd-1234-abcd-123456789012", IDENTITY_POOL_ID)
}

fn args(machine: &Machine, more: &[&str]) -> Vec<String> {
    let file = machine.home().join("vendor.yml").display().to_string();
    let bin = machine.path("bin").display().to_string();
    let args = ["cognito", "import", "--client", "docker", "--bin-dir", &bin, &file];
    args.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
}

fn import(machine: &Machine, more: &[&str]) -> Outcome {
    let args = args(machine, more);
    machine.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn is_untouched(machine: &Machine) -> bool {
    !machine.home().join(RULES).exists() && !machine.home().join(DOCKER).exists()
}

#[test]
fn the_change_is_shown_and_written() {
    let machine = machine(VENDOR);
    let outcome = import(&machine, &["--username", "zoe@example.com", "--alias", ALIAS, "--yes"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    for said in [
        "ecr-auth will answer for 2 registries as a user of eu-west-1_AbCdEfGhI: 111122223333.dkr.ecr.eu-west-1.amazonaws.com, \
         images.northwind.example.\n",
        "You will sign in as zoe@example.com with a password.\n",
        "This is written to ~/.docker/config.json and ~/.config/ecr-auth/setup.json.\n",
        "warning: images.northwind.example is an alias of 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "docker: 2 registries in ~/.docker/config.json\n",
        &format!("next: ecr-auth cognito signs in, once; then docker pull {HOST}/REPOSITORY\n"),
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    assert!(
        machine
            .read(DOCKER)
            .contains("\"images.northwind.example\": \"ecr-auth\"")
    );
    assert!(!machine.home().join(".aws").exists());

    let again = import(&machine, &["--alias", ALIAS]);
    assert_eq!(again.status, 0, "{again:?}");
    assert!(!again.stderr.contains("will answer"), "{again:?}");
    assert_eq!(machine.run(&["logout"]).status, 0);
    assert!(is_untouched(&machine));
}

#[test]
fn without_a_terminal_somebody_has_to_say_yes() {
    let machine = machine(VENDOR);
    let outcome = import(&machine, &[]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    for said in [
        "as a user of eu-west-1_AbCdEfGhI: ",
        "The helper is installed as ",
        "answer no and give --alias images.northwind.example\n",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:?}");
    }
    let end = "error: cognito import: nothing is changed: there is no terminal to ask on [EA0011]\n\
               hint: read the lines above, then give --yes\n";
    assert!(outcome.stderr.ends_with(&with_links(end)), "{outcome:?}");
    assert!(is_untouched(&machine));

    let dry = import(&machine, &["--dry-run"]);
    assert_eq!(dry.status, 0, "{dry:?}");
    assert!(
        dry.stdout.contains("\"user-pool-id\":\"eu-west-1_AbCdEfGhI\""),
        "{dry:?}"
    );
    assert!(dry.stderr.contains("You will sign in with a password.\n"), "{dry:?}");
    assert!(is_untouched(&machine));
}

#[test]
fn a_quiet_import_says_only_what_has_to_be_answered() {
    let machine = machine(VENDOR);
    let asked = import(&machine, &["-q"]);
    assert!(asked.stderr.contains("as a user of eu-west-1_AbCdEfGhI: "), "{asked:?}");
    let dry = import(&machine, &["-q", "--dry-run"]);
    assert_eq!((dry.status, dry.stderr.as_str()), (0, ""), "{dry:?}");
    import(&machine, &["-q", "--yes"]).is(0, "", "");
    assert!(!is_untouched(&machine));
}

/// The three sentences are for everybody; who wants to know more asks for it.
#[test]
fn the_ids_and_the_diff_are_told_to_who_asks_for_more() {
    let machine = machine(&without_alias());
    let outcome = import(&machine, &["-v", "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    for said in [
        "app client 1h57kf5cpq17m0eml12EXAMPLE, identity pool eu-west-1:12345678-abcd-1234-abcd-123456789012\n",
        "@@ -0,0 +1",
        "\"111122223333.dkr.ecr.eu-west-1.amazonaws.com\": \"ecr-auth\"",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    let quiet = import(&self::machine(&without_alias()), &["--yes"]);
    assert!(!quiet.stderr.contains("@@"), "{quiet:?}");
    assert!(
        quiet
            .stderr
            .starts_with("ecr-auth will answer for 1 registry as a user of eu-west-1_AbCdEfGhI: "),
        "{quiet:?}"
    );
}

#[test]
fn a_managed_login_is_shown_and_taken() {
    let machine = machine(&without_alias().replace("registries:", "  domain: login.northwind.example\nregistries:"));
    let outcome = import(&machine, &["--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("You will sign in in your browser, at https://login.northwind.example.\n"),
        "{outcome:?}"
    );
    let rules = machine.read(RULES);
    assert!(
        rules.contains("\"domain\":\"login.northwind.example\"") && rules.contains("\"browser\":true"),
        "{rules}"
    );
    for wrong in [
        "http://login.northwind.example",
        "localhost",
        "10.0.0.1",
        "login.northwind.example:8443",
        "login",
        "x.internal",
        "a/b.example",
    ] {
        let machine =
            self::machine(&without_alias().replace("registries:", &format!("  domain: {wrong}\nregistries:")));
        let outcome = import(&machine, &["--yes"]);
        assert_eq!(outcome.status, 2, "{wrong}: {outcome:?}");
        assert!(outcome.stderr.contains("\"domain\": "), "{wrong}: {outcome:?}");
        assert!(is_untouched(&machine), "{wrong}");
    }
}

#[rstest]
#[case::yes("y\r", true)]
#[case::yes_in_capitals("YES\r", true)]
#[case::nothing("\r", false)]
#[case::no("n\r", false)]
#[case::another_word("yep\r", false)]
#[case::giving_up(CTRL_C, false)]
fn a_terminal_is_asked(#[case] typed: &str, #[case] is_yes: bool) {
    let machine = machine(VENDOR);
    let args = args(&machine, &[]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Make these changes? [y/N]: ").press(typed);
    let ended = terminal.end();
    assert_eq!(
        (ended.status, !is_untouched(&machine)),
        (i32::from(!is_yes), is_yes),
        "{ended:?}"
    );
}

#[test]
fn what_the_user_has_is_not_taken_over() {
    let with = |file: &str, text: &str, status: i32, said: &str| {
        let machine = machine(VENDOR);
        machine.write(file, text);
        let outcome = import(&machine, &["--alias", ALIAS, "--yes"]);
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
        if status != 0 {
            assert_eq!(machine.read(file), text);
            assert!(!machine.home().join(DOCKER).exists());
        }
    };
    let rule = format!("registries:\n- match: {HOST}\n  role-arn: ci-push\n");
    with(
        PEOPLE,
        &rule,
        2,
        "~/.config/ecr-auth/ecr-auth.yml:2 has your own rule for it",
    );
    let glob = "# mine\nregistries:\n- match: '*.dkr.ecr.eu-*.amazonaws.com'\n  profile: x\n";
    with(PEOPLE, glob, 2, "ecr-auth.yml:3 has your own rule for it");
    let alias = format!("registries:\n- match: images.northwind.example\n  registry: {HOST}\n");
    with(PEOPLE, &alias, 2, "the registry images.northwind.example");
    let other = VENDOR.replace("AbCdEfGhI", "Other");
    with(PEOPLE, &other, 2, "there is a sign-in to other pools already");
    // What docker has is not lost, but not used any more either: that has to be seen.
    let helper = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-login\"}}}}");
    with(
        DOCKER,
        &helper,
        0,
        "warning: docker has the helper \"ecr-login\" for 111122223333.dkr.ecr",
    );
    let store = "{\"credsStore\": \"fake\"}";
    with(
        DOCKER,
        store,
        0,
        "warning: docker asks the store \"fake\" for images.northwind.example now",
    );
    with(
        PEOPLE,
        "defaults:\n  role-arn: ci-push\n",
        2,
        "the defaults of ecr-auth.yml say whose credentials are used for it",
    );
    let password = format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"QVdTOmh1bnRlcjI=\"}}}}}}");
    with(
        DOCKER,
        &password,
        0,
        "warning: docker has a password of its own for 111122223333.dkr.ecr",
    );
}

#[test]
fn an_alias_is_taken_only_where_it_is_named() {
    let machine = machine(VENDOR);
    let outcome = import(&machine, &["--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let said = format!(
        "left out: the alias {ALIAS} for {HOST}; to take it, write its rule into ecr-auth.yml: match, registry and source: cognito\n"
    );
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    for file in [RULES, DOCKER] {
        let text = machine.read(file);
        assert!(text.contains(HOST) && !text.contains(ALIAS), "{text}");
    }
    for unknown in ["images.example", HOST] {
        let outcome = import(&machine, &["--alias", unknown, "--yes"]);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        let said = format!("error: --alias {unknown}: the file has no such alias");
        assert!(outcome.stderr.contains(&said), "{outcome:?}");
    }
}

/// No list of registries that others pull from can be whole.
#[test]
fn a_popular_registry_is_no_alias_unless_it_is_named() {
    for popular in [
        "nvcr.io",
        "docker.elastic.co",
        "registry.access.redhat.com",
        "registry.hub.docker.com",
    ] {
        let machine = machine(&VENDOR.replace(ALIAS, popular));
        let outcome = import(&machine, &["--yes"]);
        for file in [RULES, DOCKER] {
            let path = machine.home().join(file);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            assert!(!text.contains(popular), "{outcome:?}");
        }
    }
}

#[test]
fn an_error_says_nothing_in_the_vendors_words() {
    for text in [
        VENDOR.replacen("    source", "    'call 0800 EVIL': x\n    source", 1),
        VENDOR.replacen("source: cognito", "source: call 0800 EVIL", 1),
        VENDOR.replacen(HOST, "https://0800.evil.example/x", 1),
        VENDOR.replacen("cognito:", "EVIL 0800: [\ncognito:", 1),
    ] {
        let machine = machine(&text);
        let outcome = import(&machine, &["--yes"]);
        let said = outcome.stderr.to_lowercase();
        assert!(outcome.status == 2 && said.contains("vendor.yml:"), "{outcome:?}");
        assert!(!said.contains("evil") && !said.contains("0800"), "{outcome:?}");
        assert!(is_untouched(&machine));
    }
}

#[test]
fn a_file_of_aliases_alone_needs_one_to_be_named() {
    let registry = format!("  - match: {HOST}\n    source: cognito\n");
    let machine = machine(&VENDOR.replace(&registry, ""));
    let outcome = import(&machine, &["--yes"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("hint: if you trust the host images.northwind.example, give --alias")
    );
    assert!(is_untouched(&machine));
    assert_eq!(import(&machine, &["--alias", ALIAS, "--yes"]).status, 0);
}

/// The pools' ids are public: another file with them must not send what a user signed in for to another host.
#[test]
fn a_second_file_cannot_stand_in_front_of_a_sign_in() {
    let machine = machine(&without_alias());
    assert_eq!(import(&machine, &["--username", "eve", "--yes"]).status, 0);
    let (rules, docker) = (machine.read(RULES), machine.read(DOCKER));
    machine.write("vendor.yml", VENDOR);
    let outcome = import(&machine, &["--alias", ALIAS, "--yes"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    for said in [
        "the registry images.northwind.example: a sign-in to these pools is configured already",
        "hint: if you trust that host, write its rule",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    assert_eq!((machine.read(RULES), machine.read(DOCKER)), (rules.clone(), docker));
    // What the user says is heard.
    let own = format!("registries:\n  - match: {ALIAS}\n    registry: {HOST}\n    source: cognito\n");
    machine.write(PEOPLE, &own);
    let outcome = import(&machine, &["--alias", ALIAS, "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(machine.read(DOCKER).contains(ALIAS));
    assert_eq!((machine.read(PEOPLE), machine.read(RULES)), (own, rules));
}

#[test]
fn a_sign_in_without_a_block_is_not_stood_in_front_of_either() {
    let lab = lab_with_user();
    let machine = machine(&of_the_lab()).with("AWS_ENDPOINT_URL", &lab.http_url());
    let file = machine
        .write("password", "Correct-horse-battery-1\n")
        .display()
        .to_string();
    let ids = [
        ["--user-pool-id", USER_POOL_ID],
        ["--client-id", CLIENT_ID],
        ["--identity-pool-id", IDENTITY_POOL_ID],
        ["--username", "maria"],
        ["--password-file", &file],
    ];
    let signed_in = machine.run(&[&["cognito"], &ids.concat()[..]].concat());
    assert_eq!(signed_in.status, 0, "{signed_in:?}");
    let outcome = import(&machine, &["--alias", ALIAS, "--yes"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("exists already"), "{outcome:?}");
    assert!(is_untouched(&machine));
}

#[test]
fn a_registry_that_docker_asks_ecr_auth_for_already_is_the_users_own() {
    let machine = machine(VENDOR);
    let store = "{\"credsStore\": \"ecr-auth\"}";
    machine.write(DOCKER, store);
    let outcome = import(&machine, &["--yes"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(
        outcome.stderr.contains("docker asks ecr-auth for it already"),
        "{outcome:?}"
    );
    assert_eq!(machine.read(DOCKER), store);
    assert!(!machine.home().join(RULES).exists());
}

#[test]
fn a_hostile_file_changes_nothing_and_says_nothing_of_its_own() {
    for (old, new) in [
        ("source: cognito", "profile: production"),
        ("source: cognito", "token-command: touch /tmp/owned"),
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com\n    source",
            "'*.dkr.ecr.*.amazonaws.com'\n    source",
        ),
        ("images.northwind.example", "\"images\\e]0;owned\\a.example\""),
        ("client-id:", "\"client-id\\e[2J\":"),
        ("cognito:\n  user", "cognito: &x\n  user"),
        ("cognito:\n", "defaults: {profile: production}\ncognito:\n"),
    ] {
        let vendor = VENDOR.replacen(old, new, 1);
        assert_ne!(vendor, VENDOR);
        let machine = machine(&vendor);
        let outcome = import(&machine, &["--yes"]);
        assert_eq!(outcome.status, 2, "{new}: {outcome:?}");
        assert!(!outcome.stderr.contains(['\u{1b}', '\u{7}']), "{outcome:?}");
        assert!(is_untouched(&machine), "{new}");
    }
}

#[test]
fn the_file_alone_says_which_registries() {
    let machine = machine(VENDOR);
    for more in [
        &["--user-pool-id", "eu-west-1_x"][..],
        &["--profile", "x"],
        &["--role-arn", "x"],
        &[HOST],
    ] {
        let outcome = import(&machine, &[more, &["--yes"]].concat());
        assert_eq!(outcome.status, 2, "{more:?}: {outcome:?}");
    }
    assert!(is_untouched(&machine));
    let outcome = machine.run(&["cognito", "import", "/nowhere.yml"]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
}

/// After `ecr-auth setup`, which the page about the installation ends with.
#[test]
fn a_helper_of_ours_is_told_once_and_is_no_warning() {
    let machine = machine(&without_alias());
    let helper = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecr-auth\"}}}}");
    machine.write(DOCKER, &helper);
    machine.write(".config/containers/auth.json", &helper);
    let args = args(&machine, &["--yes"]);
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| !["--client", "docker"].contains(arg))
        .collect();
    let outcome = machine.run(&args);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let told = format!("ecr-auth serves {HOST} already, and will use this sign-in for it.\n");
    assert_eq!(outcome.stderr.matches(&told).count(), 1, "{outcome:?}");
    assert!(!outcome.stderr.contains("which is not used once"), "{outcome:?}");
}

/// The containers of the customers' CronJob: the vendor's file as it is, and no import.
#[test]
fn two_containers_make_a_pull_secret() {
    let page = include_str!("../../kubernetes/pull-secret/cognito.yaml");
    let args = |name: &str| {
        let (_, container) = page.split_once(&format!("- name: {name}\n")).unwrap();
        let (_, args) = container.split_once("  args: [").unwrap();
        let (args, _) = args.split_once(']').unwrap();
        args.replace(" ", "")
    };
    let lab = lab();
    let user = UserSpec::new("cluster@acme.example").password("Correct-horse-battery-1");
    lab.cognito().add_user(user.group("licensed")).unwrap();
    let vendor = of_the_lab().replace("registries:", "  domain: login.northwind.example\nregistries:");
    let machine = machine(&vendor).with("AWS_ENDPOINT_URL", &lab.http_url());
    let password = machine
        .write("password", "Correct-horse-battery-1\n")
        .display()
        .to_string();
    let secret = machine.path("secret.json").display().to_string();
    let vendor = machine.home().join("vendor.yml").display().to_string();
    let cache = machine.path("cache").display().to_string();
    let machine = machine
        .with("ECR_AUTH_CONFIG", &vendor)
        .with("ECR_AUTH_CACHE_DIR", &cache);
    for name in ["sign-in", "fetch"] {
        let args = args(name)
            .replace("/secret/password", &password)
            .replace("/data/secret.json", &secret);
        let outcome = machine.run(&args.split(',').collect::<Vec<_>>());
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
    let secret = std::fs::read_to_string(secret).unwrap();
    assert!(secret.contains("kubernetes.io/dockerconfigjson"), "{secret}");
}

#[test]
fn who_has_imported_a_file_is_told_to_sign_in() {
    let lab = lab_with_user();
    let machine = machine(&of_the_lab()).with("AWS_ENDPOINT_URL", &lab.http_url());
    let path = format!("{}:/usr/bin:/bin", machine.path("bin").display());
    let machine = machine.with("PATH", &path);
    let outcome = import(&machine, &["--yes", "--alias", ALIAS]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let before = machine.run(&[]).stdout;
    let credentials = format!("  credentials  Amazon Cognito, user pool {USER_POOL_ID}: nobody is signed in\n");
    assert!(before.contains(&credentials), "{before}");
    assert!(before.contains("\nNext: sign in\n    ecr-auth cognito\n"), "{before}");
    let file = machine
        .write("password", "Correct-horse-battery-1\n")
        .display()
        .to_string();
    let discarded = [
        "cognito",
        "--username",
        "maria",
        "--password-file",
        &file,
        "--output",
        "/dev/null",
    ];
    let signed_in = machine.run(&discarded);
    assert_eq!((signed_in.status, signed_in.stdout.as_str()), (0, ""), "{signed_in:?}");
    assert!(signed_in.stderr.starts_with("Signed in as maria."), "{signed_in:?}");
    let after = machine.run(&[]).stdout;
    assert!(
        after.contains("\nNext: all is set up; see that a pull would work\n"),
        "{after}"
    );
}

#[test]
fn a_customer_signs_in_once_and_pulls() {
    let lab = lab_with_user();
    let machine = machine(&of_the_lab()).with("AWS_ENDPOINT_URL", &lab.http_url());
    let outcome = import(&machine, &["--username", "maria", "--alias", ALIAS, "--yes"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let file = machine
        .write("password", "Correct-horse-battery-1\n")
        .display()
        .to_string();
    let signed_in = machine.run(&["cognito", "--password-file", &file]);
    assert_eq!(signed_in.status, 0, "{signed_in:?}");
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);
    assert_eq!(machine.helper("get", "images.northwind.example").password(), password);
}
