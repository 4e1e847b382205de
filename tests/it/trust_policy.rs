//! `ecr-auth trust-policy`: the policies that it prints, as STS reads them, accept the CI's own jobs and refuse similar ones.

use lab::{ACCOUNT, Ci, CiJob, Condition, JobSpec, Lab, Operator, Trust};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{ci_machine, role_with, start_ci};
use crate::lab_machine::lab;

/// Returns a policy that was printed without an error.
pub fn printed(machine: &Machine, args: &[&str]) -> Value {
    let outcome = machine.run(&[&["trust-policy", "--account", ACCOUNT], args].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("lets in: "), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Returns the policy in the form of the lab's STS, and adds the provider to the account.
pub fn trust(lab: &Lab, policy: &Value) -> Trust {
    let statement = &policy["Statement"][0];
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(statement["Action"], "sts:AssumeRoleWithWebIdentity");
    let arn = statement["Principal"]["Federated"].as_str().unwrap();
    let start = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/");
    let provider = arn.strip_prefix(&start).unwrap().to_owned();
    let mut conditions = Vec::new();
    for (operator, keys) in statement["Condition"].as_object().unwrap() {
        for (key, value) in keys.as_object().unwrap() {
            conditions.push(Condition {
                operator: serde_json::from_value::<Operator>(json!(operator)).unwrap(),
                claim: key.strip_prefix(&format!("{provider}:")).unwrap().to_owned(),
                values: texts(value),
            });
        }
    }
    let claim = |name: &str| conditions.iter().find(|it| it.claim == name);
    assert!(claim("sub").is_some(), "{policy}");
    let audiences = claim("aud").unwrap().values.clone();
    let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
    lab.add_oidc_provider(ACCOUNT, &format!("https://{provider}"), &audiences);
    Trust::WebIdentity { provider, conditions }
}

pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

pub fn role(lab: &Lab, policy: &Value) -> String {
    let trust = trust(lab, policy);
    role_with(lab, ACCOUNT, "printed", vec![trust])
}

pub fn assume(machine: &Machine, role: &str) -> Outcome {
    machine.run(&["assume", "--role-arn", role, "--source", "oidc"])
}

#[track_caller]
pub fn gets_in(lab: &Lab, spec: &JobSpec, role: &str) {
    let job = lab.start_job(spec).unwrap();
    let outcome = assume(&ci_machine(lab, &job), role);
    assert_eq!(outcome.status, 0, "{}: {outcome:?}", job.subject);
}

#[track_caller]
pub fn stays_out(lab: &Lab, spec: &JobSpec, role: &str) {
    let job = lab.start_job(spec).unwrap();
    // Only the role refuses it, because the account knows its issuer, for each audience.
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &["sts.amazonaws.com", &job.audience]);
    let outcome = assume(&ci_machine(lab, &job), role);
    assert_eq!(outcome.status, 1, "{}: {outcome:?}", job.subject);
    assert!(
        outcome.stderr.contains("Not authorized"),
        "{}: {outcome:?}",
        job.subject
    );
}

/// Returns jobs of other repositories and branches whose names resemble those of `octo/app`'s branch `main`.
fn look_alikes(ci: Ci) -> Vec<JobSpec> {
    let other = |owner: &str, project: &str| JobSpec::new(ci).project(owner, project);
    let mut all = vec![
        other("octo", "app2"),
        other("octo", "ap"),
        other("octo2", "app"),
        other("0cto", "app"),
        other("octo", "APP"),
        other("evil-octo", "app"),
        other("octo-", "app"),
        other("octo", "app-"),
        other("octo", "app.git"),
        other("octo", "xapp"),
        other("xocto", "app"),
        other("app", "octo"),
        other("Octo", "app"),
        other("octo", "other"),
    ];
    // The subjects of these two do not hold the branch. Jenkins' do only in a multibranch job.
    if !matches!(ci, Ci::Bitbucket | Ci::Azure | Ci::Jenkins) {
        let branch = |name: &str| JobSpec::new(ci).branch(name);
        all.extend(["mai", "main2", "Main", "x/main", "main/x", "refs/heads/main"].map(branch));
    } else {
        all.extend(["app3", "app4", "a", "pp", "main", "app_"].map(|project| other("octo", project)));
    }
    assert_eq!(all.len(), 20);
    all
}

#[rstest]
fn a_jobs_own_policy_lets_it_in_and_look_alikes_not(
    #[values(
        Ci::Github,
        Ci::Gitlab,
        Ci::Circleci,
        Ci::Bitbucket,
        Ci::Buildkite,
        Ci::Jenkins,
        Ci::Azure,
        Ci::Forgejo,
        Ci::Gitea
    )]
    ci: Ci,
) {
    let lab = lab();
    let job = start_ci(&lab, ci);
    let role = role(&lab, &printed(&ci_machine(&lab, &job), &[]));
    let outcome = assume(&ci_machine(&lab, &job), &role);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    gets_in(&lab, &JobSpec::new(ci).number(43), &role);
    for spec in look_alikes(ci) {
        stays_out(&lab, &spec, &role);
    }
}

/// Returns the arguments for `octo/app`'s branch `main` on a laptop.
pub fn arguments(job: &CiJob) -> Vec<String> {
    let variable = |name: &str| job.environment[name].clone();
    let (ci, more): (&str, Vec<String>) = match job.ci {
        Ci::Github => ("github", words("--repository octo/app --branch main")),
        Ci::Gitlab => (
            "gitlab",
            words("--repository octo/app --branch main --issuer https://gitlab.example.com"),
        ),
        Ci::Circleci => (
            "circleci",
            words(&format!(
                "--owner-id {} --repository-id {} --repository octo/app --branch main",
                variable("CIRCLE_ORGANIZATION_ID"),
                variable("CIRCLE_PROJECT_ID")
            )),
        ),
        Ci::Bitbucket => (
            "bitbucket",
            words(&format!(
                "--organization octo --owner-id {} --repository-id {}",
                job.audience.rsplit('/').next().unwrap(),
                variable("BITBUCKET_REPO_UUID")
            )),
        ),
        Ci::Buildkite => ("buildkite", words("--organization octo --repository app --branch main")),
        Ci::Azure => (
            "azure",
            words(&format!(
                "--organization octo --repository app --service-connection aws --owner-id {}",
                job.issuer.rsplit('/').next().unwrap()
            )),
        ),
        Ci::Jenkins => (
            "jenkins",
            words("--repository octo/app --issuer https://jenkins.example.com/oidc"),
        ),
        Ci::Forgejo => (
            "forgejo",
            words(&format!("--repository octo/app --branch main --issuer {}", job.issuer)),
        ),
        Ci::Gitea => (
            "gitea",
            words(&format!("--repository octo/app --branch main --issuer {}", job.issuer)),
        ),
    };
    [vec!["--ci".to_owned(), ci.to_owned()], more].concat()
}

pub fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[rstest]
fn a_policy_from_arguments_lets_in_what_was_asked_for(
    #[values(
        Ci::Github,
        Ci::Gitlab,
        Ci::Circleci,
        Ci::Bitbucket,
        Ci::Buildkite,
        Ci::Jenkins,
        Ci::Azure,
        Ci::Gitea
    )]
    ci: Ci,
) {
    let lab = lab();
    let arguments = arguments(&start_ci(&lab, ci));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let role = role(&lab, &printed(&Machine::new(), &arguments));
    gets_in(&lab, &JobSpec::new(ci), &role);
    for spec in look_alikes(ci) {
        stays_out(&lab, &spec, &role);
    }
}

/// Runs a job that its role refuses. Returns the command in its denial, and the policy that this command prints on another machine.
fn advised(lab: &Lab, spec: &JobSpec) -> (String, Value) {
    let job = lab.start_job(spec).unwrap();
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &["sts.amazonaws.com", &job.audience]);
    let role = role_with(lab, ACCOUNT, "other", Vec::new());
    let outcome = assume(&ci_machine(lab, &job), &role);
    let line = outcome.stderr.lines().find_map(|line| {
        let of_pull_request = || line.split_once(" may use the role, run `")?.1.strip_suffix('`');
        line.strip_prefix("    Print the whole policy: ")
            .or_else(of_pull_request)
    });
    let command = line.unwrap_or_else(|| panic!("{outcome:?}")).to_owned();
    let words = shlex::split(&command).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(words[..2], ["ecr-auth", "trust-policy"], "{command}");
    let printed = Machine::new().run(&words[1..]);
    assert_eq!(printed.status, 0, "{command}: {printed:?}");
    (command, serde_json::from_str(&printed.stdout).unwrap())
}

#[rstest]
fn a_denial_names_the_command_for_this_very_job(
    #[values(
        Ci::Github,
        Ci::Gitlab,
        Ci::Circleci,
        Ci::Bitbucket,
        Ci::Buildkite,
        Ci::Jenkins,
        Ci::Azure,
        Ci::Forgejo,
        Ci::Gitea
    )]
    ci: Ci,
) {
    let lab = lab();
    let (command, policy) = advised(&lab, &JobSpec::new(ci));
    assert!(command.contains(" --ci "), "it needs no job to run in: {command}");
    let role = role(&lab, &policy);
    gets_in(&lab, &JobSpec::new(ci).number(43), &role);
    for spec in look_alikes(ci) {
        stays_out(&lab, &spec, &role);
    }
}

#[rstest]
#[case::ids(JobSpec::new(Ci::Github).subject("repo:octo@65/app@74:ref:refs/heads/main"))]
#[case::tag(JobSpec::new(Ci::Github).subject("repo:octo/app:ref:refs/tags/v1"))]
#[case::pull_request(JobSpec::new(Ci::Github).subject("repo:octo/app:pull_request"))]
#[case::environment(JobSpec::new(Ci::Github).environment("the prod"))]
#[case::enterprise_server(JobSpec::new(Ci::Github).issuer("https://github.example.com/_services/token"))]
#[case::ghe_com(JobSpec::new(Ci::Github).issuer("https://token.actions.octo.ghe.com"))]
#[case::gitlab_tag(JobSpec::new(Ci::Gitlab).subject("project_path:octo/app:ref_type:tag:ref:v1"))]
#[case::gitlab_com(JobSpec::new(Ci::Gitlab).issuer("https://gitlab.com"))]
#[case::shell(JobSpec::new(Ci::Github).branch("x$(id)`id`;'\"&|"))]
#[case::other_audience(JobSpec::new(Ci::Gitlab).audience("https://gitlab.example.com"))]
#[case::jenkins_pull_request(JobSpec::new(Ci::Jenkins).subject("https://jenkins.example.com/job/octo/job/app/job/PR-7/"))]
#[case::jenkins_keys_elsewhere(JobSpec::new(Ci::Jenkins).issuer("https://keys.example.com/jenkins").subject(JENKINS_JOB))]
#[case::jenkins_http(JobSpec::new(Ci::Jenkins).issuer("https://keys.example.com").subject("http://jenkins:8080/job/octo/job/app/"))]
#[case::jenkins_credential_of_a_folder(JobSpec::new(Ci::Jenkins).issuer("https://jenkins.example.com/job/octo/oidc").subject(JENKINS_JOB))]
#[case::jenkins_folder_called_job(JobSpec::new(Ci::Jenkins).subject("https://jenkins.example.com/job/job/job/app/"))]
fn the_command_fits_other_subjects_and_issuers(#[case] spec: JobSpec) {
    let lab = lab();
    let (command, policy) = advised(&lab, &spec);
    assert!(command.contains(" --ci "), "{command}");
    gets_in(&lab, &spec, &role(&lab, &policy));
}

const JENKINS_JOB: &str = "https://jenkins.example.com/job/octo/job/app/";

/// Without the workflow, steps of the repository's own would get in.
#[rstest]
#[case("octo/platform/.github/workflows/push.yml@refs/tags/v1")]
#[case("octo/platform/.github/workflows/push.yml@0123456789abcdef0123456789abcdef01234567")]
fn the_command_keeps_the_reusable_workflow(#[case] workflow: &str) {
    let lab = lab();
    let spec = JobSpec::new(Ci::Github).workflow(workflow);
    let (command, policy) = advised(&lab, &spec);
    assert!(command.contains(&format!(" --workflow {workflow}")), "{command}");
    let job = lab.start_job(&spec).unwrap();
    for policy in [policy, printed(&ci_machine(&lab, &job), &[])] {
        let role = role(&lab, &policy);
        gets_in(&lab, &spec, &role);
        stays_out(&lab, &JobSpec::new(Ci::Github), &role);
        stays_out(
            &lab,
            &JobSpec::new(Ci::Github).workflow("octo/other/.github/workflows/push.yml@refs/tags/v1"),
            &role,
        );
    }
}

/// A policy for pull requests lets in what nobody has reviewed: nobody is to copy it unread.
#[rstest]
#[case(Ci::Github, "repo:octo/app:pull_request")]
#[case(
    Ci::Github,
    "repo:octo/app:pull_request:job_workflow_ref:octo/ci/.github/workflows/push.yml@refs/heads/main"
)]
#[case(Ci::Jenkins, "https://jenkins.example.com/job/octo/job/app/job/PR-7/")]
fn a_pull_requests_job_gets_no_command_without_a_warning(#[case] ci: Ci, #[case] subject: &str) {
    let lab = lab();
    let job = lab.start_job(&JobSpec::new(ci).subject(subject)).unwrap();
    lab.add_oidc_provider(ACCOUNT, &job.issuer, &["sts.amazonaws.com", &job.audience]);
    let role = role_with(&lab, ACCOUNT, "other", Vec::new());
    let machine = ci_machine(&lab, &job);
    let outcome = assume(&machine, &role);
    assert!(outcome.stderr.contains("\n    This is a pull request's job. Only if code that nobody has reviewed may use the role, run `ecr-auth trust-policy "), "{outcome:?}");
    assert!(!outcome.stderr.contains(": ecr-auth trust-policy"), "{outcome:?}");
    let report = machine.with("AWS_ROLE_ARN", &role).run(&["doctor", HOST]).stdout;
    assert!(report.contains("This is a pull request's job."), "{report}");
    assert!(!report.contains("Run first: ecr-auth trust-policy"), "{report}");
}

/// An environment's name does not make its jobs those of a pull request.
#[test]
fn an_environment_called_pull_request_gets_the_command() {
    let lab = lab();
    let spec = JobSpec::new(Ci::Github).environment("pull_request");
    let (command, policy) = advised(&lab, &spec);
    assert!(command.contains(" --environment pull_request"), "{command}");
    gets_in(&lab, &spec, &role(&lab, &policy));
}

#[test]
fn a_branch_of_jenkins_is_named_as_a_branch() {
    let lab = lab();
    let subject = format!("{JENKINS_JOB}job/feature%252Fx/");
    let spec = JobSpec::new(Ci::Jenkins).subject(&subject);
    let (command, policy) = advised(&lab, &spec);
    assert!(
        command.contains(" --repository octo/app --branch feature/x "),
        "{command}"
    );
    gets_in(&lab, &spec, &role(&lab, &policy));
}

/// Jenkins' keys may be published elsewhere, where AWS reaches them. Then the job's address says whose job it is.
#[rstest]
#[case("https://jenkins.example.com/oidc", "https://jenkins.example.com/job/octo/job/app")]
#[case("https://jenkins.example.com/oidc/", "octo/app")]
#[case("https://jenkins.example.com/job/octo/oidc", "octo/app")]
#[case("https://keys.example.com/jenkins", "https://jenkins.example.com/job/octo/job/app/")]
#[case("https://keys.example.com/jenkins/", "https://jenkins.example.com/job/octo/job/app/")]
fn any_issuer_of_jenkins_can_be_named(#[case] issuer: &str, #[case] repository: &str) {
    let lab = lab();
    let args = ["--ci", "jenkins", "--issuer", issuer, "--repository", repository];
    let role = role(&lab, &printed(&Machine::new(), &args));
    let of_issuer = |subject: &str| {
        let issuer = issuer.trim_end_matches('/');
        JobSpec::new(Ci::Jenkins).issuer(issuer).subject(subject)
    };
    gets_in(&lab, &of_issuer(JENKINS_JOB), &role);
    for other in [
        "job/octo/job/app2/",
        "job/octo/job/app/job/main/",
        "job/0cto/job/app/",
        "job/octo/job/app",
    ] {
        stays_out(&lab, &of_issuer(&format!("https://jenkins.example.com/{other}")), &role);
    }
    stays_out(&lab, &of_issuer("https://evil.example.com/job/octo/job/app/"), &role);
    stays_out(
        &lab,
        &JobSpec::new(Ci::Jenkins).issuer("https://other.example.com/oidc"),
        &role,
    );
}

#[test]
fn a_jobs_address_alone_says_jenkins_own_issuer() {
    let args = ["--ci", "jenkins", "--repository", JENKINS_JOB, "--branch", "main"];
    let named = words("--ci jenkins --repository octo/app --branch main --issuer https://jenkins.example.com/oidc");
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(printed(&Machine::new(), &args), printed(&Machine::new(), &named));
}

/// A copied address ends in a slash, and GitLab's issuer never does. A cluster's may.
#[test]
fn the_slash_of_a_copied_address_is_cut_off() {
    let policy = |line: &str| {
        let line = words(line);
        printed(&Machine::new(), &line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let gitlab = "--ci gitlab --repository octo/app --branch main --issuer https://gitlab.example.com";
    assert_eq!(policy(&format!("{gitlab}/")), policy(gitlab));
    let cluster = policy("--ci kubernetes --namespace ci --service-account app --issuer https://oidc.example.com/x/");
    let provider = cluster["Statement"][0]["Principal"]["Federated"].as_str().unwrap();
    assert!(provider.ends_with(":oidc-provider/oidc.example.com/x/"), "{provider}");
}

/// IAM takes 2048 characters, or 4096 where the account's quota is raised.
#[rstest]
#[case(10, None)]
#[case(30, Some("2048 unless you raise its quota"))]
#[case(80, Some("4096 at most"))]
fn a_policy_that_iam_refuses_is_told(#[case] repositories: usize, #[case] limit: Option<&str>) {
    let mut args = words(&format!("trust-policy --account {ACCOUNT} --ci github --branch main"));
    for number in 0..repositories {
        args.extend([
            "--repository".to_owned(),
            format!("octo/a-repository-with-a-long-name-{number}"),
        ]);
    }
    let outcome = Machine::new().run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let policy: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let length = policy.to_string().len();
    match limit {
        None => assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}"),
        Some(limit) => {
            let warning = format!(
                "\nwarning: the trust policy has {length} characters without white space, and IAM takes {limit}\nhint: let in the whole organization by one workflow (--organization with --workflow), or "
            );
            assert!(outcome.stderr.contains(&warning), "{outcome:?}");
        }
    }
}

/// If a job's own token comes first, it gets its own policy, whatever AWS's variables name.
#[test]
fn the_jobs_own_token_comes_before_a_file() {
    let lab = lab();
    let job = start_ci(&lab, Ci::Gitlab);
    let machine = ci_machine(&lab, &job);
    let own = printed(&machine, &[]);
    assert_eq!(
        printed(&machine.with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"), &[]),
        own
    );
}
