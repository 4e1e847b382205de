//! A role was requested, and the CI could give the job a token but did not: this is reported first, whatever else was tried.

use lab::{ACCOUNT, Lab, Trust};
use rstest::rstest;

use crate::harness::{HOST, Machine, binary};
use crate::jobs::{Job, Kind, role_with, write_rules};
use crate::lab_machine::{GET_TOKEN, key_variables, lab};

/// Returns the job without its token, on a runner that has its own credentials.
fn runner(lab: &Lab, job: &Job, own: &str) -> Machine {
    let machine = job.machine_without_token(lab);
    match own {
        "keys" => machine.with_all(key_variables(&lab.add_user(ACCOUNT, "runner"))),
        "profile" => {
            let key = lab.add_user(ACCOUNT, "runner");
            let text = format!(
                "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                key.id, key.secret
            );
            machine.write(".aws/credentials", &text);
            machine
        }
        "container" => {
            let container = lab.add_container(&role_with(lab, ACCOUNT, "runner", Vec::new()));
            machine
                .with(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    &format!("{}{}", lab.http_url(), container.path),
                )
                .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", &container.token)
        }
        "instance" => {
            lab.set_instance_role(Some(&role_with(lab, ACCOUNT, "runner", Vec::new())));
            machine
                .without("AWS_EC2_METADATA_DISABLED")
                .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
        }
        other => panic!("{other}"),
    }
}

#[rstest]
fn it_comes_before_the_refusal_of_the_runners_own_credentials(
    #[values(
        Kind::Github,
        Kind::Gitlab,
        Kind::Circleci,
        Kind::Bitbucket,
        Kind::Buildkite,
        Kind::Jenkins,
        Kind::Forgejo,
        Kind::Gitea,
        Kind::Azure
    )]
    kind: Kind,
    #[values("keys", "profile", "container", "instance")] own: &str,
) {
    let lab = lab();
    let job = Job::start(&lab, kind, "app");
    let role = job.role(&lab, ACCOUNT, "push");
    let machine = runner(&lab, &job, own);
    write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: {role}\n"));
    let outcome = machine.helper("get", HOST);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let start = format!("ecr-auth: {HOST}: no OIDC token: the role asks for one, and this job has none; ");
    assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    // Docker shows this line alone.
    assert!(outcome.stdout.contains(kind.missing_piece()), "{outcome:?}");
    assert!(outcome.stdout.chars().count() <= 301, "{outcome:?}");
    let (told, hint) = outcome.stderr.split_once("\nhint: ").unwrap();
    assert!(told.starts_with("error: no OIDC token: "), "{outcome:?}");
    assert!(told.contains("AssumeRole: AccessDenied: User: "), "{outcome:?}");
    assert!(
        hint.contains(kind.missing_piece()) && hint.contains("source: chain"),
        "{outcome:?}"
    );
    assert_eq!(lab.count(GET_TOKEN), 0);
}

/// The line is all that these clients show.
#[test]
fn it_is_in_the_one_line_of_other_protocols() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let machine = job.machine_without_token(&lab);
    write_rules(
        &machine,
        &format!(
            "  - match: {HOST}\n    role-arn: nobody\n  - match: public.ecr.aws\n    role-arn: {}\n",
            job.role(&lab, ACCOUNT, "push")
        ),
    );
    let bazel = machine.call(&binary(), &["get"], &format!("{{\"uri\":\"https://{HOST}/v2/\"}}"));
    let optional = machine.helper("get", "public.ecr.aws");
    for outcome in [bazel, optional] {
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        assert!(outcome.stderr.contains("id-token: write"), "{outcome:?}");
    }
}

/// A failure is shared for two seconds, but not what another CI's job lacks.
#[test]
fn each_ci_is_told_what_its_own_job_lacks() {
    let lab = lab();
    let key = lab.add_user(ACCOUNT, "runner");
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with_all(key_variables(&key));
    let role = role_with(&lab, ACCOUNT, "push", Vec::new());
    let assume = |machine: &Machine| machine.run(&["assume", "--role-arn", &role]).stderr;
    let none = assume(&machine);
    assert!(none.contains("AccessDenied") && !none.contains("OIDC"), "{none}");
    let machine = machine.with("CIRCLECI", "true");
    let circleci = assume(&machine);
    assert!(
        circleci.contains("no OIDC token") && circleci.contains("context"),
        "{circleci}"
    );
    let machine = machine.without("CIRCLECI").with("GITHUB_ACTIONS", "true");
    let github = assume(&machine);
    assert!(github.contains("id-token: write"), "{github}");
    let none = assume(&machine.without("GITHUB_ACTIONS"));
    assert!(!none.contains("OIDC"), "{none}");
}

#[rstest]
fn the_runners_own_credentials_that_get_the_role_are_used(
    #[values("keys", "profile", "container", "instance")] own: &str,
    #[values("auto", "chain")] source: &str,
) {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let users = Trust::Aws {
        principals: vec![ACCOUNT.into()],
        external_id: None,
    };
    let role = role_with(&lab, ACCOUNT, "push", vec![users]);
    let machine = runner(&lab, &job, own);
    let rule = format!("  - match: {HOST}\n    role-arn: {role}\n    source: {source}\n");
    write_rules(&machine, &rule);
    machine.helper("get", HOST).password();
    assert_eq!(lab.count("sts:AssumeRole"), 1);
}

#[test]
fn a_job_that_insists_on_the_chain_is_told_of_the_chain_alone() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let role = job.role(&lab, ACCOUNT, "push");
    let machine = runner(&lab, &job, "instance");
    let rule = format!("  - match: {HOST}\n    role-arn: {role}\n    source: chain\n");
    write_rules(&machine, &rule);
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains("AccessDenied"), "{outcome:?}");
    assert!(!outcome.stderr.contains("OIDC"), "{outcome:?}");
}

#[rstest]
#[case::half_a_pair("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", "half a pair of keys")]
#[case::no_such_profile("AWS_PROFILE", "nowhere", "profile nowhere")]
fn it_comes_before_a_source_that_cannot_be_used(#[case] name: &str, #[case] value: &str, #[case] cause: &str) {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let machine = job
        .machine_without_token(&lab)
        .with(name, value)
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/push");
    let outcome = machine.helper("get", HOST);
    let (told, hint) = outcome.stderr.split_once("\nhint: ").unwrap();
    assert!(told.starts_with("error: no OIDC token: "), "{outcome:?}");
    assert!(told.contains(cause), "{outcome:?}");
    assert!(hint.contains("id-token: write"), "{outcome:?}");
    assert!(lab.calls().counts.is_empty());
}

#[test]
fn a_later_role_that_is_refused_is_not_the_tokens_fault() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let users = Trust::Aws {
        principals: vec![ACCOUNT.into()],
        external_id: None,
    };
    role_with(&lab, ACCOUNT, "first", vec![users]);
    role_with(&lab, ACCOUNT, "last", Vec::new());
    let machine = runner(&lab, &job, "keys");
    let rule = format!("  - match: {HOST}\n    role-arn: first\n    chain: [last]\n");
    write_rules(&machine, &rule);
    let outcome = machine.helper("get", HOST);
    assert!(outcome.stdout.contains("AccessDenied"), "{outcome:?}");
    assert!(!outcome.stderr.contains("OIDC"), "{outcome:?}");
}

#[rstest]
fn doctor_names_it_before_the_runners_own_credentials(#[values(true, false)] trusted: bool) {
    let lab = lab();
    let job = Job::start(&lab, Kind::Github, "app");
    let users = Trust::Aws {
        principals: vec![ACCOUNT.into()],
        external_id: None,
    };
    role_with(&lab, ACCOUNT, "push", if trusted { vec![users] } else { Vec::new() });
    let machine = runner(&lab, &job, "keys").with("AWS_ENDPOINT_URL_ECR", &lab.http_url());
    write_rules(&machine, &format!("  - match: {HOST}\n    role-arn: push\n"));
    let outcome = machine.run(&["doctor", HOST]);
    let report = outcome.stdout;
    let line = "! ci: GitHub Actions: this job has no OIDC token, though a role was asked for; \
        the environment's access key ";
    let (_, after) = report.split_once(line).expect(&report);
    assert!(after.contains("id-token: write"), "{report}");
    assert_eq!(after.contains("✗ identity: no OIDC token: "), !trusted, "{report}");
    assert_eq!(after.contains("✓ identity: "), trusted, "{report}");
}

/// A failure is shared with who asks for the same, not with who names another file.
#[test]
fn each_file_without_a_token_is_named_itself() {
    let lab = lab();
    let machine = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
    let empty = machine.write("empty", " \n").display().to_string();
    for (file, cause) in [
        ("/first", "No such file or directory"),
        ("/second", "No such file or directory"),
        (&empty, "the file is empty"),
    ] {
        let role = "arn:aws:iam::111122223333:role/ci";
        let outcome = machine.run(&["assume", "--role-arn", role, "--token-file", file]);
        let error = format!("error: cannot read the token in {file}: {cause}");
        assert!(outcome.stderr.starts_with(&error), "{outcome:?}");
    }
}
