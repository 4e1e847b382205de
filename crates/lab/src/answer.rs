//! HTTP answers in the shapes of AWS's protocols.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::random::random_text;

/// Any error, boxed.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer: bytes in memory, or a stream from the registry.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;
/// An HTTP answer of the lab.
pub(crate) type Answer = Response<Body>;

/// The content type of ECR's protocol.
const AWS_JSON: &str = "application/x-amz-json-1.1";

/// An error as a service reports it: status, code, message.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// `WWW-Authenticate` of a registry's 401.
    challenge: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            challenge: None,
        }
    }

    /// A registry's 401: how to authenticate.
    pub(crate) fn challenge(scheme: String) -> Self {
        Self {
            challenge: Some(scheme),
            ..Self::new(401, "UNAUTHORIZED", "Not Authorized")
        }
    }

    /// The error in the JSON 1.1 protocol.
    pub(crate) fn aws_json(&self) -> Answer {
        let body = json!({"__type": self.code, "message": self.message});
        let mut answer = aws_json(self.status, &body);
        insert(&mut answer, "x-amzn-errortype", &self.code);
        answer
    }

    /// The error in OAuth's format (RFC 6749, 5.2).
    pub(crate) fn oauth(&self) -> Answer {
        json(self.status, &json!({"error": self.code}))
    }

    /// The error in the Query protocol, which STS uses.
    pub(crate) fn sts_xml(&self) -> Answer {
        let (code, message) = (escape_xml(&self.code), escape_xml(&self.message));
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let id = request_id();
        xml(
            self.status,
            &format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>{fault}</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>{id}</RequestId>\n</ErrorResponse>\n"
            ),
        )
    }

    /// The error in the format of registries (OCI distribution specification, "Error Codes").
    pub(crate) fn registry(&self) -> Answer {
        let body = json!({"errors": [{"code": self.code, "message": self.message}]});
        let mut answer = json(self.status, &body);
        insert(&mut answer, "docker-distribution-api-version", "registry/2.0");
        if let Some(scheme) = &self.challenge {
            insert(&mut answer, "www-authenticate", scheme);
        }
        answer
    }

    /// The error in the format of the metadata and credential endpoints, which the lab's control endpoint uses too.
    pub(crate) fn plain_json(&self) -> Answer {
        json(self.status, &json!({"code": self.code, "message": self.message}))
    }
}

/// Bytes with a content type.
pub(crate) fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    insert(&mut answer, header::CONTENT_TYPE.as_str(), content_type);
    answer
}

/// Ordinary JSON.
pub(crate) fn json(status: u16, body: &Value) -> Answer {
    bytes(status, "application/json", body.to_string())
}

/// AWS JSON 1.1.
pub(crate) fn aws_json(status: u16, body: &Value) -> Answer {
    let mut answer = bytes(status, AWS_JSON, body.to_string());
    insert(&mut answer, "x-amzn-requestid", &request_id());
    answer
}

/// XML.
pub(crate) fn xml(status: u16, body: &str) -> Answer {
    let mut answer = bytes(status, "text/xml", body.to_owned());
    insert(&mut answer, "x-amzn-requestid", &request_id());
    answer
}

/// Plain text.
pub(crate) fn text(status: u16, body: &str) -> Answer {
    bytes(status, "text/plain", body.to_owned())
}

/// Sets a header. An invalid value is left out.
pub(crate) fn insert(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// A request id in the shape of AWS's.
pub(crate) fn request_id() -> String {
    let part = |length| {
        random_text(length)
            .bytes()
            .map(|b| char::from(b"0123456789abcdef"[usize::from(b % 16)]))
            .collect::<String>()
    };
    format!("{}-{}-{}-{}-{}", part(8), part(4), part(4), part(4), part(12))
}

/// Escapes a text for use inside an XML element.
pub(crate) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
