//! `CredentialProviderRequest`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::API_VERSION;
use diagnostics::{Code, Error, Result};
use secret::Secret;

const KIND: &str = "CredentialProviderRequest";

/// The kubelet's request: a node of the cluster wants to pull an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeletRequest {
    image: String,
    token: Option<Secret>,
    annotations: BTreeMap<String, String>,
}

/// The request as JSON. Unknown fields are ignored, because requests may grow within v1, as they did with the service account's token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestDocument {
    kind: String,
    api_version: String,
    image: String,
    #[serde(default, deserialize_with = "secret")]
    service_account_token: Option<Secret>,
    #[serde(default)]
    service_account_annotations: Option<BTreeMap<String, String>>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

impl KubeletRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// The text is not JSON, has another kind or version, lacks a field, or its image name is invalid.
    pub fn parse(text: &Secret) -> Result<Self> {
        if text.expose().trim().is_empty() {
            return Err(bad("nothing is on stdin"));
        }
        let document: RequestDocument = serde_json::from_str(text.expose()).map_err(|error| bad(cause(&error)))?;
        for (name, value, wanted) in [
            ("kind", &document.kind, KIND),
            ("apiVersion", &document.api_version, API_VERSION),
        ] {
            if value != wanted {
                return Err(bad(format!("{name} is {value}, and not {wanted}")));
            }
        }
        if !is_image(&document.image) {
            return Err(bad(format!("{:?} is not an image name", document.image)));
        }
        Ok(Self {
            image: document.image,
            // The kubelet leaves out an empty token.
            token: document
                .service_account_token
                .filter(|token| !token.expose().is_empty()),
            annotations: document.service_account_annotations.unwrap_or_default(),
        })
    }

    /// Returns the registry's host in the image's name, with its port if it has one. The kubelet compares it with the response's keys, and calls it
    /// "Registry" in its cache.
    pub fn host(&self) -> &str {
        self.image.split('/').next().unwrap_or_default()
    }

    /// Returns the token of the pod's service account, if the kubelet is configured to send it.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Returns an annotation of the pod's service account, if the kubelet is configured to send it.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }
}

/// Whether a text is an image name. The kubelet sends normalised names without a scheme.
fn is_image(name: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    !name.starts_with('/') && !name.is_empty() && !name.contains("://") && !name.contains(is_odd)
}

/// Returns the cause of a JSON error. serde's message about a wrong type would show the value, which may be a token.
fn cause(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let is_about_a_field = ["missing field", "duplicate field"]
        .iter()
        .any(|start| said.starts_with(start));
    match error.classify() {
        serde_json::error::Category::Data if is_about_a_field => said,
        serde_json::error::Category::Data => {
            format!(
                "a field has the wrong type at line {} column {}",
                error.line(),
                error.column()
            )
        }
        _ => format!(
            "it is not a JSON object: line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

fn bad(cause: impl std::fmt::Display) -> Error {
    Error::failed(Code::KubeletRequest, "the kubelet's request", cause).hint(format!(
        "the kubelet runs this command and feeds it a {KIND} of {API_VERSION}: set that apiVersion in its CredentialProviderConfig"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<KubeletRequest> {
        KubeletRequest::parse(&Secret::new(text))
    }

    fn with(fields: &str) -> Result<KubeletRequest> {
        parse(&format!(r#"{{"kind":"{KIND}","apiVersion":"{API_VERSION}",{fields}}}"#))
    }

    #[test]
    fn hosts_are_as_the_image_has_them() {
        for (image, host) in [
            ("host.example.com/app", "host.example.com"),
            ("Host.example.com:5000/team/app:1", "Host.example.com:5000"),
            ("host.example.com/app@sha256:0123", "host.example.com"),
            ("busybox", "busybox"),
        ] {
            let request = with(&format!(r#""image":"{image}""#)).unwrap();
            assert_eq!(request.host(), host);
        }
    }

    #[test]
    fn a_token_is_there_or_not() {
        let token = |fields: &str| with(&format!(r#""image":"i",{fields}"#)).map(|request| request.token().cloned());
        assert_eq!(token(r#""serviceAccountToken":"jwt""#), Ok(Some(Secret::new("jwt"))));
        assert_eq!(token(r#""serviceAccountToken":"""#), Ok(None));
        assert_eq!(
            token(r#""serviceAccountToken":null,"serviceAccountAnnotations":null"#),
            Ok(None)
        );
    }

    #[test]
    fn values_are_never_shown() {
        for fields in [
            r#""image":"i","serviceAccountAnnotations":"s3cret""#,
            r#""image":"i","serviceAccountAnnotations":{"a":["s3cret"]}"#,
            r#""image":"i","serviceAccountToken":["s3cret"]"#,
            r#""image":"i","serviceAccountToken":"s3cret" x"#,
            r#""image":["s3cret"]"#,
        ] {
            let error = with(fields).unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        let odd = format!("{:?}", with(r#""image":"i","serviceAccountToken":"s3cret""#));
        assert!(!odd.contains("s3cret"), "{odd}");
    }

    #[test]
    fn images_are_names() {
        for odd in [
            "",
            " ",
            "/app",
            "https://host.example.com/app",
            "host.example.com/a b",
            r"host\nx",
        ] {
            assert!(with(&format!(r#""image":"{odd}""#)).is_err(), "{odd}");
        }
    }
}
