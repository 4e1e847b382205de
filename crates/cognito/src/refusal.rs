//! Explains Cognito's errors, with hints.

use super::CognitoService;
use diagnostics::{Code, Error, mention};

/// The hint where the app client's secret is wrong or missing.
pub(super) const CLIENT_SECRET_HINT: &str = concat!(
    "give the app client's secret with ",
    mention!("client-secret-file"),
    ", or none if it has none"
);

/// An error response of Cognito.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRefusal {
    /// The service that was called.
    pub service: CognitoService,
    /// The region of the service.
    pub region: String,
    /// The operation that was called.
    pub operation: &'static str,
    /// The error's code, such as `NotAuthorizedException`.
    pub code: String,
    /// The error's message.
    pub message: String,
}

impl CallRefusal {
    /// Whether the user's answer was wrong, and another one may be right: a code or a new password.
    pub fn is_wrong_answer(&self) -> bool {
        let is_code = matches!(
            self.code.as_str(),
            "CodeMismatchException" | "EnableSoftwareTokenMFAException" | "ExpiredCodeException"
        );
        is_code || self.is_wrong_password()
    }

    /// Whether a new password breaks the pool's rules.
    pub fn is_wrong_password(&self) -> bool {
        matches!(
            self.code.as_str(),
            "InvalidPasswordException" | "PasswordHistoryPolicyViolationException"
        )
    }

    /// Whether the user pool does not know the device.
    pub fn is_unknown_device(&self) -> bool {
        self.code == "ResourceNotFoundException" && self.message.to_ascii_lowercase().contains("device")
    }

    /// Whether the service doesn't know this operation, such as an old version or an emulator.
    pub fn is_unknown_operation(&self) -> bool {
        matches!(
            self.code.as_str(),
            "UnknownOperationException" | "InvalidAction" | "NotYetImplemented" | "UnsupportedOperationException"
        )
    }

    /// Returns the error's code in ecr-auth, and the hint.
    fn meaning(&self) -> (Code, Option<&'static str>) {
        let says = |part: &str| self.message.to_ascii_lowercase().contains(part);
        let (code, hint) = match (self.service, self.code.as_str()) {
            (_, "NotAuthorizedException") if says("attempts exceeded") => (
                Code::TooManyTries,
                "too many wrong passwords: Cognito lets this user try again after a while, 15 minutes at most",
            ),
            (_, "NotAuthorizedException")
                if says("secret hash") || says("configured with secret") || says("configured for secret") =>
            {
                (Code::ClientSecret, CLIENT_SECRET_HINT)
            }
            (_, "NotAuthorizedException") if says("disabled") => {
                (Code::UserState, "ask the owner of the user pool to enable the user")
            }
            (_, "NotAuthorizedException") if says("temporary password") => (
                Code::UserState,
                "the temporary password is too old: ask the owner of the user pool to send a new one",
            ),
            (CognitoService::UserPool, "NotAuthorizedException") if says("cannot be reset in the current state") => (
                Code::UserState,
                "the first password was never used: ask whoever sent you the file for another one; a company's user has no password here",
            ),
            (_, "NotAuthorizedException") if says("session") => (
                Code::WrongCode,
                "a sign-in must be finished within a few minutes, and each of its codes works once: start again",
            ),
            (CognitoService::UserPool, "NotAuthorizedException") if says("incorrect username or password") => (
                Code::WrongPassword,
                "check both; a forgotten password is replaced with: ecr-auth cognito forgot-password",
            ),
            (CognitoService::IdentityPool, "NotAuthorizedException")
                if says("supported provider") || says("login token") =>
            {
                (
                    Code::IdentityPool,
                    "the identity pool must know this user pool and this app client, or this provider: check the ids, and that they belong together",
                )
            }
            (CognitoService::IdentityPool, "NotAuthorizedException") if says("unauthenticated") => {
                (Code::IdentityPool, "the identity pool takes no guests: sign in")
            }
            (
                CognitoService::IdentityPool,
                "NotAuthorizedException" | "InvalidIdentityPoolConfigurationException" | "AccessDeniedException",
            ) => (
                Code::IdentityPool,
                "the identity pool has no role for this user, or not the one that role-arn asks for: ask the owner of the pool",
            ),
            (_, "UserNotConfirmedException") => (
                Code::UserState,
                "confirm the sign-up with the code that was sent, or ask the owner of the user pool",
            ),
            (_, "PasswordResetRequiredException") => (
                Code::UserState,
                "the password has to be replaced: run ecr-auth cognito forgot-password; the code for it may have been sent already",
            ),
            (_, "UserNotFoundException") => (Code::WrongPassword, "check the user name, and the user pool's id"),
            (_, "InvalidParameterException") if says("user_srp_auth") => (
                Code::Flow,
                concat!(
                    "allow the app client ALLOW_USER_SRP_AUTH, or sign in with ",
                    mention!("flow", "user-password"),
                    " where it has that"
                ),
            ),
            (_, "InvalidParameterException") if says("user_password_auth") => (
                Code::Flow,
                concat!(
                    "allow the app client ALLOW_USER_PASSWORD_AUTH, or sign in with ",
                    mention!("flow", "srp")
                ),
            ),
            (_, "InvalidParameterException") if says("user_auth") => (
                Code::Flow,
                concat!(
                    "allow the app client ALLOW_USER_AUTH and the user pool e-mail codes as a first factor, or sign in with ",
                    mention!("flow", "srp"),
                    " or ",
                    mention!("browser")
                ),
            ),
            (_, "InvalidParameterException") if says("refresh") => {
                (Code::Flow, "allow the app client ALLOW_REFRESH_TOKEN_AUTH")
            }
            (_, "InvalidParameterException") if says("verified") => (
                Code::UserState,
                "the user has no verified e-mail address or telephone to send a code to: ask the owner of the user pool",
            ),
            (CognitoService::UserPool, "ResourceNotFoundException") if says("client") => (
                Code::PoolUnknown,
                concat!("check ", mention!("client-id"), ", and that it is of this user pool"),
            ),
            (CognitoService::UserPool, "ResourceNotFoundException") => (
                Code::PoolUnknown,
                concat!("check ", mention!("user-pool-id"), ": its region comes first"),
            ),
            (CognitoService::IdentityPool, "ResourceNotFoundException") => (
                Code::PoolUnknown,
                concat!("check ", mention!("identity-pool-id"), ": its region comes first"),
            ),
            (_, "CodeMismatchException" | "EnableSoftwareTokenMFAException") => (
                Code::WrongCode,
                "the code is wrong, or a newer one has been sent: an authenticator's codes change every 30 seconds and need a clock that is right",
            ),
            (_, "ExpiredCodeException") => (Code::WrongCode, "ask for a new code, and use it at once"),
            (_, "InvalidPasswordException") => (
                Code::NewPassword,
                "choose a password that follows the user pool's rules",
            ),
            (_, "PasswordHistoryPolicyViolationException") => {
                (Code::NewPassword, "choose a password that was not used before")
            }
            (
                _,
                "LimitExceededException"
                | "TooManyRequestsException"
                | "TooManyFailedAttemptsException"
                | "ThrottlingException",
            ) => (
                Code::TooManyTries,
                "Cognito limits the number of tries: wait some minutes and try again",
            ),
            (_, "UserLambdaValidationException" | "UnexpectedLambdaException" | "InvalidLambdaResponseException") => (
                Code::CognitoRefuses,
                "a program of the user pool's owner refused or failed: ask them",
            ),
            (_, "ForbiddenException") => (
                Code::CognitoRefuses,
                "a firewall of the user pool's owner refused this network: ask them",
            ),
            (_, "ExternalServiceException" | "InternalErrorException" | "ServiceUnavailable") => {
                (Code::ServerError, "try again in a moment")
            }
            _ => return (Code::CognitoRefuses, None),
        };
        (code, Some(hint))
    }
}

impl From<CallRefusal> for Error {
    fn from(refusal: CallRefusal) -> Self {
        let service = match refusal.service {
            CognitoService::UserPool => "Amazon Cognito user pools",
            CognitoService::IdentityPool => "Amazon Cognito identity pools",
        };
        let what = format!("{service} ({}) {}", refusal.region, refusal.operation);
        let cause = match refusal.message.as_str() {
            "" => refusal.code.clone(),
            message => format!("{}: {message}", refusal.code),
        };
        let (code, hint) = refusal.meaning();
        let error = Self::failed(code, what, cause);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
