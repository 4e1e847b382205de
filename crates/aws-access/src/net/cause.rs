//! Explains why a connection failed, in words that people can act on.

use std::error::Error as StdError;
use std::io;

use aws_smithy_types::error::ErrorMetadata;
use http_body_util::LengthLimitError;

use super::BODY_LIMIT;
use super::proxy::{PROXY_HINT, UNUSABLE, UnusableProxy};
use diagnostics::Code;
use ecr_registry::region_of_server_meant;

/// The cause if no server answered.
pub const NO_ANSWER: &str = "no answer in time";

/// The standard library's words on Unix for a name that DNS does not know, before the system's. On Windows it has the system's alone.
const LOOKUP_FAILED: &str = "failed to lookup address information";

const REFUSED: &str = "the connection was refused";
const RESET: &str = "the connection was reset";

/// The hint for a network that fails.
pub const NETWORK_HINT: &str = "check the network, DNS, HTTPS_PROXY and NO_PROXY, and any AWS_ENDPOINT_URL";

/// The hint for a server whose certificate no known CA signed.
const ROOTS_HINT: &str = "if a proxy here opens TLS, name the CA it signs with in SSL_CERT_FILE or AWS_CA_BUNDLE (a PEM file), and give it to docker's daemon too";

/// The hint for a certificate that has expired or is not valid yet.
const EXPIRED_HINT: &str =
    "look at this machine's clock first (date -u); else the certificate of the proxy or endpoint has to be renewed";

/// The hint for a server that shows a CA's certificate.
const CA_HINT: &str = "give the server a certificate that is signed by that CA, with the server's name in it, and name the CA in SSL_CERT_FILE or AWS_CA_BUNDLE (a PEM file)";

/// The hint for a certificate of another server, or one that cannot be used.
const CERTIFICATE_HINT: &str = "check which server answers under that name: a proxy that opens TLS, DNS or AWS_ENDPOINT_URL may lead to another server";

/// Returns the hint for a server that cannot be reached: about its certificate, its proxy, about the region if DNS does not know the server, or `otherwise`.
pub fn reach_hint(error: &(dyn StdError + 'static), address: &str, otherwise: &str) -> String {
    if causes(error).any(|cause| cause.is::<UnusableProxy>()) {
        return PROXY_HINT.to_owned();
    }
    if let Some((_, hint)) = certificate_hint(&root_cause(error)) {
        return hint.to_owned();
    }
    match region_of_server_meant(address).filter(|_| is_unresolved(error)) {
        Some(meant) => format!("{meant} DNS knows no such server; if the region is right, {otherwise}"),
        None => otherwise.to_owned(),
    }
}

/// Whether the server's name could not be resolved. The text is hyper-util's, whose error type is private.
fn is_unresolved(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string() == "dns error")
}

/// Returns the code of an error whose innermost cause is about a certificate, and the hint.
pub fn certificate_hint(cause: &str) -> Option<(Code, &'static str)> {
    let code = connection_error_code(cause)?;
    let hint = match code {
        Code::UnknownRoot => ROOTS_HINT,
        Code::CertificateExpired => EXPIRED_HINT,
        Code::Certificate if cause.ends_with(CA_SHOWN) => CA_HINT,
        Code::Certificate => CERTIFICATE_HINT,
        _ => return None,
    };
    Some((code, hint))
}

/// Returns AWS's own code and message, as shown in an error.
pub fn code_and_message(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}

/// Returns the code of a connection that failed with this innermost cause.
pub fn connection_code(cause: &str) -> Code {
    connection_error_code(cause).unwrap_or(Code::Connection)
}

/// Returns the code of an error with this innermost cause. `None` if the error may not be about a connection. TLS, the resolver and the proxy's
/// tunnel report causes only as text.
pub fn connection_error_code(cause: &str) -> Option<Code> {
    let says = |part: &str| cause.contains(part);
    Some(match () {
        () if says(LOOKUP_FAILED) || says("invalid dns name") => Code::Dns,
        () if says(UNUSABLE) => Code::UnusableProxy,
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

/// Returns an error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        cause.source()
    })
}

/// Returns the innermost cause, because the SDK's own words ("dispatch failure") explain nothing.
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
    if is_unresolved(error) && !last.contains(LOOKUP_FAILED) {
        return format!("{LOOKUP_FAILED}: {last}");
    }
    certificate_in_words(&last).unwrap_or(last)
}

/// The start of rustls's text about a server's certificate.
const CERTIFICATE: &str = "invalid peer certificate: ";

/// The cause if the server shows a CA's own certificate, which `openssl req -x509` makes.
const CA_SHOWN: &str = "the server shows a CA's own certificate as its own";

/// Returns words for a certificate's error if rustls reports it by a name of its code. `UnknownIssuer` is kept, because people look it up.
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

/// Returns `bad encoding` for `BadEncoding`.
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

/// The text before each name of a certificate, if the certificate does not have the name that was asked for.
const NAME_KINDS: [&str; 3] = ["DnsName(", "IpAddress(", "UniformResourceIdentifier("];

/// Returns `"name"` for `KIND"name")`.
fn without_kind(text: &str, kind: &str) -> String {
    let mut parts = text.split(kind);
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |plain, part| plain + &part.replacen(')', "", 1))
}

/// Returns words for how a connection ended, instead of the system's.
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
    struct DnsCause(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("dns error")]
    struct Unresolved(#[source] DnsCause);

    #[test]
    fn what_to_do_about_a_server_that_cannot_be_reached() {
        let hint = |address| {
            let error = Unresolved(DnsCause(io::Error::other(LOOKUP_FAILED)));
            reach_hint(&error, address, NETWORK_HINT)
        };
        let slip = hint("api.ecr.eu-wets-1.amazonaws.com");
        assert!(
            slip.starts_with("did you mean eu-west-1? DNS knows no such server; "),
            "{slip}"
        );
        assert_eq!(hint("api.ecr.xx-newland-1.amazonaws.com"), NETWORK_HINT);
        let stranger = DnsCause(io::Error::other("invalid peer certificate: UnknownIssuer"));
        assert_eq!(
            reach_hint(&stranger, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT),
            ROOTS_HINT
        );
        let old = DnsCause(io::Error::other("invalid peer certificate: certificate expired: …"));
        assert_eq!(
            reach_hint(&old, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT),
            EXPIRED_HINT
        );
        let of_certificate = |wrong: &str| {
            let error = DnsCause(io::Error::other(format!("invalid peer certificate: {wrong}")));
            reach_hint(&error, "api.ecr.eu-west-1.amazonaws.com", NETWORK_HINT)
        };
        assert_eq!(of_certificate("Other(OtherError(CaUsedAsEndEntity))"), CA_HINT);
        assert_eq!(
            of_certificate("certificate not valid for name \"a\"; …"),
            CERTIFICATE_HINT
        );
        let refused = DnsCause(io::Error::from(io::ErrorKind::ConnectionRefused));
        let hint = reach_hint(&refused, "api.ecr.eu-wets-1.amazonaws.com", NETWORK_HINT);
        assert_eq!(hint, NETWORK_HINT);
    }

    /// "No such host is known. (os error 11001)" is all that Windows says.
    #[test]
    fn a_name_that_is_not_found_is_said_on_every_system() {
        let cause = |said: &str| root_cause(&Unresolved(DnsCause(io::Error::other(said.to_owned()))));
        for said in [
            "No such host is known. (os error 11001)",
            "failed to lookup address information: No such host is known. (os error 11001)",
        ] {
            assert_eq!(
                cause(said),
                "failed to lookup address information: No such host is known. (os error 11001)"
            );
            assert_eq!(connection_code(&cause(said)), Code::Dns);
        }
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
            assert_eq!(connection_error_code(cause), Some(family), "{cause}");
        }
        assert_eq!(connection_error_code("AccessDenied: no"), None);
        assert_eq!(connection_code("unexpected end of file"), Code::Connection);
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let shown = |wrong: &str| {
            let error = DnsCause(io::Error::other(format!("invalid peer certificate: {wrong}")));
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
        // A resource that has run out is recognised by more than the words.
        assert_eq!(
            connection_code(&root_cause(&DnsCause(io::Error::other(
                "invalid peer certificate: NotValidYet"
            )))),
            Code::CertificateExpired
        );
    }

    #[test]
    fn the_innermost_cause_is_shown() {
        let refused = DnsCause(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(root_cause(&refused), "the connection was refused");
        let other = DnsCause(io::Error::other("certificate expired"));
        assert_eq!(root_cause(&other), "certificate expired");
    }
}
