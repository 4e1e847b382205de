//! On a terminal, a slow command shows what it waits for. Anywhere else, it shows nothing. Several tokens are fetched at once.

use std::io::Read;
use std::process::Child;

use lab::cognito::{CLIENT_ID, IDENTITY_POOL_ID, USER_POOL_ID, UserSpec};
use lab::{Fault, Lab, Service};
use rstest::rstest;

use crate::github_runner::FILES;
use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, machine, role};
use crate::terminal::{Stdout, Terminal};

const OF_THREE_REGIONS: [&str; 3] = [
    "111122223333/eu-west-1",
    "111122223333/us-east-1",
    "111122223333/eu-central-1",
];
/// The line is cleared.
const CLEARED: &str = "\r\x1b[K";
/// The start of every such line.
const MARK: char = '…';

fn asking(lab: &Lab) -> String {
    format!("{MARK} asking {}", lab.http_addr())
}

/// Returns a command line that writes nothing into the system's own folders.
fn within<'a>(bin: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let place: &[&str] = if args[0] == "setup" { &["--bin-dir", bin] } else { &[] };
    [args, place].concat()
}

fn bin(machine: &Machine) -> String {
    machine.path("bin").display().to_string()
}

/// Returns a machine without a cache, so that each of its commands waits for AWS.
fn uncached(lab: &Lab) -> Machine {
    machine(lab).with("ECR_AUTH_CACHE", "off")
}

#[rstest]
#[case(Service::Ecr, &["login", HOST], "docker: signed in to ")]
#[case(Service::Ecr, &["setup", "--verify", "--client", "docker", HOST], "verified: ")]
#[case(Service::Sts, &["login", "--region", "eu-west-1"], "registry: ")]
fn a_terminal_hears_who_is_asked_until_there_is_an_answer(
    #[case] service: Service,
    #[case] args: &[&str],
    #[case] then: &str,
) {
    let lab = lab();
    lab.hold(service);
    let machine = machine(&lab);
    let bin = bin(&machine);
    let mut terminal = Terminal::run(&machine, &within(&bin, args), Stdout::Pipe);
    terminal.expect(&asking(&lab));
    lab.release(service);
    terminal.expect(CLEARED).expect(then);
    let ended = terminal.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{}", ended.shown);
    let after = ended.shown.rsplit(CLEARED).next().unwrap();
    assert!(!after.contains(MARK), "{}", ended.shown);
}

#[test]
fn a_session_that_is_waited_for_is_told_before_the_command_runs() {
    let lab = lab();
    let role = role(&lab, "ci");
    lab.hold(Service::Sts);
    let args = [
        "assume",
        "--role-arn",
        &role,
        "--source",
        "chain",
        "--",
        "echo",
        "begun",
    ];
    let mut terminal = Terminal::run(&machine(&lab), &args, Stdout::Terminal);
    terminal.expect(&asking(&lab));
    lab.release(Service::Sts);
    terminal.expect(CLEARED).expect("begun");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn a_sign_in_tells_between_its_questions_who_is_asked() {
    let lab = lab();
    lab.cognito()
        .add_user(
            UserSpec::new("maria")
                .password("Correct-horse-battery-1")
                .group("licensed"),
        )
        .unwrap();
    lab.hold(Service::CognitoIdp);
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let args = [
        "cognito",
        "--user-pool-id",
        USER_POOL_ID,
        "--client-id",
        CLIENT_ID,
        "--identity-pool-id",
        IDENTITY_POOL_ID,
        "--username",
        "maria",
    ];
    let mut terminal = Terminal::run(&machine, &args, Stdout::Terminal);
    terminal.expect("Password of maria: ").answer("Correct-horse-battery-1");
    terminal.expect(&asking(&lab));
    lab.release(Service::CognitoIdp);
    terminal.expect(CLEARED).expect("Signed in as maria");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn a_second_try_tells_what_came_of_the_first() {
    let lab = lab();
    lab.fail_next(Service::Ecr, 1, Fault::Throttle);
    lab.fail(Service::Ecr, Fault::Hang);
    let mut terminal = Terminal::run(&machine(&lab), &["login", HOST], Stdout::Pipe);
    terminal.expect(&format!("{} again, after HTTP status 400", asking(&lab)));
    lab.clear_faults();
    terminal.expect("docker: signed in to ");
    assert_eq!(terminal.end().status, 0);
}

#[test]
fn who_waits_for_another_process_is_told_so() {
    let lab = lab();
    lab.hold(Service::Ecr);
    let machine = machine(&lab);
    let first = machine.start_helper("get", HOST);
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    let mut second = Terminal::run(&machine, &["login", HOST], Stdout::Pipe);
    second.expect("… another ecr-auth process is fetching this");
    lab.release(Service::Ecr);
    second.expect("docker: signed in to ");
    assert_eq!(second.end().status, 0);
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(lab.count(GET_TOKEN), 1);
}

/// All of them wait longer than the command that shows the line.
#[test]
fn a_log_a_dumb_terminal_a_quiet_command_a_step_of_githubs_and_a_client_hear_nothing() {
    let lab = lab();
    lab.hold(Service::Ecr);
    let logged = uncached(&lab).start(&["login", HOST]);
    let dumb = uncached(&lab).with("TERM", "dumb");
    let dumb = Terminal::run(&dumb, &["login", HOST], Stdout::Pipe);
    let quiet = Terminal::run(&uncached(&lab), &["login", "-q", HOST], Stdout::Pipe);
    let mut client = Terminal::run(&uncached(&lab), &["helper", "get"], Stdout::Pipe);
    client.press(&format!("{HOST}\r\x04"));
    let runner = github_step(&lab);
    let step = Terminal::run(&runner, &["action", "main"], Stdout::Pipe);
    assert!(lab.wait_for_calls(GET_TOKEN, 5, PATIENCE));
    let mut told = Terminal::run(&uncached(&lab), &["login", HOST], Stdout::Pipe);
    told.expect(&asking(&lab));
    lab.release(Service::Ecr);
    assert_eq!(told.end().status, 0);
    for silent in [dumb, quiet, client, step] {
        let ended = silent.end();
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(
            !ended.shown.contains(MARK) && !ended.shown.contains('\x1b'),
            "{ended:?}"
        );
    }
    let log = stderr(logged);
    assert!(log.starts_with("docker: signed in to ") && !log.contains('\r'), "{log}");
}

/// Returns a step that signs in, on a runner that gives its steps a terminal, as act does.
fn github_step(lab: &Lab) -> Machine {
    let machine = uncached(lab)
        .with("INPUT_REGISTRIES", HOST)
        .with("INPUT_DOCKER-CONFIG", "isolated");
    let temporary = machine.path("runner-temp");
    std::fs::create_dir(&temporary).unwrap();
    let machine = machine.with("RUNNER_TEMP", temporary.to_str().unwrap());
    FILES.iter().fold(machine, |machine, name| {
        let file = machine.write(name, "");
        machine.with(name, file.to_str().unwrap())
    })
}

fn stderr(mut child: Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
    text
}

/// No call is answered before all have arrived.
#[rstest]
#[case(&["login", "--format", "json"])]
#[case(&["setup", "--verify", "--client", "docker"])]
fn tokens_of_several_regions_are_fetched_at_once(#[case] command: &[&str]) {
    let lab = lab();
    lab.hold(Service::Ecr);
    let machine = machine(&lab);
    let (bin, args) = (bin(&machine), [command, &OF_THREE_REGIONS].concat());
    let mut terminal = Terminal::run(&machine, &within(&bin, &args), Stdout::Pipe);
    assert!(lab.wait_for_calls(GET_TOKEN, 3, PATIENCE));
    terminal.expect("… 0 of 3 tokens are there: asking ");
    lab.release(Service::Ecr);
    terminal.expect(CLEARED);
    assert_eq!(terminal.end().status, 0);
    assert_eq!(lab.count(GET_TOKEN), 3);
}

#[test]
fn what_shares_a_token_shares_its_fetch_and_the_order_is_that_of_the_command() {
    let lab = lab();
    let hosts = [
        HOST,
        "111122223333.dkr.ecr.us-east-1.amazonaws.com",
        "444455556666.dkr.ecr.eu-west-1.amazonaws.com",
    ];
    let machine = machine(&lab);
    let outcome = machine.run(&[&["login", "--format", "json"], &hosts[..]].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let places: Vec<_> = hosts.map(|host| outcome.stdout.find(host).unwrap()).to_vec();
    assert!(places.is_sorted(), "{outcome:?}");
    assert_eq!(lab.count(GET_TOKEN), 2);
    let list = machine.run(&["helper", "list"]).stdout;
    assert!(hosts.iter().all(|host| list.contains(host)), "{list}");
}

#[test]
fn one_that_fails_does_not_keep_the_others_from_being_verified() {
    let lab = lab();
    let machine = machine(&lab);
    let partner = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    machine.write(
        ".config/ecr-auth/ecr-auth.yml",
        &format!("registries:\n  - match: {partner}\n    role-arn: nobody\n    source: chain\n"),
    );
    let args = [
        "setup",
        "--verify",
        "--client",
        "docker",
        partner,
        HOST,
        "111122223333/us-east-1",
    ];
    let outcome = machine.run(&within(&bin(&machine), &args));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    for line in [
        format!("verified: {HOST} gives out tokens\n"),
        "verified: 111122223333.dkr.ecr.us-east-1.amazonaws.com gives out tokens\n".to_owned(),
        format!("error: {partner}: AWS STS "),
        "the configuration is written; ecr-auth logout undoes it\n".to_owned(),
    ] {
        assert!(outcome.stderr.contains(&line), "{outcome:?}");
    }
    assert_eq!(
        outcome.stderr.matches("error: ").count(),
        1,
        "the cause stands alone: {outcome:?}"
    );
    let two = [
        &args[..],
        &["222233334444/eu-west-1", "--role-arn", "nobody", "--source", "chain"],
    ]
    .concat();
    let place = bin(&machine);
    let line = within(&place, &two);
    let in_ci = machine.with("GITLAB_CI", "true").run(&line);
    assert!(!in_ci.stderr.contains("logout"), "{in_ci:?}");
}
