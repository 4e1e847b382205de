//! Signing in to a Cognito user pool, and trading the sign-in for AWS credentials.
//!
//! This crate computes, asks and keeps. It makes no call and knows no terminal: an implementation of [`CognitoCalls`] calls Cognito, and an
//! implementation of [`Questions`] asks the user.
//!
//! 1. [`sign_in`] proves the password (by SRP it never leaves the machine) and answers challenge after challenge: a new password, a code,
//!    an authenticator to set up. Its result, [`SignedIn`], has the tokens.
//! 2. [`RefreshTokenStore`] keeps the refresh token, so that the next sign-in asks nothing.
//! 3. [`credentials`] trades the [`ProviderLogin`] of a signed-in user for AWS credentials at an identity pool; [`open_id_token`] trades it for a
//!    token that STS takes.
//! 4. [`managed_login`] signs in with the user's browser instead: the user pool's own pages ask the user.
//! 5. [`passwords`] changes a known password, and replaces a forgotten one.
//!
//! ```
//! use cognito::{CallFailure, CognitoCalls, CognitoService, ProviderLogin, credentials};
//! use secret::Secret;
//! use settings::CognitoSettings;
//!
//! /// Plays the identity pool.
//! struct Pool;
//!
//! impl CognitoCalls for Pool {
//!     async fn call(
//!         &self,
//!         _: CognitoService,
//!         _region: &str,
//!         operation: &'static str,
//!         _request: Secret,
//!     ) -> Result<Secret, CallFailure> {
//!         Ok(Secret::from(match operation {
//!             "GetId" => r#"{"IdentityId": "eu-west-1:1"}"#,
//!             _ => r#"{"Credentials": {"AccessKeyId": "ASIA1", "SecretKey": "s", "SessionToken": "t", "Expiration": 1700000000}}"#,
//!         }))
//!     }
//!
//!     fn server_time(&self) -> std::time::SystemTime {
//!         std::time::SystemTime::now()
//!     }
//! }
//!
//! let settings = CognitoSettings {
//!     identity_pool_id: "eu-west-1:12345678-abcd-1234-abcd-123456789012".into(),
//!     ..CognitoSettings::default()
//! };
//! let login = ProviderLogin { key: "accounts.google.com".into(), token: Secret::from("its token") };
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let keys = runtime.block_on(credentials(&Pool, &settings, &login)).map_err(diagnostics::Error::from)?;
//! assert_eq!(keys.access_key_id, "ASIA1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod device;
mod identity_pool;
mod kept;
mod login_place;
pub mod managed_login;
pub mod passwords;
mod refusal;
mod secret_hash;
mod sign_in;
mod user;
mod wire;

use std::future::Future;
use std::time::SystemTime;

pub use device::Device;
pub use identity_pool::{OpenIdToken, PoolCredentials, ProviderLogin, credentials, open_id_token};
pub use kept::{KeptSignIn, RefreshTokenStore, no_username, not_signed_in, username};
pub use login_place::LoginPlace;
pub use refusal::CallRefusal;
pub use sign_in::{PresetAnswers, Questions, SignedIn, new_password, sign_in};
pub use user::User;

use diagnostics::Error;
use secret::Secret;

/// The two services behind the name Cognito.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CognitoService {
    /// User pools: passwords in, tokens out.
    UserPool,
    /// Identity pools: tokens in, AWS credentials out.
    IdentityPool,
}

/// Makes calls to Cognito. They are not signed, because their contents prove the identity.
pub trait CognitoCalls {
    /// Calls an operation of the service in a region with a JSON object, and returns the JSON object of the response.
    fn call(
        &self,
        service: CognitoService,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> impl Future<Output = Result<Secret, CallFailure>>;

    /// Returns the current time by the clock of the last server. Sign-ins are signed with it.
    fn server_time(&self) -> SystemTime;
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailure {
    /// The service refused the call.
    Refused(CallRefusal),
    /// The service could not be reached, or its response cannot be used.
    Failed(Error),
}

impl From<Error> for CallFailure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<CallFailure> for Error {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Refused(refusal) => refusal.into(),
            CallFailure::Failed(error) => error,
        }
    }
}
