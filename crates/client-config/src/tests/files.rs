//! The files that setup writes, and the folder of the helper's link.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::link::{default_folder, is_named_ecr_auth};
use crate::{Client, Kind, LinkState, config_files, helper_link, is_for_all_users, is_helper_name, remove_link, shown};
use context::Env;

fn env(vars: &[(&str, &str)]) -> Env {
    vars.iter().copied().collect()
}

fn paths(client: Option<Client>, docker_config: Option<&str>, env: &Env) -> Vec<PathBuf> {
    let files = config_files(client, docker_config.map(Path::new), env).unwrap();
    files.into_iter().map(|file| file.path).collect()
}

#[test]
fn docker_reads_its_folder() {
    let docker = Some(Client::Only(Kind::Docker));
    assert_eq!(
        paths(docker, None, &env(&[("HOME", "/h")])),
        [Path::new("/h/.docker/config.json")]
    );
    let with_folder = env(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d")]);
    assert_eq!(paths(docker, None, &with_folder), [Path::new("/d/config.json")]);
    assert_eq!(paths(docker, Some("/e"), &with_folder), [Path::new("/e/config.json")]);
    assert_eq!(config_files(docker, None, &env(&[])).unwrap_err().exit().code(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn podman_reads_the_runtime_file_and_keeps_the_permanent_one() {
    let runtime = TempDir::new().unwrap();
    let folder = runtime.path().to_str().unwrap();
    let podman = Some(Client::Only(Kind::Podman));
    let vars = [
        ("HOME", "/h"),
        ("XDG_RUNTIME_DIR", folder),
        ("XDG_CONFIG_HOME", "/c"),
        ("REGISTRY_AUTH_FILE", "/r.json"),
    ];
    let file = runtime.path().join("containers/auth.json");
    assert_eq!(paths(podman, None, &env(&vars)), [Path::new("/r.json")]);
    assert_eq!(
        paths(podman, None, &env(&vars[..3])),
        [Path::new("/c/containers/auth.json"), &file]
    );
    assert_eq!(
        paths(podman, None, &env(&vars[..2])),
        [Path::new("/h/.config/containers/auth.json"), &file]
    );
    let gone = env(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/nowhere/at/all")]);
    assert_eq!(
        paths(podman, None, &gone),
        [Path::new("/h/.config/containers/auth.json")]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_runtime_folder_podman_uses_the_users_default() {
    let file = format!("/run/containers/{}/auth.json", rustix::process::getuid().as_raw());
    assert_eq!(crate::client::lasting_runtime_file(), Some(file.into()));
}

#[test]
fn podman_is_written_by_default_only_where_it_is_used() {
    let bin = TempDir::new().unwrap();
    let vars = [
        ("HOME", "/h"),
        ("PATH", bin.path().to_str().unwrap()),
        ("REGISTRY_AUTH_FILE", "/r.json"),
    ];
    assert_eq!(paths(None, None, &env(&vars[..2])).len(), 1);
    assert_eq!(paths(None, None, &env(&vars)).len(), 2);
    fs::write(bin.path().join(format!("skopeo{}", std::env::consts::EXE_SUFFIX)), "").unwrap();
    assert_eq!(
        paths(None, None, &env(&vars)),
        [Path::new("/h/.docker/config.json"), Path::new("/r.json")]
    );
    assert_eq!(paths(Some(Client::Only(Kind::Docker)), None, &env(&vars)).len(), 1);
    assert_eq!(
        paths(
            Some(Client::All),
            None,
            &env(&[("HOME", "/h"), ("REGISTRY_AUTH_FILE", "/r.json")])
        )
        .len(),
        3
    );
}

#[test]
fn podman_is_written_where_docker_is_if_it_reads_nothing_else() {
    let podman = Some(Client::Only(Kind::Podman));
    let vars = [
        ("HOME", "/h"),
        ("DOCKER_CONFIG", "/d"),
        ("REGISTRY_AUTH_FILE", "/r.json"),
    ];
    assert_eq!(paths(podman, None, &env(&vars[..2])), [Path::new("/d/config.json")]);
    assert_eq!(paths(podman, None, &env(&vars)), [Path::new("/r.json")]);
    // A file that two clients share is written once.
    let all = paths(Some(Client::All), None, &env(&vars[..2]));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], Path::new("/d/config.json"));
}

#[cfg(target_os = "linux")]
#[test]
fn helm_reads_its_registry_file() {
    let helm = Some(Client::Only(Kind::Helm));
    let mut vars = vec![("HOME", "/h")];
    for (variable, value, expected) in [
        ("UNRELATED", "x", "/h/.config/helm/registry/config.json"),
        ("XDG_CONFIG_HOME", "/x", "/x/helm/registry/config.json"),
        ("HELM_CONFIG_HOME", "/c", "/c/registry/config.json"),
        ("HELM_REGISTRY_CONFIG", "/r.json", "/r.json"),
    ] {
        vars.push((variable, value));
        assert_eq!(paths(helm, None, &env(&vars)), [Path::new(expected)]);
    }
}

#[test]
fn helm_is_written_by_default_only_where_it_is_used() {
    let home = TempDir::new().unwrap();
    let env = env(&[("HOME", home.path().to_str().unwrap())]);
    assert_eq!(paths(None, None, &env).len(), 1);
    let file = home.path().join(if cfg!(target_os = "macos") {
        "Library/Preferences/helm/registry/config.json"
    } else {
        ".config/helm/registry/config.json"
    });
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "{}").unwrap();
    assert_eq!(paths(None, None, &env)[1..], [file]);
}

#[test]
fn home_shows_as_a_tilde() {
    let env = env(&[("HOME", "/h")]);
    assert_eq!(shown("/h/.docker".as_ref(), &env), "~/.docker");
    assert_eq!(shown("/home/x".as_ref(), &env), "/home/x");
}

/// Creates a folder with a binary.
fn installed() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let exe = folder.path().canonicalize().unwrap().join("ecr-auth");
    fs::write(&exe, "program").unwrap();
    (folder, exe)
}

#[test]
fn the_link_goes_beside_the_binary_if_that_is_on_path() {
    let (folder, exe) = installed();
    let env = env(&[("PATH", folder.path().to_str().unwrap())]);
    let plan = helper_link(&exe, None, &env).unwrap();
    assert!(plan.on_path);
    assert_eq!(plan.link, LinkState::Missing);
    plan.make().unwrap();
    assert_eq!(fs::read_link(&plan.path).unwrap(), Path::new("ecr-auth"));
    assert_eq!(plan.path, exe.with_file_name("docker-credential-ecr-auth"));
    assert_eq!(helper_link(&exe, None, &env).unwrap().link, LinkState::Stands);
    assert!(remove_link(&plan.path, None).unwrap());
    assert!(!plan.path.exists());
}

#[test]
fn another_folder_is_created_and_gets_an_absolute_link() {
    let (_folder, exe) = installed();
    let bin = TempDir::new().unwrap();
    let plan = helper_link(&exe, Some(&bin.path().join("a/b")), &env(&[])).unwrap();
    assert!(!plan.on_path);
    plan.make().unwrap();
    assert_eq!(fs::read_link(&plan.path).unwrap(), exe);
}

#[test]
fn a_link_to_an_older_one_is_replaced_and_put_back() {
    let (folder, exe) = installed();
    let (_older_folder, older) = installed();
    fs::write(&older, "older").unwrap();
    let link = folder.path().join("docker-credential-ecr-auth");
    symlink(&older, &link).unwrap();
    let plan = helper_link(&exe, Some(folder.path()), &env(&[])).unwrap();
    assert_eq!(plan.link, LinkState::Other(older.clone()));
    plan.make().unwrap();
    assert_eq!(fs::read(&link).unwrap(), b"program");
    assert!(remove_link(&link, Some(&older)).unwrap());
    assert_eq!(fs::read(&link).unwrap(), b"older");
}

#[test]
fn another_program_of_that_name_is_left_alone() {
    let (folder, exe) = installed();
    let link = folder.path().join("docker-credential-ecr-auth");
    fs::write(&link, "program").unwrap();
    assert_eq!(
        helper_link(&exe, Some(folder.path()), &env(&[])).unwrap().link,
        LinkState::Stands
    );
    fs::write(&link, "another").unwrap();
    let error = helper_link(&exe, Some(folder.path()), &env(&[])).unwrap_err();
    assert_eq!(error.cause(), "another program has that name");
    assert!(!remove_link(&link, None).unwrap());
    fs::remove_file(&link).unwrap();
    symlink("/usr/bin/env", &link).unwrap();
    assert!(helper_link(&exe, Some(folder.path()), &env(&[])).is_err());
    assert!(!remove_link(&link, None).unwrap());
}

/// A package's layout: the folder belongs to root, and the binary may be elsewhere (Homebrew's cellar).
#[test]
fn no_link_if_clients_already_find_this_binary() {
    let (cellar, exe) = installed();
    let [packaged, shared] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let link = packaged.path().join("docker-credential-ecr-auth");
    let path = |folders: &[&TempDir]| {
        let folders: Vec<_> = folders.iter().map(|folder| folder.path().to_str().unwrap()).collect();
        env(&[("PATH", &folders.join(":"))])
    };
    symlink(&exe, &link).unwrap();
    let on_path = path(&[&shared, &packaged, &cellar]);
    assert_eq!(default_folder(&exe, shared.path(), &on_path).unwrap(), packaged.path());
    let plan = helper_link(&exe, None, &on_path).unwrap();
    assert_eq!((plan.link, plan.on_path, plan.path), (LinkState::Stands, true, link));
    // Clients finding another program first does not prove that they find this one.
    symlink("/usr/bin/env", shared.path().join("docker-credential-ecr-auth")).unwrap();
    assert_eq!(
        default_folder(&exe, shared.path(), &on_path).unwrap(),
        exe.parent().unwrap()
    );
}

#[test]
fn without_a_better_folder_the_link_goes_to_the_shared_one_then_home() {
    let (folder, exe) = installed();
    let shared = TempDir::new().unwrap();
    let missing = shared.path().join("missing");
    let [off_path, home] = [env(&[]), env(&[("HOME", "/h")])];
    assert_eq!(default_folder(&exe, shared.path(), &off_path).unwrap(), shared.path());
    assert_eq!(
        default_folder(&exe, &missing, &home).unwrap(),
        Path::new("/h/.local/bin")
    );
    // A folder with that name is not a program, even if root may write to it and execute it.
    let program = Path::new("/usr/bin/env");
    assert_eq!(
        default_folder(&exe, program, &home).unwrap(),
        Path::new("/h/.local/bin")
    );
    let error = default_folder(&exe, &missing, &off_path).unwrap_err();
    assert_eq!(
        (error.exit().code(), error.cause()),
        (2, "this user has no home folder")
    );
    // A missing folder on PATH is not writable.
    let gone = env(&[("PATH", missing.to_str().unwrap())]);
    let exe_there = missing.join("ecr-auth");
    assert_eq!(default_folder(&exe_there, shared.path(), &gone).unwrap(), shared.path());
    let on_path = env(&[("PATH", folder.path().to_str().unwrap())]);
    assert_eq!(
        default_folder(&exe, shared.path(), &on_path).unwrap(),
        exe.parent().unwrap()
    );
}

#[test]
fn a_folder_is_on_path_by_any_of_its_names() {
    let (folder, exe) = installed();
    let links = TempDir::new().unwrap();
    let link = links.path().join("bin");
    symlink(folder.path(), &link).unwrap();
    let is_on_path = |bin_dir: &Path, path: &str| {
        let env = env(&[("PATH", path)]);
        helper_link(&exe, Some(bin_dir), &env).unwrap().on_path
    };
    let [folder, link, links] = [folder.path(), &link, links.path()].map(|path| path.to_str().unwrap());
    assert!(is_on_path(folder.as_ref(), &format!("{links}:{link}")));
    assert!(is_on_path(link.as_ref(), folder));
    assert!(!is_on_path(folder.as_ref(), links));
    assert!(is_on_path("/not/there".as_ref(), "/not/there"));
    assert!(!is_on_path("/not/there".as_ref(), "/neither/there:relative"));
}

#[test]
fn ecr_auth_is_recognised_by_its_name() {
    for name in [
        "ecr-auth",
        "/a/ecr-auth-x86_64-unknown-linux-musl",
        "ecr-auth.exe",
        "docker-credential-ecr-auth",
    ] {
        assert!(is_named_ecr_auth(name.as_ref()), "{name}");
    }
    for name in ["", "/", "docker-credential-ecr-login", "ecr-auth/other", "my-ecr-auth"] {
        assert!(!is_named_ecr_auth(name.as_ref()), "{name}");
    }
}

#[test]
fn a_link_whose_former_target_is_gone_is_removed() {
    let (folder, exe) = installed();
    let plan = helper_link(&exe, Some(folder.path()), &env(&[])).unwrap();
    plan.make().unwrap();
    assert!(remove_link(&plan.path, Some(Path::new("/not/there/ecr-auth"))).unwrap());
    assert!(fs::symlink_metadata(&plan.path).is_err());
    assert!(!remove_link(&plan.path, None).unwrap());
}

#[test]
fn an_existing_link_is_not_replaced() {
    use std::os::unix::fs::MetadataExt;
    let (folder, exe) = installed();
    let plan = || helper_link(&exe, Some(folder.path()), &env(&[])).unwrap();
    plan().make().unwrap();
    let number = || fs::symlink_metadata(plan().path).unwrap().ino();
    let before = number();
    plan().make().unwrap();
    assert_eq!(number(), before);
}

#[test]
fn a_folder_or_unreadable_path_counts_as_another_program() {
    let (folder, exe) = installed();
    let link = folder.path().join("docker-credential-ecr-auth");
    // The same length as the program, but other contents.
    fs::write(&link, "PROGRAM").unwrap();
    assert!(helper_link(&exe, Some(folder.path()), &env(&[])).is_err());
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    assert!(helper_link(&exe, Some(folder.path()), &env(&[])).is_err());
    let error = helper_link(&exe, Some(&exe), &env(&[])).unwrap_err();
    assert!(error.what().starts_with("cannot make "), "{error}");
    let below = folder.path().join("ecr-auth/below");
    assert!(helper_link(&exe, Some(&below), &env(&[])).is_err());
}

#[test]
fn a_link_that_cannot_be_made_is_an_error_with_a_way_out() {
    let (folder, exe) = installed();
    let bin = folder.path().join("bin");
    let plan = helper_link(&exe, Some(&bin), &env(&[])).unwrap();
    fs::write(&bin, "a file where a folder should be").unwrap();
    let error = plan.make().unwrap_err();
    assert!(error.hint_text().unwrap().contains("--bin-dir"), "{error}");
}

#[test]
fn the_helpers_names() {
    for name in [
        "docker-credential-ecr-auth",
        "/usr/local/bin/docker-credential-ecr-login",
        "docker-credential-ecr-auth.exe",
        "docker-credential-ecr-login.EXE",
    ] {
        assert!(is_helper_name(Path::new(name)), "{name}");
    }
    for name in [
        "ecr-auth",
        "ecr-auth.exe",
        "docker-credential-ecr",
        "docker-credential-ecr-auth.bat",
        ".exe",
        "",
    ] {
        assert!(!is_helper_name(Path::new(name)), "{name}");
    }
}

#[test]
fn system_folders_are_for_all_users() {
    let home = TempDir::new().unwrap();
    let env: Env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
    for (path, expected) in [
        ("/usr/local/bin/docker-credential-ecr-auth".into(), true),
        ("/opt/tools/docker-credential-ecr-auth".into(), true),
        (home.path().join("docker-credential-ecr-auth"), false),
        (home.path().join("../docker-credential-ecr-auth"), false),
    ] {
        assert_eq!(is_for_all_users(&path, &env), expected, "{}", path.display());
    }
    let env: Env = [("HOME", "/usr/local")].into_iter().collect();
    assert!(!is_for_all_users(
        Path::new("/usr/local/bin/docker-credential-ecr-auth"),
        &env
    ));
}
