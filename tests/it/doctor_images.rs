//! doctor about images: repositories, tags, pushes, and public registries.

use lab::{ACCOUNT, CreationTemplate, Lab, Permissions};
use serde_json::json;

use crate::cognito::{PASSWORD, configure, lab_with_user};
use crate::doctor::{Scene, failures};
use crate::harness::HOST;
use crate::lab_machine::key_variables;

#[test]
fn the_image_and_the_push_are_asked_of_the_registry() {
    let scene = Scene::with(Lab::start(lab::Options::default()).unwrap());
    let image = format!("{HOST}/team/app:1.0");
    let outcome = scene.doctor(&[&image]);
    let missing = format!("✗ image: there is no {image}: the registry answers 404");
    assert_eq!(failures(&outcome).len(), 1, "{outcome:?}");
    assert!(outcome.stdout.contains(&missing), "{outcome:?}");
    assert_eq!(scene.lab.count("registry:Push"), 0);
    let outcome = scene.doctor(&["--check-push", &image]);
    assert!(
        outcome.stderr.contains("begins an upload and cancels it"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains("may be pushed to: an upload was begun, and cancelled"),
        "{outcome:?}"
    );
    assert_eq!(scene.lab.count("registry:Push"), 2);
    let foreign = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/app:1";
    let outcome = scene.doctor(&[foreign]);
    assert!(
        outcome.stdout.contains(&format!(
            "✗ image: {foreign} may not be pulled: the registry answers 403"
        )),
        "{outcome:?}"
    );
}

#[test]
fn a_repository_that_is_not_there_is_told_with_the_template_that_would_make_it() {
    let scene = Scene::with(Lab::start(lab::Options::default()).unwrap());
    let image = format!("{HOST}/team/app:1.0");
    let template = |prefix: &str, applied_for: &str| CreationTemplate {
        account: ACCOUNT.into(),
        region: "eu-west-1".into(),
        prefix: prefix.into(),
        applied_for: vec![applied_for.into()],
    };
    scene.lab.remove_repository(ACCOUNT, "eu-west-1", "team/app");
    let push = |told: &str| {
        let outcome = scene.doctor(&["--check-push", &image]);
        assert!(outcome.stdout.contains(told), "{told}: {outcome:?}");
        outcome
    };
    let missing = format!(
        "✗ push: there is no repository {HOST}/team/app (NAME_UNKNOWN: The repository with name 'team/app' does not exist in the registry \
         with id '111122223333'); "
    );
    let first = push(&format!("{missing}no repository creation template matches it [EA0606]"));
    let hint = "let ECR make them on the first push: aws ecr create-repository-creation-template --region eu-west-1 --prefix ROOT \
                --applied-for CREATE_ON_PUSH";
    assert!(first.stdout.contains(hint), "{first:?}");
    assert!(
        first.stdout.contains("a pull-through cache rule on its first pull"),
        "{first:?}"
    );
    scene.lab.add_creation_template(template("team", "PULL_THROUGH_CACHE"));
    push(&format!(
        "{missing}the creation template team matches it, but does not apply to pushes (CREATE_ON_PUSH) [EA0606]"
    ));
    scene.lab.add_creation_template(template("team/app", "CREATE_ON_PUSH"));
    push("✓ push: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app may be pushed to: an upload was begun");
}

#[test]
fn templates_that_may_not_be_read_are_said_to_be_unknown() {
    let mut scene = Scene::new();
    scene.lab.remove_repository(ACCOUNT, "eu-west-1", "app");
    let denied = Permissions::deny(["ecr:DescribeRepositoryCreationTemplates"]);
    let user = scene.lab.add_user_with(ACCOUNT, "pusher", denied);
    for (name, value) in key_variables(&user) {
        scene.set(name, &value);
    }
    let outcome = scene.doctor(&["--check-push", &format!("{HOST}/app:1")]);
    assert!(
        outcome
            .stdout
            .contains("cannot tell whether a creation template matches it: AccessDenied"),
        "{outcome:?}"
    );
}

/// ECR Public serves anybody: what is wrong with the credentials is a warning.
#[test]
fn public_images_need_no_credentials() {
    let mut scene = Scene::new();
    scene.docker(&json!({}));
    scene.breaks("no credentials");
    let outcome = scene.doctor(&["public.ecr.aws"]);
    assert!(
        outcome.stdout.contains("! docker: no helper is set for public.ecr.aws"),
        "{outcome:?}"
    );
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(
        outcome.stdout.contains("! credentials: no AWS credentials"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("✓ registry: public.ecr.aws accepts the token"),
        "{outcome:?}"
    );
}

/// A customer has no AWS account to allow anything in.
#[test]
fn a_user_of_cognito_asks_the_vendor_for_an_image() {
    let scene = Scene::with(lab_with_user());
    let foreign = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    configure(&scene.machine);
    let rules = scene.machine.read(".config/ecr-auth/ecr-auth.yml");
    scene
        .machine
        .write(".config/ecr-auth/ecr-auth.yml", &rules.replace(HOST, foreign));
    scene.docker(&json!({"credHelpers": {foreign: "ecr-auth"}}));
    let file = scene.machine.write("password", PASSWORD).display().to_string();
    let signed_in = scene.machine.run(&["cognito", "--password-file", &file]);
    assert_eq!(signed_in.status, 0, "{signed_in:?}");
    let outcome = scene.doctor(&[&format!("{foreign}/app:1")]);
    assert!(outcome.stdout.contains("app:1 may not be pulled"), "{outcome:?}");
    assert!(
        outcome
            .stdout
            .contains("\n    if the images are not yours, ask whoever sent you"),
        "{outcome:?}"
    );
    assert!(!outcome.stdout.contains("allow the principal"), "{outcome:?}");
}
