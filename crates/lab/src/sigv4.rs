//! Verification of AWS Signature Version 4 in the `Authorization` header, as AWS's services do it.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::clock::{amz_date, parse_amz_date};
use crate::hosts::Partition;
use crate::principals::{Iam, Principal};

/// How far a request's date may be from the service's clock, in seconds.
const ALLOWED_SKEW: i64 = 5 * 60;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All characters except RFC 3986's unreserved characters are percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parts of a request that are signed.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// Path and query as sent.
    pub uri: &'a Uri,
    /// All headers as sent.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request's signature is refused. Services name these differently: see [`Denial::json_code`] and [`Denial::xml_code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// There is no `Authorization` header.
    #[error("Missing Authentication Token")]
    Missing,
    /// The header can't be parsed, or a header is not signed that must be.
    #[error("{0}")]
    Incomplete(String),
    /// The access key or its session token is unknown.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session has expired.
    #[error("The security token included in the request is expired")]
    Expired,
    /// The signature does not match.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// Signed for another time, region or service.
    #[error("{0}")]
    Scope(String),
}

impl Denial {
    /// The error code in the JSON protocols.
    pub fn json_code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Expired => "ExpiredTokenException",
            Self::Mismatch | Self::Scope(_) => "InvalidSignatureException",
        }
    }

    /// The error code in the Query protocol.
    pub fn xml_code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Incomplete(_) => "IncompleteSignature",
            Self::UnknownKey => "InvalidClientTokenId",
            Self::Expired => "ExpiredToken",
            Self::Mismatch | Self::Scope(_) => "SignatureDoesNotMatch",
        }
    }
}

/// The parsed `Authorization` header.
#[derive(Debug)]
struct Authorization {
    key_id: String,
    date: String,
    region: String,
    service: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// The principal and region of a valid signature.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) region: String,
}

/// Verifies a request to a service. `region` is the region in the host name, if that is a name of AWS.
pub(crate) fn verify(
    request: SignedRequest<'_>,
    iam: &Iam,
    now: i64,
    service: &str,
    region: Option<&str>,
) -> Result<Caller, Denial> {
    let authorization = Authorization::read(request.headers)?;
    let known = iam.key(&authorization.key_id).ok_or(Denial::UnknownKey)?;
    authorization.check_scope(service, region)?;
    if Partition::of_region(&authorization.region).name != known.principal.partition {
        return Err(Denial::UnknownKey);
    }
    let date = authorization.check_headers(request.headers, now)?;
    if header(request.headers, "x-amz-security-token") != known.key.session_token.as_deref() {
        return Err(Denial::UnknownKey);
    }
    let expected = signature(
        request,
        &known.key.secret,
        &authorization.region,
        &authorization.service,
        &date,
        &authorization.signed_headers,
    );
    if expected != authorization.signature {
        return Err(Denial::Mismatch);
    }
    if known.key.expires.is_some_and(|expires| expires <= now) {
        return Err(Denial::Expired);
    }
    Ok(Caller {
        principal: known.principal.clone(),
        region: authorization.region,
    })
}

impl Authorization {
    fn read(headers: &HeaderMap) -> Result<Self, Denial> {
        let value = header(headers, "authorization").ok_or(Denial::Missing)?;
        let rest = value
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| Denial::Incomplete(format!("Unsupported AWS 'algorithm': '{value:.20}'.")))?;
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Denial::Incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let scope: Vec<&str> = part("Credential")?.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope[..] else {
            return Err(Denial::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term".into(),
            ));
        };
        Ok(Self {
            key_id: key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            signed_headers: part("SignedHeaders")?.split(';').map(Into::into).collect(),
            signature: part("Signature")?.into(),
        })
    }

    fn check_scope(&self, service: &str, region: Option<&str>) -> Result<(), Denial> {
        if self.service != service {
            return Err(Denial::Scope(format!(
                "Credential should be scoped to correct service: '{service}'. "
            )));
        }
        if region.is_some_and(|region| region != self.region) {
            let message = format!("Credential should be scoped to a valid region, not '{}'. ", self.region);
            return Err(Denial::Scope(message));
        }
        Ok(())
    }

    /// Checks the date, and that all required headers are signed. Returns the date as it was sent.
    fn check_headers(&self, headers: &HeaderMap, now: i64) -> Result<String, Denial> {
        let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
        let unsigned = headers
            .keys()
            .map(|name| name.as_str())
            .find(|name| must_be_signed(name) && !self.signed_headers.iter().any(|signed| signed == name));
        if let Some(name) = unsigned {
            return Err(Denial::Incomplete(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
        let sent = header(headers, "x-amz-date").unwrap_or_default();
        let date = parse_amz_date(sent).ok_or_else(|| {
            Denial::Incomplete("Date must be in ISO-8601 'basic format' in the header 'X-Amz-Date'.".into())
        })?;
        if !sent.starts_with(&self.date) {
            return Err(Denial::Scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{sent}'",
                self.date
            )));
        }
        check_skew(date, now)?;
        Ok(sent.to_owned())
    }
}

fn check_skew(date: i64, now: i64) -> Result<(), Denial> {
    let (date_text, now_text) = (amz_date(date), amz_date(now));
    if date < now - ALLOWED_SKEW {
        let oldest = amz_date(now - ALLOWED_SKEW);
        return Err(Denial::Scope(format!(
            "Signature expired: {date_text} is now earlier than {oldest} ({now_text} - 5 min.)"
        )));
    }
    if date > now + ALLOWED_SKEW {
        let newest = amz_date(now + ALLOWED_SKEW);
        return Err(Denial::Scope(format!(
            "Signature not yet current: {date_text} is still later than {newest} ({now_text} + 5 min.)"
        )));
    }
    Ok(())
}

/// Computes the signature of a request, in lower-case hexadecimal. `date` is the value of `X-Amz-Date`.
pub fn signature(
    request: SignedRequest<'_>,
    secret: &str,
    region: &str,
    service: &str,
    date: &str,
    signed_headers: &[String],
) -> String {
    let day = date.get(..8).unwrap_or_default();
    let canonical = canonical_request(request, signed_headers);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), day);
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part);
    }
    hex(&hmac(&key, &to_sign))
}

fn canonical_request(request: SignedRequest<'_>, signed_headers: &[String]) -> String {
    let headers: String = signed_headers
        .iter()
        .map(|name| format!("{name}:{}\n", canonical_header(request.headers, name)))
        .collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        canonical_path(request.uri.path()),
        canonical_query(request.uri.query().unwrap_or_default()),
        signed_headers.join(";"),
        hex(&Sha256::digest(request.body)),
    )
}

/// Returns the path without dot segments, with each segment encoded once more (as for every service except S3).
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let encoded: Vec<String> = segments
        .iter()
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string())
        .collect();
    let end = if path.ends_with('/') && !encoded.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", encoded.join("/"))
}

fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(name), encode(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Returns all values of a header in order, joined by commas, with runs of blanks replaced by one.
fn canonical_header(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    values.join(",")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hmac(key: &[u8], data: &str) -> Vec<u8> {
    // HMAC accepts keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_once_more() {
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_path("/a%3Db/./c/../d//"), "/a%253Db/d/");
    }

    #[test]
    fn dates_far_off_are_refused() {
        assert_eq!(check_skew(1000, 1300), Ok(()));
        assert!(
            matches!(check_skew(1000, 1301), Err(Denial::Scope(message)) if message.starts_with("Signature expired"))
        );
        assert_eq!(check_skew(1300, 1000), Ok(()));
        assert!(
            matches!(check_skew(1301, 1000), Err(Denial::Scope(message)) if message.starts_with("Signature not yet"))
        );
    }
}
