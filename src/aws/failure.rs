//! What the SDK's errors mean, in words people can act on.

use std::error::Error as StdError;
use std::io;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use http_body_util::LengthLimitError;

use super::Aws;
use super::http::BODY_LIMIT;
use crate::error::Error;
use crate::registry::region_of_server_meant;

impl Aws<'_> {
    /// An API call that has just failed, as an error. `service` is the service's name with its region; where it wasn't AWS that
    /// answered, the address tells who was asked.
    pub(super) fn call_failed<E>(&self, service: &str, operation: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let what = format!("{service} {operation}");
        let status = error.raw_response().map(|answer| answer.status());
        let (cause, hint) = match (&error, status) {
            (SdkError::ServiceError(context), Some(_)) if context.err().code().is_some() => {
                return of_answer(&what, context.err());
            }
            (_, Some(status)) if !status.is_success() => (
                format!("the answer is HTTP status {} and no error of AWS's", status.as_u16()),
                ODD_ANSWER_HINT,
            ),
            (_, Some(_)) => (
                format!("the answer is not what the service sends: {}", root_cause(&error)),
                ODD_ANSWER_HINT,
            ),
            (SdkError::TimeoutError(_), _) => ("no answer in time".to_owned(), NETWORK_HINT),
            _ => {
                let hint = self.network_hint(&error);
                return Error::failed(what, self.watch.trail.at(root_cause(&error))).hint(hint);
            }
        };
        Error::failed(what, self.watch.trail.at(cause)).hint(hint)
    }

    /// What to do about a call that didn't come to an answer.
    fn network_hint(&self, error: &(dyn StdError + 'static)) -> String {
        unresolved_hint(error, &self.watch.trail.address().unwrap_or_default(), NETWORK_HINT)
    }
}

/// For an answer that is not AWS's.
pub const ODD_ANSWER_HINT: &str =
    "this isn't how AWS answers: look at the proxy and at AWS_ENDPOINT_URL, and who answers in AWS's place";

/// For a network that fails.
pub const NETWORK_HINT: &str = "check the network, DNS, HTTPS_PROXY and NO_PROXY, and any AWS_ENDPOINT_URL";

/// The same, with the region that may have been meant, where the server's name isn't known to DNS.
pub fn unresolved_hint(error: &(dyn StdError + 'static), address: &str, otherwise: &str) -> String {
    // The words of hyper-util, whose type for it is its own.
    let is_unresolved = causes(error).any(|cause| cause.to_string() == "dns error");
    match region_of_server_meant(address).filter(|_| is_unresolved) {
        Some(meant) => format!("{meant} DNS knows no such server; if the region is right, {otherwise}"),
        None => otherwise.to_owned(),
    }
}

/// AWS answered with an error: its code and its message, and what to do about the codes that people meet.
fn of_answer<E: ProvideErrorMetadata>(what: &str, error: &E) -> Error {
    let failed = Error::failed(what, code_and_message(error.code(), error.message()));
    match error.code().and_then(hint_for) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

fn code_and_message(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}

fn hint_for(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDeniedException" | "AccessDenied" => {
            "give the principal ecr:GetAuthorizationToken on resource * (for ECR Public ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken), and look for a denying SCP or boundary"
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" => {
            "AWS doesn't know this access key: it was deleted, belongs to another partition, or its session token is missing"
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            "the secret access key doesn't belong to the access key id, or this machine's clock is off"
        }
        "ExpiredTokenException" | "ExpiredToken" => "the credentials have expired: get new ones and try again",
        "RequestExpired" => "this machine's clock is off: set it right",
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => {
            "AWS asks for fewer calls: try again in a moment"
        }
        _ => return None,
    })
}

/// An error and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        cause.source()
    })
}

/// Whether nobody answered in time.
pub fn timed_out(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<ConnectorError>()
            .is_some_and(ConnectorError::is_timeout)
    })
}

/// The innermost cause, where the SDK's own words ("dispatch failure") say nothing.
pub fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error.to_string();
    for current in causes(error) {
        if current.is::<LengthLimitError>() {
            return format!("it is longer than {} MiB", BODY_LIMIT / (1024 * 1024));
        }
        if let Some(how) = current.downcast_ref::<io::Error>().and_then(ended) {
            return how.to_owned();
        }
        let text = match current.downcast_ref::<ErrorMetadata>() {
            Some(answer) => code_and_message(answer.code(), answer.message()),
            None => current.to_string(),
        };
        if !text.is_empty() {
            last = text;
        }
    }
    last
}

/// How a connection ended, where people would otherwise read the system's words.
fn ended(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("the connection was refused"),
        io::ErrorKind::ConnectionReset => Some("the connection was reset"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("dispatch failure")]
    struct Outer(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("dns error")]
    struct Unresolved(#[source] Outer);

    #[test]
    fn a_server_that_dns_does_not_know_may_be_in_another_region() {
        let hint = |address| {
            let error = Unresolved(Outer(io::Error::other("failed to lookup address information")));
            unresolved_hint(&error, address, NETWORK_HINT)
        };
        let slip = hint("api.ecr.eu-wets-1.amazonaws.com");
        assert!(
            slip.starts_with("did you mean eu-west-1? DNS knows no such server; "),
            "{slip}"
        );
        assert_eq!(hint("api.ecr.xx-newland-1.amazonaws.com"), NETWORK_HINT);
        let refused = Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        let hint = unresolved_hint(&refused, "api.ecr.eu-wets-1.amazonaws.com", NETWORK_HINT);
        assert_eq!(hint, NETWORK_HINT);
    }

    #[test]
    fn the_innermost_cause_is_shown() {
        let refused = Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(root_cause(&refused), "the connection was refused");
        let other = Outer(io::Error::other("certificate expired"));
        assert_eq!(root_cause(&other), "certificate expired");
    }
}
