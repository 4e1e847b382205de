//! A strict local AWS for tests and demonstrations: ECR, ECR Public, STS, Cognito, IMDSv2, container credentials, CI
//! systems that issue OIDC tokens, and the registries, backed by Debian's docker-registry.
//!
//! The lab refuses what AWS refuses, with AWS's codes and formats, and allows what AWS allows. It listens on loopback,
//! over HTTP and over HTTPS with its own certificate authority. It answers both at AWS's real host names and at an
//! endpoint override, counts every call, and can inject faults ([`Fault`]).
//!
//! ```
//! use lab::{Lab, Options};
//!
//! let lab = Lab::start(Options::default().registry(false))?;
//! let admin = lab.admin();
//! // Point a client at lab.http_url() with admin.id and admin.secret, then look at what it called:
//! assert!(admin.id.starts_with("AKIA") && lab.http_url().starts_with("http://127.0.0.1:"));
//! assert_eq!(lab.count("ecr:GetAuthorizationToken"), 0);
//! # Ok::<(), lab::LabError>(())
//! ```
//!
//! All listeners share the state [`Aws`]. Each service is a module that answers its calls from that state (`sts`,
//! `ecr`, `cognito`, `metadata`, `ci`). `server` routes a request to its service, and `start` opens the listeners.
//! README.md lists the HTTP controls.

mod answer;
mod calls;
mod ci;
mod clock;
pub mod cognito;
mod control;
mod ecr;
mod faults;
mod hosts;
mod images;
mod jwt;
mod metadata;
mod mfa;
mod policy;
mod principals;
mod projected;
mod random;
mod registry_front;
mod repositories;
mod request;
mod server;
mod session_tags;
mod sigv4;
mod start;
mod sts;
mod tls;
mod totp;
mod upstream;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use calls::{Call, CallReport, SessionCall, TokenClaims};
pub use ci::{Ci, CiJob, GithubJob, JobSpec};
pub use faults::{Fault, FaultRule};
pub use hosts::Service;
pub use jwt::{GITHUB_ISSUER, SigningAlgorithm};
pub use metadata::ContainerCredentials;
pub use policy::{Access, Condition, Operator, Permissions, RepositoryPolicy, RoleSpec, Scoped, Tagged, Trust};
pub use principals::{ACCOUNT, AccessKey, PARTNER_ACCOUNT};
pub use projected::{EKS_ISSUER, ServiceAccount, write_projected};
pub use repositories::CreationTemplate;
pub use sigv4::{SignedRequest, signature};
pub use start::{Lab, Options};

/// The state of everything that the lab plays. [`Lab`] dereferences to it.
#[derive(Debug)]
pub struct Aws {
    clock: clock::Clock,
    iam: Mutex<principals::Iam>,
    oidc: Mutex<jwt::Oidc>,
    tokens: Mutex<ecr::Tokens>,
    bearers: Mutex<registry_front::Bearers>,
    cognito: cognito::Pools,
    jobs: Mutex<ci::Jobs>,
    /// Set once the lab listens.
    site: OnceLock<ci::Site>,
    metadata: Mutex<metadata::Metadata>,
    host_aliases: Mutex<HashMap<String, hosts::AwsHost>>,
    repositories: Mutex<repositories::Repositories>,
    calls: calls::Calls,
    faults: faults::Faults,
    upstream: Option<upstream::Upstream>,
}

impl Aws {
    /// Moves the lab's clock forward. The clock sets the times of all checks, of everything issued, and of `Date`
    /// headers.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Returns seconds since the epoch by the lab's clock.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Returns all secrets of the lab: of access keys and sessions, issued passwords, and the tokens with which jobs
    /// and containers request credentials.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = lock(&self.iam).secrets();
        secrets.extend(lock(&self.tokens).passwords());
        secrets.extend(lock(&self.metadata).secrets());
        secrets.extend(lock(&self.jobs).secrets());
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    /// Clears counts and log, ends all faults, and resets the clock. Principals, tokens and images stay.
    pub fn reset(&self) {
        self.clear_faults();
        self.calls.reset();
        self.clock.reset();
    }
}

/// Why the lab could not start or could not do what was requested.
#[derive(Debug)]
pub struct LabError {
    what: &'static str,
    cause: answer::BoxError,
}

impl LabError {
    fn new(what: &'static str, cause: impl Into<answer::BoxError>) -> Self {
        Self {
            what,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Locks a mutex, ignoring poisoning: a panic never leaves the lab's data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
