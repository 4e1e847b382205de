use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rstest::rstest;
use tempfile::NamedTempFile;

use crate::github::{self, AnnotationLevel, CommandFile};
use context::Env;
use secret::Secret;

/// Creates the file that the runner makes for a step, and the environment that names it.
fn made(variable: &str, text: &str) -> (NamedTempFile, Env) {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let env = [(variable, file.path().to_str().unwrap())].into_iter().collect();
    (file, env)
}

/// Parses a file of named values like the runner (FileCommandManager.cs). The first `=` or `<<` in a line decides what
/// the line is. A block ends at a line that equals the delimiter. Empty lines between values are ignored.
fn as_the_runner_reads(text: &str) -> Vec<(String, String)> {
    let mut values = Vec::new();
    let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    while let Some(line) = lines.next() {
        let assigned = line.split_once('=');
        let block = line.split_once("<<");
        match (assigned, block) {
            _ if line.is_empty() => {}
            (Some((name, value)), None) => values.push((name.into(), value.into())),
            (Some((name, value)), Some((block, _))) if name.len() < block.len() => {
                values.push((name.into(), value.into()));
            }
            (_, Some((name, delimiter))) => {
                assert!(!name.is_empty() && !delimiter.is_empty(), "{line}");
                let held: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
                values.push((name.into(), held.join("\n")));
            }
            (None, None) => panic!("the runner refuses {line:?}"),
        }
    }
    values
}

fn read(file: &NamedTempFile) -> Vec<(String, String)> {
    as_the_runner_reads(&fs::read_to_string(file.path()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_runner_reads_back_what_was_written(
        before in "([A-Z]{1,5}=[a-z<=]{0,5}\n)?([A-Z]{1,5}=[a-z]{0,5})?",
        values in prop::collection::vec(("[A-Za-z_-]{1,8}<{0,2}", "[a-z=<>\n\r%: ]{0,20}"), 0..4),
    ) {
        let (file, env) = made("GITHUB_OUTPUT", &before);
        let expected: Vec<_> = as_the_runner_reads(&before).into_iter().chain(values.clone()).collect();
        let secrets: Vec<_> = values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        let done = github::write(&env, CommandFile::Output, &secrets);
        if secrets.iter().any(|(name, _)| name.contains('<')) {
            prop_assert!(done.is_err());
            prop_assert_eq!(fs::read_to_string(file.path()).unwrap(), before);
        } else {
            prop_assert!(done.is_ok());
            prop_assert_eq!(read(&file), expected);
        }
    }
}

#[rstest]
#[case(CommandFile::Output, "GITHUB_OUTPUT")]
#[case(CommandFile::Env, "GITHUB_ENV")]
#[case(CommandFile::State, "GITHUB_STATE")]
fn each_file_has_its_variable(#[case] kind: CommandFile, #[case] variable: &str) {
    let (file, env) = made(variable, "");
    github::write(&env, kind, &[("NAME", Secret::new("a\nb"))]).unwrap();
    assert_eq!(read(&file), [("NAME".to_owned(), "a\nb".to_owned())]);

    let error = github::write(&Env::default(), kind, &[("NAME", Secret::default())]).unwrap_err();
    assert_eq!(error.what(), format!("cannot write to ${variable}"));
    assert!(error.hint_text().unwrap().contains("--format dotenv"));
}

#[rstest]
fn what_is_no_name_is_refused(#[values("", "a=b", "a\nb", "a\rb", "a<<b", "a<")] name: &str) {
    let (file, env) = made("GITHUB_ENV", "before\n");
    let values = [("fine", Secret::new("x")), (name, Secret::new("hunter2"))];
    let error = github::write(&env, CommandFile::Env, &values).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "before\n");
}

#[test]
fn a_file_that_the_runner_did_not_create_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let env = [("GITHUB_OUTPUT", path.to_str().unwrap())].into_iter().collect();
    let error = github::write(&env, CommandFile::Output, &[("a", Secret::default())]).unwrap_err();
    assert!(error.cause().starts_with(path.to_str().unwrap()), "{error}");
    assert!(!path.exists());
}

#[test]
fn folders_and_summaries_are_lines() {
    let (file, env) = made("GITHUB_PATH", "/first");
    github::add_path(&env, Path::new("/opt/bin")).unwrap();
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "/first\n/opt/bin\n");
    assert!(github::add_path(&env, &PathBuf::from("/a\n/b")).is_err());

    let (file, env) = made("GITHUB_STEP_SUMMARY", "");
    github::add_summary(&env, "# Title\n\ntext").unwrap();
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "# Title\n\ntext\n");
    let error = github::add_summary(&Env::default(), "x").unwrap_err();
    assert_eq!(error.what(), "cannot write to $GITHUB_STEP_SUMMARY");
}

#[test]
fn annotations_are_one_line() {
    assert_eq!(
        github::annotation(AnnotationLevel::Error, "a: b, 50%", "c: d,\r\n100%"),
        "::error title=a%3A b%2C 50%25::c: d,%0A100%25"
    );
    assert_eq!(
        github::annotation(AnnotationLevel::Warning, "t", "m"),
        "::warning title=t::m"
    );
    assert_eq!(
        github::annotation(AnnotationLevel::Notice, "t", "m"),
        "::notice title=t::m"
    );
}
