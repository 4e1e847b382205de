//! The logins that `setup --all` keeps: those of other users are not trusted, read or written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::harness::{Machine, Outcome};

/// Another user of the machine.
const STRANGER: u32 = 54_103;
const LOGIN: &str = r#"{"auths":{"ghcr.io":{"auth":"bWFsbG9yeTpldmls"}}}"#;

/// Returns the name of the file with the logins of a configuration.
fn name_for(config: &Path) -> String {
    let digest = Sha256::digest(config.as_os_str().as_encoded_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ".json"
}

fn folder(path: &Path, mode: u32, owner: u32) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
}

/// Returns a machine whose home is the stranger's.
fn strangers_home() -> Machine {
    let machine = Machine::new();
    fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
    for below in ["", ".docker", ".local", ".local/state", ".local/state/ecr-auth"] {
        folder(&machine.home().join(below), 0o755, STRANGER);
    }
    folder(&machine.home().join(".local/state/ecr-auth/logins"), 0o700, STRANGER);
    machine
}

fn roots_config(machine: &Machine) -> PathBuf {
    folder(&machine.path("roots"), 0o700, 0);
    let config = machine.path("roots/config.json");
    fs::write(&config, r#"{"auths":{"ghcr.io":{"auth":"cm9vdDpUT1BTRUNSRVQ="}}}"#).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
    fs::canonicalize(config).unwrap()
}

fn helper(machine: &Machine, action: &str, server: &str) -> Outcome {
    machine.helper(action, server)
}

#[test]
fn a_link_in_the_place_of_the_logins_brings_root_s_to_nobody() {
    let machine = strangers_home();
    let secret = roots_config(&machine);
    let config = machine.write(".docker/config.json", "{}");
    chown(&config, Some(STRANGER), Some(STRANGER)).unwrap();
    let name = name_for(&fs::canonicalize(&config).unwrap());
    for hard in [false, true] {
        let link = machine.home().join(".local/state/ecr-auth/logins").join(&name);
        match hard {
            true => fs::hard_link(&secret, &link).unwrap(),
            false => symlink(&secret, &link).unwrap(),
        }
        let _ = lchown(&link, hard.then_some(0).or(Some(STRANGER)), None);
        machine.run(&["logout"]);
        assert_eq!(machine.read(".docker/config.json"), "{}");
        let _ = fs::remove_file(&link);
    }
    assert!(fs::read_to_string(&secret).unwrap().contains("cm9vdDpUT1BTRUNSRVQ="));
}

#[test]
fn a_strangers_logins_are_not_believed_for_roots_configuration() {
    let machine = strangers_home();
    let config = roots_config(&machine);
    let planted = machine.write(&format!(".local/state/ecr-auth/logins/{}", name_for(&config)), LOGIN);
    fs::set_permissions(&planted, Permissions::from_mode(0o600)).unwrap();
    chown(&planted, Some(STRANGER), Some(STRANGER)).unwrap();
    let before = fs::read_to_string(&config).unwrap();
    let machine = machine.with("DOCKER_CONFIG", config.parent().unwrap().to_str().unwrap());
    machine.run(&["logout"]);
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
}

/// If all users share the state folder (`XDG_STATE_HOME`), another user may have made ours first.
#[test]
fn a_folder_that_a_stranger_made_gets_no_logins_and_gives_none() {
    let machine = Machine::new();
    folder(&machine.path("shared"), 0o1777, 0);
    folder(&machine.path("shared/ecr-auth"), 0o755, STRANGER);
    folder(&machine.path("shared/ecr-auth/logins"), 0o755, STRANGER);
    let config = machine.write(
        ".docker/config.json",
        r#"{"auths":{"ghcr.io":{"auth":"Ym9iOmJvYg=="}}}"#,
    );
    let config = fs::canonicalize(config).unwrap();
    let planted = machine.path("shared/ecr-auth/logins").join(name_for(&config));
    fs::write(&planted, LOGIN).unwrap();
    chown(&planted, Some(STRANGER), Some(STRANGER)).unwrap();
    let shared = machine.path("shared").display().to_string();
    let machine = machine.with("XDG_STATE_HOME", &shared);
    let fallback = format!(r#"{{"fallback":{{"auths":{config:?}}},"registries":[]}}"#);
    machine.write(".config/ecr-auth/setup.json", &fallback);
    for outcome in [helper(&machine, "get", "ghcr.io"), helper(&machine, "list", "")] {
        assert!(!format!("{outcome:?}").contains("mallory"), "{outcome:?}");
    }
    let login = r#"{"ServerURL":"quay.io","Username":"me","Secret":"s3cret-of-mine"}"#;
    let stored = helper(&machine, "store", login);
    assert_ne!(stored.status, 0, "{stored:?}");
    for file in fs::read_dir(machine.path("shared/ecr-auth/logins")).unwrap() {
        assert_eq!(fs::read_to_string(file.unwrap().path()).unwrap(), LOGIN);
    }
}

/// Docker's configuration is opened by the path that docker uses, so a link there cannot make root erase its own logins.
#[test]
fn erasing_through_a_strangers_link_takes_nothing_from_root() {
    let machine = strangers_home();
    let config = roots_config(&machine);
    fs::remove_dir(machine.home().join(".docker")).unwrap();
    symlink(config.parent().unwrap(), machine.home().join(".docker")).unwrap();
    lchown(machine.home().join(".docker"), Some(STRANGER), Some(STRANGER)).unwrap();
    folder(&machine.home().join(".config"), 0o755, STRANGER);
    folder(&machine.home().join(".config/ecr-auth"), 0o755, STRANGER);
    let fallback = format!(r#"{{"fallback":{{"auths":{config:?}}},"registries":[]}}"#);
    let setup = machine.write(".config/ecr-auth/setup.json", &fallback);
    chown(setup, Some(STRANGER), Some(STRANGER)).unwrap();
    let before = fs::read_to_string(&config).unwrap();
    helper(&machine, "erase", "ghcr.io");
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
}
