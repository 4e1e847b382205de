//! CI systems: how ecr-auth recognises a job, gets its OIDC token, and keeps its secrets out of logs and of other programs.
//!
//! Each system has one file, with one descriptor ([`CiSystem`]) of all that ecr-auth knows about that system. [`ALL`] lists the
//! descriptors. Everything else reads the list, so a new system needs one file and one line here.
//!
//! ```
//! use context::Env;
//!
//! let env: Env = [("GITLAB_CI", "true"), ("ECR_AUTH_ID_TOKEN", "eyJh.eyJz.c2ln")].into_iter().collect();
//! assert_eq!(ci::running_in(&env).unwrap().name, "GitLab CI");
//! let token = ci::CiToken::find(&env, None).unwrap().unwrap();
//! assert_eq!(token.name(), "the token in ECR_AUTH_ID_TOKEN");
//! ```

mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod descriptor;
mod drone;
mod find;
mod generic;
pub mod github;
mod gitlab;
mod jenkins;
mod mask;
mod minting;
mod missing;
mod secret_variables;
pub mod session_name;
mod woodpecker;

pub use descriptor::{
    CiSystem, CiToken, FetchedToken, JobMark, Masking, MissingToken, SessionWords, SubjectPitfall, TokenFinder,
    TokenIssuer, WantedAudience, WorkflowLines,
};
pub use mask::{mask, of_credentials, of_password, of_proxies};
pub use minting::{ProgramCall, RequestForm, TokenProgram, TokenRequest};
pub use missing::{gives_tokens, missing_token, missing_token_or};
pub use secret_variables::{remove_secrets, secret_variables, without_secrets};

use context::Env;

/// Every CI system, in the order in which jobs are recognised and tokens are taken. Woodpecker is listed before Drone, because before
/// version 1 Woodpecker set Drone's variables too.
pub static ALL: [&CiSystem; 11] = [
    &generic::VARIABLE,
    &github::GITHUB,
    &gitlab::GITLAB,
    &circleci::CIRCLECI,
    &bitbucket::BITBUCKET,
    &buildkite::BUILDKITE,
    &azure::AZURE,
    &jenkins::JENKINS,
    &woodpecker::WOODPECKER,
    &drone::DRONE,
    &generic::FILE,
];

/// Returns the CI system whose job this is, or `None` outside the known systems.
pub fn running_in(env: &Env) -> Option<&'static CiSystem> {
    ALL.into_iter().find(|ci| ci.mark.is_in(env))
}

/// Returns all that is known about who signs tokens, and what their subjects look like.
pub fn issuers() -> impl Iterator<Item = &'static TokenIssuer> {
    let givers = ALL.into_iter().chain([&generic::SERVICE_ACCOUNT]);
    givers.filter_map(|ci| ci.issuer.as_ref())
}

/// Returns what often goes wrong with OIDC subjects of this form.
pub fn subject_pitfall(subject: &str) -> Option<&'static SubjectPitfall> {
    let mut pitfalls = issuers().filter_map(|issuer| issuer.pitfall.as_ref());
    pitfalls.find(|pitfall| (pitfall.applies_to)(subject))
}

#[cfg(test)]
mod tests;
