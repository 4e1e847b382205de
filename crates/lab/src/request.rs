//! Helpers for reading requests: the text of a header, the JSON body of a control request.

use serde::de::DeserializeOwned;

use crate::LabError;
use crate::answer::Refusal;

/// Returns the text of a header, or an empty text if the header is missing or not ASCII.
pub(crate) fn header_text<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Reads the JSON body of a request to the control endpoint.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|cause| Refusal::new(400, "BadRequest", cause.to_string()))
}

/// Returns the refusal of a request that the lab cannot carry out.
pub(crate) fn bad(error: LabError) -> Refusal {
    Refusal::new(400, "BadRequest", error.to_string())
}

/// Returns the refusal of a request to a control that does not exist.
pub(crate) fn unknown() -> Refusal {
    Refusal::new(404, "NotFound", "the lab has no such control: see its README")
}
