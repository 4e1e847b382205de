//! Text from outside in messages and reports: no CI reads a command in it, and nothing in it is invisible.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use lab::{Fault, Lab, Service};
use rstest::rstest;

use crate::github_runner::{Runner, SUBJECT, github_role, step};
use crate::harness::{HOST, Machine, Outcome, VENDOR};
use crate::jobs::write_rules;
use crate::lab_machine::{lab, machine};

/// Every form of a command that one of the runners knows, and invisible characters.
const TEXT: &str = "x##[stop-commands]y ###[add-mask]y ##vso[task.prependpath]z ##teamcity[x] #\u{200b}#[stop-commands]t \
    #\u{fe0f}#v\u{ad}so[task.setvariable]t\r::add-mask::w\n::stop-commands::v\u{a0}\u{85} ::stop-commands::u\u{2028}::error::t\
    \u{2029}\u{3000}::stop-commands::r \u{202e}\u{2066}\u{feff}\u{e0041}\x1b]1338;url=x\x07\x1b[0Ksection_start:1:x #\u{fdd0}\u{fdd1}#[stop-commands]z \u{fdd0}role-arn\u{fdd1} \u{fdd0}source=#\u{fdd1}#[add-mask]z \u{fdd1}\u{fdd0}";
/// Returns the text as one line, for outputs that a line's end would end.
const LINE: &str = "::stop-commands::v ##[stop-commands]y ##vso[task.prependpath]z #\u{200b}#[stop-commands]t \u{a0}\u{202e}\u{feff}\u{ad}";

/// The commands that GitHub's runner knows.
const REGISTERED: [&str; 15] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
];

/// Whether .NET ignores a character when it compares by culture, as `IndexOf` and `StartsWith` do.
fn is_passed_over(c: char) -> bool {
    let is_format = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_mark = matches!(c, '\u{34f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
    is_format || is_mark || (c.is_control() && !c.is_whitespace())
}

/// Returns the name of the command in a line, as GitHub's `ActionCommand.TryParseV2` does.
fn try_parse_v2(line: &str) -> Option<&str> {
    let info = line.trim_start().strip_prefix("::")?;
    let (info, _) = info.split_once("::")?;
    let name = info.split(' ').next()?;
    REGISTERED.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Returns the command in a line, as GitHub's `ActionCommand.TryParse` does.
fn try_parse(line: &str) -> Option<&str> {
    let (_, info) = line.split_once("##[")?;
    let (info, _) = info.split_once(']')?;
    let name = info.split(' ').next()?;
    REGISTERED.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Returns the command in a line, as `Command.TryParse` of Azure's agent does.
fn try_parse_vso(line: &str) -> Option<&str> {
    let (_, info) = line.split_once("##vso[")?;
    let (info, _) = info.split_once(']')?;
    let name = info.split(' ').next()?;
    (name.split('.').filter(|part| !part.is_empty()).count() == 2).then_some(name)
}

/// Returns the commands that the runners read in a log.
fn commands(log: &str) -> Vec<String> {
    let seen: String = log.chars().filter(|c| !is_passed_over(*c)).collect();
    let lines = seen.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let found = lines.flat_map(|line| {
        let github = try_parse_v2(line).or_else(|| try_parse(line));
        [github, try_parse_vso(line)]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    found.collect()
}

/// No CI reads a command in it, not even an unknown one, and it holds no invisible character.
#[track_caller]
fn is_inert(log: &str) {
    assert_eq!(commands(log), [""; 0], "{log:?}");
    for line in log.lines() {
        let is_command = line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[");
        assert!(!is_command && !line.contains("##teamcity["), "{log:?}");
        assert!(
            !line
                .chars()
                .any(|c| c.is_control() || is_passed_over(c) || "\u{2028}\u{2029}\u{fff9}".contains(c)),
            "{log:?}"
        );
    }
}

/// Checks the result of a call that quotes the text.
#[track_caller]
fn quotes_it_inert(outcome: &Outcome) {
    is_inert(&outcome.stdout);
    is_inert(&outcome.stderr);
    let log = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(
        log.contains("stop-commands") || log.contains("prependpath"),
        "the text is shown: {outcome:?}"
    );
}

#[test]
fn the_runners_would_read_the_text() {
    let own = ["::add-mask::x", "##[group]x", "a ##vso[task.x]"].map(commands);
    assert_eq!(own.concat(), ["add-mask", "group", "task.x"]);
    assert_eq!(commands(TEXT).len(), 7, "{:?}", commands(TEXT));
    assert_eq!(commands(LINE).len(), 2);
}

fn with_message(service: Service) -> (Lab, Machine) {
    let lab = lab();
    // XML cannot hold control characters other than line ends.
    let is_xml = |c: &char| service != Service::Sts || !c.is_control() || c.is_whitespace();
    lab.fail(
        service,
        Fault::Error {
            status: 400,
            code: "AccessDeniedException".into(),
            message: TEXT.chars().filter(is_xml).collect(),
        },
    );
    let machine = machine(&lab)
        .with("GITHUB_ACTIONS", "true")
        .with("AWS_MAX_ATTEMPTS", "1");
    (lab, machine)
}

#[rstest]
#[case::login(&["login", "--format", "password", HOST])]
#[case::store(&["login", HOST])]
#[case::verify(&["setup", "--verify", "--bin-dir", "bin", HOST])]
#[case::doctor(&["doctor", HOST])]
#[case::doctor_as_json(&["doctor", "--json", HOST])]
#[case::detail(&["-v", "login", "--format", "json", HOST])]
fn a_message_of_ecrs_is_inert(#[case] args: &[&str]) {
    let (_lab, machine) = with_message(Service::Ecr);
    quotes_it_inert(&machine.run(args));
}

#[test]
fn a_message_is_inert_on_the_helpers_line() {
    let (_lab, machine) = with_message(Service::Ecr);
    quotes_it_inert(&machine.helper("get", HOST));
    let request = serde_json::json!({ "uri": format!("https://{HOST}/v2/") });
    quotes_it_inert(&machine.run_with_stdin(&["get"], &request.to_string()));
    for action in ["get", "store", "erase"] {
        let stdin = match action {
            "store" => serde_json::json!({ "ServerURL": TEXT, "Username": "x", "Secret": "x" }).to_string(),
            _ => TEXT.to_owned(),
        };
        let outcome = machine.helper(action, &stdin);
        is_inert(&outcome.stdout);
        is_inert(&outcome.stderr);
    }
}

#[rstest]
#[case::env(&["assume", "--role-arn", "arn:aws:iam::111122223333:role/x", "--source", "chain", "--format", "env"])]
#[case::own_registry(&["login", "--region", "eu-west-1"])]
fn a_message_of_stss_is_inert(#[case] args: &[&str]) {
    let (_lab, machine) = with_message(Service::Sts);
    quotes_it_inert(&machine.run(args));
}

#[test]
fn what_a_containers_server_says_is_inert() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let body = serde_json::json!({ "code": TEXT, "message": TEXT, "Code": TEXT, "Message": TEXT }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let length = body.len();
            let head =
                format!("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    let machine = Machine::new()
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("http://{address}/"))
        .with("AWS_MAX_ATTEMPTS", "1");
    for args in [&["login", "--format", "password", HOST][..], &["doctor", HOST]] {
        let outcome = machine.run(args);
        is_inert(&outcome.stdout);
        is_inert(&outcome.stderr);
    }
}

#[rstest]
#[case::subject(&["doctor", HOST])]
#[case::subject_as_json(&["doctor", "--json", HOST])]
fn a_tokens_claims_are_inert(#[case] args: &[&str]) {
    let lab = lab();
    let part = |json: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let claims =
        serde_json::json!({ "iss": TEXT, "sub": TEXT, "aud": TEXT, "exp": 4_000_000_000_u64, "repository": TEXT });
    let token = format!("{}.{}.x", part(serde_json::json!({ "alg": "none" })), part(claims));
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("GITLAB_CI", "true")
        .with("ECR_AUTH_ID_TOKEN", &token);
    write_rules(
        &machine,
        &format!("  - match: {HOST}\n    role-arn: arn:aws:iam::111122223333:role/push\n"),
    );
    quotes_it_inert(&machine.run(args));
}

#[rstest]
#[case::login(&["login", TEXT])]
#[case::doctor(&["doctor", TEXT])]
#[case::setup(&["setup", TEXT])]
#[case::logout(&["logout", TEXT])]
#[case::command(&[TEXT])]
#[case::flag(&["login", "--##[stop-commands]x"])]
#[case::helper(&["helper", TEXT])]
#[case::profile(&["login", "--format", "password", "--profile", TEXT, HOST])]
#[case::role(&["assume", "--role-arn", TEXT])]
#[case::region(&["login", "--region", TEXT, "111122223333"])]
#[case::config(&["--config", TEXT, "doctor", HOST])]
#[case::program(&["assume", "--role-arn", "arn:aws:iam::111122223333:role/x", "--token-file", TEXT])]
#[case::vendor(&["cognito", "import", TEXT])]
#[case::alias(&["cognito", "import", "--alias", TEXT, "vendor.yml"])]
#[case::folder(&["install", "--to", "/dev/null/##[stop-commands]"])]
#[case::secret_name(&["login", "--format", "k8s-secret", "--name", TEXT, HOST])]
fn an_argument_is_inert(#[case] args: &[&str]) {
    let machine = Machine::new().with("TF_BUILD", "True");
    std::fs::write(machine.path("vendor.yml"), VENDOR).unwrap();
    quotes_it_inert(&machine.run(args));
}

#[rstest]
#[case::profile("AWS_PROFILE", &["login", "--format", "password", HOST])]
#[case::profile_of_the_helper("AWS_PROFILE", &["helper", "get"])]
#[case::profile_of_doctor("AWS_PROFILE", &["doctor", "--json", HOST])]
#[case::profile_that_is_seen("AWS_PROFILE", &[])]
#[case::region("AWS_REGION", &["login", "111122223333"])]
#[case::endpoint("AWS_ENDPOINT_URL", &["login", HOST])]
#[case::proxy("HTTPS_PROXY", &["doctor", HOST])]
#[case::roots("AWS_CA_BUNDLE", &["login", HOST])]
#[case::configuration("ECR_AUTH_CONFIG", &["doctor", HOST])]
#[case::docker("DOCKER_CONFIG", &["doctor", HOST])]
fn a_variable_is_inert(#[case] name: &str, #[case] args: &[&str]) {
    let machine = Machine::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .with("ECR_AUTH_TIMEOUT", "2")
        .with(name, TEXT);
    let outcome = machine.run_with_stdin(args, HOST);
    is_inert(&outcome.stdout);
    is_inert(&outcome.stderr);
}

#[rstest]
#[case::key("ecr-auth/ecr-auth.yml", &format!("'{LINE}': x\n"))]
#[case::value("ecr-auth/ecr-auth.yml", &format!("registries:\n  - match: '{LINE}'\n"))]
#[case::source("ecr-auth/ecr-auth.yml", &format!("registries:\n  - match: {HOST}\n    source: '{LINE}'\n"))]
#[case::twice("ecr-auth/ecr-auth.yml", &format!("registries: []\n'{LINE}': x\n'{LINE}': x\n"))]
#[case::setup("ecr-auth/setup.json", &format!("{{\"{LINE}\": 1}}\n"))]
fn a_file_of_rules_is_inert(#[case] file: &str, #[case] content: &str) {
    let machine = Machine::new();
    machine.write(&format!(".config/{file}"), content);
    for args in [
        &["doctor", HOST][..],
        &["login", HOST],
        &["helper", "get"],
        &["setup", HOST],
        &[],
    ] {
        let outcome = machine.run_with_stdin(args, HOST);
        is_inert(&outcome.stdout);
        is_inert(&outcome.stderr);
    }
}

#[test]
fn a_clients_file_is_inert() {
    let lab = lab();
    let machine = machine(&lab);
    let text = serde_json::Value::from(TEXT);
    let config = serde_json::json!({
        "credHelpers": { HOST: text, TEXT: text }, "credsStore": text, TEXT: { TEXT: [text] }, "auths": { TEXT: {} },
    });
    let configs = [config.to_string(), serde_json::to_string_pretty(&config).unwrap()];
    for config in configs {
        machine.write(".docker/config.json", &config);
        for args in [
            &["login", HOST][..],
            &["doctor", HOST],
            &["doctor", "--json", HOST],
            &["setup", "--dry-run", "--bin-dir", "bin", HOST],
            &["setup", "--bin-dir", "bin", HOST],
            &["logout"],
            &[],
        ] {
            let outcome = machine.run(args);
            // A file's tabs are kept in its diff.
            is_inert(&outcome.stdout.replace('\t', " "));
            is_inert(&outcome.stderr);
        }
    }
}

#[test]
fn a_file_of_awss_is_inert() {
    let machine = Machine::new().with("AWS_PROFILE", "default");
    let texts = [
        "[default]\n::stop-commands::x ##[stop-commands]y\n",
        "[profile ##[stop-commands]x]\nrole_arn = x\n",
    ];
    for text in texts
        .into_iter()
        .map(str::to_owned)
        .chain([format!("[default]\nrole_arn = {LINE}\nsource_profile = {LINE}\n")])
    {
        machine.write(".aws/config", &text);
        for args in [
            &["doctor", HOST][..],
            &["login", HOST],
            &[
                "assume",
                "--format",
                "profile",
                "--role-arn",
                "arn:aws:iam::111122223333:role/x",
                "--profile",
                "y",
            ],
        ] {
            let outcome = machine.run(args);
            is_inert(&outcome.stdout);
            is_inert(&outcome.stderr);
        }
    }
}

#[rstest]
#[case::key(VENDOR.replace("    source", &format!("    '{LINE}': x\n    source")))]
#[case::value(VENDOR.replace("eu-west-1_AbCdEfGhI", &format!("'{LINE}'")))]
#[case::name(VENDOR.replace(HOST, &format!("'{LINE}'")))]
fn a_vendors_file_is_inert(#[case] text: String) {
    let machine = Machine::new();
    let file = machine.write("vendor.yml", &text);
    let outcome = machine.run(&["cognito", "import", "--yes", file.to_str().unwrap()]);
    assert_eq!(outcome.status, 2);
    is_inert(&outcome.stderr);
}

#[test]
fn an_annotation_and_a_summary_are_inert() {
    let lab = lab();
    let job = lab.add_github_job(SUBJECT).unwrap();
    let role = github_role(&lab, "111122223333", "push", SUBJECT);
    lab.fail(
        Service::Ecr,
        Fault::Error {
            status: 400,
            code: "AccessDeniedException".into(),
            message: TEXT.into(),
        },
    );
    let mut runner = Runner::new(step(&lab, &job).with("AWS_MAX_ATTEMPTS", "1"));
    let ended = runner.main(&[("registries", HOST), ("role-to-assume", &role)]);
    assert_eq!(ended.outcome.status, 1);
    assert_eq!(commands(&ended.outcome.stdout), ["error"], "{ended:?}");
    let annotation = ended.annotation().replacen("::error ", "error ", 1);
    assert!(annotation.contains("stop-commands"), "{annotation}");
    is_inert(&annotation.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%"));
    is_inert(&ended.summary);
}

/// Whoever calls it names it.
#[test]
fn its_own_name_is_inert() {
    let machine = Machine::new();
    let name = machine.path(LINE.replace('/', "").as_str());
    std::os::unix::fs::symlink(crate::harness::binary(), &name).unwrap();
    for args in [
        &["--help"][..],
        &["login", "--help"],
        &["login", "--no-such-flag"],
        &["--version"],
        &[],
    ] {
        let outcome = machine.call(&name, args, "");
        is_inert(&outcome.stdout);
        is_inert(&outcome.stderr);
    }
}

/// A policy is printed to be pasted: escapes keep what it means.
#[rstest]
#[case::json("json")]
#[case::commands("commands")]
#[case::terraform("terraform")]
#[case::cloudformation("cloudformation")]
fn a_policy_is_inert(#[case] format: &str) {
    const NAME: &str = "x##[stop-commands]y##vso[task.x]\u{200b}\u{202e}\u{a0}\u{e0041}\u{fe0f}é";
    let machine = Machine::new();
    let policy = |key: &str, value: &str| {
        let ci = [
            "--ci",
            "github",
            "--repository",
            "octo/app",
            "--account",
            "111122223333",
        ];
        machine.run(&[&["trust-policy", "--format", format, key, value], &ci[..]].concat())
    };
    let outcome = policy("--environment", NAME);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    is_inert(&outcome.stdout);
    is_inert(&outcome.stderr);
    if format == "json" {
        let policy: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let subject = &policy["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"];
        assert_eq!(subject, &format!("repo:octo/app:environment:{NAME}"));
    }
    if format == "terraform" {
        assert!(outcome.stdout.contains(r"\u202e\u00a0\U000e0041"), "{outcome:?}");
    }
    for audience in ["\n::stop-commands::x", "x##[stop-commands]y", "x\u{200b}", " ", ""] {
        let refused = policy("--audience", audience);
        assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
        is_inert(&refused.stderr);
    }
}

/// Whoever signs a job's token chooses what it says.
#[test]
fn a_policy_for_a_tokens_claims_is_inert() {
    let encode = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let token = |audience: &str, environment: &str| {
        let claims = serde_json::json!({
            "iss": "https://token.actions.githubusercontent.com", "aud": audience, "exp": 4_102_444_800_u64,
            "sub": format!("repo:octo/app:environment:{environment}"), "repository": "octo/app",
        });
        format!(
            "{}.{}.c2ln",
            encode(serde_json::json!({ "alg": "RS256" })),
            encode(claims)
        )
    };
    for (audience, status) in [("sts.amazonaws.com", 0), ("\n::stop-commands::x", 2)] {
        let machine = Machine::new().with("ECR_AUTH_ID_TOKEN", &token(audience, "x##[stop-commands]y"));
        for format in ["json", "commands", "terraform", "cloudformation"] {
            let ci = ["--ci", "github", "--account", "111122223333"];
            let outcome = machine.run(&[&["trust-policy", "--format", format], &ci[..]].concat());
            assert_eq!(outcome.status, status, "{outcome:?}");
            is_inert(&outcome.stdout);
            is_inert(&outcome.stderr);
        }
    }
}
