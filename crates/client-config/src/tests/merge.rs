//! Merging a change of another program into a version that was written without it.

use rstest::rstest;

use crate::merge::three_way;

/// Each case: the current text, the text that the other program read, the text that it wrote, and the merged text.
#[rstest]
#[case::nothing_new(r#"{"a":2}"#, r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":2}"#)]
#[case::added(r#"{"a":2}"#, r#"{"a":1}"#, r#"{"a":1,"b":3}"#, r#"{"a":2,"b":3}"#)]
#[case::added_by_both_alike(r#"{"a":1,"b":3}"#, r#"{"a":1}"#, r#"{"a":1,"b":3}"#, r#"{"a":1,"b":3}"#)]
#[case::added_by_both_otherwise(r#"{"b":4}"#, "{}", r#"{"b":3}"#, r#"{"b":4}"#)]
#[case::changed(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, r#"{"a":9}"#, r#"{"a":9,"b":2}"#)]
#[case::changed_by_both(r#"{"a":2}"#, r#"{"a":1}"#, r#"{"a":3}"#, r#"{"a":2}"#)]
#[case::changed_here_removed_there(r#"{"a":2}"#, r#"{"a":1}"#, "{}", r#"{"a":2}"#)]
#[case::removed(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, "{}", r#"{"b":2}"#)]
#[case::removed_here_changed_there(r#"{"b":2}"#, r#"{"a":1}"#, r#"{"a":3}"#, r#"{"b":2}"#)]
#[case::removed_by_both("{}", r#"{"a":1}"#, "{}", "{}")]
#[case::below(
    r#"{"h":{"x":1,"ours":2},"z":0}"#,
    r#"{"h":{"x":1}}"#,
    r#"{"h":{"x":1,"theirs":3}}"#,
    r#"{"h":{"x":1,"ours":2,"theirs":3},"z":0}"#
)]
#[case::removed_below(
    r#"{"h":{"x":1,"ours":2}}"#,
    r#"{"h":{"x":1}}"#,
    r#"{"h":{}}"#,
    r#"{"h":{"ours":2}}"#
)]
#[case::nothing_new_below(r#"{"h":{"x":2}}"#, r#"{"h":{"x":1}}"#, r#"{"h": {"x":1}}"#, r#"{"h":{"x":2}}"#)]
#[case::no_object_here(r#"{"h":2}"#, r#"{"h":{}}"#, r#"{"h":{"x":1}}"#, r#"{"h":2}"#)]
#[case::no_object_before(r#"{"h":{}}"#, r#"{"h":1}"#, r#"{"h":{"x":1}}"#, r#"{"h":{}}"#)]
#[case::no_object_there(r#"{"h":{"y":1}}"#, r#"{"h":{}}"#, r#"{"h":1}"#, r#"{"h":{"y":1}}"#)]
fn what_they_changed_is_brought_over(
    #[case] now: &str,
    #[case] base: &str,
    #[case] theirs: &str,
    #[case] expected: &str,
) {
    assert_eq!(three_way(now, base, theirs).unwrap(), expected);
}

/// The merged object has the layout of the file, even if the object itself shows none.
#[rstest]
#[case::as_it_stands("\n{ \"a\": 1 }\n", "\n{ \"a\": 1, \"b\": 2 }\n")]
#[case::empty("{}\n", "{\n\t\"b\": 2\n}\n")]
fn every_other_byte_is_kept(#[case] now: &str, #[case] expected: &str) {
    assert_eq!(three_way(now, "{}", r#"{"b":2}"#).unwrap(), expected);
}

#[test]
fn an_emptied_object_takes_the_surrounding_layout() {
    let merged = three_way("{\n  \"h\": {}\n}", r#"{"h":{"x":1}}"#, r#"{"h":{"x":1,"y":2}}"#);
    assert_eq!(merged.unwrap(), "{\n  \"h\": {\n    \"y\": 2\n  }\n}");
}

#[test]
fn invalid_text_is_not_a_change() {
    for [now, base, theirs] in [["", "{}", "{}"], ["{}", "[]", "{}"], ["{}", "{}", "{"]] {
        assert!(three_way(now, base, theirs).is_err());
    }
}
