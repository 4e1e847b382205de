//! From an identity to AWS credentials and registry passwords.
//!
//! The way has three steps, and each step is one call:
//!
//! 1. [`Identity::choose`] decides whose credentials are used: a profile, a role, a user of Cognito, or the first source of AWS's standard
//!    chain. It reads the environment and small files, never the network.
//! 2. [`PasswordPath`] leads from an identity to the password of a registry, [`SessionPath`] to the credentials of a session. Both are the
//!    same [path](SecretPath): it holds the endpoint that is asked and the cache's key, so that nothing but the cache is needed while a
//!    secret is fresh.
//! 3. On a miss, the path fetches the secret with [`Aws`], the client that makes the calls. However many processes ask, one fetches.
//!
//! ```
//! use aws_access::PasswordPath;
//! use aws_access::identity::CredentialSource;
//! use context::Env;
//! use ecr_registry::Registry;
//! use settings::{IdentitySettings, RoleSettings};
//!
//! // A CI job that has a token, and settings that name a role.
//! let env: Env = [("ECR_AUTH_ID_TOKEN", "the job's token")].into_iter().collect();
//! let role = RoleSettings { role_arn: Some("ci-push".into()), ..RoleSettings::default() };
//! let registry = Registry::parse("111122223333.dkr.ecr.eu-west-1.amazonaws.com").ok_or("no registry")?;
//!
//! let path = PasswordPath::choose(&env, &registry, IdentitySettings::from(role))?;
//! let CredentialSource::Role(plan) = &path.identity().source else { return Err("not a role".into()) };
//! assert_eq!(plan.last(), "arn:aws:iam::111122223333:role/ci-push");
//! // `path.secret(…)` looks into the cache and, on a miss, calls STS and ECR.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, each of which uses only those above it:
//!
//! | module | what it knows |
//! |---|---|
//! | [`net`] | HTTP: TLS roots, proxies, time limits, why a connection failed |
//! | [`identity`] | whose credentials are used, and what tells an identity from every other |
//! | `endpoint`, `sign_in`, `client`, `failure` | where a service is asked, and which are asked before ECR; with which settings, and what errors mean |
//! | `session_credentials`, `mfa` | the credentials of a session; those that began with an MFA code |
//! | `ci_token`, `sts`, `cognito`, `metadata`, `profile_credentials`, `sso`, `login` | how each source gives tokens and credentials |
//! | `credentials`, `ecr`, `creation_template`, `account` | the credentials of an identity, and what AWS gives for them |
//! | `secret_path`, `password`, `session` | the one path from an identity to a secret |
//! | `mfa_sign_in` | the same path, where a person has to type a code first |

mod account;
mod ci_token;
mod client;
mod cognito;
mod creation_template;
mod credentials;
mod denial;
mod ecr;
mod endpoint;
mod expiration;
mod failure;
pub mod identity;
mod job_sign_in;
mod kept_session;
mod keys;
mod login;
mod managed_login;
mod metadata;
mod mfa;
mod mfa_sign_in;
pub mod net;
mod password;
mod profile_credentials;
mod secret_path;
mod session;
mod session_credentials;
mod sign_in;
mod sso;
mod sts;

pub use account::{CallerIdentity, caller, own_registry};
pub use client::Aws;
pub use cognito::{PerCallTimeout, not_signed_in};
pub use creation_template::CreationTemplate;
pub use ecr::AuthorizationToken;
pub use endpoint::{Endpoint, EndpointKind, Service};
pub use expiration::rfc3339;
pub use identity::Identity;
pub use mfa::MfaSessions;
pub use mfa_sign_in::AskForCode;
pub use password::{NamedPath, OwnPasswordPath, OwnRegistry, PasswordPath, passwords};
pub use secret_path::{ObtainableSecret, SecretPath};
pub use session::{SessionPath, SessionRequest};
pub use session_credentials::SessionCredentials;
pub use sign_in::Destination;
