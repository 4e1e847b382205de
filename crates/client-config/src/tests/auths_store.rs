//! Docker's `auths` as a credential store: finding logins, adding new ones, and moving them back.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::{AuthsStore, ConfigFile, Kind, PreviousStore, StoredCredential, restore};
use context::Env;

struct Home {
    folder: TempDir,
    env: Env,
}

impl Home {
    fn with(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let home = folder.path().to_str().unwrap();
        let env = [("HOME", home), ("PATH", home)].into_iter().collect();
        let home = Self { folder, env };
        fs::create_dir(home.folder.path().join(".docker")).unwrap();
        fs::write(home.config(), config).unwrap();
        home
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join(".docker/config.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn store(&self) -> AuthsStore {
        AuthsStore::for_config(&self.config(), &self.env).unwrap()
    }

    fn get(&self, server: &str) -> Option<(String, String)> {
        let found = self.store().get(server).unwrap()?;
        Some((found.username, found.secret.expose().to_owned()))
    }

    fn login(&self, server: &str, username: &str, secret: &str) {
        self.store().store(server, &credential(username, secret)).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn previous(&self) -> crate::PreviousStore {
        PreviousStore::of_file(&self.file(), &self.env).unwrap()
    }

    fn file(&self) -> ConfigFile {
        ConfigFile {
            kind: Kind::Docker,
            path: self.config(),
        }
    }
}

fn credential(username: &str, secret: &str) -> StoredCredential {
    StoredCredential {
        username: username.to_owned(),
        secret: secret.into(),
    }
}

fn some(username: &str, secret: &str) -> Option<(String, String)> {
    Some((username.to_owned(), secret.to_owned()))
}

fn auth(pair: &str) -> String {
    STANDARD.encode(pair)
}

#[test]
fn every_form_that_docker_reads_is_found_as_docker_finds_it() {
    let home = Home::with(&format!(
        r#"{{"auths": {{
            "https://index.docker.io/v1/": {{"auth": "{}"}},
            "https://ghcr.io/v1/": {{"Auth": "{}", "email": "x"}},
            "ghcr.io": {{"username": "by-name", "password": "p"}},
            "acr.example": {{"auth": "{}", "identitytoken": "refresh"}},
            "emptied.example": {{}},
            "null.example": null
        }}}}"#,
        auth("hub:p:w\0"),
        auth("by-url:p"),
        auth("0000:"),
    ));
    for hub in ["https://index.docker.io/v1/", "index.docker.io", "docker.io"] {
        assert_eq!(home.get(hub), some("hub", "p:w"), "{hub}");
    }
    assert_eq!(home.get("ghcr.io"), some("by-name", "p"));
    assert_eq!(home.get("https://ghcr.io/v1/"), some("by-url", "p"));
    assert_eq!(home.get("acr.example"), some("<token>", "refresh"));
    for none in ["emptied.example", "null.example", "example", "https://ghcr.io"] {
        assert_eq!(home.get(none), None, "{none}");
    }
    let listed = home.store().list().unwrap();
    let listed: Vec<_> = listed.iter().map(|(server, user)| format!("{server} {user}")).collect();
    assert_eq!(
        listed,
        [
            "acr.example <token>",
            "ghcr.io by-name",
            "https://ghcr.io/v1/ by-url",
            "https://index.docker.io/v1/ hub"
        ]
    );
}

#[test]
fn new_logins_are_private_and_come_before_old_ones() {
    let config = format!(r#"{{"auths": {{"ghcr.io": {{"auth": "{}"}}}}}}"#, auth("old:p"));
    let home = Home::with(&config);
    home.login("ghcr.io", "new", "secret");
    home.login("acr.example", "<token>", "refresh");
    let file = home.store().logins_file().to_owned();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(home.get("ghcr.io"), some("new", "secret"));
    assert_eq!(home.get("acr.example"), some("<token>", "refresh"));
    assert_eq!(home.text(), config);

    home.store().erase("ghcr.io", &home.env).unwrap();
    assert_eq!(home.get("ghcr.io"), None, "the old one is gone too");
    assert_eq!(home.text(), r#"{"auths": {}}"#);
    home.store().erase("acr.example", &home.env).unwrap();
    assert!(!file.exists());
    home.store().erase("never.example", &home.env).unwrap();
}

#[test]
fn what_docker_does_not_read_here_is_not_edited() {
    let config = format!(r#"{{"auths": {{"ghcr.io": {{"auth": "{}"}}}}}}"#, auth("old:p"));
    let home = Home::with(&config);
    let elsewhere: Env = [
        ("HOME", home.folder.path().to_str().unwrap()),
        ("DOCKER_CONFIG", "/nowhere"),
    ]
    .into_iter()
    .collect();
    home.store().erase("ghcr.io", &elsewhere).unwrap();
    assert_eq!(home.text(), config);
}

#[test]
fn each_configuration_has_logins_of_its_own() {
    let home = Home::with("{}");
    home.login("ghcr.io", "x", "y");
    let other = home.folder.path().join("other.json");
    let other = AuthsStore::for_config(&other, &home.env).unwrap();
    assert_eq!(other.get("ghcr.io").unwrap(), None);
}

#[test]
fn logins_go_back_where_docker_left_an_empty_entry() {
    let home = Home::with(
        "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {},\n\t\t\"kept.example\": {\"auth\": \"eDp5\"}\n\t},\n\t\"credsStore\": \"ecr-auth\"\n}",
    );
    home.login("ghcr.io", "x", "y");
    home.login("acr.example", "<token>", "refresh");
    let done = restore(&home.file(), &[], None, &Default::default(), &home.env).unwrap();
    assert_eq!(done.logins, ["acr.example", "ghcr.io"]);
    assert_eq!(
        home.text(),
        "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t},\n\t\t\"kept.example\": {\"auth\": \"eDp5\"},\n\t\t\"acr.example\": {\n\t\t\t\"identitytoken\": \"refresh\"\n\t\t}\n\t}\n}"
    );
    assert_eq!(fs::metadata(home.config()).unwrap().mode() & 0o077, 0);
    assert!(!home.folder.path().join(".local/state/ecr-auth/logins").exists());
}

#[test]
fn a_broken_file_is_an_error_that_quotes_nothing() {
    let home = Home::with(r#"{"auths": {"ghcr.io": {"auth": 5, "x": "s3cret"}}}"#);
    let error = home.store().get("ghcr.io").unwrap_err();
    assert!(error.to_string().contains("config.json"), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn the_previous_store_answers() {
    let home = Home::with(r#"{"credsStore": "desktop"}"#);
    home.program(
        "docker-credential-desktop",
        "#!/bin/sh\necho docker-credential-desktop v1\n",
    );
    assert_eq!(home.previous(), PreviousStore::Named("desktop".to_owned()));
    let real = home.config().canonicalize().unwrap();
    for text in [r#"{"auths": {"ghcr.io": {}}}"#, r#"{"credsStore": ""}"#, "", "{}"] {
        fs::write(home.config(), text).unwrap();
        assert_eq!(home.previous(), PreviousStore::Auths(real.clone()), "{text}");
    }
    fs::write(home.config(), r#"{"credsStore": "ecr-auth"}"#).unwrap();
    assert_eq!(home.previous(), PreviousStore::Ourselves(real));
}

#[test]
fn our_own_program_under_another_name_is_refused() {
    let home = Home::with(r#"{"credsStore": "wrapper"}"#);
    home.program(
        "docker-credential-wrapper",
        "#!/bin/sh\necho docker-credential-ecr-auth 1.2.3\n",
    );
    let error = PreviousStore::of_file(&home.file(), &home.env).unwrap_err();
    assert_eq!(error.exit().code(), 2);
    assert!(error.cause().contains("it would ask itself"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn dockers_default_store_keeps_working() {
    let home = Home::with("{}");
    home.program("docker-credential-secretservice", "#!/bin/sh\nexit 1\n");
    assert_eq!(home.previous(), PreviousStore::Detected("secretservice".to_owned()));
    fs::write(home.config(), r#"{"credHelpers": {"a": "b"}}"#).unwrap();
    assert!(matches!(home.previous(), PreviousStore::Auths(_)));
}
