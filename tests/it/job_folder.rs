//! The action's folder of a job, below a `RUNNER_TEMP` in which another user can write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use rstest::rstest;

use crate::github_runner::{Ended, Runner, SUBJECT, github_role, step};
use crate::harness::HOST;
use crate::lab_machine::lab;

/// Another local user.
const OTHER: u32 = 54_301;

/// What another user has put in the place of the folder that the first step of the job made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    /// A folder of theirs.
    Folder,
    /// A link of theirs to a folder of theirs.
    Link,
    /// A link of theirs to a folder of ours.
    LinkToOurs,
}

/// The folder of the step's job.
fn job_folder(step: &Ended) -> PathBuf {
    Path::new(&step.env["ECR_AUTH_CACHE_DIR"]).parent().unwrap().to_owned()
}

/// A folder as the action would use it, with rules, a program and a configuration.
fn fill(folder: &Path) {
    for below in ["cache", "bin", "docker"] {
        fs::create_dir_all(folder.join(below)).unwrap();
    }
    let rules = format!("{{\"version\": 1, \"rules\": [{{\"match\": \"{HOST}\", \"profile\": \"planted\"}}]}}");
    for (file, text) in [
        ("setup.json", rules.as_str()),
        ("bin/docker-credential-ecr-auth", "#!/bin/sh\n"),
        ("bin/docker", "#!/bin/sh\n"),
        ("cache/planted", "planted"),
        ("docker/config.json", "{}"),
        ("aws-config", "planted"),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
}

fn give_away(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give_away(&path);
        } else {
            chown(path, Some(OTHER), Some(OTHER)).unwrap();
        }
    }
    chown(folder, Some(OTHER), Some(OTHER)).unwrap();
}

/// The names of all files below a folder, with what is in them.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    found.sort();
    found
}

impl Planted {
    /// Puts it there. Returns the folder that the path leads to from now on.
    fn put(self, job: &Path, beside: &Path) -> PathBuf {
        fs::rename(job, job.with_extension("away")).unwrap();
        let folder = match self {
            Self::Folder => job,
            _ => beside,
        };
        fill(folder);
        if self != Self::LinkToOurs {
            give_away(folder);
        }
        fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
        if folder == beside {
            symlink(beside, job).unwrap();
            lchown(job, Some(OTHER), Some(OTHER)).unwrap();
        }
        folder.to_owned()
    }
}

#[rstest]
#[case::a_folder(Planted::Folder)]
#[case::a_link(Planted::Link)]
#[case::a_link_to_ours(Planted::LinkToOurs)]
fn a_folder_that_others_have_put_there_is_not_used(#[case] planted: Planted) {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let mut runner = Runner::new(step(&lab, &lab.add_github_job(SUBJECT).unwrap()));
    let inputs = [
        ("registries", HOST),
        ("role-to-assume", role.as_str()),
        ("docker-config", "isolated"),
        ("export-credentials", "profile"),
    ];
    let first = runner.main(&inputs).succeeded();
    let folder = planted.put(&job_folder(&first), &runner.machine.path("beside"));
    let before = contents(&folder);
    // Later steps look for programs there: the job must not go on.
    let second = runner.main(&inputs);
    assert_eq!(second.outcome.status, 1, "{second:?}");
    let annotation = second.annotation();
    assert!(annotation.contains("it is not the folder"), "{annotation}");
    assert_eq!(contents(&folder), before);
}

/// The job itself may have opened it. From now on it is closed.
#[test]
fn a_folder_that_was_opened_to_others_is_closed() {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let mut runner = Runner::new(step(&lab, &lab.add_github_job(SUBJECT).unwrap()));
    let inputs = [("registries", HOST), ("role-to-assume", role.as_str())];
    let first = runner.main(&inputs).succeeded();
    let folder = job_folder(&first);
    let mode = || folder.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let second = runner.main(&inputs).succeeded();
    assert_eq!(
        (second.env.get("ECR_AUTH_CACHE_DIR"), mode()),
        (None, 0o700),
        "{second:?}"
    );
    runner.docker_asks(HOST).password();
}

#[rstest]
#[case::a_folder(Planted::Folder)]
#[case::a_link(Planted::Link)]
#[case::a_link_to_ours(Planted::LinkToOurs)]
fn the_post_step_removes_nothing_where_others_lead(#[case] planted: Planted) {
    let lab = lab();
    let role = github_role(&lab, lab::ACCOUNT, "push", SUBJECT);
    let mut runner = Runner::new(step(&lab, &lab.add_github_job(SUBJECT).unwrap()));
    let main = runner
        .main(&[("registries", HOST), ("role-to-assume", &role)])
        .succeeded();
    let folder = planted.put(&job_folder(&main), &runner.machine.path("beside"));
    let before = contents(&folder);
    let post = runner.post(&main);
    assert_eq!(post.outcome.status, 0, "{post:?}");
    assert!(
        post.outcome.stdout.starts_with("::warning") && post.outcome.stdout.contains("it is not the folder"),
        "{post:?}"
    );
    assert_eq!(
        post.outcome.stdout.matches("it is not the folder").count(),
        1,
        "{post:?}"
    );
    assert_eq!(contents(&folder), before);
    // What is not in that folder is taken back all the same.
    assert!(!runner.machine.home().join(".docker/config.json").exists(), "{post:?}");
}
