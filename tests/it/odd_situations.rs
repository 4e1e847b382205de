//! What people's machines really look like: pasted keys, odd files, programs that fail, addresses with passwords in them.

use crate::harness::{HOST, Machine};
use crate::lab_machine::{GET_TOKEN, lab, machine};

#[test]
fn blanks_around_pasted_keys_are_no_part_of_them() {
    let lab = lab();
    let key = lab.admin();
    let machine = machine(&lab)
        .with("AWS_ACCESS_KEY_ID", &format!("{}\n", key.id))
        .with("AWS_SECRET_ACCESS_KEY", &format!(" {}\r\n", key.secret));
    machine.helper("get", HOST).password();
    assert_eq!(lab.count(GET_TOKEN), 1);
}

#[test]
fn keys_with_odd_characters_are_an_error() {
    let lab = lab();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIA\nSECRET"),
        ("AWS_SESSION_TOKEN", "SECRET\r\nx: y"),
    ] {
        let outcome = machine(&lab).with(name, value).helper("get", HOST);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stdout.contains("unusable AWS credentials"), "{outcome:?}");
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:?}");
    }
}
