//! A long `ecr-auth.yml`: it is checked once as a whole. After that, only the registry's own rules are parsed.

use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;

use lab::Lab;

use crate::harness::{HOST, Machine, assert_private};
use crate::lab_machine::{lab, machine, role};

const FILE: &str = ".config/ecr-auth/ecr-auth.yml";

/// Another user.
const STRANGER: u32 = 54_101;

/// Returns the rule of one registry after hundreds of others.
fn text(arn: &str) -> String {
    let others: String = (0..300)
        .map(|number| format!("  - match: {number:012}.dkr.ecr.eu-west-1.amazonaws.com\n    profile: partner\n"))
        .collect();
    format!("registries:\n{others}  - match: {HOST}\n    role-arn: {arn}\n    source: chain\n")
}

/// Returns the text with a mistake in a rule for another registry.
fn broken(text: &str) -> String {
    text.replacen("    profile: partner", "    profil: partner", 1)
}

struct Scene {
    lab: Lab,
    machine: Machine,
    text: String,
}

impl Scene {
    fn new() -> Self {
        let lab = lab();
        let text = text(&role(&lab, "pull"));
        let machine = machine(&lab);
        machine.write(FILE, &text);
        Self { lab, machine, text }
    }

    #[track_caller]
    fn gets_a_password(&self) {
        assert_eq!(self.machine.helper("get", HOST).status, 0);
    }

    #[track_caller]
    fn is_told_of_the_mistake(&self) {
        let outcome = self.machine.helper("get", HOST);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(
            outcome.stdout.contains("ecr-auth.yml:3:5: unknown key \"profil\""),
            "{outcome:?}"
        );
    }

    /// Returns the texts that are kept in the cache.
    fn kept(&self) -> Vec<PathBuf> {
        let files = self.machine.cache_files().into_iter();
        files
            .filter(|file| file.extension().is_some_and(|it| it == "text"))
            .collect()
    }
}

#[test]
fn a_file_that_was_right_is_kept_as_it_is_and_for_its_user_alone() {
    let scene = Scene::new();
    for _ in 0..2 {
        scene.gets_a_password();
        let kept = scene.kept();
        assert_eq!(kept.len(), 1);
        assert_eq!(fs::read_to_string(&kept[0]).unwrap(), scene.text);
        assert_private(&kept[0]);
    }
    assert_eq!(scene.lab.session_calls().len(), 1);
    assert_eq!(scene.machine.run(&["logout"]).status, 0);
    assert!(scene.kept().is_empty());
}

#[test]
fn a_mistake_in_any_rule_is_told_whatever_was_right_before() {
    let scene = Scene::new();
    scene.gets_a_password();
    scene.machine.write(FILE, &broken(&scene.text));
    scene.is_told_of_the_mistake();
    scene.machine.write(FILE, &scene.text);
    scene.gets_a_password();
}

/// Only a text that this user has kept is trusted.
#[test]
fn a_text_that_somebody_else_has_put_there_is_not_believed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let scene = Scene::new();
    scene.gets_a_password();
    let kept = scene.kept().remove(0);
    scene.machine.write(FILE, &broken(&scene.text));
    fs::write(&kept, broken(&scene.text)).unwrap();
    chown(&kept, Some(STRANGER), None).unwrap();
    scene.is_told_of_the_mistake();
}

/// A text that is wrongly there is trusted to be valid, but the answers come from the file.
#[test]
fn what_is_kept_gives_no_registry_another_rule() {
    let scene = Scene::new();
    scene.gets_a_password();
    let kept = scene.kept().remove(0);
    let other = scene.text.replace("    source: chain\n", "    source: oidc\n");
    fs::write(&kept, &other).unwrap();
    scene.gets_a_password();
    assert_eq!(fs::read_to_string(&kept).unwrap(), scene.text);
}

#[test]
fn without_a_cache_no_text_is_kept() {
    let mut scene = Scene::new();
    scene.machine.set("ECR_AUTH_CACHE", "off");
    scene.gets_a_password();
    assert_eq!(scene.machine.cache_files(), Vec::<PathBuf>::new());
}
