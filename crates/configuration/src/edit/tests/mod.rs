//! The edits as pure functions: every shape of file, what can't be edited, and that nothing else is ever touched.

mod block;
mod properties;
mod refusals;
mod shapes;
mod values;

use std::path::Path;

use super::*;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/ci-push";

fn rule(match_: &str, keys: &[(&'static str, Value)]) -> RuleEdit {
    RuleEdit {
        match_: match_.to_owned(),
        registry: None,
        keys: keys.to_vec(),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// The rule that `setup --role-arn ROLE HOST` writes.
fn role() -> RuleEdit {
    rule(HOST, &[("role-arn", text(ROLE))])
}

fn write(text: Option<&str>, edits: &[RuleEdit]) -> Result<Written> {
    super::write(text, Path::new("/etc/ecr-auth.yml"), None, edits)
}

/// What was noted of it.
fn noted(written: &Written) -> Noted<'_> {
    Noted {
        rules: &written.rules,
        cognito: written.cognito.as_ref(),
        list: written.list.as_ref(),
        has_header: written.has_header,
    }
}

fn restored(written: &Written) -> TakenBack {
    take_back(&written.text, Path::new("/etc/ecr-auth.yml"), &|_| true, noted(written)).unwrap()
}

/// The edit makes the one text of the other; made again, it changes nothing; taken back, it leaves what was there.
#[track_caller]
fn golden(before: &str, edits: &[RuleEdit], after: &str) {
    let written = write(Some(before), edits).unwrap();
    assert_eq!(written.text, after);
    let again = write(Some(after), edits).unwrap();
    assert_eq!((again.text.as_str(), again.rules.len()), (after, 0));
    let restored = restored(&written);
    assert_eq!(restored.text, before);
    assert_eq!(restored.names.len(), written.rules.len());
}
