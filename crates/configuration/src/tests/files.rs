//! Where the file is looked for, and files that cannot be used.

use std::fs;

use rstest::rstest;

use super::*;
use diagnostics::Error;

fn env(vars: &[(&str, &Path)]) -> Env {
    vars.iter()
        .map(|(name, path)| (*name, path.to_str().unwrap()))
        .collect()
}

fn profile(config: &Config) -> Option<&str> {
    config.defaults.profile.as_deref()
}

fn write(path: &Path, profile: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("defaults:\n  profile: {profile}\n")).unwrap();
}

#[test]
fn option_then_variable_then_users_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (named, variable) = (folder.path().join("named.yml"), folder.path().join("variable.yml"));
    let no_variable = env(&[("XDG_CONFIG_HOME", folder.path())]);
    let env = env(&[("XDG_CONFIG_HOME", folder.path()), ("ECR_AUTH_CONFIG", &variable)]);
    write(&folder.path().join("ecr-auth/ecr-auth.yml"), "default");
    assert_eq!(profile(&Config::load(&no_variable, None).unwrap()), Some("default"));
    write(&variable, "variable");
    assert_eq!(profile(&Config::load(&env, None).unwrap()), Some("variable"));
    write(&named, "named");
    assert_eq!(profile(&Config::load(&env, Some(&named)).unwrap()), Some("named"));
}

#[test]
fn only_the_users_own_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.yml");
    let nothing = env(&[("XDG_CONFIG_HOME", folder.path())]);
    assert_eq!(Config::load(&nothing, None).unwrap(), Config::default());
    assert_eq!(Config::load(&Env::default(), None).unwrap(), Config::default());
    let errors = [
        Config::load(&nothing, Some(&missing)).unwrap_err(),
        Config::load(&env(&[("ECR_AUTH_CONFIG", &missing)]), None).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.exit(), Exit::Usage);
        assert!(
            error.to_string().contains("missing.yml: there is no such file"),
            "{error}"
        );
        assert!(error.hint_text().unwrap().contains("ECR_AUTH_CONFIG"));
    }
}

#[test]
fn a_file_in_place_of_the_folder_counts_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ecr-auth"), "").unwrap();
    let env = env(&[("XDG_CONFIG_HOME", folder.path())]);
    assert_eq!(Config::load(&env, None).unwrap(), Config::default());
}

fn load(path: &Path) -> Error {
    Config::load(&Env::default(), Some(path)).unwrap_err()
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(folder.path());
    assert_eq!((error.exit(), error.cause()), (Exit::Usage, "it is a folder"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_refused_without_waiting() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.yml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(load(&pipe).cause(), "it is not a regular file");
    assert_eq!(load(Path::new("/dev/zero")).cause(), "it is not a regular file");
}

#[rstest]
#[case(1024 * 1024, true)]
#[case(1024 * 1024 + 1, false)]
fn a_mebibyte_at_most(#[case] size: usize, #[case] accepted: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yml");
    fs::write(&path, "#".repeat(size)).unwrap();
    let config = Config::load(&Env::default(), Some(&path));
    assert_eq!(config.is_ok(), accepted, "{config:?}");
}

#[test]
fn text_in_another_encoding_is_told_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.yml");
    fs::write(&path, b"defaults:\n  \xc3\xa4: \xe4\n").unwrap();
    let error = load(&path);
    assert!(
        error
            .to_string()
            .ends_with("latin1.yml:2:6: this is not UTF-8 [EA0031]"),
        "{error}"
    );
}
