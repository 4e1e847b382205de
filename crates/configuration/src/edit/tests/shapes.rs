//! Files as people write them. `HOST` and `ROLE` stand for the registry and the role; a text begins after its first line break.

use rstest::rstest;

use super::*;

fn filled(text: &str) -> String {
    text.strip_prefix('\n')
        .unwrap_or(text)
        .replace("HOST", HOST)
        .replace("ROLE", ROLE)
        .replace("HEADER", HEADER)
}

#[test]
fn a_new_file() {
    let written = write(None, &[role()]).unwrap();
    let expected = "HEADER\nregistries:\n  - match: HOST\n    role-arn: ROLE\n";
    assert_eq!(written.text, filled(expected));
    assert_eq!(restored(&written).text, "");
}

#[rstest]
#[case::empty("", "HEADER\nregistries:\n  - match: HOST\n    role-arn: ROLE\n")]
#[case::blank("\n\n", "HEADER\n\n\nregistries:\n  - match: HOST\n    role-arn: ROLE\n")]
#[case::comments(
    "# ours\n#last\n",
    "HEADER\n# ours\n#last\nregistries:\n  - match: HOST\n    role-arn: ROLE\n"
)]
#[case::comment_without_line_break("# ours", "HEADER\n# ours\nregistries:\n  - match: HOST\n    role-arn: ROLE")]
#[case::document_start("---\n", "HEADER\n---\nregistries:\n  - match: HOST\n    role-arn: ROLE\n")]
#[case::byte_order_mark(
    "\u{feff}# x\r\n",
    "\u{feff}HEADER\r\n# x\r\nregistries:\r\n  - match: HOST\r\n    role-arn: ROLE\r\n"
)]
#[case::mark_alone("\u{feff}", "\u{feff}HEADER\nregistries:\n  - match: HOST\n    role-arn: ROLE\n")]
fn files_that_say_nothing(#[case] before: &str, #[case] after: &str) {
    golden(before, &[role()], &filled(after));
}

#[rstest]
#[case::null("registries:\n", "registries:\n  - match: HOST\n    role-arn: ROLE\n")]
#[case::no_line_break("registries:", "registries:\n  - match: HOST\n    role-arn: ROLE")]
#[case::tilde(
    "registries: ~ # none\n# end\n",
    "registries: # none\n  - match: HOST\n    role-arn: ROLE\n# end\n"
)]
#[case::brackets(
    "registries:   []   # none yet\r\ndefaults:\r\n    profile: x\r\n",
    "registries:   # none yet\r\n    - match: HOST\r\n      role-arn: ROLE\r\ndefaults:\r\n    profile: x\r\n"
)]
#[case::commented_rules(
    "registries:\n  # - match: x\n\n# others\ndefaults:\n  profile: x\n",
    "registries:\n  # - match: x\n  - match: HOST\n    role-arn: ROLE\n\n# others\ndefaults:\n  profile: x\n"
)]
#[case::defaults_alone(
    "# all\ndefaults:\n  profile: x # mine\n  # profile: y\n\n# end\n",
    "# all\ndefaults:\n  profile: x # mine\n  # profile: y\nregistries:\n  - match: HOST\n    role-arn: ROLE\n\n# end\n"
)]
#[case::defaults_without_line_break(
    "defaults:\n  profile: x",
    "defaults:\n  profile: x\nregistries:\n  - match: HOST\n    role-arn: ROLE"
)]
#[case::end_of_document(
    "---\ndefaults: {profile: x}\n...\n",
    "---\ndefaults: {profile: x}\nregistries:\n  - match: HOST\n    role-arn: ROLE\n...\n"
)]
#[case::indented_root(
    "  defaults: {}\n  registries:\n",
    "  defaults: {}\n  registries:\n    - match: HOST\n      role-arn: ROLE\n"
)]
fn lists_without_rules(#[case] before: &str, #[case] after: &str) {
    golden(before, &[role()], &filled(after));
}

#[rstest]
#[case::at_the_margin(
    "registries:\n- match: public.ecr.aws\n",
    "registries:\n- match: public.ecr.aws\n- match: HOST\n  role-arn: ROLE\n"
)]
#[case::wide(
    "registries:\n    -   match: public.ecr.aws\n        optional: true\ndefaults:\n    profile: x\n",
    "registries:\n    -   match: public.ecr.aws\n        optional: true\n    -   match: HOST\n        role-arn: ROLE\ndefaults:\n    profile: x\n"
)]
#[case::no_line_break(
    "registries:\n  - match: public.ecr.aws",
    "registries:\n  - match: public.ecr.aws\n  - match: HOST\n    role-arn: ROLE"
)]
#[case::windows(
    "registries:\r\n  - match: public.ecr.aws\r\n",
    "registries:\r\n  - match: public.ecr.aws\r\n  - match: HOST\r\n    role-arn: ROLE\r\n"
)]
#[case::comments_of_the_last_rule(
    "registries:\n  - match: public.ecr.aws # free\n    # profile: x\n\n  # end of the list\n",
    "registries:\n  - match: public.ecr.aws # free\n    # profile: x\n  - match: HOST\n    role-arn: ROLE\n\n  # end of the list\n"
)]
#[case::dashes_alone(
    "registries:\n  -\n    match: public.ecr.aws\n",
    "registries:\n  -\n    match: public.ecr.aws\n  - match: HOST\n    role-arn: ROLE\n"
)]
#[case::neighbours_in_brackets(
    "registries:\n  - {match: public.ecr.aws}\n",
    "registries:\n  - {match: public.ecr.aws}\n  - match: HOST\n    role-arn: ROLE\n"
)]
#[case::nested_values_last(
    "registries:\n  - match: 222233334444.dkr.ecr.eu-west-1.amazonaws.com\n    role-arn: a\n    chain:\n      - b\n      - c # last\n",
    "registries:\n  - match: 222233334444.dkr.ecr.eu-west-1.amazonaws.com\n    role-arn: a\n    chain:\n      - b\n      - c # last\n  - match: HOST\n    role-arn: ROLE\n"
)]
fn rules_behind_the_last(#[case] before: &str, #[case] after: &str) {
    golden(before, &[role()], &filled(after));
}

#[rstest]
#[case::between(
    "
registries:
  - match: public.ecr.aws
  # everything in Ireland - and more
  - match: '*.dkr.ecr.eu-*.amazonaws.com'
    optional: true
",
    "
registries:
  - match: public.ecr.aws
  - match: HOST
    role-arn: ROLE
  # everything in Ireland - and more
  - match: '*.dkr.ecr.eu-*.amazonaws.com'
    optional: true
"
)]
#[case::first(
    "registries: # mine\n# all\n- match: \"1*.dkr.ecr.*.amazonaws.com\"\n- match: '*.dkr.ecr.*.amazonaws.com'\n",
    "registries: # mine\n- match: HOST\n  role-arn: ROLE\n# all\n- match: \"1*.dkr.ecr.*.amazonaws.com\"\n- match: '*.dkr.ecr.*.amazonaws.com'\n"
)]
#[case::comments_of_the_rule_before(
    "registries:\n  - match: public.ecr.aws\n    # optional anyway\n  - match: '*.dkr.ecr.*.amazonaws.com'\n",
    "registries:\n  - match: public.ecr.aws\n    # optional anyway\n  - match: HOST\n    role-arn: ROLE\n  - match: '*.dkr.ecr.*.amazonaws.com'\n"
)]
#[case::other_globs_stay_before(
    "registries:\n  - match: '9*.dkr.ecr.*.amazonaws.com'\n  - match: '*.dkr.ecr.*.amazonaws.com'\n",
    "registries:\n  - match: '9*.dkr.ecr.*.amazonaws.com'\n  - match: HOST\n    role-arn: ROLE\n  - match: '*.dkr.ecr.*.amazonaws.com'\n"
)]
fn rules_before_a_glob(#[case] before: &str, #[case] after: &str) {
    golden(&filled(before), &[role()], &filled(after));
}

#[rstest]
#[case::a_value(
    "registries:\n  - match: HOST # ours\n    role-arn: old # the role\n    optional: true\n",
    "registries:\n  - match: HOST # ours\n    role-arn: ROLE # the role\n    optional: true\n"
)]
#[case::another_source(
    "registries:\n  - match: HOST\n    # who\n    profile: ci   # the old way\n    audience: x\n    optional: true # fine\n",
    "registries:\n  - match: HOST\n    role-arn: ROLE\n    # who\n    # the old way\n    optional: true # fine\n"
)]
#[case::quoted_match_in_other_case(
    "registries:\r\n-   \"match\": 'HOST'\r\n    optional: true\r\n",
    "registries:\r\n-   \"match\": 'HOST'\r\n    role-arn: ROLE\r\n    optional: true\r\n"
)]
#[case::match_not_first(
    "registries:\n  - profile: ci\n    audience: x\n\n    match: HOST\n    optional: true",
    "registries:\n  - match: HOST\n    role-arn: ROLE\n    optional: true"
)]
#[case::match_last_of_the_file(
    "registries:\n  - optional: true\n    match: HOST",
    "registries:\n  - optional: true\n    match: HOST\n    role-arn: ROLE"
)]
#[case::last_key_goes(
    "registries:\n  - match: HOST\n    profile: ci # old",
    "registries:\n  - match: HOST\n    role-arn: ROLE\n    # old"
)]
#[case::lists_and_blocks_go(
    "registries:\n  - match: HOST\n    role-arn: ROLE\n    chain:\n      - b#1\n      - 'c # d'\n    session-name: >-\n      x\n      y\n\n  - match: public.ecr.aws\n",
    "registries:\n  - match: HOST\n    role-arn: ROLE\n\n  - match: public.ecr.aws\n"
)]
#[case::in_the_middle(
    "registries:\n  # a\n  -\n    # b\n    match: HOST\n    profile: x\n  # c\n  - match: public.ecr.aws\n",
    "registries:\n  # a\n  -\n    # b\n    match: HOST\n    role-arn: ROLE\n  # c\n  - match: public.ecr.aws\n"
)]
fn rules_that_are_there(#[case] before: &str, #[case] after: &str) {
    golden(&filled(before), &[role()], &filled(after));
}

#[test]
fn the_same_in_other_quotes_is_the_same() {
    let before = filled("registries:\n  - {match: HOST, role-arn: 'ROLE'}\n");
    golden(&before, &[role()], &before);
}

#[test]
fn many_at_once() {
    let edits = [
        role(),
        rule("public.ecr.aws", &[("profile", text("ci"))]),
        RuleEdit {
            registry: Some(HOST.to_owned()),
            ..rule(
                "registry.example.com:5000",
                &[("role-arn", text(ROLE)), ("optional", Value::Switch(true))],
            )
        },
    ];
    let after = "
# mine
defaults:
  audience: x
registries:
  - match: HOST
    role-arn: ROLE
  - match: public.ecr.aws
    profile: ci
  - match: registry.example.com:5000
    registry: HOST
    role-arn: ROLE
    optional: true
";
    golden("# mine\ndefaults:\n  audience: x\n", &edits, &filled(after));
}

#[test]
fn only_what_stands_as_written_is_taken_back() {
    let other = rule("public.ecr.aws", &[("profile", text("ci"))]);
    let mut written = write(None, &[role(), other]).unwrap();
    written.text = written.text.replace("profile: ci", "profile: mine");
    let expected = "HEADER\nregistries:\n  - match: public.ecr.aws\n    profile: mine\n";
    assert_eq!(restored(&written).text, filled(expected));
}

#[test]
fn one_is_taken_back_and_the_other_stays() {
    let other = rule("public.ecr.aws", &[("profile", text("ci"))]);
    let written = write(Some("registries: []\n"), &[role(), other]).unwrap();
    let taken = take_back(&written.text, Path::new("x"), &|name| name == HOST, noted(&written)).unwrap();
    assert_eq!(taken.text, "registries:\n  - match: public.ecr.aws\n    profile: ci\n");
    assert_eq!(taken.names, [HOST]);
}

#[test]
fn what_others_added_stays() {
    let mut written = write(Some("# c\n"), &[role()]).unwrap();
    written.text += "  - match: public.ecr.aws\n";
    let expected = "HEADER\n# c\nregistries:\n  - match: public.ecr.aws\n";
    assert_eq!(restored(&written).text, filled(expected));
}

/// One by one they would be right too, only slowly: five hundred take a hundred times as long as fifty.
#[test]
fn registries_are_written_together() {
    let edits = |role: &str| -> Vec<RuleEdit> {
        let host = |at: usize| format!("{at:012}.dkr.ecr.eu-west-1.amazonaws.com");
        (0..20).map(|at| rule(&host(at), &[("role-arn", text(role))])).collect()
    };
    let together = |before: &str, role: &str| {
        let start = Written {
            text: before.to_owned(),
            ..Written::default()
        };
        together::write(&start, &edits(role), Path::new("x")).unwrap()
    };
    let before = format!("registries:\n- match: '*.dkr.ecr.*.amazonaws.com' # all\n  profile: x\n- match: {HOST}\n");
    let added = together(&before, ROLE);
    assert_eq!(added.rules.len(), 20);
    assert!(together(&added.text, ROLE).is_nothing());
    let changed = together(&added.text, "another");
    let is_replaced = |rule: &Previous| rule.previous.as_ref().is_some_and(|previous| previous.contains(ROLE));
    assert!(changed.rules.len() == 20 && changed.rules.values().all(is_replaced));
}
