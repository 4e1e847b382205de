//! Profiles and files that other programs read: the AWS CLI, boto3, the AWS SDK for Rust, Kubernetes' own schema.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use aws_access::SessionCredentials;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_shared_files::profile::HelperProfile;
use context::Env;
use ecr_auth::output::{RegistryPassword, SecretName, credentials_process, k8s_secret};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use secret::Secret;
use tempfile::TempDir;

use crate::python::python_tool;

/// Texts that some shell, or a reader of the file, could read as more than text.
const ODD: [&str; 12] = [
    "assume",
    "two words",
    "it's",
    "\"double\"",
    "$HOME `id` $(id)",
    "back\\slash \\' \\\\",
    "a #comment",
    "a ;comment",
    "#",
    "",
    "100% * ? ~ ! & | < > { } [ ]",
    " né e ",
];

/// A home whose `~/.aws/config` holds the profile `ci`. Its program is a script with an odd name. It writes its arguments, one per line, and prints
/// credentials of this lifetime.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new(lifetime: Duration) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let answer = credentials_process(&SessionCredentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: Secret::new("secret/key+"),
            session_token: Some(Secret::new("session/token==")),
            expires_at: Some(SystemTime::now() + lifetime),
            region: None,
        })
        .unwrap();
        fs::write(home.path("answer"), answer.expose()).unwrap();
        let script = home.path("o'dd $HOME \"folder\" #1/ecr-auth");
        fs::create_dir(script.parent().unwrap()).unwrap();
        let folder = home.folder.path().display();
        let text = format!("#!/bin/sh\nprintf '<%s>\\n' \"$@\" >>'{folder}/args'\ncat '{folder}/answer'\n");
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();

        let env: Env = [("HOME", home.folder.path().to_str().unwrap())].into_iter().collect();
        let args: Vec<String> = ODD.map(str::to_owned).into();
        let profile = HelperProfile::new("ci", &script, &args, &env).unwrap();
        profile.write(None).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn python(&self, tool: &str) -> Command {
        let mut command = Command::new(python_tool(tool));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Checks that the program was called this many times, with exactly these arguments.
    fn assert_called(&self, times: usize) {
        let expected: String = ODD.iter().map(|arg| format!("<{arg}>\n")).collect();
        assert_eq!(fs::read_to_string(self.path("args")).unwrap(), expected.repeat(times));
    }
}

/// Returns the output of a command. Its stderr goes to the test's.
fn stdout_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn boto3_reads_the_profile_and_asks_again_before_the_end() {
    let home = Home::new(Duration::from_secs(120));
    let script = "import boto3\n\
        credentials = boto3.Session(profile_name='ci').get_credentials()\n\
        for _ in range(2): print(*credentials.get_frozen_credentials()[:3])";
    let printed = stdout_of(home.python("python").args(["-c", script]));
    assert_eq!(printed, "ASIAEXAMPLE secret/key+ session/token==\n".repeat(2));
    // One call at first, and one each time that the credentials were about to end.
    home.assert_called(3);
}

#[test]
fn the_aws_cli_reads_the_profile() {
    let home = Home::new(Duration::from_secs(3600));
    let printed = stdout_of(home.python("aws").args(["configure", "list", "--profile", "ci"]));
    assert!(printed.contains("custom-process"), "{printed}");
    home.assert_called(1);
}

#[tokio::test]
async fn the_sdk_reads_the_profile() {
    let home = Home::new(Duration::from_secs(3600));
    let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Config, home.path(".aws/config"));
    // The provider needs a client, though a credential_process does not.
    let client = aws_smithy_http_client::Builder::new().build_http();
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&ProviderConfig::empty().with_http_client(client))
        .profile_files(files.build())
        .profile_name("ci")
        .build();
    let credentials = provider.provide_credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(credentials.session_token(), Some("session/token=="));
    assert!(credentials.expiry().is_some());
    home.assert_called(1);
}

#[test]
fn kubernetes_takes_the_pull_secret() {
    let folder = tempfile::tempdir().unwrap();
    let password = RegistryPassword {
        host: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".into(),
        password: Secret::new("password"),
        expires_at: SystemTime::now(),
    };
    // YAML could read the name as a number, and the namespace as a boolean.
    let name = SecretName::new("1e3", Some("on")).unwrap();
    let path = folder.path().join("secret.yaml");
    fs::write(&path, k8s_secret(&[password], &name).unwrap().expose()).unwrap();
    let printed = stdout_of(
        Command::new(python_tool("kubernetes-validate"))
            .arg("--strict")
            .arg(&path),
    );
    assert!(printed.contains("passed"), "{printed}");
}

/// Files as people write them: sections, settings and comments, indented or not. The sections differ, because botocore refuses duplicates.
fn some_config() -> impl Strategy<Value = String> {
    let settings = prop::sample::select(vec![
        "region = x",
        "output: json",
        "s3 =",
        "max_concurrent_requests = 7",
        "# note",
        "; role_arn = y",
        "",
        "cli_pager =",
        "credential_process = /old/ecr-auth assume --role-arn z",
        "ca_bundle = a # b",
    ]);
    let indents = prop::sample::select(vec!["", "", "  ", "\t", "    "]);
    let lines = prop::collection::vec((indents, settings), 0..5);
    let headers = Just(vec![
        "[default]",
        "[profile ci]",
        "[profile ci #old]",
        "[profile ci]]",
        "[profile \"a b\"] ; note",
        "[services s]",
        "[other]",
    ])
    .prop_shuffle();
    (headers, prop::collection::vec(lines, 1..7)).prop_map(|(headers, sections)| {
        let mut text = String::new();
        for (header, lines) in headers.iter().zip(sections) {
            text.push_str(&format!("{header}\n"));
            for (indent, setting) in lines {
                text.push_str(&format!("{indent}{setting}\n"));
            }
        }
        text
    })
}

/// Compares each file with our version of it, as botocore reads both.
const COMPARE: &str = r"
import glob, sys
from botocore.configloader import load_config
from botocore.exceptions import ConfigParseError

def load(path):
    try:
        config = load_config(path)
    except ConfigParseError:
        return None, None
    ours = config['profiles'].setdefault('ci', {}).pop('credential_process', None)
    return config, ours

same = 0
for path in sorted(glob.glob(sys.argv[1] + '/*.before')):
    (before, _), (after, ours) = load(path), load(path[:-len('before')] + 'after')
    if before is None:
        continue
    assert ours == '/opt/ecr-auth assume', (path, ours, open(path).read())
    assert before == after, (path, before, after)
    same += 1
print(same)
";

#[test]
fn botocore_sees_one_setting_more_and_no_other_change() {
    let folder = tempfile::tempdir().unwrap();
    let after = folder.path().join("config");
    let env: Env = [
        ("HOME", folder.path().to_str().unwrap()),
        ("AWS_CONFIG_FILE", after.to_str().unwrap()),
    ]
    .into_iter()
    .collect();
    let mut runner = TestRunner::new(ProptestConfig::default());
    for number in 0..300 {
        let before = some_config().new_tree(&mut runner).unwrap().current();
        fs::write(folder.path().join(format!("{number}.before")), &before).unwrap();
        fs::write(&after, &before).unwrap();
        let profile = HelperProfile::new("ci", Path::new("/opt/ecr-auth"), &["assume".to_owned()], &env).unwrap();
        profile.write(None).unwrap();
        fs::copy(&after, folder.path().join(format!("{number}.after"))).unwrap();
    }
    let python = python_tool("python");
    let same = stdout_of(Command::new(python).args(["-c", COMPARE]).arg(folder.path()));
    assert!(
        same.trim().parse::<u32>().unwrap() > 150,
        "botocore reads but {same} of the files"
    );
}
