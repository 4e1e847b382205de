//! `ecr-auth trust-policy`: the policies that it prints, as STS reads them, accept the CI's own jobs and refuse similar ones.

use lab::{ACCOUNT, Ci, CiJob, Condition, JobSpec, Lab, Operator, ServiceAccount, Trust};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{HOST, Machine, Outcome};
use crate::jobs::{Job, Kind, ci_machine, role_with, start_ci};
use crate::lab_machine::lab;
use crate::python::python_tool;

/// Returns a policy that was printed without an error.
fn printed(machine: &Machine, args: &[&str]) -> Value {
    let outcome = machine.run(&[&["trust-policy", "--account", ACCOUNT], args].concat());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("lets in: "), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Returns the policy in the form of the lab's STS, and adds the provider to the account.
fn trust(lab: &Lab, policy: &Value) -> Trust {
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

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

fn role(lab: &Lab, policy: &Value) -> String {
    let trust = trust(lab, policy);
    role_with(lab, ACCOUNT, "printed", vec![trust])
}

fn assume(machine: &Machine, role: &str) -> Outcome {
    machine.run(&["assume", "--role-arn", role, "--source", "oidc"])
}

#[track_caller]
fn gets_in(lab: &Lab, spec: &JobSpec, role: &str) {
    let job = lab.start_job(spec).unwrap();
    let outcome = assume(&ci_machine(lab, &job), role);
    assert_eq!(outcome.status, 0, "{}: {outcome:?}", job.subject);
}

#[track_caller]
fn stays_out(lab: &Lab, spec: &JobSpec, role: &str) {
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
fn arguments(job: &CiJob) -> Vec<String> {
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

fn words(text: &str) -> Vec<String> {
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

const PUSH: &str =
    "--ci github --repository octo/app --branch v* --push app --pull base/image --region eu-west-1 --role-name ci";

fn in_format(format: &str) -> String {
    let mut all = words(&format!("trust-policy --account {ACCOUNT} {PUSH}"));
    all.extend(["--format".to_owned(), format.to_owned()]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let outcome = Machine::new().run(&all);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.stdout
}

/// Returns the two policies as JSON.
fn policies() -> (Value, Value) {
    let both: Value = serde_json::from_str(&in_format("json")).unwrap();
    (both["TrustPolicy"].clone(), both["PermissionsPolicy"].clone())
}

#[test]
fn permissions_name_the_repositories() {
    let (_, permissions) = policies();
    let statements = permissions["Statement"].as_array().unwrap();
    let arn = |name: &str| json!([format!("arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{name}")]);
    assert_eq!(statements[0]["Action"], "ecr:GetAuthorizationToken");
    let may = |at: usize, action: &str| texts(&statements[at]["Action"]).contains(&format!("ecr:{action}"));
    assert_eq!(
        (&statements[1]["Resource"], &statements[2]["Resource"]),
        (&arn("app"), &arn("base/image"))
    );
    assert!(may(1, "PutImage") && may(1, "BatchGetImage"));
    assert!(!may(2, "PutImage") && may(2, "BatchGetImage"));
}

/// A shell runs the commands. `aws` is a program that notes its arguments, and knows a provider or role if a file of that command's name exists.
fn with_aws(machine: Machine) -> Machine {
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let aws = bin.join("aws");
    let script = "#!/bin/sh
echo \"$@\" >>calls
[ ! -e \"$2-fails\" ] || exit 254
case $2 in
get-*) [ -e \"$2\" ] || exit 254 ;;
create-role | put-* | update-*) cat >\"$2\" ;;
esac
";
    std::fs::write(&aws, script).unwrap();
    std::fs::set_permissions(&aws, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    machine.with("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
}

#[rstest]
#[case::new_role(false, "create-role")]
#[case::existing_role(true, "update-assume-role-policy")]
fn the_commands_hand_over_the_policies(#[case] exists: bool, #[case] trust: &str) {
    let machine = with_aws(Machine::new());
    if exists {
        std::fs::write(machine.path("get-role"), "").unwrap();
    }
    let commands = in_format("commands");
    let bash = "/bin/bash".as_ref();
    machine.call(bash, &["-n", "-c", &commands], "").prints("");
    machine.call(bash, &["-c", &commands], "").prints("");
    let read = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    assert_eq!((json(trust), json("put-role-policy")), policies());
    let url = "--url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com";
    let calls = read("calls");
    assert!(
        calls.contains(&format!("iam create-open-id-connect-provider {url}\n")),
        "{calls}"
    );
    assert_eq!(calls.contains("iam create-role "), !exists, "{calls}");
}

/// Another pipeline may have made the role with the usual name.
#[test]
fn the_commands_leave_an_existing_role_that_nobody_named() {
    let args =
        words(&format!("trust-policy --account {ACCOUNT} {PUSH} --format commands").replace(" --role-name ci", ""));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let commands = Machine::new().run(&args).stdout;
    assert!(commands.contains("create-role --role-name ci-push"), "{commands}");
    let machine = with_aws(Machine::new());
    std::fs::write(machine.path("get-role"), "").unwrap();
    std::fs::write(machine.path("create-role-fails"), "").unwrap();
    let outcome = machine.call("/bin/bash".as_ref(), &["-c", &commands], "");
    assert_eq!(outcome.status, 254, "{outcome:?}");
    let calls = std::fs::read_to_string(machine.path("calls")).unwrap();
    assert!(!calls.contains("update-") && !calls.contains("put-"), "{calls}");
}

/// A role that could not be made gets no permissions, and the shell in which the commands were pasted stays.
#[test]
fn the_commands_end_at_the_first_failure() {
    let machine = with_aws(Machine::new());
    std::fs::write(machine.path("create-role-fails"), "").unwrap();
    let script = format!("{}echo stays $?\n", in_format("commands"));
    let outcome = machine.call("/bin/bash".as_ref(), &["-c", &script], "");
    assert_eq!(outcome.stdout, "stays 254\n", "{outcome:?}");
    assert!(!machine.path("put-role-policy").exists());
}

#[test]
fn a_template_of_cloudformation_has_the_policies() {
    let text = in_format("cloudformation");
    let machine = Machine::new();
    let file = machine.write("template.json", &text);
    let found = machine.call(&python_tool("cfn-lint"), &[file.to_str().unwrap()], "");
    assert_eq!(found.status, 0, "{found:?}");
    let template: Value = serde_json::from_str(&text).unwrap();
    let role = &template["Resources"]["Role"]["Properties"];
    let (mut trust, permissions) = policies();
    let federated = &mut trust["Statement"][0]["Principal"]["Federated"];
    *federated = json!({"Fn::If": ["CreatesProvider", {"Ref": "Provider"}, federated.clone()]});
    assert_eq!(
        (
            &role["AssumeRolePolicyDocument"],
            &role["Policies"][0]["PolicyDocument"]
        ),
        (&trust, &permissions)
    );
    let provider = &template["Resources"]["Provider"]["Properties"];
    assert_eq!(provider["Url"], "https://token.actions.githubusercontent.com");
    assert_eq!(provider["ClientIdList"], json!(["sts.amazonaws.com"]));
}

/// Every form of every CI passes its own validator, also with names that a shell or a template could misread.
#[test]
fn every_form_passes_its_validator() {
    let lab = lab();
    let odd = words("--ci gitlab --repository octo/app --branch x$(id)`id`;'\"&|%{if}\\");
    let of_lab = |ci| arguments(&start_ci(&lab, ci));
    let lines = Ci::ALL.into_iter().map(of_lab).chain([odd]);
    let machine = Machine::new();
    let mut files: [Vec<String>; 3] = Default::default();
    for (at, line) in lines.enumerate() {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        for (form, files) in ["commands", "terraform", "cloudformation"].iter().zip(&mut files) {
            let more = [
                "--push",
                "app",
                "--pull",
                "base/image",
                "--region",
                "eu-west-1",
                "--format",
                form,
            ];
            let outcome = machine.run(&[&["trust-policy", "--account", ACCOUNT], &line[..], &more].concat());
            assert_eq!(outcome.status, 0, "{line:?}: {outcome:?}");
            let end = if *form == "cloudformation" { "json" } else { "txt" };
            let file = machine.write(&format!("{form}-{at}.{end}"), &outcome.stdout);
            files.push(file.display().to_string());
        }
    }
    let [commands, terraform, cloudformation] = files
        .each_ref()
        .map(|files| files.iter().map(String::as_str).collect::<Vec<_>>());
    for file in commands {
        machine.call("/bin/bash".as_ref(), &["-n", file], "").prints("");
    }
    let parse = "import hcl2, sys
for file in sys.argv[1:]:
    kinds = [kind.strip('\\\"') for resource in hcl2.load(open(file))['resource'] for kind in resource]
    assert kinds == ['aws_iam_openid_connect_provider', 'aws_iam_role', 'aws_iam_role_policy'], kinds";
    let parsed = machine.call(&python_tool("python"), &[&["-c", parse], &terraform[..]].concat(), "");
    assert_eq!((parsed.status, parsed.stderr.as_str()), (0, ""), "{parsed:?}");
    let linted = machine.call(&python_tool("cfn-lint"), &cloudformation, "");
    assert_eq!(linted.status, 0, "{linted:?}");
}

/// JSON is an expression of HCL: the argument of `jsonencode` is the policy.
#[test]
fn resources_of_terraform_have_the_policies() {
    let text = in_format("terraform");
    let encoded = text.split("jsonencode(").skip(1);
    let found: Vec<Value> = encoded
        .map(|rest| {
            serde_json::from_str(
                rest.split("\n  })")
                    .next()
                    .map(|it| format!("{it}\n}}"))
                    .unwrap()
                    .as_str(),
            )
            .unwrap()
        })
        .collect();
    assert_eq!((found[0].clone(), found[1].clone()), policies());
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
