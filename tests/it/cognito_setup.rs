//! `cognito setup`: one command for AWS's own tools and the clients, and `logout`, which takes it all back.

use std::fs;

use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, USER_POOL_ID};

use crate::cognito::lab_with_user;
use crate::harness::{HOST, Machine, binary};
use crate::lab_machine::registry_status;
use crate::python::python_tool;

const POOLS: [&str; 6] = [
    "--user-pool-id",
    "eu-west-1_AbCdEfGhI",
    "--client-id",
    "1h57kf5cpq17m0eml12EXAMPLE",
    "--identity-pool-id",
    "eu-west-1:12345678-abcd-1234-abcd-123456789012",
];
const RULES: &str = ".config/ecr-auth/setup.json";
const PEOPLE: &str = ".config/ecr-auth/ecr-auth.yml";

fn setup<'a>(bin: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["cognito", "setup", "--client", "all", "--bin-dir", bin], more].concat()
}

fn bin(machine: &Machine) -> String {
    machine.path("bin").display().to_string()
}

/// The profile that is written for these flags.
fn profile(name: &str, flags: &str) -> String {
    let exe = fs::canonicalize(binary()).unwrap();
    format!(
        "[profile {name}]\ncredential_process = {} cognito {}{flags}\n",
        exe.display(),
        POOLS.join(" ")
    )
}

#[test]
fn profile_rule_and_helpers_are_written_and_taken_back() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let args = setup(&bin, &[&POOLS[..], &["--username", "zoe@example.com", HOST]].concat());
    let outcome = machine.run(&args);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    for said in [
        "profile ecr-auth-cognito in ~/.aws/config; use it with AWS_PROFILE=ecr-auth-cognito",
        "ecr-auth: the identity of 1 registry in ~/.config/ecr-auth/setup.json",
        "docker: 1 registry in ~/.docker/config.json",
        "podman: 1 registry in ~/.config/containers/auth.json",
        "next: ecr-auth cognito",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    assert_eq!(
        machine.read(".aws/config"),
        profile("ecr-auth-cognito", " --username zoe@example.com")
    );
    let rules = machine.read(RULES);
    assert!(rules.contains("\"username\":\"zoe@example.com\""), "{rules}");
    assert!(
        rules.ends_with(&format!("\n{{\"match\":\"{HOST}\",\"source\":\"cognito\"}}\n]}}\n")),
        "{rules}"
    );
    for file in [".docker/config.json", ".config/containers/auth.json"] {
        assert!(
            machine.read(file).contains(&format!("\"{HOST}\": \"ecr-auth\"")),
            "{file}"
        );
    }

    let again = machine.run(&args);
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(again.stderr.matches("already ").count(), 6, "{again:?}");
    // With the ids that are there now, further registries need none.
    let more = machine.run(&setup(&bin, &["--region", "us-east-1", "444455556666"]));
    assert_eq!(more.status, 0, "{more:?}");
    assert_eq!(machine.read(RULES).matches("\"source\":\"cognito\"").count(), 2);

    // The block and the profile stay as long as a registry is left that needs them.
    let one = machine.run(&["logout", HOST]);
    assert_eq!(one.status, 0, "{one:?}");
    assert!(machine.read(RULES).contains("\"cognito\":{") && machine.home().join(".aws/config").exists());
    let logout = machine.run(&["logout"]);
    assert_eq!(logout.status, 0, "{logout:?}");
    assert!(
        logout.stderr.contains("profile ecr-auth-cognito taken back"),
        "{logout:?}"
    );
    for gone in [
        ".aws",
        ".config/ecr-auth",
        ".docker/config.json",
        ".config/containers/auth.json",
    ] {
        assert!(!machine.home().join(gone).exists(), "{gone}");
    }
}

#[test]
fn what_was_there_comes_back() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let aws = "# mine\n[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = hunter2\n";
    let config = "registries:\n- match: '*.dkr.ecr.*.amazonaws.com' # mine\n  profile: everyday\n";
    let docker = format!("{{\"auths\": {{}}, \"credHelpers\": {{\"{HOST}\": \"osxkeychain\"}}}}\n");
    let files = [
        (".aws/config", aws),
        (PEOPLE, config),
        (".docker/config.json", docker.as_str()),
    ];
    for (file, text) in files {
        machine.write(file, text);
    }
    let more = [
        "--username",
        "zoe",
        "--profile",
        "pull",
        "--role-arn",
        "arn:aws:iam::111122223333:role/pull",
        HOST,
    ];
    let args = setup(&bin, &[&POOLS[..], &more].concat());
    let dry = machine.run(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(dry.status, 0, "{dry:?}");
    for line in ["+[profile pull]", " aws_secret_access_key = REDACTED"] {
        assert!(dry.stdout.lines().any(|shown| shown == line), "{line}: {}", dry.stdout);
    }
    let rule = format!("+{{\"match\":\"{HOST}\",\"source\":\"cognito\"}}\n");
    assert!(
        dry.stdout.contains(&rule) && !dry.stdout.contains("everyday"),
        "{}",
        dry.stdout
    );
    assert!(!dry.stdout.contains("hunter2"));
    for (file, text) in files {
        assert_eq!(machine.read(file), text);
    }

    assert_eq!(machine.run(&args).status, 0);
    let role = " --username zoe --role-arn arn:aws:iam::111122223333:role/pull";
    assert_eq!(machine.read(".aws/config"), format!("{aws}\n{}", profile("pull", role)));
    assert_eq!(machine.run(&["logout"]).status, 0);
    for (file, text) in files {
        assert_eq!(machine.read(file), text);
    }
    assert!(!machine.home().join(RULES).exists());
}

#[test]
fn what_people_wrote_of_the_registry_or_the_sign_in_is_theirs_to_edit() {
    let block = "cognito:\n  provider: accounts.google.com\n  id-token-file: /run/token\n  \
                 identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012\n";
    let rule = format!("# mine\nregistries:\n- match: {HOST}\n  profile: everyday\n");
    for (text, line) in [(rule.as_str(), 3), (block, 2)] {
        let machine = Machine::new();
        let bin = bin(&machine);
        machine.write(PEOPLE, text);
        let args = setup(&bin, &[&POOLS[..], &["--username", "zoe", HOST]].concat());
        let outcome = machine.run(&args);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(
            outcome.stderr.contains(&format!("ecr-auth.yml:{line}: ")),
            "{outcome:?}"
        );
        assert!(
            outcome.stderr.contains("hint: nothing is changed: edit that"),
            "{outcome:?}"
        );
        assert_eq!(machine.read(PEOPLE), text);
        for untouched in [RULES, ".aws", ".docker"] {
            assert!(!machine.home().join(untouched).exists(), "{untouched}");
        }
    }
}

#[test]
fn nothing_is_written_where_something_cannot_be() {
    let with = |file: &str, text: &str, more: &[&str], status: i32, cause: &str| {
        let machine = Machine::new();
        let bin = bin(&machine);
        machine.write(file, text);
        let outcome = machine.run(&setup(&bin, more));
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.stderr.contains(cause), "{cause}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        assert_eq!(machine.read(file), text);
        let written = [
            ".aws/config",
            RULES,
            ".docker/config.json",
            ".config/containers/auth.json",
        ];
        for other in written.into_iter().filter(|other| *other != file) {
            assert!(!machine.home().join(other).exists(), "{other}");
        }
    };
    let all = [&POOLS[..], &["--username", "zoe", HOST]].concat();
    let plus = |more: &[&'static str]| [&all[..], more].concat();
    let keys = "[profile ecr-auth-cognito]\naws_access_key_id = AKIAEXAMPLE\n";
    with(".aws/config", keys, &all, 1, "it has aws_access_key_id");
    with(
        "x",
        "",
        &[&POOLS[..], &["--username", "zoe"]].concat(),
        2,
        "no registry: none is named",
    );
    with(
        "x",
        "",
        &[&POOLS[..], &[HOST]].concat(),
        2,
        "username: no user name is given",
    );
    with(
        "x",
        "",
        &[&POOLS[..4], &["--username", "zoe", HOST]].concat(),
        2,
        "identity-pool-id: it is missing",
    );
    with(
        "x",
        "",
        &[&POOLS[2..], &["--username", "zoe", HOST]].concat(),
        2,
        "user-pool-id: it is missing",
    );
    with(
        "x",
        "",
        &plus(&["--audience", "x"]),
        2,
        "unexpected argument '--audience'",
    );
    with(
        "x",
        "",
        &plus(&["--duration", "900"]),
        2,
        "duration: the enhanced flow takes none",
    );
    with(
        "x",
        "",
        &plus(&["--identity-flow", "classic"]),
        2,
        "role-arn: the classic flow",
    );
}

#[test]
fn another_pool_does_not_take_over_the_registries_of_the_first() {
    let machine = Machine::new();
    let bin = bin(&machine);
    let all = [&POOLS[..], &["--username", "zoe", HOST]].concat();
    assert_eq!(machine.run(&setup(&bin, &all)).status, 0);
    let (rules, profile) = (machine.read(RULES), machine.read(".aws/config"));
    let mut other = [
        &POOLS[..],
        &["--username", "kim", "444455556666.dkr.ecr.eu-west-1.amazonaws.com"],
    ]
    .concat();
    other[1] = "eu-west-1_Other";
    let outcome = machine.run(&setup(&bin, &other));
    assert_eq!(outcome.status, 2, "{outcome:?}");
    for said in [
        "there is a sign-in to other pools already",
        "hint: name another file with --config",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    assert_eq!((machine.read(RULES), machine.read(".aws/config")), (rules, profile));
    // For the registries that are named, all of it is said anew.
    other[8] = HOST;
    let outcome = machine.run(&setup(&bin, &other));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(machine.read(RULES).contains("eu-west-1_Other"));
}

#[test]
fn a_broken_file_of_a_client_stops_all_of_it() {
    let machine = Machine::new();
    let bin = bin(&machine);
    machine.write(".docker/config.json", "{");
    let outcome = machine.run(&setup(&bin, &[&POOLS[..], &["--username", "zoe", HOST]].concat()));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!machine.home().join(".aws").exists() && !machine.home().join(RULES).exists());
}

/// The role's own name, and what it may see.
const BOTO3: &str = "import boto3\n\
    session = boto3.Session(region_name='eu-west-1')\n\
    print(session.client('sts').get_caller_identity()['Arn'].split('/')[1])\n\
    print(len(session.client('ecr').get_authorization_token()['authorizationData']))";

#[test]
fn awss_tools_and_the_helper_have_the_same_user() {
    let lab = lab_with_user();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let bin = bin(&machine);
    let ids = [
        "--user-pool-id",
        USER_POOL_ID,
        "--client-id",
        CLIENT_ID,
        "--identity-pool-id",
        IDENTITY_POOL_ID,
        "--username",
        "maria",
        HOST,
    ];
    assert_eq!(machine.run(&setup(&bin, &ids)).status, 0);
    let file = machine
        .write("password", "Correct-horse-battery-1\n")
        .display()
        .to_string();
    assert_eq!(machine.run(&["cognito", "--password-file", &file]).status, 0);
    fs::remove_file(&file).unwrap();
    let password = machine.helper("get", HOST).password();
    assert_eq!(registry_status(&lab, HOST, &password), 200);

    let machine = machine.with("AWS_PROFILE", "ecr-auth-cognito");
    machine
        .call(&python_tool("python"), &["-c", BOTO3], "")
        .prints("licensed-pull\n1\n");
}
