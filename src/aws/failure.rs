//! What the SDK's errors mean, in words people can act on.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use http_body_util::LengthLimitError;

use super::http::BODY_LIMIT;
use crate::error::Error;

/// An API call that failed, as an error. `service` is the service's name with its region or address.
pub fn of_call<E, R>(service: &str, operation: &str, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: Debug,
{
    let what = format!("{service} {operation}");
    match &error {
        SdkError::ServiceError(context) => of_answer(&what, context.err()),
        SdkError::TimeoutError(_) => Error::failed(what, "no answer in time").hint(NETWORK_HINT),
        SdkError::ResponseError(_) => Error::failed(
            what,
            format!("the answer is not what the service sends ({})", root_cause(&error)),
        )
        .hint("something between here and AWS may answer in its place: look at the proxy and endpoint settings"),
        _ => Error::failed(what, root_cause(&error)).hint(NETWORK_HINT),
    }
}

const NETWORK_HINT: &str = "check the network, DNS, HTTPS_PROXY and NO_PROXY, and any AWS_ENDPOINT_URL";

/// AWS answered with an error: its code and its message, and what to do about the codes that people meet.
fn of_answer<E: ProvideErrorMetadata + StdError + 'static>(what: &str, error: &E) -> Error {
    let Some(code) = error.code() else {
        return Error::failed(what, root_cause(error)).hint(NETWORK_HINT);
    };
    let failed = Error::failed(what, code_and_message(Some(code), error.message()));
    match hint_for(code) {
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
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => "AWS asks for fewer calls: try again in a moment",
        _ => return None,
    })
}

/// The innermost cause, where the SDK's own words ("dispatch failure") say nothing.
pub fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error.to_string();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = next {
        if current.is::<LengthLimitError>() {
            return format!("it is longer than {} MiB", BODY_LIMIT / (1024 * 1024));
        }
        if let Some(io) = current.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionRefused
        {
            return "the connection was refused".to_owned();
        }
        let text = match current.downcast_ref::<ErrorMetadata>() {
            Some(answer) => code_and_message(answer.code(), answer.message()),
            None => current.to_string(),
        };
        if !text.is_empty() {
            last = text;
        }
        next = current.source();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("dispatch failure")]
    struct Outer(#[source] io::Error);

    #[test]
    fn the_innermost_cause_is_shown() {
        let refused = Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(root_cause(&refused), "the connection was refused");
        let other = Outer(io::Error::other("certificate expired"));
        assert_eq!(root_cause(&other), "certificate expired");
    }
}
