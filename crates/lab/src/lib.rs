//! A strict local AWS for tests and demonstrations: ECR, ECR Public, STS, Cognito, IMDSv2, container credentials, CI systems that issue OIDC
//! tokens, and the registries themselves in front of Debian's docker-registry.
//!
//! The lab refuses what AWS refuses, with AWS's codes and shapes, and allows what AWS allows. It listens on loopback, over HTTP and over HTTPS
//! with a certificate authority of its own. It answers under AWS's real host names as well as at an endpoint override, counts every call, and
//! fails on demand ([`Fault`]).
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
//! [`Aws`] is the state that all listeners share. A service is a module that answers its calls from that state (`sts`, `ecr`, `cognito`,
//! `metadata`, `ci`); `server` leads a request to its service, and `start` opens the listeners. README.md lists the lab's own HTTP controls.

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

/// The state of everything that the lab plays, shared by its listeners and its users. [`Lab`] dereferences to it.
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
    /// Moves the lab's clock forward: what it checks and issues from now on goes by it, and so do its `Date` headers.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Seconds since the epoch, by the lab's clock.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Everything secret it knows: of access keys and sessions, the passwords it gave out, the tokens that let a job or a container ask.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = lock(&self.iam).secrets();
        secrets.extend(lock(&self.tokens).passwords());
        secrets.extend(lock(&self.metadata).secrets());
        secrets.extend(lock(&self.jobs).secrets());
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    /// Forgets counts and log, ends all faults, and puts the clock back. Principals, tokens and images stay.
    pub fn reset(&self) {
        self.clear_faults();
        self.calls.reset();
        self.clock.reset();
    }
}

/// Why the lab could not start, or could not carry out an order.
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

/// Locks, also after a panic elsewhere: the lab's data holds no state that half a change would break.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
