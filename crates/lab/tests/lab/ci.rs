//! The CI systems: a job's environment opens only the role that trusts the job.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lab::{
    ACCOUNT, Ci, CiJob, Condition, EKS_ISSUER, Fault, JobSpec, Lab, Operator, Permissions, RoleSpec, Service,
    ServiceAccount, Trust,
};
use serde_json::{Value, json};

use crate::tools::{boto3, curl, lab};

const AUDIENCE: &str = "sts.amazonaws.com";

/// A role that trusts one subject of an issuer with one audience.
fn trust(lab: &Lab, issuer: &str, audience: &str, subject: &str) {
    lab.add_oidc_provider(ACCOUNT, issuer, &[audience]);
    let condition = |claim: &str, value: &str| Condition {
        operator: Operator::StringLike,
        claim: claim.into(),
        values: vec![value.into()],
    };
    lab.add_role(RoleSpec {
        account: ACCOUNT.into(),
        name: "ci".into(),
        trust: vec![Trust::WebIdentity {
            provider: issuer.trim_start_matches("https://").into(),
            conditions: vec![condition("aud", audience), condition("sub", subject)],
        }],
        max_duration: 3600,
        permissions: Permissions::default(),
    });
}

/// Returns the subject that STS saw, or STS's error.
fn open(lab: &Lab, token: &str) -> Result<String, String> {
    let script = "r = boto3.client('sts').assume_role_with_web_identity(RoleSessionName='ci', \
                  RoleArn='arn:aws:iam::111122223333:role/ci', WebIdentityToken=os.environ['JWT'])\n\
                  print(r['SubjectFromWebIdentityToken'])";
    boto3(lab, &lab.http_url(), None, &[("JWT", token)], script)
}

fn refused(lab: &Lab, token: &str, code: &str) {
    let error = open(lab, token).unwrap_err();
    assert!(error.contains(code), "{code}: {error}");
}

/// Decodes the claims of a token.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

/// Runs a program of the CI with nothing but a job's environment.
fn program(job: &CiJob, name: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(job.programs.join(name))
        .env_clear()
        .envs(&job.environment)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails early doesn't read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn token(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn failed(output: &Output, why: &str) {
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
}

#[test]
fn a_token_in_a_variable_opens_its_role_until_it_expires() {
    let lab = lab();
    for (ci, variable, subject) in [
        (
            Ci::Gitlab,
            "ECR_AUTH_ID_TOKEN",
            "project_path:octo/app:ref_type:branch:ref:main",
        ),
        (
            Ci::Circleci,
            "CIRCLE_OIDC_TOKEN_V2",
            "org/*/project/*/user/*/vcs-origin/github.com/octo/app/vcs-ref/refs/heads/main",
        ),
        (Ci::Bitbucket, "BITBUCKET_STEP_OIDC_TOKEN", "{*}:{*}"),
        (
            Ci::Jenkins,
            "ECR_AUTH_ID_TOKEN",
            "https://jenkins.example.com/job/octo/job/app/",
        ),
    ] {
        let job = lab.start_job(&JobSpec::new(ci)).unwrap();
        let token = &job.environment[variable];
        assert!(job.secrets().contains(&token.as_str()));
        assert!(!format!("{job:?}").contains(token.as_str()));
        trust(&lab, &job.issuer, &job.audience, subject);
        assert_eq!(open(&lab, token).unwrap(), job.subject);
        let seen = lab.session_calls().pop().unwrap().web_identity.unwrap();
        assert_eq!(
            (&seen.iss, &seen.aud, &seen.sub),
            (&job.issuer, &job.audience, &job.subject)
        );
        let stranger = lab.start_job(&JobSpec::new(ci).subject("somebody else")).unwrap();
        refused(&lab, &stranger.environment[variable], "(AccessDenied)");
        let elsewhere = lab.start_job(&JobSpec::new(ci).audience("vault")).unwrap();
        refused(&lab, &elsewhere.environment[variable], "Incorrect token audience");
        lab.advance(Duration::from_secs(3600));
        refused(&lab, token, "(ExpiredTokenException)");
        refused(&lab, token, "Token expired: current date/time 1");
    }
}

#[test]
fn gitlabs_job_has_gitlabs_claims() {
    let lab = lab();
    let spec = JobSpec::new(Ci::Gitlab)
        .issuer("https://git.example.org:8443")
        .project("group/sub", "app")
        .number(7)
        .lifetime(600);
    let job = lab.start_job(&spec).unwrap();
    let claims = claims(&job.environment["ECR_AUTH_ID_TOKEN"]);
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!((life, &claims["job_id"]), (600, &json!("7")));
    assert_eq!(claims["project_path"], "group/sub/app");
    for (name, value) in [
        ("CI_SERVER_HOST", "git.example.org"),
        ("CI_PROJECT_PATH_SLUG", "group-sub-app"),
        ("CI_JOB_ID", "7"),
    ] {
        assert_eq!(job.environment[name], value);
    }
}

#[test]
fn circlecis_program_issues_tokens_for_any_audience() {
    let lab = lab();
    let job = lab.start_job(&JobSpec::new(Ci::Circleci)).unwrap();
    trust(&lab, &job.issuer, AUDIENCE, "org/*");
    let first = claims(&job.environment["CIRCLE_OIDC_TOKEN"]);
    assert!(!first["sub"].as_str().unwrap().contains("vcs-origin"));
    lab.advance(Duration::from_secs(7200));
    let get = |more: &[&str]| program(&job, "circleci", &[&["run", "oidc", "get"], more].concat(), "");
    open(&lab, &token(&get(&["--claims", r#"{"aud":"sts.amazonaws.com"}"#]))).unwrap();
    let usual = claims(&token(&get(&[])));
    assert_eq!(
        (&usual["aud"], &usual["sub"]),
        (&json!(job.audience), &json!(job.subject))
    );
    let root = claims(&token(&get(&["--root-issuer"])));
    assert_eq!(root["iss"], "https://oidc.circleci.com");
    failed(&get(&["--claims", r#"{"sub":"me"}"#]), "could not get");
    failed(&get(&["--ttl", "5"]), "unknown flag");
    assert!(lab.end_job(&job.id));
    failed(&get(&[]), "could not get");
    assert_eq!(
        (lab.count("circleci:OidcToken"), lab.refused("circleci:OidcToken")),
        (5, 2)
    );
}

#[test]
fn buildkites_agent_issues_tokens_until_the_job_ends() {
    let lab = lab();
    let mut job = lab.start_job(&JobSpec::new(Ci::Buildkite)).unwrap();
    trust(&lab, &job.issuer, AUDIENCE, "organization:octo:pipeline:app:*");
    let ask = |job: &CiJob, more: &[&str]| {
        let arguments = [&["oidc", "request-token"], more].concat();
        program(job, "buildkite-agent", &arguments, "")
    };
    let jwt = token(&ask(&job, &["--audience", AUDIENCE]));
    assert_eq!(open(&lab, &jwt).unwrap(), job.subject);
    lab.advance(Duration::from_secs(300));
    refused(&lab, &jwt, "(ExpiredTokenException)");
    let long = claims(&token(&ask(&job, &["--audience=vault", "--lifetime", "900"])));
    let life = long["exp"].as_i64().unwrap() - long["iat"].as_i64().unwrap();
    assert_eq!((life, &long["aud"]), (900, &json!("vault")));
    assert_eq!(claims(&token(&ask(&job, &[])))["aud"], "https://buildkite.com/octo");
    failed(&ask(&job, &["--lifetime", "soon"]), "invalid value");

    lab.fail_next(Service::Buildkite, 1, Fault::Status { status: 503 });
    failed(&ask(&job, &[]), "503");
    let mut thief = job.clone();
    thief
        .environment
        .insert("BUILDKITE_AGENT_ACCESS_TOKEN".into(), "guessed".into());
    failed(&ask(&thief, &[]), "401");
    thief.environment.remove("BUILDKITE_AGENT_ACCESS_TOKEN");
    failed(&ask(&thief, &[]), "Missing agent-access-token");
    lab.end_job(&job.id);
    failed(&ask(&job, &[]), "422");
    job.environment.remove("BUILDKITE_JOB_ID");
    failed(&ask(&job, &[]), "Missing endpoint or job");
}

#[test]
fn buildkites_redactions_are_recorded() {
    let lab = lab();
    let job = lab.start_job(&JobSpec::new(Ci::Buildkite)).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\n").unwrap();
    let add = |more: &[&str], input: &str| {
        let output = program(&job, "buildkite-agent", &[&["redactor", "add"], more].concat(), input);
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    };
    add(&[], "pa$$ & word=\"1\"\n");
    add(&[file.path().to_str().unwrap()], "");
    add(&["--format", "json"], r#"{"a":"first","b":"second"}"#);
    assert_eq!(
        lab.redactions(&job.id),
        ["pa$$ & word=\"1\"", "from a file", "first", "second"]
    );
    assert!(lab.redactions("nobody's").is_empty());
}

/// Returns GitHub's token for a job, or the HTTP status.
fn ask_github(lab: &Lab, job: &CiJob, audience: &str) -> Result<String, u16> {
    // Over HTTPS, because curl connects to the lab's HTTPS port.
    let url = job.environment["ACTIONS_ID_TOKEN_REQUEST_URL"].replace(&lab.http_url(), &lab.https_url());
    let url = format!("{url}{audience}");
    let bearer = format!(
        "Authorization: Bearer {}",
        job.environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    );
    let got = curl(lab, &["--header", &bearer, &url]);
    let body = got
        .text
        .rsplit("\r\n\r\n")
        .next()
        .unwrap()
        .lines()
        .next()
        .unwrap_or_default();
    let answer: Value = serde_json::from_str(body).unwrap();
    answer["value"].as_str().map(str::to_owned).ok_or(got.status)
}

#[test]
fn githubs_job_gets_tokens_until_it_ends() {
    let lab = lab();
    let spec = JobSpec::new(Ci::Github)
        .project("acme", "shop")
        .branch("next")
        .number(99);
    let job = lab.start_job(&spec).unwrap();
    trust(&lab, lab::GITHUB_ISSUER, AUDIENCE, "repo:acme/shop:ref:refs/heads/next");
    let jwt = ask_github(&lab, &job, "&audience=sts.amazonaws.com").unwrap();
    assert_eq!(open(&lab, &jwt).unwrap(), job.subject);
    let said = claims(&jwt);
    assert_eq!(
        (&said["repository"], &said["run_id"]),
        (&json!("acme/shop"), &json!("99"))
    );
    assert_eq!(
        claims(&ask_github(&lab, &job, "").unwrap())["aud"],
        "https://github.com/acme"
    );
    lab.end_job(&job.id);
    assert_eq!(ask_github(&lab, &job, ""), Err(401));

    let long = lab.start_job(&spec).unwrap();
    lab.advance(Duration::from_secs(5 * 3600));
    ask_github(&lab, &long, "").unwrap();
    lab.advance(Duration::from_secs(3600));
    assert_eq!(
        ask_github(&lab, &long, ""),
        Err(401),
        "the request token ends after six hours"
    );
}

#[test]
fn jenkins_binds_a_file_for_one_build() {
    use std::os::unix::fs::PermissionsExt;
    let lab = lab();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let job = lab.start_job(&JobSpec::new(Ci::Jenkins).token_file(&file)).unwrap();
    trust(&lab, &job.issuer, AUDIENCE, "https://jenkins.example.com/*");
    assert_eq!(job.environment["AWS_WEB_IDENTITY_TOKEN_FILE"], file.to_str().unwrap());
    assert!(!job.environment.contains_key("ECR_AUTH_ID_TOKEN"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    open(&lab, &std::fs::read_to_string(&file).unwrap()).unwrap();
}

#[test]
fn a_projected_token_is_rotated_at_the_same_path() {
    let lab = lab();
    let folder = tempfile::tempdir().unwrap();
    let account = ServiceAccount::new("ci", "builder");
    trust(&lab, EKS_ISSUER, AUDIENCE, &account.subject());
    let path = lab.project_token(&account, folder.path()).unwrap();
    let read = || std::fs::read_to_string(&path).unwrap();
    assert_eq!(open(&lab, &read()).unwrap(), "system:serviceaccount:ci:builder");
    lab.advance(Duration::from_secs(86_400));
    refused(&lab, &read(), "(ExpiredTokenException)");
    lab.project_token(&account, folder.path()).unwrap();
    open(&lab, &read()).unwrap();
}

#[test]
fn the_control_endpoint_starts_and_ends_jobs() {
    let lab = lab();
    let control = |name: &str, body: &Value| -> Value {
        let url = format!("{}/_lab/{name}", lab.https_url());
        let got = curl(&lab, &["--data", &body.to_string(), &url]);
        let body = got.text.rsplit("\r\n\r\n").next().unwrap().lines().next().unwrap();
        serde_json::from_str(body).unwrap()
    };
    let started = control("jobs", &json!({"ci": "buildkite", "owner": "acme", "number": 3}));
    assert_eq!(started["environment"]["BUILDKITE_BUILD_NUMBER"], "3");
    assert_eq!(started["issuer"], "https://agent.buildkite.com");
    assert_eq!(started["programs"], lab.programs().to_str().unwrap());
    let id = json!({"id": started["id"]});
    assert_eq!(control("redactions", &id), json!({"redactions": []}));
    assert_eq!(control("end-job", &id), json!({}));
    assert_eq!(control("end-job", &json!({"id": "nobody's"}))["code"], "NotFound");
    assert_eq!(control("jobs", &json!({"ci": "drone"}))["code"], "BadRequest");
    let folder = tempfile::tempdir().unwrap();
    let projected = json!({"folder": folder.path(), "namespace": "ci", "name": "builder"});
    let path = control("projected-tokens", &projected);
    assert!(
        std::fs::read_to_string(path["path"].as_str().unwrap())
            .unwrap()
            .starts_with("ey")
    );
}
