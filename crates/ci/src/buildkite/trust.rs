//! How a trust policy names Buildkite's jobs.
//! <https://buildkite.com/docs/pipelines/security/oidc>

use crate::trust::{Wildcard, described, folder, literal, missing};
use crate::{TrustForm, TrustKey, TrustedJobs, WantedTrust};
use diagnostics::Result;
use oidc_token::Claims;

pub(super) const FORM: TrustForm = TrustForm {
    name: "buildkite",
    takes: &[
        TrustKey::Organization,
        TrustKey::Repository,
        TrustKey::Branch,
        TrustKey::Tag,
        TrustKey::Issuer,
    ],
    reason: "Buildkite's subject holds the organization, the pipeline (--repository), the branch or tag, the commit and the step",
    issuer_may_end_in_slash: false,
    is_pull_request: None,
    wanted,
    like,
    named,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let organization = wanted.name(TrustKey::Organization, "the organization, as its address has it")?;
    let pipelines = wanted.repositories("a pipeline, as its address has it", 1..=1)?;
    if organization.contains('/') {
        return Err(TrustKey::Organization.wrong(format!("{organization:?} is not an organization")));
    }
    // After the branch comes the step's key, which the pipeline chooses.
    let references = wanted.references(Wildcard::AtEnd)?;
    if references.is_empty() {
        let what = "the branch to let in (or use --tag); '*' lets every branch in";
        return Err(missing(TrustKey::Branch, what));
    }
    let subject = |pipeline: &String| {
        let pipeline = format!("organization:{organization}:pipeline:{pipeline}");
        let references = references.iter();
        references.map(move |(key, name)| format!("{pipeline}:ref:{}/{name}:commit:*:step:*", folder(*key)))
    };
    Ok(TrustedJobs::matching(
        "https://agent.buildkite.com",
        pipelines.iter().flat_map(subject).collect(),
        format!(
            "{} of the pipeline {} of {organization}, every commit and step",
            described(&references),
            pipelines.join(", ")
        ),
    ))
}

/// Returns the jobs with this token's pipeline and branch, for every commit and step. If the job chose the pipeline's id as the subject, that id is matched.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    if claims.text("pipeline_id") == Some(&claims.sub) {
        return Some(TrustedJobs::with_subject_of(claims));
    }
    let (organization, pipeline) = (claims.text("organization_slug")?, claims.text("pipeline_slug")?);
    let prefix = format!("organization:{organization}:pipeline:{pipeline}:ref:");
    let (reference, _) = claims.sub.strip_prefix(&prefix)?.split_once(":commit:")?;
    for part in [organization, pipeline, reference] {
        literal(TrustKey::Branch, part).ok()?;
    }
    let subject = format!("{prefix}{reference}:commit:*:step:*");
    let described = format!("jobs with a subject {prefix}{reference}, every commit and step");
    Some(TrustedJobs::matching("", vec![subject], described))
}

fn named(claims: &Claims) -> Option<WantedTrust> {
    let (organization, pipeline) = (claims.text("organization_slug")?, claims.text("pipeline_slug")?);
    let (_, rest) = claims.sub.split_once(":ref:")?;
    let (reference, _) = rest.split_once(":commit:")?;
    let wanted = WantedTrust::default().and(TrustKey::Organization, organization);
    wanted.and(TrustKey::Repository, pipeline).and_reference(reference)
}
