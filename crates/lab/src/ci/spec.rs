//! The description of a job to start.

use std::path::PathBuf;

use serde::Deserialize;

use super::Ci;

/// A job to start with [`Aws::start_job`](crate::Aws::start_job). Every value that is not set has the CI's own default.
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
    /// Creates build 42 of branch `main` of `octo/app`.
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

    /// Sets the organisation, group or workspace, and the project in it.
    #[must_use]
    pub fn project(mut self, owner: &str, project: &str) -> Self {
        (self.owner, self.project) = (owner.into(), project.into());
        self
    }

    /// Sets the branch.
    #[must_use]
    pub fn branch(mut self, branch: &str) -> Self {
        self.branch = branch.into();
        self
    }

    /// Sets the number of the build (GitHub: the run's id; GitLab: the job's id).
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// GitHub only: sets the environment that the job deploys to.
    #[must_use]
    pub fn environment(mut self, name: &str) -> Self {
        self.environment = Some(name.into());
        self
    }

    /// GitHub only: sets the reusable workflow that defines the job, with its reference.
    #[must_use]
    pub fn workflow(mut self, workflow: &str) -> Self {
        self.workflow = Some(workflow.into());
        self
    }

    /// GitHub only: sets the repository's unique id.
    #[must_use]
    pub fn repository_id(mut self, id: &str) -> Self {
        self.repository_id = Some(id.into());
        self
    }

    /// Sets the issuer of a self-hosted installation: GitLab's address, or Jenkins' address with `/oidc`.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets another subject than the CI's default, as on CIs with subject templates.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the audience of tokens whose request names none. GitLab and Jenkins have no default, so the lab uses
    /// `sts.amazonaws.com`.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Sets several audiences for one token, as on Bitbucket: `aud` is a list.
    #[must_use]
    pub fn audiences(mut self, audiences: &[&str]) -> Self {
        self.audiences = audiences.iter().map(|&audience| audience.to_owned()).collect();
        self.audience = self.audiences.first().cloned();
        self
    }

    /// Sets the lifetime of tokens, in seconds. On GitLab it is the job's timeout.
    #[must_use]
    pub fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Jenkins only: writes the token to this file, which `AWS_WEB_IDENTITY_TOKEN_FILE` names.
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
