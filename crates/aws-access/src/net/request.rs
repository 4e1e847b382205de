//! Sends a single request without an SDK, for servers that are not AWS's API.

use std::time::SystemTime;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};

use super::BODY_LIMIT;
use super::cause::{connection_code, reach_hint, root_cause};
use super::transport::{Transport, http_date};
use diagnostics::{Error, Result, without_userinfo};
use secret::Secret;

const NETWORK_HINT: &str = "check the network, DNS, HTTPS_PROXY and NO_PROXY of this machine";

/// The response of a server.
#[derive(Debug)]
pub struct PlainResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it is text. The body of a token endpoint is a secret.
    pub body: Secret,
    headers: Vec<(String, String)>,
}

impl PlainResponse {
    /// Returns the value of a header. Give the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the server's time, from the header `Date`.
    pub fn date(&self) -> Option<SystemTime> {
        http_date(self.header("date")?)
    }
}

/// Returns a request without a body.
///
/// # Errors
/// The text is not a URL, or a header cannot be sent.
pub fn plain_request(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<HttpRequest, HttpError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url)?;
    request.set_method(method)?;
    for (name, value) in headers {
        request
            .headers_mut()
            .try_append((*name).to_owned(), (*value).to_owned())?;
    }
    Ok(request)
}

/// Returns the body of a response, as far as it is text. It may be a secret.
///
/// # Errors
/// The connection broke, or the body is longer than [`BODY_LIMIT`].
pub async fn read_body(response: HttpResponse) -> Result<Secret, BoxError> {
    let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await?;
    Ok(Secret::new(String::from_utf8_lossy(&body.to_bytes())))
}

/// Sends one request without a body, and returns the response of any status.
///
/// # Errors
/// The server cannot be reached.
pub async fn send(transport: &Transport, method: &str, url: &str, headers: &[(&str, &str)]) -> Result<PlainResponse> {
    let shown = without_userinfo(url);
    let failed = |cause: String| {
        Error::failed(connection_code(&cause), format!("cannot reach {shown}"), cause).hint(NETWORK_HINT)
    };
    let request = plain_request(method, url, headers).map_err(|error| failed(root_cause(&error)))?;
    let response = transport.call(request).await.map_err(|error| {
        let host = shown.split("://").nth(1).and_then(|rest| rest.split('/').next());
        failed(root_cause(&error)).hint(reach_hint(&error, host.unwrap_or_default(), NETWORK_HINT))
    })?;
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(PlainResponse {
        status,
        body: read_body(response).await.unwrap_or_default(),
        headers,
    })
}
