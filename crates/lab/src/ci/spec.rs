//! Which job to start.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A CI system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ci {
    /// GitHub Actions: a job asks for its tokens.
    Github,
    /// GitLab's `id_tokens:`: one token for the whole job, in a variable.
    Gitlab,
    /// CircleCI: a token in a variable, more by `circleci run oidc get`.
    Circleci,
    /// Bitbucket Pipelines: one token for the step, in a variable.
    Bitbucket,
    /// Buildkite: tokens by `buildkite-agent oidc request-token`.
    Buildkite,
    /// Jenkins with the oidc-provider plugin: one token for the build, in a variable or a file.
    Jenkins,
}

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
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) audience: Option<String>,
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
            issuer: None,
            subject: None,
            audience: None,
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

    /// The audience of the tokens where whoever asks names none. GitLab and Jenkins have no default: there it is
    /// `sts.amazonaws.com`.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.into());
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
