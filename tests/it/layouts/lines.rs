//! Indented lines: compares whose keys count with what botocore reads.

use fastrand::Rng;

use super::{Oracle, ours, with_files};

/// Settings of a profile with keys.
const SETTINGS: [&str; 9] = [
    "aws_access_key_id = KEY",
    "aws_secret_access_key = s",
    "mfa_serial = arn:aws:iam::111122223333:mfa/me",
    "region = eu-west-1",
    "source_profile = other",
    "external_id = x",
    "duration_seconds = 900",
    "output = json",
    "role_session_name = me",
];

const OTHER: &str = "[profile other]\naws_access_key_id = OTHER\naws_secret_access_key = s\n";

#[test]
fn a_line_of_a_setting_that_only_a_role_has_does_not_matter_beside_keys() {
    let home = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(home.path());
    let keys = "[profile work]\naws_access_key_id = KEY\naws_secret_access_key = s\n";
    for lines in [
        "mfa_serial = arn:aws:iam::111122223333:mfa/me\n  region = eu-west-1\n",
        "output = json\n  mfa_serial = arn:aws:iam::111122223333:mfa/me\n",
        "source_profile = other\n  output = json\n",
        "output = json\n\texternal_id = x\n",
    ] {
        let machine = with_files(&format!("{keys}{lines}{OTHER}"), "", home.path(), oracle.port);
        let machine = machine.with("AWS_PROFILE", "work").with("AWS_REGION", "eu-west-1");
        assert_eq!(oracle.identity(&machine).as_deref(), Ok("KEY"), "{lines}");
        assert_eq!(ours(&machine).as_deref(), Ok("KEY"), "{lines}");
    }
    let role =
        format!("{OTHER}[profile work]\nrole_arn = r\nsource_profile = other\nmfa_serial = m\n  output = json\n");
    let machine = with_files(&role, "", home.path(), oracle.port).with("AWS_PROFILE", "work");
    let refused = ours(&machine).unwrap_err();
    assert!(
        refused.contains("line 8 of") && refused.contains("[EA0307]"),
        "{refused}"
    );
}

/// `LINES=400` tries that many, and `LINE_SEED=7` other ones.
#[test]
fn indented_lines_never_give_another_identity() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (count, first) = (number("LINES", 40), number("LINE_SEED", 1) * 1_000_000);
    let home = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(home.path());
    let (mut wrong, mut same) = (Vec::new(), 0);
    for seed in first..first + count {
        let rng = &mut Rng::with_seed(seed);
        let mut settings = SETTINGS.to_vec();
        rng.shuffle(&mut settings);
        let mut text = "[profile work]\n".to_owned();
        for setting in settings {
            let indent = *rng.choice(&["", "", "", "", "  ", "\t"]).unwrap();
            text += &format!("{indent}{setting}\n");
        }
        let machine = with_files(&(text.clone() + OTHER), "", home.path(), oracle.port);
        let machine = machine.with("AWS_PROFILE", "work").with("AWS_REGION", "eu-west-1");
        match (ours(&machine), oracle.identity(&machine)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => same += 1,
            // A line that could be meant as a setting is an error here.
            (Err(refused), _) if refused.contains("[EA0307]") => {}
            (Err(_), Err(_)) => {}
            (ours, theirs) => wrong.push(format!("seed {seed}\n{text}ours {ours:?}\nbotocore {theirs:?}\n")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(same > count / 8, "but {same} of {count} are the same");
}
