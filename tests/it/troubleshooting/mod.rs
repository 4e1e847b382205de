//! The catalogue of failures as one table: the codes of `diagnostics::Code`, the sections of docs/troubleshooting.md, and for each code a
//! way to raise it, which is run.

mod ci_tokens;
mod clients;
mod cognito;
mod command_line;
mod configuration;
mod credentials;
mod ecr;
mod files;
mod hand_over;
mod network;
mod page;
mod roles;

use std::collections::BTreeSet;

use diagnostics::{Code, PAGE};
use rstest::rstest;

use self::page::Section;
use crate::harness::{Outcome, in_glibcs_words};

/// A way to raise a code.
type Way = (Code, fn() -> Outcome);

/// All ways, by module.
const ROOMS: &[&[Way]] = &[
    command_line::WAYS,
    configuration::WAYS,
    clients::WAYS,
    ci_tokens::WAYS,
    credentials::WAYS,
    roles::WAYS,
    network::WAYS,
    ecr::WAYS,
    cognito::WAYS,
    files::WAYS,
    hand_over::WAYS,
];

/// The codes that no run can raise here, and why.
const NOT_RAISED: &[(Code, &str)] = &[
    (
        Code::FileBusy,
        "another program would have to change the file each time that ecr-auth replaces it, a thousand times in a row: \
         client-config's test a_writer_that_never_rests_wins_and_its_version_stands does so from within",
    ),
    (
        Code::System,
        "the system would have to be without random numbers, TLS or threads",
    ),
];

#[test]
fn every_code_has_a_way_to_raise_it_and_no_two() {
    let raised = ROOMS.iter().flat_map(|ways| ways.iter()).map(|(code, _)| *code);
    let all: Vec<Code> = raised.chain(NOT_RAISED.iter().map(|(code, _)| *code)).collect();
    let known: BTreeSet<Code> = all.iter().copied().collect();
    assert_eq!(known, Code::ALL.iter().copied().collect());
    assert_eq!(known.len(), all.len(), "a code appears twice");
}

/// In order. GitHub makes a heading's anchor from its text in lower case, so each heading is only its code.
#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let sections = page::sections();
    let headings: Vec<&str> = sections.iter().map(|section| section.code.as_str()).collect();
    let expected: Vec<String> = Code::ALL.iter().map(Code::to_string).collect();
    assert_eq!(headings, expected);
    for section in &sections {
        assert!(section.text.len() > 60, "{}: {}", section.code, section.text);
    }
}

#[rstest]
#[case::command_line(command_line::WAYS)]
#[case::configuration(configuration::WAYS)]
#[case::clients(clients::WAYS)]
#[case::ci_tokens(ci_tokens::WAYS)]
#[case::credentials(credentials::WAYS)]
#[case::roles(roles::WAYS)]
#[case::network(network::WAYS)]
#[case::ecr(ecr::WAYS)]
#[case::cognito(cognito::WAYS)]
#[case::files(files::WAYS)]
#[case::hand_over(hand_over::WAYS)]
fn each_is_raised_in_the_words_of_the_page(#[case] ways: &[Way]) {
    let sections = page::sections();
    let mut wrong = Vec::new();
    for (code, way) in ways {
        let section = sections
            .iter()
            .find(|section| section.code == code.to_string())
            .unwrap();
        let outcome = way();
        if let Err(why) = is_raised(*code, section, &outcome) {
            wrong.push(format!("{code}: {why}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Checks that the output has the section's line, and that an error on stderr is followed by the section's address.
fn is_raised(code: Code, section: &Section, outcome: &Outcome) -> Result<(), &'static str> {
    let shown = section.line.as_deref().ok_or("its section shows no line")?;
    let mut lines = outcome.stderr.lines().chain(outcome.stdout.lines());
    if !shown.ends_with(&format!(" [{code}]")) {
        return Err("its section shows a line of another code");
    }
    if !lines.any(|line| page::matches(shown, &in_glibcs_words(line))) {
        return Err("no line is like the one of its section");
    }
    let has_error = outcome
        .stderr
        .lines()
        .any(|line| line.starts_with("error: ") && line.contains(&format!("[{code}]")));
    let link = format!("see: {PAGE}#{}", code.to_string().to_lowercase());
    match !has_error || outcome.stderr.lines().any(|line| line == link) {
        true => Ok(()),
        false => Err("the error doesn't lead to its section"),
    }
}
