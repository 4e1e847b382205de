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
use super::proxy::proxy_of;
use diagnostics::{Code, Error};
use ecr_registry::region_of_server_meant;

impl Aws<'_> {
    /// An API call that has just failed, as an error. `service` is the service's name with its region; where it wasn't AWS that
    /// answered, the address tells who was asked.
    pub(super) fn call_failed<E>(&self, service: &str, operation: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let what = format!("{service} {operation}");
        let status = error.raw_response().map(|answer| answer.status());
        let (code, cause, hint) = match (&error, status) {
            (SdkError::ServiceError(context), Some(_)) if context.err().code().is_some() => {
                return of_answer(&what, context.err());
            }
            (_, Some(status)) if !status.is_success() => (
                of_status(status.as_u16()),
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
                return Error::failed(of_connection(&cause), what, self.watch.trail.at(cause)).hint(hint);
            }
        };
        Error::failed(code, what, self.watch.trail.at(cause)).hint(hint)
    }

    /// What to do about a call that didn't come to an answer.
    pub(super) fn network_hint(&self, error: &(dyn StdError + 'static)) -> String {
        let trail = &self.watch.trail;
        let (address, server) = (trail.address().unwrap_or_default(), trail.server());
        match server.and_then(|server| proxy_of(self.env, &server)) {
            Some((name, url)) => {
                let proxy = format!("look at the proxy {url} ({name}) first, then at the network, DNS and NO_PROXY");
                reach_hint(error, &address, &proxy)
            }
            None => reach_hint(error, &address, NETWORK_HINT),
        }
    }
}

/// Nobody answered.
pub const NO_ANSWER: &str = "no answer in time";

const REFUSED: &str = "the connection was refused";
const RESET: &str = "the connection was reset";

/// For an answer that is not AWS's.
pub const ODD_ANSWER_HINT: &str =
    "this isn't how AWS answers: look at the proxy and at AWS_ENDPOINT_URL, and who answers in AWS's place";

/// For a signature that is too old, or too young.
const CLOCK_HINT: &str =
    "this machine's clock is off: timedatectl set-ntp true, or the host's clock where this is a container";

/// For a network that fails.
pub const NETWORK_HINT: &str = "check the network, DNS, HTTPS_PROXY and NO_PROXY, and any AWS_ENDPOINT_URL";

/// For a server that nobody known vouches for.
const ROOTS_HINT: &str = "if a proxy here opens TLS, name the CA it signs with in SSL_CERT_FILE or AWS_CA_BUNDLE (a PEM file), and give it to docker's daemon too";

/// For a certificate that is too old, or too young.
const EXPIRED_HINT: &str =
    "look at this machine's clock first (date -u); else the certificate of the proxy or endpoint has to be renewed";

/// For a CA's certificate where a server's belongs.
const CA_HINT: &str = "give the server a certificate that is signed by that CA, with the server's name in it, and name the CA in SSL_CERT_FILE or AWS_CA_BUNDLE (a PEM file)";

/// For a certificate that is another server's, or that nobody can use.
const CERTIFICATE_HINT: &str =
    "look at who answers under that name: a proxy that opens TLS, DNS or AWS_ENDPOINT_URL may lead to another server";

/// What to do about a server that can't be reached: about its certificate; with the region that may have been meant, where DNS knows no
/// such server; or `otherwise`.
pub fn reach_hint(error: &(dyn StdError + 'static), address: &str, otherwise: &str) -> String {
    let cause = root_cause(error);
    match told_of_connection(&cause) {
        Some(Code::UnknownRoot) => return ROOTS_HINT.to_owned(),
        Some(Code::CertificateExpired) => return EXPIRED_HINT.to_owned(),
        Some(Code::Certificate) if cause.ends_with(CA_SHOWN) => return CA_HINT.to_owned(),
        Some(Code::Certificate) => return CERTIFICATE_HINT.to_owned(),
        _ => {}
    }
    // The words of hyper-util, whose type for it is its own.
    let is_unresolved = causes(error).any(|cause| cause.to_string() == "dns error");
    match region_of_server_meant(address).filter(|_| is_unresolved) {
        Some(meant) => format!("{meant} DNS knows no such server; if the region is right, {otherwise}"),
        None => otherwise.to_owned(),
    }
}

/// AWS answered with an error: its code and its message, and what to do about the codes that people meet.
fn of_answer<E: ProvideErrorMetadata>(what: &str, error: &E) -> Error {
    let cause = code_and_message(error.code(), error.message());
    let (family, hint) = family(error.code().unwrap_or_default(), error.message().unwrap_or_default());
    let failed = Error::failed(family, what, cause);
    match hint {
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

/// What AWS's own codes mean, and what to do about those that people meet.
fn family(code: &str, message: &str) -> (Code, Option<&'static str>) {
    let (family, hint) = match code {
        "AccessDeniedException" | "AccessDenied" => (
            if message.contains("explicit deny") {
                Code::ExplicitDeny
            } else {
                Code::TokenDenied
            },
            "give the principal ecr:GetAuthorizationToken on resource * (for ECR Public ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken), and look for a denying SCP or boundary",
        ),
        "UnrecognizedClientException" | "InvalidClientTokenId" => (
            Code::UnknownKey,
            "AWS doesn't know this access key: it was deleted, belongs to another partition, or its session token is missing",
        ),
        // A signature's age is told with the two times.
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
            (Code::Throttled, "AWS asks for fewer calls: try again in a moment")
        }
        "ServerException" | "InternalFailure" | "InternalServerError" | "ServiceUnavailable" => {
            return (Code::ServerError, None);
        }
        _ => return (Code::AwsRefuses, None),
    };
    (family, Some(hint))
}

/// The family of an answer that is no error of AWS's.
pub fn of_status(status: u16) -> Code {
    match status {
        429 => Code::Throttled,
        500.. => Code::ServerError,
        _ => Code::OddAnswer,
    }
}

/// The family of a connection that fails, by its innermost cause.
pub fn of_connection(cause: &str) -> Code {
    told_of_connection(cause).unwrap_or(Code::Connection)
}

/// The same, where it is not sure that the connection failed. TLS, the resolver and the proxy's tunnel tell theirs in words alone.
pub fn told_of_connection(cause: &str) -> Option<Code> {
    let says = |part: &str| cause.contains(part);
    Some(match () {
        () if says("failed to lookup") || says("invalid dns name") => Code::Dns,
        () if says("tunnel error") || says("proxy authorization") => Code::Proxy,
        () if says("UnknownIssuer") => Code::UnknownRoot,
        () if says("certificate") && (says("xpired") || says("NotValidYet") || says("not valid yet")) => {
            Code::CertificateExpired
        }
        () if says(CERTIFICATE) => Code::Certificate,
        () if says(NO_ANSWER) => Code::Timeout,
        () if says(REFUSED) || says(RESET) => Code::Connection,
        () => return None,
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
    certificate_in_words(&last).unwrap_or(last)
}

/// How rustls begins to say what is wrong with a server's certificate.
const CERTIFICATE: &str = "invalid peer certificate: ";

/// A CA's own certificate where a server's belongs: what `openssl req -x509` makes.
const CA_SHOWN: &str = "the server shows a CA's own certificate as its own";

/// What is wrong with a certificate, where rustls says it in names of its code. `UnknownIssuer` stays: people look that up.
fn certificate_in_words(cause: &str) -> Option<String> {
    let wrong = cause.strip_prefix(CERTIFICATE)?;
    let wrong = wrong.strip_prefix("Other(OtherError(").unwrap_or(wrong);
    let name = wrong.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    let words = match name {
        "UnknownIssuer" => name.to_owned(),
        "CaUsedAsEndEntity" => CA_SHOWN.to_owned(),
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => words(name.trim_end_matches("Context")),
        _ => NAME_KINDS
            .iter()
            .fold(wrong.to_owned(), |text, kind| without_kind(&text, kind)),
    };
    Some(format!("{CERTIFICATE}{words}"))
}

/// `BadEncoding` as `bad encoding`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// What stands around the names of a certificate that has others than the one that was asked.
const NAME_KINDS: [&str; 3] = ["DnsName(", "IpAddress(", "UniformResourceIdentifier("];

/// `KIND"name")` as `"name"`.
fn without_kind(text: &str, kind: &str) -> String {
    let mut parts = text.split(kind);
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |plain, part| plain + &part.replacen(')', "", 1))
}

/// How a connection ended, where people would otherwise read the system's words.
fn ended(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(REFUSED),
        io::ErrorKind::ConnectionReset => Some(RESET),
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
    fn what_to_do_about_a_server_that_cannot_be_reached() {
        let hint = |address| {
            let error = Unresolved(Outer(io::Error::other("failed to lookup address information")));
            reach_hint(&error, address, NETWORK_HINT)
        };
        let slip = hint("api.ecr.eu-wets-1.amazonaws.com");
        assert!(
            slip.starts_with("did you mean eu-west-1? DNS knows no such server; "),
            "{slip}"
        );
        assert_eq!(hint("api.ecr.xx-newland-1.amazonaws.com"), NETWORK_HINT);
        let stranger = Outer(io::Error::other("invalid peer certificate: UnknownIssuer"));
        assert_eq!(
            reach_hint(&stranger, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT),
            ROOTS_HINT
        );
        let old = Outer(io::Error::other("invalid peer certificate: certificate expired: …"));
        assert_eq!(
            reach_hint(&old, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT),
            EXPIRED_HINT
        );
        let of_certificate = |wrong: &str| {
            let error = Outer(io::Error::other(format!("invalid peer certificate: {wrong}")));
            reach_hint(&error, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT)
        };
        assert_eq!(of_certificate("Other(OtherError(CaUsedAsEndEntity))"), CA_HINT);
        assert_eq!(
            of_certificate("certificate not valid for name \"a\"; …"),
            CERTIFICATE_HINT
        );
        let refused = Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        let hint = reach_hint(&refused, "api.ecr.eu-wets-1.amazonaws.com", NETWORK_HINT);
        assert_eq!(hint, NETWORK_HINT);
    }

    #[test]
    fn each_way_a_connection_fails_has_its_family() {
        for (cause, family) in [
            (
                "a:1: failed to lookup address information: Name does not resolve",
                Code::Dns,
            ),
            ("tunnel error: unsuccessful", Code::Proxy),
            ("invalid peer certificate: UnknownIssuer", Code::UnknownRoot),
            (
                "invalid peer certificate: certificate expired: verification time 1",
                Code::CertificateExpired,
            ),
            (
                "invalid peer certificate: certificate not valid yet: x",
                Code::CertificateExpired,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"",
                Code::Certificate,
            ),
            (NO_ANSWER, Code::Timeout),
            (REFUSED, Code::Connection),
        ] {
            assert_eq!(told_of_connection(cause), Some(family), "{cause}");
        }
        assert_eq!(told_of_connection("AccessDenied: no"), None);
        assert_eq!(of_connection("unexpected end of file"), Code::Connection);
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let shown = |wrong: &str| {
            let error = Outer(io::Error::other(format!("invalid peer certificate: {wrong}")));
            let cause = root_cause(&error);
            cause.strip_prefix("invalid peer certificate: ").unwrap().to_owned()
        };
        for (wrong, words) in [
            ("UnknownIssuer", "UnknownIssuer"),
            ("Other(OtherError(CaUsedAsEndEntity))", CA_SHOWN),
            (
                "Other(OtherError(UnsupportedCriticalExtension))",
                "unsupported critical extension",
            ),
            (
                "UnsupportedSignatureAlgorithmContext { signature_algorithm_id: [6, 9], supported_algorithms: [] }",
                "unsupported signature algorithm",
            ),
            ("BadEncoding", "bad encoding"),
            (
                "certificate not valid for name \"a\"; certificate is only valid for DnsName(\"b\"), DnsName(\"*.c\") or IpAddress(127.0.0.1)",
                "certificate not valid for name \"a\"; certificate is only valid for \"b\", \"*.c\" or 127.0.0.1",
            ),
            (
                "certificate not valid for name \"a\"; certificate is not valid for any names (according to its subjectAltName extension)",
                "certificate not valid for name \"a\"; certificate is not valid for any names (according to its subjectAltName extension)",
            ),
            (
                "certificate expired: verification time 1",
                "certificate expired: verification time 1",
            ),
        ] {
            assert_eq!(shown(wrong), words);
        }
        // What has run out is told by more than the words alone.
        assert_eq!(
            of_connection(&root_cause(&Outer(io::Error::other(
                "invalid peer certificate: NotValidYet"
            )))),
            Code::CertificateExpired
        );
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
            [429, 503, 307].map(of_status),
            [Code::Throttled, Code::ServerError, Code::OddAnswer]
        );
    }

    #[test]
    fn the_innermost_cause_is_shown() {
        let refused = Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(root_cause(&refused), "the connection was refused");
        let other = Outer(io::Error::other("certificate expired"));
        assert_eq!(root_cause(&other), "certificate expired");
    }
}
