use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use rstest::rstest;

use super::edit::{Conflict, check_credentials, set_process, unset_process};
use super::quote::{command_line, line_of_windows};
use crate::SharedFile;
use crate::ini::sections;
use private_files::UndoLog;

use super::{HelperProfile, ProfileWritten, take_back};
use context::Env;
use diagnostics::Result;

const COMMAND: &str = "/opt/ecr-auth assume";
/// Writes a profile like `assume --format profile`.
fn write(name: &str, exe: &Path, args: &[String], env: &Env) -> Result<ProfileWritten> {
    HelperProfile::new(name, exe, args, env)?.write(None)
}

const LINE: &str = "credential_process = /opt/ecr-auth assume";

fn set(text: &str, name: &str) -> String {
    set_process(text, name, COMMAND).unwrap().text
}

#[test]
fn a_new_profile_goes_to_the_end() {
    assert_eq!(set("", "ci"), format!("[profile ci]\n{LINE}\n"));
    assert_eq!(set("", "default"), format!("[default]\n{LINE}\n"));
    assert_eq!(set("[default]", "ci"), format!("[default]\n\n[profile ci]\n{LINE}\n"));
    assert_eq!(
        set("[a]\r\nregion = x\r\n", "ci"),
        format!("[a]\r\nregion = x\r\n\r\n[profile ci]\r\n{LINE}\r\n")
    );
}

#[rstest]
#[case::plain("[profile ci]\n", "[profile ci]\n", "")]
#[case::settings(
    "[profile ci] # note\n",
    "[profile ci] # note\n",
    "region = x # home\ns3 =\n  a = b\n\n[default]\nrole_arn=x\n"
)]
#[case::without_end("[profile ci]", "[profile ci]\n", "")]
#[case::quoted("[profile \"ci\"]\n", "[profile \"ci\"]\n", "")]
#[case::blanks("# top\n[profile   ci ]\n", "# top\n[profile   ci ]\n", "output=json")]
#[case::another(
    "[profile ci #old]\nrole_arn=x\n[profile ci]]\nrole_arn=x\n[profile ci]\n",
    "[profile ci #old]\nrole_arn=x\n[profile ci]]\nrole_arn=x\n[profile ci]\n",
    ""
)]
#[case::after_a_mark("\u{feff}[profile ci]\n", "\u{feff}[profile ci]\n", "region=x\n")]
fn a_profile_with_settings_gets_one_more(#[case] header: &str, #[case] expected: &str, #[case] settings: &str) {
    let text = format!("{header}{settings}");
    assert_eq!(set(&text, "ci"), format!("{expected}{LINE}\n{settings}"));
}

#[rstest]
#[case("credential_process = /old/ecr-auth assume --role-arn x")]
#[case("Credential_Process='/o l d/ecr-auth' assume\n   more")]
#[case("credential_process : \"/old/ecr-auth-x86_64-unknown-linux-musl\" assume # ours")]
#[case("credential_process = /opt/ecr-auth assume\n\n\n # note\n   more")]
fn our_earlier_line_is_replaced(#[case] old: &str) {
    for (before, after) in [
        ("", ""),
        ("region = x\n", "\noutput = y\n\n# end"),
        ("  region = x\n  ", "\n  output = y\n"),
        ("# note\n\n\t", "\n\t[other]\n"),
    ] {
        let text = |line| format!("[default]\na=b\n[profile ci]\n{before}{line}{after}");
        assert_eq!(set(&text(old), "ci"), text(LINE));
        assert_eq!(set(&text(LINE), "ci"), text(LINE));
    }
}

#[test]
fn a_renamed_program_recognises_its_own_line() {
    let text = set_process("", "ci", "'/opt/my tool' assume -v").unwrap().text;
    let new = set_process(&text, "ci", "'/opt/my tool' assume").unwrap();
    assert_eq!(new.text, "[profile ci]\ncredential_process = '/opt/my tool' assume\n");
}

#[test]
fn new_lines_do_not_become_continuations() {
    // A line that is indented less than the lines after it would make them its continuation.
    assert_eq!(
        set("[profile ci]\n# note\n  region = x\n", "ci"),
        format!("[profile ci]\n  {LINE}\n# note\n  region = x\n")
    );
}

#[rstest]
#[case("role_arn", "role_arn = arn:aws:iam::111122223333:role/x")]
#[case("aws_access_key_id", "region = x\nAWS_ACCESS_KEY_ID=AKIA")]
#[case("sso_session", "sso_session: corp")]
#[case("source_profile", "\n  source_profile = other")]
#[case("credential_process", "credential_process = aws-vault exec ci")]
#[case("credential_process", "credential_process = /opt/ecr-auth cognito")]
#[case("credential_process", "credential_process = /opt/assume assume")]
#[case("credential_process", "credential_process =")]
fn other_sources_are_left_alone(#[case] key: &str, #[case] settings: &str) {
    let conflict = |file| Conflict::Setting {
        key: key.to_owned(),
        file,
    };
    assert_eq!(
        set_process(&format!("[profile ci]\n{settings}\n"), "ci", COMMAND),
        Err(conflict(SharedFile::Config))
    );
    assert_eq!(
        check_credentials(&format!("[other]\n[ci]\n{settings}\n"), "ci"),
        Err(conflict(SharedFile::Credentials))
    );
    assert!(set_process(&format!("[ci]\n{settings}\n[profile ci2]\n{settings}\n"), "ci", COMMAND).is_ok());
}

#[test]
fn a_header_that_only_some_read_as_the_profiles_is_refused() {
    for header in ["[ profile ci ]", "[profile ci] # [x]"] {
        let text = format!("{header}\na=b\n");
        let conflict = Err(Conflict::Header(header.to_owned()));
        assert_eq!(set_process(&text, "ci", COMMAND), conflict);
    }
    let conflict = Err(Conflict::Header("[ default ]".to_owned()));
    assert_eq!(set_process("[ default ]\n", "default", COMMAND), conflict);
}

#[test]
fn two_sections_of_one_profile_are_refused() {
    for text in ["[profile ci]\n[profile 'ci']\n", "[profile ci]\na=b\n[profile ci]\n"] {
        assert_eq!(set_process(text, "ci", COMMAND), Err(Conflict::Twice));
    }
    assert_eq!(
        set_process("[default]\n[profile default]\n", "default", COMMAND),
        Err(Conflict::Twice)
    );
}

#[test]
fn files_are_private_and_named_by_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let env: Env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
    let write = |env: &Env| write("ci", Path::new("/opt/ecr-auth"), &["assume".to_owned()], env);
    let written = write(&env).unwrap();
    assert!(written.changed);
    assert_eq!(written.path, home.path().join(".aws/config"));
    assert_eq!(
        fs::read_to_string(&written.path).unwrap(),
        format!("[profile ci]\n{LINE}\n")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&written.path), mode(&home.path().join(".aws"))), (0o600, 0o700));
    }
    assert!(!write(&env).unwrap().changed);

    fs::write(home.path().join(".aws/credentials"), "[ci]\naws_access_key_id = AKIA\n").unwrap();
    let error = write(&env).unwrap_err();
    assert!(error.what().contains(".aws/credentials"), "{error}");
    assert!(error.cause().contains("aws_access_key_id"), "{error}");
    let error = error.named(&|mention| format!("--{}", mention.setting));
    assert!(error.hint_text().unwrap().contains("--profile"));

    let named: Env = [
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_CONFIG_FILE", "~/elsewhere"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
    ]
    .into_iter()
    .collect();
    assert_eq!(write(&named).unwrap().path, home.path().join("elsewhere"));
}

#[rstest]
fn names_that_no_sdk_takes_are_refused(#[values("", "a b", "a]", "a\nb", "a#", "é")] name: &str) {
    let error = write(name, Path::new("/opt/ecr-auth"), &[], &Env::default()).unwrap_err();
    assert_eq!(error.exit().code(), 2);
}

#[test]
fn a_refused_edit_leaves_the_file_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config");
    let env: Env = [
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_CONFIG_FILE", path.to_str().unwrap()),
    ]
    .into_iter()
    .collect();
    let text = "[profile ci]\nsso_session = corp\n";
    fs::write(&path, text).unwrap();
    let exe = Path::new("/opt/ecr-auth");
    let error = write("ci", exe, &["assume".to_owned()], &env).unwrap_err();
    assert!(error.cause().starts_with("it has sso_session"), "{error}");
    let error = write("other", exe, &["a\tb".to_owned()], &env).unwrap_err();
    assert_eq!(error.cause(), "an argument holds a control character");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
#[cfg(unix)]
fn plain_words_need_no_quotes() {
    let args = [
        "assume",
        "--role-arn",
        "arn:aws:iam::1:role/x",
        "a b",
        "it's",
        "x #y",
        "",
    ];
    let args: Vec<_> = args.map(str::to_owned).into();
    assert_eq!(
        command_line(Path::new("/opt/ecr-auth"), &args).unwrap(),
        r"/opt/ecr-auth assume --role-arn arn:aws:iam::1:role/x 'a b' 'it'\''s' 'x ''#y' ''"
    );
}

/// `cmd.exe /C` would remove the quotes around the program's path.
#[rstest]
#[case(r"C:\PROGRA~1\ecr-auth.exe", "a b", Some(r#"C:\PROGRA~1\ecr-auth.exe assume "a b""#))]
#[case(r"C:\My Tools\ecr-auth.exe", "a", Some(r#""C:\My Tools\ecr-auth.exe" assume a"#))]
#[case(r"C:\My Tools\ecr-auth.exe", "a b", None)]
#[case(r"C:\Program Files (x86)\ecr-auth.exe", "a", None)]
#[case(r"C:\R&D\ecr-auth.exe", "a", None)]
fn quotes_that_windows_would_remove_are_refused(#[case] exe: &str, #[case] arg: &str, #[case] line: Option<&str>) {
    let made = line_of_windows(exe, &["assume".to_owned(), arg.to_owned()]);
    assert_eq!(made.ok().as_deref(), line);
}

/// Splits a line like a shell.
fn split_by_sh(line: &str) -> Vec<String> {
    let script = format!("set -- {line}\nprintf '%s\\0' \"$@\"");
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Generates a file of whole lines, some of them section headers.
fn some_config() -> impl Strategy<Value = String> {
    let lines = prop::sample::select(vec![
        "[default]",
        "[profile a]",
        "[profile ab] ; note",
        "[a]",
        "region = x",
        "  nested = y",
        "# [profile ci]",
        "",
        "s3 =",
        "\tkey",
        "role_arn = other's",
    ]);
    let ends = prop::sample::select(vec!["\n", "\r\n", ""]);
    (prop::collection::vec(lines, 0..12), ends).prop_map(|(lines, end)| lines.join("\n") + end)
}

#[rstest]
#[case("")]
#[case("# mine")]
#[case("[default]\nregion = x\n")]
#[case("[default]\r\nregion = x\r\n")]
#[case("[default]\nregion = x")]
#[case("[profile ci]")]
#[case("[profile ci]\n# note\n  region = x\n[other]\n")]
#[case("[profile ci]\ncredential_process = /old/ecr-auth assume # old\n")]
fn what_was_set_is_taken_out_again(#[case] text: &str) {
    let set = set_process(text, "ci", COMMAND).unwrap();
    let without = |text: &str| unset_process(text, "ci", &set.line, &set.inserted, set.previous.as_deref());
    assert_eq!(without(&set.text).as_deref(), Some(text));
    // A changed line is no longer ours. Lines that others added stay.
    assert_eq!(without(&set.text.replace(COMMAND, "/other")), None);
    let more = set.text.replace(LINE, &format!("{LINE}\noutput = json"));
    let left = without(&more).unwrap();
    assert!(left.contains("output = json") && !left.contains(COMMAND), "{left}");
    assert!(!sections(&left).is_empty());
}

#[test]
fn the_record_restores_the_original() {
    let home = tempfile::tempdir().unwrap();
    let env: Env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
    let record: UndoLog = UndoLog::new(home.path().join("state"), "profiles");
    let profile = |action: &str| {
        HelperProfile::new(
            "ci",
            Path::new("/opt/ecr-auth"),
            &[action.to_owned(), "-v".into()],
            &env,
        )
    };
    let first = profile("cognito").unwrap();
    assert!(
        first
            .preview()
            .unwrap()
            .contains("+credential_process = /opt/ecr-auth cognito -v")
    );
    let written = first.write(Some(&record)).unwrap();
    assert!(written.changed && written.not_recorded.is_none());
    assert_eq!(first.preview().unwrap(), "");
    // After a second write with other arguments, undoing still leads back to the original file.
    let second = HelperProfile::new("ci", Path::new("/opt/ecr-auth"), &["cognito".to_owned()], &env).unwrap();
    assert!(second.write(Some(&record)).unwrap().changed);
    let taken = take_back(&record, &env).unwrap();
    assert_eq!((taken[0].name.as_str(), taken[0].removed), ("ci", true));
    assert!(!home.path().join(".aws").exists());
    assert_eq!(take_back(&record, &env).unwrap(), []);

    // The diff does not show what AWS's tools keep there.
    fs::create_dir(home.path().join(".aws")).unwrap();
    let text = "[default]\naws_secret_access_key = hunter2\n  hunter3\ncredential_process = pass hunter4\n";
    fs::write(home.path().join(".aws/config"), text).unwrap();
    let diff = profile("cognito").unwrap().preview().unwrap();
    assert!(diff.contains("REDACTED") && !diff.contains("hunter"), "{diff}");
    profile("cognito").unwrap().write(Some(&record)).unwrap();
    take_back(&record, &env).unwrap();
    assert_eq!(fs::read_to_string(home.path().join(".aws/config")).unwrap(), text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg(unix)]
    fn all_readers_split_the_line_alike(
        words in prop::collection::vec("[ -~\u{a0}é]{0,12}|['\"$`\\\\ #;]{0,6}", 0..5)
    ) {
        let line = command_line(Path::new("/o'p t/ecr-auth"), &words).unwrap();
        let mut expected = vec!["/o'p t/ecr-auth".to_owned()];
        expected.extend(words);
        prop_assert_eq!(split_by_sh(&line), expected.clone());
        prop_assert_eq!(shlex::split(&line), Some(expected));
        // The SDKs must not see a comment anywhere in the line.
        let chars: Vec<char> = line.chars().collect();
        prop_assert!(!chars.windows(2).any(|pair| pair[0].is_whitespace() && "#;".contains(pair[1])), "{}", line);
        prop_assert_eq!(line.trim(), &line);
    }

    #[test]
    fn all_other_bytes_stay(text in some_config()) {
        let new = set(&text, "ci");
        let (before, after) = new.split_once(LINE).unwrap();
        prop_assert_eq!(after.trim(), "");
        let kept = before.trim_end().strip_suffix("[profile ci]").unwrap();
        prop_assert!(kept.starts_with(&text) && kept[text.len()..].trim().is_empty());
        let noted = set_process(&text, "ci", COMMAND).unwrap();
        let without = unset_process(&new, "ci", &noted.line, &noted.inserted, None);
        prop_assert_eq!(without, Some(text));
        prop_assert_eq!(set(&new, "ci"), new);
    }
}
