//! Rules on disk: where they go, what is noted, and how they are taken back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::{RuleEdit, Value, preview, take_back, write};
use diagnostics::Exit;

fn rule(host: &str, key: &'static str, value: &str) -> RuleEdit {
    RuleEdit {
        match_: host.to_owned(),
        registry: None,
        keys: vec![(key, Value::Text(value.to_owned()))],
    }
}

fn role() -> RuleEdit {
    rule(ECR, "role-arn", "ci-push")
}

/// A home whose folders are still to be made.
fn home() -> (TempDir, Env) {
    let home = TempDir::new().unwrap();
    let env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
    (home, env)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_users_file_is_made_and_goes_again() {
    let (home, env) = home();
    let saved = write(&env, None, None, &[role()]).unwrap();
    let folder = env.config_folder().unwrap();
    assert_eq!(saved.path, folder.join("ecr-auth.yml"));
    assert!(saved.changed && saved.replaced.is_empty() && saved.not_recorded.is_none());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&saved.path)), (0o700, 0o600));
    let config = Config::load(&env, None).unwrap();
    assert_eq!(config.target(ECR).unwrap().role().role_arn.as_deref(), Some("ci-push"));
    assert!(!write(&env, None, None, &[role()]).unwrap().changed);

    let restored = take_back(&env, None, &|_| true).unwrap();
    assert_eq!(
        (restored.taken_back.as_slice(), restored.removed),
        (&[ECR.to_owned()][..], true)
    );
    assert!(!home.path().join(".config").exists());
    let left = names(&env.state_folder().unwrap());
    assert_eq!(left, ["rules.lock"]);
}

#[test]
fn a_named_file_is_made() {
    let (home, env) = home();
    let named = home.path().join("below/mine.yml");
    write(&env, Some(&named), None, &[role()]).unwrap();
    assert!(read(&named).contains(ECR));
    assert!(
        Config::load_if_there(&env, Some(&named))
            .unwrap()
            .target(ECR)
            .unwrap()
            .role()
            .role_arn
            .is_some()
    );
    take_back(&env, Some(&named), &|_| true).unwrap();
    assert!(!named.parent().unwrap().exists());
    assert_eq!(Config::load_if_there(&env, Some(&named)).unwrap(), Config::default());
    assert!(Config::load(&env, Some(&named)).is_err());
}

#[test]
fn links_and_modes_stay() {
    let (home, env) = home();
    let (link, real) = (home.path().join("link.yml"), home.path().join("dotfiles.yml"));
    let before = format!("registries:\n  - match: {ECR} # ours\n    profile: old\n");
    fs::write(&real, &before).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&real, &link).unwrap();
    let saved = write(&env, Some(&link), None, &[role()]).unwrap();
    assert_eq!(saved.replaced, [ECR]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o644);
    assert!(read(&real).contains("ci-push"));
    // By whichever name.
    assert_eq!(take_back(&env, Some(&real), &|_| true).unwrap().taken_back, [ECR]);
    assert_eq!(read(&real), before);
}

#[test]
fn the_first_of_several_edits_is_the_one_put_back() {
    let (home, env) = home();
    let file = home.path().join("c.yml");
    let before = format!("registries:\n- match: {ECR}\n  profile: theirs\n");
    fs::write(&file, &before).unwrap();
    write(&env, Some(&file), None, &[role()]).unwrap();
    write(&env, Some(&file), None, &[rule("public.ecr.aws", "profile", "x")]).unwrap();
    write(&env, Some(&file), None, &[rule(ECR, "profile", "another")]).unwrap();
    take_back(&env, Some(&file), &|host| host == "public.ecr.aws").unwrap();
    assert_eq!(read(&file), before.replace("theirs", "another"));
    take_back(&env, Some(&file), &|_| true).unwrap();
    assert_eq!(read(&file), before);
}

#[test]
fn what_somebody_changed_meanwhile_is_theirs() {
    let (home, env) = home();
    let file = home.path().join("c.yml");
    write(&env, Some(&file), None, &[role()]).unwrap();
    let theirs = read(&file).replace("ci-push", "theirs");
    fs::write(&file, &theirs).unwrap();
    assert_eq!(
        take_back(&env, Some(&file), &|_| true).unwrap().taken_back,
        Vec::<String>::new()
    );
    assert_eq!(read(&file), theirs);

    // And what is written over theirs gives theirs back.
    write(&env, Some(&file), None, &[role()]).unwrap();
    take_back(&env, Some(&file), &|_| true).unwrap();
    assert_eq!(read(&file), theirs);
}

#[test]
fn a_broken_file_stays() {
    let (home, env) = home();
    let file = home.path().join("c.yml");
    fs::write(&file, "registries:\n- profile: x\n").unwrap();
    for error in [
        write(&env, Some(&file), None, &[role()]).unwrap_err(),
        preview(&env, Some(&file), None, &[role()]).unwrap_err(),
    ] {
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.what().ends_with("c.yml:2:3"), "{error}");
    }
    assert_eq!(read(&file), "registries:\n- profile: x\n");
    assert_eq!(names(home.path()), ["c.yml"]);
}

#[test]
fn a_preview_is_a_diff_and_writes_nothing() {
    let (home, env) = home();
    let file = home.path().canonicalize().unwrap().join("c.yml");
    fs::write(&file, "# mine\nregistries:\n- match: public.ecr.aws\n").unwrap();
    let shown = file.display();
    assert_eq!(
        preview(&env, Some(&file), None, &[role()]).unwrap(),
        format!(
            "--- {shown}\n+++ {shown}\n@@ -1,3 +1,5 @@\n # mine\n registries:\n - match: public.ecr.aws\n+- match: {ECR}\n+  role-arn: ci-push\n"
        )
    );
    assert_eq!(names(home.path()), ["c.yml"]);
    write(&env, Some(&file), None, &[role()]).unwrap();
    assert_eq!(preview(&env, Some(&file), None, &[role()]).unwrap(), "");
    assert!(
        preview(&env, None, None, &[role()])
            .unwrap()
            .starts_with("--- /dev/null\n")
    );
}

#[test]
fn writers_at_once_lose_nothing() {
    let (home, env) = home();
    let file = home.path().join("new/c.yml");
    let host = |n: u32| format!("{n:012}.dkr.ecr.eu-west-1.amazonaws.com");
    thread::scope(|scope| {
        for n in 1..=8 {
            let (env, file) = (&env, &file);
            scope.spawn(move || write(env, Some(file), None, &[rule(&host(n), "profile", "x")]).unwrap());
        }
    });
    let config = Config::load(&env, Some(&file)).unwrap();
    let mut hosts: Vec<&str> = config.exact_hosts().collect();
    hosts.sort_unstable();
    assert_eq!(hosts, (1..=8).map(host).collect::<Vec<_>>());
    assert_eq!(take_back(&env, Some(&file), &|_| true).unwrap().taken_back.len(), 8);
    assert!(!file.exists());
}

#[test]
fn without_a_home_it_cannot_be_noted() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yml");
    let saved = write(&Env::default(), Some(&file), None, &[role()]).unwrap();
    assert!(saved.changed && saved.not_recorded.is_some());
    let restored = take_back(&Env::default(), Some(&file), &|_| true).unwrap();
    assert_eq!((restored.taken_back.len(), restored.removed), (0, false));
    let error = write(&Env::default(), None, None, &[role()]).unwrap_err();
    assert_eq!((error.exit(), error.cause()), (Exit::Usage, "HOME is not set"));
    assert!(
        take_back(&Env::default(), None, &|_| true)
            .unwrap()
            .taken_back
            .is_empty()
    );
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let (home, env) = home();
    let link = home.path().join("c.yml");
    symlink("gone.yml", &link).unwrap();
    assert!(Config::load_if_there(&env, Some(&link)).is_err());
    let error = write(&env, Some(&link), None, &[role()]).unwrap_err();
    assert!(error.cause().contains("gone.yml, which does not exist"), "{error}");
    assert!(error.hint_text().unwrap().contains("registries: []"));
    let below = home.path().join("c.yml/below/c.yml");
    assert_eq!(Config::load_if_there(&env, Some(&below)).unwrap(), Config::default());
}
