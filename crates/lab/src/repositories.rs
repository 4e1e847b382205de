//! Missing repositories, and the creation templates with which ECR creates them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal, aws_json};
use crate::hosts::Registry;
use crate::policy::Access;
use crate::sigv4::Caller;
use crate::{Aws, lock};

/// A repository creation template of a registry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreationTemplate {
    /// The registry's account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The prefix of the repositories that the template applies to, or `ROOT`.
    pub prefix: String,
    /// `CREATE_ON_PUSH`, `PULL_THROUGH_CACHE`, `REPLICATION`.
    pub applied_for: Vec<String>,
}

/// A repository of a private registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryName {
    /// The registry's account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub repository: String,
}

/// The removed repositories. All other repositories exist.
#[derive(Debug, Default)]
pub(crate) struct Repositories {
    missing: Vec<RepositoryName>,
    templates: Vec<CreationTemplate>,
}

impl Aws {
    /// Removes a repository. Pulls get a 404, and so do pushes unless a template creates the repository.
    pub fn remove_repository(&self, account: &str, region: &str, repository: &str) {
        lock(&self.repositories).missing.push(RepositoryName {
            account: account.into(),
            region: region.into(),
            repository: repository.into(),
        });
    }

    /// Adds a repository creation template.
    pub fn add_creation_template(&self, template: CreationTemplate) {
        lock(&self.repositories).templates.push(template);
    }

    /// Refuses access to a removed repository. A push creates the repository if a template allows it.
    pub(crate) fn find_repository(&self, registry: &Registry, repository: &str, access: Access) -> Result<(), Refusal> {
        let mut repositories = lock(&self.repositories);
        let is_it = |name: &RepositoryName| {
            name.account == registry.account && name.region == registry.region && name.repository == repository
        };
        if !repositories.missing.iter().any(is_it) {
            return Ok(());
        }
        let template = repositories.template(registry, repository);
        let is_made = template.is_some_and(|it| it.applied_for.iter().any(|what| what == "CREATE_ON_PUSH"));
        if access == Access::Push && is_made {
            repositories.missing.retain(|name| !is_it(name));
            return Ok(());
        }
        let message = format!(
            "The repository with name '{repository}' does not exist in the registry with id '{}'",
            registry.account
        );
        Err(Refusal::new(404, "NAME_UNKNOWN", message))
    }

    /// Answers DescribeRepositoryCreationTemplates with all templates on one page. `prefixes` is ignored.
    pub(crate) fn describe_creation_templates(&self, caller: &Caller) -> Answer {
        let repositories = lock(&self.repositories);
        let account = &caller.principal.account;
        let own = |template: &&CreationTemplate| template.account == *account && template.region == caller.region;
        let templates: Vec<Value> = repositories
            .templates
            .iter()
            .filter(own)
            .map(|template| json!({"prefix": template.prefix, "appliedFor": template.applied_for}))
            .collect();
        aws_json(
            200,
            &json!({"registryId": account, "repositoryCreationTemplates": templates}),
        )
    }
}

impl Repositories {
    /// Returns the template whose prefix matches the most whole path components of the name.
    fn template(&self, registry: &Registry, repository: &str) -> Option<&CreationTemplate> {
        let parts = |name: &str| name.split('/').filter(|part| !part.is_empty()).count();
        let fits = |template: &&CreationTemplate| {
            template.account == registry.account
                && template.region == registry.region
                && (template.prefix == "ROOT"
                    || format!("{repository}/").starts_with(&format!("{}/", template.prefix.trim_end_matches('/'))))
        };
        let length = |template: &&CreationTemplate| match template.prefix.as_str() {
            "ROOT" => 0,
            prefix => parts(prefix),
        };
        self.templates.iter().filter(fits).max_by_key(length)
    }
}
