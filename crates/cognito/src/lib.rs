//! Signing in to a Cognito user pool, and trading what that gives for AWS credentials: what is computed, asked and kept. The calls
//! themselves are made by whoever implements [`Calls`], the questions put by whoever implements [`Questions`].

mod identity_pool;
mod kept;
pub mod passwords;
mod refusal;
mod secret_hash;
mod sign_in;
mod user;
mod wire;

use std::future::Future;
use std::time::SystemTime;

pub use identity_pool::{Login, OpenIdToken, PoolCredentials, credentials, open_id_token};
pub use kept::{Kept, KeptSignIn};
pub use refusal::Refusal;
pub use sign_in::{Given, Questions, SignedIn, new_password, sign_in};
pub use user::{User, no_known_user, username};

use diagnostics::Error;
use secret::Secret;

/// The two services behind the name Cognito.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// User pools: passwords in, tokens out.
    UserPool,
    /// Identity pools: tokens in, AWS credentials out.
    IdentityPool,
}

/// Makes Cognito's calls, which nobody signs: what stands in them is what vouches.
pub trait Calls {
    /// Calls an operation of the service in a region with a JSON object, and gives the JSON object of the answer.
    fn call(
        &self,
        service: Service,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> impl Future<Output = Result<Secret, Failure>>;

    /// The time by the clock of who answered last: a sign-in is signed with it.
    fn server_time(&self) -> SystemTime;
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The service said no.
    Refused(Refusal),
    /// It couldn't be asked, or its answer is none.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Failed(error) => error,
        }
    }
}
