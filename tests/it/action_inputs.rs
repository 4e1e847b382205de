//! Wrong inputs of the Action, and the names in what it says about them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex_lite::Regex;
use rstest::rstest;
use settings::{CognitoSettings, RoleSettings, SettingGroup};

use crate::action::job;
use crate::harness::HOST;
use crate::lab_machine::lab;

const DEFINITION: &str = include_str!("../../action.yml");

/// The inputs that action/binary.js reads, and not the binary.
const OF_THE_SHIM: [&str; 2] = ["binary-path", "download-base-url"];

/// A value that is wrong for every input.
const UNPRINTABLE: &str = "a\u{7}b";

/// Commands for the machine of a person who may change the role. They are shown whole, on a line of their own.
const TO_PASTE: [&str; 2] = ["aws iam ", "Print the whole policy: ecr-auth trust-policy "];

/// Further inputs beside a wrong one: a job's usual ones, those that use further roles and the profile, and none that names a role. Docker's
/// configuration is left alone, which is quicker where nothing is wrong.
const USUAL: &[(&str, &str)] = &[
    ("registries", HOST),
    ("role-to-assume", "path/ci-push"),
    ("mode", "none"),
];
const ALL_USED: &[(&str, &str)] = &[
    ("registries", HOST),
    ("role-to-assume", "path/ci-push"),
    ("role-chain", "next"),
    ("export-credentials", "profile"),
];
const WITHOUT_ROLE: &[(&str, &str)] = &[("registries", HOST)];

/// Returns the names of all inputs.
fn inputs() -> Vec<&'static str> {
    let (_, inputs) = DEFINITION.split_once("\ninputs:\n").unwrap();
    let (inputs, _) = inputs.split_once("\noutputs:\n").unwrap();
    let names = inputs
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with([' ', '#'])).collect()
}

/// Returns the names of all commands.
fn commands() -> Vec<String> {
    let command = ecr_auth::cli::command();
    let names = command.get_subcommands().map(|it| it.get_name().to_owned());
    names.collect()
}

/// Returns the names of settings that no input has.
fn names_elsewhere() -> BTreeSet<&'static str> {
    let of_role = RoleSettings::TABLE.iter().map(|setting| setting.name);
    let names = of_role.chain(CognitoSettings::TABLE.iter().map(|setting| setting.name));
    let inputs = inputs();
    names.filter(|name| !inputs.contains(name)).collect()
}

/// Matches what has a name of another surface: a flag, a command, a file, or a setting. A setting's name that is also a word of the language counts
/// where it is a name: as the subject, in quotes, or as the object of an advice.
static FOREIGN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let words = names_elsewhere().into_iter().map(|name| match name.contains('-') {
        true => format!(r"(?m)(?:^|[^\w-]){name}(?:$|[^\w-])"),
        false => format!(
            r#"(?m)^(?:input |hint: )?{name}: |[`"']{name}[`"':]|\b(?:with|write|set|give|pass|leave|input|without) {name}(?:$|[^\w-])"#
        ),
    });
    let commands = commands().into_iter().map(|name| format!(r"ecr-auth {name}\b"));
    let others = [r#"(?m)(?:^|[\s`"'(])--\w"#, r"ecr-auth\.yml", r"setup\.json"].map(str::to_owned);
    let all = words.chain(commands).chain(others);
    all.map(|pattern| Regex::new(&pattern).unwrap()).collect()
});

/// Returns the names of other surfaces in a text for users of the Action.
fn foreign(text: &str) -> Vec<String> {
    let lines = text.lines();
    let lines = lines.filter(|line| !TO_PASTE.iter().any(|begin| line.starts_with(begin)));
    let text = lines.collect::<Vec<_>>().join("\n");
    let found = FOREIGN.iter().filter_map(|pattern| pattern.find(&text));
    found.map(|found| found.as_str().trim().to_owned()).collect()
}

#[test]
fn names_of_other_surfaces_are_recognised() {
    for wrong in [
        "role-arn: it is missing",
        "input session-name: it is missing",
        "tag: \"a\" has no =",
        "leave out role-arn",
        "name it with chain",
        "set region or AWS_REGION",
        "write `duration: 900`",
        "write \"policy\"",
        "check client-id",
        "flow: it is not one of these",
        "correct --role-arn",
        "run ecr-auth login",
        "run it\necr-auth setup --all",
        "write it into ecr-auth.yml",
    ] {
        assert_ne!(foreign(wrong), Vec::<String>::new(), "{wrong}");
    }
    for right in [
        "input role-chain: a role of the chain has a policy",
        "source: chain",
        "set aws-region or AWS_REGION",
        "served by ecr-auth",
        "aws iam create-role --role-name x",
    ] {
        assert_eq!(foreign(right), Vec::<String>::new(), "{right}");
    }
}

/// Wrong inputs, and the input that the error is about. `None` if the error is about a registry, a role or a token.
#[rstest]
#[case(&[("role-duration-seconds", "60")], Some("role-duration-seconds"))]
#[case(&[("role-duration-seconds", "7200"), ("role-chain", "next")], Some("role-duration-seconds"))]
#[case(&[("inline-session-policy", "{")], Some("inline-session-policy"))]
#[case(&[("inline-session-policy", "\"LONG\"")], Some("inline-session-policy"))]
#[case(&[("inline-session-policy", "@nowhere.json")], Some("inline-session-policy"))]
#[case(&[("managed-session-policies", "ReadOnly")], Some("managed-session-policies"))]
#[case(&[("managed-session-policies", "a,b,c,d,e,f,g,h,i,j,k")], Some("managed-session-policies"))]
#[case(&[("session-tags", "a=b")], Some("session-tags"))]
#[case(&[("session-tags", "a=b"), ("source", "oidc")], Some("session-tags"))]
#[case(&[("session-tags", "a#=b"), ("role-chain", "next")], Some("session-tags"))]
#[case(&[("session-tags", "a")], Some("session-tags"))]
#[case(&[("custom-tags", "{"), ("role-chain", "next")], Some("custom-tags"))]
#[case(&[("custom-tags", "{\"a\":null}"), ("role-chain", "next")], Some("custom-tags"))]
#[case(&[("custom-tags", "a=b")], Some("custom-tags"))]
#[case(&[("custom-tags", "a=b"), ("session-tags", "a=b")], Some("custom-tags"))]
#[case(&[("transitive-tag-keys", "a")], Some("transitive-tag-keys"))]
#[case(&[("audience", "a\nb")], Some("audience"))]
#[case(&[("role-session-name", "a\nb")], Some("role-session-name"))]
#[case(&[("role-external-id", "a\nb")], Some("role-external-id"))]
#[case(&[("source", "cognito")], Some("source"))]
#[case(&[("source", "oidc"), ("role-chaining", "true")], Some("role-chaining"))]
#[case(&[("source", "oidc"), ("role-to-assume", "")], Some("source: oidc"))]
#[case(&[("role-chain", "next"), ("role-to-assume", "")], Some("role-chain"))]
#[case(&[("inline-session-policy", "{}"), ("role-to-assume", "")], Some("inline-session-policy"))]
#[case(&[("managed-session-policies", "a"), ("role-to-assume", "")], Some("managed-session-policies"))]
#[case(&[("aws-region", "eu-west")], Some("aws-region"))]
#[case(&[("web-identity-token-file", "~/token")], Some("web-identity-token-file"))]
#[case(&[("web-identity-token-file", "/nowhere/token")], None)]
#[case(&[("role-to-assume", "arn:aws:iam::1:role/x")], None)]
#[case(&[("role-to-assume", "arn:aws-cn:iam::111122223333:role/x")], None)]
#[case(&[("role-to-assume", ""), ("registries", "")], None)]
#[case(&[("role-chain", "a b")], None)]
#[case(&[("registries", "111122223333")], None)]
#[case(&[("registries", "eu-west-1")], None)]
#[case(&[("registries", "nowhere.example.com")], None)]
#[case(&[("registries", "")], None)]
#[case(&[("registries", "public role=a b")], Some("registries"))]
#[case(&[("allowed-account-ids", "11122223333")], Some("allowed-account-ids"))]
#[case(&[("allowed-account-ids", "444455556666")], Some("allowed-account-ids"))]
#[case(&[("allowed-account-ids", "abc")], Some("allowed-account-ids"))]
#[case(&[("allowed-account-ids", " , ")], Some("allowed-account-ids"))]
#[case(&[("docker-config", "~/x")], Some("docker-config"))]
#[case(&[("docker-config", "/dev/null/x")], None)]
#[case(&[("export-credentials", "both")], Some("export-credentials"))]
#[case(&[("export-credentials", "env"), ("role-to-assume", "")], Some("export-credentials"))]
#[case(&[("aws-profile", "x"), ("export-credentials", "env")], Some("aws-profile"))]
#[case(&[("aws-access-key-id", "x")], Some("aws-access-key-id"))]
fn a_wrong_input_is_told_in_the_names_of_the_definition(#[case] wrong: &[(&str, &str)], #[case] about: Option<&str>) {
    let lab = lab();
    let (mut runner, role) = job(&lab);
    let mut inputs = vec![("registries", HOST), ("role-to-assume", role.as_str())];
    inputs.retain(|(name, _)| !wrong.iter().any(|(other, _)| other == name));
    let long = format!("\"{}\"", "x".repeat(2048));
    let wrong = wrong
        .iter()
        .map(|(name, text)| (*name, if *text == "\"LONG\"" { &long } else { *text }));
    inputs.extend(wrong);
    let main = runner.main(&inputs);
    assert_eq!(main.outcome.status, 1, "{main:?}");
    let text = main.annotation().replace("%0A", "\n");
    let (_, text) = text.split_once("ecr-auth::").unwrap();
    if let Some(about) = about {
        let what = text.strip_prefix("input ").unwrap_or(text);
        assert!(what.starts_with(&format!("{about}: ")), "{text}");
    }
    assert_eq!(foreign(text), Vec::<String>::new(), "{text}");
}

/// Sets every input, one after the other, to a value that is wrong for most of them.
#[rstest]
fn every_input_is_told_in_names_of_the_definition(
    #[values(UNPRINTABLE, "wrong words", "{", "0")] value: &str,
    #[values(USUAL, ALL_USED, WITHOUT_ROLE)] beside: &[(&str, &str)],
) {
    let lab = lab();
    let mut told = Vec::new();
    for input in inputs() {
        let (mut runner, _) = job(&lab);
        let mut given = beside.to_vec();
        given.retain(|(name, _)| *name != input);
        given.push((input, value));
        let main = runner.main(&given);
        let said = main.outcome.stdout.lines().chain(main.outcome.stderr.lines());
        for line in said.filter(|line| !line.starts_with("::add-mask::")) {
            let text = line.rsplit_once("title=ecr-auth::").map_or(line, |(_, text)| text);
            let text = text.replace("%0A", "\n");
            for name in foreign(&text) {
                told.push(format!("{name}, for {input}={value:?}: {text}"));
            }
        }
        if value == UNPRINTABLE && !OF_THE_SHIM.contains(&input) {
            let text = main.annotation().replace("%0A", "\n");
            let (_, text) = text.split_once("title=ecr-auth::").unwrap();
            let what = text.strip_prefix("input ").unwrap_or(text);
            assert!(what.starts_with(&format!("{input}: ")), "{text}");
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}
