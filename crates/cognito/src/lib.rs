//! Signing in to a Cognito user pool, and trading the sign-in for AWS credentials.
//!
//! This crate computes, asks and keeps. It makes no call and knows no terminal: whoever implements [`CognitoCalls`] makes Cognito's calls, and
//! whoever implements [`Questions`] asks the person.
//!
//! 1. [`sign_in`] proves the password (by SRP it never leaves the machine) and answers challenge after challenge: a new password, a code,
//!    an authenticator to set up. Its result, [`SignedIn`], has the tokens.
//! 2. [`RefreshTokenStore`] keeps the refresh token, so that the next sign-in asks nobody.
//! 3. [`credentials`] trades the [`ProviderLogin`] of a signed-in user for AWS credentials at an identity pool; [`open_id_token`] trades it for a
//!    token that STS takes.
//! 4. [`managed_login`] signs in with the user's browser instead: the user pool's own pages ask for whatever is needed.
//! 5. [`passwords`] changes a password that is known, and replaces one that is forgotten.
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
pub use kept::{KeptSignIn, RefreshTokenStore, no_known_user, username};
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

/// Makes Cognito's calls, which nobody signs: what stands in them is what vouches.
pub trait CognitoCalls {
    /// Calls an operation of the service in a region with a JSON object, and gives the JSON object of the answer.
    fn call(
        &self,
        service: CognitoService,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> impl Future<Output = Result<Secret, CallFailure>>;

    /// The time by the clock of who answered last: a sign-in is signed with it.
    fn server_time(&self) -> SystemTime;
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailure {
    /// The service said no.
    Refused(CallRefusal),
    /// It couldn't be asked, or its answer is none.
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
