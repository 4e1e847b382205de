//! Repository creation templates of Amazon ECR: which of them ECR uses to create a repository on the first push.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositoryCreationTemplates.html>

use aws_sdk_ecr::types::{RctAppliedFor, RepositoryCreationTemplate};

use crate::client::Aws;
use crate::endpoint::{Endpoint, Service};
use diagnostics::Result;
use ecr_registry::Registry;

const OPERATION: &str = "DescribeRepositoryCreationTemplates";

/// The prefix of the template that applies if no other does.
const ROOT: &str = "ROOT";

/// The template that ECR uses for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationTemplate {
    /// The prefix of the repositories that the template applies to, or `ROOT`.
    pub prefix: String,
    /// Whether ECR creates the repository when an image is pushed to it.
    pub creates_on_push: bool,
}

impl Aws<'_> {
    /// Returns the caller's template that ECR uses for a repository of this registry: the one with the longest matching prefix. `None` if no
    /// template matches.
    ///
    /// # Errors
    /// There are no credentials, AWS denies the call, or the network fails.
    pub async fn creation_template(
        &self,
        registry: &Registry,
        endpoint: &Endpoint,
        repository: &str,
    ) -> Result<Option<CreationTemplate>> {
        let credentials = self.credentials(registry.into()).await?;
        let config = self.signed_settings(credentials, registry.region(), endpoint);
        let mut builder = aws_sdk_ecr::config::Builder::from(&config);
        builder.set_endpoint_url(endpoint.url.clone());
        let client = aws_sdk_ecr::Client::from_conf(builder.build());
        let what = format!("{} ({})", Service::Ecr.name(), registry.region());
        let mut templates = Vec::new();
        let mut page = None;
        loop {
            let call = client.describe_repository_creation_templates().set_next_token(page);
            let answer = call.send().await;
            let answer = answer.map_err(|error| self.call_failed(&what, OPERATION, error))?;
            templates.extend(answer.repository_creation_templates.unwrap_or_default());
            page = answer.next_token;
            if page.is_none() {
                return Ok(longest(&templates, repository));
            }
        }
    }
}

fn longest(templates: &[RepositoryCreationTemplate], repository: &str) -> Option<CreationTemplate> {
    let fitting = templates.iter().filter_map(|template| {
        let prefix = template.prefix()?;
        let length = match prefix {
            ROOT => 0,
            prefix => is_below(repository, prefix).then_some(prefix.len())?,
        };
        Some((length, prefix, template))
    });
    let (_, prefix, template) = fitting.max_by_key(|(length, ..)| *length)?;
    Some(CreationTemplate {
        prefix: prefix.to_owned(),
        creates_on_push: template.applied_for().contains(&RctAppliedFor::CreateOnPush),
    })
}

/// Whether a repository is below a prefix. A prefix ends at a slash, whether or not it is written with one.
fn is_below(repository: &str, prefix: &str) -> bool {
    let rest = repository.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_with_the_longest_prefix_is_taken() {
        let template = |prefix: &str, applied_for: RctAppliedFor| {
            let builder = RepositoryCreationTemplate::builder().prefix(prefix);
            builder.applied_for(applied_for).build()
        };
        let templates = [
            template("ROOT", RctAppliedFor::CreateOnPush),
            template("team", RctAppliedFor::Replication),
            template("team/app/", RctAppliedFor::CreateOnPush),
        ];
        for (repository, prefix, creates_on_push) in [
            ("other", "ROOT", true),
            ("team", "team", false),
            ("team/x", "team", false),
            ("teams/x", "ROOT", true),
            ("team/app", "team/app/", true),
            ("team/app/web", "team/app/", true),
            ("team/apps", "team", false),
        ] {
            let found = longest(&templates, repository).unwrap();
            assert_eq!(
                (found.prefix.as_str(), found.creates_on_push),
                (prefix, creates_on_push),
                "{repository}"
            );
        }
        assert_eq!(longest(&templates[1..], "other"), None);
    }
}
