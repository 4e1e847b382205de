//! trust-policy for a job that its arguments describe.

use lab::{ACCOUNT, Ci, JobSpec, ServiceAccount};
use rstest::rstest;

use crate::harness::Machine;
use crate::jobs::{Job, Kind, ci_machine, role_with, start_ci};
use crate::lab_machine::{key_variables, lab};
use crate::trust_policy::{assume, gets_in, printed, role, stays_out, texts, words};

/// For a subject that arguments cannot express, the job itself prints the policy.
#[test]
fn a_custom_subject_is_left_to_the_job() {
    let lab = lab();
    let subject = "repo:octo/app:context:x:job_workflow_ref:octo/ci/.github/workflows/push.yml@refs/heads/main";
    let job = lab.start_job(&JobSpec::new(Ci::Github).subject(subject)).unwrap();
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &["sts.amazonaws.com"]);
    let other = role_with(&lab, ACCOUNT, "other", Vec::new());
    let machine = ci_machine(&lab, &job);
    let outcome = assume(&machine, &other);
    let told = format!("Print the whole policy: ecr-auth trust-policy --account {ACCOUNT}\n");
    assert!(outcome.stderr.contains(&told), "{outcome:?}");
    let role = role(&lab, &printed(&machine, &[]));
    assert_eq!(assume(&machine, &role).status, 0);
    stays_out(&lab, &JobSpec::new(Ci::Github), &role);
}

#[test]
fn a_group_of_gitlab_lets_in_its_projects_and_no_others() {
    let lab = lab();
    let args = "--ci gitlab --issuer https://gitlab.example.com --organization octo --branch main";
    let role = role(
        &lab,
        &printed(
            &Machine::new(),
            &words(args).iter().map(String::as_str).collect::<Vec<_>>(),
        ),
    );
    let job = |owner: &str, project: &str| JobSpec::new(Ci::Gitlab).project(owner, project);
    for (owner, project) in [("octo", "app"), ("octo", "app2"), ("octo/team", "app")] {
        gets_in(&lab, &job(owner, project), &role);
    }
    for (owner, project) in [
        ("octo2", "app"),
        ("0cto", "app"),
        ("x/octo", "app"),
        ("OCTO", "app"),
        ("oct", "o/app"),
    ] {
        stays_out(&lab, &job(owner, project), &role);
    }
    for branch in ["mai", "main2", "x/main", "main/x"] {
        stays_out(&lab, &job("octo", "app").branch(branch), &role);
    }
}

#[test]
fn an_organization_of_github_lets_in_its_repositories_by_one_workflow() {
    let lab = lab();
    let workflow = "octo/platform/.github/workflows/ecr-push.yml@refs/tags/v1";
    let args = format!("--ci github --organization octo --owner-id 65 --branch main --workflow {workflow}");
    let role = role(
        &lab,
        &printed(
            &Machine::new(),
            &words(&args).iter().map(String::as_str).collect::<Vec<_>>(),
        ),
    );
    let job = |owner: &str, project: &str| JobSpec::new(Ci::Github).project(owner, project).workflow(workflow);
    for project in ["app", "app2", "x"] {
        gets_in(&lab, &job("octo", project), &role);
    }
    gets_in(
        &lab,
        &job("octo", "app").subject("repo:octo@65/app@74:ref:refs/heads/main"),
        &role,
    );
    for owner in ["octo2", "0cto", "OCTO", "x-octo", "oct"] {
        stays_out(&lab, &job(owner, "app"), &role);
    }
    stays_out(
        &lab,
        &job("octo", "app").subject("repo:octo@66/app@74:ref:refs/heads/main"),
        &role,
    );
    for branch in ["mai", "main2", "x/main"] {
        stays_out(&lab, &job("octo", "app").branch(branch), &role);
    }
    stays_out(&lab, &JobSpec::new(Ci::Github), &role);
}

#[test]
fn a_reusable_workflow_can_be_asked_for() {
    let lab = lab();
    let workflow = "octo/ci/.github/workflows/push.yml@refs/heads/main";
    let args = format!("--ci github --repository octo/app --branch main --workflow {workflow}");
    let role = role(
        &lab,
        &printed(
            &Machine::new(),
            &words(&args).iter().map(String::as_str).collect::<Vec<_>>(),
        ),
    );
    let job = || JobSpec::new(Ci::Github);
    gets_in(&lab, &job().workflow(workflow), &role);
    stays_out(&lab, &job(), &role);
    for other in [
        "octo/ci/.github/workflows/push.yml@refs/heads/x",
        "evil/ci/.github/workflows/push.yml@refs/heads/main",
    ] {
        stays_out(&lab, &job().workflow(other), &role);
    }
    stays_out(&lab, &job().workflow(workflow).project("octo", "app2"), &role);
}

/// A branch's name may hold `/`, and so everything at the end of a CircleCI subject.
#[test]
fn no_branch_of_circleci_passes_for_another() {
    let lab = lab();
    let job = start_ci(&lab, Ci::Circleci);
    let role = role(&lab, &printed(&ci_machine(&lab, &job), &[]));
    let branch = "x/vcs-origin/github.com/octo/app/vcs-ref/refs/heads/main";
    stays_out(&lab, &JobSpec::new(Ci::Circleci).branch(branch), &role);
}

#[test]
fn a_pods_policy_names_its_service_account() {
    let lab = lab();
    let job = Job::start(&lab, Kind::Kubernetes, "app");
    let machine = job
        .machine(&lab)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", job.token_file().to_str().unwrap());
    let own = printed(&machine, &[]);
    let arguments = ["--ci", "kubernetes", "--issuer", &job.issuer, "--namespace", "ci"];
    let asked = printed(
        &Machine::new(),
        &[&arguments[..], &["--service-account", "app"]].concat(),
    );
    assert_eq!(own, asked);
    let role = role(&lab, &own);
    let with_role = machine.with("AWS_ROLE_ARN", &role);
    assert_eq!(printed(&with_role, &[]), own, "as EKS sets both");
    let status = |namespace: &str, name: &str| {
        let token = lab
            .service_account_token(&ServiceAccount::new(namespace, name))
            .unwrap();
        let pod = Machine::new().with("AWS_ENDPOINT_URL", &lab.http_url());
        assume(&pod.with("ECR_AUTH_ID_TOKEN", &token), &role).status
    };
    assert_eq!(status("ci", "app"), 0);
    for (namespace, name) in [("ci", "app2"), ("ci2", "app"), ("default", "app"), ("ci", "default")] {
        assert_eq!(status(namespace, name), 1, "{namespace}/{name}");
    }
}

/// Returns the subjects of a policy from these arguments, and how they are compared.
fn subjects(args: &str) -> (String, Vec<String>) {
    let args = words(args);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let policy = printed(&Machine::new(), &args);
    let conditions = policy["Statement"][0]["Condition"].as_object().unwrap();
    let found = conditions.iter().find_map(|(operator, keys)| {
        let key = keys.as_object().unwrap().iter().find(|(key, _)| key.ends_with(":sub"));
        key.map(|(_, value)| (operator.clone(), texts(value)))
    });
    found.unwrap()
}

#[rstest]
#[case("--branch main", "StringEquals", &["repo:octo/app:ref:refs/heads/main"])]
#[case("--tag v*", "StringLike", &["repo:octo/app:ref:refs/tags/v*"])]
#[case("--environment production", "StringEquals", &["repo:octo/app:environment:production"])]
#[case("--pull-request", "StringEquals", &["repo:octo/app:pull_request"])]
#[case("--branch main --tag v*", "StringLike", &["repo:octo/app:ref:refs/heads/main", "repo:octo/app:ref:refs/tags/v*"])]
#[case(
    "--owner-id 65 --repository-id 74 --branch main",
    "StringEquals",
    &["repo:octo@65/app@74:ref:refs/heads/main"]
)]
#[case("--repository octo/web --branch main", "StringEquals", &["repo:octo/app:ref:refs/heads/main", "repo:octo/web:ref:refs/heads/main"])]
fn githubs_subjects(#[case] args: &str, #[case] operator: &str, #[case] expected: &[&str]) {
    let (found, all) = subjects(&format!("--ci github --repository octo/app {args}"));
    assert_eq!(
        (found.as_str(), all),
        (operator, expected.iter().map(|it| (*it).to_owned()).collect())
    );
}

#[test]
fn a_branch_of_jenkins_is_a_job_of_its_own() {
    let args = "--ci jenkins --issuer https://ci.example.com/oidc --repository octo/app --branch fix/it";
    let subject = "https://ci.example.com/job/octo/job/app/job/fix%252Fit/";
    assert_eq!(subjects(args).1, [subject]);
}

#[rstest]
#[case("cn-north-1", "arn:aws-cn:", "sts.amazonaws.com.cn")]
#[case("us-gov-west-1", "arn:aws-us-gov:", "sts.amazonaws.com")]
fn other_partitions(#[case] region: &str, #[case] arn: &str, #[case] audience: &str) {
    let args = ["--ci", "github", "--repository", "octo/app", "--branch", "main"];
    let by_flag = printed(&Machine::new(), &[&args[..], &["--region", region]].concat());
    let by_variable = printed(&Machine::new().with("AWS_REGION", region), &args);
    assert_eq!(by_flag, by_variable);
    let statement = &by_flag["Statement"][0];
    assert!(statement["Principal"]["Federated"].as_str().unwrap().starts_with(arn));
    let condition = &statement["Condition"]["StringEquals"];
    assert_eq!(condition["token.actions.githubusercontent.com:aud"], audience);
}

#[rstest]
#[case("--ci github --branch main", "--repository")]
#[case("--ci github --repository octo/app", "--branch")]
#[case("--ci github --repository octo/* --branch main", "--repository")]
#[case("--ci github --repository octo/ap? --branch main", "--repository")]
#[case("--ci github --repository octo --branch main", "--repository")]
#[case(
    "--ci github --repository octo/app:ref:refs/heads/main --branch main",
    "--repository"
)]
#[case("--ci github --repository octo/app --branch main:x", "--branch")]
#[case("--ci github --repository octo/app --branch mai?", "--branch")]
#[case("--ci github --repository octo/app --branch refs/heads/main", "--branch")]
#[case("--ci github --repository octo/app --branch ${aws:x}", "--branch")]
#[case("--ci github --repository octo/app --branch main --owner-id 65", "--repository-id")]
#[case(
    "--ci github --repository octo/app --branch main --organization octo",
    "--organization"
)]
#[case("--ci github --repository octo/app --branch main --issuer http://x", "--issuer")]
#[case(
    "--ci github --repository octo/app --branch main --workflow octo/ci/.github/workflows/*@refs/heads/main",
    "--workflow"
)]
#[case("--ci github --repository octo/app --branch main --workflow push.yml", "--workflow")]
#[case(
    "--ci github --repository octo/app --branch main --issuer https://g.example.com/_services/token --workflow octo/ci/.github/workflows/x.yml@refs/heads/main",
    "--workflow"
)]
#[case("--ci gitlab --organization octo* --branch main", "--organization")]
#[case("--ci gitlab --organization octo/ --branch main", "--organization")]
#[case(
    "--ci gitlab --organization octo --repository octo/app --branch main",
    "--organization"
)]
#[case("--ci gitlab --repository octo/app --environment production", "--environment")]
#[case("--ci gitlab --repository octo/app --pull-request", "--pull-request")]
#[case("--ci bitbucket --organization o --branch main", "--branch")]
#[case("--ci buildkite --organization o* --repository app --branch main", "--organization")]
#[case("--ci buildkite --organization o --repository app --branch x*y", "--branch")]
#[case("--ci azure --organization o --repository app --branch main", "--branch")]
#[case("--ci jenkins --repository octo/app", "--issuer")]
#[case("--ci jenkins --repository octo/app --issuer https://x/oidc --branch x*", "--branch")]
#[case(
    "--ci jenkins --repository octo/app --issuer https://keys.example.com",
    "--repository"
)]
#[case("--ci jenkins --repository octo/job/app --issuer https://x/oidc", "--repository")]
#[case("--ci jenkins --repository https://x/view/all/job/octo/", "--repository")]
#[case("--ci jenkins --repository https://x/job/octo/42/", "--repository")]
#[case("--ci jenkins --repository https://x/job/octo/job/app*/", "--repository")]
#[case("--ci jenkins --repository https:///job/octo/", "--repository")]
#[case("--ci jenkins --repository http://x/job/octo/", "--issuer")]
#[case(
    "--ci github --repository octo/a --repository octo/b --branch main --owner-id 65 --repository-id 74",
    "--repository"
)]
#[case(
    "--ci kubernetes --issuer https://x --namespace ci --service-account *",
    "--service-account"
)]
#[case("--ci kubernetes --namespace ci --service-account app", "--issuer")]
#[case("--ci circleci --owner-id octo --repository-id app", "--owner-id")]
#[case("--repository octo/app --branch main", "--ci")]
#[case("--account 1112222333 --ci github --repository octo/app --branch main", "--account")]
fn what_a_subject_cannot_say_is_refused(#[case] args: &str, #[case] flag: &str) {
    let mut all = words(args);
    if !args.contains("--account") {
        all.extend(words(&format!("--account {ACCOUNT}")));
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let outcome = Machine::new().run(&[&["trust-policy"], &all[..]].concat());
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.starts_with(&format!("error: {flag}: ")), "{outcome:?}");
}

/// In a job, nothing has to be said: the account is the role's, or that of the job's other credentials.
#[test]
fn the_account_is_that_of_the_credentials_if_none_is_named() {
    let lab = lab();
    let job = start_ci(&lab, Ci::Github);
    let machine = ci_machine(&lab, &job).without("AWS_ROLE_ARN");
    let outcome = machine.run(&["trust-policy"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let told =
        "error: --account: it is missing, and no AWS credentials tell the account [EA0002]\nhint: name the account";
    assert!(outcome.stderr.starts_with(told), "{outcome:?}");

    let machine = machine.with_all(key_variables(lab.admin()));
    let outcome = machine.run(&["trust-policy"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let told = format!("account {ACCOUNT}: that of arn:aws:iam::{ACCOUNT}:");
    assert!(outcome.stderr.starts_with(&told), "{outcome:?}");
    assert_eq!(
        outcome.stdout,
        machine.run(&["trust-policy", "--account", ACCOUNT]).stdout
    );
    let refused = machine.with("AWS_SECRET_ACCESS_KEY", "wrong").run(&["trust-policy"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert!(
        refused.stderr.contains("AWS does not tell the account: "),
        "{refused:?}"
    );
}

#[test]
fn flags_in_a_job_are_about_its_own_ci() {
    let lab = lab();
    let machine = ci_machine(&lab, &start_ci(&lab, Ci::Github));
    let line = words(&format!(
        "trust-policy --account {ACCOUNT} --repository octo/app --branch dev --owner-id 65 --repository-id 74"
    ));
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let named = machine.run(&[&line[..], &["--ci", "github"]].concat());
    assert_eq!(named.status, 0, "{named:?}");
    assert_eq!(machine.run(&line).stdout, named.stdout);
    let outcome = machine.run(&["trust-policy", "--account", ACCOUNT, "--branch", "dev"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.starts_with("error: --repository: "), "{outcome:?}");
}

#[test]
fn an_account_of_eleven_digits_has_lost_a_zero() {
    let args = ["trust-policy", "--account", "11112222333", "--ci", "github"];
    let outcome = Machine::new().run(&args);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    let told = "hint: YAML drops a leading zero of an unquoted number: if it was one, write '011112222333', in quotes";
    assert!(outcome.stderr.contains(told), "{outcome:?}");
}

const ENTERPRISE_SERVER: &str = "https://github.example.com/_services/token";

/// A subject that the CI's administrators chose, and that another repository may have.
#[rstest]
#[case(JobSpec::new(Ci::Github).subject("repo:octo/other:ref:refs/heads/main"))]
#[case(JobSpec::new(Ci::Github).subject("repository:octo/ap:environment:production"))]
#[case(JobSpec::new(Ci::Github).subject("repository_id:7:ref:refs/heads/main"))]
#[case(JobSpec::new(Ci::Github).subject("production"))]
// AWS compares nothing else there.
#[case(JobSpec::new(Ci::Github).issuer(ENTERPRISE_SERVER).subject("repository_owner:octo"))]
#[case(JobSpec::new(Ci::Github).issuer(ENTERPRISE_SERVER).subject("workflow:x:repository:octo/app"))]
#[case(JobSpec::new(Ci::Gitlab).subject("ref_type:branch:ref:main"))]
#[case(JobSpec::new(Ci::Circleci).subject("org/octo/user/7"))]
fn a_job_whose_subject_others_may_have_gets_no_policy(#[case] spec: JobSpec) {
    let lab = lab();
    let job = lab.start_job(&spec).unwrap();
    let outcome = ci_machine(&lab, &job).run(&["trust-policy", "--account", ACCOUNT]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(&job.subject), "{outcome:?}");
}

/// GitHub's `include_claim_keys`: the subject as it is, and where it doesn't begin with the repository, the repository beside it, as AWS compares that
/// for GitHub's public service.
#[rstest]
#[case("repository_owner:octo", true)]
#[case("environment:production", true)]
#[case("job_workflow_ref:octo/ci/.github/workflows/push.yml@refs/heads/main", true)]
#[case("workflow:x:repository:octo/app", true)]
#[case("repository_owner_id:65:repository_visibility:private", true)]
#[case(
    "repository:octo/app:job_workflow_ref:octo/ci/.github/workflows/push.yml@refs/heads/main",
    false
)]
#[case("repository_id:74", false)]
#[case("repository:octo/app", false)]
fn a_subject_of_chosen_claims_lets_in_this_repository_alone(#[case] subject: &str, #[case] names_it: bool) {
    let lab = lab();
    let spec = || JobSpec::new(Ci::Github).subject(subject);
    let job = lab.start_job(&spec()).unwrap();
    let policy = printed(&ci_machine(&lab, &job), &[]);
    let equals = &policy["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(equals["token.actions.githubusercontent.com:sub"], subject);
    let id = &equals["token.actions.githubusercontent.com:repository_id"];
    assert_eq!(id.as_str(), names_it.then_some("74"), "{policy}");
    let role = role(&lab, &policy);
    gets_in(&lab, &spec().number(43), &role);
    // GitHub would give these no such subject where it has the repository; where it hasn't, it gives it to them, too.
    if names_it {
        stays_out(&lab, &spec().project("evil", "app").repository_id("75"), &role);
    }
    for other in [format!("{subject}:x"), format!("x:{subject}"), subject.to_uppercase()] {
        stays_out(&lab, &JobSpec::new(Ci::Github).subject(&other), &role);
    }
    stays_out(&lab, &JobSpec::new(Ci::Github), &role);
}

/// Chosen claims need not name the workflow that defines the job.
#[test]
fn a_subject_of_chosen_claims_keeps_the_reusable_workflow() {
    let lab = lab();
    let spec = || JobSpec::new(Ci::Github).subject("repository:octo/app:environment:production");
    let workflow = "octo/platform/.github/workflows/push.yml@refs/tags/v1";
    let job = lab.start_job(&spec().workflow(workflow)).unwrap();
    let role = role(&lab, &printed(&ci_machine(&lab, &job), &[]));
    gets_in(&lab, &spec().workflow(workflow), &role);
    stays_out(&lab, &spec(), &role);
}

/// On a server of one's own the subject alone is compared.
#[test]
fn a_subject_that_begins_with_the_repository_does_on_any_server() {
    let lab = lab();
    for subject in [
        "repository:octo/app:ref:refs/heads/main",
        "repository_id:74:event_name:push",
    ] {
        let spec = JobSpec::new(Ci::Github).issuer(ENTERPRISE_SERVER).subject(subject);
        let job = lab.start_job(&spec).unwrap();
        let role = role(&lab, &printed(&ci_machine(&lab, &job), &[]));
        gets_in(&lab, &spec, &role);
        stays_out(&lab, &JobSpec::new(Ci::Github).issuer(ENTERPRISE_SERVER), &role);
    }
}

#[test]
fn without_a_token_the_missing_piece_is_named() {
    let machine = Machine::new().with("GITHUB_ACTIONS", "true");
    let outcome = machine.run(&["trust-policy", "--account", ACCOUNT]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("id-token: write"), "{outcome:?}");
}

#[rstest]
#[case("--push app:1", "--push")]
#[case("--push App", "--push")]
#[case("--pull *", "--pull")]
#[case("--pull 111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1", "--pull")]
#[case("--role-name a/b", "--role-name")]
fn what_is_no_repository_or_role_is_refused(#[case] args: &str, #[case] flag: &str) {
    what_a_subject_cannot_say_is_refused(
        &format!("--ci github --repository octo/app --branch main --region eu-west-1 {args}"),
        flag,
    );
}

/// A refusal names what to write instead.
#[rstest]
#[case(
    "--ci jenkins --repository octo/job/app --issuer https://x/oidc",
    "the job alone: octo/app;"
)]
#[case(
    "--ci jenkins --repository octo/app --issuer https://keys.example.com",
    "https://jenkins.example.com/job/FOLDER/job/JOB/"
)]
#[case("--ci jenkins --repository https://x/job/octo/42/", "what JOB_URL says")]
#[case(
    "--ci github --repository octo/app --branch main --workflow octo/ci/.github/workflows/x.yml@v1",
    "@refs/tags/TAG"
)]
#[case(
    "--ci github --repository octo/a --repository octo/b --branch main --owner-id 65 --repository-id 74",
    "--organization OWNER"
)]
#[case(
    "--ci github --repository octo/app --branch main --region eu-west-1 --push team/*",
    "with --push before each"
)]
fn a_refusal_says_what_to_write(#[case] args: &str, #[case] hint: &str) {
    let all = words(&format!("trust-policy --account {ACCOUNT} {args}"));
    let outcome = Machine::new().run(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 2, "{outcome:?}");
    let told = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap_or_default();
    assert!(told.contains(hint), "{outcome:?}");
}

#[test]
fn a_repository_needs_a_region() {
    let args = "--ci github --repository octo/app --branch main --push app";
    what_a_subject_cannot_say_is_refused(args, "--push");
}

/// No token could say which jobs are meant, so it is not the token that is missing.
#[test]
fn outside_a_job_the_flags_that_are_missing_are_named() {
    let policy = |ci: &[&str]| Machine::new().run(&[&["trust-policy", "--account", "111122223333"], ci].concat());
    let github = policy(&["--ci", "github"]);
    assert_eq!(github.status, 2, "{github:?}");
    assert!(
        github
            .stderr
            .starts_with("error: --repository: it is missing [EA0002]\n"),
        "{github:?}"
    );
    let none = policy(&[]);
    assert_eq!(none.status, 2, "{none:?}");
    assert!(none.stderr.starts_with("error: --ci: the flags don't say "), "{none:?}");
}
