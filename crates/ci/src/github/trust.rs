//! How a trust policy names GitHub's jobs.
//! <https://docs.github.com/en/actions/reference/security/oidc>

use super::GITHUB;
use crate::trust::{Wildcard, described, folder, literal, missing, pattern};
use crate::{TrustForm, TrustKey, TrustedJobs, WantedTrust};
use diagnostics::Result;
use oidc_token::Claims;

pub(crate) const FORM: TrustForm = TrustForm {
    name: "github",
    takes: &[
        TrustKey::Repository,
        TrustKey::Organization,
        TrustKey::OwnerId,
        TrustKey::RepositoryId,
        TrustKey::Branch,
        TrustKey::Tag,
        TrustKey::Environment,
        TrustKey::PullRequest,
        TrustKey::Workflow,
        TrustKey::Issuer,
    ],
    reason: "GitHub's subject holds the repository, and the job's environment, its branch or tag, or the fact that it runs for a pull request",
    issuer_may_end_in_slash: false,
    is_pull_request: Some(is_pull_request),
    wanted,
    like: |claims| like(claims).or_else(|| custom(claims)),
    named,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let (prefixes, whose) = match wanted.has(TrustKey::Organization) {
        true => organization(wanted)?,
        false => repositories(wanted)?,
    };
    let (ends, which) = jobs(wanted)?;
    let subject = |prefix: &String| {
        let prefix = format!("repo:{prefix}");
        ends.iter().map(move |end| format!("{prefix}:{end}"))
    };
    let subjects = prefixes.iter().flat_map(subject).collect();
    let issuer = GITHUB.issuer.map_or("", |issuer| issuer.url);
    let mut jobs = TrustedJobs::matching(issuer, subjects, format!("{which} of {whose}"));
    if let Some(workflow) = workflow(wanted)? {
        jobs.by_workflow(workflow);
    }
    Ok(jobs)
}

/// Returns the workflow file that has to define the job. AWS compares the workflow only for tokens of GitHub's public service.
fn workflow(wanted: &WantedTrust) -> Result<Option<&str>> {
    let key = TrustKey::Workflow;
    let Some(workflow) = wanted.optional(key)? else {
        return Ok(None);
    };
    literal(key, workflow)?;
    let is_reference = |(_, at): (&str, &str)| at.starts_with("refs/") || is_commit(at);
    let is_whole = workflow.contains("/.github/workflows/") && workflow.split_once('@').is_some_and(is_reference);
    match (is_whole, wanted.has(TrustKey::Issuer)) {
        (false, _) => Err(key
            .wrong(format!("{workflow:?} is not a workflow with its reference"))
            .hint("write it as OWNER/NAME/.github/workflows/FILE@refs/tags/TAG, or …@refs/heads/BRANCH, or …@ and a whole commit id")),
        (_, true) => Err(key.wrong("AWS compares it only for tokens of GitHub's public service")
            .hint("on a server of your own, put job_workflow_ref into the subject (GitHub's API: actions/oidc/customization/sub)")),
        _ => Ok(Some(workflow)),
    }
}

/// Whether this is the whole id of a commit.
fn is_commit(id: &str) -> bool {
    id.len() == 40 && id.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Returns the parts of subjects that name the repositories, and words for them.
fn repositories(wanted: &WantedTrust) -> Result<(Vec<String>, String)> {
    let repositories = wanted.repositories("OWNER/NAME (or use --organization for all of an owner)", 2..=2)?;
    let prefixes = match (wanted.has(TrustKey::OwnerId), wanted.has(TrustKey::RepositoryId)) {
        (false, false) => repositories.to_vec(),
        _ if repositories.len() > 1 => {
            return Err(TrustKey::Repository
                .wrong("ids belong to one repository, and several are named")
                .hint("use --organization OWNER with --owner-id for all of an owner, or run this once for each repository and put the subjects together"));
        }
        _ => vec![with_ids(wanted)?],
    };
    Ok((prefixes, repositories.join(", ")))
}

/// Returns the pattern for all repositories of an owner. Newer repositories have the owner's id in their subjects, which no other owner's subject
/// begins with.
fn organization(wanted: &WantedTrust) -> Result<(Vec<String>, String)> {
    let key = TrustKey::Organization;
    if wanted.has(TrustKey::Repository) || wanted.has(TrustKey::RepositoryId) {
        return Err(key
            .wrong("a repository is named as well")
            .hint("name the repositories, or the organization for all of them"));
    }
    let owner = wanted.name(key, "the organization, as its address has it")?;
    if owner.contains(['/', '@']) {
        return Err(key.wrong(format!("{owner:?} is not an organization")));
    }
    let mut prefixes = vec![format!("{owner}/*")];
    if wanted.has(TrustKey::OwnerId) {
        prefixes.push(format!("{owner}@{}/*", id(wanted, TrustKey::OwnerId)?));
    }
    Ok((prefixes, format!("every repository of {owner}, now and later")))
}

/// Returns an id, which must be a number.
fn id(wanted: &WantedTrust, key: TrustKey) -> Result<&str> {
    let id = wanted.name(key, "the number that GitHub's API gives as id")?;
    match id.chars().all(|c| c.is_ascii_digit()) {
        true => Ok(id),
        false => Err(key.wrong(format!("{id:?} is not a number"))),
    }
}

/// Returns the form of newer repositories. It holds ids, so a new owner of a released name cannot get the same subject.
fn with_ids(wanted: &WantedTrust) -> Result<String> {
    let repository = wanted.name(TrustKey::Repository, "OWNER/NAME: ids belong to one repository")?;
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    let (owner_id, repository_id) = (id(wanted, TrustKey::OwnerId)?, id(wanted, TrustKey::RepositoryId)?);
    Ok(format!("{owner}@{owner_id}/{name}@{repository_id}"))
}

/// Returns the ends of the subjects, and words for them. If a job has an environment, its subject names it instead of the branch or tag.
fn jobs(wanted: &WantedTrust) -> Result<(Vec<String>, String)> {
    let references = wanted.references(Wildcard::Anywhere)?;
    let mut ends: Vec<String> = references
        .iter()
        .map(|(key, name)| format!("ref:{}/{name}", folder(*key)))
        .collect();
    let mut words: Vec<String> = Some(described(&references))
        .filter(|it| !it.is_empty())
        .into_iter()
        .collect();
    for environment in wanted.all(TrustKey::Environment) {
        // GitHub writes a ':' in an environment's name as %3A.
        let environment = environment.replace(':', "%3A");
        pattern(TrustKey::Environment, &environment, Wildcard::Anywhere)?;
        ends.push(format!("environment:{environment}"));
        words.push(format!("environment {environment}"));
    }
    if wanted.has(TrustKey::PullRequest) {
        ends.push("pull_request".to_owned());
        words.push("pull requests".to_owned());
    }
    if ends.is_empty() {
        return Err(missing(
            TrustKey::Branch,
            "the branch to let in (or use --tag, --environment, --pull-request); '*' lets every branch in",
        ));
    }
    Ok((ends, words.join(", ")))
}

/// Returns the trust form of another system, such as Forgejo, whose subjects look like GitHub's.
pub(crate) const fn on_server(name: &'static str) -> TrustForm {
    TrustForm {
        name,
        takes: &[
            TrustKey::Repository,
            TrustKey::Branch,
            TrustKey::Tag,
            TrustKey::PullRequest,
            TrustKey::Issuer,
        ],
        reason: "the subject holds the repository, and the job's branch or tag, or the fact that it runs for a pull request",
        issuer_may_end_in_slash: false,
        is_pull_request: Some(is_pull_request),
        wanted: |asked| match asked.has(TrustKey::Issuer) {
            true => wanted(asked),
            false => Err(missing(TrustKey::Issuer, "https://SERVER/api/actions")),
        },
        like,
        named,
    }
}

/// Returns the jobs with this token's subject, if the subject begins with the repository of the claim.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let repository = claims.text("repository")?;
    let named = claims.sub.strip_prefix("repo:")?.split(':').next()?;
    let is_named = named == with_hyphens(claims, repository) || without_ids(named) == repository;
    is_named.then(|| with_subject_and_workflow(claims))
}

/// Returns the jobs with this token's subject, by the reusable workflow that this job calls.
fn with_subject_and_workflow(claims: &Claims) -> TrustedJobs {
    let mut jobs = TrustedJobs::with_subject_of(claims);
    if let Some(workflow) = called_workflow(claims) {
        jobs.by_workflow(workflow);
    }
    jobs
}

/// Returns the reusable workflow that defines the job, if the job calls one and AWS compares it.
fn called_workflow(claims: &Claims) -> Option<&str> {
    let called = claims.text("job_workflow_ref")?;
    let is_compared = GITHUB.issuer.is_some_and(|issuer| issuer.url == claims.iss);
    (is_compared && claims.text("workflow_ref") != Some(called)).then_some(called)
}

/// Whether the subject belongs to jobs of pull requests. An environment may have that name as well.
fn is_pull_request(subject: &str) -> bool {
    let parts: Vec<&str> = subject.split(':').collect();
    parts
        .windows(2)
        .any(|it| it[0] != "environment" && it[1] == "pull_request")
}

impl TrustedJobs {
    /// Restricts the jobs to those that this workflow defines.
    fn by_workflow(&mut self, workflow: &str) {
        self.described += &format!(", by the workflow {workflow}");
        self.claims.push(("job_workflow_ref", workflow.to_owned()));
    }
}

/// Returns the jobs with a subject of claims that administrators chose (`include_claim_keys`). Other repositories can have the same subject, for
/// example those with an environment of that name. So the policy also names this repository, unless the subject begins with it.
fn custom(claims: &Claims) -> Option<TrustedJobs> {
    let claim = |name| claims.text(name).filter(|value| !value.is_empty());
    let (repository, id) = (claim("repository")?, claim("repository_id")?);
    let mut jobs = with_subject_and_workflow(claims);
    let (first, rest) = claims.sub.split_once(':')?;
    let begins_with = |value: &str| {
        rest.strip_prefix(value)
            .is_some_and(|end| end.is_empty() || end.starts_with(':'))
    };
    match first {
        "repo" => None,
        "repository" => begins_with(repository).then_some(jobs),
        "repository_id" => begins_with(id).then_some(jobs),
        // AWS compares other claims only for tokens of GitHub's public service.
        _ => (claims.iss == GITHUB.issuer?.url).then(|| {
            jobs.described += &format!(", in {repository}");
            jobs.claims.push(("repository_id", id.to_owned()));
            jobs
        }),
    }
}

/// Returns the repository, with its ids if the subject has them, and the job's branch, tag or environment from the rest of the subject.
fn named(claims: &Claims) -> Option<WantedTrust> {
    let repository = claims.text("repository")?;
    let (prefix, end) = claims.sub.strip_prefix("repo:")?.split_once(':')?;
    let mut wanted = WantedTrust::default().and(TrustKey::Repository, repository);
    if prefix != repository {
        let id = |claim| claims.text(claim).unwrap_or_default();
        wanted = wanted.and(TrustKey::OwnerId, id("repository_owner_id"));
        wanted = wanted.and(TrustKey::RepositoryId, id("repository_id"));
    }
    if let Some(workflow) = called_workflow(claims) {
        wanted = wanted.and(TrustKey::Workflow, workflow);
    }
    match end.split_once(':') {
        None => (end == "pull_request").then(|| wanted.and(TrustKey::PullRequest, "")),
        Some(("ref", reference)) => wanted.and_reference(reference),
        Some(("environment", name)) => Some(wanted.and(TrustKey::Environment, &name.replace("%3A", ":"))),
        Some(_) => None,
    }
}

/// Returns `octo/app` for `octo@65/app@74`.
fn without_ids(name: &str) -> String {
    let parts = name.split('/').map(|part| part.split('@').next().unwrap_or(part));
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the name in the subjects of newer Forgejo repositories, such as `octo-65/app-74`. Only the claims tell the ids from the names.
fn with_hyphens(claims: &Claims, repository: &str) -> String {
    let id = |claim| claims.text(claim).unwrap_or_default();
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    format!("{owner}-{}/{name}-{}", id("repository_owner_id"), id("repository_id"))
}
