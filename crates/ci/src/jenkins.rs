//! Jenkins with the oidc-provider plugin: a credential binds one token, to `ECR_AUTH_ID_TOKEN` or to a file. Jenkins hides what it
//! binds, and nothing that a job gets later.
//! <https://plugins.jenkins.io/oidc-provider/>

use crate::minting::percent_encode;
use crate::trust::{Wildcard, check_repository, described, missing};
use crate::{
    CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust,
};
use diagnostics::{Code, Result};
use oidc_token::Claims;
use percent_encoding::percent_decode_str;

pub(crate) static JENKINS: CiSystem = CiSystem {
    name: "Jenkins",
    mark: JobMark::Set("JENKINS_URL"),
    session: Some(SessionWords {
        set: "BUILD_TAG",
        // The variable's value begins with "jenkins-" already.
        prefix: "",
        words: &["BUILD_TAG"],
    }),
    names: &["JOB_NAME"],
    issuer: Some(TokenIssuer {
        url: "https://<controller>/oidc",
        subjects: &["https://<controller>/job/<job>/"],
        ..TokenIssuer::BLANK
    }),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "name an OIDC token credential (credentialsId of withEcrAuth), or bind one to ECR_AUTH_ID_TOKEN around this step",
        lines: None,
    }),
    trust: Some(TRUST),
    ..CiSystem::BLANK
};

const TRUST: TrustForm = TrustForm {
    name: "jenkins",
    takes: &[TrustKey::Repository, TrustKey::Branch, TrustKey::Issuer],
    reason: "Jenkins' subject is the job's address: folders, the job's name, and of a multibranch job the branch",
    issuer_may_end_in_slash: false,
    is_pull_request: Some(is_pull_request),
    wanted,
    like,
    named,
};

/// The values that `--repository` takes.
const JOB: &str = "FOLDER/JOB, the job's whole name, or the job's address";

/// An address of a job, as `JOB_URL` has it.
const EXAMPLE: &str = "https://jenkins.example.com/job/FOLDER/job/JOB/";

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let jobs = wanted.all(TrustKey::Repository);
    let first = jobs.first().ok_or_else(|| missing(TrustKey::Repository, JOB))?;
    let named = wanted.optional(TrustKey::Issuer)?.map(str::to_owned);
    let issuer = match named {
        Some(issuer) => issuer,
        // The job's address has the address of its Jenkins.
        None if is_address(first) => format!("{}/oidc", address(first)?.0),
        None => return Err(missing(TrustKey::Issuer, "Jenkins' own address with /oidc at its end")),
    };
    let branches = wanted.references(Wildcard::Nowhere)?;
    let mut subjects = Vec::new();
    for job in jobs {
        let job = match is_address(job) {
            true => address(job).map(|(controller, path)| format!("{controller}{path}"))?,
            false => format!("{}{}", controller_of(&issuer)?, path_of(job)?),
        };
        match branches.is_empty() {
            true => subjects.push(format!("{job}/")),
            // Jenkins runs a branch as a job, whose name has no '/'.
            false => subjects.extend(
                branches
                    .iter()
                    .map(|(_, branch)| format!("{job}{}/", step(&percent_encode(branch)))),
            ),
        }
    }
    let of = if branches.is_empty() { "" } else { " of " };
    let described = format!("{}{of}{}", described(&branches), jobs.join(", "));
    Ok(TrustedJobs::matching(&issuer, subjects, described))
}

/// Returns the address of the Jenkins with this issuer. A credential in a folder has the folder's issuer.
fn controller_of(issuer: &str) -> Result<&str> {
    let own = issuer.strip_suffix("/oidc").ok_or_else(|| {
        TrustKey::Repository
            .wrong("the job's whole address is needed if the issuer does not end in /oidc, as Jenkins' own does")
            .hint(format!(
                "say with --repository what JOB_URL says in the job, such as {EXAMPLE}"
            ))
    })?;
    Ok(own.split_once("/job/").map_or(own, |(controller, _)| controller))
}

/// Whether a job is named by its address.
fn is_address(job: &str) -> bool {
    job.starts_with("https://") || job.starts_with("http://")
}

/// Splits a job's address into the address of Jenkins and the path of the job, without the final slash.
fn address(job: &str) -> Result<(&str, &str)> {
    let whole = job.strip_suffix('/').unwrap_or(job);
    let (scheme, rest) = whole.split_once("://").unwrap_or_default();
    let at = whole.find("/job/").unwrap_or(whole.len());
    let (controller, path) = whole.split_at(at);
    let steps: Vec<_> = path.split('/').skip(1).collect();
    let is_step = |step: &[&str]| matches!(step, ["job", name] if !name.is_empty());
    let is_clean = rest.chars().all(|c| c.is_ascii_graphic() && !"*?#\\\"'{}".contains(c));
    let is_job = !steps.is_empty() && steps.chunks(2).all(is_step) && !controller.contains("/view/");
    match is_clean && is_job && controller.len() > scheme.len() + 3 {
        true => Ok((controller, path)),
        false => Err(TrustKey::Repository
            .wrong(format!("{job:?} is no job's address"))
            .hint(format!("name what JOB_URL says in the job, such as {EXAMPLE}"))),
    }
}

/// Returns the path of the job with this name, without the final slash.
fn path_of(job: &str) -> Result<String> {
    check_repository(job, JOB, &(1..=30))?;
    let names: Vec<_> = job.split('/').collect();
    let meant: Vec<_> = names.iter().copied().filter(|name| *name != "job").collect();
    match meant.len() == names.len() || meant.is_empty() {
        true => Ok(names.into_iter().map(step).collect()),
        false => Err(TrustKey::Repository
            .wrong(format!("{job:?} is a part of the job's address, and not its name"))
            .hint(format!(
                "name the folders and the job alone: {}; or, where a folder is called job, the whole address, as JOB_URL says it",
                meant.join("/")
            ))),
    }
}

/// Whether the subject belongs to the job of a pull request, as the plugins for GitHub, Bitbucket and GitLab name it.
fn is_pull_request(subject: &str) -> bool {
    let job = subject.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let number = job.strip_prefix("PR-").or_else(|| job.strip_prefix("MR-"));
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

fn step(name: &str) -> String {
    format!("/job/{}", percent_encode(name))
}

/// Returns the job whose address is this token's subject.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let is_job = is_address(&claims.sub) && claims.sub.contains("/job/");
    is_job.then(|| TrustedJobs::with_subject_of(claims))
}

/// Returns the names of the folders and the job, and the branch if the job's name is an encoded branch. Returns the job's address if the issuer
/// is not Jenkins' own.
fn named(claims: &Claims) -> Option<WantedTrust> {
    let (controller, path) = claims.sub.strip_suffix('/')?.split_once("/job/")?;
    let decoded = |name| percent_decode_str(name).decode_utf8().ok();
    let mut names: Vec<_> = path.split("/job/").map(decoded).collect::<Option<_>>()?;
    let is_own = controller_of(&claims.iss).is_ok_and(|own| own == controller);
    if !is_own || names.iter().any(|name| name == "job") {
        return Some(WantedTrust::default().and(TrustKey::Repository, &claims.sub));
    }
    let of_branch = names.last().filter(|name| names.len() > 1 && name.contains('%'));
    let branch = of_branch.and_then(|name| percent_decode_str(name).decode_utf8().ok().map(String::from));
    if branch.is_some() {
        names.pop();
    }
    let job = WantedTrust::default().and(TrustKey::Repository, &names.join("/"));
    Some(match branch {
        Some(branch) => job.and(TrustKey::Branch, &branch),
        None => job,
    })
}
