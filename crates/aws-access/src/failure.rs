//! Explains the SDK's errors in words that people can act on.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::client::Aws;
use crate::net::{NETWORK_HINT, NO_ANSWER, code_and_message, connection_code, proxy_of, reach_hint, root_cause};
use diagnostics::{Code, Error};

/// The hint for a response that is not from AWS.
pub const ODD_ANSWER_HINT: &str =
    "this isn't how AWS answers: check the proxy and AWS_ENDPOINT_URL, and which server answers";

/// The hint for a signature whose time is too old or in the future.
const CLOCK_HINT: &str =
    "this machine's clock is off: timedatectl set-ntp true, or the host's clock where this is a container";

impl Aws<'_> {
    /// Returns the error of a failed API call. `service` is the service's name with its region. If the response is not from AWS, the error names
    /// the address that was asked.
    pub(crate) fn call_failed<E>(&self, service: &str, operation: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let what = format!("{service} {operation}");
        let status = error.raw_response().map(|answer| answer.status());
        let (code, cause, hint) = match (&error, status) {
            (SdkError::ServiceError(context), Some(_)) if context.err().code().is_some() => {
                return aws_answered(&what, context.err());
            }
            (_, Some(status)) if !status.is_success() => (
                code_of_status(status.as_u16()),
                format!("the answer is HTTP status {} and no error of AWS's", status.as_u16()),
                ODD_ANSWER_HINT,
            ),
            (_, Some(_)) => (
                Code::OddAnswer,
                format!("the answer is not what the service sends: {}", root_cause(&error)),
                ODD_ANSWER_HINT,
            ),
            (SdkError::TimeoutError(_), _) => (Code::Timeout, NO_ANSWER.to_owned(), NETWORK_HINT),
            _ => {
                let cause = root_cause(&error);
                let hint = self.network_hint(&error);
                return Error::failed(connection_code(&cause), what, self.observer.last_request.at(cause)).hint(hint);
            }
        };
        Error::failed(code, what, self.observer.last_request.at(cause)).hint(hint)
    }

    /// Returns the hint for a call that got no response.
    pub(crate) fn network_hint(&self, error: &(dyn StdError + 'static)) -> String {
        let trail = &self.observer.last_request;
        let (address, server) = (trail.address().unwrap_or_default(), trail.server());
        match server.and_then(|server| proxy_of(self.env, &server).ok()?) {
            Some(proxy) => {
                let proxy = format!(
                    "look at the proxy {} ({}) first, then at the network, DNS and NO_PROXY",
                    proxy.shown(),
                    proxy.variable
                );
                reach_hint(error, &address, &proxy)
            }
            None => reach_hint(error, &address, NETWORK_HINT),
        }
    }
}

/// Returns the error for an error response of AWS: its code, its message, and a hint for common codes.
fn aws_answered<E: ProvideErrorMetadata>(what: &str, error: &E) -> Error {
    let cause = code_and_message(error.code(), error.message());
    let (family, hint) = family(error.code().unwrap_or_default(), error.message().unwrap_or_default());
    let failed = Error::failed(family, what, cause);
    match hint {
        Some(hint) => failed.hint_lines(hint.lines()),
        None => failed,
    }
}

/// Returns the code of ecr-auth for a code of AWS's, and the hint if the code is common, in short lines.
fn family(code: &str, message: &str) -> (Code, Option<&'static str>) {
    let (family, hint) = match code {
        "AccessDeniedException" | "AccessDenied" => (
            if message.contains("explicit deny") {
                Code::ExplicitDeny
            } else {
                Code::TokenDenied
            },
            "give the principal ecr:GetAuthorizationToken on resource *\n\
             For ECR Public: ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken\n\
             If its policies allow that, look for an SCP or a permissions boundary that denies it",
        ),
        "UnrecognizedClientException" | "InvalidClientTokenId" => (
            Code::UnknownKey,
            "AWS doesn't know this access key: it was deleted, belongs to another partition, or its session token is missing",
        ),
        // The two times in the message show a signature's age.
        "InvalidSignatureException" | "SignatureDoesNotMatch" if message.starts_with("Signature") => {
            (Code::Clock, CLOCK_HINT)
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => (
            Code::WrongSecret,
            "the secret access key doesn't belong to the access key id, or this machine's clock is off",
        ),
        "ExpiredTokenException" | "ExpiredToken" => (
            Code::SessionExpired,
            "the credentials have expired: get new ones and try again",
        ),
        "RequestExpired" => (Code::Clock, CLOCK_HINT),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => {
            (Code::Throttled, "AWS limits the rate of calls: try again in a moment")
        }
        "ServerException" | "InternalFailure" | "InternalServerError" | "ServiceUnavailable" => {
            return (Code::ServerError, None);
        }
        _ => return (Code::AwsRefuses, None),
    };
    (family, Some(hint))
}

/// Returns the code for a response that is not an AWS error.
pub fn code_of_status(status: u16) -> Code {
    match status {
        429 => Code::Throttled,
        500.. => Code::ServerError,
        _ => Code::OddAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_short_lines() {
        for code in [
            "AccessDenied",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "Throttling",
        ] {
            let hint = family(code, "").1.unwrap();
            assert!(hint.lines().all(|line| line.len() <= 120), "{hint}");
        }
    }

    #[test]
    fn what_aws_refuses_has_its_family() {
        let of = |code, message| family(code, message).0;
        let denied = "User: a is not authorized to perform: b with an explicit deny in a service control policy";
        assert_eq!(of("AccessDeniedException", denied), Code::ExplicitDeny);
        assert_eq!(
            of("AccessDeniedException", "because no identity-based policy allows"),
            Code::TokenDenied
        );
        assert_eq!(of("InvalidSignatureException", "Signature expired: 2026"), Code::Clock);
        assert_eq!(
            of("SignatureDoesNotMatch", "The request signature we calculated"),
            Code::WrongSecret
        );
        assert_eq!(of("SomethingNew", ""), Code::AwsRefuses);
        assert_eq!(
            [429, 503, 307].map(code_of_status),
            [Code::Throttled, Code::ServerError, Code::OddAnswer]
        );
    }
}
