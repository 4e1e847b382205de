mod github_files;

use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;

use super::*;
use context::{Context, Progress, Verbosity};
use diagnostics::{Error, MessageWriter, Result};
use secret::Secret;

/// Returns what masking these secrets writes to stderr.
fn masked(vars: &[(&str, &str)], secrets: &[Secret]) -> String {
    let mut stderr = Vec::new();
    masked_to(vars, secrets, &mut stderr).unwrap();
    String::from_utf8(stderr).unwrap()
}

fn masked_to(vars: &[(&str, &str)], secrets: &[Secret], stderr: &mut dyn Write) -> Result<()> {
    let mut context = Context {
        env: vars.iter().copied().collect(),
        exe: "/opt/ecr-auth".into(),
        clock: &SystemTime::now,
        stdin: &mut io::empty(),
        stdout: &mut io::sink(),
        stderr: MessageWriter::new(stderr),
        progress: Progress::default(),
        verbosity: Verbosity::Normal,
        stdout_is_terminal: false,
        started: SystemTime::now(),
        began: Instant::now(),
    };
    mask(secrets, &mut context)
}

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().map(|text| Secret::new(*text)).collect()
}

fn named_by(vars: &[(&str, &str)]) -> Option<&'static str> {
    running_in(&vars.iter().copied().collect()).map(|ci| ci.name)
}

#[test]
fn each_ci_is_recognised_by_its_variable() {
    let systems = [
        ("FORGEJO_ACTIONS", "true", "Forgejo Actions"),
        ("GITEA_ACTIONS", "true", "Gitea Actions"),
        ("GITHUB_ACTIONS", "true", "GitHub Actions"),
        ("GITLAB_CI", "true", "GitLab CI"),
        ("CIRCLECI", "true", "CircleCI"),
        ("BITBUCKET_BUILD_NUMBER", "7", "Bitbucket Pipelines"),
        ("BUILDKITE", "true", "Buildkite"),
        ("TF_BUILD", "True", "Azure Pipelines"),
        ("JENKINS_URL", "https://ci/", "Jenkins"),
        ("DRONE", "true", "Drone"),
        ("CI", "woodpecker", "Woodpecker"),
    ];
    for (mark, value, name) in systems {
        assert_eq!(named_by(&[(mark, value)]), Some(name));
    }
    for ci in ALL {
        let mark = match ci.mark {
            JobMark::None => continue,
            JobMark::Set(name) => (name, "true"),
            JobMark::Equals(name, value) => (name, value),
        };
        assert_eq!(named_by(&[mark]), Some(ci.name), "no other system takes its mark");
    }
}

#[test]
fn lookalike_variables_are_not_a_ci() {
    assert_eq!(named_by(&[("CI", "true")]), None);
    assert_eq!(named_by(&[("GITHUB_ACTIONS", "false"), ("GITLAB_CI", "")]), None);
    assert_eq!(named_by(&[("CI", "woodpecker"), ("DRONE", "true")]), Some("Woodpecker"));
}

/// A job of Forgejo has all three variables, and a job of Gitea has the last two.
#[rstest]
#[case(&["FORGEJO_ACTIONS", "GITEA_ACTIONS", "GITHUB_ACTIONS"], "Forgejo")]
#[case(&["GITEA_ACTIONS", "GITHUB_ACTIONS"], "Gitea")]
#[case(&["GITHUB_ACTIONS"], "GitHub")]
#[case(&[], "GitHub")]
fn githubs_variables_do_not_hide_the_real_ci(#[case] marks: &[&str], #[case] name: &str) {
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com/token"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request"),
    ];
    let marks = marks.iter().map(|mark| (*mark, "true"));
    let env: Env = marks.chain(variables).collect();
    let tokens: Vec<_> = CiToken::all(&env).iter().map(|token| token.name().to_owned()).collect();
    assert_eq!(tokens, [format!("{name}'s token for this job")]);
}

#[test]
fn every_ci_has_its_own_name() {
    let names: std::collections::BTreeSet<_> = ALL.into_iter().map(|ci| ci.name).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(!names.contains(""));
}

#[test]
fn subjects_and_hosts_are_taken_apart() {
    let github = github::GITHUB.issuer.unwrap();
    assert_eq!(github.host(), Some("token.actions.githubusercontent.com"));
    let words: std::collections::BTreeSet<_> = github.subject_words().collect();
    let expected = ["environment", "heads", "pull_request", "ref", "refs", "repo", "tags"];
    assert_eq!(words.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(jenkins::JENKINS.issuer.unwrap().host(), None);
}

#[test]
fn githubs_immutable_subjects_are_a_pitfall() {
    assert!(subject_pitfall("repo:octo@1/app@2:ref:refs/heads/main").is_some());
    for other in [
        "repo:octo/app:ref:refs/heads/main",
        "repo:octo/app:ref:refs/tags/@scope/pkg@1.2.3",
        "repo:octo/app:ref:refs/heads/user@host",
        "repo:octo/app:environment:a@b",
        "job_workflow_ref:octo/app/.github/workflows/ci.yml@refs/heads/main",
    ] {
        assert!(subject_pitfall(other).is_none(), "{other}");
    }
}

#[test]
fn a_variable_is_documented_once_with_all_its_uses() {
    let documented = documented_variables();
    let found = |name: &str| {
        documented
            .iter()
            .filter(|(known, _)| *known == name)
            .collect::<Vec<_>>()
    };
    let number = (
        "BITBUCKET_BUILD_NUMBER",
        "Bitbucket Pipelines; names the session".to_owned(),
    );
    assert_eq!(found("BITBUCKET_BUILD_NUMBER"), [&number]);
    assert_eq!(found("GITHUB_REPOSITORY").len(), 1, "Gitea has it too");
}

const GITHUB: (&str, &str) = ("GITHUB_ACTIONS", "true");
const AZURE: (&str, &str) = ("TF_BUILD", "True");

#[test]
fn github_is_told_line_by_line() {
    let told = masked(
        &[GITHUB],
        &secrets(&["100%25secret", "first line\r\nsecond line\nshort"]),
    );
    assert_eq!(
        told,
        "::add-mask::100%2525secret\n::add-mask::first line\n::add-mask::second line\n"
    );
}

#[test]
fn azure_gets_escaped_commands() {
    assert_eq!(
        masked(&[AZURE], &secrets(&["100%0Asecret", "first\r\nsecond;]"])),
        "##vso[task.setsecret]100%AZP250Asecret\n##vso[task.setsecret]first%0D%0Asecond;]\n"
    );
}

#[rstest]
#[case::short("AWS")]
#[case::still_short("7 bytes")]
#[case::region("us-gov-west-1")]
#[case::account("111122223333")]
#[case::empty("")]
fn values_that_would_ruin_the_log_are_not_masked(#[case] text: &str) {
    assert_eq!(masked(&[GITHUB], &secrets(&[text])), "");
    assert_eq!(masked(&[AZURE], &secrets(&[text])), "");
}

#[test]
fn each_secret_is_masked_once() {
    let told = masked(&[GITHUB], &secrets(&["8 bytes!", "another secret", "8 bytes!"]));
    assert_eq!(told, "::add-mask::8 bytes!\n::add-mask::another secret\n");
}

#[test]
fn other_cis_get_no_mask_commands() {
    for vars in [&[][..], &[("GITLAB_CI", "true")], &[("JENKINS_URL", "x")]] {
        assert_eq!(masked(vars, &secrets(&["a long secret"])), "");
    }
}

#[test]
fn a_closed_stderr_is_an_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = masked_to(&[GITHUB], &secrets(&["a long secret"]), &mut Closed).unwrap_err();
    assert_eq!(error.what(), "cannot hide the secrets in the CI's log");
}

#[test]
fn a_password_is_hidden_as_docker_keeps_it_too() {
    let [plain, basic] = of_password(&Secret::new("password"));
    assert_eq!(plain.expose(), "password");
    assert_eq!(STANDARD.decode(basic.expose()).unwrap(), b"AWS:password");
}

#[test]
fn a_session_is_masked_except_the_access_key_id() {
    let [key, token] = ["key", "token"].map(Secret::new);
    assert_eq!(of_credentials(&key, Some(&token)), [key.clone(), token]);
    assert_eq!(of_credentials(&key, None), [key]);
}

#[test]
fn proxy_passwords_are_masked_as_written_and_decoded() {
    let env = [
        ("HTTPS_PROXY", "http://us%40er:p%2Fw@proxy:3128"),
        ("http_proxy", "user:p@ss@proxy"),
        ("https_proxy", "http://only-a-user@proxy"),
        ("HTTP_PROXY", "http://proxy:3128"),
    ];
    let found = of_proxies(&env.into_iter().collect());
    let found: Vec<_> = found.iter().map(Secret::expose).collect();
    assert_eq!(found, ["us%40er:p%2Fw", "us@er:p/w", "user:p@ss", "user:p@ss"]);
}

#[cfg(unix)]
mod buildkite {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Creates a `buildkite-agent` with this script in its own folder.
    fn agent(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("buildkite-agent");
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn told(path: &str) -> String {
        let vars = [
            ("BUILDKITE", "true"),
            ("BUILDKITE_AGENT_JOB_API_TOKEN", "job"),
            ("AWS_SECRET_ACCESS_KEY", "its own"),
            ("PATH", path),
        ];
        masked(&vars, &secrets(&["first secret", "second \"secret\"", "AWS"]))
    }

    fn refused(path: &str) -> Error {
        let vars = [("BUILDKITE", "true"), ("PATH", path)];
        let mut stderr = Vec::new();
        let error = masked_to(&vars, &secrets(&["first secret"]), &mut stderr).unwrap_err();
        assert_eq!(stderr, b"");
        error
    }

    fn on_path(folder: &Path) -> String {
        format!("{}:/usr/bin:/bin", folder.display())
    }

    #[test]
    fn the_agent_reads_all_secrets_from_stdin() {
        let folder = agent("cat >stdin; printf '%s\\n' \"$@\" >args; env >env");
        assert_eq!(told(&on_path(folder.path())), "");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let values: std::collections::BTreeMap<String, String> = serde_json::from_str(&read("stdin")).unwrap();
        assert_eq!(
            values.into_values().collect::<Vec<_>>(),
            ["first secret", "second \"secret\""]
        );
        assert_eq!(read("args"), "redactor\nadd\n--format\njson\n");
        assert!(read("env").contains("BUILDKITE_AGENT_JOB_API_TOKEN=job\n"));
        assert!(!read("env").contains("AWS_SECRET_ACCESS_KEY"));
    }

    #[test]
    fn an_agent_that_fails_is_an_error_without_the_secret() {
        let folder = agent("cat >&2; exit 3");
        let error = refused(&on_path(folder.path()));
        assert_eq!(
            error.to_string(),
            "cannot have Buildkite hide the secrets in its log: \
             buildkite-agent: it ended with exit status: 3; what it wrote may hold secrets and is not shown [EA0901]"
        );
    }

    #[test]
    fn a_missing_agent_is_an_error() {
        assert_eq!(refused("/nowhere").cause(), "buildkite-agent is not on PATH");
    }

    #[test]
    fn an_agent_beside_the_checkout_is_none() {
        // The working directory of tests is their crate's folder.
        let folder = tempfile::tempdir_in("src").unwrap();
        let path = folder.path().join("buildkite-agent");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let relative = Path::new("src").join(folder.path().file_name().unwrap());
        assert!(relative.join("buildkite-agent").exists());
        assert!(refused(relative.to_str().unwrap()).cause().contains("is not on PATH"));
    }

    #[test]
    fn an_agent_that_hangs_is_ended() {
        let folder = agent("exec sleep 600");
        let error = super::super::buildkite::redact(
            &[&Secret::new("a long secret")],
            &[("PATH", on_path(folder.path()).as_str())].into_iter().collect(),
            std::time::Duration::from_millis(50),
        )
        .unwrap_err();
        assert!(
            error.cause().contains("buildkite-agent: it took longer than"),
            "{error}"
        );
    }
}
