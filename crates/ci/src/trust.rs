//! How an IAM trust policy names the jobs that it lets in. Each system's own form is in the system's file.
//!
//! IAM's `*` matches any characters, including `:` and `/`. So a repository never holds a `*`, and the text before a `*` is always so long that no
//! other repository's subject begins with it.

mod command;

pub use command::{is_pull_request, trust_policy_command};

use diagnostics::{Code, Error, Result};
use oidc_token::Claims;

/// The pattern for a UUID in a condition: one `?` for each character, so that it never matches what follows.
pub(crate) const ANY_UUID: &str = "????????-????-????-????-????????????";

/// A property of a job that a trust policy can be asked to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustKey {
    /// The repository, project, pipeline or job.
    Repository,
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// A deployment environment.
    Environment,
    /// Jobs of pull requests.
    PullRequest,
    /// The organization or workspace.
    Organization,
    /// The id of the owner, organization or workspace.
    OwnerId,
    /// The id of the repository or project.
    RepositoryId,
    /// The workflow file that defines the job, with its reference. If the job calls a reusable workflow, it is that file.
    Workflow,
    /// The issuer of the tokens.
    Issuer,
    /// The service connection of Azure.
    ServiceConnection,
    /// The namespace of Kubernetes.
    Namespace,
    /// The service account of Kubernetes.
    ServiceAccount,
}

impl TrustKey {
    /// Returns the flag that gives it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Repository => "--repository",
            Self::Branch => "--branch",
            Self::Tag => "--tag",
            Self::Environment => "--environment",
            Self::PullRequest => "--pull-request",
            Self::Organization => "--organization",
            Self::OwnerId => "--owner-id",
            Self::RepositoryId => "--repository-id",
            Self::Workflow => "--workflow",
            Self::Issuer => "--issuer",
            Self::ServiceConnection => "--service-connection",
            Self::Namespace => "--namespace",
            Self::ServiceAccount => "--service-account",
        }
    }

    /// Returns an error about the flag's value.
    pub(crate) fn wrong(self, cause: impl Into<String>) -> Error {
        Error::usage(Code::Options, self.flag(), cause.into())
    }
}

/// How a trust policy names the jobs of one system.
#[derive(Debug, Clone, Copy)]
pub struct TrustForm {
    /// What `--ci` calls the system.
    pub name: &'static str,
    /// The properties that the system's tokens hold, so that a policy can name them.
    pub takes: &'static [TrustKey],
    /// Why other properties are refused: a sentence about the subject.
    pub reason: &'static str,
    /// Whether an issuer of the system may end in `/`. If not, a final `/` of a copied address is removed.
    pub issuer_may_end_in_slash: bool,
    /// Whether a subject belongs to jobs of pull requests. `None` if the system's subjects do not show this.
    pub(crate) is_pull_request: Option<fn(&str) -> bool>,
    /// Returns the jobs that were asked for.
    pub(crate) wanted: fn(&WantedTrust) -> Result<TrustedJobs>,
    /// Returns the jobs whose subjects differ from this token's only in parts that change from job to job. `None` if another repository could
    /// have its subject.
    pub(crate) like: fn(&Claims) -> Option<TrustedJobs>,
    /// Returns the request that lets the job with this token in. `None` if the subject does not have the usual form.
    pub(crate) named: fn(&Claims) -> Option<WantedTrust>,
}

impl TrustForm {
    /// Returns the jobs that were asked for.
    ///
    /// # Errors
    /// A property that the system's subject cannot express, that is missing, or that other repositories could have.
    pub fn wanted(&self, wanted: &WantedTrust) -> Result<TrustedJobs> {
        if let Some((key, _)) = wanted.values.iter().find(|(key, _)| !self.takes.contains(key)) {
            return Err(key.wrong(self.reason));
        }
        let issuer = wanted
            .optional(TrustKey::Issuer)?
            .map(|issuer| match self.issuer_may_end_in_slash {
                true => issuer,
                false => issuer.trim_end_matches('/'),
            });
        let mut jobs = (self.wanted)(&wanted.with_issuer(issuer))?;
        if let Some(issuer) = issuer {
            issuer.clone_into(&mut jobs.issuer);
        }
        check_issuer(&jobs.issuer)?;
        Ok(jobs)
    }

    /// Returns the jobs whose subjects differ from this token's only in parts that change from job to job.
    ///
    /// # Errors
    /// Another repository could have the token's subject.
    pub fn like(&self, claims: &Claims) -> Result<TrustedJobs> {
        let refused = |cause: String| Error::failed(Code::Options, "no trust policy for this job", cause);
        if claims.audiences().is_empty() {
            return Err(refused("its token names no audience".to_owned()));
        }
        if claims.sub.contains("${") {
            return Err(refused(format!("IAM reads a variable in its subject {}", claims.sub)));
        }
        let mut jobs = (self.like)(claims).ok_or_else(|| {
            refused(format!("other repositories could have its subject {}", claims.sub))
                .hint("name the jobs to let in with --ci, --repository and the like, or let the CI put the repository into the subject")
        })?;
        if let Some((claim, value)) = jobs.claims.iter().find(|(_, value)| value.contains("${")) {
            return Err(refused(format!("IAM reads a variable in its claim {claim}: {value}")));
        }
        claims.iss.clone_into(&mut jobs.issuer);
        jobs.audiences = claims.audiences().into_iter().map(str::to_owned).collect();
        check_issuer(&jobs.issuer)?;
        Ok(jobs)
    }
}

/// The jobs that a trust policy lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedJobs {
    /// The claim `iss`.
    pub issuer: String,
    /// The accepted values of the claim `aud`. Empty for the default of AWS's partition.
    pub audiences: Vec<String>,
    /// The accepted values of the claim `sub`.
    pub subjects: Vec<String>,
    /// Whether `*` and `?` in the subjects are wildcards.
    pub are_patterns: bool,
    /// Other claims that AWS compares, with their values.
    pub claims: Vec<(&'static str, String)>,
    /// A description of the jobs, for messages.
    pub described: String,
}

impl TrustedJobs {
    /// Returns the jobs with the subject of this token, and no others.
    pub(crate) fn with_subject_of(claims: &Claims) -> Self {
        Self {
            subjects: vec![claims.sub.clone()],
            described: format!("jobs with the subject {}", claims.sub),
            ..Self::default()
        }
    }

    /// Returns the jobs whose subjects match one of these patterns.
    pub(crate) fn matching(issuer: &str, subjects: Vec<String>, described: String) -> Self {
        Self {
            issuer: issuer.to_owned(),
            are_patterns: subjects.iter().any(|subject| subject.contains(['*', '?'])),
            subjects,
            described,
            ..Self::default()
        }
    }
}

/// The properties that a trust policy is asked to name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedTrust {
    values: Vec<(TrustKey, Vec<String>)>,
}

impl WantedTrust {
    /// Adds values for a property. Without values, it adds nothing.
    #[must_use]
    pub fn with(mut self, key: TrustKey, values: &[String]) -> Self {
        if !values.is_empty() {
            self.values.push((key, values.to_vec()));
        }
        self
    }

    /// Returns the request with this issuer in place of the one that was named.
    fn with_issuer(&self, issuer: Option<&str>) -> Self {
        let mut all = self.clone();
        let named = all.values.iter_mut().find(|(key, _)| *key == TrustKey::Issuer);
        if let (Some((_, values)), Some(issuer)) = (named, issuer) {
            *values = vec![issuer.to_owned()];
        }
        all
    }

    /// Whether no property is asked for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn all(&self, key: TrustKey) -> &[String] {
        let found = self.values.iter().find(|(of, _)| *of == key);
        found.map_or(&[], |(_, values)| values)
    }

    pub(crate) fn has(&self, key: TrustKey) -> bool {
        !self.all(key).is_empty()
    }

    pub(crate) fn optional(&self, key: TrustKey) -> Result<Option<&str>> {
        match self.all(key) {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(key.wrong("it can be given only once for this CI")),
        }
    }

    /// Returns the one value of a required name, which may not hold wildcards.
    pub(crate) fn name(&self, key: TrustKey, what: &str) -> Result<&str> {
        let name = self.optional(key)?.ok_or_else(|| missing(key, what))?;
        literal(key, name)?;
        Ok(name)
    }

    /// Returns a required id: a UUID in lower case and without braces.
    pub(crate) fn uuid(&self, key: TrustKey, what: &str) -> Result<String> {
        uuid(key, self.name(key, what)?)
    }

    /// Returns every repository. Each must have this many names, with slashes between them.
    pub(crate) fn repositories(&self, what: &str, parts: std::ops::RangeInclusive<usize>) -> Result<&[String]> {
        let all = self.all(TrustKey::Repository);
        if all.is_empty() {
            return Err(missing(TrustKey::Repository, what));
        }
        for repository in all {
            check_repository(repository, what, &parts)?;
        }
        Ok(all)
    }

    /// Returns the branches and tags as git's whole references, with the names that people use.
    pub(crate) fn references(&self, place: Wildcard) -> Result<Vec<(TrustKey, &str)>> {
        let mut found = Vec::new();
        for key in [TrustKey::Branch, TrustKey::Tag] {
            for name in self.all(key) {
                reference(key, name, place)?;
                found.push((key, name.as_str()));
            }
        }
        Ok(found)
    }
}

/// Checks a repository: its number of names, with slashes between them.
pub(crate) fn check_repository(repository: &str, what: &str, parts: &std::ops::RangeInclusive<usize>) -> Result<()> {
    literal(TrustKey::Repository, repository)?;
    let names: Vec<_> = repository.split('/').collect();
    let is_odd = |name: &&str| name.is_empty() || [".", ".."].contains(name);
    match !parts.contains(&names.len()) || names.iter().any(is_odd) {
        true => Err(TrustKey::Repository.wrong(format!("{repository:?} is not {what}"))),
        false => Ok(()),
    }
}

/// Where a branch or tag may have a `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcard {
    /// Anywhere, because nothing follows in the subject.
    Anywhere,
    /// Only at the end. The job may choose what follows in the subject, and an earlier `*` would match it too.
    AtEnd,
    /// Nowhere.
    Nowhere,
}

/// Returns the folder of git's references for branches or for tags.
pub(crate) fn folder(key: TrustKey) -> &'static str {
    if key == TrustKey::Tag {
        "refs/tags"
    } else {
        "refs/heads"
    }
}

/// Returns words for branches and tags.
pub(crate) fn described(references: &[(TrustKey, &str)]) -> String {
    let word = |(key, name): &(TrustKey, &str)| match key {
        TrustKey::Tag => format!("tag {name}"),
        _ => format!("branch {name}"),
    };
    references.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Returns the error for a required flag that is missing.
pub(crate) fn missing(key: TrustKey, what: &str) -> Error {
    key.wrong("it is missing").hint(format!("give {}: {what}", key.flag()))
}

/// Checks a value that may not hold wildcards and is a whole part of a subject.
pub(crate) fn literal(key: TrustKey, value: &str) -> Result<()> {
    if let Some(wildcard) = value.chars().find(|c| ['*', '?'].contains(c)) {
        return Err(key.wrong(format!(
            "{value:?} has a '{wildcard}': others could choose a name that matches"
        )));
    }
    plain(key, value)
}

fn plain(key: TrustKey, value: &str) -> Result<()> {
    if value.trim() != value || value.is_empty() || value.chars().any(char::is_control) {
        return Err(key.wrong(format!("{value:?} is not a name")));
    }
    if value.contains(':') {
        return Err(key.wrong(format!("{value:?} has a ':', which ends a part of the subject")));
    }
    if value.contains("${") {
        return Err(key.wrong(format!("IAM reads a variable in {value:?}")));
    }
    Ok(())
}

/// Checks a value in which `*` may match any characters.
pub(crate) fn pattern(key: TrustKey, value: &str, place: Wildcard) -> Result<()> {
    plain(key, value)?;
    if value.contains('?') {
        return Err(key.wrong(format!("{value:?} has a '?': only '*' matches other characters")));
    }
    let before_end = value.strip_suffix('*').unwrap_or(value);
    match place {
        Wildcard::Nowhere => literal(key, value),
        Wildcard::AtEnd if before_end.contains('*') => Err(key.wrong(format!(
            "the '*' in {value:?} would reach beyond the ':' or '/' after it in the subject: it is only allowed at the end"
        ))),
        _ => Ok(()),
    }
}

fn reference(key: TrustKey, name: &str, place: Wildcard) -> Result<()> {
    pattern(key, name, place)?;
    match name.starts_with("refs/") {
        true => Err(key
            .wrong(format!("{name:?} is a whole reference"))
            .hint(format!("give the name alone, without {}/", folder(key)))),
        false => Ok(()),
    }
}

/// Returns a UUID in lower case, without braces.
pub(crate) fn uuid(key: TrustKey, value: &str) -> Result<String> {
    let bare = value.trim_start_matches('{').trim_end_matches('}').to_lowercase();
    match is_uuid(&bare) {
        true => Ok(bare),
        false => Err(key.wrong(format!("{value:?} is not a UUID"))),
    }
}

/// Whether this is a UUID without braces.
pub(crate) fn is_uuid(text: &str) -> bool {
    let is_in_place = |(character, pattern): (char, char)| match pattern {
        '-' => character == '-',
        _ => character.is_ascii_hexdigit(),
    };
    text.len() == ANY_UUID.len() && text.chars().zip(ANY_UUID.chars()).all(is_in_place)
}

/// Checks an issuer. IAM takes an https address without a port, a query or a fragment.
fn check_issuer(issuer: &str) -> Result<()> {
    let rest = issuer.strip_prefix("https://").unwrap_or_default();
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
    match !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_known) {
        true => Ok(()),
        false => Err(TrustKey::Issuer
            .wrong(format!("{issuer:?} is not an issuer that IAM accepts"))
            .hint("name the claim iss of the tokens: an https address without a port or a query")),
    }
}
