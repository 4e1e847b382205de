//! `setup` and `logout` as a user runs them, in a home of their own.

use std::fs;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use tempfile::TempDir;

use crate::commands::logout::{self, LogoutArgs};
use crate::commands::setup::{self, SetupArgs};
use crate::commands::setup_plan::ClientArgs;
use client_config::Client;
use context::{Context, Env, Progress, Verbosity};
use diagnostics::{Error, MessageWriter};

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

/// A home with the binary in `~/bin`, which is the whole PATH.
struct Home {
    folder: TempDir,
    env: Env,
}

/// What a command answered.
struct Answer {
    result: Result<(), Error>,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("bin")).unwrap();
        fs::write(root.join("bin/ecr-auth"), "program").unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let auth = text(root.join("auth.json"));
        let vars = [
            ("HOME", text(root.clone())),
            ("PATH", text(root.join("bin"))),
            ("REGISTRY_AUTH_FILE", auth),
        ];
        Self {
            folder,
            env: vars.into_iter().collect(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, command: impl FnOnce(&mut Context<'_>) -> Result<(), Error>) -> Answer {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut context = Context {
            env: self.env.clone(),
            exe: self.folder.path().canonicalize().unwrap().join("bin/ecr-auth"),
            clock: &SystemTime::now,
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stderr: MessageWriter::new(&mut stderr),
            progress: Progress::default(),
            verbosity: Verbosity::Normal,
            stdout_is_terminal: false,
            started: SystemTime::now(),
            began: Instant::now(),
        };
        let result = command(&mut context);
        Answer {
            result,
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    fn setup(&self, args: &SetupArgs, hosts: &[&str]) -> Answer {
        let registries = hosts.iter().map(|host| host.to_string()).collect();
        let args = SetupArgs {
            registries,
            ..args.clone()
        };
        self.run(|context| setup::run(&args, None, context))
    }

    fn logout(&self, args: &LogoutArgs, hosts: &[&str]) -> Answer {
        let registries = hosts.iter().map(|host| host.to_string()).collect();
        let args = LogoutArgs {
            registries,
            ..args.clone()
        };
        self.run(|context| logout::run(&args, None, context))
    }

    /// Every path below the home, the record's lock file left out.
    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() && !path.is_symlink() {
                    true => folders.push(path),
                    false => paths.push(path.strip_prefix(self.folder.path()).unwrap().display().to_string()),
                }
            }
        }
        paths.retain(|path| !path.ends_with(".lock"));
        paths.sort();
        paths
    }
}

#[test]
fn setup_in_an_empty_home_and_back() {
    let home = Home::new();
    let before = home.paths();
    let answer = home.setup(&SetupArgs::default(), &[HOST]);
    answer.result.unwrap();
    assert_eq!(
        answer.stderr,
        "helper: installed as ~/bin/docker-credential-ecr-auth\ndocker: 1 registry in ~/.docker/config.json\npodman: 1 registry in ~/auth.json\n"
    );
    assert_eq!(answer.stdout, "");
    let expected = format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecr-auth\"\n\t}}\n}}");
    assert_eq!(home.read(".docker/config.json"), expected);
    assert_eq!(home.read("bin/docker-credential-ecr-auth"), "program");

    let again = home.setup(&SetupArgs::default(), &[HOST]);
    assert!(
        again.stderr.contains("1 registry already in ~/.docker/config.json"),
        "{}",
        again.stderr
    );

    home.logout(&LogoutArgs::default(), &[]).result.unwrap();
    assert_eq!(home.paths(), before);
    assert!(!home.path(".docker").exists());
}

#[test]
fn logout_puts_back_what_was_there_first() {
    let home = Home::new();
    let original = format!("{{\n  \"auths\": {{}},\n  \"credHelpers\": {{ \"{HOST}\": \"ecr-login\" }}\n}}\n");
    home.write(".docker/config.json", &original);
    let first = home.setup(&SetupArgs::default(), &[HOST]);
    assert!(
        first.stderr.contains(&format!("{HOST} had \"ecr-login\"")),
        "{}",
        first.stderr
    );
    home.setup(&SetupArgs::default(), &[HOST, OTHER]).result.unwrap();
    assert_ne!(home.read(".docker/config.json"), original);
    home.logout(&LogoutArgs::default(), &[]).result.unwrap();
    assert_eq!(home.read(".docker/config.json"), original);
}

#[test]
fn logout_leaves_what_somebody_changed_since() {
    let home = Home::new();
    home.setup(&SetupArgs::default(), &[HOST, OTHER]).result.unwrap();
    let changed = home.read(".docker/config.json").replacen("ecr-auth", "mine", 1);
    home.write(".docker/config.json", &changed);
    home.logout(&LogoutArgs::default(), &[]).result.unwrap();
    assert_eq!(
        home.read(".docker/config.json"),
        format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"mine\"\n\t}}\n}}")
    );
}

#[test]
fn logout_of_one_registry_keeps_the_others() {
    let home = Home::new();
    home.setup(&SetupArgs::default(), &[HOST, OTHER]).result.unwrap();
    let answer = home.logout(&LogoutArgs::default(), &[HOST]);
    answer.result.unwrap();
    assert!(
        answer.stderr.contains("still set up: ~/.docker/config.json"),
        "{}",
        answer.stderr
    );
    let text = home.read(".docker/config.json");
    assert!(text.contains(OTHER) && !text.contains(HOST));
    assert!(home.path("bin/docker-credential-ecr-auth").exists());
    home.logout(&LogoutArgs::default(), &[OTHER]).result.unwrap();
    assert!(!home.path(".docker/config.json").exists());
    assert!(!home.path("bin/docker-credential-ecr-auth").exists());
}

#[test]
fn logout_without_a_record_removes_what_is_ours() {
    let home = Home::new();
    home.write(
        ".docker/config.json",
        r#"{"credHelpers":{"a":"ecr-auth","b":"x"},"credsStore":"ecr-auth"}"#,
    );
    home.logout(&LogoutArgs::default(), &[]).result.unwrap();
    assert_eq!(home.read(".docker/config.json"), r#"{"credHelpers":{"b":"x"}}"#);
    home.write(".local/state/ecr-auth/setup.json", "nonsense");
    let answer = home.logout(&LogoutArgs::default(), &[]);
    answer.result.unwrap();
    assert!(answer.stderr.starts_with("warning: cannot read "), "{}", answer.stderr);
}

#[test]
fn a_store_that_is_missing_is_not_replaced() {
    let home = Home::new();
    let original = r#"{"credsStore": "nowhere"}"#;
    home.write(".docker/config.json", original);
    let args = SetupArgs {
        all: true,
        ..SetupArgs::default()
    };
    let refused = home.setup(&args, &[]).result.unwrap_err();
    assert_eq!(refused.exit().code(), 1);
    assert_eq!(refused.cause(), "docker-credential-nowhere is not on PATH");
    assert!(
        refused
            .hint_text()
            .unwrap()
            .starts_with("install it, or take credsStore out of ")
    );
    assert_eq!(home.read(".docker/config.json"), original);
    assert!(!home.path("bin/docker-credential-ecr-auth").exists());
}

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let home = Home::new();
    home.write(".docker/config.json", r#"{"auths":{"h":{"auth":"s3cret"}}}"#);
    let before = home.paths();
    let args = SetupArgs {
        clients: ClientArgs {
            dry_run: true,
            client: Some(Client::All),
            ..ClientArgs::default()
        },
        ..SetupArgs::default()
    };
    let answer = home.setup(&args, &[HOST]);
    answer.result.unwrap();
    assert!(
        answer.stdout.contains("--- /dev/null") && answer.stdout.contains(HOST),
        "{}",
        answer.stdout
    );
    assert!(!answer.stdout.contains("s3cret"), "{}", answer.stdout);
    assert_eq!(home.paths(), before);
    assert_eq!(home.read(".docker/config.json"), r#"{"auths":{"h":{"auth":"s3cret"}}}"#);
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    let home = Home::new();
    home.write(".docker/config.json", "{\n\"a\": s3cret}");
    let before = home.paths();
    let error = home.setup(&SetupArgs::default(), &[HOST]).result.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("config.json: expected value at line 2 column 6 [EA0101]"),
        "{error}"
    );
    assert_eq!(home.paths(), before);
    home.logout(&LogoutArgs::default(), &[]).result.unwrap_err();
    assert_eq!(home.read(".docker/config.json"), "{\n\"a\": s3cret}");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_a_warning() {
    let home = Home::new();
    home.write(".local/state", "a file where a folder should be");
    let answer = home.setup(&SetupArgs::default(), &[HOST]);
    answer.result.unwrap();
    assert!(
        answer.stderr.contains("warning: what was replaced cannot be recorded"),
        "{}",
        answer.stderr
    );
    assert!(home.read(".docker/config.json").contains(HOST));
}

#[test]
fn a_folder_off_path_is_said() {
    let home = Home::new();
    let args = SetupArgs {
        clients: ClientArgs {
            bin_dir: Some(home.path("elsewhere")),
            ..ClientArgs::default()
        },
        ..SetupArgs::default()
    };
    let answer = home.setup(&args, &[HOST]);
    answer.result.unwrap();
    assert!(answer.stderr.contains("elsewhere is not on PATH"), "{}", answer.stderr);
    assert!(answer.stderr.contains("export PATH="), "{}", answer.stderr);
    home.logout(&LogoutArgs::default(), &[]).result.unwrap();
    assert!(!home.path("elsewhere/docker-credential-ecr-auth").exists());
}

#[test]
fn the_record_is_for_its_user_alone_and_holds_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write(".docker/config.json", r#"{"auths":{"h":{"auth":"s3cret"}}}"#);
    home.setup(&SetupArgs::default(), &[HOST]).result.unwrap();
    let record = ".local/state/ecr-auth/setup.json";
    assert!(home.read(record).contains(HOST) && !home.read(record).contains("s3cret"));
    assert_eq!(
        fs::metadata(home.path(record)).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
