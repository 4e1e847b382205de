//! Which job to start.

use std::path::PathBuf;

use serde::Deserialize;

use super::Ci;

/// A job to start with [`Aws::start_job`](crate::Aws::start_job). What is not said is as the CI does it by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct JobSpec {
    pub(super) ci: Ci,
    #[serde(default = "octo")]
    pub(super) owner: String,
    #[serde(default = "app")]
    pub(super) project: String,
    #[serde(default = "main_branch")]
    pub(super) branch: String,
    #[serde(default = "forty_two")]
    pub(super) number: u64,
    pub(super) environment: Option<String>,
    pub(super) workflow: Option<String>,
    pub(super) repository_id: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) audience: Option<String>,
    #[serde(default)]
    pub(super) audiences: Vec<String>,
    pub(super) lifetime: Option<u32>,
    pub(super) token_file: Option<PathBuf>,
}

fn octo() -> String {
    "octo".into()
}

fn app() -> String {
    "app".into()
}

fn main_branch() -> String {
    "main".into()
}

fn forty_two() -> u64 {
    42
}

impl JobSpec {
    /// Build 42 of branch `main` of `octo/app`.
    pub fn new(ci: Ci) -> Self {
        Self {
            ci,
            owner: octo(),
            project: app(),
            branch: main_branch(),
            number: forty_two(),
            environment: None,
            workflow: None,
            repository_id: None,
            issuer: None,
            subject: None,
            audience: None,
            audiences: Vec::new(),
            lifetime: None,
            token_file: None,
        }
    }

    /// The organisation, group or workspace, and what of it is built.
    #[must_use]
    pub fn project(mut self, owner: &str, project: &str) -> Self {
        (self.owner, self.project) = (owner.into(), project.into());
        self
    }

    /// The branch.
    #[must_use]
    pub fn branch(mut self, branch: &str) -> Self {
        self.branch = branch.into();
        self
    }

    /// The number of the build (GitHub: the run's id; GitLab: the job's).
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// GitHub alone: the environment that the job deploys to.
    #[must_use]
    pub fn environment(mut self, name: &str) -> Self {
        self.environment = Some(name.into());
        self
    }

    /// GitHub alone: the reusable workflow that defines the job, with its reference.
    #[must_use]
    pub fn workflow(mut self, workflow: &str) -> Self {
        self.workflow = Some(workflow.into());
        self
    }

    /// GitHub alone: the repository's id, which no other one has.
    #[must_use]
    pub fn repository_id(mut self, id: &str) -> Self {
        self.repository_id = Some(id.into());
        self
    }

    /// The issuer, where an installation has its own: GitLab's address, Jenkins' with `/oidc`.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Another subject than the CI's usual one, as those with templates for it make it.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The audience of tokens if a request names none. GitLab and Jenkins have no default, so the lab uses `sts.amazonaws.com`.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Several audiences of one token, as Bitbucket takes them: `aud` is a list.
    #[must_use]
    pub fn audiences(mut self, audiences: &[&str]) -> Self {
        self.audiences = audiences.iter().map(|&audience| audience.to_owned()).collect();
        self.audience = self.audiences.first().cloned();
        self
    }

    /// How long a token lives, in seconds; on GitLab that is the job's timeout.
    #[must_use]
    pub fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Jenkins alone: the token goes to this file, and `AWS_WEB_IDENTITY_TOKEN_FILE` names it.
    #[must_use]
    pub fn token_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.token_file = Some(file.into());
        self
    }

    pub(super) fn audience_or(&self, usual: &str) -> String {
        self.audience.clone().unwrap_or_else(|| usual.into())
    }

    pub(super) fn subject_or(&self, usual: String) -> String {
        self.subject.clone().unwrap_or(usual)
    }
}
