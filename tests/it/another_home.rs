//! Root in another user's home (`sudo` with HOME kept): whatever that user put there, nothing outside of the home changes.
//!
//! The user and root are real. Root's own files are beside the home.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lab::Lab;
use rstest::rstest;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::lab_machine::{GET_TOKEN, PATIENCE, lab, machine, role};

/// The owner of the home.
const USER: u32 = 54_101;
/// A third user.
const OTHER: u32 = 54_102;
/// A group of root's files, which only the folder of a home has.
const GROUP: u32 = 54_103;
/// A user of every Debian, whose own group has another number.
const GAMES: (u32, u32) = (5, 60);

/// Our own locks, in the state folder.
const LOCKS: [&str; 4] = ["files.lock", "setup.lock", "rules.lock", "profiles.lock"];

struct Scene {
    lab: Lab,
    machine: Machine,
}

impl Scene {
    /// Returns an empty home of the user's, and beside it a folder of root's with files, folders and a helper's link.
    fn new() -> Self {
        let lab = lab();
        let machine = machine(&lab);
        fs::set_permissions(machine.path(""), Permissions::from_mode(0o755)).unwrap();
        let scene = Self { lab, machine };
        chown(scene.home(), Some(USER), Some(USER)).unwrap();
        fs::create_dir_all(scene.roots("folder/empty")).unwrap();
        fs::create_dir(scene.roots("bin")).unwrap();
        fs::create_dir(scene.roots("cache")).unwrap();
        for (file, text) in [("shadow", "root:x\n"), ("config.json", "{}"), ("cache/.new-work", "")] {
            fs::write(scene.roots(file), text).unwrap();
        }
        let old = fs::File::open(scene.roots("cache/.new-work")).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
        symlink("/opt/ecr-auth", scene.roots("bin/docker-credential-ecr-auth")).unwrap();
        scene
    }

    fn home(&self) -> PathBuf {
        self.machine.home()
    }

    fn roots(&self, below: &str) -> PathBuf {
        self.machine.path("roots").join(below)
    }

    /// Makes a folder of the user's, with its parents.
    fn folder(&self, below: &Path) {
        let mut folder = self.home();
        for part in below {
            folder.push(part);
            if !folder.exists() {
                fs::create_dir(&folder).unwrap();
                chown(&folder, Some(USER), Some(USER)).unwrap();
            }
        }
    }

    fn link(&self, below: &str, to: &Path) {
        self.folder(Path::new(below).parent().unwrap());
        symlink(to, self.home().join(below)).unwrap();
        lchown(self.home().join(below), Some(USER), Some(USER)).unwrap();
    }

    fn file(&self, below: &str, text: &str) {
        self.folder(Path::new(below).parent().unwrap());
        fs::write(self.home().join(below), text).unwrap();
        chown(self.home().join(below), Some(USER), Some(USER)).unwrap();
    }

    /// Returns root's own files, by path.
    fn tree(&self) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
        let mut tree = BTreeMap::new();
        add(&self.roots(""), &mut tree);
        tree
    }

    /// Runs the binary as root. A process that still runs after [`PATIENCE`] is killed, which is a failure.
    fn run(&self, args: &[&str]) -> Outcome {
        let command = self.machine.command(&binary(), args);
        let mut command = assert_cmd::Command::from_std(command);
        let output = command.write_stdin(HOST).timeout(PATIENCE).output().unwrap();
        let outcome = Outcome::of(&output);
        assert!(outcome.status >= 0, "{args:?} does not end: {outcome:?}");
        outcome
    }

    /// Runs every command that writes, one after the other, and checks root's files after each.
    #[track_caller]
    fn nothing_of_roots_changes(&self) {
        let before = self.tree();
        let bin = self.home().join("bin").display().to_string();
        let role = "arn:aws:iam::111122223333:role/x";
        let setup = ["setup", HOST, "--client", "all", "--bin-dir", &bin];
        let profile = ["assume", "--format", "profile", "--profile", "x", "--role-arn", role];
        let rules: &[&str] = &["--role-arn", role];
        for args in [
            &["get"][..],
            &["helper", "get"],
            &setup,
            &[&setup[..], rules].concat(),
            &["login", HOST],
            &profile,
            &["logout"],
        ] {
            let outcome = self.run(args);
            assert_eq!(self.tree(), before, "{args:?}: {outcome:?}");
        }
    }
}

fn add(path: &Path, tree: &mut BTreeMap<PathBuf, (u32, u32, Vec<u8>)>) {
    let found = fs::symlink_metadata(path).unwrap();
    let held = match () {
        () if found.is_symlink() => fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(),
        () if found.is_file() => fs::read(path).unwrap(),
        () => Vec::new(),
    };
    tree.insert(path.to_owned(), (found.uid(), found.mode(), held));
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add(&entry.unwrap().path(), tree);
        }
    }
}

#[rstest]
#[case::docker(".docker", "folder")]
#[case::docker_file(".docker/config.json", "config.json")]
#[case::state(".local/state", "folder")]
#[case::own_state(".local/state/ecr-auth", "folder")]
#[case::local(".local", "folder")]
#[case::configuration(".config", "folder")]
#[case::own_configuration(".config/ecr-auth", "folder")]
#[case::rules(".config/ecr-auth/setup.json", "config.json")]
#[case::containers(".config/containers/auth.json", "config.json")]
#[case::aws(".aws", "folder")]
#[case::aws_file(".aws/config", "shadow")]
#[case::cache(".cache", "folder")]
#[case::own_cache(".cache/ecr-auth", "folder")]
#[case::own_cache_with_our_files_alone(".cache/ecr-auth", "cache")]
#[case::programs("bin", "bin")]
#[case::notes(".local/state/ecr-auth/setup.json", "shadow")]
fn a_link_leads_to_nothing_of_roots(#[case] place: &str, #[case] to: &str) {
    let scene = Scene::new();
    scene.link(place, &scene.roots(to));
    scene.nothing_of_roots_changes();
}

/// The first helper on PATH is asked for its version, but not one that the user put there.
#[rstest]
#[case::by_its_name(false)]
#[case::behind_roots_link(true)]
fn setup_and_doctor_run_no_program_of_the_user_as_root(#[case] is_behind_a_link: bool) {
    let mut scene = Scene::new();
    let ran = scene.roots("ran");
    let program = "own/docker-credential-ecr-auth";
    scene.file(program, &format!("#!/bin/sh\necho ran >>'{}'\n", ran.display()));
    fs::set_permissions(scene.home().join(program), Permissions::from_mode(0o755)).unwrap();
    let mut folder = scene.home().join("own");
    if is_behind_a_link {
        folder = scene.roots("linked/own");
        fs::create_dir_all(&folder).unwrap();
        symlink(scene.home().join(program), folder.join("docker-credential-ecr-auth")).unwrap();
    }
    let folder = folder.display().to_string();
    scene.machine.set("PATH", &format!("{folder}:/usr/bin:/bin"));
    let bin = scene.home().join("bin").display().to_string();
    let outcome = scene.run(&["setup", HOST, "--bin-dir", &bin]);
    assert!(outcome.stderr.contains("own/docker-credential-ecr-auth"), "{outcome:?}");
    scene.run(&["doctor", HOST]);
    assert!(!ran.exists());
}

#[rstest]
#[case::to_a_file("shadow")]
#[case::to_a_folder("folder")]
#[case::to_nothing("ld.so.preload")]
fn a_link_in_a_locks_place_is_not_followed(#[case] to: &str) {
    let scene = Scene::new();
    for lock in LOCKS {
        scene.link(&format!(".local/state/ecr-auth/{lock}"), &scene.roots(to));
    }
    scene.nothing_of_roots_changes();
}

#[test]
fn a_pipe_in_a_locks_place_is_not_waited_for() {
    let scene = Scene::new();
    scene.folder(Path::new(".local/state/ecr-auth"));
    for lock in LOCKS {
        let pipe = scene.home().join(".local/state/ecr-auth").join(lock);
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        chown(&pipe, Some(USER), Some(USER)).unwrap();
    }
    scene.nothing_of_roots_changes();
    // Files were placed there, and removed with the folder.
    assert!(!scene.home().join(".local/state/ecr-auth").exists());
}

/// The notes name links and folders of root's, and a file of root's as one that we made.
#[test]
fn a_users_notes_are_not_believed_about_roots_places() {
    let scene = Scene::new();
    let users = scene.home().join("ecr-auth").display().to_string();
    scene.file("ecr-auth", "");
    let file = |path: PathBuf| path.display().to_string();
    let config = file(scene.home().join(".docker/config.json"));
    let (link, folder) = (
        scene.roots("bin/docker-credential-ecr-auth"),
        scene.roots("folder/empty"),
    );
    let record = |folders: &serde_json::Value| {
        serde_json::json!({
            "created": true,
            "createdHelpers": true,
            "createdFolders": folders,
            "credHelpers": {HOST: {"previous": null, "written": ["ecr-auth"]}},
            "values": {"registries": {"previous": null, "written": [""]}},
        })
    };
    let folders = serde_json::json!([file(folder)]);
    let rules = file(scene.home().join(".config/ecr-auth/setup.json"));
    let roots = file(scene.roots("config.json"));
    let notes = serde_json::json!({
        "files": {&config: record(&folders), &rules: record(&folders), &roots: record(&folders)},
        "links": {file(link): users},
    });
    for name in ["setup", "rules", "profiles"] {
        scene.file(&format!(".local/state/ecr-auth/{name}.json"), &notes.to_string());
    }
    scene.file(
        ".docker/config.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-auth\"}}}}"),
    );
    let before = scene.tree();
    let outcome = scene.run(&["logout"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("stays as it is"), "{outcome:?}");
    assert_eq!(scene.tree(), before);
    assert!(!scene.home().join(".docker/config.json").exists(), "{outcome:?}");
}

/// The parent of the home belongs to a third user, who can replace the home. The home's user can lead to the third user's files.
#[rstest]
#[case::below_another_users_folder(false)]
#[case::behind_a_link(true)]
fn nothing_of_a_third_user_is_changed(#[case] is_behind_a_link: bool) {
    let mut scene = Scene::new();
    let third = scene.machine.path("third");
    fs::create_dir_all(third.join("private")).unwrap();
    fs::write(third.join("private/config.json"), "{}").unwrap();
    let home = match is_behind_a_link {
        true => scene.home(),
        false => third.join("home"),
    };
    if !is_behind_a_link {
        fs::rename(scene.home(), &home).unwrap();
    }
    symlink(third.join("private"), home.join(".docker")).unwrap();
    lchown(home.join(".docker"), Some(USER), Some(USER)).unwrap();
    for theirs in ["", "private", "private/config.json"] {
        chown(third.join(theirs), Some(OTHER), Some(OTHER)).unwrap();
    }
    scene.machine.set("HOME", home.to_str().unwrap());
    let bin = scene.roots("bin").display().to_string();
    fs::remove_file(scene.roots("bin/docker-credential-ecr-auth")).unwrap();
    let outcome = scene.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("through folders or links of two other users (54"),
        "{outcome:?}"
    );
    assert_eq!(fs::read_to_string(third.join("private/config.json")).unwrap(), "{}");
    scene.run(&["helper", "get"]).password();
}

/// A folder's group need not be one of its owner's: a folder with the setgid bit passes its group on.
#[rstest]
#[case::a_user_with_a_group_of_their_own(GAMES.0, GAMES.1)]
#[case::a_user_who_is_in_no_list(USER, 65_534)]
fn a_folders_group_gives_no_rights(#[case] user: u32, #[case] group: u32) {
    let scene = Scene::new();
    chown(scene.home(), Some(user), Some(GROUP)).unwrap();
    for folder in ["", "folder"] {
        chown(scene.roots(folder), None, Some(GROUP)).unwrap();
        fs::set_permissions(scene.roots(folder), Permissions::from_mode(0o770)).unwrap();
    }
    symlink(scene.roots("folder"), scene.home().join(".docker")).unwrap();
    lchown(scene.home().join(".docker"), Some(user), Some(GROUP)).unwrap();
    scene.nothing_of_roots_changes();
    fs::remove_file(scene.home().join(".docker")).unwrap();
    let bin = scene.home().join("bin").display().to_string();
    let outcome = scene.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let made = scene.home().join(".docker/config.json").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), (user, group));
}

/// As in a job's container, which does not know the runner's user and group.
#[rstest]
#[case::for_nothing(0o600, 0)]
#[case::for_what_all_may_do(0o644, 0)]
#[case::for_more(0o660, 1)]
fn a_group_that_cannot_be_kept_may_be_for_nothing(#[case] mode: u32, #[case] status: i32) {
    let scene = Scene::new();
    scene.file(".docker/config.json", "{}");
    let config = scene.home().join(".docker/config.json");
    chown(&config, None, Some(GROUP)).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(mode)).unwrap();
    let bin = scene.home().join("bin").display().to_string();
    let outcome = scene.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, status, "{outcome:?}");
    assert_eq!(config.metadata().unwrap().mode() & 0o777, mode);
    assert_eq!(fs::read_to_string(config).unwrap().contains(HOST), status == 0);
}

/// Root's own configuration is edited with the notes of the user's home.
#[test]
fn a_users_notes_bring_nothing_into_roots_configuration() {
    let mut scene = Scene::new();
    let config = scene.roots("config.json");
    let helper = serde_json::json!({"credHelpers": {HOST: "ecr-auth"}}).to_string();
    fs::write(&config, &helper).unwrap();
    let notes = serde_json::json!({"files": {config.display().to_string(): {
        "credHelpers": {HOST: {"previous": "planted", "written": ["ecr-auth"]}},
    }}});
    scene.file(".local/state/ecr-auth/setup.json", &notes.to_string());
    scene
        .machine
        .set("DOCKER_CONFIG", &scene.roots("").display().to_string());
    scene.run(&["logout", "--client", "docker"]);
    assert!(!fs::read_to_string(&config).unwrap().contains("planted"));
}

#[test]
fn what_is_made_and_replaced_there_is_the_users() {
    let scene = Scene::new();
    scene.file(".docker/config.json", "{}");
    let bin = scene.home().join("bin").display().to_string();
    let role = role(&scene.lab, "puller");
    let source = ["--role-arn", &role, "--source", "chain"];
    let setup = [&["setup", HOST, "--client", "docker", "--bin-dir", &bin][..], &source].concat();
    for args in [&setup[..], &["login", "--client", "podman", HOST]] {
        let outcome = scene.run(args);
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
    for made in [
        ".docker/config.json",
        ".config",
        ".config/containers/auth.json",
        ".config/ecr-auth/setup.json",
        ".local",
        ".local/state/ecr-auth",
        ".local/state/ecr-auth/setup.json",
        ".local/state/ecr-auth/setup.lock",
        ".local/state/ecr-auth/files.lock",
        "bin",
        "bin/docker-credential-ecr-auth",
    ] {
        let found = fs::symlink_metadata(scene.home().join(made)).unwrap();
        assert_eq!(found.uid(), USER, "{made}");
    }
}

/// Dotfiles are elsewhere in the home.
#[test]
fn the_users_own_links_are_followed_within_the_home() {
    let scene = Scene::new();
    scene.file("dotfiles/docker.json", "{\"experimental\": true}");
    scene.link(".docker/config.json", Path::new("../dotfiles/docker.json"));
    let bin = scene.home().join("bin").display().to_string();
    let outcome = scene.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let text = fs::read_to_string(scene.home().join("dotfiles/docker.json")).unwrap();
    assert!(text.contains("experimental") && text.contains(HOST), "{text}");
    assert!(scene.home().join(".docker/config.json").is_symlink());
    let outcome = scene.run(&["logout", "--client", "docker"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let text = fs::read_to_string(scene.home().join("dotfiles/docker.json")).unwrap();
    assert_eq!(text, "{\"experimental\": true}");
}

/// As in a job's container, where root's tools have made folders in the runner's home.
#[test]
fn folders_of_roots_own_in_the_home_are_used_as_before() {
    let scene = Scene::new();
    fs::create_dir(scene.home().join(".docker")).unwrap();
    fs::set_permissions(scene.home().join(".docker"), Permissions::from_mode(0o700)).unwrap();
    fs::write(scene.home().join(".docker/config.json"), "{}").unwrap();
    let bin = scene.home().join("bin").display().to_string();
    let outcome = scene.run(&["setup", HOST, "--client", "docker", "--bin-dir", &bin]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let config = scene.home().join(".docker/config.json");
    assert!(fs::read_to_string(&config).unwrap().contains(HOST));
    assert_eq!(config.metadata().unwrap().uid(), 0);
}

#[test]
fn the_cache_is_roots_alone_and_serves() {
    let scene = Scene::new();
    for _ in 0..2 {
        scene.run(&["helper", "get"]).password();
    }
    assert_eq!(scene.lab.count(GET_TOKEN), 1);
    let cache = scene.home().join(".cache/ecr-auth").metadata().unwrap();
    assert_eq!((cache.uid(), cache.mode() & 0o777), (0, 0o700));
    assert_eq!(scene.home().join(".cache").metadata().unwrap().uid(), USER);
}

/// Podman's drop-in takes settings over from the user's other files.
#[rstest]
#[case::a_file("registries.conf", "helpers.conf")]
#[case::a_drop_in("registries.conf.d/10-mine.conf", "helpers.conf")]
#[case::a_folder("registries.conf.d", "drop-ins")]
fn nothing_of_roots_is_read_for_the_user(#[case] place: &str, #[case] to: &str) {
    let scene = Scene::new();
    fs::create_dir(scene.roots("drop-ins")).unwrap();
    for file in ["helpers.conf", "drop-ins/10.conf"] {
        fs::write(scene.roots(file), "credential-helpers = [\"roots-secret\"]\n").unwrap();
        fs::set_permissions(scene.roots(file), Permissions::from_mode(0o600)).unwrap();
    }
    scene.link(&format!(".config/containers/{place}"), &scene.roots(to));
    let before = scene.tree();
    let bin = scene.home().join("bin").display().to_string();
    let setup = ["setup", "--all", "--client", "podman", "--bin-dir", &bin];
    let outcome = scene.run(&setup);
    assert_eq!((outcome.status, scene.tree()), (1, before), "{outcome:?}");
    let drop_in = scene
        .home()
        .join(".config/containers/registries.conf.d/zz-ecr-auth.conf");
    assert!(!drop_in.exists());
    // The user's own file.
    fs::remove_file(scene.home().join(".config/containers").join(place)).unwrap();
    scene.file(
        ".config/containers/registries.conf",
        "credential-helpers = [\"mine\"]\n",
    );
    let outcome = scene.run(&setup);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let text = fs::read_to_string(drop_in).unwrap();
    assert!(
        text.ends_with("\ncredential-helpers = [\"mine\", \"ecr-auth\"]\n"),
        "{text}"
    );
}

/// The files of GitHub's steps, in folders that the runner's user owns.
#[test]
fn a_link_in_the_place_of_a_steps_file_adds_nothing_to_roots() {
    let mut scene = Scene::new();
    scene.link("outputs", &scene.roots("shadow"));
    scene.machine.set("GITHUB_ACTIONS", "true");
    let outputs = scene.home().join("outputs").display().to_string();
    scene.machine.set("GITHUB_OUTPUT", &outputs);
    let before = scene.tree();
    let outcome = scene.run(&["login", "--format", "github", HOST]);
    assert_eq!((outcome.status, scene.tree()), (1, before), "{outcome:?}");
    fs::remove_file(&outputs).unwrap();
    scene.file("outputs", "");
    let outcome = scene.run(&["login", "--format", "github", HOST]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!fs::read_to_string(&outputs).unwrap().is_empty());
}
