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

mod actions;
mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod descriptor;
mod drone;
mod find;
mod forgejo;
mod generic;
mod gitea;
pub mod github;
mod gitlab;
mod jenkins;
mod mask;
mod minting;
mod missing;
mod secret_variables;
pub mod session_name;
pub mod trust;
mod user_command;
mod visible;
mod woodpecker;
mod worth_hiding;

pub use descriptor::{
    CiSystem, CiToken, FetchedToken, JobMark, Masking, MissingToken, SessionWords, SubjectPitfall, TokenFinder,
    TokenIssuer, WantedAudience, WorkflowLines,
};
pub use mask::{check_masks, mask, of_credentials, of_password, of_proxies};
pub use minting::{ProgramCall, RequestForm, RequestKind, TokenProgram, TokenRequest};
pub use missing::{gives_tokens, missing_token, missing_token_before};
pub use secret_variables::{remove_secrets, secret_variables, without_secrets};
pub use trust::{TrustForm, TrustKey, TrustedJobs, WantedTrust, is_pull_request, trust_policy_command};
pub use visible::visible;

use context::Env;

/// Every CI system, in the order in which jobs are recognised and tokens are taken. Woodpecker is listed before Drone, because before
/// version 1 Woodpecker set Drone's variables too. Forgejo and Gitea are listed before GitHub, because they set GitHub's.
pub static ALL: [&CiSystem; 13] = [
    &generic::VARIABLE,
    &forgejo::FORGEJO,
    &gitea::GITEA,
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

/// Returns each variable that is read for a CI system, with its line in docs/configuration.md. Systems may share a variable.
pub fn documented_variables() -> Vec<(&'static str, String)> {
    let mut variables: Vec<(&'static str, String)> = Vec::new();
    for (name, line) in ALL.into_iter().flat_map(CiSystem::variables_read) {
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, lines)) if lines.ends_with(&line) => {}
            Some((_, lines)) => *lines = format!("{lines}; {line}"),
            None => variables.push((name, line)),
        }
    }
    variables
}

/// Returns how a trust policy names the jobs of each system that `--ci` can name.
pub fn trust_forms() -> impl Iterator<Item = &'static TrustForm> {
    let systems = ALL.into_iter().chain([&generic::SERVICE_ACCOUNT]);
    systems.filter_map(|ci| ci.trust.as_ref())
}

/// Returns all that is known about who signs tokens, and what their subjects look like.
pub fn issuers() -> impl Iterator<Item = &'static TokenIssuer> {
    let givers = ALL.into_iter().chain([&generic::SERVICE_ACCOUNT]);
    givers.filter_map(|ci| ci.issuer.as_ref())
}

/// Returns the claims beside `aud` and `sub` that AWS compares with a trust policy, for tokens of this issuer.
pub fn checked_claims(issuer: &str) -> &'static [&'static str] {
    issuers()
        .find(|known| known.url == issuer)
        .map_or(&[], |known| known.checked_claims)
}

/// Returns what often goes wrong with OIDC subjects of this form.
pub fn subject_pitfall(subject: &str) -> Option<&'static SubjectPitfall> {
    let mut pitfalls = issuers().filter_map(|issuer| issuer.pitfall.as_ref());
    pitfalls.find(|pitfall| (pitfall.applies_to)(subject))
}

#[cfg(test)]
mod tests;
