//! The CI system this runs in: how it hides secrets in its log, and how it takes values for later steps.

mod buildkite;
pub mod github;
mod mask;
pub mod session_name;
mod token;

pub use mask::{mask, of_credentials, of_password, of_proxies};
pub use token::{CiToken, gives_tokens, missing as missing_token, missing_or as missing_token_or};

use context::Env;

/// A CI system, told by the variables it sets for every job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions
    GitHub,
    /// GitLab CI
    GitLab,
    /// CircleCI
    CircleCi,
    /// Bitbucket Pipelines
    Bitbucket,
    /// Buildkite
    Buildkite,
    /// Azure Pipelines
    Azure,
    /// Jenkins
    Jenkins,
    /// Drone
    Drone,
    /// Woodpecker
    Woodpecker,
}

/// The mark of each system: a variable, and its value where the name alone does not tell. Woodpecker stands before Drone, whose
/// variables it set too before its version 1.
const MARKS: [(Ci, &str, Option<&str>); 9] = [
    (Ci::GitHub, "GITHUB_ACTIONS", Some("true")),
    (Ci::GitLab, "GITLAB_CI", None),
    (Ci::CircleCi, "CIRCLECI", None),
    (Ci::Bitbucket, "BITBUCKET_BUILD_NUMBER", None),
    (Ci::Buildkite, "BUILDKITE", None),
    (Ci::Azure, "TF_BUILD", None),
    (Ci::Jenkins, "JENKINS_URL", None),
    (Ci::Woodpecker, "CI", Some("woodpecker")),
    (Ci::Drone, "DRONE", None),
];

impl Ci {
    /// The CI system whose job this is, if any.
    pub fn of(env: &Env) -> Option<Self> {
        let is_set = |name, value: Option<&str>| match env.get(name) {
            Some(found) => value.is_none_or(|value| value == found),
            None => false,
        };
        let found = MARKS.iter().find(|(_, name, value)| is_set(name, *value));
        found.map(|(ci, ..)| *ci)
    }

    /// The name people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
            Self::CircleCi => "CircleCI",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::Buildkite => "Buildkite",
            Self::Azure => "Azure Pipelines",
            Self::Jenkins => "Jenkins",
            Self::Drone => "Drone",
            Self::Woodpecker => "Woodpecker",
        }
    }
}

#[cfg(test)]
mod tests;
