//! What can't be edited is left alone, and the hint has the rule.

use rstest::rstest;

use super::*;
use diagnostics::Exit;

#[rstest]
#[case::list_in_brackets(
    "registries: [{match: public.ecr.aws}]\n",
    "its list of registries is written in brackets"
)]
#[case::file_in_brackets("{registries: []}\n", "it is written in brackets")]
#[case::rule_in_brackets(
    "registries:\n- {match: HOST, profile: x}\n",
    "what would change is written in brackets"
)]
#[case::anchored_list(
    "registries: &all\n- match: public.ecr.aws\n",
    "its list of registries has an anchor or a tag"
)]
#[case::alias_in_the_rule(
    "registries:\n- {match: public.ecr.aws, profile: &p x}\n- match: HOST\n  profile: *p\n",
    "what would change has an anchor, an alias or a tag"
)]
#[case::tabs("registries:\n- match: HOST\n  profile:\tx\n", "there are tabs in what would change")]
#[case::comment_in_a_value(
    "registries:\n- match: HOST\n  role-arn: b\n  chain:\n  - x # first\n  - y\n",
    "a comment stands in a value that would go"
)]
#[case::comment_beside_the_first_key(
    "registries:\n- profile: x # mine\n  match: HOST\n",
    "a comment stands beside a key that would go"
)]
#[case::comment_in_an_empty_list("registries: [\n# none\n]\n", "a comment stands in its empty list")]
#[case::question_marks("registries:\n- match: public.ecr.aws\n? defaults\n: {profile: x}\n", "")]
fn shapes_that_are_left_alone(#[case] text: &str, #[case] cause: &str) {
    let text = text.replace("HOST", HOST);
    let error = match write(Some(&text), &[role()]) {
        Err(error) => error,
        // Understood well enough after all: then it has to be right, and the rest the same.
        Ok(written) if cause.is_empty() => {
            return assert!(written.text.contains(ROLE) && written.text.starts_with(&text[..30]));
        }
        Ok(written) => panic!("{}", written.text),
    };
    assert_eq!(error.exit(), Exit::Failed);
    assert_eq!(error.what(), "cannot edit /etc/ecr-auth.yml");
    assert!(error.cause().starts_with(cause), "{error}");
    let by_hand = format!("- {{match: {HOST}, role-arn: {ROLE}}}");
    assert!(error.hint_text().unwrap().ends_with(&by_hand), "{error:?}");
}

#[test]
fn the_rule_to_write_by_hand_reads_back() {
    let keys = [
        ("role-arn", text(ROLE)),
        ("chain", Value::List(vec!["a,b".into(), "true".into()])),
        ("session-name", text("a, b: '#c'")),
        ("duration", Value::Number(900)),
    ];
    let edit = rule("*.dkr.ecr.eu-*.amazonaws.com", &keys);
    let text = format!("registries:\n{}\n", render::in_one_line(&edit));
    let document = Document::read(&text).unwrap();
    let item = document.rule(&edit.match_).unwrap().unwrap();
    for (key, value) in edit.values() {
        assert!(value.is(&item.node.member(key).unwrap().value), "{text}");
    }
}

#[test]
fn a_broken_file_is_told_by_line() {
    let error = write(Some("registries:\n- match: x\n  Profile: y\n"), &[role()]).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert_eq!(error.what(), "/etc/ecr-auth.yml:3:3");
}

#[test]
fn a_rule_that_cannot_be_is_told() {
    let both = rule(HOST, &[("role-arn", text(ROLE)), ("profile", text("x"))]);
    let error = write(None, &[both]).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert_eq!(error.what(), format!("cannot write the rule of {HOST}"));
    assert!(error.cause().contains("\"profile\" and \"role-arn\""), "{error}");
}

#[test]
fn a_rule_that_stands_too_late_is_told() {
    let text = format!("registries:\n- match: '*.dkr.ecr.*.amazonaws.com'\n- match: {HOST}\n  role-arn: ROLE\n");
    for text in [text.clone(), text.replace("ROLE", ROLE)] {
        let error = write(Some(&text), &[role()]).unwrap_err();
        assert_eq!(error.exit(), Exit::Failed);
        assert!(error.cause().contains("after a glob"), "{error}");
        assert!(error.hint_text().unwrap().contains("move it above"), "{error:?}");
    }
}
