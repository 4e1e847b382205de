//! Jenkins with the oidc-provider plugin: a credential binds one token, to `ECR_AUTH_ID_TOKEN` or to a file. Jenkins hides what it
//! binds, and nothing that a job gets later.
//! <https://plugins.jenkins.io/oidc-provider/>

use crate::trust::{Wildcard, described, missing};
use crate::{
    CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust,
};
use diagnostics::{Code, Result};
use oidc_token::Claims;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

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
    wanted,
    like,
    named,
};

/// The characters that Jenkins does not escape in an address.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let jobs = wanted.repositories("FOLDER/JOB, the job's whole name", 1..=30)?;
    let issuer = wanted.optional(TrustKey::Issuer)?;
    let issuer = issuer.ok_or_else(|| missing(TrustKey::Issuer, "Jenkins' own address with /oidc at its end"))?;
    let Some(controller) = issuer.strip_suffix("/oidc") else {
        return Err(TrustKey::Issuer.wrong(format!("{issuer:?} has no /oidc at its end, as Jenkins' own has")));
    };
    let branches = wanted.references(Wildcard::Nowhere)?;
    let mut subjects = Vec::new();
    for job in jobs {
        let job = job.split('/').map(step).collect::<String>();
        let job = format!("{controller}{job}");
        match branches.is_empty() {
            true => subjects.push(format!("{job}/")),
            // Jenkins runs a branch as a job, whose name has no '/'.
            false => subjects.extend(
                branches
                    .iter()
                    .map(|(_, branch)| format!("{job}{}/", step(&encoded(branch)))),
            ),
        }
    }
    let of = if branches.is_empty() { "" } else { " of " };
    let described = format!("{}{of}{}", described(&branches), jobs.join(", "));
    Ok(TrustedJobs::matching("", subjects, described))
}

fn step(name: &str) -> String {
    format!("/job/{}", encoded(name))
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, &UNRESERVED).to_string()
}

/// Returns the job whose address is this token's subject.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let is_job = claims.sub.starts_with("https://") && claims.sub.contains("/job/");
    is_job.then(|| TrustedJobs::with_subject_of(claims))
}

/// Returns the names of the folders and the job. A branch of a multibranch job is a job as well.
fn named(claims: &Claims) -> Option<WantedTrust> {
    let (_, path) = claims.sub.strip_suffix('/')?.split_once("/job/")?;
    let decoded = |name| percent_decode_str(name).decode_utf8().ok();
    let names: Vec<_> = path.split("/job/").map(decoded).collect::<Option<_>>()?;
    Some(WantedTrust::default().and(TrustKey::Repository, &names.join("/")))
}
