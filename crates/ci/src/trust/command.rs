//! The command that prints the trust policy for one job, with the job's own values: it gives the same policy on any machine.

use super::{TrustForm, TrustKey, TrustedJobs, WantedTrust};
use crate::running_in;
use context::Env;
use diagnostics::{one_line, shell_word};
use ecr_registry::Partition;
use oidc_token::Claims;

/// Returns the command that prints the trust policy of `role` for the job with this token. If no arguments can express the job, it is the command
/// to run in the job itself. `None` if no policy can be made for the job.
pub fn trust_policy_command(role: &str, claims: &Claims, env: &Env) -> Option<String> {
    let form = TrustForm::for_token(claims, env)?;
    form.like(claims).ok()?;
    let partition = Partition::for_arn(role);
    let mut words = vec!["ecr-auth".to_owned(), "trust-policy".to_owned()];
    let mut add = |flag: &str, value: &str| words.extend([flag.to_owned(), value.to_owned()]);
    add("--account", role.split(':').nth(4)?);
    if partition.id() != "aws" {
        add("--region", partition.first_region());
    }
    for (flag, value) in form.arguments(claims, partition.sts_audience()).unwrap_or_default() {
        words.push(flag.to_owned());
        words.extend(value);
    }
    let command = words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    // A command that cannot be shown unchanged would be copied wrongly.
    (one_line(&command) == command).then_some(command)
}

/// Whether the job with this token is a pull request's: a policy for its subject lets in code that nobody has reviewed.
pub fn is_pull_request(claims: &Claims, env: &Env) -> bool {
    let form = TrustForm::for_token(claims, env);
    form.and_then(|form| form.is_pull_request)
        .is_some_and(|is_it| is_it(&claims.sub))
}

impl TrustForm {
    /// Returns how a trust policy names the job with this token: a pod's token by its service account, any other as the current CI does. `None` for
    /// any other token outside a CI.
    pub fn for_token(claims: &Claims, env: &Env) -> Option<&'static Self> {
        let is_pod = claims.sub.starts_with("system:serviceaccount:");
        let of_pod = || crate::trust_forms().find(|form| is_pod && form.name == "kubernetes");
        let of_job = || running_in(env).and_then(|ci| ci.trust.as_ref());
        of_pod().or_else(of_job)
    }

    /// Returns the arguments that ask for a policy which lets the job with this token in; `None` if no arguments can.
    fn arguments(&self, claims: &Claims, sts_audience: &str) -> Option<Vec<(&'static str, Option<String>)>> {
        let named = (self.named)(claims)?;
        let with_issuer = named.clone().and(TrustKey::Issuer, &claims.iss);
        let fitting = [named, with_issuer].into_iter().find_map(|wanted| {
            let jobs = self.wanted(&wanted).ok()?;
            let lets_in = jobs.issuer == claims.iss && jobs.has_subject(&claims.sub);
            lets_in.then_some((wanted, jobs))
        });
        let (wanted, jobs) = fitting?;
        let audiences = match jobs.audiences.is_empty() {
            true => vec![sts_audience.to_owned()],
            false => jobs.audiences,
        };
        let mut arguments = vec![("--ci", Some(self.name.to_owned()))];
        for (key, values) in wanted.values {
            let takes_value = key != TrustKey::PullRequest;
            arguments.extend(
                values
                    .into_iter()
                    .map(|value| (key.flag(), takes_value.then_some(value))),
            );
        }
        let own = claims.audiences();
        if !own
            .iter()
            .any(|audience| audiences.iter().any(|known| known == audience))
        {
            arguments.push(("--audience", Some((*own.first()?).to_owned())));
        }
        Some(arguments)
    }
}

impl TrustedJobs {
    fn has_subject(&self, subject: &str) -> bool {
        let is_it = |wanted: &String| match self.are_patterns {
            true => is_like(wanted, subject),
            false => wanted == subject,
        };
        self.subjects.iter().any(is_it)
    }
}

/// Whether IAM's `StringLike` would match: `*` matches any characters, `?` one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut found) = (pattern.chars(), text.chars());
    match (wanted.next(), found.next()) {
        (None, next) => next.is_none(),
        (Some('*'), next) => is_like(wanted.as_str(), text) || (next.is_some() && is_like(pattern, found.as_str())),
        (Some(one), Some(next)) => (one == '?' || one == next) && is_like(wanted.as_str(), found.as_str()),
        (Some(_), None) => false,
    }
}

impl WantedTrust {
    /// Adds one value for a property.
    #[must_use]
    pub(crate) fn and(self, key: TrustKey, value: &str) -> Self {
        self.with(key, &[value.to_owned()])
    }

    /// Adds a branch or tag by git's whole reference.
    #[must_use]
    pub(crate) fn and_reference(self, reference: &str) -> Option<Self> {
        let (key, name) = match reference.strip_prefix("refs/tags/") {
            Some(tag) => (TrustKey::Tag, tag),
            None => (TrustKey::Branch, reference.strip_prefix("refs/heads/")?),
        };
        Some(self.and(key, name))
    }
}
